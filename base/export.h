/*
 * What every public header needs of the compiler: visibility, C linkage, checked format strings.
 */
#ifndef TWINE_BASE_EXPORT_H
#define TWINE_BASE_EXPORT_H

/** Marks what the library exports; everything else is hidden. */
#if defined(__GNUC__)
#define TW_EXPORT __attribute__((visibility("default")))
#else
#define TW_EXPORT
#endif

/** Lets the compiler check a printf-like function: the number of its format, and of its first
 * argument. */
#if defined(__GNUC__)
#define TW_PRINTF(position, first) __attribute__((__format__(__printf__, position, first)))
#else
#define TW_PRINTF(position, first)
#endif

/** Opens the declarations of a public header. */
#ifdef __cplusplus
#define TW_BEGIN_DECLS extern "C" {
#else
#define TW_BEGIN_DECLS
#endif

/** Closes them again. */
#ifdef __cplusplus
#define TW_END_DECLS }
#else
#define TW_END_DECLS
#endif

#endif

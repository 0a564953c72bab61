/*
 * The library's version.
 */
#ifndef TWINE_BASE_VERSION_H
#define TWINE_BASE_VERSION_H

#include <twine/base/export.h>

TW_BEGIN_DECLS

/** The version of these headers, "major.minor.patch". CMakeLists.txt reads it from here. */
#define TW_VERSION "0.1.0"

/** The version of the library that is loaded. Thread: any. Ownership: static. */
TW_EXPORT const char *tw_version(void);

TW_END_DECLS

#endif

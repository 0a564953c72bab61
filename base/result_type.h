/*
 * A typed face for results: values of one type with one destructor, checked by the compiler.
 *
 *     TW_RESULT_TYPE(digest, struct digest, digest_free)
 *
 *     static void hash(struct tw_result *result, void *path)
 *     {
 *         digest_set(result, digest_of_file(path));
 *     }
 */
#ifndef TWINE_BASE_RESULT_TYPE_H
#define TWINE_BASE_RESULT_TYPE_H

#include <twine/base/result.h>

/**
 * Define, for a file of yours:
 *
 *     void  name_set(result, type *value)    the result owns the value now
 *     type *name_get(result)                 the value, the result's; NULL if it holds a failure
 *     type *name_take(result)                the value, yours to destroy; NULL likewise
 *
 * Whoever gets a value has to know that it is of this type: a result does not keep that.
 *
 * @param destroy_value a function that takes a type *
 */
#define TW_RESULT_TYPE(name, type, destroy_value)                                         \
    __attribute__((unused)) static void name##_destroy_(void *value)                      \
    {                                                                                     \
        destroy_value((type *)value);                                                     \
    }                                                                                     \
    __attribute__((unused)) static void name##_set(struct tw_result *result, type *value) \
    {                                                                                     \
        tw_result_set(result, value, name##_destroy_);                                    \
    }                                                                                     \
    __attribute__((unused)) static type *name##_get(const struct tw_result *result)       \
    {                                                                                     \
        return (type *)tw_result_value(result);                                           \
    }                                                                                     \
    __attribute__((unused)) static type *name##_take(struct tw_result *result)            \
    {                                                                                     \
        return (type *)tw_result_take(result, (tw_destroy_fn *)0);                        \
    }

#endif

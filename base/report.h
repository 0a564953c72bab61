/*
 * What the library tells about by itself: errors nobody handled, and misuse.
 *
 * The library never prints but through the handler set here. The default handler writes one line on
 * stderr.
 */
#ifndef TWINE_BASE_REPORT_H
#define TWINE_BASE_REPORT_H

#include <twine/base/failure.h>

TW_BEGIN_DECLS

/** How bad it is. */
enum tw_report_level {
    TW_REPORT_WARNING = 0,   /**< worth knowing */
    TW_REPORT_UNHANDLED = 1, /**< a failure that nobody handled */
    TW_REPORT_MISUSE = 2     /**< a call that broke its contract, and was refused */
};

/**
 * Takes a report.
 *
 * Thread:  any, and the one where it happened. It must not call back into the object it is about.
 *
 * @param text a sentence
 * @param failure what it is about, or NULL; borrowed
 */
typedef void (*tw_report_fn)(enum tw_report_level level, const char *text,
                             struct tw_failure *failure, void *arg);

/** Send reports to a function of yours; NULL goes back to the default. Thread: setup. */
TW_EXPORT void tw_report_set_handler(tw_report_fn handler, void *arg);

/**
 * Report a call that broke its contract: for add-ons, plug-ins and kinds of worker. Aborts if the
 * environment says TWINE_ABORT_ON_MISUSE=1.
 *
 * Thread:  any.
 * Returns: the error, to be given back by the call.
 */
TW_EXPORT int tw_report_misuse(int error, const char *text);

TW_END_DECLS

#endif

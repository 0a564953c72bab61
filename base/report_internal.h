/*
 * Reporting and misuse, for the library itself.
 */
#ifndef TWINE_BASE_REPORT_INTERNAL_H
#define TWINE_BASE_REPORT_INTERNAL_H

#include <twine/base/report.h>

void tw__report(enum tw_report_level level, const char *text, struct tw_failure *failure);

/* Report a call that broke its contract, and give back the code it is answered with. Aborts if the
 * environment says TWINE_ABORT_ON_MISUSE=1. */
int tw__misuse(int error, const char *text);

#if defined(__clang_analyzer__) /* which cannot see that it gives back what it is given */
#define tw__misuse(error, text) ((void)(text), (error))
#endif

#endif

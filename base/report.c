/*
 * The report hook, set before anything else runs and so read without a lock.
 */
#include <twine/base/report_internal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One write, so that lines of several threads do not mix. */
static void report_on_stderr(enum tw_report_level level, const char *text,
                             struct tw_failure *failure, void *arg)
{
    static const char *const levels[] = {"warning", "unhandled", "misuse"};
    char description[512] = "";
    (void)arg;
    if (failure)
        tw_failure_describe(failure, description, sizeof description);
    fprintf(stderr, "twine: %s: %s%s%s\n", levels[level], text, failure ? ": " : "", description);
}

static tw_report_fn use_handler = report_on_stderr;
static void *use_arg;

void tw_report_set_handler(tw_report_fn handler, void *arg)
{
    use_handler = handler ? handler : report_on_stderr;
    use_arg = handler ? arg : NULL;
}

void tw__report(enum tw_report_level level, const char *text, struct tw_failure *failure)
{
    use_handler(level, text, failure, use_arg);
}

int tw_report_misuse(int error, const char *text)
{
    return tw__misuse(error, text);
}

#undef tw__misuse
int tw__misuse(int error, const char *text)
{
    const char *wish = getenv("TWINE_ABORT_ON_MISUSE");
    tw__report(TW_REPORT_MISUSE, text, NULL);
    if (wish && strcmp(wish, "1") == 0)
        abort();
    return error;
}

/*
 * Reports: where they go, what they say, and what misuse does.
 *
 * Most tests here take the report handler away from the harness, which then sees no report.
 */
#include "../harness.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

SUITE("report")

static struct {
    int count;
    enum tw_report_level level;
    char text[256];
    bool had_failure;
    void *arg;
} seen;

static void take(enum tw_report_level level, const char *text, struct tw_failure *failure,
                 void *arg)
{
    seen.count++;
    seen.level = level;
    snprintf(seen.text, sizeof seen.text, "%s", text);
    seen.had_failure = failure != NULL;
    seen.arg = arg;
}

/* Misuse, unlike PROVOKE's of which the harness's own handler hears nothing here. */
static void misuse(void)
{
    harness_misuse_begin();
    harness_expect_reports(-1);
    CU_ASSERT_EQUAL(tw_test_clock_advance(NULL, 1), -EINVAL);
    harness_misuse_end();
}

/* Runs what writes on stderr, and gives back what it wrote. */
static void catch_stderr(void (*fn)(void), char *buffer, size_t size)
{
    FILE *file = tmpfile();
    int old = dup(2);
    size_t length;
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fflush(stderr);
    dup2(fileno(file), 2);
    fn();
    fflush(stderr);
    dup2(old, 2);
    close(old);
    rewind(file);
    length = fread(buffer, 1, size - 1, file);
    buffer[length] = '\0';
    fclose(file);
}

/* A refused call is reported with level misuse and a sentence that names the function. */
TEST(misuse_is_reported)
{
    PROVOKE(tw_test_clock_advance(NULL, 1));
    CU_ASSERT_EQUAL_FATAL(harness_reports(), 1);
    CU_ASSERT_EQUAL(harness_report(0)->level, TW_REPORT_MISUSE);
    CU_ASSERT_PTR_NOT_NULL(strstr(harness_report(0)->text, "tw_test_clock_advance"));
}

/* A report goes to the handler that was set, with its argument, and nowhere else. */
TEST(a_report_goes_to_the_handler)
{
    char text[256];
    int mine = 0;
    memset(&seen, 0, sizeof seen);
    tw_report_set_handler(take, &mine);
    catch_stderr(misuse, text, sizeof text);
    CU_ASSERT_EQUAL(seen.count, 1);
    CU_ASSERT_EQUAL(seen.level, TW_REPORT_MISUSE);
    CU_ASSERT_NOT_EQUAL(seen.text[0], '\0');
    CU_ASSERT_PTR_EQUAL(seen.arg, &mine);
    CU_ASSERT_STRING_EQUAL(text, "");
}

/* Without a handler a report is one line on stderr. */
TEST(the_default_is_one_line_on_stderr)
{
    char text[256], *end;
    memset(&seen, 0, sizeof seen);
    tw_report_set_handler(NULL, NULL);
    catch_stderr(misuse, text, sizeof text);
    tw_report_set_handler(take, NULL);
    CU_ASSERT_EQUAL(seen.count, 0);
    end = strchr(text, '\n');
    CU_ASSERT_PTR_NOT_NULL_FATAL(end);
    CU_ASSERT_TRUE(end > text);
    CU_ASSERT_EQUAL(end[1], '\0');
}

/* An add-on tells of misuse as the library does, and gets its code back. */
TEST(add_on_tells_of_misuse)
{
    memset(&seen, 0, sizeof seen);
    tw_report_set_handler(take, NULL);
    harness_misuse_begin();
    harness_expect_reports(-1);
    CU_ASSERT_EQUAL(tw_report_misuse(-EDEADLK, "not here"), -EDEADLK);
    harness_misuse_end();
    CU_ASSERT_EQUAL(seen.count, 1);
}

/* Under TWINE_ABORT_ON_MISUSE=1 misuse aborts; without it the call answers and life goes on. */
TEST(misuse_aborts_if_asked_to)
{
    int status = 0;
    pid_t child;
    tw_report_set_handler(take, NULL);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        setenv("TWINE_ABORT_ON_MISUSE", "1", 1);
        signal(SIGABRT, SIG_DFL);
        tw_test_clock_advance(NULL, 1);
        _exit(0);
    }
    CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFSIGNALED(status));
    CU_ASSERT_EQUAL(WTERMSIG(status), SIGABRT);
    misuse();
}

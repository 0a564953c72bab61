/*
 * The lock in the file system: the link, stale ones, and the waiting for it on the test clock. The
 * links are real ones in a folder of the test's own; where a step is to go wrong, or another process
 * to come in between, the system's function is replaced.
 */
#include "trace.h"
#include <sys/stat.h>
#include <sys/wait.h>
#include <twine/deferred/filesystem_lock_internal.h>
#include <unistd.h>

SUITE("filesystem lock")

static char folder[] = "/tmp/twine-lock-XXXXXX";
static char path[64];
static struct tw_reactor *reactor;
static struct tw_filesystem_lock *lock;
static struct tw__filesystem real;

static void set_up(void)
{
    trace_clear();
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/lock", folder);
    real = tw__filesystem;
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    CU_ASSERT_EQUAL_FATAL(tw_filesystem_lock_new(reactor, path, NULL, &lock), 0);
}

static void tear_down(void)
{
    tw__filesystem = real;
    lock = tw_filesystem_lock_unref(lock);
    reactor = tw_reactor_unref(reactor);
    unlink(path);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

/* A link that names a process. */
static void take_as(long pid)
{
    char target[32];
    snprintf(target, sizeof target, "%ld", pid);
    CU_ASSERT_EQUAL_FATAL(symlink(target, path), 0);
}

/* Somebody else, who lives. */
static void take_as_another(void)
{
    take_as((long)getppid());
}

static void give_back(void)
{
    CU_ASSERT_EQUAL(unlink(path), 0);
}

/* The id of a process that has gone. */
static long dead_process(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    return (long)child;
}

static void expect_owner(long pid)
{
    char target[32] = "";
    ssize_t length = readlink(path, target, sizeof target - 1);
    CU_ASSERT(length > 0);
    CU_ASSERT_EQUAL(strtol(target, NULL, 10), pid);
}

static void advance(int64_t duration)
{
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, duration), 0);
}

static struct tw_deferred *defer(int64_t timeout)
{
    struct tw_deferred *deferred = NULL;
    CU_ASSERT_EQUAL_FATAL(tw_filesystem_lock_defer_until_locked(lock, timeout, &deferred), 0);
    settle(deferred, "d");
    return deferred;
}

/* --- the link --------------------------------------------------------------------------------- */

/* FSL-001: the lock is a symbolic link to the process id. */
TEST(FSL_001_a_link_to_the_process_id)
{
    set_up();
    CU_ASSERT_FALSE(tw_filesystem_lock_is_locked(lock));
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), 1);
    CU_ASSERT_TRUE(tw_filesystem_lock_is_locked(lock));
    CU_ASSERT_TRUE(tw_filesystem_lock_is_clean(lock));
    expect_owner((long)getpid());
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), 0); /* this process lives too */
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    tear_down();
}

static int kill_eperm(pid_t pid, int signal)
{
    (void)pid;
    (void)signal;
    errno = EPERM;
    return -1;
}

/* FSL-002: while its process lives it cannot be had; also if that is another user's. */
TEST(FSL_002_held_by_a_living_process)
{
    set_up();
    take_as_another();
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), 0);
    tw__filesystem.kill = kill_eperm;
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), 0);
    CU_ASSERT_FALSE(tw_filesystem_lock_is_locked(lock));
    expect_owner((long)getppid());
    tear_down();
}

/* FSL-003: a link whose process has gone is broken. */
TEST(FSL_003_a_stale_link_is_broken)
{
    set_up();
    take_as(dead_process());
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), 1);
    CU_ASSERT_TRUE(tw_filesystem_lock_is_locked(lock));
    CU_ASSERT_FALSE(tw_filesystem_lock_is_clean(lock));
    expect_owner((long)getpid());
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), 1);
    CU_ASSERT_TRUE(tw_filesystem_lock_is_clean(lock));
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    tear_down();
}

static int calls; /* of the function that is replaced */

static ssize_t readlink_too_late(const char *which, char *buffer, size_t size)
{
    if (calls++ == 0)
        give_back();
    return real.readlink(which, buffer, size);
}

static int unlink_too_late(const char *which)
{
    if (calls++ == 0)
        give_back();
    return real.unlink(which);
}

/* FSL-004: if it goes between the steps, the attempt begins anew. */
TEST(FSL_004_it_goes_between_the_steps)
{
    set_up();
    calls = 0;
    take_as_another();
    tw__filesystem.readlink = readlink_too_late;
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), 1);
    CU_ASSERT_TRUE(tw_filesystem_lock_is_clean(lock));
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    tw__filesystem = real;
    calls = 0;
    take_as(dead_process());
    tw__filesystem.unlink = unlink_too_late;
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), 1);
    CU_ASSERT_TRUE(tw_filesystem_lock_is_clean(lock)); /* another broke it */
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    tear_down();
}

/* Another process has broken the stale link meanwhile and has the lock. */
static int kill_and_be_overtaken(pid_t pid, int signal)
{
    int rc = real.kill(pid, signal);
    int error = errno;
    if (calls++ == 0) {
        give_back();
        take_as_another();
    }
    errno = error;
    return rc;
}

/* FSL-004: one that has broken the stale link first keeps the lock (in Twisted both would have
 * it). */
TEST(FSL_004_another_breaks_it_first)
{
    set_up();
    calls = 0;
    take_as(dead_process());
    tw__filesystem.kill = kill_and_be_overtaken;
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), 0);
    expect_owner((long)getppid());
    tear_down();
}

static int fails(void)
{
    errno = EIO;
    return -1;
}

static int symlink_fails(const char *target, const char *which)
{
    (void)target;
    (void)which;
    return fails();
}

static ssize_t readlink_fails(const char *which, char *buffer, size_t size)
{
    (void)which;
    (void)buffer;
    (void)size;
    return fails();
}

static int unlink_fails(const char *which)
{
    (void)which;
    return fails();
}

static int kill_fails(pid_t pid, int signal)
{
    (void)pid;
    (void)signal;
    return fails();
}

/* FSL-005: other errors of the system come out. */
TEST(FSL_005_errors_of_the_system)
{
    struct tw_filesystem_lock *nowhere = NULL;
    set_up();
    CU_ASSERT_EQUAL(tw_filesystem_lock_new(reactor, "/nowhere/at/all", NULL, &nowhere), 0);
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(nowhere), -ENOENT);
    tw_filesystem_lock_unref(nowhere);
    tw__filesystem.symlink = symlink_fails;
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), -EIO);
    tw__filesystem = real;
    take_as(dead_process());
    tw__filesystem.readlink = readlink_fails;
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), -EIO);
    tw__filesystem = real;
    tw__filesystem.unlink = unlink_fails;
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), -EIO);
    tw__filesystem = real;
    tw__filesystem.kill = kill_fails;
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), -EIO);
    CU_ASSERT_FALSE(tw_filesystem_lock_is_locked(lock));
    tear_down();
}

static void take_as_text(const char *target)
{
    CU_ASSERT_EQUAL_FATAL(symlink(target, path), 0);
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), -EBADMSG);
    give_back();
}

/* FSL-005: so does that what is there is no lock. */
TEST(FSL_005_what_is_there_is_no_lock)
{
    FILE *file;
    set_up();
    take_as_text("elsewhere");
    take_as_text("12x");
    take_as_text("-5");
    take_as_text("0");
    take_as_text("99999999999999999999999");
    take_as_text("1234567890123456789012345678901234567890");
    file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fclose(file);
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), -EBADMSG);
    tear_down();
}

/* FSL-006: unlock removes the link if it is ours. */
TEST(FSL_006_unlock)
{
    set_up();
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), -ENOENT);
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(lock), 1);
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    CU_ASSERT_FALSE(tw_filesystem_lock_is_locked(lock));
    CU_ASSERT_EQUAL(access(path, F_OK), -1);
    take_as_another();
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), -EPERM);
    expect_owner((long)getppid());
    tear_down();
}

/* FSL-007: asking whether it is held takes it and gives it back. */
TEST(FSL_007_is_held)
{
    struct stat gone;
    set_up();
    CU_ASSERT_EQUAL(tw_filesystem_lock_is_held(path), 0);
    CU_ASSERT_EQUAL(lstat(path, &gone), -1);
    take_as_another();
    CU_ASSERT_EQUAL(tw_filesystem_lock_is_held(path), 1);
    CU_ASSERT_EQUAL(tw_filesystem_lock_is_held("/nowhere/at/all"), -ENOENT);
    PROVOKE(tw_filesystem_lock_is_held(NULL));
    tear_down();
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* FSL-008: if it is free the Deferred has fired on return, with null. */
TEST(FSL_008_fired_at_once_if_free)
{
    set_up();
    tw_deferred_unref(defer(TW_FOREVER));
    TRACED("d=0 ");
    CU_ASSERT_TRUE(tw_filesystem_lock_is_locked(lock));
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    tear_down();
}

/* FSL-009: otherwise it is tried again every second. */
TEST(FSL_009_retries_every_second)
{
    set_up();
    take_as_another();
    tw_deferred_unref(defer(TW_FOREVER));
    advance(TW_SECOND);
    advance(TW_SECOND);
    TRACED("");
    give_back();
    advance(TW_SECOND - 1);
    TRACED("");
    advance(1);
    TRACED("d=0 ");
    CU_ASSERT_TRUE(tw_filesystem_lock_is_locked(lock));
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    tear_down();
}

/* FSL-009: or at the interval one likes. */
TEST(FSL_009_interval)
{
    struct tw_filesystem_lock_options options = {.size = sizeof options, .interval = 20};
    set_up();
    tw_filesystem_lock_unref(lock);
    CU_ASSERT_EQUAL_FATAL(tw_filesystem_lock_new(reactor, path, &options, &lock), 0);
    take_as_another();
    tw_deferred_unref(defer(TW_FOREVER));
    give_back();
    advance(19);
    TRACED("");
    advance(1);
    TRACED("d=0 ");
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    tear_down();
}

static void see_timeout(struct tw_result *result, void *arg)
{
    const char *message = tw_failure_message(tw_result_failure(result));
    (void)arg;
    CU_ASSERT_TRUE(tw_failure_is(tw_result_failure(result), &TW_ERROR_TIMEOUT));
    CU_ASSERT_PTR_NOT_NULL(strstr(message, path));
    CU_ASSERT_PTR_NOT_NULL(strstr(message, "2.5 s"));
}

/* FSL-010: with a timeout it fails when that is over, and says what was not to be had. */
TEST(FSL_010_timeout)
{
    struct tw_deferred *deferred = NULL;
    set_up();
    take_as_another();
    CU_ASSERT_EQUAL(tw_filesystem_lock_defer_until_locked(lock, 5 * TW_SECOND / 2, &deferred), 0);
    tw_deferred_add_both(deferred, see_timeout, NULL, NULL);
    settle(deferred, "d");
    advance(TW_SECOND);
    advance(TW_SECOND);
    TRACED("");
    advance(TW_SECOND / 2);
    TRACED("d!110 ");
    give_back();
    advance(TW_SECOND);
    CU_ASSERT_FALSE(tw_filesystem_lock_is_locked(lock));
    tw_deferred_unref(deferred);
    tear_down();
}

/* FSL-010: it is tried a last time at that moment. */
TEST(FSL_010_last_try_at_the_timeout)
{
    set_up();
    take_as_another();
    tw_deferred_unref(defer(TW_SECOND / 2));
    give_back();
    advance(TW_SECOND / 2);
    TRACED("d=0 ");
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    tear_down();
}

/* FSL-011: a second wait through the same object fails at once; the first is undisturbed. */
TEST(FSL_011_one_at_a_time)
{
    struct tw_deferred *first, *second;
    set_up();
    take_as_another();
    first = defer(TW_FOREVER);
    second = defer(TW_FOREVER);
    TRACED("d!114 ");
    give_back();
    advance(TW_SECOND);
    TRACED("d=0 ");
    tw_deferred_unref(first);
    tw_deferred_unref(second);
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    tear_down();
}

/* FSL-012: it can be used again and again. */
TEST(FSL_012_reusable)
{
    int i;
    set_up();
    for (i = 0; i < 3; i++) {
        take_as_another();
        tw_deferred_unref(defer(5 * TW_SECOND));
        give_back();
        advance(TW_SECOND);
        TRACED("d=0 ");
        CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    }
    tear_down();
}

/* FSL-013: a cancel stops both timers. */
TEST(FSL_013_cancel)
{
    struct tw_deferred *deferred;
    set_up();
    take_as_another();
    deferred = defer(5 * TW_SECOND);
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    TRACED("d!125 ");
    give_back();
    advance(10 * TW_SECOND);
    TRACED("");
    CU_ASSERT_FALSE(tw_filesystem_lock_is_locked(lock));
    tw_deferred_unref(deferred);
    tear_down();
}

/* FSL-013: and tries a last time. */
TEST(FSL_013_last_try_at_the_cancel)
{
    struct tw_deferred *deferred;
    set_up();
    take_as_another();
    deferred = defer(TW_FOREVER);
    give_back();
    CU_ASSERT_EQUAL(tw_deferred_cancel(deferred), 0);
    TRACED("d=0 ");
    CU_ASSERT_TRUE(tw_filesystem_lock_is_locked(lock));
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    tw_deferred_unref(deferred);
    tear_down();
}

/* FSL-014, FSL-016: a timeout does not outlive its wait, whether that ended well or not: the next
 * one has its own. */
TEST(FSL_014_success_ends_the_timeout)
{
    set_up();
    take_as_another();
    tw_deferred_unref(defer(3 * TW_SECOND));
    give_back();
    advance(TW_SECOND);
    TRACED("d=0 ");
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    take_as_another();
    tw_deferred_unref(defer(TW_FOREVER));
    advance(10 * TW_SECOND);
    TRACED("");
    give_back();
    advance(TW_SECOND);
    TRACED("d=0 ");
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
    tear_down();
}

/* FSL-016: after one that timed out the next one times out, too. */
TEST(FSL_016_times_out_again)
{
    int i;
    set_up();
    take_as_another();
    for (i = 0; i < 3; i++) {
        tw_deferred_unref(defer(2 * TW_SECOND));
        advance(TW_SECOND);
        TRACED("");
        advance(TW_SECOND);
        TRACED("d!110 ");
    }
    tear_down();
}

/* FSL-005: an error while it waits fails it. */
TEST(FSL_005_error_while_it_waits)
{
    set_up();
    take_as_another();
    tw_deferred_unref(defer(TW_FOREVER));
    tw__filesystem.readlink = readlink_fails;
    advance(TW_SECOND);
    TRACED("d!5 ");
    advance(TW_SECOND);
    tear_down();
}

/* When the object goes the wait is abandoned; when the reactor does, it fails as shut down. */
TEST(what_it_stands_on_goes)
{
    set_up();
    take_as_another();
    tw_deferred_unref(defer(TW_SECOND));
    lock = tw_filesystem_lock_unref(lock);
    TRACED("d!32 ");
    CU_ASSERT_EQUAL_FATAL(tw_filesystem_lock_new(reactor, path, NULL, &lock), 0);
    tw_deferred_unref(defer(TW_SECOND));
    reactor = tw_reactor_unref(reactor);
    TRACED("d!108 ");
    tear_down();
}

TEST(misuse_is_refused)
{
    struct tw_filesystem_lock_options options = {.size = 1};
    struct tw_filesystem_lock *none = NULL;
    struct tw_deferred *deferred = NULL;
    set_up();
    PROVOKE(tw_filesystem_lock_new(reactor, NULL, NULL, &none));
    PROVOKE(tw_filesystem_lock_new(reactor, "", NULL, &none));
    PROVOKE(tw_filesystem_lock_new(reactor, path, NULL, NULL));
    PROVOKE(tw_filesystem_lock_new(reactor, path, &options, &none));
    PROVOKE(tw_filesystem_lock_lock(NULL));
    PROVOKE(tw_filesystem_lock_unlock(NULL));
    PROVOKE(tw_filesystem_lock_defer_until_locked(lock, -1, &deferred));
    CU_ASSERT_EQUAL(tw_filesystem_lock_new(NULL, path, NULL, &none), 0);
    PROVOKE(tw_filesystem_lock_defer_until_locked(none, 1, &deferred));
    CU_ASSERT_EQUAL(tw_filesystem_lock_lock(none), 1);
    CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(none), 0);
    CU_ASSERT_PTR_NULL(tw_filesystem_lock_ref(NULL));
    tw_filesystem_lock_unref(none);
    tear_down();
}

static int kill_esrch(pid_t pid, int signal)
{
    (void)pid;
    (void)signal;
    errno = ESRCH;
    return -1;
}

/* Without memory the wait is refused or fails, and the lock is then not held. */
SWEEP(failing_allocations)
{
    struct tw_deferred *deferred = NULL;
    int rc;
    trace_clear();
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/lock", folder);
    real = tw__filesystem;
    reactor = NULL;
    lock = NULL;
    take_as_another();
    if (tw_test_clock_reactor_new(&reactor) == 0 &&
        tw_filesystem_lock_new(reactor, path, NULL, &lock) == 0) {
        rc = tw_filesystem_lock_defer_until_locked(lock, 3 * TW_SECOND, &deferred);
        CU_ASSERT_EQUAL(rc < 0, !deferred);
        if (rc == 0)
            settle(deferred, "d");
        advance(TW_SECOND);
        tw__filesystem.kill = kill_esrch; /* breaking it needs memory as well */
        advance(TW_SECOND);
        CU_ASSERT(rc < 0 || tw_deferred_is_called(deferred));
        if (tw_filesystem_lock_is_locked(lock))
            CU_ASSERT_EQUAL(tw_filesystem_lock_unlock(lock), 0);
        tw_deferred_unref(deferred);
    }
    tear_down();
    trace_clear();
}

/*
 * Descriptors, on libevent: pipes whose ends the test reads and writes itself.
 */
#include "../harness.h"
#include <unistd.h>

SUITE("descriptor")

static struct tw_reactor *reactor;
static int ends[2]; /* of a pipe: to read, to write */
static char text[256];
static struct tw_descriptor *reader, *writer;

static int on_read(struct tw_descriptor *descriptor, void *arg)
{
    char byte = '?';
    (void)arg;
    if (read(tw_descriptor_fd(descriptor), &byte, 1) == 0)
        return -EPIPE;
    strncat(text, &byte, 1);
    return 0;
}

static int on_write(struct tw_descriptor *descriptor, void *arg)
{
    (void)arg;
    strcat(text, "w");
    return tw_reactor_remove_writer(reactor, descriptor);
}

static void on_lost(struct tw_descriptor *descriptor, int error, void *arg)
{
    (void)descriptor;
    (void)arg;
    strcat(text, error == -EPIPE ? "lost " : error == -ESHUTDOWN ? "shut down " : "? ");
}

static const struct tw_descriptor_fns fns = {sizeof fns, on_read, on_write, on_lost};

#define WROTE(expected)                         \
    do {                                        \
        CU_ASSERT_STRING_EQUAL(text, expected); \
        text[0] = '\0';                         \
    } while (0)

static void set_up(void)
{
    text[0] = '\0';
    CU_ASSERT_EQUAL_FATAL(tw_reactor_new("libevent", &reactor), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    CU_ASSERT_EQUAL_FATAL(tw_descriptor_new(ends[0], &fns, NULL, NULL, &reader), 0);
    CU_ASSERT_EQUAL_FATAL(tw_descriptor_new(ends[1], &fns, NULL, NULL, &writer), 0);
}

static void tear_down(void)
{
    reader = tw_descriptor_unref(reader);
    writer = tw_descriptor_unref(writer);
    reactor = tw_reactor_unref(reactor);
    close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
}

static void send_bytes(const char *bytes)
{
    CU_ASSERT_EQUAL(write(ends[1], bytes, strlen(bytes)), (ssize_t)strlen(bytes));
}

static void turn(void)
{
    CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
}

static void turn_often(void)
{
    int i;
    for (i = 0; i < 10; i++)
        turn();
}

/* FDS-001: what was added is called on the loop's thread when it is ready. */
TEST(FDS_001_called_when_ready)
{
    set_up();
    CU_ASSERT_EQUAL(tw_descriptor_fd(reader), ends[0]);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, reader), 0);
    turn();
    WROTE("");
    send_bytes("a");
    turn_often();
    WROTE("a");
    CU_ASSERT_EQUAL(tw_reactor_add_writer(reactor, writer), 0);
    turn_often();
    WROTE("w");
    tear_down();
}

/* FDS-002: again and again while readiness lasts. */
TEST(FDS_002_level_triggered)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, reader), 0);
    send_bytes("abc");
    turn_often();
    WROTE("abc");
    tear_down();
}

/* FDS-003: added twice is added once. */
TEST(FDS_003_added_twice_is_once)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, reader), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, reader), 0);
    CU_ASSERT_EQUAL(tw_reactor_readers(reactor, NULL, 0), 1);
    CU_ASSERT_EQUAL(tw_reactor_remove_reader(reactor, reader), 0);
    send_bytes("a");
    turn_often();
    WROTE("");
    tear_down();
}

static struct tw_descriptor *both[2]; /* two that are ready at once */

static int remove_both(struct tw_descriptor *descriptor, void *arg)
{
    (void)descriptor;
    (void)arg;
    strcat(text, "r");
    CU_ASSERT_EQUAL(tw_reactor_remove_reader(reactor, both[0]), 0);
    CU_ASSERT_EQUAL(tw_reactor_remove_reader(reactor, both[1]), 0);
    return 0;
}

/* FDS-004: after it was removed it is not called, not even if it was ready in the same turn; one that
 * is absent may be removed. */
TEST(FDS_004_removed_within_a_turn)
{
    static const struct tw_descriptor_fns removing = {sizeof removing, remove_both, NULL, on_lost};
    int others[2];
    set_up();
    CU_ASSERT_EQUAL_FATAL(pipe(others), 0);
    CU_ASSERT_EQUAL(tw_descriptor_new(ends[0], &removing, NULL, NULL, &both[0]), 0);
    CU_ASSERT_EQUAL(tw_descriptor_new(others[0], &removing, NULL, NULL, &both[1]), 0);
    CU_ASSERT_EQUAL(tw_reactor_remove_reader(reactor, both[0]), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, both[0]), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, both[1]), 0);
    send_bytes("a");
    CU_ASSERT_EQUAL(write(others[1], "b", 1), 1);
    turn_often();
    WROTE("r");
    tw_descriptor_unref(both[0]);
    tw_descriptor_unref(both[1]);
    close(others[0]);
    close(others[1]);
    tear_down();
}

/* FDS-005: those that are waited for can be listed. */
TEST(FDS_005_lists)
{
    struct tw_descriptor *listed[2] = {NULL, NULL};
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_readers(reactor, listed, 2), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, reader), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_writer(reactor, writer), 0);
    CU_ASSERT_EQUAL(tw_reactor_readers(reactor, listed, 2), 1);
    CU_ASSERT_PTR_EQUAL(listed[0], reader);
    CU_ASSERT_EQUAL(tw_reactor_writers(reactor, listed, 2), 1);
    CU_ASSERT_PTR_EQUAL(listed[0], writer);
    CU_ASSERT_PTR_NULL(listed[1]);
    CU_ASSERT_EQUAL(tw_reactor_writers(reactor, NULL, 0), 1);
    tear_down();
}

/* FDS-006: removing all gives each once; what the reactor waits for itself stays. */
TEST(FDS_006_remove_all)
{
    struct tw_descriptor *removed[3] = {NULL, NULL, NULL};
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, reader), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_writer(reactor, writer), 0);
    CU_ASSERT_EQUAL(tw_reactor_remove_all(reactor, removed, 3), 2);
    CU_ASSERT_PTR_EQUAL(removed[0], reader);
    CU_ASSERT_PTR_EQUAL(removed[1], writer);
    tw_descriptor_unref(removed[0]);
    tw_descriptor_unref(removed[1]);
    CU_ASSERT_EQUAL(tw_reactor_remove_all(reactor, removed, 3), 0);
    send_bytes("a");
    turn_often();
    WROTE("");
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, reader), 0);
    CU_ASSERT_EQUAL(tw_reactor_remove_all(reactor, NULL, 0), 1);
    tear_down();
}

/* FDS-007: an error from its function removes it, and tells it that it is lost. */
TEST(FDS_007_error_removes_it)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, reader), 0);
    send_bytes("a");
    close(ends[1]);
    ends[1] = -1;
    turn_often();
    WROTE("alost ");
    CU_ASSERT_EQUAL(tw_reactor_readers(reactor, NULL, 0), 0);
    tear_down();
}

static void stop(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(tw_reactor_stop(reactor), 0);
}

/* RCT-029: a shutdown tells each that it is lost, during it, whatever another of them does. */
static void remove_in_lost(struct tw_descriptor *descriptor, int error, void *arg)
{
    on_lost(descriptor, error, arg);
    CU_ASSERT_FALSE(tw_reactor_is_running(reactor));
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, reader), -ESHUTDOWN);
    CU_ASSERT_EQUAL(tw_reactor_remove_reader(reactor, reader), 0);
}

TEST(RCT_029_lost_at_shutdown)
{
    static const struct tw_descriptor_fns ending = {sizeof ending, on_read, NULL, remove_in_lost};
    struct tw_descriptor *other = NULL;
    set_up();
    CU_ASSERT_EQUAL(tw_descriptor_new(ends[0], &ending, NULL, NULL, &other), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, other), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    WROTE("shut down ");
    tw_descriptor_unref(other);
    tear_down();
}

/* FDS-010: so do all of them hear of it. */
TEST(FDS_010_all_are_lost_at_shutdown)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, reader), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, writer), 0);
    CU_ASSERT_EQUAL(tw_reactor_call_from_thread(reactor, stop, NULL, NULL), 0);
    CU_ASSERT_EQUAL(tw_reactor_run(reactor), 0);
    WROTE("shut down shut down ");
    CU_ASSERT_EQUAL(tw_reactor_readers(reactor, NULL, 0), 0);
    tear_down();
}

/* The same descriptor may be waited for in both ways, and one of them be removed. */
TEST(FDS_004_one_way_of_two)
{
    set_up();
    CU_ASSERT_EQUAL(tw_reactor_add_writer(reactor, writer), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, writer), 0);
    turn_often();
    WROTE("w");
    CU_ASSERT_EQUAL(tw_reactor_readers(reactor, NULL, 0), 1);
    CU_ASSERT_EQUAL(tw_reactor_writers(reactor, NULL, 0), 0);
    tear_down();
}

/* What cannot be is refused; a reactor that goes lets go of them and says nothing. */
TEST(FDS_008_what_is_none_is_refused)
{
    static const struct tw_descriptor_fns deaf = {sizeof deaf, NULL, on_write, NULL},
                                          none = {sizeof none, NULL, NULL, NULL};
    struct tw_descriptor *made = NULL, *file = NULL;
    struct tw_reactor *other = NULL;
    int destroyed = 0;
    set_up();
    PROVOKE(tw_descriptor_new(-1, &fns, &destroyed, count_destroy, &made));
    PROVOKE(tw_descriptor_new(ends[0], &none, &destroyed, count_destroy, &made));
    PROVOKE(tw_descriptor_new(ends[0], NULL, &destroyed, count_destroy, &made));
    CU_ASSERT_EQUAL(destroyed, 3);
    CU_ASSERT_EQUAL(tw_descriptor_new(ends[0], &deaf, &destroyed, count_destroy, &made), 0);
    PROVOKE(tw_reactor_add_reader(reactor, made));
    PROVOKE(tw_reactor_add_writer(NULL, made));
    PROVOKE(tw_reactor_remove_reader(reactor, NULL));
    CU_ASSERT_EQUAL(tw_descriptor_new(STDIN_FILENO + 1000, &fns, NULL, NULL, &file), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, file), -EBADF);
    CU_ASSERT_EQUAL(tw_reactor_readers(reactor, NULL, 0), 0);
    CU_ASSERT_EQUAL(tw_test_clock_reactor_new(&other), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(other, reader), -ENOTSUP);
    CU_ASSERT_EQUAL(tw_reactor_remove_reader(other, reader), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(reactor, reader), 0);
    CU_ASSERT_EQUAL(tw_reactor_add_reader(other, reader), -EBUSY);
    tw_reactor_unref(other);
    tw_descriptor_unref(file);
    tw_descriptor_unref(made);
    tear_down();
    CU_ASSERT_EQUAL(destroyed, 4);
    WROTE("");
}

/* Out of memory it is not waited for, and can be used on. */
SWEEP(FDS_001_when_memory_is_short)
{
    int rc, both_ways;
    text[0] = '\0';
    reader = NULL;
    if (tw_reactor_new("libevent", &reactor) < 0) {
        CU_ASSERT_TRUE(harness_failed_one());
        return;
    }
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    rc = tw_descriptor_new(ends[0], &fns, NULL, NULL, &reader);
    CU_ASSERT(rc == 0 || (rc == -ENOMEM && harness_failed_one()));
    if (rc == 0) {
        rc = tw_reactor_add_reader(reactor, reader);
        CU_ASSERT(rc == 0 || (rc == -ENOMEM && harness_failed_one()));
        both_ways = tw_reactor_add_writer(reactor, reader);
        CU_ASSERT_EQUAL(tw_reactor_readers(reactor, NULL, 0), rc == 0);
        CU_ASSERT_EQUAL(tw_reactor_writers(reactor, NULL, 0), both_ways == 0);
    }
    tear_down();
}

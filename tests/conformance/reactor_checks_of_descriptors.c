/*
 * What every reactor that has descriptors promises of them, tried on pairs of sockets.
 */
#include "stage_internal.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 64

/* --- a descriptor ------------------------------------------------------------------------------- */

/* Takes one byte, and notes it. */
static int take_byte(struct tw_descriptor *descriptor, void *arg)
{
    struct stage *stage = (struct stage *)arg;
    char byte = '?';
    if (read(tw_descriptor_fd(descriptor), &byte, 1) == 0)
        return -EPIPE;
    note(letter(stage, byte));
    return 0;
}

/* Notes that it is writable, once. */
static int be_writable(struct tw_descriptor *descriptor, void *arg)
{
    struct stage *stage = (struct stage *)arg;
    note(letter(stage, 'w'));
    return tw_reactor_remove_writer(stage->reactor, descriptor);
}

static void be_lost(struct tw_descriptor *descriptor, int error, void *arg)
{
    char name = '?';
    (void)descriptor;
    if (error == -EPIPE)
        name = 'l';
    else if (error == -ESHUTDOWN)
        name = 's';
    note(letter((struct stage *)arg, name));
}

static const struct tw_descriptor_fns fns = {sizeof fns, take_byte, be_writable, be_lost};

static int make(struct stage *stage, size_t index, int fd, const struct tw_descriptor_fns *with)
{
    int rc = tw_descriptor_new(fd, with, stage, NULL, &stage->descriptors[index]);
    EXPECT(stage, rc == 0, "a descriptor could not be made");
    return rc;
}

/* Two ends, with a descriptor on the first. */
static bool set_up(struct stage *stage)
{
    bool is_there = socketpair(AF_UNIX, SOCK_STREAM, 0, stage->ends) == 0;
    EXPECT(stage, is_there, "there are no sockets to try it");
    return is_there && make(stage, 0, stage->ends[0], &fns) == 0;
}

static void add_reader(struct stage *stage, size_t index)
{
    int rc = tw_reactor_add_reader(stage->reactor, stage->descriptors[index]);
    EXPECT(stage, rc == 0, "a reader could not be added");
}

static void add_writer(struct stage *stage, size_t index)
{
    int rc = tw_reactor_add_writer(stage->reactor, stage->descriptors[index]);
    EXPECT(stage, rc == 0, "a writer could not be added");
}

static void remove_reader(struct stage *stage, size_t index)
{
    int rc = tw_reactor_remove_reader(stage->reactor, stage->descriptors[index]);
    EXPECT(stage, rc == 0, "a reader could not be removed");
}

static void send_bytes(struct stage *stage, int end, const char *bytes, size_t count)
{
    EXPECT(stage, write(stage->ends[end], bytes, count) == (ssize_t)count,
           "there are no sockets to try it");
}

static void close_end(struct stage *stage, int end)
{
    close(stage->ends[end]);
    stage->ends[end] = -1;
}

/* --- readiness ----------------------------------------------------------------------------------- */

static void called_when_ready(struct stage *stage)
{
    if (!set_up(stage))
        return;
    add_reader(stage, 0);
    stage_turn_often(stage);
    stage_expect(stage, "", "a descriptor was called before it was ready");
    send_bytes(stage, 1, "a", 1);
    stage_await(stage, 1);
    add_writer(stage, 0);
    stage_await(stage, 2);
    stage_turn_often(stage);
    stage_expect(stage, "aw", "a descriptor was not called for what it was asked, or called again");
    send_bytes(stage, 1, "b", 1);
    stage_await(stage, 3);
}

static void *send_later(void *arg)
{
    struct stage *stage = (struct stage *)arg;
    (void)!write(stage->ends[1], "a", 1);
    return NULL;
}

static void wakes_a_loop_that_waits(struct stage *stage)
{
    pthread_t thread;
    if (!set_up(stage))
        return;
    add_reader(stage, 0);
    stage_turn_often(stage);
    thread = stage_thread(stage, send_later);
    stage_await(stage, 1);
    pthread_join(thread, NULL);
}

static void while_it_is_ready(struct stage *stage)
{
    if (!set_up(stage))
        return;
    add_reader(stage, 0);
    add_reader(stage, 0);
    send_bytes(stage, 1, "abc", 3);
    stage_await(stage, 3);
    stage_turn_often(stage);
    stage_expect(stage, "abc", "a descriptor was not called again while it is ready");
}

static int remove_both(struct tw_descriptor *descriptor, void *arg)
{
    struct stage *stage = (struct stage *)arg;
    (void)descriptor;
    note(letter(stage, 'a'));
    remove_reader(stage, 0);
    remove_reader(stage, 1);
    return 0;
}

static void not_after_it_was_removed(struct stage *stage)
{
    static const struct tw_descriptor_fns removing = {sizeof removing, remove_both, NULL, NULL};
    bool is_there = socketpair(AF_UNIX, SOCK_STREAM, 0, stage->ends) == 0;
    EXPECT(stage, is_there, "there are no sockets to try it");
    if (!is_there || make(stage, 0, stage->ends[0], &removing) < 0 ||
        make(stage, 1, stage->ends[1], &removing) < 0)
        return;
    send_bytes(stage, 0, "x", 1);
    send_bytes(stage, 1, "x", 1);
    add_reader(stage, 0);
    add_reader(stage, 1);
    stage_await(stage, 1);
    stage_turn_often(stage);
    stage_expect(stage, "a", "a descriptor was called after it was removed");
}

/* Of what is not asked any more it is ready for writing at first, and then for reading. */
static void removed_it_is_quiet(struct stage *stage)
{
    size_t before;
    if (!set_up(stage))
        return;
    add_reader(stage, 0);
    add_writer(stage, 0);
    stage_await(stage, 1);
    stage_turn_often(stage);
    before = stage->turns;
    stage_pass_time(stage, 20 * TW_MILLISECOND);
    send_bytes(stage, 1, "ab", 2);
    stage_await(stage, 2);
    remove_reader(stage, 0);
    stage_pass_time(stage, 20 * TW_MILLISECOND);
    EXPECT(stage, stage->turns - before <= 40, "a descriptor that was removed keeps the loop busy");
    add_reader(stage, 0);
    stage_await(stage, stage->count + 1);
    stage_turn_often(stage);
    stage_expect(stage, "wab", "a descriptor was called for what it is not asked, or not again");
}

static void a_number_may_be_another_ones(struct stage *stage)
{
    int number, fresh[2];
    if (!set_up(stage))
        return;
    add_reader(stage, 0);
    stage_turn_often(stage);
    remove_reader(stage, 0);
    number = stage->ends[0];
    close_end(stage, 0);
    close_end(stage, 1);
    if (pipe(fresh) < 0)
        return;
    stage->ends[0] = fresh[0];
    stage->ends[1] = fresh[1];
    if (fresh[0] == number && make(stage, 1, number, &fns) == 0) {
        add_reader(stage, 1);
        send_bytes(stage, 1, "a", 1);
        stage_await(stage, 1);
    }
}

static void many_at_once(struct stage *stage)
{
    struct tw_descriptor *descriptors[MOST];
    int fds[MOST], ends[2], made = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, stage->ends) < 0)
        return;
    for (; made < MOST && pipe(ends) == 0; made++) {
        int rc = tw_descriptor_new(ends[0], &fns, stage, NULL, &descriptors[made]);
        fds[made] = ends[0];
        if (rc == 0)
            rc = tw_reactor_add_reader(stage->reactor, descriptors[made]);
        if (write(ends[1], "a", 1) < 1 || rc < 0)
            stage_wrong(stage, "a reader could not be added");
        close(ends[1]);
    }
    stage_await(stage, 2 * (size_t)made);
    EXPECT(stage, stage->count == 2 * (size_t)made,
           "of many descriptors one was not called, or lost");
    while (made-- > 0) {
        tw_reactor_remove_reader(stage->reactor, descriptors[made]);
        tw_descriptor_unref(descriptors[made]);
        close(fds[made]);
    }
}

/* --- losing it ----------------------------------------------------------------------------------- */

static void an_end_is_readable(struct stage *stage)
{
    if (!set_up(stage))
        return;
    add_reader(stage, 0);
    send_bytes(stage, 1, "a", 1);
    close_end(stage, 1);
    stage_await(stage, 2);
    stage_turn_often(stage);
    stage_expect(stage, "al", "a descriptor whose peer has gone was not lost once");
}

static int be_broken(struct tw_descriptor *descriptor, void *arg)
{
    (void)descriptor;
    note(letter((struct stage *)arg, 'w'));
    return -EPIPE;
}

static void fill_pipe(struct stage *stage)
{
    static const char zeros[4096];
    fcntl(stage->ends[1], F_SETFL, O_NONBLOCK);
    while (write(stage->ends[1], zeros, sizeof zeros) > 0)
        ;
}

static void a_broken_one_is_writable(struct stage *stage)
{
    static const struct tw_descriptor_fns writing = {sizeof writing, NULL, be_broken, be_lost};
    bool is_there = pipe(stage->ends) == 0;
    EXPECT(stage, is_there, "there are no pipes to try it");
    if (!is_there || make(stage, 0, stage->ends[1], &writing) < 0)
        return;
    fill_pipe(stage);
    add_writer(stage, 0);
    stage_turn_often(stage);
    stage_expect(stage, "", "a pipe that is full counted as writable");
    close_end(stage, 0);
    stage_await(stage, 2);
    stage_turn_often(stage);
    stage_expect(stage, "wl", "a descriptor that broke was not lost once");
}

static void lost_in_a_shutdown(struct stage *stage)
{
    if (!set_up(stage))
        return;
    add_reader(stage, 0);
    stage_trigger(stage, TW_PHASE_AFTER, "shutdown", 'z');
    stage_start(stage);
    stage_stop(stage);
    stage_await(stage, 2);
    send_bytes(stage, 1, "a", 1);
    stage_turn_often(stage);
    stage_expect(stage, "sz", "a shutdown did not lose a descriptor once");
}

static void a_closed_number_is_refused(struct stage *stage)
{
    if (!set_up(stage))
        return;
    close_end(stage, 0);
    EXPECT(stage, tw_reactor_add_reader(stage->reactor, stage->descriptors[0]) == -EBADF,
           "a number that is not open was not answered with -EBADF");
}

/* --- all of them -------------------------------------------------------------------------------- */

#define ALWAYS NEEDS_DESCRIPTORS

const struct tw__reactor_check tw__reactor_checks_of_descriptors[] = {
    {"FDS-001 a descriptor is called when it is ready", ALWAYS, called_when_ready},
    {"FDS-001 it wakes a loop that waits", ALWAYS, wakes_a_loop_that_waits},
    {"FDS-002 again while it is ready", ALWAYS, while_it_is_ready},
    {"FDS-004 not after it was removed, though it was ready", ALWAYS, not_after_it_was_removed},
    {"FDS-004 removed it is quiet", ALWAYS | NEEDS_TIME, removed_it_is_quiet},
    {"FDS-004 its number may be another one's", ALWAYS, a_number_may_be_another_ones},
    {"FDS-001 many at once", ALWAYS, many_at_once},
    {"FDS-007 the end of it is readable, and an error loses it", ALWAYS, an_end_is_readable},
    {"FDS-007 a broken one is writable", ALWAYS, a_broken_one_is_writable},
    {"FDS-010 a shutdown loses it", ALWAYS, lost_in_a_shutdown},
    {"a number that is not open is refused", ALWAYS, a_closed_number_is_refused},
    {NULL, 0, NULL},
};

/*
 * The suite of promises, on a reactor as a worker, and on what stands upon one.
 */
#include "../conforms.h"

SUITE("reactor worker conformance")

static struct tw_reactor *reactor;

static void turn(void)
{
    int i;
    /* A pass has a budget, and a strand or a team comes back once for each of its turns. */
    for (i = 0; i < 2000; i++)
        CU_ASSERT_EQUAL(tw_reactor_iterate(reactor, 0), 0);
}

static int make_reactor(void *arg, struct tw_worker **ret_worker)
{
    int rc = tw_test_clock_reactor_new(&reactor);
    (void)arg;
    *ret_worker = tw_worker_ref(tw_reactor_worker(reactor));
    return rc;
}

static void run_reactor(void *arg, struct tw_worker *worker)
{
    (void)arg;
    (void)worker;
    turn();
}

static void drop_reactor(void *arg)
{
    (void)arg;
    reactor = tw_reactor_unref(reactor);
}

/* A reactor keeps what every worker promises, but it declines to be quit. */
TEST(a_reactor_conforms)
{
    struct tw_worker_conformance_kind kind = {.size = sizeof kind,
                                              .flags = TW_CONFORMANCE_NO_QUIT,
                                              .make = make_reactor,
                                              .run = run_reactor,
                                              .end = drop_reactor};
    check_conforms(&kind);
}

static int make_strand(void *arg, struct tw_worker **ret_worker)
{
    int rc = tw_test_clock_reactor_new(&reactor);
    (void)arg;
    return rc < 0 ? rc : tw_strand_new(tw_reactor_worker(reactor), 0, ret_worker);
}

/* So does a strand over one, which can be quit. */
TEST(a_strand_over_a_reactor_conforms)
{
    struct tw_worker_conformance_kind kind = {
        .size = sizeof kind, .make = make_strand, .run = run_reactor, .end = drop_reactor};
    check_conforms(&kind);
}

/* A team whose books are kept in the reactor's turns, and whose one worker is a lock: so that each
 * of its tasks is performed by whoever takes the step. */
static int create_lock(void *arg, size_t live, struct tw_worker **ret_worker)
{
    (void)arg;
    return live == 0 && tw_lock_worker_new(ret_worker) == 0 ? TW_CREATED_READY : TW_CREATED_NONE;
}

static int make_team(void *arg, struct tw_worker **ret_worker)
{
    struct tw_team *team = NULL;
    int rc = tw_test_clock_reactor_new(&reactor);
    (void)arg;
    if (rc >= 0)
        rc = tw_team_new(tw_reactor_worker(reactor), create_lock, NULL, NULL, &team);
    *ret_worker = tw_team_worker(team);
    return rc;
}

/* So does a team coordinated by a reactor. */
TEST(a_team_over_a_reactor_conforms)
{
    struct tw_worker_conformance_kind kind = {
        .size = sizeof kind, .make = make_team, .run = run_reactor, .end = drop_reactor};
    check_conforms(&kind);
}

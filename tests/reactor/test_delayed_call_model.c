/*
 * A hundred thousand delayed calls, made, cancelled, moved and run at random, against a model: a
 * table of when each is due, sorted before each advance.
 */
#include "../harness.h"

SUITE("delayed calls against a model")

enum { MANY = 100000, ROUNDS = 40, SPAN = 5000 };

static struct modelled {
    struct tw_delayed_call *call;
    uint64_t time, sequence;
    bool active;
} model[MANY];
static struct tw_reactor *reactor;
static uint64_t random_state, sequence;
static size_t made;

static size_t due[MANY], due_count, ran, wrong, destroyed;

/* Each call checks that it is the one the model expects next. */
static void run(void *arg)
{
    size_t index = (size_t)((struct modelled *)arg - model);
    if (ran >= due_count || due[ran] != index)
        wrong++;
    ran++;
}

static void destroy(void *arg)
{
    (void)arg;
    destroyed++;
}

static int by_time(const void *a, const void *b)
{
    const struct modelled *left = &model[*(const size_t *)a], *right = &model[*(const size_t *)b];
    if (left->time != right->time)
        return left->time < right->time ? -1 : 1;
    return left->sequence < right->sequence ? -1 : 1;
}

static uint64_t now(void)
{
    return tw_clock_now(tw_reactor_clock(reactor));
}

static int64_t random_span(void)
{
    return (int64_t)(harness_random(&random_state) % SPAN);
}

static void make_one(void)
{
    struct modelled *one = &model[made++];
    int64_t delay = random_span();
    CU_ASSERT_EQUAL_FATAL(tw_reactor_call_later(reactor, delay, run, one, destroy, &one->call), 0);
    one->time = now() + (uint64_t)delay;
    one->sequence = sequence++;
    one->active = true;
}

static void move_one(struct modelled *one, bool reset)
{
    int64_t by = random_span() + 1;
    int rc = reset ? tw_delayed_call_reset(one->call, by) : tw_delayed_call_delay(one->call, by);
    CU_ASSERT_EQUAL(rc, one->active ? 0 : -EALREADY);
    if (one->active) {
        one->time = (reset ? now() : one->time) + (uint64_t)by;
        one->sequence = sequence++;
    }
}

static void cancel_one(struct modelled *one)
{
    CU_ASSERT_EQUAL(tw_delayed_call_cancel(one->call), one->active ? 0 : -EALREADY);
    one->active = false;
}

static void advance(void)
{
    uint64_t by = harness_random(&random_state) % (SPAN / 4);
    size_t i;
    due_count = ran = 0;
    for (i = 0; i < made; i++)
        if (model[i].active && model[i].time <= now() + by)
            due[due_count++] = i;
    qsort(due, due_count, sizeof *due, by_time);
    for (i = 0; i < due_count; i++)
        model[due[i]].active = false;
    CU_ASSERT_EQUAL(tw_test_clock_reactor_advance(reactor, (int64_t)by), 0);
    CU_ASSERT_EQUAL(ran, due_count);
    CU_ASSERT_EQUAL(wrong, 0);
}

/* TIM-005, TIM-009, TIM-013, TIM-014, TIM-015, CLK-007: whatever is done to them, exactly those
 * run that are due, in the order of (time, when it was made due); each argument goes once. */
TEST(TIM_005_a_hundred_thousand_in_random_order)
{
    size_t i, active = 0;
    random_state = harness_seed();
    CU_ASSERT_EQUAL_FATAL(tw_test_clock_reactor_new(&reactor), 0);
    while (made < MANY) {
        uint64_t what = harness_random(&random_state) % 16;
        struct modelled *one = made ? &model[harness_random(&random_state) % made] : NULL;
        if (what < 8 || !one)
            make_one();
        else if (what < 10)
            cancel_one(one);
        else
            move_one(one, what % 2);
        if (harness_random(&random_state) % (MANY / ROUNDS) == 0)
            advance();
    }
    for (i = 0; i < MANY; i++) {
        CU_ASSERT_EQUAL(tw_delayed_call_is_active(model[i].call), model[i].active);
        CU_ASSERT_EQUAL(tw_delayed_call_time(model[i].call), model[i].time);
        active += model[i].active;
        tw_delayed_call_unref(model[i].call);
    }
    CU_ASSERT_EQUAL(destroyed, MANY - active);
    tw_reactor_unref(reactor);
    CU_ASSERT_EQUAL(destroyed, MANY);
}

/*
 * Semaphores and queues under random use, from inside their own callbacks too: everybody is served
 * or told, once and in order; no token and no value is lost or doubled. The seed is printed.
 */
#include "trace.h"

SUITE("waiting, random")

enum { ENTRIES = 400, DEEPEST = 6 };

/* One who waits: with acquire, with run, or for a value. */
struct entry {
    struct tw_deferred *deferred;
    struct tw_source *inner; /* what a run's function waits for */
    int destroyed;
    bool is_run, is_served, is_over, is_cancelling;
    bool
        is_early; /* it is being made, or cancelled: if it is served then, its turn does not count */
};

static struct entry entries[ENTRIES];
static int made, last_served, depth;
static uint64_t seed;
static void (*do_something)(void); /* one random step */

static unsigned pick(unsigned count)
{
    return (unsigned)(harness_random(&seed) % count);
}

static void set_up(void)
{
    memset(entries, 0, sizeof entries);
    made = depth = 0;
    last_served = -1;
}

/* From inside a callback, sometimes. */
static void react(void)
{
    if (depth >= DEEPEST || pick(2))
        return;
    depth++;
    do_something();
    depth--;
}

static void serve(struct entry *entry)
{
    int index = (int)(entry - entries);
    CU_ASSERT_FALSE(entry->is_served);
    CU_ASSERT_FALSE(entry->is_over);
    entry->is_served = true;
    if (entry->is_early)
        return;
    CU_ASSERT(index > last_served);
    last_served = index;
}

static struct entry *next_entry(void)
{
    return made < ENTRIES ? &entries[made++] : NULL;
}

/* Not one that is being cancelled, further up the stack: that would be misuse (CAN-013). */
static void cancel_one(void)
{
    struct entry *entry = made ? &entries[pick((unsigned)made)] : NULL;
    bool was_early;
    if (!entry || !entry->deferred || entry->is_cancelling)
        return;
    was_early = entry->is_early;
    entry->is_early = entry->is_cancelling = true;
    tw_deferred_cancel(entry->deferred);
    entry->is_early = was_early;
    entry->is_cancelling = false;
}

static void drop_entries(void)
{
    int i;
    for (i = 0; i < made; i++)
        tw_deferred_unref(entries[i].deferred);
}

/* --- a semaphore ------------------------------------------------------------------------------ */

static struct tw_deferred_semaphore *semaphore;
static size_t held; /* tokens acquired and not given back */

static void acquired(struct tw_result *result, void *arg)
{
    struct entry *entry = (struct entry *)arg;
    bool has_token = tw_result_is_ok(result);
    if (has_token) {
        serve(entry);
        held++;
    }
    CU_ASSERT_FALSE(entry->is_over);
    entry->is_over = true;
    tw_result_set(result, NULL, NULL);
    react();
}

static void run(struct tw_result *result, void *arg)
{
    struct entry *entry = (struct entry *)arg;
    struct tw_deferred *inner = NULL;
    serve(entry);
    react();
    if (pick(2))
        return;
    CU_ASSERT_EQUAL_FATAL(tw_deferred_new(NULL, NULL, NULL, &entry->inner, &inner), 0);
    CU_ASSERT_EQUAL(tw_result_set_deferred(result, inner), 0);
}

static void run_is_over(struct tw_result *result, void *arg)
{
    struct entry *entry = (struct entry *)arg;
    CU_ASSERT_FALSE(entry->is_over);
    CU_ASSERT_EQUAL(entry->destroyed, 1);
    entry->is_over = true;
    entry->inner = tw_source_unref(entry->inner);
    tw_result_set(result, NULL, NULL);
    react();
}

static void destroy_entry(void *arg)
{
    ((struct entry *)arg)->destroyed++;
}

static void acquire_one(void)
{
    struct entry *entry = next_entry();
    struct tw_deferred *deferred = NULL;
    int rc;
    if (!entry)
        return;
    entry->is_early = true;
    entry->is_run = pick(2);
    rc = entry->is_run ? tw_deferred_semaphore_run(semaphore, run, entry, destroy_entry, &deferred)
                       : tw_deferred_semaphore_acquire(semaphore, &deferred);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    CU_ASSERT_EQUAL(
        tw_deferred_add_both(deferred, entry->is_run ? run_is_over : acquired, entry, NULL), 0);
    entry->deferred = deferred;
    entry->is_early = false;
}

static void release_one(void)
{
    if (!held)
        return;
    held--;
    CU_ASSERT_EQUAL(tw_deferred_semaphore_release(semaphore), 0);
}

static void fire_one(void)
{
    struct entry *entry = made ? &entries[pick((unsigned)made)] : NULL;
    struct tw_source *inner = entry ? tw_source_ref(entry->inner) : NULL;
    if (!inner)
        return;
    tw_source_callback(inner, NULL, NULL);
    tw_source_unref(inner);
}

static void use_semaphore(void)
{
    switch (pick(6)) {
    case 0:
    case 1:
        acquire_one();
        break;
    case 2:
        cancel_one();
        break;
    case 3:
        fire_one();
        break;
    default:
        release_one();
    }
}

/* Outside of all callbacks each token is somewhere, and nobody waits while one is free. */
static void check_tokens(void)
{
    size_t running = 0, tokens = tw_deferred_semaphore_tokens(semaphore);
    int i;
    for (i = 0; i < made; i++)
        running += entries[i].inner != NULL;
    CU_ASSERT_EQUAL(tokens + held + running, tw_deferred_semaphore_limit(semaphore));
    CU_ASSERT(tokens == 0 || tw_deferred_semaphore_waiting(semaphore) == 0);
}

static void end_semaphore(void)
{
    int i;
    do_something = cancel_one; /* callbacks add nothing any more */
    if (pick(2))
        for (i = 0; i < made; i++)
            while (!entries[i].is_over) {
                release_one();
                fire_one();
            }
    tw_deferred_semaphore_unref(semaphore);
    for (i = 0; i < made; i++)
        if (entries[i].inner)
            tw_source_callback(entries[i].inner, NULL, NULL);
    for (i = 0; i < made; i++) {
        CU_ASSERT_TRUE(entries[i].is_over);
        CU_ASSERT_EQUAL(entries[i].destroyed, entries[i].is_run);
    }
    drop_entries();
}

/* LCK, SEM: whoever asks has a token in his turn, or is told that there will be none. */
TEST(SEM_004_every_token_and_everybody_who_waits)
{
    int round, step, rounds = harness_long() ? 2000 : HARNESS_SANITIZED ? 50 : 300;
    seed = harness_seed();
    for (round = 0; round < rounds; round++) {
        set_up();
        held = 0;
        do_something = use_semaphore;
        CU_ASSERT_EQUAL_FATAL(tw_deferred_semaphore_new(1 + pick(3), &semaphore), 0);
        for (step = 0; step < 600; step++) {
            use_semaphore();
            check_tokens();
        }
        end_semaphore();
    }
}

/* --- a queue ---------------------------------------------------------------------------------- */

enum { VALUES = 400 };

static struct tw_deferred_queue *queue;
static int values[VALUES]; /* how often each was destroyed */
static int put_in, last_got;

static void got(struct tw_result *result, void *arg)
{
    struct entry *entry = (struct entry *)arg;
    if (tw_result_is_ok(result)) {
        int value = (int)((int *)tw_result_value(result) - values);
        serve(entry);
        CU_ASSERT(entry->is_early || value > last_got);
        if (!entry->is_early)
            last_got = value;
    }
    CU_ASSERT_FALSE(entry->is_over);
    entry->is_over = true;
    tw_result_set(result, NULL, NULL);
    react();
}

static void get_one(void)
{
    struct tw_deferred *deferred = NULL;
    struct entry *entry = next_entry();
    int rc;
    if (!entry)
        return;
    entry->is_early = true;
    rc = tw_deferred_queue_get(queue, &deferred);
    CU_ASSERT(rc == 0 || rc == -EAGAIN);
    if (rc == 0)
        CU_ASSERT_EQUAL(tw_deferred_add_both(deferred, got, entry, NULL), 0);
    entry->is_over |= rc < 0;
    entry->deferred = deferred;
    entry->is_early = false;
}

static void put_one(void)
{
    int *value = put_in < VALUES ? &values[put_in++] : NULL, rc;
    if (!value)
        return;
    rc = tw_deferred_queue_put(queue, value, count_destroy);
    CU_ASSERT(rc == 0 || (rc == -EAGAIN && *value == 1));
}

static unsigned rush; /* how many of ten steps put something in */

static void use_queue(void)
{
    if (pick(10) < rush) {
        put_one();
        return;
    }
    switch (pick(5)) {
    case 0:
    case 1:
        get_one();
        break;
    case 2:
        cancel_one();
        break;
    default:
        put_one();
    }
}

/* QUE: every value is got by one, in order, or destroyed; whoever asks gets one or is told. */
TEST(QUE_001_every_value_and_everybody_who_waits)
{
    int round, step, i, rounds = harness_long() ? 2000 : HARNESS_SANITIZED ? 50 : 300;
    seed = harness_seed() + 1;
    for (round = 0; round < rounds; round++) {
        set_up();
        memset(values, 0, sizeof values);
        put_in = 0;
        last_got = -1;
        do_something = use_queue;
        CU_ASSERT_EQUAL_FATAL(tw_deferred_queue_new(pick(60), pick(20), &queue), 0);
        for (step = 0; step < 600; step++) {
            if (step % 60 == 0)
                rush = pick(8);
            use_queue();
            CU_ASSERT(!tw_deferred_queue_pending(queue) || !tw_deferred_queue_waiting(queue));
        }
        do_something = cancel_one;
        tw_deferred_queue_unref(queue);
        for (i = 0; i < put_in; i++)
            CU_ASSERT_EQUAL(values[i], 1);
        for (i = 0; i < made; i++)
            CU_ASSERT_TRUE(entries[i].is_over);
        drop_entries();
    }
}

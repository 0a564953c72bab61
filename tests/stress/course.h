/*
 * For the tests of the thread cache: one start, and what happens to it.
 */
#ifndef TWINE_TESTS_STRESS_COURSE_H
#define TWINE_TESTS_STRESS_COURSE_H

#include "crowd.h"

/* What happens to one start: each step notes when, and on which thread. */
struct course {
    atomic_int step;
    int work_at, destroy_at, deliver_at;
    void *work_on, *destroy_on, *deliver_on;
    void *value;
    struct gate *gate;
    atomic_int done;
};

static inline void course_work(struct tw_result *result, void *arg)
{
    struct course *course = (struct course *)arg;
    course->work_at = atomic_fetch_add(&course->step, 1);
    course->work_on = this_thread();
    course->value = tw_result_value(result);
    if (course->gate)
        gate_wait(course->gate);
    tw_result_set(result, course, NULL);
}

static inline void course_destroy(void *arg)
{
    struct course *course = (struct course *)arg;
    course->destroy_at = atomic_fetch_add(&course->step, 1);
    course->destroy_on = this_thread();
}

static inline void course_deliver(struct tw_result *result, void *arg)
{
    struct course *course = (struct course *)arg;
    course->deliver_at = atomic_fetch_add(&course->step, 1);
    course->deliver_on = this_thread();
    course->value = tw_result_value(result);
    atomic_store(&course->done, 1);
}

static inline void course_start_as(struct course *course, tw_call_fn work, struct gate *gate,
                                   const struct tw_start_thread_options *options)
{
    memset(course, 0, sizeof *course);
    course->gate = gate;
    CU_ASSERT_EQUAL(
        tw_start_thread_soon(work, course, course_destroy, course_deliver, course, options), 0);
}

static inline void course_start_with(struct course *course, struct gate *gate,
                                     const struct tw_start_thread_options *options)
{
    course_start_as(course, course_work, gate, options);
}

static inline void course_start(struct course *course, struct gate *gate)
{
    course_start_with(course, gate, NULL);
}

#endif

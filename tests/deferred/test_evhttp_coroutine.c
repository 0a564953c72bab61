/*
 * Coroutines that answer evhttp's requests.
 */
#include "http_client.h"
#include <twine/deferred/coroutine.h>

SUITE("evhttp_coroutine")

static void double_it(struct tw_result *result, void *number)
{
    tw_result_set(result, (char *)number + (uintptr_t)number, NULL);
}

/* Waits twice, and says what came of it; or leaves the failure. */
static void answer_in_steps(struct tw_result *result, struct tw_evhttp_request *request, void *arg)
{
    struct tw_result step = TW_RESULT_INIT;
    struct tw_evhttp_reply *reply;
    int steps;
    CU_ASSERT_STRING_EQUAL(tw_evhttp_request_path(request), "/steps");
    for (steps = 0; steps < 2 && tw_result_is_ok(&step); steps++) {
        tw_await_in_thread(pool, double_it, arg, NULL, &step);
        arg = tw_result_value(&step);
    }
    if (tw_result_is_failure(&step))
        tw_result_move(&step, result);
    else if ((reply = tw_evhttp_reply_in(result, 200, NULL)))
        evbuffer_add_printf(tw_evhttp_reply_body(reply), "%d", (int)(uintptr_t)arg);
    tw_result_done(&step);
}

static void spawn(struct evhttp_request *request)
{
    keep(request);
    CU_ASSERT_EQUAL(tw_evhttp_exchange_spawn(kept, reactor, answer_in_steps, (void *)7, NULL), 0);
}

/* A coroutine answers after as many waits as it likes. */
TEST(coroutine_answers)
{
    int fd;
    set_up(spawn);
    fd = client_ask("/steps");
    UNTIL(perform_all() == 1);
    UNTIL(perform_all() == 1);
    HEARD(fd, "\r\n\r\n28");
    close(fd);
    tear_down();
}

/* When its client goes, its wait is cancelled, and it comes to its end. */
TEST(coroutine_whose_client_goes)
{
    int fd;
    set_up(spawn);
    fd = client_ask("/steps");
    UNTIL(kept != NULL);
    close(fd);
    UNTIL(done_count == 1);
    CU_ASSERT_EQUAL(done_status, 0);
    perform_all();
    tear_down();
}

/*
 * What a Deferred costs: made, given ten callbacks, fired and freed; nanoseconds for each.
 *
 *     deferred PEER [COUNT]
 *
 * The peers here are twine and, where it is there, GLib's GTask; bench/deferred-peers runs them in
 * turn with those of other languages.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <twine/base/clock.h>
#include <twine/deferred/deferred.h>

#if defined(TWINE_BENCH_GLIB)
#include <gio/gio.h>
#endif

enum { LINKS = 10, SLICES = 25 };

static int sum;

static void add_up(struct tw_result *result, void *arg)
{
    (void)result;
    sum += *(const int *)arg;
}

static void twine_once(void)
{
    static int one = 1;
    struct tw_source *source;
    struct tw_deferred *deferred;
    int i;
    if (tw_deferred_new(NULL, NULL, NULL, &source, &deferred) < 0)
        abort();
    for (i = 0; i < LINKS; i++)
        tw_deferred_add_callback(deferred, add_up, &one, NULL);
    tw_source_callback(source, &one, NULL);
    tw_source_unref(source);
    tw_deferred_unref(deferred);
}

#if defined(TWINE_BENCH_GLIB)
/* A GTask has one callback; ten in a row are ten tasks, and each returns to the next. So this one
 * has one, and the loop turns once. */
static void count_task(GObject *object, GAsyncResult *result, gpointer arg)
{
    (void)object;
    (void)result;
    sum += *(const int *)arg;
}

static void gtask_once(void)
{
    static int one = 1;
    GTask *task = g_task_new(NULL, NULL, count_task, &one);
    g_task_return_pointer(task, &one, NULL);
    g_object_unref(task);
    g_main_context_iteration(NULL, FALSE);
}
#endif

/* NULL if there is no such peer. */
static void (*find(const char *peer))(void)
{
    if (strcmp(peer, "twine") == 0)
        return twine_once;
#if defined(TWINE_BENCH_GLIB)
    if (strcmp(peer, "gtask") == 0)
        return gtask_once;
#endif
    return NULL;
}

/* The best of some slices: what else runs on the machine disturbs some of them. */
static double measure(void (*once)(void), long count)
{
    struct tw_clock *clock = tw_clock_monotonic();
    double best = 0;
    int slice;
    for (slice = 0; slice <= SLICES; slice++) {
        uint64_t begin = tw_clock_now(clock);
        double each;
        long i;
        for (i = 0; i < count; i++)
            once();
        each = (double)(tw_clock_now(clock) - begin) / (double)count;
        if (slice <= 1 || each < best) /* the first one only warms up */
            best = each;
    }
    return best;
}

int main(int argc, char **argv)
{
    void (*once)(void) = find(argc > 1 ? argv[1] : "twine");
    long count = argc > 2 ? atol(argv[2]) : 20000;
    if (!once || count <= 0) {
        fprintf(stderr, "usage: deferred twine|gtask [COUNT]\n");
        return 2;
    }
    printf("%.1f\n", measure(once, count));
    return 0;
}

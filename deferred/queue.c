/*
 * The queue: a ring of stored results, and a line of those who wait.
 *
 * One of the two is always empty: what is put in while somebody waits goes to the oldest at once,
 * even if that one has its turn only later.
 */
#include <twine/deferred/queue.h>

#include <errno.h>
#include <twine/base/memory_internal.h>
#include <twine/base/report_internal.h>
#include <twine/base/result_internal.h>
#include <twine/deferred/waiters_internal.h>

#define FIRST_CAPACITY 16

/* An empty ring of more than this is given back. */
#define CAPACITY_KEPT 1024

struct tw_deferred_queue {
    size_t refs;
    size_t size, backlog;
    struct tw_result *items;       /* a ring */
    size_t first, count, capacity; /* capacity is a power of two, or 0 */
    struct tw__waiters waiters;
};

int tw_deferred_queue_new(size_t size, size_t backlog, struct tw_deferred_queue **ret_queue)
{
    struct tw_deferred_queue *queue;
    if (!ret_queue)
        return tw__misuse(-EINVAL, "tw_deferred_queue_new: needs ret_queue");
    queue = (struct tw_deferred_queue *)tw__zalloc(sizeof *queue);
    if (!queue)
        return -ENOMEM;
    queue->refs = 1;
    queue->size = size;
    queue->backlog = backlog;
    tw__waiters_init(&queue->waiters);
    *ret_queue = queue;
    return 0;
}

struct tw_deferred_queue *tw_deferred_queue_ref(struct tw_deferred_queue *queue)
{
    if (queue)
        queue->refs++;
    return queue;
}

/* --- what is stored --------------------------------------------------------------------------- */

static struct tw_result *item_at(struct tw_deferred_queue *queue, size_t index)
{
    return &queue->items[(queue->first + index) & (queue->capacity - 1)];
}

static int grow(struct tw_deferred_queue *queue)
{
    size_t i, capacity = queue->capacity ? 2 * queue->capacity : FIRST_CAPACITY;
    struct tw_result *items;
    if (capacity > SIZE_MAX / sizeof *items)
        return -ENOMEM;
    items = (struct tw_result *)tw__malloc(capacity * sizeof *items);
    if (!items)
        return -ENOMEM;
    for (i = 0; i < queue->count; i++)
        items[i] = *item_at(queue, i);
    tw__free(queue->items);
    queue->items = items;
    queue->first = 0;
    queue->capacity = capacity;
    return 0;
}

static int store(struct tw_deferred_queue *queue, struct tw_result *item)
{
    int rc = queue->count < queue->capacity ? 0 : grow(queue);
    if (rc < 0)
        return rc;
    tw_result_init(item_at(queue, queue->count));
    tw_result_move(item, item_at(queue, queue->count++));
    return 0;
}

static void take_oldest(struct tw_deferred_queue *queue, struct tw_result *ret_item)
{
    tw_result_move(item_at(queue, 0), ret_item);
    queue->first = (queue->first + 1) & (queue->capacity - 1);
    if (--queue->count > 0 || queue->capacity <= CAPACITY_KEPT)
        return;
    tw__free(queue->items);
    queue->items = NULL;
    queue->first = queue->capacity = 0;
}

struct tw_deferred_queue *tw_deferred_queue_unref(struct tw_deferred_queue *queue)
{
    if (!queue || --queue->refs > 0)
        return NULL;
    tw__waiters_abandon(&queue->waiters);
    while (queue->count) {
        struct tw_result item = TW_RESULT_INIT;
        take_oldest(queue, &item);
        tw__result_done_reporting(&item, "a failure in a queue was got by nobody");
    }
    tw__free(queue->items);
    tw__free(queue);
    return NULL;
}

/* --- putting and getting ---------------------------------------------------------------------- */

static int put(struct tw_deferred_queue *queue, struct tw_result *item)
{
    if (!queue->waiters.count)
        return queue->count < queue->size ? store(queue, item) : -EAGAIN;
    tw__waiters_answer(&queue->waiters, item);
    tw_deferred_queue_ref(queue);
    tw__waiters_serve(&queue->waiters);
    tw_deferred_queue_unref(queue);
    return 0;
}

int tw_deferred_queue_put(struct tw_deferred_queue *queue, void *value, tw_destroy_fn destroy)
{
    struct tw_result item = TW_RESULT_INIT;
    int rc;
    tw_result_set(&item, value, destroy);
    rc = queue ? put(queue, &item) : tw__misuse(-EINVAL, "tw_deferred_queue_put: needs a queue");
    tw_result_done(&item);
    return rc;
}

int tw_deferred_queue_put_failure(struct tw_deferred_queue *queue, struct tw_failure *failure)
{
    struct tw_result item = TW_RESULT_INIT;
    int rc;
    if (!queue || !failure)
        return tw__misuse(-EINVAL, "tw_deferred_queue_put_failure: needs a queue and a failure");
    tw_result_set_failure(&item, failure);
    rc = put(queue, &item);
    tw_result_done(&item);
    return rc;
}

/* The Deferred first: without memory for it, the item stays where it is. */
static int get_stored(struct tw_deferred_queue *queue, struct tw_deferred **ret_deferred)
{
    struct tw_result item = TW_RESULT_INIT;
    struct tw_source *source = NULL;
    int rc = tw_deferred_new(NULL, NULL, NULL, &source, ret_deferred);
    if (rc < 0)
        return rc;
    take_oldest(queue, &item);
    tw_source_fire(source, &item);
    tw_source_unref(source);
    return 0;
}

int tw_deferred_queue_get(struct tw_deferred_queue *queue, struct tw_deferred **ret_deferred)
{
    if (!queue || !ret_deferred)
        return tw__misuse(-EINVAL, "tw_deferred_queue_get: needs a queue and ret_deferred");
    if (queue->count)
        return get_stored(queue, ret_deferred);
    if (queue->waiters.count >= queue->backlog)
        return -EAGAIN;
    return tw__waiters_add(&queue->waiters, ret_deferred);
}

/* --- looking ---------------------------------------------------------------------------------- */

size_t tw_deferred_queue_pending(const struct tw_deferred_queue *queue)
{
    return queue ? queue->count : 0;
}

size_t tw_deferred_queue_waiting(const struct tw_deferred_queue *queue)
{
    return queue ? queue->waiters.count : 0;
}

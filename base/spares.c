/*
 * Memory that a thread keeps: its beginning, and its end.
 */
#include <twine/base/spares_internal.h>

bool tw__spares_begin(struct tw__spares *spares, void *block, void (*thread_ends)(void))
{
    if (spares->end.fn || !spares->wanted || !tw__thread_end_watch(&spares->end, thread_ends))
        return false;
    spares->room = spares->wanted;
    return tw__spares_keep(spares, block);
}

void tw__spares_limit(struct tw__spares *spares, unsigned most, void (*free_block)(void *block))
{
    spares->wanted = most;
    spares->room = spares->end.fn ? most : 0;
    while (spares->count > spares->room)
        free_block(tw__spares_take(spares));
}

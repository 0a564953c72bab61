#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <twine/twine.h>
static struct tw_reactor *reactor; /* these are the loop's thread's */
static int left, failed;

static void hash(struct tw_result *result, void *path) /* in a pool thread: may block */
{
    uint64_t sum = 0xcbf29ce484222325; /* FNV-1a, 64 bits */
    FILE *file = fopen((char *)path, "rb");
    for (int byte; file && (byte = getc(file)) != EOF; sum *= 0x100000001b3)
        sum ^= (uint64_t)byte;
    tw_result_set(result, (void *)(uintptr_t)sum, NULL);
    if (!file || ferror(file))
        tw_result_failf(result, &TW_ERROR_SYSTEM, errno, "%s: %s", (char *)path, strerror(errno));
    (void)(file && fclose(file));
}
static void show(struct tw_result *result, void *path) /* on the loop's thread */
{
    if (tw_result_is_ok(result))
        printf("%016jx  %s\n", (uintmax_t)(uintptr_t)tw_result_value(result), (char *)path);
    else
        failed = fprintf(stderr, "%s\n", tw_failure_message(tw_result_failure(result)));
    tw_result_set(result, NULL, NULL); /* handled, failure or not */
    if (--left == 0)
        tw_reactor_stop(reactor);
}

int main(int argc, char **argv)
{
    struct tw_deferred *deferred = NULL;
    int rc = argc > 1 ? tw_reactor_new(NULL, &reactor) : fprintf(stderr, "usage: %s FILE\n", *argv);
    for (left = argc - 1; rc == 0 && *++argv; deferred = tw_deferred_unref(deferred))
        if ((rc = tw_defer_to_thread(reactor, hash, *argv, NULL, &deferred)) == 0)
            rc = tw_deferred_add_both(deferred, show, *argv, NULL);
    rc = rc == 0 ? tw_reactor_run(reactor) : rc;
    tw_reactor_unref(reactor);
    return rc != 0 || failed;
}

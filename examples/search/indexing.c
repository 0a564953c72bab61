#include "indexing.h"

#include "answer.h"
#include "folders.h"
#include "index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One file on its way: the argument of its jobs, and the value between them. */
struct document {
    struct indexing *indexing;
    const char *name;  /* the list's, which outlives it */
    struct text *text; /* owned; NULL: not read yet, or not to be indexed */
};

static struct document *document_new(struct indexing *indexing, const char *name)
{
    struct document *document = calloc(1, sizeof *document);
    if (!document)
        return NULL;
    document->indexing = indexing;
    document->name = name;
    return document;
}

static void document_free(void *arg)
{
    struct document *document = arg;
    free(document->text);
    free(document);
}

/* ---- in the writer's thread ---- */

static void create(struct tw_result *result, void *index)
{
    index_create(index, result);
}

static void add(struct tw_result *result, void *arg)
{
    const struct document *document = arg;
    index_add(document->indexing->index, document->name, document->text->bytes,
              document->text->size, result);
}

static void finish(struct tw_result *result, void *index)
{
    index_finish(index, result);
}

/* ---- in the pool ---- */

static void list(struct tw_result *result, void *arg)
{
    const struct indexing *indexing = arg;
    struct file_names *names = folders_list(indexing->folders, result);
    if (names)
        tw_result_set(result, names, file_names_free);
}

/*
 * Leaves a document of its own: the argument's goes with the job. A file that cannot be read, or
 * is no text, does not end the indexing; its document has no text.
 */
static void read_document(struct tw_result *result, void *arg)
{
    const struct document *asked = arg;
    struct document *document = document_new(asked->indexing, asked->name);
    struct text *text;
    if (!document) {
        fail_for_memory(result);
        return;
    }
    text = folders_read(document->indexing->folders, document->name, result);
    if (text && text_is_text(text))
        document->text = text;
    else
        free(text);
    if (tw_failure_is(tw_result_failure(result), &TW_ERROR_NO_MEMORY))
        document_free(document);
    else
        tw_result_set(result, document, document_free);
}

/* ---- on the loop's thread ---- */

/* The first failure is kept for the end; from here on it counts as handled. */
static void note_failure(struct indexing *indexing, struct tw_result *result)
{
    if (!indexing->failure)
        indexing->failure = tw_failure_ref(tw_result_failure(result));
    tw_result_set(result, NULL, NULL);
}

static void note_error(struct indexing *indexing, int error)
{
    if (!indexing->failure)
        indexing->failure = TW_FAILURE_NEW(&TW_ERROR_SYSTEM, error, strerror(error));
}

static void fail_finished(struct indexing *indexing)
{
    tw_source_errback(indexing->finished, indexing->failure);
    indexing->finished = tw_source_unref(indexing->finished);
}

/* No file is under way any more, and none will be. */
static void conclude(struct indexing *indexing)
{
    struct tw_deferred *deferred = NULL;
    int rc = 0;
    if (indexing->names)
        progress_end(&indexing->progress);
    if (!indexing->failure)
        rc = tw_defer_to_pool(indexing->reactor, indexing->writer, finish, indexing->index, NULL,
                              &deferred);
    if (rc < 0)
        note_error(indexing, -rc);
    indexing->writer = tw_worker_unref(indexing->writer); /* it quits when it has finished */
    if (indexing->failure) {
        fail_finished(indexing);
        return;
    }
    tw_deferred_chain(deferred, indexing->finished); /* takes the source, which fires in any case */
    indexing->finished = NULL;
    tw_deferred_unref(deferred);
}

static int start_file(struct indexing *indexing, const char *name);

/* Keep so many files under way, until there are no more or something fails. */
static void proceed(struct indexing *indexing)
{
    const struct file_names *names = indexing->names;
    while (!indexing->failure && names && indexing->next < names->count &&
           indexing->under_way < indexing->at_once) {
        int rc = start_file(indexing, names->items[indexing->next++]);
        if (rc < 0)
            note_error(indexing, -rc);
    }
    if (indexing->under_way == 0)
        conclude(indexing);
}

/* A document has been read: hand it to the writer, and let what comes after wait for that. */
static void hand_on(struct tw_result *result, void *arg)
{
    struct indexing *indexing = arg;
    const struct document *document = tw_result_value(result);
    struct tw_deferred *added = NULL;
    int rc;
    if (!document->text) {
        progress_skip(&indexing->progress);
        return;
    }
    rc = tw_defer_to_pool(indexing->reactor, indexing->writer, add, tw_result_take(result, NULL),
                          document_free, &added);
    if (rc == 0)
        rc = tw_result_set_deferred(result, added);
    if (rc < 0)
        note_error(indexing, -rc);
}

static void file_done(struct tw_result *result, void *arg)
{
    struct indexing *indexing = arg;
    indexing->under_way--;
    progress_step(&indexing->progress);
    if (tw_result_is_failure(result))
        note_failure(indexing, result);
    proceed(indexing);
}

static int start_file(struct indexing *indexing, const char *name)
{
    struct document *document = document_new(indexing, name);
    struct tw_deferred *deferred = NULL;
    int rc;
    if (!document)
        return -ENOMEM;
    rc = tw_defer_to_thread(indexing->reactor, read_document, document, document_free, &deferred);
    if (rc == 0)
        rc = tw_deferred_add_callback(deferred, hand_on, indexing, NULL);
    if (rc == 0)
        rc = tw_deferred_add_both(deferred, file_done, indexing, NULL);
    if (rc == 0)
        indexing->under_way++;
    tw_deferred_unref(deferred);
    return rc;
}

static void list_folders(struct tw_result *result, void *arg)
{
    struct indexing *indexing = arg;
    struct tw_deferred *listed = NULL;
    int rc = tw_defer_to_thread(indexing->reactor, list, indexing, NULL, &listed);
    if (rc == 0)
        rc = tw_result_set_deferred(result, listed);
    if (rc < 0)
        note_error(indexing, -rc);
}

static void start_files(struct tw_result *result, void *arg)
{
    struct indexing *indexing = arg;
    if (tw_result_is_failure(result))
        note_failure(indexing, result);
    indexing->names = tw_result_take(result, NULL);
    if (indexing->names)
        progress_begin(&indexing->progress, indexing->names->count);
    proceed(indexing);
}

static int start_first_job(struct indexing *indexing)
{
    struct tw_deferred *deferred = NULL;
    int rc = tw_defer_to_pool(indexing->reactor, indexing->writer, create, indexing->index, NULL,
                              &deferred);
    if (rc == 0)
        rc = tw_deferred_add_callback(deferred, list_folders, indexing, NULL);
    if (rc == 0)
        rc = tw_deferred_add_both(deferred, start_files, indexing, NULL);
    tw_deferred_unref(deferred);
    return rc;
}

int indexing_start(struct indexing *indexing, struct tw_reactor *reactor,
                   const struct folders *folders, struct index *index, size_t at_once,
                   struct tw_deferred **ret_deferred)
{
    struct tw_thread_worker_options options = {sizeof options, "search-writer", 0};
    struct tw_deferred *deferred = NULL;
    int rc;
    memset(indexing, 0, sizeof *indexing);
    indexing->reactor = reactor;
    indexing->folders = folders;
    indexing->index = index;
    indexing->at_once = at_once;
    rc = tw_thread_worker_new(&options, &indexing->writer);
    if (rc == 0)
        rc = tw_deferred_new(NULL, NULL, NULL, &indexing->finished, &deferred);
    if (rc == 0)
        rc = start_first_job(indexing);
    if (rc == 0) {
        *ret_deferred = deferred;
        return 0;
    }
    tw_deferred_unref(deferred);
    indexing_done(indexing);
    return rc;
}

void indexing_stop(struct indexing *indexing)
{
    if (!indexing->failure)
        indexing->failure =
            TW_FAILURE_NEW(&TW_ERROR_CANCELLED, ECANCELED, "The indexing was stopped.");
}

void indexing_done(struct indexing *indexing)
{
    tw_worker_unref(indexing->writer);
    tw_source_unref(indexing->finished);
    tw_failure_unref(indexing->failure);
    file_names_free(indexing->names);
    memset(indexing, 0, sizeof *indexing);
}

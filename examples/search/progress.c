#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WIDTH 40u

static size_t percentage(const struct progress *progress)
{
    return progress->total ? 100 * progress->done / progress->total : 100;
}

static void show(struct progress *progress)
{
    char bar[WIDTH + 1];
    size_t full = WIDTH * percentage(progress) / 100;
    progress->shown = percentage(progress);
    if (!progress->terminal) {
        fprintf(stderr, "indexed %zu of %zu files\n", progress->done, progress->total);
        return;
    }
    memset(bar, '.', WIDTH);
    memset(bar, '#', full);
    bar[WIDTH] = '\0';
    fprintf(stderr, "\rindexing [%s] %zu of %zu files", bar, progress->done, progress->total);
}

void progress_begin(struct progress *progress, size_t total)
{
    memset(progress, 0, sizeof *progress);
    progress->total = total;
    progress->terminal = isatty(STDERR_FILENO);
    if (progress->terminal)
        show(progress);
}

void progress_skip(struct progress *progress)
{
    progress->skipped++;
}

void progress_step(struct progress *progress)
{
    size_t least = progress->terminal ? 1 : 25; /* so many per cent further, and it is shown */
    progress->done++;
    if (percentage(progress) >= progress->shown + least)
        show(progress);
}

void progress_end(struct progress *progress)
{
    if (progress->terminal)
        fputc('\n', stderr);
    if (progress->skipped > 0)
        fprintf(stderr, "passed over %zu files that are no text or cannot be read\n",
                progress->skipped);
}

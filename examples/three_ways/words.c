#include "words.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What there is of it, up to a limit, with a NUL behind. */
static char *read_text(FILE *file)
{
    size_t room = 1 << 20, length;
    char *text = (char *)malloc(room + 1);
    if (!text)
        return NULL;
    length = fread(text, 1, room, file);
    text[length] = '\0';
    if (!ferror(file))
        return text;
    free(text);
    return NULL;
}

void read_file(struct tw_result *result, void *name)
{
    FILE *file = fopen((char *)name, "r");
    char *text = file ? read_text(file) : NULL;
    if (text)
        tw_result_set(result, text, free);
    else
        tw_result_failf(result, &TW_ERROR_SYSTEM, errno, "%s", strerror(errno));
    if (file)
        fclose(file);
}

void count_words(struct tw_result *result, void *text)
{
    const char *at;
    uintptr_t words = 0;
    int inside = 0;
    for (at = (const char *)text; *at; at++) {
        int is_space = isspace((unsigned char)*at);
        words += !is_space && !inside;
        inside = !is_space;
    }
    tw_result_set(result, (void *)words, NULL);
}

uintptr_t show(const char *name, const struct tw_result *words)
{
    if (tw_result_is_failure(words)) {
        printf("%8s  %s: %s\n", "-", name, tw_failure_message(tw_result_failure(words)));
        return 0;
    }
    printf("%8ju  %s\n", (uintmax_t)(uintptr_t)tw_result_value(words), name);
    return (uintptr_t)tw_result_value(words);
}

/*
 * One program, written three ways: it counts the words of files, one after the other, in threads,
 * since reading may block. What is the same in all three is in main.c and words.c.
 */
#ifndef WORDS_H
#define WORDS_H

#include <twine/twine.h>

/* The program. The names end with NULL, and live until the Deferred has fired, with the sum. */
int count_files(struct tw_reactor *reactor, char **names, struct tw_deferred **ret_deferred);

/* Work that may block: a file's text, to be freed; the words in a text, as a number. */
void read_file(struct tw_result *result, void *name);
void count_words(struct tw_result *result, void *text);

/* Print a file's line: its words, or what went wrong. Gives back the words, 0 if none. */
uintptr_t show(const char *name, const struct tw_result *words);

#endif

/*
 * The command line.
 */
#ifndef SEARCH_OPTIONS_H
#define SEARCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
    const char *host;
    uint16_t port;  /* 0: any that is free */
    size_t threads; /* of the pool, at most */
    bool once;      /* ask oneself every endpoint, and end */
    char **folders; /* none: the default ones */
    int folder_count;
};

/* Returns: -1 to go on; else the program ends with this exit code: help was asked for, or needed.
 */
int options_parse(struct options *options, int argc, char **argv);

#endif

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: search [OPTION]... [FOLDER]...\n"
    "\n"
    "Index the text files below some folders, and serve a search over them by HTTP.\n"
    "Without a FOLDER: twine's doc and /usr/share/common-licenses.\n"
    "\n"
    "  --host ADDR    listen on this address (127.0.0.1)\n"
    "  --port N       and this port (8080); 0: any that is free\n"
    "  --threads N    let blocking work have so many threads (10)\n"
    "  --once         listen on a free port, ask every endpoint, print and check what\n"
    "                 comes back, and end; the exit code says whether all was right\n"
    "  --help         print this\n"
    "\n"
    "SIGINT and SIGTERM finish what runs, refuse what comes, and exit 0; a second one\n"
    "ends it at once.\n";

enum { HOST = 1, PORT, THREADS, ONCE, HELP };

static const struct option known[] = {
    {"host", required_argument, NULL, HOST},
    {"port", required_argument, NULL, PORT},
    {"threads", required_argument, NULL, THREADS},
    {"once", no_argument, NULL, ONCE},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static bool parse_number(const char *name, long least, long most, long *ret_number)
{
    char *end;
    errno = 0;
    *ret_number = strtol(optarg, &end, 10);
    if (errno == 0 && end != optarg && !*end && *ret_number >= least && *ret_number <= most)
        return true;
    fprintf(stderr, "search: --%s takes a number from %ld to %ld\n", name, least, most);
    return false;
}

/* Returns: as options_parse(). */
static int take(struct options *options, int option)
{
    long number = 0;
    switch (option) {
    case HOST:
        options->host = optarg;
        return -1;
    case PORT:
        if (!parse_number("port", 0, 65535, &number))
            return 2;
        options->port = (uint16_t)number;
        return -1;
    case THREADS:
        if (!parse_number("threads", 1, 1000, &number))
            return 2;
        options->threads = (size_t)number;
        return -1;
    case ONCE:
        options->once = true;
        return -1;
    case HELP:
        fputs(usage, stdout);
        return 0;
    default:
        fputs(usage, stderr);
        return 2;
    }
}

int options_parse(struct options *options, int argc, char **argv)
{
    int option, code = -1;
    memset(options, 0, sizeof *options);
    options->host = "127.0.0.1";
    options->port = 8080;
    options->threads = 10;
    while (code < 0 && (option = getopt_long(argc, argv, "", known, NULL)) != -1)
        code = take(options, option);
    if (options->once)
        options->port = 0;
    options->folders = argv + optind;
    options->folder_count = argc - optind;
    return code;
}

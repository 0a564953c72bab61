/*
 * The folders that are served, and the files in them.
 *
 * Outside, a file is called LABEL/PATH: its folder's label, which is the last part of the folder's
 * own path, then its path below that. No name leads out of a folder: not by "..", not by a leading
 * slash, not by a symbolic link. Parts that begin with a dot are hidden, as for ls.
 *
 * Everything here blocks on the disk. Once the folders have been added they do not change, and any
 * number of threads may list and read at once.
 */
#ifndef SEARCH_FOLDERS_H
#define SEARCH_FOLDERS_H

#include <twine/base/result.h>

#define FILE_SIZE_MAX (4u << 20) /* larger files are neither indexed nor handed out */

struct folder {
    char *label;
    char *path; /* absolute, without links */
};

struct folders {
    struct folder *items;
    size_t count;
};

struct file_names {
    char **items;
    size_t count;
};

/* A file's content, in one block to be freed. A null follows it, which size does not count. */
struct text {
    size_t size;
    char bytes[];
};

/* 0, or a negative errno. */
int folders_add(struct folders *folders, const char *path);
void folders_clear(struct folders *folders);

/* The names of all regular files below the folders, sorted; symbolic links are not followed, as
 * what they lead to is listed under its own name or is none of ours. On failure the result says
 * why, and NULL is returned. */
struct file_names *folders_list(const struct folders *folders, struct tw_result *result);
void file_names_free(void *names);

/* Read a whole file. On failure the result says why, and NULL is returned: TW_EVHTTP_ERROR with 404 if
 * there is no such file, with 403 if it is not to be read. */
struct text *folders_read(const struct folders *folders, const char *name,
                          struct tw_result *result);

/* Whether the content is text, and not an image or a program. */
bool text_is_text(const struct text *text);

#endif

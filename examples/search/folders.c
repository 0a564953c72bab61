#include "folders.h"

#include "answer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool label_is_taken(const struct folders *folders, const char *label)
{
    for (size_t i = 0; i < folders->count; i++)
        if (strcmp(folders->items[i].label, label) == 0)
            return true;
    return false;
}

/* The last part of the path; "doc-2" if another folder is called "doc" already. */
static char *make_label(const struct folders *folders, const char *path)
{
    const char *last = strrchr(path, '/') + 1;
    char label[NAME_MAX + 16];
    unsigned turn = 1;
    if (!*last)
        last = "root";
    snprintf(label, sizeof label, "%s", last);
    while (label_is_taken(folders, label))
        snprintf(label, sizeof label, "%s-%u", last, ++turn);
    return strdup(label);
}

static int check_directory(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return -errno;
    return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

int folders_add(struct folders *folders, const char *path)
{
    int rc = check_directory(path);
    struct folder *more, folder = {NULL, NULL};
    if (rc < 0)
        return rc;
    more = realloc(folders->items, (folders->count + 1) * sizeof *more);
    if (!more)
        return -ENOMEM;
    folders->items = more;
    folder.path = realpath(path, NULL);
    if (!folder.path)
        return -errno;
    folder.label = make_label(folders, folder.path);
    if (!folder.label) {
        free(folder.path);
        return -ENOMEM;
    }
    folders->items[folders->count++] = folder;
    return 0;
}

void folders_clear(struct folders *folders)
{
    for (size_t i = 0; i < folders->count; i++) {
        free(folders->items[i].label);
        free(folders->items[i].path);
    }
    free(folders->items);
    folders->items = NULL;
    folders->count = 0;
}

static const struct folder *find_folder(const struct folders *folders, const char *name,
                                        const char **ret_rest)
{
    size_t length = strcspn(name, "/");
    for (size_t i = 0; i < folders->count && name[length]; i++) {
        const char *label = folders->items[i].label;
        if (strlen(label) == length && memcmp(label, name, length) == 0) {
            *ret_rest = name + length + 1;
            return &folders->items[i];
        }
    }
    return NULL;
}

/* "..", "." and hidden files alike: no part of a name may begin with a dot. */
static bool has_dotted_part(const char *name)
{
    return name[0] == '.' || strstr(name, "/.");
}

/* Whether a path is the folder's or below it; "/" is the one that ends in a slash. */
static bool is_inside(const char *path, const char *folder)
{
    size_t length = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || !path[length]);
}

static void fail_to_open(struct tw_result *result, int error, const char *name)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        tw_result_failf(result, &TW_EVHTTP_ERROR, 404, "There is no file '%s'.", name);
        break;
    case EACCES:
    case EPERM:
    case ELOOP:
        tw_result_failf(result, &TW_EVHTTP_ERROR, 403, "The file '%s' is not to be read.", name);
        break;
    case ENOMEM:
        fail_for_memory(result);
        break;
    default:
        tw_result_failf(result, &TW_ERROR_SYSTEM, error, "The file '%s' cannot be read: %s.", name,
                        strerror(error));
    }
}

/* The path, without links, of the file with that name; NULL, with a failure, if there is none or
 * it lies elsewhere. */
static char *resolve(const struct folders *folders, const char *name, struct tw_result *result)
{
    const char *rest = NULL;
    const struct folder *folder = find_folder(folders, name, &rest);
    char path[PATH_MAX], *real;
    if (name[0] == '/' || has_dotted_part(name)) {
        tw_result_failf(result, &TW_EVHTTP_ERROR, 403,
                        "The name '%s' is refused: it leads out of the folder or to a hidden file.",
                        name);
        return NULL;
    }
    if (!folder || snprintf(path, sizeof path, "%s/%s", folder->path, rest) >= (int)sizeof path) {
        fail_to_open(result, ENOENT, name);
        return NULL;
    }
    real = realpath(path, NULL);
    if (!real) {
        fail_to_open(result, errno, name);
        return NULL;
    }
    if (is_inside(real, folder->path))
        return real;
    tw_result_failf(result, &TW_EVHTTP_ERROR, 403,
                    "The name '%s' is refused: it leads out of the folder.", name);
    free(real);
    return NULL;
}

/* Read what fstat promised; less, if the file has become shorter meanwhile. */
static int fill(struct text *text, int fd, size_t size)
{
    while (text->size < size) {
        ssize_t got = read(fd, text->bytes + text->size, size - text->size);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            break;
        if (got > 0)
            text->size += (size_t)got;
    }
    text->bytes[text->size] = '\0';
    return 0;
}

static struct text *read_open_file(int fd, const char *name, struct tw_result *result)
{
    struct stat status;
    struct text *text;
    int rc;
    if (fstat(fd, &status) < 0) {
        fail_to_open(result, errno, name);
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) {
        tw_result_failf(result, &TW_EVHTTP_ERROR, 404, "'%s' is not a file.", name);
        return NULL;
    }
    if (status.st_size > (off_t)FILE_SIZE_MAX) {
        tw_result_failf(result, &TW_EVHTTP_ERROR, 403, "The file '%s' is larger than %u bytes.",
                        name, FILE_SIZE_MAX);
        return NULL;
    }
    text = malloc(sizeof *text + (size_t)status.st_size + 1);
    if (!text) {
        fail_for_memory(result);
        return NULL;
    }
    text->size = 0;
    rc = fill(text, fd, (size_t)status.st_size);
    if (rc < 0) {
        fail_to_open(result, -rc, name);
        free(text);
        return NULL;
    }
    return text;
}

struct text *folders_read(const struct folders *folders, const char *name, struct tw_result *result)
{
    char *path = resolve(folders, name, result);
    struct text *text = NULL;
    int fd;
    if (!path)
        return NULL;
    /* The path has been checked: a link put in its place since is not followed, and a pipe does
     * not make us wait for its writer. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        fail_to_open(result, errno, name);
    } else {
        text = read_open_file(fd, name, result);
        close(fd);
    }
    free(path);
    return text;
}

bool text_is_text(const struct text *text)
{
    return !memchr(text->bytes, '\0', text->size);
}

#include <stdlib.h>

#include "tests/lib/fake_disk_internal.h"

static void *array_grow(void *p, size_t n, size_t *room, size_t size)
{
    if (n < *room) {
        return p;
    }
    *room = *room == 0 ? 8 : *room * 2;
    p = realloc(p, *room * size);
    assert(p != NULL);
    return p;
}

static void image_room(struct image *image, size_t n)
{
    if (n > image->room) {
        image->room = n * 2;
        image->p = realloc(image->p, image->room);
        assert(image->p != NULL);
    }
}

void image_resize(struct image *image, size_t n)
{
    image_room(image, n);
    if (n > image->n) {
        memset(image->p + image->n, 0, n - image->n);
    }
    image->n = n;
}

void image_set(struct image *image, const void *p, size_t n)
{
    image_room(image, n);
    image->n = n;
    if (n > 0) {
        memcpy(image->p, p, n);
    }
}

void image_write(struct image *image, int64_t at, const uint8_t *p, size_t n)
{
    if (n == 0) {
        return;
    }
    if ((size_t)at > image->n) {
        image_resize(image, (size_t)at);
    }
    image_room(image, (size_t)at + n);
    image->n = (size_t)at + n > image->n ? (size_t)at + n : image->n;
    memcpy(image->p + at, p, n);
}

/* Where the name is, or would be. */
static size_t names_at(const struct names *names, const char *name, bool *ret_there)
{
    size_t low = 0;
    size_t high = names->n;
    *ret_there = false;
    while (low < high && !*ret_there) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(names->p[middle].name, name);
        *ret_there = order == 0;
        low = order < 0 ? middle + 1 : order == 0 ? middle : low;
        high = order > 0 ? middle : high;
    }
    return low;
}

struct inode *names_get(const struct names *names, const char *name)
{
    bool there = false;
    size_t at = names_at(names, name, &there);
    return there ? names->p[at].inode : NULL;
}

void names_remove(struct names *names, const char *name)
{
    bool there = false;
    size_t at = names_at(names, name, &there);
    if (there) {
        memmove(&names->p[at], &names->p[at + 1], (names->n - at - 1) * sizeof(names->p[0]));
        names->n--;
    }
}

/* Kept in bytewise order, as disk_list tells them. */
void names_put(struct names *names, const char *name, struct inode *inode)
{
    bool there = false;
    size_t at = names_at(names, name, &there);
    if (!there) {
        names->p = array_grow(names->p, names->n, &names->room, sizeof(names->p[0]));
        memmove(&names->p[at + 1], &names->p[at], (names->n - at) * sizeof(names->p[0]));
        names->n++;
    }
    names->p[at] = (struct entry){.name = name, .inode = inode};
}

void names_copy(struct names *to, const struct names *from)
{
    while (to->room < from->n) {
        to->p = array_grow(to->p, to->room, &to->room, sizeof(to->p[0]));
    }
    to->n = from->n;
    if (from->n > 0) {
        memcpy(to->p, from->p, from->n * sizeof(to->p[0]));
    }
}

const char *name_keep(struct host *host, const char *name)
{
    size_t n = strlen(name);
    struct kept_name *kept = malloc(sizeof(*kept) + n + 1);
    assert(kept != NULL && n <= NAME_MAX_BYTES);
    memcpy(kept->text, name, n + 1);
    kept->next = host->names;
    host->names = kept;
    return kept->text;
}

struct inode *inode_new(struct host *host, bool is_dir)
{
    struct inode *inode = calloc(1, sizeof(*inode));
    assert(inode != NULL);
    inode->host = host;
    inode->is_dir = is_dir;
    inode->next = host->inodes;
    host->inodes = inode;
    return inode;
}

void inode_forget_changes(struct inode *inode)
{
    for (size_t i = 0; i < inode->write_count; i++) {
        free(inode->writes[i].bytes.p);
    }
    inode->write_count = 0;
    inode->naming_count = 0;
}

void inode_forget_pages(struct inode *inode)
{
    size_t kept = 0;
    for (size_t i = 0; i < inode->write_count; i++) {
        if (inode->writes[i].truncate) {
            inode->writes[kept++] = inode->writes[i];
        } else {
            free(inode->writes[i].bytes.p);
        }
    }
    inode->write_count = kept;
}

struct inode *tree_folder(struct host *host, const char *path, const char **ret_name)
{
    struct inode *at = host->root;
    while (*path == '/') {
        path++;
    }
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(path, '/')) {
        char name[NAME_MAX_BYTES + 1];
        size_t n = (size_t)(slash - path);
        assert(n > 0 && n < sizeof(name));
        memcpy(name, path, n);
        name[n] = '\0';
        at = strcmp(name, ".") == 0 ? at : names_get(&at->live_names, name);
        if (at == NULL || !at->is_dir) {
            return NULL;
        }
        path = slash + 1;
    }
    assert(strlen(path) <= NAME_MAX_BYTES);
    *ret_name = path;
    return at;
}

struct inode *tree_find(struct host *host, const char *path)
{
    const char *name = NULL;
    struct inode *folder = tree_folder(host, path, &name);
    if (folder == NULL) {
        return NULL;
    }
    return *name == '\0' || strcmp(name, ".") == 0 ? folder : names_get(&folder->live_names, name);
}

void tree_change(struct inode *folder, const char *gone, const char *name, struct inode *inode)
{
    folder->namings = array_grow(folder->namings, folder->naming_count, &folder->naming_room,
                                 sizeof(folder->namings[0]));
    struct naming *naming = &folder->namings[folder->naming_count++];
    *naming = (struct naming){.gone = NULL};
    if (gone != NULL) {
        naming->gone = name_keep(folder->host, gone);
        names_remove(&folder->live_names, gone);
    }
    if (name != NULL) {
        naming->entry = (struct entry){.name = name_keep(folder->host, name), .inode = inode};
        names_put(&folder->live_names, naming->entry.name, inode);
    }
}

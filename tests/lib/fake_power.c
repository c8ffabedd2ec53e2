#include <stdlib.h>

#include "tests/lib/fake_disk_internal.h"

#define SECTOR 512

static void *memory_take(void *ctx, size_t bytes)
{
    struct host *host = ctx;
    void *p = NULL;
    if (posix_memalign(&p, 16, bytes == 0 ? 16 : bytes) != 0) {
        return NULL;
    }
    memset(p, 0xa5, bytes);
    host->memory_taken += bytes;
    return p;
}

static void memory_give(void *ctx, void *p, size_t bytes)
{
    struct host *host = ctx;
    assert(host->memory_taken >= bytes);
    host->memory_taken -= bytes;
    free(p);
}

const struct memory_source *memory_source(struct host *host)
{
    return &host->memory;
}

size_t memory_taken_bytes(struct host *host)
{
    return host->memory_taken;
}

struct host *fake_host_open(uint64_t seed)
{
    struct host *host = calloc(1, sizeof(*host));
    assert(host != NULL);
    host->memory = (struct memory_source){memory_take, memory_give, host};
    host->freeze_at = -1;
    host->space_left = -1;
    host->hot = true;
    prng_init(&host->prng, seed);
    list_init(&host->files);
    host->root = inode_new(host, true);
    return host;
}

static void inode_free(struct inode *inode)
{
    inode_forget_changes(inode);
    free(inode->live.p);
    free(inode->safe.p);
    free(inode->writes);
    free(inode->live_names.p);
    free(inode->safe_names.p);
    free(inode->namings);
    free(inode);
}

void fake_host_close(struct host *host)
{
    assert(host->open_files == 0);
    assert(host->memory_taken == 0);
    while (host->inodes != NULL) {
        struct inode *next = host->inodes->next;
        inode_free(host->inodes);
        host->inodes = next;
    }
    while (host->names != NULL) {
        struct kept_name *next = host->names->next;
        free(host->names);
        host->names = next;
    }
    free(host);
}

/* The sectors of one write that came through: chance decides for each of them. */
static void write_some(struct host *host, struct image *image, const struct write *write)
{
    for (size_t at = 0; at < write->bytes.n;) {
        size_t n = SECTOR - (size_t)(write->at + (int64_t)at) % SECTOR;
        n = n < write->bytes.n - at ? n : write->bytes.n - at;
        if (prng_chance(&host->prng, 500)) {
            image_write(image, write->at + (int64_t)at, write->bytes.p + at, n);
        }
        at += n;
    }
}

static void file_cut(struct host *host, struct inode *inode, enum fake_cut cut)
{
    size_t whole = cut == FAKE_CUT_ORDERED ? prng_below(&host->prng, inode->write_count + 1) : 0;
    bool all = prng_chance(&host->prng, 200);
    struct image *image = &inode->safe;
    for (size_t i = 0; i < inode->write_count && cut != FAKE_CUT_NOTHING; i++) {
        const struct write *write = &inode->writes[i];
        bool through = cut == FAKE_CUT_ORDERED ? i < whole : all || prng_chance(&host->prng, 500);
        if (write->truncate && through) {
            image_resize(image, (size_t)write->at);
        } else if (!write->truncate && through) {
            image_write(image, write->at, write->bytes.p, write->bytes.n);
        } else if (!write->truncate && (cut == FAKE_CUT_WILD || i == whole)) {
            write_some(host, image, write);
        }
    }
    image_set(&inode->live, image->p, image->n);
}

static void folder_cut(struct host *host, struct inode *inode, enum fake_cut cut)
{
    size_t whole = prng_below(&host->prng, inode->naming_count + 1);
    for (size_t i = 0; i < inode->naming_count && cut != FAKE_CUT_NOTHING; i++) {
        const struct naming *naming = &inode->namings[i];
        if (cut == FAKE_CUT_ORDERED ? i >= whole : prng_chance(&host->prng, 500)) {
            continue;
        }
        struct inode *was = naming->gone == NULL ? NULL
                                                 : names_get(&inode->safe_names, naming->gone);
        if (was != NULL && (naming->entry.inode == NULL || naming->entry.inode == was)) {
            names_remove(&inode->safe_names, naming->gone);
        }
        if (naming->entry.inode != NULL) {
            names_put(&inode->safe_names, naming->entry.name, naming->entry.inode);
        }
    }
    names_copy(&inode->live_names, &inode->safe_names);
}

void fake_disk_power_cut(struct host *host, enum fake_cut cut)
{
    host->powers++;
    host->freeze_at = -1;
    host->fail_sync = 0;
    host->fail_change = 0;
    for (struct inode *inode = host->inodes; inode != NULL; inode = inode->next) {
        if (cut == FAKE_CUT_ALL) {
            image_set(&inode->safe, inode->live.p, inode->live.n);
            names_copy(&inode->safe_names, &inode->live_names);
        } else if (inode->is_dir) {
            folder_cut(host, inode, cut);
        } else {
            file_cut(host, inode, cut);
        }
        inode_forget_changes(inode);
    }
}

bool fake_disk_forget(struct host *host, const char *path)
{
    const char *name;
    struct inode *folder = tree_folder(host, path, &name);
    if (folder == NULL || names_get(&folder->live_names, name) == NULL) {
        return false;
    }
    names_remove(&folder->live_names, name);
    if (names_get(&folder->safe_names, name) != NULL) {
        names_remove(&folder->safe_names, name);
    }
    for (size_t i = 0; i < folder->naming_count; i++) { /* nor does a power cut bring it back */
        struct naming *naming = &folder->namings[i];
        if (naming->entry.inode != NULL && strcmp(naming->entry.name, name) == 0) {
            naming->entry = (struct entry){.inode = NULL};
        }
    }
    return true;
}

void fake_disk_freeze_after(struct host *host, int64_t changes)
{
    host->freeze_at = changes < 0 ? -1 : host->changes + changes;
}

int64_t fake_disk_changes(const struct host *host)
{
    return host->changes;
}

void fake_disk_space_left(struct host *host, int64_t bytes)
{
    host->space_left = bytes;
}

void fake_disk_fail_sync(struct host *host, int n)
{
    host->fail_sync = n;
}

void fake_disk_fail_read(struct host *host, int n, err_t err)
{
    host->fail_read = n;
    host->fail_read_error = err;
}

void fake_disk_fail_change(struct host *host, int n, err_t err)
{
    host->fail_change = n;
    host->fail_error = err;
}

void fake_disk_set_hot(struct host *host, bool hot)
{
    host->hot = hot;
}

int64_t fake_disk_syncs(const struct host *host)
{
    return host->syncs;
}

int fake_disk_open_files(const struct host *host)
{
    return host->open_files;
}

void fake_disk_drop_files(struct host *host)
{
    for (struct list_node *node = list_first(&host->files); node != NULL;
         node = list_first(&host->files)) {
        disk_close(CONTAINER_OF(node, struct disk_file, node));
    }
}

void fake_disk_flip(struct host *host, const char *path, int64_t byte, unsigned bit)
{
    struct inode *inode = tree_find(host, path);
    assert(inode != NULL && (size_t)byte < inode->live.n);
    inode->live.p[byte] ^= (uint8_t)(1u << bit);
    if ((size_t)byte < inode->safe.n) {
        inode->safe.p[byte] ^= (uint8_t)(1u << bit);
    }
}

static void leave_cache(struct inode *inode, int64_t from, int64_t to)
{
    bool none = inode->cold_to <= inode->cold_from;
    inode->cold_from = none || from < inode->cold_from ? from : inode->cold_from;
    inode->cold_to = none || to > inode->cold_to ? to : inode->cold_to;
}

void fake_disk_rot(struct inode *inode, int64_t at, const uint8_t *p, size_t n, bool cold)
{
    assert((size_t)at + n <= inode->live.n && (size_t)at + n <= inode->safe.n);
    memcpy(inode->live.p + at, p, n);
    memcpy(inode->safe.p + at, p, n);
    if (cold) {
        leave_cache(inode, at, at + (int64_t)n);
    }
}

void fake_disk_read_odd(struct inode *inode, int64_t at, size_t n, enum fake_odd odd, bool once)
{
    inode->odd = odd;
    inode->odd_at = at;
    inode->odd_bytes = n;
    inode->odd_once = once;
    leave_cache(inode, at, at + (int64_t)n);
}

void fake_disk_unread(struct host *host, const char *path, int64_t at, size_t n)
{
    struct inode *inode = tree_find(host, path);
    assert(inode != NULL);
    fake_disk_read_odd(inode, at, n, FAKE_READ_FAILS, false);
}

uint8_t *fake_disk_bytes(struct host *host, const char *path, size_t *ret_n)
{
    struct inode *inode = tree_find(host, path);
    if (inode == NULL) {
        return NULL;
    }
    uint8_t *copy = malloc(inode->live.n + 1);
    assert(copy != NULL);
    if (inode->live.n > 0) {
        memcpy(copy, inode->live.p, inode->live.n);
    }
    *ret_n = inode->live.n;
    return copy;
}

void fake_disk_put(struct host *host, const char *path, const void *p, size_t n)
{
    const char *name = NULL;
    struct inode *folder = tree_folder(host, path, &name);
    assert(folder != NULL);
    struct inode *inode = inode_new(host, false);
    image_set(&inode->live, p, n);
    image_set(&inode->safe, p, n);
    names_put(&folder->live_names, name_keep(host, name), inode);
    names_put(&folder->safe_names, name_keep(host, name), inode);
}

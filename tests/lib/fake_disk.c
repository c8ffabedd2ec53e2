#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/fake_disk_internal.h"

err_t fake_change(struct host *host)
{
    if (host->freeze_at >= 0 && host->changes >= host->freeze_at) {
        return ERR_IO;
    }
    if (host->fail_change > 0 && --host->fail_change == 0) {
        return host->fail_error;
    }
    host->changes++;
    return OK;
}

static bool file_dead(const struct disk_file *file)
{
    return file->power != file->host->powers;
}

err_t disk_open(struct host *host, const char *path, unsigned flags, struct disk_file **ret_file)
{
    const char *name = NULL;
    struct inode *folder = tree_folder(host, path, &name);
    ENSURE(folder != NULL, ERR_NOT_FOUND);
    struct inode *inode = names_get(&folder->live_names, name);
    if (inode == NULL) {
        ENSURE(flags & DISK_CREATE, ERR_NOT_FOUND);
        TRY(fake_change(host));
        inode = inode_new(host, false);
        tree_change(folder, NULL, name, inode);
    } else {
        ENSURE(!(flags & DISK_EXCLUSIVE), ERR_EXISTS);
        ENSURE(!inode->is_dir, ERR_IO);
    }
    struct disk_file *file = calloc(1, sizeof(*file));
    assert(file != NULL);
    *file = (struct disk_file){
        .host = host, .inode = inode, .power = host->powers, .writable = (flags & DISK_WRITE) != 0};
    list_push(&host->files, &file->node);
    host->open_files++;
    *ret_file = file;
    return OK;
}

void disk_close(struct disk_file *file)
{
    if (file != NULL) {
        assert(file->host->open_files > 0);
        file->host->open_files--;
        list_remove(&file->node);
        free(file);
    }
}

static void file_note(struct inode *inode, bool truncate, int64_t at, const uint8_t *p, size_t n)
{
    if (inode->write_count == inode->write_room) {
        inode->write_room = inode->write_room == 0 ? 8 : inode->write_room * 2;
        inode->writes = realloc(inode->writes, inode->write_room * sizeof(inode->writes[0]));
        assert(inode->writes != NULL);
    }
    struct write *write = &inode->writes[inode->write_count++];
    *write = (struct write){.truncate = truncate, .at = at};
    image_set(&write->bytes, p, n);
}

err_t disk_write(struct disk_file *file, const struct slice *pieces, size_t count, int64_t at)
{
    struct host *host = file->host;
    assert(file->writable && at >= 0);
    ENSURE(!file_dead(file), ERR_IO);
    err_t err = fake_change(host);
    for (size_t i = 0; i < count; i++) {
        size_t n = pieces[i].n;
        if (err != OK) {
            n = host->freeze_at >= 0 ? 0 : prng_below(&host->prng, n + 1); /* a short write */
        }
        if (host->space_left >= 0 && n > (size_t)host->space_left) {
            n = (size_t)host->space_left;
        }
        file_note(file->inode, false, at, pieces[i].p, n);
        image_write(&file->inode->live, at, pieces[i].p, n);
        host->space_left -= host->space_left >= 0 ? (int64_t)n : 0;
        at += (int64_t)n;
        TRY(err);
        ENSURE(n == pieces[i].n, ERR_NO_SPACE);
    }
    return err;
}

static bool overlap(int64_t a, int64_t a_end, int64_t b, int64_t b_end)
{
    return a < b_end && b < a_end;
}

static err_t read_odd(struct inode *inode, int64_t at, uint8_t *p, size_t n)
{
    int64_t end = inode->odd_at + (int64_t)inode->odd_bytes;
    enum fake_odd odd = inode->odd;
    if (odd == FAKE_READ_WELL || !overlap(at, at + (int64_t)n, inode->odd_at, end)) {
        return OK;
    }
    inode->odd = inode->odd_once ? FAKE_READ_WELL : odd;
    ENSURE(odd != FAKE_READ_FAILS, ERR_IO);
    for (size_t i = 0; i < n; i++) {
        int64_t here = at + (int64_t)i;
        p[i] = here >= inode->odd_at && here < end ? 0 : p[i];
    }
    return OK;
}

err_t disk_read(struct disk_file *file, int64_t at, void *p, size_t n, size_t *ret_n)
{
    assert(at >= 0);
    ENSURE(!file_dead(file), ERR_IO);
    const struct image *live = &file->inode->live;
    size_t there = (size_t)at < live->n ? live->n - (size_t)at : 0;
    *ret_n = n < there ? n : there;
    if (*ret_n > 0) {
        memcpy(p, live->p + at, *ret_n);
    }
    return read_odd(file->inode, at, p, *ret_n);
}

bool disk_hot(struct disk_file *file, int64_t at, size_t n)
{
    const struct inode *inode = file->inode;
    return file->host->hot && !overlap(at, at + (int64_t)n, inode->cold_from, inode->cold_to);
}

err_t disk_size(struct disk_file *file, int64_t *ret_bytes)
{
    *ret_bytes = (int64_t)file->inode->live.n;
    return OK;
}

err_t disk_truncate(struct disk_file *file, int64_t bytes)
{
    assert(file->writable && bytes >= 0);
    ENSURE(!file_dead(file), ERR_IO);
    TRY(fake_change(file->host));
    file_note(file->inode, true, bytes, NULL, 0);
    image_resize(&file->inode->live, (size_t)bytes);
    return OK;
}

err_t disk_sync(struct disk_file *file)
{
    struct host *host = file->host;
    ENSURE(!file_dead(file), ERR_IO);
    TRY(fake_change(host));
    host->syncs++;
    struct inode *inode = file->inode;
    if (host->fail_sync > 0 && --host->fail_sync == 0) {
        inode_forget_pages(inode); /* the kernel calls them clean: they will never be written */
        return ERR_IO;
    }
    for (size_t i = 0; i < inode->write_count;
         i++) { /* and no page that a failed sync called clean */
        const struct write *write = &inode->writes[i];
        if (write->truncate) {
            image_resize(&inode->safe, (size_t)write->at);
        } else {
            image_write(&inode->safe, write->at, write->bytes.p, write->bytes.n);
        }
    }
    inode_forget_changes(inode);
    return OK;
}

err_t disk_mkdir(struct host *host, const char *path)
{
    const char *name = NULL;
    struct inode *folder = tree_folder(host, path, &name);
    ENSURE(folder != NULL, ERR_NOT_FOUND);
    ENSURE(names_get(&folder->live_names, name) == NULL, ERR_EXISTS);
    TRY(fake_change(host));
    tree_change(folder, NULL, name, inode_new(host, true));
    return OK;
}

err_t disk_rmdir(struct host *host, const char *path)
{
    const char *name = NULL;
    struct inode *folder = tree_folder(host, path, &name);
    struct inode *inode = folder == NULL ? NULL : names_get(&folder->live_names, name);
    ENSURE(inode != NULL && inode->is_dir, ERR_NOT_FOUND);
    ENSURE(inode->live_names.n == 0, ERR_IO);
    TRY(fake_change(host));
    tree_change(folder, name, NULL, NULL);
    return OK;
}

err_t disk_rename(struct host *host, const char *from, const char *to)
{
    const char *from_name = NULL;
    const char *to_name = NULL;
    struct inode *from_folder = tree_folder(host, from, &from_name);
    struct inode *to_folder = tree_folder(host, to, &to_name);
    ENSURE(from_folder != NULL && to_folder != NULL, ERR_NOT_FOUND);
    struct inode *inode = names_get(&from_folder->live_names, from_name);
    ENSURE(inode != NULL, ERR_NOT_FOUND);
    TRY(fake_change(host));
    if (from_folder == to_folder) {
        tree_change(from_folder, from_name, to_name, inode);
    } else {
        tree_change(to_folder, NULL, to_name, inode);
        tree_change(from_folder, from_name, NULL, NULL);
    }
    return OK;
}

err_t disk_unlink(struct host *host, const char *path)
{
    const char *name = NULL;
    struct inode *folder = tree_folder(host, path, &name);
    struct inode *inode = folder == NULL ? NULL : names_get(&folder->live_names, name);
    ENSURE(inode != NULL && !inode->is_dir, ERR_NOT_FOUND);
    TRY(fake_change(host));
    tree_change(folder, name, NULL, NULL);
    return OK;
}

err_t disk_sync_dir(struct host *host, const char *path)
{
    struct inode *inode = tree_find(host, path);
    ENSURE(inode != NULL && inode->is_dir, ERR_NOT_FOUND);
    TRY(fake_change(host));
    host->syncs++;
    names_copy(&inode->safe_names, &inode->live_names);
    inode->naming_count = 0;
    return OK;
}

err_t disk_list(struct host *host, const char *path, struct arena *arena,
                struct disk_entry **ret_entries, size_t *ret_count)
{
    struct inode *inode = tree_find(host, path);
    ENSURE(inode != NULL && inode->is_dir, ERR_NOT_FOUND);
    const struct names *names = &inode->live_names;
    struct disk_entry *entries = arena_array(arena, names->n, sizeof(*entries));
    ENSURE(entries != NULL, ERR_NO_MEMORY);
    for (size_t i = 0; i < names->n; i++) {
        const struct inode *child = names->p[i].inode;
        size_t room = strlen(names->p[i].name) + 1;
        char *name = arena_alloc(arena, room);
        ENSURE(name != NULL, ERR_NO_MEMORY);
        memcpy(name, names->p[i].name, room);
        entries[i].name = name;
        entries[i].is_dir = child->is_dir;
        entries[i].bytes = (int64_t)child->live.n;
    }
    *ret_entries = entries;
    *ret_count = names->n;
    return OK;
}

err_t disk_read_file(struct host *host, const char *path, size_t bytes_max, struct arena *arena,
                     struct slice *ret_bytes)
{
    struct inode *inode = tree_find(host, path);
    ENSURE(inode != NULL && !inode->is_dir, ERR_NOT_FOUND);
    if (host->fail_read > 0 && --host->fail_read == 0) {
        return host->fail_read_error;
    }
    ENSURE(inode->live.n <= bytes_max, ERR_TOO_LARGE);
    return arena_copy(
               arena,
               slice_of(inode->live.n == 0 ? (const uint8_t *)"" : inode->live.p, inode->live.n),
               ret_bytes)
               ? OK
               : ERR_NO_MEMORY;
}

err_t disk_replace_file(struct host *host, const char *path, struct slice bytes)
{
    char temporary[4096];
    char folder[4096];
    int n = snprintf(temporary, sizeof(temporary), "%s.%llu.tmp", path,
                     (unsigned long long)host->name_counter++);
    assert(n > 0 && (size_t)n < sizeof(temporary));
    const char *slash = strrchr(path, '/');
    n = snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 0 : (int)(slash - path), path);
    assert(n >= 0 && (size_t)n < sizeof(folder));
    struct disk_file *file = NULL;
    TRY(disk_open(host, temporary, DISK_WRITE | DISK_CREATE, &file));
    err_t err = disk_write(file, &bytes, 1, 0);
    if (err == OK) {
        err = disk_sync(file);
    }
    disk_close(file);
    TRY(err);
    TRY(disk_rename(host, temporary, path));
    return MUTANT(42) ? OK : disk_sync_dir(host, folder);
}

err_t disk_space(struct host *host, const char *path, int64_t *ret_free_bytes,
                 int64_t *ret_total_bytes)
{
    ENSURE(tree_find(host, path) != NULL, ERR_NOT_FOUND);
    *ret_free_bytes = host->space_left < 0 ? INT64_C(1) << 40 : host->space_left;
    *ret_total_bytes = INT64_C(1) << 40;
    return OK;
}

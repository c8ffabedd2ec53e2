/* Folders on the real host, with a device that does not give all of them. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/host/host.h"
#include "common/port/disk.h"
#include "common/port/memory.h"

#define FILES 5

static int fails_at; /* the n-th name from now on; 0: none */

/* In the place of the C library's. */
struct dirent *readdir(DIR *dir)
{
    struct dirent *(*real)(DIR *) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "readdir64");
    if (real == NULL) {
        abort();
    }
    if (fails_at > 0 && --fails_at == 0) {
        errno = EIO;
        return NULL;
    }
    return real(dir);
}

static err_t names(struct host *host, const char *root, size_t *ret_count)
{
    struct arena arena;
    struct disk_entry *entries = NULL;
    *ret_count = 0;
    arena_init(&arena, memory_source(host), 4096, 1 << 20);
    err_t err = disk_list(host, root, &arena, &entries, ret_count);
    arena_release(&arena);
    return err;
}

Test(folder, one_that_cannot_be_read_to_its_end_is_not_a_shorter_one)
{
    char root[] = "/tmp/odradek-folder-XXXXXX";
    char path[64];
    size_t count = 0;
    struct host *host = host_open(
        &(struct host_options){.pool_threads = 1, .memory_max_bytes = (size_t)64 << 20});
    cr_assert_not_null(host);
    cr_assert_not_null(mkdtemp(root));
    for (int i = 0; i < FILES; i++) {
        struct disk_file *file = NULL;
        (void)snprintf(path, sizeof(path), "%s/%d", root, i);
        cr_assert_eq(disk_open(host, path, DISK_WRITE | DISK_CREATE, &file), OK);
        disk_close(file);
    }
    cr_assert_eq(names(host, root, &count), OK);
    cr_assert_eq(count, FILES);
    for (int n = 1; n <= FILES + 3; n++) { /* with "." and "..", and behind the last */
        fails_at = n;
        cr_assert_eq(names(host, root, &count), ERR_IO, "name %d", n);
    }
    for (int i = 0; i < FILES; i++) {
        (void)snprintf(path, sizeof(path), "%s/%d", root, i);
        cr_assert_eq(disk_unlink(host, path), OK);
    }
    cr_assert_eq(disk_rmdir(host, root), OK);
    host_close(host);
}

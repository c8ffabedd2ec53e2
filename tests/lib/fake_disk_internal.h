/* What the files of the fake disk share: the tree of folders and files with its two images. */
#ifndef ODRADEK_TESTS_FAKE_DISK_INTERNAL_H
#define ODRADEK_TESTS_FAKE_DISK_INTERNAL_H

#include "common/base/mutant.h"
#include "common/base/list.h"
#include "common/base/prng.h"
#include "tests/lib/fake_disk.h"

#define NAME_MAX_BYTES 255

struct image {
    uint8_t *p;
    size_t n;
    size_t room;
};

struct entry {
    const char *name; /* its host's, as long as that is there */
    struct inode *inode;
};

struct names {
    struct entry *p;
    size_t n;
    size_t room;
};

/* One change of a file since its last sync. */
struct write {
    bool truncate; /* to `at` bytes; else bytes at `at` */
    int64_t at;
    struct image bytes;
};

/* One change of a folder since its last sync: first `gone` goes, then `entry` appears; NULL: nothing does. */
struct naming {
    const char *gone;
    struct entry entry;
};

struct inode {
    struct inode *next; /* all of them */
    struct host *host;
    bool is_dir;
    /* a file */
    struct image live;
    struct image safe;
    struct write *writes;
    size_t write_count;
    size_t write_room;
    int64_t cold_from; /* what lies here is not in the page cache */
    int64_t cold_to;
    int64_t odd_at; /* this many bytes are read in an odd way */
    size_t odd_bytes;
    enum fake_odd odd;
    bool odd_once;
    /* a folder */
    struct names live_names;
    struct names safe_names;
    struct naming *namings;
    size_t naming_count;
    size_t naming_room;
};

/* A name that was ever used, kept until the host goes. */
struct kept_name {
    struct kept_name *next;
    char text[];
};

struct host {
    struct memory_source memory;
    size_t memory_taken;
    struct prng prng;
    struct inode *inodes;
    struct kept_name *names;
    struct inode *root;
    int64_t changes;
    int64_t freeze_at;  /* -1: never */
    int64_t space_left; /* -1: no limit */
    int64_t syncs;
    int fail_sync;
    int fail_change;
    err_t fail_error;
    int fail_read;
    err_t fail_read_error;
    int open_files;
    uint64_t powers; /* how often the power went */
    uint64_t name_counter;
    struct list files; /* open handles */
    void *owner;       /* the world around it, if there is one */
    bool hot;
};

struct disk_file {
    struct list_node node;
    struct host *host;
    struct inode *inode;
    uint64_t power; /* dead when host->powers moved on */
    bool writable;
};

void image_set(struct image *, const void *p, size_t n);
void image_resize(struct image *, size_t n);
void image_write(struct image *, int64_t at, const uint8_t *p, size_t n);
struct inode *names_get(const struct names *, const char *name);
/* The name stays where it is. */
void names_put(struct names *, const char *name, struct inode *);
void names_remove(struct names *, const char *name);
void names_copy(struct names *to, const struct names *from);

const char *name_keep(struct host *, const char *name);
struct inode *inode_new(struct host *, bool is_dir);
void inode_forget_changes(struct inode *);
/* Of these, what was written; that the file was cut stands in the file system's journal, and waits for a sync as before. */
void inode_forget_pages(struct inode *);
/* The folder of a path and the last part of its name; NULL when a folder on the way is missing. */
struct inode *tree_folder(struct host *, const char *path, const char **ret_name);
struct inode *tree_find(struct host *, const char *path);
void tree_change(struct inode *folder, const char *gone, const char *name, struct inode *);

/* Counts a change; ERR_IO once frozen. */
err_t fake_change(struct host *);

#endif

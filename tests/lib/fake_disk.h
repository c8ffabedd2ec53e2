/*
 * A disk in memory behind port/disk.h and port/memory.h, for tests: it can lose power, run full, fail and freeze.
 *
 * It keeps what is (the live image, as a process sees it through the page cache) apart from what is safe (the durable
 * image). disk_sync makes a file's bytes and length safe, disk_sync_dir the names of one folder. A power cut keeps what is
 * safe and, of everything since, whatever chance lets through: FAKE_CUT_NOTHING none of it, FAKE_CUT_ORDERED a prefix of
 * each file's and each folder's changes with a torn last write, FAKE_CUT_WILD any subset of 512-byte sectors, truncations
 * and names, FAKE_CUT_ALL all of it (a killed process). Handles die with the power.
 *
 * disk_submit, loops, clocks and locks are not in here. One thread. The functions named disk_* are those of port/disk.h.
 */
#ifndef ODRADEK_TESTS_FAKE_DISK_H
#define ODRADEK_TESTS_FAKE_DISK_H

#include "common/port/disk.h"
#include "common/port/memory.h"

enum fake_cut {
    FAKE_CUT_NOTHING,
    FAKE_CUT_ORDERED,
    FAKE_CUT_WILD,
    FAKE_CUT_ALL,
};

/* How a stretch of a file is read. */
enum fake_odd {
    FAKE_READ_WELL,
    FAKE_READ_FAILS,
    FAKE_READ_OLD, /* as it was before anything was written there */
};

struct host *fake_host_open(uint64_t seed);
/* Everything is freed; asserts that no file is open and no memory was left behind. */
void fake_host_close(struct host *);

/* The power goes and comes back. Files must have been closed before (they may be: closing writes nothing). */
void fake_disk_power_cut(struct host *, enum fake_cut);

/* From now on only this many changes succeed, the rest fails with ERR_IO and changes nothing; -1: no limit. */
void fake_disk_freeze_after(struct host *, int64_t changes);
/* Changes since the beginning: writes, truncations, syncs, names. */
int64_t fake_disk_changes(const struct host *);

/* Bytes that fit until writes stop half way with ERR_NO_SPACE; -1: no limit. */
void fake_disk_space_left(struct host *, int64_t bytes);
/* The n-th sync of a file from now on fails, and its unsynced bytes count as clean (they go at a power cut); 0: none. */
void fake_disk_fail_sync(struct host *, int n);
/* The n-th change from now on fails once with this error and changes nothing, or half of what it should; 0: none. */
void fake_disk_fail_change(struct host *, int n, err_t);
/* The n-th small file that is read as a whole from now on is not, for this error, once; 0: none. */
void fake_disk_fail_read(struct host *, int n, err_t);
/* Whether disk_hot says yes (it does at first). */
void fake_disk_set_hot(struct host *, bool hot);
/* Syncs of files and folders so far. */
int64_t fake_disk_syncs(const struct host *);
/* Files open now. */
int fake_disk_open_files(const struct host *);

/* Closes every handle: the process that had them has died. */
void fake_disk_drop_files(struct host *);

/* Takes a name out of a folder in both images, whatever lies behind it; false: it is not there. Not while anything of it is
 * open. */
bool fake_disk_forget(struct host *, const char *path);
struct inode;
/* n bytes of a file are other ones in both images from now on; cold: and what is there leaves the page cache for good. */
void fake_disk_rot(struct inode *, int64_t at, const uint8_t *p, size_t n, bool cold);
/* The next read that touches this stretch (once), or each one until it is written, is odd; and it leaves the page cache. */
void fake_disk_read_odd(struct inode *, int64_t at, size_t n, enum fake_odd, bool once);
/* The same by a name: each read fails. */
void fake_disk_unread(struct host *, const char *path, int64_t at, size_t n);
/* Flips one bit in both images. */
void fake_disk_flip(struct host *, const char *path, int64_t byte, unsigned bit);
/* A copy of a file's live bytes in malloc'ed memory, or NULL when there is none. */
uint8_t *fake_disk_bytes(struct host *, const char *path, size_t *ret_n);
/* Puts a file there, safe at once. */
void fake_disk_put(struct host *, const char *path, const void *p, size_t n);

#endif

/*
 * What the interposed library writes and reads. tests/shim/shimlog.py mirrors both layouts. Host byte order, little-endian.
 */
#ifndef ODRADEK_TESTS_SHIM_SHIM_H
#define ODRADEK_TESTS_SHIM_SHIM_H

#include <stdint.h>

enum shim_op { SHIM_FSYNC = 1, SHIM_FDATASYNC, SHIM_SYNC_FILE_RANGE, SHIM_SYNCFS };

/*
 * One sync, appended to $ODRADEK_SHIM_LOG after it is done and before its caller hears of it: so an answer that was sent because
 * of a sync is later than the sync's event, even if the process is killed in between.
 * `size` is the file's size when the call began: what it promises to have brought to the disk. The caller may not count more.
 */
struct shim_event {
    uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
    uint64_t device, inode;
    int64_t size;
    int32_t result; /* 0, or errno */
    uint8_t op, injected;
    char path[210];
};
_Static_assert(sizeof(struct shim_event) == 256, "the layout of the log");

/*
 * $ODRADEK_SHIM_CONTROL, mapped shared: whoever writes the file changes what happens from the next sync on.
 * Only syncs of paths that contain `match` (empty: all) are delayed or failed.
 */
struct shim_control {
    uint32_t delay_us;
    uint32_t error; /* errno of every matching sync; 0: none fails */
    char match[248];
};
_Static_assert(sizeof(struct shim_control) == 256, "the layout of the control file");

#endif

/*
 * Epoch cache: leader epoch -> offset of the first record written under it (KIP-101, KIP-279), the memory behind
 * log truncation. The same entries make up the file leader-epoch-checkpoint.
 *
 * Epochs and start offsets both grow from entry to entry; epochs grow strictly. An epoch without records keeps its entry
 * (its start is the next one's start): two elections without data between them must not look like one (KAFKA-10706).
 */
#ifndef ODRADEK_REPLICA_EPOCH_CACHE_H
#define ODRADEK_REPLICA_EPOCH_CACHE_H

#include "common/base/heap.h"

#define NO_EPOCH  (-1)
#define NO_OFFSET (-1)

struct epoch_entry {
    int32_t epoch;
    int64_t start_offset;
};

struct epoch_cache {
    struct heap *heap;
    struct epoch_entry *entries; /* oldest first */
    uint32_t count;
    uint32_t room;
};

void epoch_cache_init(struct epoch_cache *, struct heap *);
void epoch_cache_release(struct epoch_cache *);
void epoch_cache_clear(struct epoch_cache *);

/*
 * Records that `epoch` begins at `start_offset`. Nothing changes when the newest entry has this epoch or a later one.
 * false: out of memory, nothing changed.
 */
bool epoch_cache_assign(struct epoch_cache *, int32_t epoch, int64_t start_offset,
                        bool *ret_changed) MUST_USE;

/* Makes room for n more entries, so that the next n assigns cannot fail. */
bool epoch_cache_reserve(struct epoch_cache *, uint32_t n) MUST_USE;

/* The newest epoch, or NO_EPOCH. */
int32_t epoch_cache_latest(const struct epoch_cache *);

/*
 * The largest known epoch <= `epoch` and the offset behind its last record (KIP-279).
 * Newest epoch asked: `log_end`. All known epochs are later: `epoch` itself and the start of the oldest.
 * Nothing known, or all known epochs are earlier: NO_EPOCH and NO_OFFSET.
 */
void epoch_cache_end(const struct epoch_cache *, int32_t epoch, int64_t log_end, int32_t *ret_epoch,
                     int64_t *ret_end);

/* Of the record at `offset`: the newest epoch that begins there or before; NO_EPOCH: none does. */
int32_t epoch_cache_at(const struct epoch_cache *, int64_t offset);

/* The log now ends at `end`: epochs that begin at or behind it go, empty ones included (KAFKA-10706). True: changed. */
bool epoch_cache_truncate_end(struct epoch_cache *, int64_t end);

/* The log now starts at `start`: epochs wholly below it go, the one that holds it begins there. True: changed. */
bool epoch_cache_truncate_start(struct epoch_cache *, int64_t start);

void epoch_cache_check(const struct epoch_cache *, int64_t log_end);

#endif

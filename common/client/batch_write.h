/*
 * Record batches of a producer. Records gather as plain bytes, each batch for one partition; when it is to be sent, its header
 * gets the producer's id, epoch and sequence, and its records are compressed in one go. What comes out is sent unchanged until it
 * is acknowledged, so that a broker that has it already recognises it (KIP-98).
 *
 * A packer compresses for many gathers, one after the other. Memory: the heap's; a gather ends at the limit it was given.
 */
#ifndef ODRADEK_CLIENT_BATCH_WRITE_H
#define ODRADEK_CLIENT_BATCH_WRITE_H

#include "common/codec/codec.h"
#include "common/wire/record_batch_build.h"

/* Records that are being gathered for one partition. */
struct batch_gather {
    struct buf plain;
    struct batch_builder builder;
    int32_t records;
    size_t bytes_max;
};

/* A batch that is sent until it is acknowledged. */
struct batch_sealed {
    struct buf bytes;
    int32_t records;
    int32_t base_sequence;
    size_t plain_bytes;
};

struct batch_packer {
    const struct crc32c_impl *crc;
    struct encoder encoder;
    enum compression compression;
};

void batch_packer_init(struct batch_packer *, struct heap *, enum compression);
void batch_packer_release(struct batch_packer *);

void batch_gather_init(struct batch_gather *, struct heap *, size_t bytes_max);
void batch_gather_release(struct batch_gather *);
/* Whether the record fits into what is there; always, when nothing is. */
bool batch_gather_fits(const struct batch_gather *, const struct record *);
/* The record's offset is set here. ERR_NO_MEMORY, ERR_TOO_LARGE. */
err_t batch_gather_add(struct batch_gather *, struct record *) MUST_USE;
static inline size_t batch_gather_bytes(const struct batch_gather *gather)
{
    return gather->plain.n;
}

void batch_sealed_init(struct batch_sealed *, struct heap *, size_t bytes_max);
void batch_sealed_release(struct batch_sealed *);
/* Moves the gathered records into `sealed`; the gather is empty afterwards. producer_id may be NO_PRODUCER_ID. */
err_t batch_seal(struct batch_packer *, struct batch_gather *, int64_t producer_id,
                 int16_t producer_epoch, int32_t base_sequence, struct batch_sealed *) MUST_USE;

#endif

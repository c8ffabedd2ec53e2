#include "common/client/batch_read.h"

#include "common/base/limits.h"

void batch_read_init(struct batch_read *read, struct heap *heap)
{
    memset(read, 0, sizeof(*read));
    read->crc = crc32c_detect();
    decoder_init(&read->decoder, heap);
    buf_init(&read->plain, heap, BATCH_OUTPUT_MAX);
    assert(read->crc != NULL);
}

void batch_read_release(struct batch_read *read)
{
    decoder_release(&read->decoder);
    buf_release(&read->plain);
}

void batch_read_begin(struct batch_read *read, struct slice bytes, int64_t from_offset)
{
    assert(from_offset >= 0);
    read->rest = bytes;
    read->from = from_offset;
    read->next_offset = from_offset;
    read->inside = false;
    read->cut = false;
    read->reason = NULL;
    read->batch = (struct batch_header){.base_offset = from_offset};
}

static err_t batch_open(struct batch_read *read, struct slice batch)
{
    assert(!read->inside && batch.n >= BATCH_HEADER_BYTES);
    TRY(batch_check(read->crc, batch, &read->batch));
    enum compression compression = batch_compression(&read->batch);
    struct slice plain = slice_of(batch.p + BATCH_HEADER_BYTES, batch.n - BATCH_HEADER_BYTES);
    if (compression != COMPRESSION_NONE) {
        buf_clear(&read->plain);
        err_t err = decoder_all(&read->decoder, compression, plain, &read->plain);
        if (err != OK) {
            read->reason = decoder_reason(&read->decoder);
            return err;
        }
        plain = buf_slice(&read->plain);
    }
    record_reader_init(&read->records, &read->batch, plain);
    read->inside = true;
    return OK;
}

/* Opens the next batch with records for the reader; *ret_more false: there is none. */
static err_t batch_advance(struct batch_read *read, bool *ret_more)
{
    assert(!read->inside);
    bool first = read->next_offset == read->from;
    for (;;) {
        struct slice batch;
        *ret_more = false;
        if (read->rest.n == 0) {
            return OK;
        }
        err_t err = batch_cut(&read->rest, &batch);
        if (err == ERR_TRUNCATED) {
            read->rest.n = 0;
            read->cut = first;
            return OK;
        }
        TRY(err);
        TRY(batch_open(read, batch));
        int64_t last = read->batch.base_offset + read->batch.last_offset_delta;
        bool control = (read->batch.attributes & BATCH_CONTROL) != 0;
        if (last >= read->from && !control) {
            *ret_more = true;
            return OK;
        }
        read->inside = false;
        if (last >= read->next_offset) {
            read->next_offset = last + 1;
        }
        first = false;
    }
}

err_t batch_read_next(struct batch_read *read, struct record *ret_record, bool *ret_more)
{
    assert(ret_record != NULL && ret_more != NULL);
    for (;;) {
        if (!read->inside) {
            TRY(batch_advance(read, ret_more));
            if (!*ret_more) {
                return OK;
            }
        }
        err_t err = record_reader_next(&read->records, ret_record, ret_more);
        if (err != OK) {
            read->reason = read->records.reason;
            return err;
        }
        if (!*ret_more) {
            read->inside = false;
            read->next_offset = max_i64(read->next_offset, read->batch.base_offset +
                                                               read->batch.last_offset_delta + 1);
        } else if (ret_record->offset >= read->from) {
            read->next_offset = ret_record->offset + 1;
            return OK;
        }
    }
}

const char *batch_read_reason(const struct batch_read *read, err_t err)
{
    assert(err != OK);
    return read->reason != NULL ? read->reason : err_text(err);
}

#include "common/client/batch_write.h"

#include "common/base/limits.h"

void batch_packer_init(struct batch_packer *packer, struct heap *heap, enum compression compression)
{
    packer->crc = crc32c_detect();
    packer->compression = compression;
    encoder_init(&packer->encoder, heap);
    assert(packer->crc != NULL);
}

void batch_packer_release(struct batch_packer *packer)
{
    encoder_release(&packer->encoder);
}

void batch_gather_init(struct batch_gather *gather, struct heap *heap, size_t bytes_max)
{
    assert(bytes_max > BATCH_HEADER_BYTES);
    gather->records = 0;
    gather->bytes_max = bytes_max;
    buf_init(&gather->plain, heap, BATCH_OUTPUT_MAX);
}

void batch_gather_release(struct batch_gather *gather)
{
    buf_release(&gather->plain);
}

bool batch_gather_fits(const struct batch_gather *gather, const struct record *record)
{
    return gather->records == 0 ||
           gather->plain.n + batch_record_bytes_max(record) <= gather->bytes_max;
}

err_t batch_gather_add(struct batch_gather *gather, struct record *record)
{
    assert(gather->records < INT32_MAX);
    if (gather->records == 0) {
        struct batch_options options = batch_options_plain();
        assert(gather->plain.n == 0);
        batch_begin(&gather->builder, &options, &gather->plain);
    }
    record->offset = gather->records;
    TRY(batch_add(&gather->builder, record));
    gather->records++;
    return OK;
}

void batch_sealed_init(struct batch_sealed *sealed, struct heap *heap, size_t bytes_max)
{
    assert(bytes_max > BATCH_HEADER_BYTES);
    *sealed = (struct batch_sealed){.records = 0};
    buf_init(&sealed->bytes, heap, bytes_max);
}

void batch_sealed_release(struct batch_sealed *sealed)
{
    buf_release(&sealed->bytes);
}

err_t batch_seal(struct batch_packer *packer, struct batch_gather *gather, int64_t producer_id,
                 int16_t producer_epoch, int32_t base_sequence, struct batch_sealed *sealed)
{
    struct batch_builder builder;
    struct batch_header header;
    struct byte_sink sink;
    bool compressed = packer->compression != COMPRESSION_NONE;
    assert(gather->records > 0);
    TRY(batch_finish(&gather->builder, packer->crc, &header));
    header.producer_id = producer_id;
    header.producer_epoch = producer_id == NO_PRODUCER_ID ? NO_PRODUCER_EPOCH : producer_epoch;
    header.base_sequence = producer_id == NO_PRODUCER_ID ? NO_SEQUENCE : base_sequence;
    buf_clear(&sealed->bytes);
    batch_begin_like(&builder, &header, packer->compression, &sealed->bytes);
    if (compressed) {
        TRY(encoder_open(&packer->encoder, packer->compression, CODEC_LEVEL_DEFAULT,
                         &sealed->bytes));
        sink = encoder_sink(&packer->encoder);
        batch_set_sink(&builder, &sink);
    }
    struct slice plain = slice_of(gather->plain.p + BATCH_HEADER_BYTES,
                                  gather->plain.n - BATCH_HEADER_BYTES);
    TRY(batch_pour(&builder, plain));
    if (compressed) {
        TRY(encoder_finish(&packer->encoder));
    }
    TRY(batch_finish(&builder, packer->crc, &header));
    sealed->records = gather->records;
    sealed->base_sequence = base_sequence;
    sealed->plain_bytes = gather->plain.n;
    buf_clear(&gather->plain);
    gather->records = 0;
    assert(sealed->bytes.n == batch_bytes(&header));
    return OK;
}

#include "broker/api/recompress.h"

#include "common/wire/record_batch_build.h"

static err_t pour_all(struct decoder *decoder, struct batch_builder *builder)
{
    struct slice piece;
    do {
        TRY(decoder_pull(decoder, &piece));
        TRY(batch_pour(builder, piece));
    } while (piece.n > 0);
    return OK;
}

static err_t records_write(const struct partition_settings *settings, struct decoder *decoder,
                           struct encoder *encoder, struct batch_builder *builder)
{
    if (settings->compression == COMPRESSION_NONE) {
        return pour_all(decoder, builder);
    }
    TRY(encoder_open(encoder, settings->compression, settings->compression_level, builder->out));
    struct byte_sink sink = encoder_sink(encoder);
    batch_set_sink(builder, &sink);
    TRY(pour_all(decoder, builder));
    return encoder_finish(encoder);
}

err_t recompress(const struct partition_settings *settings, const struct crc32c_impl *crc,
                 struct decoder *decoder, struct encoder *encoder, struct slice batch,
                 struct buf *out)
{
    struct batch_header header;
    struct batch_builder builder;
    err_t err = batch_parse(batch, &header);
    assert(err == OK && batch_bytes(&header) == batch.n && out->n == 0);
    assert(recompress_wanted(settings, batch_compression(&header)));
    decoder_open(decoder, batch_compression(&header),
                 slice_of(batch.p + BATCH_HEADER_BYTES, batch.n - BATCH_HEADER_BYTES));
    batch_begin_like(&builder, &header, settings->compression, out);
    err = records_write(settings, decoder, encoder, &builder);
    if (err != OK) {
        batch_abandon(&builder);
        return err;
    }
    return batch_finish(&builder, crc, &header);
}

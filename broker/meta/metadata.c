#include "broker/meta/metadata.h"

err_t metadata_init(struct metadata *metadata, struct loop *control, struct heap *heap)
{
    *metadata = (struct metadata){.loop = control, .heap = heap};
    meta_store_init(&metadata->store, heap);
    metadata->image = meta_image_empty(&metadata->store);
    return metadata->image == NULL ? ERR_NO_MEMORY : OK;
}

void metadata_release(struct metadata *metadata)
{
    for (uint32_t i = 0; i < metadata->reader_count; i++) {
        struct metadata_reader *reader = metadata->readers[i];
        struct meta_image *held[] = {reader->image, reader->offered, reader->done};
        for (size_t j = 0; j < ARRAY_LEN(held); j++) {
            if (held[j] != NULL) {
                meta_image_drop(&metadata->store, held[j]);
            }
        }
    }
    meta_image_drop(&metadata->store, metadata->image);
}

void metadata_add_reader(struct metadata *metadata, struct metadata_reader *reader,
                         struct loop *loop)
{
    assert(metadata->reader_count < METADATA_READERS_MAX);
    metadata->readers[metadata->reader_count++] = reader;
    reader->owner = metadata;
    reader->loop = loop;
    reader->image = metadata->image;
    meta_image_hold(reader->image);
}

static void offer(struct metadata_reader *reader);

/* Back on the control loop: the old image goes; a newer one may wait. */
static void on_taken(struct mail *mail)
{
    struct metadata_reader *reader = CONTAINER_OF(mail, struct metadata_reader, mail);
    struct metadata *metadata = reader->owner;
    meta_image_drop(&metadata->store, reader->done);
    reader->done = NULL;
    reader->busy = false;
    if (reader->image != metadata->image) { /* only this letter changes it, and it is back */
        offer(reader);
    }
}

/* On the reader's loop, between two turns' requests. */
static void on_offered(struct mail *mail)
{
    struct metadata_reader *reader = CONTAINER_OF(mail, struct metadata_reader, mail);
    reader->done = reader->image;
    reader->image = reader->offered;
    reader->offered = NULL;
    if (reader->changed != NULL) {
        reader->changed(reader);
    }
    mail->deliver = on_taken;
    loop_post(reader->owner->loop, mail);
}

static void offer(struct metadata_reader *reader)
{
    assert(!reader->busy);
    reader->busy = true;
    reader->offered = reader->owner->image;
    meta_image_hold(reader->offered);
    reader->mail.deliver = on_offered;
    loop_post(reader->loop, &reader->mail);
}

void metadata_publish(struct metadata *metadata, struct meta_image *image)
{
    struct meta_image *old = metadata->image;
    assert(image != old);
    metadata->image = image;
    for (uint32_t i = 0; i < metadata->reader_count; i++) {
        if (!metadata->readers[i]->busy) {
            offer(metadata->readers[i]);
        }
    }
    meta_image_drop(&metadata->store, old);
}

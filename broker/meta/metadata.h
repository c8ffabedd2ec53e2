/*
 * The cluster image in a broker: made on the control loop, read on every reactor without lock or count.
 *
 * The control loop owns the store and all holds. Each reader (a reactor) has an image of its own that changes only between
 * two of its turns, by mail: the control loop holds the new image for it and offers it; the reader takes it and mails back;
 * then the one before is dropped. So an image that a request looks at stays whole until the request's turn ends, and what
 * is older than every reader's is freed. A reader that is slow is offered the newest when it has taken the last.
 */
#ifndef ODRADEK_BROKER_METADATA_H
#define ODRADEK_BROKER_METADATA_H

#include "common/meta/image.h"
#include "common/port/loop.h"

#define METADATA_READERS_MAX 64

struct metadata;

struct metadata_reader {
    struct metadata *owner;
    struct loop *loop;
    struct mail mail;
    struct meta_image *image;   /* the reader's own; read on its loop only */
    struct meta_image *offered; /* on its way there */
    struct meta_image *done;    /* on its way back, to be dropped */
    bool busy;                  /* the letter is out; the control loop's */
    /* Called on the reader's loop after its image changed. May be NULL. */
    void (*changed)(struct metadata_reader *);
    void *ctx;
};

struct metadata {
    struct loop *loop;
    struct heap *heap;
    struct meta_store store;
    struct meta_image *image; /* newest; the control loop's hold */
    struct metadata_reader *readers[METADATA_READERS_MAX];
    uint32_t reader_count;
};

err_t metadata_init(struct metadata *, struct loop *control, struct heap *) MUST_USE;
/* After all readers' loops have ended. */
void metadata_release(struct metadata *);

/* Before the loops run: the reader starts with the present image. */
void metadata_add_reader(struct metadata *, struct metadata_reader *, struct loop *);

/* On the control loop: takes over the caller's hold. */
void metadata_publish(struct metadata *, struct meta_image *);

/* On the control loop. */
static inline const struct meta_image *metadata_image(const struct metadata *metadata)
{
    return metadata->image;
}

/* On the reader's loop; valid until its turn ends. */
static inline const struct meta_image *metadata_read(const struct metadata_reader *reader)
{
    return reader->image;
}

#endif

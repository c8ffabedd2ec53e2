/*
 * What the commands about topics share: a topic's metadata with its error told, and requests that go to the leaders of
 * partitions, asked again while leaders change.
 */
#ifndef ODRADEK_CLI_TOPICS_H
#define ODRADEK_CLI_TOPICS_H

#include "cli/cli.h"

#define OFFSET_BEGINNING \
    (-2) /* ListOffsets' names for the log's start and the end that consumers see */
#define OFFSET_END     (-1)
#define PARTITIONS_MAX 100000

/* A question about one partition, and its answer. */
struct place {
    int32_t partition;
    int64_t ask;       /* a time in ms, OFFSET_BEGINNING or OFFSET_END; DeleteRecords: an offset */
    int64_t offset;    /* the answer; -1: nothing is that late */
    int64_t timestamp; /* of the record there, or -1 */
    int16_t error;
    bool done;
};

typedef err_t places_ask_fn(struct cli *, struct link *, struct slice topic, struct place **,
                            int32_t count);

/* Metadata of one topic, in arena. EXIT_OK, or the problem was told. */
int topic_metadata(struct cli *, struct arena *, struct slice name,
                   struct kmsg_metadata_response *ret_metadata,
                   const struct kmsg_metadata_response_topic **ret_topic);

/* Asks each partition's leader, again while leaders change, for as long as --timeout. What remains wrong was told. */
int places_ask(struct cli *, struct slice name, struct place *, int32_t count, places_ask_fn *);
/* Fills offset and timestamp: one ListOffsets request per leader. */
err_t places_offsets(struct cli *, struct link *, struct slice topic, struct place **,
                     int32_t count) MUST_USE;
/* Removes records before `ask`; offset is the log's new start. */
err_t places_trim(struct cli *, struct link *, struct slice topic, struct place **,
                  int32_t count) MUST_USE;

/* Places for the partitions that --partition names, else for all: *ret_count of them, by number. */
int places_of(struct cli *, struct slice name, const struct kmsg_metadata_response_topic *,
              struct place **ret_places, int32_t *ret_count);

/* "a=b": the place of the '=' or NULL, which was told. */
const char *setting_equals(struct cli *, const char *option, const char *text);

/* By name. */
void topics_sort(struct kmsg_metadata_response *);
/* With --json: what comes between is in {"topics": [...]}. json_topics_close answers the code. */
void json_topics_open(struct cli *);
int json_topics_close(struct cli *, int code);

/* "1,2,3", "-" for none; and as the member `key`. */
const char *ids_text(struct cli *, const kmsg_i32_array *);
void json_ids(struct json *, const char *key, const kmsg_i32_array *);
/* Writes {"code", "message", "next"} as the member "error". */
void json_kafka_error(struct json *, int16_t code, struct slice message);

/* On a terminal the question is put; elsewhere --yes must have been given. EXIT_OK: go on. */
int confirm(struct cli *, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif

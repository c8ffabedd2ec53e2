/*
 * Connections of the raw client. Non-blocking ones carry whole frames both ways for the producer's poll loop;
 * `raw_call` is one blocking question and answer for everything that is in no hurry.
 */
#ifndef ODRADEK_TESTS_FAILOVER_RAW_CONN_H
#define ODRADEK_TESTS_FAILOVER_RAW_CONN_H

#include "tests/failover/raw_proto.h"

enum conn_state { CONN_CLOSED, CONN_CONNECTING, CONN_UP };

struct conn {
    struct raw_broker broker;
    int fd;
    enum conn_state state;
    uint64_t dial_at_ns; /* not before: retries every 20 ms */
    struct out out, in;
    size_t sent;
    int32_t correlation;
};

void conn_dial(struct conn *c, uint64_t now);
void conn_close(struct conn *c, uint64_t now);
short conn_events(const struct conn *c);
/* Moves bytes; false: the connection broke and must be closed by the caller, who knows what was in flight. */
bool conn_turn(struct conn *c, short revents);
/* Takes one whole answer; valid until the next conn_turn. Frames taken are dropped by conn_tidy. */
bool conn_frame(struct conn *c, size_t *taken, struct in *ret);
void conn_tidy(struct conn *c, size_t taken);

/* Blocking connection with a time-out for each read; -1 on failure. */
int raw_dial(const struct raw_broker *b, int timeout_ms);
/* Sends the frame; answers the body behind the correlation id in `buf`; false when the connection is of no more use. */
bool raw_call(int fd, const struct out *frame, struct out *buf, struct in *ret);
/* A whole decimal number within the range; false leaves *ret alone. */
bool parse_number(const char *text, int min, int max, int *ret);
/* "host:port,host:port" into brokers with ids -1; the count. */
int parse_brokers(const char *text, struct raw_broker *ret, int max);
/* Asks one broker after the other, beginning at *turn; false when none answers. */
bool raw_metadata(const struct raw_broker *brokers, int count, int *turn, const char *topic,
                  struct raw_view *ret);

#endif

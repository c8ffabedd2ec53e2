/*
 * Options of the raw client and its two halves.
 */
#ifndef ODRADEK_TESTS_FAILOVER_RAW_CLIENT_H
#define ODRADEK_TESTS_FAILOVER_RAW_CLIENT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/failover/raw_proto.h"

struct options {
    const char *mode, *bootstrap, *topic, *history;
    int rate_per_s; /* records, over all partitions */
    int record_len; /* bytes of a payload, >= PAYLOAD_MIN */
    int client;
    int hang_ms; /* no progress for so long: give up, exit 4 */
};

enum exit_code { EXIT_WELL = 0, EXIT_USAGE = 2, EXIT_REFUSED = 3, EXIT_HUNG = 4 };

/* Set by SIGTERM and SIGINT: finish what is in flight, then leave. */
extern volatile sig_atomic_t stop_asked;

int produce_main(const struct options *o);
/* `final`: read every partition from its start to the end it has now, then leave; else follow the tails until told to stop. */
int read_main(const struct options *o, bool final);

#endif

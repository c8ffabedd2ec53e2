/*
 * A raw Kafka client for the failover suite.
 *
 *   raw_client produce --bootstrap a:1,b:2 --topic T --history FILE [--rate 1500] [--size 100] [--client 1] [--hang-ms 60000]
 *   raw_client tail    --bootstrap ...      follows all partitions from their start, until SIGTERM
 *   raw_client read    --bootstrap ...      reads all partitions once, from start to end
 *
 * It exists to measure the cluster and not a client library: every time-out in it is short (20 ms between tries), it asks the
 * survivors, takes KIP-951 hints, and writes each acknowledgement with CLOCK_MONOTONIC stamps into a history file, flushed
 * within 10 ms, so that another process can follow it.
 * Exit codes: 0 well, 2 usage, 3 the cluster refused something for good, 4 no progress for --hang-ms.
 */
#include "tests/failover/raw_client.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "tests/failover/raw_conn.h"
#include "tests/failover/raw_history.h"

volatile sig_atomic_t stop_asked;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: raw_client produce|tail|read --bootstrap H:P,... --topic T --history FILE "
            "[--rate N] [--size BYTES] [--client N] [--hang-ms N]\n");
    return EXIT_USAGE;
}

static bool parse(int argc, char **argv, struct options *ret)
{
    static const struct option known[] = {
        {"bootstrap", 1, 0, 'b'}, {"topic", 1, 0, 't'},
        {"history", 1, 0, 'f'},   {"rate", 1, 0, 'r'},
        {"size", 1, 0, 's'},      {"client", 1, 0, 'c'},
        {"hang-ms", 1, 0, 'h'},   {0},
    };
    bool good = true;
    for (int c; good && (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'b': ret->bootstrap = optarg; break;
        case 't': ret->topic = optarg; break;
        case 'f': ret->history = optarg; break;
        case 'r': good = parse_number(optarg, 1, 1000000, &ret->rate_per_s); break;
        case 's': good = parse_number(optarg, PAYLOAD_MIN, 1 << 20, &ret->record_len); break;
        case 'c': good = parse_number(optarg, 1, 65535, &ret->client); break;
        case 'h': good = parse_number(optarg, 1, 3600000, &ret->hang_ms); break;
        default: good = false;
        }
    }
    return good && optind + 1 == argc && ret->bootstrap != NULL && ret->topic != NULL &&
           ret->history != NULL;
}

int main(int argc, char **argv)
{
    struct options o = {.rate_per_s = 1500, .record_len = 100, .client = 1, .hang_ms = 60000};
    if (!parse(argc, argv, &o))
        return usage();
    o.mode = argv[optind];
    struct sigaction stop = {.sa_handler = on_stop};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (strcmp(o.mode, "produce") == 0)
        return produce_main(&o);
    if (strcmp(o.mode, "tail") == 0 || strcmp(o.mode, "read") == 0)
        return read_main(&o, o.mode[0] == 'r');
    return usage();
}

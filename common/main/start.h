/*
 * What every server's main does alike: the command line, the configuration file, the host, the log.
 *
 *     NAME CONFIG.properties [--override key=value]... [--check-config] [--help] [--version]
 */
#ifndef ODRADEK_MAIN_START_H
#define ODRADEK_MAIN_START_H

#include "common/config/config.h"
#include "common/host/host.h"
#include "common/port/net.h"
#include "common/trace/trace.h"

struct start {
    const char *name;
    struct host *host;
    struct arena arena;
    struct config config;
    struct config_net net; /* good when run is called */
    bool check_only;
};

/* Parses, reads, checks, tells what is wrong, runs; returns the exit code. role: "broker" or "controller". */
int start_main(int argc, char **argv, const char *role, const char *purpose,
               int (*run)(const struct start *));

/* A sentence on standard error; false, for `return start_fail(...)`. */
bool start_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

void start_address(const struct config_address *, struct net_address *ret_address);
/* Log lines to standard output, levels and format as configured. node must outlive the trace. */
void start_trace(const struct start *, const char *node, struct trace *ret_trace);
const char *start_signal_name(int number);

#endif

/*
 * .kafka_cleanshutdown of a log directory: {"version":0,"brokerEpoch":N}. It is written last, when every log of the
 * directory is on disk, and removed before the next start writes anything (reliability rules M32, M33): its presence at
 * start says that nothing needs to be scanned. Who stops before he has written anything leaves it where it is. Kafka before 3.7
 * left an empty file: clean, with an unknown epoch.
 */
#ifndef ODRADEK_LOG_CLEAN_SHUTDOWN_H
#define ODRADEK_LOG_CLEAN_SHUTDOWN_H

#include "common/base/buf.h"
#include "common/base/err.h"

struct host;

#define CLEAN_SHUTDOWN_FILE      ".kafka_cleanshutdown"
#define CLEAN_SHUTDOWN_BYTES_MAX 4096
#define BROKER_EPOCH_UNKNOWN     (-1)

void clean_shutdown_encode(struct buf *, int64_t broker_epoch);
/* ERR_MALFORMED: no such JSON object; ERR_VERSION. Unknown members are skipped. */
err_t clean_shutdown_decode(struct slice text, int64_t *ret_broker_epoch) MUST_USE;

/* true: the last shutdown was clean. A broken file counts as unclean. Blocking. */
err_t clean_shutdown_load(struct host *, const char *log_dir, bool *ret_clean,
                          int64_t *ret_broker_epoch) MUST_USE;
/* Removes the file; the folder is synced. Blocking. An error means that it may come back after a crash: do not use the directory. */
err_t clean_shutdown_remove(struct host *, const char *log_dir) MUST_USE;
err_t clean_shutdown_save(struct host *, const char *log_dir, int64_t broker_epoch) MUST_USE;

#endif

#include "common/log/log_internal.h"

int64_t log_start(const struct log *log)
{
    return log->start;
}

int64_t log_end(const struct log *log)
{
    return log->end;
}

int64_t log_durable_end(const struct log *log)
{
    return log->durable_end;
}

int64_t log_size_bytes(const struct log *log)
{
    return log->bytes;
}

const char *log_dir(const struct log *log)
{
    return log->dir;
}

bool log_offline(const struct log *log)
{
    return log->offline;
}

uint32_t log_cuts(const struct log *log)
{
    return log->cut;
}

void log_set_offline(struct log *log)
{
    log->offline = true;
}

void log_configure(struct log *log, const struct log_config *config)
{
    assert(config->crc != NULL && config->segment_bytes > 0);
    log->config = *config;
}

uint32_t log_segment_count(const struct log *log)
{
    return log->count;
}

struct log_segment_info log_segment(const struct log *log, uint32_t i)
{
    assert(i < log->count);
    const struct log_segment *segment = log->segments[i];
    return (struct log_segment_info){segment->base, segment->bytes, segment->max_timestamp};
}

int64_t log_active_base(const struct log *log)
{
    return log_active(log)->base;
}

static void segment_check(const struct log *log, const struct log_segment *segment, int64_t end)
{
    assert(segment->bytes >= 0 && segment->bytes <= INT32_MAX);
    assert(segment->warm_from <= segment->warm_to && segment->warm_to <= segment->bytes);
    assert(segment->indexed_timestamp <= segment->max_timestamp);
    assert(segment->max_timestamp < 0 || segment->max_timestamp_offset < end);
    assert(!segment->dirty || log->dirty_base <= segment->base);
    assert(!segment->offsets.dirty || segment->offsets.file != NULL);
    assert(!segment->times.dirty || segment->times.file != NULL);
    assert(segment->offsets.tail_count <= segment->offsets.tail_room);
    assert(segment->times.tail_count <= segment->times.tail_room);
}

void log_check(const struct log *log)
{
    int64_t bytes = 0;
    assert(log->count > 0 && log->count <= log->room);
    assert(log->start <= log->end);
    assert(log->durable_end <= log->end);
    assert(log->segments[0]->base <= log->start);
    assert(log_active(log)->base <= log->end);
    for (uint32_t i = 0; i < log->count; i++) {
        assert(i == 0 || log->segments[i - 1]->base < log->segments[i]->base);
        segment_check(log, log->segments[i], log_segment_end(log, i));
        bytes += log->segments[i]->bytes;
    }
    assert(bytes == log->bytes);
    assert(!log->syncing || log->sync_end <= log->end || log->offline);
}

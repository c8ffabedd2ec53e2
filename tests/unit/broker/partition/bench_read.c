/* What a consumer reads of a partition, and what offsets mean. */
#include "partition_bench.h"

#include "common/wire/record_batch.h"

static void wait_told(struct mail *mail)
{
    struct fetch_wait *wait = CONTAINER_OF(mail, struct fetch_wait, mail);
    CHECK(sem_post(&CONTAINER_OF(wait, struct bench_wait, wait)->told) == 0);
}

void bench_wait_init(struct bench_wait *reading, struct loop *loop)
{
    CHECK(sem_init(&reading->told, 0, 0) == 0);
    fetch_wait_init(&reading->wait, loop, wait_told);
}

void bench_fetch(struct partition *p, struct fetch_part *part, struct bench_wait *reading)
{
    partition_fetch(p, part, 1 << 16, true);
    if (part->cold) {
        partition_warm(p, part, &reading->wait);
        CHECK(sem_wait(&reading->told) == 0);
        fetch_wait_again(&reading->wait);
        CHECK(fetch_wait_idle(&reading->wait));
        partition_fetch(p, part, 1 << 16, true);
    }
}

enum kafka_error bench_refusal(struct bench *b, uint32_t node, int64_t offset)
{
    struct partition *p = bench_partition(b, node);
    struct bench_wait reading;
    struct fetch_part part = {.replica_id = -1, .current_leader_epoch = -1, .fetch_offset = offset};
    part.last_fetched_epoch = -1;
    bench_wait_init(&reading, b->nodes[node].reactors[0]);
    bench_fetch(p, &part, &reading);
    fetch_part_clear(&part);
    partition_drop(p);
    return part.error;
}

uint8_t *bench_read(struct bench *b, uint32_t node, int64_t offset, size_t *ret_n, int64_t *ret_end)
{
    struct partition *p = bench_partition(b, node);
    struct bench_wait reading;
    uint8_t *bytes = NULL;
    bench_wait_init(&reading, b->nodes[node].reactors[0]);
    *ret_n = 0;
    *ret_end = offset;
    for (;;) {
        struct fetch_part part = {
            .replica_id = -1, .current_leader_epoch = -1, .fetch_offset = *ret_end};
        part.last_fetched_epoch = -1;
        bench_fetch(p, &part, &reading);
        CHECK(part.error == KAFKA_NONE && !part.cold);
        if (part.records.file == NULL) {
            fetch_part_clear(&part);
            break;
        }
        size_t n = 0;
        bytes = realloc(bytes, *ret_n + part.records.n);
        CHECK(disk_read(part.records.file, part.records.at, bytes + *ret_n, part.records.n, &n) ==
              OK);
        CHECK(n == part.records.n);
        struct slice rest = slice_of(bytes + *ret_n, n);
        struct slice batch;
        struct batch_header header;
        while (rest.n > 0) {
            CHECK(batch_cut(&rest, &batch) == OK &&
                  batch_check(crc32c_detect(), batch, &header) == OK);
            CHECK(header.base_offset <= *ret_end);
            *ret_end = header.base_offset + header.last_offset_delta + 1;
        }
        *ret_n += n;
        fetch_part_clear(&part);
    }
    partition_drop(p);
    return bytes;
}

static void finding_told(struct mail *mail)
{
    struct offset_question *question = CONTAINER_OF(mail, struct offset_question, mail);
    CHECK(sem_post(question->ctx) == 0);
}

void bench_find_offset_in(struct bench *b, uint32_t node, struct partition *p,
                          struct offset_question *question)
{
    sem_t told_sem;
    CHECK(sem_init(&told_sem, 0, 0) == 0);
    question->loop = b->nodes[node].reactors[0];
    question->mail.deliver = finding_told;
    question->ctx = &told_sem;
    if (!partition_find_offset(p, question)) {
        CHECK(sem_wait(&told_sem) == 0);
    }
    CHECK(sem_destroy(&told_sem) == 0);
}

void bench_find_offset(struct bench *b, uint32_t node, struct offset_question *question)
{
    struct partition *p = bench_partition(b, node);
    bench_find_offset_in(b, node, p, question);
    partition_drop(p);
}

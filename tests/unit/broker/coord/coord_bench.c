#include "coord_bench.h"

struct above {
    struct coords *coords;
    sem_t stopped;
};

static void on_applied(struct bench_node *node, const struct meta_image *old,
                       const struct meta_image *now, const struct meta_changes *changes)
{
    struct above *above = node->above;
    if (above == NULL) {
        struct coords_config config = {
            .host = node->bench->host,
            .control = node->control,
            .reactor_count = BENCH_REACTORS,
            .trace = &node->trace,
            .crc = crc32c_detect(),
            .partitions = node->table,
            .broker = node->id,
            .group = {.session_min_ms = 6000,
                      .session_max_ms = 1800000,
                      .members_max = 100,
                      .offsets_retention_ms = INT64_C(604800000) * 1000,
                      .retention_check_ms = 600000},
            .write_timeout_ms = 5000,
        };
        for (uint32_t i = 0; i < BENCH_REACTORS; i++) {
            config.reactors[i] = node->reactors[i];
        }
        above = calloc(1, sizeof(*above));
        CHECK(above != NULL && sem_init(&above->stopped, 0, 0) == 0);
        CHECK(coords_open(&config, &above->coords) == OK);
        node->above = above;
    }
    coords_forewarn(above->coords, old, now, changes);
    CHECK(coords_apply(above->coords, now, changes));
}

static void on_stopped(void *ctx)
{
    struct above *above = ctx;
    CHECK(sem_post(&above->stopped) == 0);
}

static void stop_here(void *arg)
{
    struct above *above = arg;
    coords_stop(above->coords, on_stopped, above);
}

void coord_bench_stop(struct bench *b, uint32_t node, bool clean)
{
    struct above *above = b->nodes[node].above;
    bench_call(b->nodes[node].control, stop_here, above);
    CHECK(sem_wait(&above->stopped) == 0);
    bench_stop(b, node, clean);
    coords_close(above->coords);
    b->nodes[node].above = NULL;
    free(above);
}

void coord_bench_open(struct bench *b, uint32_t nodes)
{
    bench_init(b, nodes);
    b->topic_name = GROUPS_TOPIC;
    b->applied = on_applied;
    for (uint32_t i = 0; i < nodes; i++) {
        bench_start(b, i);
    }
    bench_create(b);
}

void coord_bench_close(struct bench *b)
{
    for (uint32_t i = 0; i < b->node_count; i++) {
        if (b->nodes[i].up) {
            coord_bench_stop(b, i, true);
        }
    }
    bench_release(b);
}

struct coord_shard *coord_bench_shard(struct bench *b, uint32_t node)
{
    struct above *above = b->nodes[node].above;
    return coords_shard(above->coords, slice_str("a"));
}

/* ---- writing ---- */

enum kafka_error coord_bench_send(struct bench *b, uint32_t node, int16_t acks, struct buf *out)
{
    struct bench_ticket sent;
    bench_ticket_init(&sent, b->nodes[node].reactors[1]);
    struct partition *p = bench_partition(b, node);
    if (!partition_produce(p, &sent.ticket, out->p, out->n, acks)) {
        CHECK(sem_wait(&sent.told) == 0);
    }
    partition_drop(p);
    CHECK(sem_destroy(&sent.told) == 0);
    return sent.ticket.error;
}

/* ---- a loop that stands still ---- */

static void on_gate(struct mail *mail)
{
    struct coord_gate *gate = CONTAINER_OF(mail, struct coord_gate, mail);
    CHECK(sem_post(&gate->stands) == 0);
    CHECK(sem_wait(&gate->goes) == 0);
}

void coord_gate_close(struct coord_gate *gate, struct loop *loop)
{
    *gate = (struct coord_gate){.mail = {.deliver = on_gate}};
    CHECK(sem_init(&gate->stands, 0, 0) == 0 && sem_init(&gate->goes, 0, 0) == 0);
    loop_post(loop, &gate->mail);
    CHECK(sem_wait(&gate->stands) == 0);
}

void coord_gate_open(struct coord_gate *gate)
{
    CHECK(sem_post(&gate->goes) == 0);
}

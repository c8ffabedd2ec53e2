/* Clock, memory, entropy, locks, console, HTTP (refused) and the parts of the disk that need a world around it. */
#include <stdio.h>
#include <stdlib.h>

#include "common/port/clock.h"
#include "common/port/console.h"
#include "common/port/entropy.h"
#include "common/port/http.h"
#include "common/port/lock.h"
#include "tests/sim/internal.h"

#define WALL_START_MS INT64_C(1800000000000)
#define SKEW_MAX_MS   400
#define OFFSET_MAX_US 100000000
#define FILL_BYTES    512
#define WORK_MIN_US   20
#define WORK_MAX_US   2500
#define MEMORY_MAX    ((size_t)2 << 30)

/* ---- memory ---- */

struct piece {
    struct list_node node;
    size_t bytes;
    size_t guard; /* keeps what follows aligned to 16 */
};

static void *piece_take(void *ctx, size_t bytes)
{
    struct machine *machine = ctx;
    if (machine->host->memory_taken + bytes > MEMORY_MAX) {
        return NULL;
    }
    struct piece *piece = malloc(sizeof(*piece) + bytes);
    assert(piece != NULL);
    *piece = (struct piece){.bytes = bytes};
    list_push(&machine->memory, &piece->node);
    machine->host->memory_taken += bytes;
    /* Who reads what it has not written reads the same in every run, near the start; further on, replays differ. */
    memset(piece + 1, 0xa5, bytes < FILL_BYTES ? bytes : FILL_BYTES);
    return piece + 1;
}

static void piece_give(void *ctx, void *p, size_t bytes)
{
    struct machine *machine = ctx;
    struct piece *piece = (struct piece *)p - 1;
    assert(piece->bytes == bytes && machine->host->memory_taken >= bytes);
    machine->host->memory_taken -= bytes;
    list_remove(&piece->node);
    free(piece);
}

/* ---- machines ---- */

struct machine *fake_machine_of(struct host *host)
{
    assert(host->owner != NULL);
    return host->owner;
}

struct host *world_host(struct world *world, const char *address)
{
    struct machine *machine = calloc(1, sizeof(*machine));
    assert(machine != NULL);
    machine->world = world;
    machine->address = address;
    assert(world->machine_count < MACHINES_MAX);
    struct prng *prng = &world->prng[STREAM_MACHINE];
    machine->number = world->machine_count++;
    machine->mono_then = 1000000 + prng_between(prng, 0, OFFSET_MAX_US);
    machine->mono_since = world->now;
    machine->host = fake_host_open(prng_u64(prng));
    machine->host->owner = machine;
    machine->host->memory = (struct memory_source){piece_take, piece_give, machine};
    prng_init(&machine->entropy, prng_u64(prng));
    machine->wall_skew_ms = prng_between(prng, -SKEW_MAX_MS, SKEW_MAX_MS);
    list_init(&machine->memory);
    list_init(&machine->locks);
    list_init(&machine->disk_locks);
    list_push(&world->machines, &machine->node);
    world_disk_pace(machine->host, 0, 0);
    return machine->host;
}

struct machine *machine_at(struct world *world, const char *address)
{
    LIST_EACH(&world->machines, node)
    {
        struct machine *machine = CONTAINER_OF(node, struct machine, node);
        if (strcmp(machine->address, address) == 0) {
            return machine;
        }
    }
    return NULL;
}

/* ---- clocks ---- */

static time_us mono_at(const struct machine *machine, time_us moment)
{
    time_us passed = moment - machine->mono_since;
    return machine->mono_then + passed + passed * machine->mono_ppm / 1000000;
}

time_us machine_now(const struct machine *machine)
{
    return mono_at(machine, machine->world->now);
}

time_us machine_moment(const struct machine *machine, time_us mono)
{
    time_us left = mono - machine->mono_then;
    if (left > INT64_C(1) << 42) {
        return TIME_NEVER / 2;
    }
    time_us moment = machine->mono_since + left * 1000000 / (1000000 + machine->mono_ppm);
    while (mono_at(machine, moment) < mono) {
        moment++;
    }
    return moment;
}

time_us clock_mono_us(struct host *host)
{
    return machine_now(fake_machine_of(host));
}

time_ms clock_wall_ms(struct host *host)
{
    const struct machine *machine = fake_machine_of(host);
    return WALL_START_MS + machine->wall_skew_ms + machine->world->now / 1000;
}

void entropy_fill(struct host *host, void *p, size_t n)
{
    struct prng *prng = &fake_machine_of(host)->entropy;
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)p)[i] = (uint8_t)prng_u64(prng);
    }
}

void console_write(struct host *host, struct slice line)
{
    struct machine *machine = fake_machine_of(host);
    world_mix_bytes(machine->world, line.p, line.n);
    if (machine->world->verbose) {
        (void)fprintf(stderr, "%11lld %.*s", (long long)machine->world->now, (int)line.n,
                      (const char *)line.p);
    }
}

/* ---- locks ---- */

struct lock {
    struct list_node node;
    struct world *world;
    const char *name;
    bool held;
};

err_t lock_open(struct host *host, const char *name, struct lock **ret_lock)
{
    struct machine *machine = fake_machine_of(host);
    struct lock *lock = calloc(1, sizeof(*lock));
    assert(lock != NULL && name != NULL);
    lock->world = machine->world;
    lock->name = name;
    list_push(&machine->locks, &lock->node);
    *ret_lock = lock;
    return OK;
}

void lock_close(struct lock *lock)
{
    if (lock != NULL) {
        assert(!lock->held);
        list_remove(&lock->node);
        free(lock);
    }
}

void lock_enter(struct lock *lock)
{
    assert(lock->world->held == NULL && !lock->held); /* one monitor at a time */
    lock->held = true;
    lock->world->held = lock;
}

void lock_leave(struct lock *lock)
{
    assert(lock->held && lock->world->held == lock);
    lock->held = false;
    lock->world->held = NULL;
    world_switch(lock->world);
}

bool lock_held(const struct lock *lock)
{
    return lock->held;
}

/* ---- HTTP ---- */

err_t http_listen(struct loop *loop, const struct net_address *address, http_handler_fn *handler,
                  void *ctx, struct http_server **ret_server)
{
    (void)loop, (void)address, (void)handler, (void)ctx, (void)ret_server;
    return ERR_PERMISSION;
}

uint16_t http_port(const struct http_server *server)
{
    (void)server;
    return 0;
}

void http_close(struct http_server *server)
{
    assert(server == NULL);
}

/* ---- what the fake disk leaves to its world ---- */

struct disk_lock {
    struct list_node node;
    char path[512];
};

err_t disk_lock(struct host *host, const char *path, struct disk_lock **ret_lock)
{
    struct machine *machine = fake_machine_of(host);
    LIST_EACH(&machine->disk_locks, node)
    {
        ENSURE(strcmp(CONTAINER_OF(node, struct disk_lock, node)->path, path) != 0, ERR_LOCKED);
    }
    struct disk_lock *lock = calloc(1, sizeof(*lock));
    assert(lock != NULL && strlen(path) < sizeof(lock->path));
    memcpy(lock->path, path, strlen(path));
    list_push(&machine->disk_locks, &lock->node);
    *ret_lock = lock;
    return OK;
}

void disk_unlock(struct disk_lock *lock)
{
    if (lock != NULL) {
        list_remove(&lock->node);
        free(lock);
    }
}

void disk_boot_id(struct host *host, struct uuid *ret_boot_id)
{
    memset(ret_boot_id, 0, sizeof(*ret_boot_id));
    const char *address = fake_machine_of(host)->address;
    for (size_t i = 0; address[i] != '\0'; i++) {
        ret_boot_id->b[i % 16] = (uint8_t)(ret_boot_id->b[i % 16] * 31 + (uint8_t)address[i]);
    }
    ret_boot_id->b[0] |= 1;
    ret_boot_id->b[15] ^= (uint8_t)fake_machine_of(host)->boots;
}

static void job_done(struct mail *mail)
{
    struct disk_job *job = CONTAINER_OF(mail, struct disk_job, mail);
    job->done(job);
}

void disk_submit(struct loop *loop, struct disk_job *job)
{
    assert(job->work != NULL && !loop->ended);
    struct world *world = loop->world;
    job->loop = loop;
    const struct machine *machine = loop->machine;
    time_us takes = world_delay(world, STREAM_DISK, machine->work_min_us, machine->work_max_us);
    world_push(world, world->now + takes,
               (struct event){.kind = EVENT_WORK, .loop = loop, .job = job});
}

void world_disk_pace(struct host *host, time_us least_us, time_us most_us)
{
    struct machine *machine = fake_machine_of(host);
    machine->work_min_us = least_us > 0 ? least_us : WORK_MIN_US;
    machine->work_max_us = most_us > 0 ? most_us : WORK_MAX_US;
    assert(machine->work_min_us <= machine->work_max_us);
}

/* The pool is no actor: a job runs alone, and its end is a letter. */
void job_run(struct loop *loop, struct disk_job *job)
{
    bool told = job->done != NULL;
    job->work(job);
    assert(loop->world->held == NULL);
    if (!told) {
        return; /* its owner's again */
    }
    job->mail.deliver = job_done;
    loop_post(loop, &job->mail);
}

/* ---- ends ---- */

void fake_machine_drop(struct machine *machine)
{
    for (struct list_node *node = list_pop(&machine->locks); node != NULL;
         node = list_pop(&machine->locks)) {
        free(CONTAINER_OF(node, struct lock, node));
    }
    for (struct list_node *node = list_pop(&machine->disk_locks); node != NULL;
         node = list_pop(&machine->disk_locks)) {
        free(CONTAINER_OF(node, struct disk_lock, node));
    }
    fake_disk_drop_files(machine->host);
    for (struct list_node *node = list_pop(&machine->memory); node != NULL;
         node = list_pop(&machine->memory)) {
        free(CONTAINER_OF(node, struct piece, node));
    }
    machine->host->memory_taken = 0;
}

void fake_machine_close(struct machine *machine)
{
    assert(list_empty(&machine->locks) && list_empty(&machine->disk_locks));
    fake_host_close(machine->host);
    free(machine);
}

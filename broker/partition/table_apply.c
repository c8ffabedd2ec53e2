/*
 * From the image to the partitions: what is to be hosted is made and opened, what is not any more goes, everything else gets
 * its view. On the control loop.
 */
#include <stdio.h>

#include "broker/partition/partition_internal.h"

/* Our seat in a partition, or NULL. */
static const struct meta_replica *own_replica(const struct partitions *table,
                                              const struct meta_partition *mp)
{
    for (uint32_t i = 0; i < mp->replica_count; i++) {
        if (mp->replicas[i].broker == table->config.broker_id) {
            return &mp->replicas[i];
        }
    }
    return NULL;
}

static struct log_dir *dir_of_id(struct partitions *table, struct uuid id)
{
    for (uint32_t i = 0; i < table->dir_count && !uuid_is_none(id); i++) {
        if (uuid_eq(table->dirs[i].properties.directory_id, id)) {
            return &table->dirs[i];
        }
    }
    return NULL;
}

static bool any_offline(const struct partitions *table)
{
    bool any = false;
    for (uint32_t i = 0; i < table->dir_count; i++) {
        any = any || atomic_load(&table->dirs[i].offline);
    }
    return any;
}

/* ---- views ---- */

static bool dir_online(const struct meta_broker *broker, struct uuid dir)
{
    bool online = uuid_is_none(dir);
    for (uint32_t i = 0; i < broker->dir_count; i++) {
        online = online || uuid_eq(broker->dirs[i], dir);
    }
    return online;
}

static void view_members(struct replica_view *view, const struct meta_image *image,
                         const struct meta_partition *mp)
{
    view->member_count = mp->replica_count;
    for (uint32_t i = 0; i < mp->replica_count; i++) {
        const struct meta_broker *broker = meta_broker(image, mp->replicas[i].broker);
        view->members[i] = (struct replica_member){
            .id = mp->replicas[i].broker,
            .broker_epoch = broker == NULL ? -1 : broker->epoch,
            .eligible = broker != NULL && !broker->fenced && !broker->shutting_down &&
                        dir_online(broker, mp->replicas[i].dir),
            .unplaced = uuid_is_none(mp->replicas[i].dir),
        };
    }
}

static void make_view(struct partitions *table, const struct meta_image *image,
                      const struct meta_partition *mp, const struct partition_settings *settings,
                      struct replica_view *view)
{
    *view = (struct replica_view){
        .leader = mp->leader,
        .leader_epoch = mp->leader_epoch,
        .partition_epoch = mp->partition_epoch,
        .isr_count = mp->isr.count,
        .self_broker_epoch = table_broker_epoch(table),
        .durability = settings->durable ? REPLICA_DISK : REPLICA_PAGECACHE,
        .lag_time_max_ms = table->config.lag_time_max_ms,
    };
    memcpy(view->isr, mp->isr.id, mp->isr.count * sizeof(mp->isr.id[0]));
    view->min_isr = (int32_t)max_i64(1, min_i64(settings->min_isr, mp->replica_count));
    view_members(view, image, mp);
}

static bool same_settings(const struct partition_settings *a, const struct partition_settings *b)
{
    bool log = a->segment_bytes == b->segment_bytes && a->segment_ms == b->segment_ms &&
               a->segment_jitter_ms == b->segment_jitter_ms && a->retention_ms == b->retention_ms &&
               a->retention_bytes == b->retention_bytes &&
               a->file_delete_delay_ms == b->file_delete_delay_ms &&
               a->index_interval_bytes == b->index_interval_bytes &&
               a->index_bytes_max == b->index_bytes_max && a->compacted == b->compacted &&
               a->deleted == b->deleted && a->durable == b->durable;
    bool batches = a->timestamp_before_max_ms == b->timestamp_before_max_ms &&
                   a->timestamp_after_max_ms == b->timestamp_after_max_ms &&
                   a->log_append_time == b->log_append_time && a->compression == b->compression &&
                   a->compression_level == b->compression_level && a->recompress == b->recompress &&
                   a->message_bytes_max == b->message_bytes_max;
    return log && batches && a->producer_expiration_ms == b->producer_expiration_ms &&
           a->min_isr == b->min_isr;
}

static void give_view(struct partition *p, const struct replica_view *view,
                      const struct partition_settings *settings, bool synced)
{
    partition_enter(p);
    if (p->state == PARTITION_OPEN && !same_settings(&p->settings, settings)) {
        p->settings = *settings;
        struct log_config config = partition_log_config(p);
        log_configure(p->log, &config);
    }
    p->settings = *settings;
    /* Before that the core is his who opens the log, outside of the monitor. */
    if (p->state == PARTITION_OPEN && settings->producer_expiration_ms > 0) {
        replica_expire_producers_after(&p->core, settings->producer_expiration_ms);
    }
    p->view = *view;
    p->view_known = true;
    if (p->state == PARTITION_OPEN) {
        struct step step = {.event = {.kind = REPLICA_VIEW}};
        step.event.view = &p->view;
        partition_step(p, &step);
    }
    p->prove_wanted = settings->durable && !synced;
    partition_prove(p);
    partition_leave(p);
}

/* ---- coming and going ---- */

static void start_open(struct partition *p)
{
    partition_enter(p);
    assert(p->state == PARTITION_WAITS);
    p->state = PARTITION_OPENING;
    partition_chore(p, CHORE_OPEN);
    partition_leave(p);
}

static void remove_partition(struct partition *p)
{
    trace_log(p->table->config.trace, TRACE_INFO, TRACE_PARTITION,
              "%s-%d: not hosted here any more; removing it.", p->name, p->index);
    table_forget(p);
    partition_enter(p);
    bool has_folder = p->state != PARTITION_WAITS;
    partition_halt(p, PARTITION_DELETED, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    if (has_folder) {
        p->removing = true;
        partition_hold(p); /* until the chore is done: it keeps the folder's name taken */
        partition_chore(p, CHORE_DELETE);
    }
    partition_leave(p);
    partition_drop(p); /* the table's hold */
}

/*
 * A rotten replica. What it has cannot all be read, but others count on it: the leader that acknowledges, the controllers that
 * elect. So it keeps its name and its seats, and what is good of it is served, until the image says that the controllers have
 * taken them from it (REPLICAS_ROTTEN; they do so only while somebody else has everything). Only then its folder is set
 * aside, for who may want to look into it, and the replica is made anew, empty, to be copied from its leader (M145).
 */
static void set_rotten_aside(struct partition *p)
{
    assert(!p->removing);
    table_forget(p);
    partition_enter(p);
    p->aside = true;
    p->removing = true;
    partition_halt(p, PARTITION_DELETED, KAFKA_NOT_LEADER_OR_FOLLOWER);
    partition_hold(p); /* until the chore is done */
    partition_chore(p, CHORE_DELETE);
    partition_leave(p);
    trace_log(
        p->table->config.trace, TRACE_WARN, TRACE_PARTITION,
        "%s-%d: its seat is given up; the folder is set aside as -stray, and it is copied anew.",
        p->name, p->index);
    partition_drop(p); /* the table's hold */
}

static bool is_rotten(struct partition *p)
{
    partition_enter(p);
    bool rotten = p->rotten && !p->removing;
    lock_leave(p->lock);
    return rotten;
}

/* A seat that the image has shown before, for one that was never placed may be placed by a request that is under way. */
static bool relieved(struct partition *p, const struct meta_replica *own)
{
    bool placed = !uuid_is_none(p->said);
    return placed && (uuid_is_none(own->dir) || MUTANT(145)) && is_rotten(p);
}

static void tell_alone(struct partition *p)
{
    partition_enter(p);
    bool open = p->state == PARTITION_OPEN;
    lock_leave(p->lock);
    trace_log(
        p->table->config.trace, TRACE_ERROR, TRACE_PARTITION,
        "%s-%d: no other replica has everything, so this rotten one keeps its seat and %s. Bring another replica into the "
        "in-sync set, or stop this broker and put %s back from a backup; or, to go on without what is lost, stop it, "
        "move that folder away, start it, and elect another leader (--election-type unclean).",
        p->name, p->index,
        open ? "serves what can be read of it"
             : "stays offline (where only the device refused for a while, start this broker again)",
        p->folder);
}

static void tell_rotten(struct partition *p, const struct meta_partition *mp)
{
    struct partitions_events *events = &p->table->config.events;
    bool alone = true;
    if (uuid_is_none(p->said) || events->rotten == NULL || !is_rotten(p)) {
        return;
    }
    for (uint32_t i = 0; i < mp->replica_count; i++) {
        int32_t id = mp->replicas[i].broker;
        bool has_all = meta_partition_seats(mp, id);
        alone = alone && (!has_all || id == p->table->config.broker_id);
    }
    if (alone && !p->alone_told) {
        tell_alone(p);
    }
    p->alone_told = alone;
    if (!alone && !MUTANT(143)) {
        events->rotten(events->ctx, p->topic, p->index, mp->leader_epoch);
    }
}

/* A folder that is not the cluster's is set aside, never served and never removed. */
static void set_aside(struct partitions *table, struct found_folder *found)
{
    char from[FOLDER_PATH_MAX + 1];
    char to[FOLDER_PATH_MAX + 1];
    char suffix[UUID_TEXT_LEN + 16] = ".";
    struct log_dir *dir = &table->dirs[found->dir];
    struct uuid_text id = uuid_print(found->topic);
    memcpy(suffix + 1, id.s, UUID_TEXT_LEN);
    memcpy(suffix + 1 + UUID_TEXT_LEN, "-stray", sizeof("-stray"));
    found->used = true;
    bool fits = folder_path(dir, found->name, found->index, "", from) &&
                folder_path(dir, found->name, found->index, suffix, to);
    err_t err = fits ? disk_rename(table->host, from, to) : ERR_TOO_LARGE;
    trace_log(
        table->config.trace, TRACE_WARN, TRACE_PARTITION,
        "%s-%d in %s is no replica of this cluster's topic of that name; it is set aside as -stray%s%s.",
        found->name, found->index, dir->path,
        err == OK ? "" : ", which failed: ", err == OK ? "" : err_text(err));
}

static bool is_usable(const struct partitions *table, const struct found_folder *found)
{
    return !found->used && !atomic_load(&table->dirs[found->dir].offline);
}

/* One that lies in `said`, the directory of the seat (NULL: none is known), before any other: who was made anew while a directory was
 * away finds what that one held beside what counts, when it is back. All others of this name are set aside. */
static struct found_folder *find_folder(struct partitions *table, struct slice name, int32_t index,
                                        struct uuid topic, const struct log_dir *said)
{
    char folder[TOPIC_NAME_MAX + 16];
    int n = snprintf(folder, sizeof(folder), "%.*s-%d", (int)name.n, (const char *)name.p, index);
    struct found_folder *match = NULL;
    struct found_folder *all = map_get(&table->found_by_name, slice_of(folder, (size_t)n));
    for (struct found_folder *found = all; found != NULL; found = found->same) {
        bool ours = uuid_eq(found->topic, topic) || uuid_is_none(found->topic);
        bool better = match == NULL || &table->dirs[found->dir] == said;
        match = is_usable(table, found) && ours && better ? found : match;
    }
    for (struct found_folder *found = all; found != NULL; found = found->same) {
        if (is_usable(table, found) && found != match) {
            set_aside(table, found);
        }
    }
    return match;
}

/* Where a new replica goes: the directory with the fewest. */
static struct log_dir *roomiest(struct partitions *table)
{
    struct log_dir *best = NULL;
    for (uint32_t i = 0; i < table->dir_count; i++) {
        struct log_dir *dir = &table->dirs[i];
        if (!atomic_load(&dir->offline) && (best == NULL || dir->partitions < best->partitions)) {
            best = dir;
        }
    }
    return best;
}

/* Whether a partition that is being removed still has the folder. */
static bool name_taken(struct partitions *table, const struct partition *p)
{
    struct partition *other = NULL;
    while ((other = table_next(table, other)) != NULL) {
        if (other != p && other->removing && strcmp(other->folder, p->folder) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * A folder that the image does not know of holds what nobody counts on: perhaps a log that was just begun, perhaps one whose seat
 * was given up for rot by a broker that died before it had set it aside. It is read through as if all of it were the tail,
 * and goes on from its first good part.
 */
static struct partition *make_partition(struct partitions *table, const struct meta_topic *topic,
                                        const struct meta_partition *mp,
                                        const struct meta_replica *own)
{
    struct slice name = meta_topic_name(topic);
    struct log_dir *said = dir_of_id(table, own->dir);
    struct found_folder *found =
        table->applied ? NULL : find_folder(table, name, mp->index, meta_topic_id(topic), said);
    struct log_dir *dir = found != NULL ? &table->dirs[found->dir] : roomiest(table);
    if (found == NULL && said != NULL && !atomic_load(&said->offline) && !MUTANT(88)) {
        trace_log(table->config.trace, TRACE_WARN, TRACE_PARTITION,
                  "%.*s-%d should be in %s and is not there; reporting it lost.", (int)name.n,
                  (const char *)name.p, mp->index, said->path);
        table->config.events.lost(table->config.events.ctx, meta_topic_id(topic), mp->index,
                                  mp->partition_epoch);
        return NULL;
    }
    /* What its own directory does not have may lie in one that could not be opened; what another one has of it is older. */
    bool away = said != NULL ? atomic_load(&said->offline)
                             : !uuid_is_none(own->dir) && any_offline(table);
    bool in_seat = found != NULL && &table->dirs[found->dir] == said;
    if (dir == NULL || (away && !in_seat && !MUTANT(88))) {
        return NULL; /* nowhere to put it, or its own directory is offline */
    }
    struct partition *p = table_create(table, meta_topic_id(topic), name, mp->index, dir, found);
    if (p == NULL) {
        trace_log(table->config.trace, TRACE_ERROR, TRACE_PARTITION,
                  "%.*s-%d: no memory to host it; it is tried again.", (int)name.n,
                  (const char *)name.p, mp->index);
        table->short_of_memory = true;
        return NULL;
    }
    if (found != NULL) {
        found->used = true;
    }
    if (uuid_is_none(own->dir)) {
        p->known = (struct log_known){.rewrite = p->known.rewrite,
                                      .written_point = p->known.recovery_point,
                                      .log_start = p->known.log_start};
    }
    return p;
}

/* Where it lies, once its folder is on disk: an image that names a directory where a crash left nothing would make of a
 * replica that never held a record a lost one. */
static void tell_place(struct partition *p)
{
    struct partitions_events *events = &p->table->config.events;
    assert(events->assigned != NULL);
    partition_enter(p);
    bool open = p->state == PARTITION_OPEN || p->rotten;
    assert(!open || p->rotten || p->log != NULL);
    lock_leave(p->lock);
    if (open && !uuid_eq(p->said, p->dir->properties.directory_id)) {
        events->assigned(events->ctx, p->topic, p->index, p->dir->properties.directory_id);
    }
}

/* A seat is one of a directory. Who was found in another one has told so, and waits until the image knows: what the controllers elect
 * by that seat is what the other directory held. */
static bool has_seat(const struct partition *p, const struct meta_replica *own)
{
    return uuid_is_none(own->dir) || uuid_eq(own->dir, p->dir->properties.directory_id);
}

static void host(struct partitions *table, const struct meta_image *image,
                 const struct meta_topic *topic, const struct meta_partition *mp,
                 const struct meta_replica *own)
{
    struct partition *p = partitions_find(table, meta_topic_id(topic), mp->index);
    if (p != NULL && relieved(p, own)) {
        set_rotten_aside(p);
        partition_drop(p);
        p = NULL;
    }
    bool fresh = p == NULL;
    if (fresh) {
        struct partition *before = partitions_find_named(table, meta_topic_name(topic), mp->index);
        if (before != NULL) { /* deleted and made anew in one step */
            remove_partition(before);
            partition_drop(before);
        }
        p = make_partition(table, topic, mp, own);
        if (p == NULL) {
            return;
        }
        partition_hold(p);
    }
    struct partition_settings settings = p->settings; /* nobody but us writes them */
    struct replica_view view;
    if (fresh || table->settings_moved) {
        memset(&settings, 0, sizeof(settings));
        table->config.events.settings(table->config.events.ctx, image, topic, &settings);
    }
    make_view(table, image, mp, &settings, &view);
    if (!has_seat(p, own)) {
        view.self_broker_epoch = -1; /* by this image it neither leads nor follows */
    }
    give_view(p, &view, &settings, own->synced);
    if (fresh) {
        table->opening += table->applied ? 0 : 1;
        p->first = !table->applied;
        if (!name_taken(table, p)) {
            start_open(p);
        }
    }
    p->said = own->dir;
    tell_place(p);
    tell_rotten(p, mp);
    partition_drop(p);
}

static void apply_partition(struct partitions *table, const struct meta_image *image,
                            struct uuid topic_id, int32_t index)
{
    const struct meta_topic *topic = meta_topic(image, topic_id);
    const struct meta_partition *mp = topic == NULL ? NULL : meta_partition(topic, index);
    const struct meta_replica *own = mp == NULL ? NULL : own_replica(table, mp);
    if (own != NULL) {
        host(table, image, topic, mp, own);
        return;
    }
    struct partition *p = partitions_find(table, topic_id, index);
    if (p != NULL) {
        remove_partition(p);
        partition_drop(p);
    }
}

static void apply_topic(struct partitions *table, const struct meta_image *image,
                        const struct meta_topic *topic)
{
    for (uint32_t i = 0; i < meta_topic_partitions(topic); i++) {
        apply_partition(table, image, meta_topic_id(topic), (int32_t)i);
    }
}

/* Everything that is hosted gets a new look at the image. */
static void apply_hosted(struct partitions *table, const struct meta_image *image)
{
    struct partition *p = NULL;
    struct partition *next = table_next(table, NULL);
    while ((p = next) != NULL) {
        next = table_next(table, p);
        if (!p->removing) {
            apply_partition(table, image, p->topic, p->index);
        }
    }
}

static void apply_all(struct partitions *table, const struct meta_image *image)
{
    apply_hosted(table, image);
    const struct meta_topic *topic = meta_topic_next(image, slice_of(NULL, 0));
    while (topic != NULL) {
        apply_topic(table, image, topic);
        topic = meta_topic_next(image, meta_topic_name(topic));
    }
}

/* ---- where the others listen ---- */

static void apply_peer(struct partitions *table, const struct meta_image *image, int32_t id)
{
    const struct meta_broker *broker = meta_broker(image, id);
    const struct meta_endpoint *endpoint =
        broker == NULL ? NULL : meta_broker_endpoint(broker, slice_str(table->config.listener));
    lock_enter(table->lock);
    struct peer *peer = map_get_u64(&table->peers, (uint64_t)id);
    if (peer == NULL && endpoint != NULL) {
        peer = HEAP_NEW(&table->map_heap, struct peer);
        if (peer != NULL && !map_put_u64(&table->peers, (uint64_t)id, peer)) {
            heap_free(&table->map_heap, peer, sizeof(*peer));
            peer = NULL;
        }
    }
    if (peer != NULL) {
        peer->known = endpoint != NULL && endpoint->host.n <= HOST_NAME_MAX_BYTES;
    }
    if (peer != NULL && peer->known) {
        memcpy(peer->address.host, endpoint->host.p, endpoint->host.n);
        peer->address.host[endpoint->host.n] = '\0';
        peer->address.port = endpoint->port;
    }
    lock_leave(table->lock);
}

static void apply_peers(struct partitions *table, const struct meta_image *image)
{
    const struct meta_broker *broker = meta_broker_next(image, -1);
    while (broker != NULL) {
        apply_peer(table, image, broker->id);
        broker = meta_broker_next(image, broker->id);
    }
}

/* ---- the image moved ---- */

static void tell_ready(struct partitions *table)
{
    if (table->applied && table->opening == 0 && !table->ready) {
        table->ready = true;
        table->config.events.ready(table->config.events.ctx);
    }
}

/* Whoever had no memory to be hosted still has a folder, which is no stray: nothing is over then, no checkpoint is written that does
 * not tell of it, and the broker stays fenced until the next try. */
static void apply_first(struct partitions *table, const struct meta_image *image)
{
    apply_peers(table, image);
    apply_all(table, image);
    if (table->short_of_memory) {
        return;
    }
    struct list_node *node;
    while ((node = list_pop(&table->found)) != NULL) {
        struct found_folder *found = CONTAINER_OF(node, struct found_folder, node);
        if (!found->used && !atomic_load(&table->dirs[found->dir].offline)) {
            set_aside(table, found);
        }
        heap_free(&table->heap, found, sizeof(*found));
    }
    map_release(&table->found_by_name);
    table->applied = true;
    tell_ready(table);
}

static void apply_changes(struct partitions *table, const struct meta_image *image,
                          const struct meta_changes *changes)
{
    bool everything = false;
    table->settings_moved = false;
    for (size_t i = 0; i < changes->count; i++) {
        const struct meta_change *change = &changes->items[i];
        if (change->kind == META_CHANGED_BROKER) {
            apply_peer(table, image, change->broker);
            everything = true; /* epochs and eligibility of members */
        }
        bool config = change->kind == META_CHANGED_CONFIG;
        everything = everything || (config && change->resource != META_RESOURCE_TOPIC);
        table->settings_moved = table->settings_moved || config;
    }
    for (size_t i = 0; i < changes->count; i++) {
        const struct meta_change *change = &changes->items[i];
        if (change->kind == META_CHANGED_PARTITION) {
            apply_partition(table, image, change->topic, change->partition);
        } else if (change->kind == META_CHANGED_CONFIG && change->resource == META_RESOURCE_TOPIC &&
                   !everything) {
            const struct meta_topic *topic = meta_topic_named(image, change->name);
            if (topic != NULL) {
                apply_topic(table, image, topic);
            }
        }
    }
    if (everything) {
        apply_hosted(table, image);
    }
}

void partitions_apply(struct partitions *table, const struct meta_image *image,
                      const struct meta_changes *changes)
{
    assert(table->started && image != NULL);
    if (table->stopping) {
        return;
    }
    table->short_of_memory = false;
    table->settings_moved = true;
    if (!table->applied) {
        apply_first(table, image);
    } else if (changes == NULL) {
        apply_peers(table, image);
        apply_all(table, image);
    } else {
        apply_changes(table, image, changes);
    }
    if (table->short_of_memory && table->config.events.again != NULL) {
        table->config.events.again(table->config.events.ctx);
    }
}

/* ---- what comes back ---- */

/* A folder's name is free again. */
static void name_freed(struct partition *removed)
{
    struct partitions *table = removed->table;
    struct partition *p = partitions_find_named(table, slice_str(removed->name), removed->index);
    if (p == NULL) {
        return;
    }
    partition_enter(p);
    bool waits = p->state == PARTITION_WAITS;
    lock_leave(p->lock);
    if (waits && !name_taken(table, p)) {
        start_open(p);
    }
    partition_drop(p);
}

void table_chores_done(struct partition *p, uint32_t chores)
{
    struct partitions *table = p->table;
    if ((chores & CHORE_OPEN) && p->first) {
        p->first = false;
        assert(table->opening > 0);
        table->opening--;
        tell_ready(table);
    }
    if ((chores & (CHORE_OPEN | CHORE_REOPEN)) && !table->stopping) {
        tell_place(p);
    }
    if (chores & CHORE_DELETE) {
        p->removing = false;
        if (table->closing_begun) {
            table_closed(p);
        } else {
            name_freed(p);
        }
        partition_drop(p);
    }
    if (chores & CHORE_CLOSE) {
        table_closed(p);
    }
}

void table_proved(struct mail *mail)
{
    struct partition *p = CONTAINER_OF(mail, struct partition, proved_mail);
    struct partitions_events *events = &p->table->config.events;
    partition_enter(p);
    p->proved_posted = false;
    bool open = p->state == PARTITION_OPEN;
    int32_t epoch = p->proved_epoch;
    lock_leave(p->lock);
    if (open && events->synced != NULL) {
        events->synced(events->ctx, p->topic, p->index, epoch);
    }
    partition_drop(p);
}

/* Whether somebody else has everything only the controllers know for sure. */
void table_rotten(struct mail *mail)
{
    struct partition *p = CONTAINER_OF(mail, struct partition, rotten_mail);
    struct partitions_events *events = &p->table->config.events;
    if (!p->table->stopping && is_rotten(p) && events->rotten != NULL) {
        tell_place(p);
        events->rotten(events->ctx, p->topic, p->index, p->view.leader_epoch);
    }
    partition_drop(p);
}

void table_ask(struct mail *mail)
{
    struct partition *p = CONTAINER_OF(mail, struct partition, ask_mail);
    partition_enter(p);
    p->ask_posted = false;
    struct replica_isr_ask ask = p->ask;
    bool open = p->state == PARTITION_OPEN;
    lock_leave(p->lock);
    if (open) {
        p->table->config.events.ask_isr(p->table->config.events.ctx, p->topic, p->index, &ask);
    }
    partition_drop(p);
}

void partitions_isr_answer(struct partitions *table, struct uuid topic, int32_t index,
                           const struct partition_isr_answer *answer)
{
    struct partition *p = partitions_find(table, topic, index);
    if (p == NULL) {
        return;
    }
    partition_enter(p);
    if (p->state == PARTITION_OPEN) {
        struct step step = {.event = {.kind = REPLICA_ISR_ANSWER}};
        step.event.isr_answer.ask = answer->ask_number;
        step.event.isr_answer.error = answer->error;
        step.event.isr_answer.leader_epoch = answer->leader_epoch;
        step.event.isr_answer.partition_epoch = answer->partition_epoch;
        step.event.isr_answer.isr_count = answer->isr_count;
        memcpy(step.event.isr_answer.isr, answer->isr, sizeof(answer->isr));
        partition_step(p, &step);
    }
    partition_leave(p);
    partition_drop(p);
}

void table_dir_failed(struct log_dir *dir)
{
    struct partitions *table = dir->table;
    atomic_store(&dir->offline, true);
    struct partition *p = NULL;
    while ((p = table_next(table, p)) != NULL) {
        if (p->dir != dir) {
            continue;
        }
        partition_enter(p);
        if (p->state == PARTITION_OPEN) {
            log_set_offline(p->log);
            partition_halt(p, PARTITION_OFFLINE, KAFKA_KAFKA_STORAGE_ERROR);
        }
        partition_leave(p);
    }
    dir_release_held(dir, true);
    if (!dir->failure_told) {
        dir->failure_told = true;
        trace_log(
            table->config.trace, TRACE_ERROR, TRACE_PARTITION,
            "The log directory %s is offline: its %u replicas are not served until a restart.",
            dir->path, dir->partitions);
        table->config.events.dir_failed(table->config.events.ctx, dir->properties.directory_id);
    }
}

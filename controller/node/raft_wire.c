#include "controller/node/raft_wire.h"

/* A packed voter set: VOTERS_MAX ids of 4 bytes and directories of 16, a count before them. */
#define VOTER_BYTES 20

err_t raft_wire_node_read(const Odradek__Node *node, struct raft_node *ret_node)
{
    *ret_node = RAFT_NOBODY;
    if (node != NULL) {
        ret_node->id = node->id;
        TRY(rpc_uuid_read(node->directory, &ret_node->directory));
    }
    return OK;
}

static void node_fill(Odradek__Node *to, const struct raft_node *from)
{
    odradek__node__init(to);
    to->id = from->id;
    to->directory = rpc_uuid(&from->directory);
}

Odradek__Voters *raft_wire_voters(const struct raft_voters *voters, struct arena *arena)
{
    assert(voters->count <= VOTERS_MAX);
    Odradek__Voters *packed = ARENA_NEW(arena, Odradek__Voters);
    Odradek__Node *nodes = arena_array(arena, voters->count, sizeof(*nodes));
    Odradek__Node **list = arena_array(arena, voters->count, sizeof(*list));
    if (packed == NULL || nodes == NULL || list == NULL) {
        return NULL;
    }
    odradek__voters__init(packed);
    packed->n_nodes = voters->count;
    packed->nodes = list;
    for (uint32_t i = 0; i < voters->count; i++) {
        node_fill(&nodes[i], &voters->node[i]);
        list[i] = &nodes[i];
    }
    return packed;
}

err_t raft_wire_voters_read(const Odradek__Voters *packed, struct raft_voters *ret_voters)
{
    *ret_voters = (struct raft_voters){0};
    if (packed == NULL) {
        return OK;
    }
    ENSURE(packed->n_nodes <= VOTERS_MAX, ERR_MALFORMED);
    for (size_t i = 0; i < packed->n_nodes; i++) {
        TRY(raft_wire_node_read(packed->nodes[i], &ret_voters->node[i]));
        ENSURE(ret_voters->node[i].id >= 0, ERR_MALFORMED);
    }
    ret_voters->count = (uint32_t)packed->n_nodes;
    return OK;
}

err_t raft_wire_voters_pack(const struct raft_voters *voters, struct arena *arena,
                            struct slice *ret_bytes)
{
    assert(voters->count <= VOTERS_MAX);
    size_t n = 1 + voters->count * (size_t)VOTER_BYTES;
    uint8_t *p = arena_alloc(arena, n);
    ENSURE(p != NULL, ERR_NO_MEMORY);
    *ret_bytes = slice_of(p, n);
    *p++ = (uint8_t)voters->count;
    for (uint32_t i = 0; i < voters->count; i++, p += VOTER_BYTES) {
        uint32_t id = (uint32_t)voters->node[i].id;
        p[0] = (uint8_t)(id >> 24);
        p[1] = (uint8_t)(id >> 16);
        p[2] = (uint8_t)(id >> 8);
        p[3] = (uint8_t)id;
        memcpy(p + 4, voters->node[i].directory.b, 16);
    }
    return OK;
}

err_t raft_wire_voters_unpack(struct slice bytes, struct raft_voters *ret_voters)
{
    *ret_voters = (struct raft_voters){0};
    ENSURE(bytes.n >= 1 && bytes.p[0] <= VOTERS_MAX, ERR_MALFORMED);
    ENSURE(bytes.n == 1 + bytes.p[0] * (size_t)VOTER_BYTES, ERR_MALFORMED);
    ret_voters->count = bytes.p[0];
    for (uint32_t i = 0; i < ret_voters->count; i++) {
        const uint8_t *p = bytes.p + 1 + i * (size_t)VOTER_BYTES;
        uint32_t id = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        ENSURE(id <= INT32_MAX, ERR_MALFORMED);
        ret_voters->node[i].id = (int32_t)id;
        memcpy(ret_voters->node[i].directory.b, p + 4, 16);
    }
    return OK;
}

static err_t entries_fill(Odradek__RaftMessage *to, const struct raft_cargo *cargo,
                          struct arena *arena)
{
    Odradek__RaftEntry *entries = arena_array(arena, cargo->entry_count, sizeof(*entries));
    to->entries = arena_array(arena, cargo->entry_count, sizeof(*to->entries));
    ENSURE(entries != NULL && to->entries != NULL, ERR_NO_MEMORY);
    to->n_entries = cargo->entry_count;
    for (size_t i = 0; i < cargo->entry_count; i++) {
        odradek__raft_entry__init(&entries[i]);
        entries[i].term = cargo->entries[i].term;
        entries[i].kind = cargo->entries[i].kind;
        entries[i].payload.data = (uint8_t *)cargo->entries[i].payload.p;
        entries[i].payload.len = cargo->entries[i].payload.n;
        to->entries[i] = &entries[i];
    }
    return OK;
}

static err_t append_fill(Odradek__RaftMessage *to, const struct raft_append *from,
                         const struct raft_cargo *cargo, struct arena *arena)
{
    assert((size_t)(from->last - from->first + 1) == cargo->entry_count);
    to->request = from->request;
    to->prev_index = from->prev_index;
    to->prev_term = from->prev_term;
    to->commit = from->commit;
    to->quiet = from->quiet;
    return entries_fill(to, cargo, arena);
}

static err_t chunk_fill(Odradek__RaftMessage *to, const struct raft_chunk *from,
                        const struct raft_cargo *cargo, struct arena *arena)
{
    Odradek__RaftSnapshotId *id = ARENA_NEW(arena, Odradek__RaftSnapshotId);
    ENSURE(id != NULL, ERR_NO_MEMORY);
    odradek__raft_snapshot_id__init(id);
    id->index = from->snapshot.index;
    id->term = from->snapshot.term;
    id->voters = raft_wire_voters(&from->snapshot.voters, arena);
    ENSURE(id->voters != NULL, ERR_NO_MEMORY);
    to->request = from->request;
    to->snapshot = id;
    to->offset = from->offset;
    to->last = from->last;
    to->chunk.data = (uint8_t *)cargo->chunk.p;
    to->chunk.len = cargo->chunk.n;
    return OK;
}

static err_t body_fill(Odradek__RaftMessage *to, const struct raft_message *from,
                       const struct raft_cargo *cargo, struct arena *arena)
{
    switch (from->kind) {
    case RAFT_PRE_VOTE:
    case RAFT_VOTE:
        to->vote_term = from->vote.term;
        to->last_index = from->vote.last_index;
        to->last_term = from->vote.last_term;
        return OK;
    case RAFT_PRE_VOTE_ANSWER:
    case RAFT_VOTE_ANSWER:
        to->vote_term = from->vote_answer.term;
        to->granted = from->vote_answer.granted;
        return OK;
    case RAFT_APPEND: return append_fill(to, &from->append, cargo, arena);
    case RAFT_APPEND_ANSWER:
        to->request = from->append_answer.request;
        to->accepted = from->append_answer.accepted;
        to->match = from->append_answer.match;
        to->hint_index = from->append_answer.hint_index;
        to->hint_term = from->append_answer.hint_term;
        return OK;
    case RAFT_SEND_SNAPSHOT: return chunk_fill(to, &from->chunk, cargo, arena);
    case RAFT_SNAPSHOT_ANSWER:
        to->request = from->chunk_answer.request;
        to->match = from->chunk_answer.index;
        to->next_offset = from->chunk_answer.next_offset;
        to->installed = from->chunk_answer.installed;
        return OK;
    case RAFT_TIMEOUT_NOW: return OK;
    case RAFT_MESSAGE_KINDS: break;
    }
    assert(!"a raft message of no kind");
    return ERR_INVALID;
}

err_t raft_wire_send(struct rpc_conn *conn, const struct raft_message *message,
                     const struct raft_cargo *cargo, struct arena *arena)
{
    Odradek__RaftMessage raft = ODRADEK__RAFT_MESSAGE__INIT;
    Odradek__Node from;
    Odradek__Node to;
    node_fill(&from, &message->from);
    node_fill(&to, &message->to);
    raft.kind = message->kind;
    raft.from = &from;
    raft.to = &to;
    raft.term = message->term;
    TRY(body_fill(&raft, message, cargo, arena));
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_RAFT;
    frame.raft = &raft;
    rpc_send(conn, &frame);
    return OK;
}

/* Counts runs of one term and the voter sets among the entries. */
static err_t entries_read(const Odradek__RaftMessage *from, struct arena *arena,
                          struct raft_append *append, struct raft_cargo *cargo)
{
    size_t n = from->n_entries;
    struct raft_entry *entries = arena_array(arena, n, sizeof(*entries));
    struct raft_run *runs = arena_array(arena, n, sizeof(*runs));
    struct raft_voters_entry *voters = arena_array(arena, n, sizeof(*voters));
    ENSURE(entries != NULL && runs != NULL && voters != NULL, ERR_NO_MEMORY);
    for (size_t i = 0; i < n; i++) {
        const Odradek__RaftEntry *e = from->entries[i];
        ENSURE(e->term > 0 && e->kind <= RAFT_VOTERS, ERR_MALFORMED);
        entries[i] = (struct raft_entry){e->term, (enum raft_entry_kind)e->kind,
                                         slice_of(e->payload.data, e->payload.len)};
        if (append->run_count == 0 || runs[append->run_count - 1].term != e->term) {
            runs[append->run_count++] = (struct raft_run){.term = e->term};
        }
        runs[append->run_count - 1].count++;
        if (e->kind == RAFT_VOTERS) {
            struct raft_voters_entry *v = &voters[append->voters_count++];
            v->index = append->first + (raft_index)i;
            TRY(raft_wire_voters_unpack(entries[i].payload, &v->voters));
        }
    }
    append->runs = runs;
    append->voters = voters;
    cargo->entries = entries;
    cargo->entry_count = n;
    return OK;
}

static err_t append_read(const Odradek__RaftMessage *from, struct arena *arena,
                         struct raft_append *append, struct raft_cargo *cargo)
{
    ENSURE(from->prev_index >= 0 && from->prev_index < INT64_MAX / 2, ERR_MALFORMED);
    append->request = from->request;
    append->prev_index = from->prev_index;
    append->prev_term = from->prev_term;
    append->first = from->prev_index + 1;
    append->last = from->prev_index + (raft_index)from->n_entries;
    append->commit = from->commit;
    append->quiet = from->quiet;
    return entries_read(from, arena, append, cargo);
}

static err_t chunk_read(const Odradek__RaftMessage *from, struct raft_chunk *chunk,
                        struct raft_cargo *cargo)
{
    ENSURE(from->snapshot != NULL && from->chunk.len <= RPC_CHUNK_MAX, ERR_MALFORMED);
    chunk->request = from->request;
    chunk->snapshot.index = from->snapshot->index;
    chunk->snapshot.term = from->snapshot->term;
    TRY(raft_wire_voters_read(from->snapshot->voters, &chunk->snapshot.voters));
    chunk->offset = from->offset;
    chunk->bytes = from->chunk.len;
    chunk->last = from->last;
    cargo->chunk = slice_of(from->chunk.data, from->chunk.len);
    return OK;
}

static err_t body_read(const Odradek__RaftMessage *from, struct arena *arena,
                       struct raft_message *to, struct raft_cargo *cargo)
{
    switch (to->kind) {
    case RAFT_PRE_VOTE:
    case RAFT_VOTE:
        to->vote = (struct raft_vote_request){from->vote_term, from->last_index, from->last_term};
        return OK;
    case RAFT_PRE_VOTE_ANSWER:
    case RAFT_VOTE_ANSWER:
        to->vote_answer = (struct raft_vote_answer){from->vote_term, from->granted};
        return OK;
    case RAFT_APPEND: return append_read(from, arena, &to->append, cargo);
    case RAFT_APPEND_ANSWER:
        to->append_answer = (struct raft_append_answer){from->request, from->accepted, from->match,
                                                        from->hint_index, from->hint_term};
        return OK;
    case RAFT_SEND_SNAPSHOT: return chunk_read(from, &to->chunk, cargo);
    case RAFT_SNAPSHOT_ANSWER:
        to->chunk_answer = (struct raft_chunk_answer){from->request, from->match, from->next_offset,
                                                      from->installed};
        return OK;
    default: return OK;
    }
}

err_t raft_wire_read(const Odradek__RaftMessage *from, struct arena *arena,
                     struct raft_message *ret_message, struct raft_cargo *ret_cargo)
{
    *ret_message = (struct raft_message){.term = from->term};
    *ret_cargo = (struct raft_cargo){0};
    ENSURE(from->kind < RAFT_MESSAGE_KINDS, ERR_MALFORMED);
    ret_message->kind = (enum raft_message_kind)from->kind;
    TRY(raft_wire_node_read(from->from, &ret_message->from));
    TRY(raft_wire_node_read(from->to, &ret_message->to));
    ENSURE(ret_message->from.id >= 0 && ret_message->to.id >= 0, ERR_MALFORMED);
    return body_read(from, arena, ret_message, ret_cargo);
}

#include "common/log/meta_properties.h"
#include "common/log/text.h"
#include "controller/node/raft_disk_internal.h"

/* Lines of key=value, like Kafka's meta.properties: people read it when a quorum is in trouble. */
void quorum_state_print(const struct quorum_state *state, struct buf *out)
{
    buf_printf(out, "version=1\n");
    if (state->cluster_id.n > 0) {
        buf_printf(out, "cluster.id=%.*s\nvoters=", (int)state->cluster_id.n,
                   (const char *)state->cluster_id.p);
        for (uint32_t i = 0; i < state->founders.count; i++) {
            const struct raft_node *node = &state->founders.node[i];
            buf_printf(out, "%s%d:%s", i == 0 ? "" : ",", node->id, uuid_print(node->directory).s);
        }
        buf_printf(out, "\n");
    }
    buf_printf(out, "term=%d\n", state->term);
    if (state->voted_for.id != RAFT_NO_ID) {
        buf_printf(out, "voted=%d:%s\n", state->voted_for.id,
                   uuid_print(state->voted_for.directory).s);
    }
}

static bool split(struct slice *text, char at, struct slice *ret_head)
{
    const uint8_t *p = text->n == 0 ? NULL : memchr(text->p, at, text->n);
    *ret_head = p == NULL ? *text : slice_of(text->p, (size_t)(p - text->p));
    size_t eaten = p == NULL ? text->n : ret_head->n + 1;
    text->p += eaten;
    text->n -= eaten;
    return p != NULL;
}

static err_t node_parse(struct slice text, struct raft_node *ret_node)
{
    struct slice id;
    int64_t number;
    ENSURE(split(&text, ':', &id), ERR_MALFORMED);
    TRY(text_number(id, 0, INT32_MAX, &number));
    ret_node->id = (int32_t)number;
    return uuid_parse(text, &ret_node->directory);
}

static err_t voters_parse(struct slice text, struct raft_voters *ret_voters)
{
    while (text.n > 0) {
        struct slice one;
        (void)split(&text, ',', &one);
        ENSURE(ret_voters->count < VOTERS_MAX, ERR_MALFORMED);
        TRY(node_parse(one, &ret_voters->node[ret_voters->count]));
        ret_voters->count++;
    }
    return OK;
}

bool raft_disk_cluster_id_valid(struct slice id)
{
    for (size_t i = 0; i < id.n; i++) {
        if (id.p[i] <= ' ' || id.p[i] >= 0x7f) {
            return false;
        }
    }
    return id.n > 0 && id.n <= CLUSTER_ID_MAX;
}

static err_t line_parse(struct slice key, struct slice value, struct quorum_state *state)
{
    int64_t number;
    if (slice_eq(key, slice_str("version"))) {
        TRY(text_number(value, 0, INT32_MAX, &number));
        return number == 1 ? OK : ERR_VERSION;
    }
    if (slice_eq(key, slice_str("cluster.id"))) {
        ENSURE(raft_disk_cluster_id_valid(value), ERR_MALFORMED);
        state->cluster_id = value;
        return OK;
    }
    if (slice_eq(key, slice_str("voters"))) {
        return voters_parse(value, &state->founders);
    }
    if (slice_eq(key, slice_str("term"))) {
        TRY(text_number(value, 0, INT32_MAX, &number));
        state->term = (raft_term)number;
        return OK;
    }
    ENSURE(slice_eq(key, slice_str("voted")), ERR_MALFORMED);
    return node_parse(value, &state->voted_for);
}

err_t quorum_state_parse(struct slice text, struct quorum_state *ret_state)
{
    *ret_state = (struct quorum_state){.voted_for = RAFT_NOBODY};
    struct slice line;
    while (text_line(&text, &line)) {
        struct slice key;
        if (line.n == 0) {
            continue;
        }
        ENSURE(split(&line, '=', &key), ERR_MALFORMED);
        TRY(line_parse(key, line, ret_state));
    }
    ENSURE((ret_state->cluster_id.n > 0) == (ret_state->founders.count > 0), ERR_MALFORMED);
    return OK;
}

/*
 * Raft messages as protobuf frames (proto/cluster.proto, RaftMessage) and back. What comes in is checked here for shape;
 * whether it makes sense is the core's business.
 */
#ifndef ODRADEK_CONTROLLER_RAFT_WIRE_H
#define ODRADEK_CONTROLLER_RAFT_WIRE_H

#include "common/rpc/rpc.h"
#include "controller/raft/raft.h"

/* One entry with its payload; slices borrow. DATA: a metadata batch; VOTERS: packed voters; LEADER_CHANGE: empty. */
struct raft_entry {
    raft_term term;
    enum raft_entry_kind kind;
    struct slice payload;
};

/* What a message carries beside the message itself. */
struct raft_cargo {
    const struct raft_entry *entries; /* RAFT_APPEND: first..last */
    size_t entry_count;
    struct slice chunk; /* RAFT_SEND_SNAPSHOT */
};

/* Sends it; nobody waits for an answer. The arena is only used during the call. */
err_t raft_wire_send(struct rpc_conn *, const struct raft_message *, const struct raft_cargo *,
                     struct arena *) MUST_USE;

/* Everything in the arena or borrowed from the frame. ERR_MALFORMED. */
err_t raft_wire_read(const Odradek__RaftMessage *, struct arena *, struct raft_message *ret_message,
                     struct raft_cargo *ret_cargo) MUST_USE;

/* Voter sets as bytes: the payload of a VOTERS entry. */
err_t raft_wire_voters_pack(const struct raft_voters *, struct arena *,
                            struct slice *ret_bytes) MUST_USE;
err_t raft_wire_voters_unpack(struct slice, struct raft_voters *ret_voters) MUST_USE;

/* Protobuf voters in the arena, and back. */
Odradek__Voters *raft_wire_voters(const struct raft_voters *, struct arena *) MUST_USE;
err_t raft_wire_voters_read(const Odradek__Voters *, struct raft_voters *ret_voters) MUST_USE;
err_t raft_wire_node_read(const Odradek__Node *, struct raft_node *ret_node) MUST_USE;

#endif

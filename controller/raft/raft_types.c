#include "controller/raft/raft_types.h"

bool raft_voters_valid(const struct raft_voters *voters)
{
    if (voters->count > VOTERS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < voters->count; i++) {
        if (voters->node[i].id < 0) {
            return false;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (voters->node[i].id == voters->node[j].id) {
                return false;
            }
        }
    }
    return true;
}

int raft_voters_find(const struct raft_voters *voters, struct raft_node node)
{
    assert(voters->count <= VOTERS_MAX);
    for (uint32_t i = 0; i < voters->count; i++) {
        if (raft_node_eq(voters->node[i], node)) {
            return (int)i;
        }
    }
    return -1;
}

bool raft_voters_has(const struct raft_voters *voters, struct raft_node node)
{
    return raft_voters_find(voters, node) >= 0;
}

bool raft_voters_eq(const struct raft_voters *a, const struct raft_voters *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (!raft_voters_has(b, a->node[i])) {
            return false;
        }
    }
    return true;
}

#include "broker/node/conn_gate.h"

#include "common/config/config.h"

struct gate_address {
    int64_t connections;
};

void conn_gate_init(struct conn_gate *gate, struct heap *heap, struct hash_key key)
{
    *gate = (struct conn_gate){.heap = heap};
    map_init(&gate->addresses, heap, key);
}

void conn_gate_release(struct conn_gate *gate)
{
    uint32_t at = 0;
    for (const struct map_entry *entry = map_next(&gate->addresses, &at); entry != NULL;
         entry = map_next(&gate->addresses, &at)) {
        heap_free(gate->heap, entry->value, sizeof(struct gate_address));
    }
    map_release(&gate->addresses);
}

struct slice gate_address_of(const char *peer)
{
    static const char mapped[] = "::ffff:";
    const char *colon = strrchr(peer, ':');
    struct slice address = slice_of(peer, colon == NULL ? strlen(peer) : (size_t)(colon - peer));
    if (address.n >= 2 && address.p[0] == '[' && address.p[address.n - 1] == ']') {
        address = slice_of(address.p + 1, address.n - 2);
    }
    if (address.n > sizeof(mapped) - 1 && memcmp(address.p, mapped, sizeof(mapped) - 1) == 0 &&
        memchr(address.p, '.', address.n) != NULL) {
        address = slice_of(address.p + sizeof(mapped) - 1, address.n - (sizeof(mapped) - 1));
    }
    return address;
}

/* A decimal count, checked when it was set. */
static int64_t count_of(struct slice text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.n && count < INT32_MAX; i++) {
        assert(text.p[i] >= '0' && text.p[i] <= '9');
        count = count * 10 + (text.p[i] - '0');
    }
    return count;
}

static int64_t limit_of(const struct gate_limits *limits, struct slice address)
{
    struct slice rest = limits->overrides;
    struct slice item;
    while (config_item(&rest, &item)) {
        if (item.n > address.n + 1 && item.p[address.n] == ':' &&
            memcmp(item.p, address.p, address.n) == 0 &&
            memchr(item.p + address.n + 1, ':', item.n - address.n - 1) == NULL) {
            return count_of(slice_of(item.p + address.n + 1, item.n - address.n - 1));
        }
    }
    return limits->per_address;
}

enum gate_verdict conn_gate_enter(struct conn_gate *gate, struct slice address,
                                  const struct gate_limits *limits)
{
    struct gate_address *known = map_get(&gate->addresses, address);
    int64_t there = known == NULL ? 0 : known->connections;
    assert(gate->connections >= there && (known == NULL || there > 0));
    if (!limits->privileged && gate->connections >= limits->connections) {
        return GATE_FULL;
    }
    if (there >= limit_of(limits, address)) {
        return GATE_ADDRESS_FULL;
    }
    if (known == NULL) {
        known = HEAP_NEW(gate->heap, struct gate_address);
        if (known == NULL || !map_put(&gate->addresses, address, known)) {
            if (known != NULL) {
                heap_free(gate->heap, known, sizeof(*known));
            }
            return GATE_NO_MEMORY;
        }
    }
    known->connections++;
    gate->connections++;
    return GATE_OPEN;
}

void conn_gate_leave(struct conn_gate *gate, struct slice address)
{
    struct gate_address *known = map_get(&gate->addresses, address);
    assert(known != NULL && known->connections > 0 && gate->connections > 0);
    gate->connections--;
    if (--known->connections == 0) {
        (void)map_remove(&gate->addresses, address);
        heap_free(gate->heap, known, sizeof(*known));
    }
}

#include <criterion/criterion.h>

#include "broker/node/conn_gate.h"
#include "tests/lib/memory.h"

static struct test_memory memory;
static struct heap heap;
static struct conn_gate gate;

static void make(void)
{
    test_memory_init(&memory);
    heap_init(&heap, &memory.source, SIZE_MAX);
    conn_gate_init(&gate, &heap, (struct hash_key){1, 2});
}

static enum gate_verdict enter(const char *address, int64_t all, int64_t each,
                               const char *overrides)
{
    const struct gate_limits limits = {
        .connections = all, .per_address = each, .overrides = slice_str(overrides)};
    return conn_gate_enter(&gate, slice_str(address), &limits);
}

Test(conn_gate, addresses_of_peers)
{
    static const struct {
        const char *peer, *address;
    } cases[] = {
        {"127.0.0.1:4000", "127.0.0.1"},
        {"[::1]:4000", "::1"},
        {"[::ffff:10.0.0.7]:4000", "10.0.0.7"},
        {"[::ffff:a:b]:1", "::ffff:a:b"},
        {"unknown", "unknown"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice address = gate_address_of(cases[i].peer);
        cr_assert(slice_eq(address, slice_str(cases[i].address)), "%s: %.*s", cases[i].peer,
                  (int)address.n, (const char *)address.p);
    }
}

Test(conn_gate, limits_hold_until_somebody_leaves)
{
    make();
    cr_assert_eq(enter("a", 3, 2, ""), GATE_OPEN);
    cr_assert_eq(enter("a", 3, 2, ""), GATE_OPEN);
    cr_assert_eq(enter("a", 3, 2, ""), GATE_ADDRESS_FULL);
    cr_assert_eq(enter("b", 3, 2, ""), GATE_OPEN);
    cr_assert_eq(enter("c", 3, 2, ""), GATE_FULL);
    conn_gate_leave(&gate, slice_str("a"));
    cr_assert_eq(enter("c", 3, 2, ""), GATE_OPEN);
    cr_assert_eq(gate.connections, 3);
    cr_assert_eq(enter("a", 9, 0, ""), GATE_ADDRESS_FULL); /* the limit was lowered meanwhile */
    const struct gate_limits brokers = {.connections = 3, .per_address = 2, .privileged = true};
    cr_assert_eq(conn_gate_enter(&gate, slice_str("d"), &brokers), GATE_OPEN);
    conn_gate_leave(&gate, slice_str("a"));
    conn_gate_leave(&gate, slice_str("b"));
    conn_gate_leave(&gate, slice_str("c"));
    conn_gate_leave(&gate, slice_str("d"));
    cr_assert_eq(gate.connections, 0);
    cr_assert_eq(gate.addresses.count,
                 0); /* a million addresses that came and went leave nothing */
    conn_gate_release(&gate);
    heap_release(&heap);
    cr_assert_eq(memory.out, 0);
}

Test(conn_gate, some_addresses_have_limits_of_their_own)
{
    static const char *const overrides = "10.0.0.1:1, ::1:2 ,10.0.0.100:0";
    make();
    cr_assert_eq(enter("10.0.0.1", 99, 5, overrides), GATE_OPEN);
    cr_assert_eq(enter("10.0.0.1", 99, 5, overrides), GATE_ADDRESS_FULL);
    cr_assert_eq(enter("::1", 99, 0, overrides), GATE_OPEN);
    cr_assert_eq(enter("::1", 99, 0, overrides), GATE_OPEN);
    cr_assert_eq(enter("::1", 99, 0, overrides), GATE_ADDRESS_FULL);
    cr_assert_eq(enter("10.0.0.100", 99, 5, overrides), GATE_ADDRESS_FULL);
    cr_assert_eq(enter("10.0.0.10", 99, 1, overrides), GATE_OPEN);
    cr_assert_eq(enter("10.0.0.10", 99, 1, overrides), GATE_ADDRESS_FULL);
    cr_assert_eq(enter(":", 99, 1, overrides), GATE_OPEN); /* no address at all harms nobody */
    conn_gate_release(&gate);
    heap_release(&heap);
}

Test(conn_gate, without_memory_nobody_comes_in)
{
    make();
    memory.most = 0;
    cr_assert_eq(enter("a", 3, 2, ""), GATE_NO_MEMORY);
    cr_assert_eq(gate.connections, 0);
    conn_gate_release(&gate);
}

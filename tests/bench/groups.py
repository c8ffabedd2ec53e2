"""What groups cost one broker that coordinates them all: memory of a member and of an offset, CPU of a heartbeat beside that of a server
that only echoes, the time of a large group's rebalance, the same of the consumer protocol's members; and how long a shard takes to
begin, cold and warm. With --peer kafka groups and sets are fewer, which it can follow; our own run is
never made smaller for its sake.
"""
import os, socket, subprocess

import cluster, kwire

PARTITIONS = 100
SETTINGS = {"group.initial.rebalance.delay.ms": 200, "offsets.topic.replication.factor": 1, "group.max.session.timeout.ms": 1800000}
UNITS = {"join_cpu_us_per_member": "us", "bytes_per_member": "bytes", "heartbeat_cpu_us": "us", "heartbeat_kernel_us": "us", "heartbeat_p50_us": "us",
         "heartbeat_p99_us": "us", "commit_cpu_us": "us", "bytes_per_offset": "bytes", "rebalance_ms": "ms", "rebalance_cpu_ms": "ms",
         "join_ms": "ms", "commit_ms": "ms", "warm_ms": "ms", "cold_ms": "ms", "cold_cpu_ms": "ms"}


def figures_of(o, name, *arguments):
    """Runs a program of the build and reads the `name value` pairs that it prints."""
    program = os.path.join(o.build, "tests", "bench", name)
    done = subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE, text=True, timeout=1800)
    if done.returncode != 0:
        raise RuntimeError(f"{name} {' '.join(map(str, arguments))}: exit {done.returncode}")
    words = done.stdout.split()
    return {k: float(v) for k, v in zip(words[::2], words[1::2])}


def tell(out, title, figures):
    out.note(f"{title}: " + ", ".join(f"{k} {v:.10g}{' ' + UNITS[k] if k in UNITS else ''}" for k, v in figures.items()))


def echo(o, groups, members, sets, seconds):
    """The same heartbeats to a server that does nothing with them."""
    port = o.port + 70
    server = subprocess.Popen([os.path.join(o.build, "tests", "bench", "bench_echo"), str(port)])
    try:
        def listening():
            with socket.create_connection(("127.0.0.1", port), 1):
                return True
        if not kwire.wait_until(listening, 10):
            raise RuntimeError(f"bench_echo does not listen on port {port}")
        return figures_of(o, "bench_groups", "--to", f"127.0.0.1:{port}", "--pid", server.pid, "--groups", groups, "--members", members,
                          "--sets", sets, "--seconds", seconds, "--offsets", 0, "--echo")
    finally:
        server.kill()
        server.wait()


def measure(o, c, out, groups, seconds, sets, offsets, large):
    """One broker: a large group first, since thousands of members whose sessions end would be in its way; then many groups."""
    broker = c.brokers[0]
    to = ["--to", broker.address, "--pid", c.pids[broker.id]]
    each = PARTITIONS // offsets
    size = ["--groups", groups, "--members", each, "--sets", sets, "--seconds", seconds, "--at-once", 1 if o.peer else 6]
    one = figures_of(o, "bench_groups", *to, "--groups", 1, "--members", large, "--sets", 1, "--seconds", 0, "--newcomer")
    tell(out, "one large group", one)
    out.check(one["rebalance_members"] == large + 1, "groups: a large group rebalances when one more comes")
    many = figures_of(o, "bench_groups", *to, *size, "--offsets", offsets)
    tell(out, f"{groups} groups", many)
    out.check(many["members"] == groups * each and many["offsets"] == groups * each * offsets and many["heartbeats"] > groups * each * seconds / 6,
              "groups: every member was assigned, sent heartbeats and committed")
    floor = echo(o, groups, each, sets, seconds)
    tell(out, "the same heartbeats, only echoed", floor)
    out.note(f"a heartbeat costs {many['heartbeat_cpu_us'] / floor['heartbeat_cpu_us']:.2f} times its echo")
    return {"many": many, "echo": floor, "one": one}


def measure_next(o, c, out, groups, seconds, sets, each, partitions):
    """One broker: members of the consumer protocol. A few come before, so that what a shard needs by itself is not counted."""
    broker = c.brokers[0]
    to = ["--to", broker.address, "--pid", c.pids[broker.id], "--members", each, "--offsets", 0, "--consumer", partitions]
    if o.full:
        figures_of(o, "bench_groups", *to, "--groups", 200, "--sets", 4, "--seconds", 0)
    figures = figures_of(o, "bench_groups", *to, "--groups", groups, "--sets", sets, "--seconds", seconds)
    tell(out, f"{groups} groups of the consumer protocol, {partitions // each} partitions each", figures)
    out.check(figures["members"] == groups * each and (seconds == 0 or figures["heartbeats"] > groups * each * seconds / 6),
              "groups: every member of the consumer protocol got its share and sent heartbeats")
    return figures


def run(o, data, out):
    groups, seconds, sets, offsets, large = (10000, 60, 64, 20, 1000) if o.full else (200, 3, 8, 20, 100)
    if o.peer:
        groups, sets = min(groups, 1000), 16
    figures = {}
    kinds = [("classic", PARTITIONS), ("consumer", PARTITIONS), *([("few", PARTITIONS // 10)] if o.full else [])]
    for kind, partitions in kinds:  # a broker of its own for each: what is measured is memory
        with cluster.make(o, os.path.join(data, kind), controllers=1, brokers=1, base_port=o.port, overrides=SETTINGS) as c:
            c.start()
            c.create_topic("orders", partitions=partitions, replicas=1)
            if kind == "classic":
                figures.update(measure(o, c, out, groups, seconds, sets, offsets, large))
            else:
                figures[kind] = measure_next(o, c, out, groups, seconds if kind == "consumer" else 0, sets, PARTITIONS // offsets, partitions)
    if o.peer:
        return figures
    load = figures_of(o, "bench_coord_load", "--offsets", 1000000 if o.full else 20000)
    tell(out, "a shard begins", load)
    out.check(load["cold_read"] == load["records"] and load["warm_read"] < load["records"],
              "groups: a shard begins cold from the whole log, warm from its tail")
    return {**figures, "load": load}

"""What groups cost one broker that coordinates them all: memory of a member and of an offset, CPU of a heartbeat, the time of a large
group's rebalance; and how long a shard takes to begin, cold and warm.
"""
import os, subprocess

import cluster

PARTITIONS = 100
SETTINGS = {"group.initial.rebalance.delay.ms": 200, "offsets.topic.replication.factor": 1, "group.max.session.timeout.ms": 1800000}
UNITS = {"join_cpu_us_per_member": "us", "bytes_per_member": "bytes", "heartbeat_cpu_us": "us", "heartbeat_p50_us": "us",
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


def run(o, data, out):
    groups, seconds, sets, offsets, large = (10000, 60, 64, 20, 1000) if o.full else (200, 3, 8, 20, 100)
    all_figures = {}
    with cluster.make(o, data, controllers=1, brokers=1, base_port=o.port, overrides=SETTINGS) as c:
        c.start()
        c.create_topic("orders", partitions=PARTITIONS, replicas=1)
        broker = c.brokers[0]
        to = ["--to", broker.address, "--pid", c.pids[broker.id]]
        many = figures_of(o, "bench_groups", *to, "--groups", groups, "--members", PARTITIONS // offsets, "--sets", sets,
                          "--seconds", seconds, "--offsets", offsets)
        tell(out, f"{groups} groups", many)
        members = groups * PARTITIONS // offsets
        out.check(many["members"] == members and many["offsets"] == members * offsets and many["heartbeats"] > members * seconds / 6,
                  "groups: every member was assigned, sent heartbeats and committed")
        one = figures_of(o, "bench_groups", *to, "--groups", 1, "--members", large, "--sets", 1, "--seconds", 0, "--newcomer")
        tell(out, "one large group", one)
        out.check(one["rebalance_members"] == large + 1, "groups: a large group rebalances when one more comes")
        all_figures.update(many=many, one=one)
    load = figures_of(o, "bench_coord_load", "--offsets", 1000000 if o.full else 20000)
    tell(out, "a shard begins", load)
    out.check(load["cold_read"] == load["records"] and load["warm_read"] < load["records"],
              "groups: a shard begins cold from the whole log, warm from its tail")
    return {**all_figures, "load": load}

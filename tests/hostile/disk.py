"""Part `disk`: a device that fills up. Producers are refused with an error that they try again, before it is full; all else goes on;
when there is room again it is used, without anybody's help. A cluster of its own: broker 1 has a small device (a tmpfs), 2 and 3 not.
"""
import os, shutil, struct, subprocess, time

import cluster, kwire, words

STORAGE_ERROR, NOT_ENOUGH = 56, (19, 20)
DEVICE_MIB, VALUE_BYTES = 96, 800000
WAIT_S = 60.0


def create_on(address, topic, replicas, configs=()):
    """A topic of one partition on these brokers, the first one leads."""
    assignment = struct.pack(">i", 0) + kwire.array(struct.pack(">i", r) for r in replicas)
    rows = kwire.array(kwire.text(k) + kwire.text(v) for k, v in configs)
    one = kwire.text(topic) + struct.pack(">ih", -1, -1) + kwire.array([assignment]) + rows
    with kwire.Connection(address, 15) as c:
        r = c.call(words.CREATE_TOPICS, 2, kwire.array([one]) + struct.pack(">ib", 10000, 0))
    r.take("i"), r.take("i"), r.text()
    code, told = r.take("h"), r.text()
    if code:
        raise RuntimeError(f"creating {topic}: error {code} {told}")


def free_mib(path):
    st = os.statvfs(path)
    return st.f_bavail * st.f_frsize / (1 << 20)


class Device:
    """A tmpfs where the broker has its log directory."""

    def __init__(self, path):
        self.path = path
        os.makedirs(path, exist_ok=True)
        self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DEVICE_MIB}m", "none", path], capture_output=True).returncode == 0

    def fill_to(self, left_mib):
        with open(os.path.join(self.path, "filler"), "ab") as f:
            f.write(bytes(max(0, int((free_mib(self.path) - left_mib) * (1 << 20)))))

    def empty(self):
        os.unlink(os.path.join(self.path, "filler"))

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.path], capture_output=True)


def produce(node, topic, n=1, acks=-1, size=VALUE_BYTES):
    """The first error code of n batches, and how many were taken."""
    batch = words.batch([bytes(size)], stamp=int(time.time() * 1000))  # retention would take old ones away
    with kwire.Connection(node.address, 30) as c:
        for i in range(n):
            code, _ = words.produce(c, topic, 0, batch, acks)
            if code:
                return code, i
    return 0, n


def taken(node, topic):
    return kwire.wait_until(lambda: produce(node, topic, size=100)[0] == 0, WAIT_S, 0.1)


def in_sync(node, topic, count):
    def look():
        return len(kwire.metadata(node.address, [topic]).topics[topic][0].isr) == count
    return kwire.wait_until(look, WAIT_S, 0.1)


def refusals(node):
    with open(node.log, errors="replace") as f:
        return [line for line in f if "producers are refused until there is room" in line]


def leader_full(suite, nodes, device):
    """Broker 1 leads alone, and its device fills up with records."""
    small = nodes[1]
    create_on(small.address, "full", [1])
    create_on(small.address, "quiet", [1])
    taken(small, "quiet"), taken(small, "full")
    code, count = produce(small, "full", 1000)
    left = free_mib(device.path)
    suite.check(code == STORAGE_ERROR and left > 1, f"disk: after {count} batches of 0.8 MB, with {left:.1f} MiB of {DEVICE_MIB} left, producers are refused: error {code}")
    with kwire.Connection(small.address, 15) as c:
        code, high, records = words.fetch(c, "full", 0, 0)
        suite.check(code == 0 and high >= count and records, f"disk: what is there is read: error {code}, {len(records)} bytes of {high} records")
    code, _ = produce(small, "quiet", size=10)
    suite.check(code == STORAGE_ERROR, f"disk: a small batch to another topic of that directory: error {code}")
    # Refused is by what was counted; where the next look finds a little more room than that, one more batch fits.
    kwire.wait_until(lambda: produce(small, "full")[0] == STORAGE_ERROR and refusals(small), WAIT_S, 0.3)
    told = refusals(small)
    suite.check(len(told) == 1, f"disk: one line says so: {told[0].split('] ', 1)[-1].strip() if told else 'none'}")
    kwire.delete_topic(small.address, "full")
    back = taken(small, "quiet")
    suite.check(back, f"disk: the topic is deleted, and producers are served again with {free_mib(device.path):.0f} MiB free, by themselves")


def follower_full(suite, nodes, device):
    """Broker 1 follows, and somebody else fills its device."""
    small, leader = nodes[1], nodes[2]
    create_on(leader.address, "shared", [2, 1, 3], [("min.insync.replicas", "2")])
    suite.check(taken(leader, "shared") and in_sync(leader, "shared", 3), "disk: three replicas are in sync")
    device.fill_to(1.0)
    time.sleep(2)  # the broker looks once a second, and a fetch under way may still bring something
    codes = [produce(leader, "shared", 5)[0] for _ in range(6)]
    suite.check(set(codes) == {0}, f"disk: a follower's device is full, and acks=all goes on with the two others ({sum(c == 0 for c in codes)} of {len(codes)} times)")
    suite.check(in_sync(leader, "shared", 2) and small.alive, f"disk: the full one left the in-sync set and lives ({free_mib(device.path):.2f} MiB left)")
    device.empty()
    suite.check(in_sync(leader, "shared", 3), "disk: with room again it catches up and is in sync, by itself")


def disk(suite):
    o = suite.o
    data = os.path.join(suite.data, "disk")
    with cluster.OdradekCluster(o.build, data, controllers=1, brokers=3, base_port=o.port + 40,
                                overrides={"replica.lag.time.max.ms": 2000, "log.segment.delete.delay.ms": 500, "log.retention.check.interval.ms": 1000}) as c:
        device = Device(c.nodes[1].dir)
        try:
            if not device.mounted:
                suite.out.note("disk: this user may not mount a tmpfs: not tried")
                return
            c.start()
            leader_full(suite, c.nodes, device)
            follower_full(suite, c.nodes, device)
            suite.check(all(n.alive for n in c.nodes.values()), "disk: every node still runs")
            codes = c.stop()
            suite.check(set(codes.values()) == {0}, f"disk: all stop in order {sorted(set(codes.values()))}")
        finally:
            c.stop(hard=True)
            device.close()
    if suite.out.failed == 0:
        shutil.rmtree(data, ignore_errors=True)


PARTS = {"disk": disk}

"""What the parts of the suite share: the cluster, topics with what was written to them, members, waiting, Kafka's own tools."""
import os, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "wire"), HERE]
import clients as stock
import fetch, members, words

PARTITIONS = 6
GROUP_COMMAND = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
WAIT_S = 60  # hang guard of each wait


class Suite:
    """`settings` go to every member of those clients that know group.protocol=consumer; `kinds` are the clients of a part that works
    with several (None: what the part itself says)."""

    def __init__(self, options, cluster, out, kinds=None, **settings):
        self.o, self.cluster, self.out, self.written, self.kinds, self.settings = options, cluster, out, {}, kinds, settings
        self.live = []

    def wait(self, what, check, seconds=WAIT_S):
        began = time.monotonic()
        while not check():
            if time.monotonic() - began > seconds:
                self.out.check(False, f"{what}: not within {seconds} s; members have " +
                               ", ".join(f"{m.name} {sorted(m.assigned)} {m.notes[-1:]}" for m in self.live if m.process.poll() is None))
                return False
            time.sleep(0.02)
        self.out.check(True, f"{what} ({time.monotonic() - began:.1f} s)")
        return True

    def topic(self, name, partitions=PARTITIONS, configs=None):
        self.cluster.create_topic(name, partitions, self.replicas, configs)
        return name

    @property
    def replicas(self):
        return min(3, len(self.cluster.brokers))

    def write(self, topic, count):
        """Records "k<i>:v<i>", i counting on from what was written before."""
        start = self.written.setdefault(topic, 0)
        text = "".join(f"k{i}:v{i}\n" for i in range(start, start + count))
        stock.run([fetch.kcat(), "-P", "-b", self.cluster.bootstrap, "-t", topic, "-K", ":", "-X", "enable.idempotence=true"], stdin=text.encode())
        self.written[topic] += count

    def member(self, kind, group, topic, **settings):
        own = self.settings if kind in members.NEWER else {}
        self.live.append(members.make(kind, self.cluster.bootstrap, group, topic, **{**own, **settings}))
        return self.live[-1]

    def end_all(self):
        """Whatever still runs, at the end of a part."""
        for m in self.live:
            if m.process.poll() is None:
                m.process.kill()
                m.process.wait()
        self.live = []

    def all_read(self, topic, who):
        return set().union(*(m.values for m in who)) >= {f"v{i}" for i in range(self.written[topic])}

    @property
    def java(self):
        return stock.Java("java-4.3", fetch.KAFKA_NEW)

    def groups(self, *args):
        """What kafka-consumer-groups prints."""
        return stock.run(self.java.command(GROUP_COMMAND, "--bootstrap-server", self.cluster.bootstrap, *args), stdout=subprocess.PIPE).stdout.decode()

    def committed(self, group, topic):
        """What the cluster says: {partition: offset}."""
        with words.Raw(words.coordinator(self.cluster.bootstrap, group), group) as raw:
            told = raw.ask(words.FETCH, topics=None, stable=False)
        return {row["index"]: row["offset"] for t in told["topics"] if t["name"] == topic for row in t["partitions"]}

    def coordinator_of(self, group):
        """(partition of __consumer_offsets, the broker that leads it)"""
        partition = java_hash(group) % 50
        return partition, self.cluster.leader("__consumer_offsets", partition)

    def dump(self, group):
        """What DumpLogSegments --offsets-decoder says of the group's partition."""
        directory = next(iter(self.cluster.partition_dirs("__consumer_offsets", java_hash(group) % 50).values()))
        return stock.run(self.java.command("org.apache.kafka.tools.DumpLogSegments", "--offsets-decoder", "--files", os.path.join(directory, f"{0:020}.log")),
                         stdout=subprocess.PIPE).stdout.decode()


def java_hash(text):
    """abs(String.hashCode()), as the coordinator's partition is chosen; for characters of the basic plane."""
    h = 0
    for c in text:
        h = (31 * h + ord(c)) & 0xffffffff
    signed = h - (1 << 32) if h >= 1 << 31 else h
    return abs(signed) if signed != -(1 << 31) else 0

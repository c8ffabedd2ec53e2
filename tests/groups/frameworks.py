"""Kafka Connect, standalone and distributed, with its file connectors; a word count by Kafka Streams. Workers are killed."""
import collections, json, os, signal, subprocess, tempfile, urllib.error, urllib.request

import clients as stock
import fetch, kwire
from suite import HERE

FRAMEWORK_S = 120  # hang guard: a JVM with a whole framework in it comes up slowly beside others
LINES = 200


class Worker:
    """A Connect worker; `rest` is where a distributed one is asked, None for a standalone one."""

    def __init__(self, s, name, directory, port, connectors=(), **settings):
        jars = fetch.kafka_frameworks()
        self.log = os.path.join(directory, f"{name}.log")
        own = {"bootstrap.servers": s.cluster.bootstrap, "key.converter": "org.apache.kafka.connect.storage.StringConverter",
               "value.converter": "org.apache.kafka.connect.storage.StringConverter", "listeners": f"HTTP://127.0.0.1:{port}",
               "offset.flush.interval.ms": 200, "plugin.discovery": "service_load", "consumer.metadata.max.age.ms": 1000,
               "consumer.session.timeout.ms": 6000, "consumer.heartbeat.interval.ms": 500, **settings}
        files = [self._file(directory, f"{name}.properties", own)]
        files += [self._file(directory, f"{c['name']}.properties", c) for c in connectors]
        main = "Standalone" if connectors else "Distributed"
        self.rest = f"http://127.0.0.1:{port}"
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "nice", "-n", "5", "java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                                             "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{jars}/*",
                                             f"org.apache.kafka.connect.cli.Connect{main}", *files], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        self.name, self.assigned, self.notes = name, set(), []

    @staticmethod
    def _file(directory, name, pairs):
        path = os.path.join(directory, name)
        with open(path, "w") as f:
            f.writelines(f"{k}={v}\n" for k, v in pairs.items())
        return path

    def ask(self, path, body=None, method=None):
        """What the REST interface answers, None where it does not."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.rest + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as r:
                return json.loads(r.read() or b"null")
        except (OSError, urllib.error.HTTPError, ValueError):
            return None

    def end(self, sig=signal.SIGKILL):
        self.process.send_signal(sig)
        self.process.wait(60)


def _connectors(directory, topic):
    source = {"name": f"{topic}-source", "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "tasks.max": "1",
              "file": os.path.join(directory, "in.txt"), "topic": topic}
    sink = {"name": f"{topic}-sink", "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "tasks.max": "1",
            "file": os.path.join(directory, "out.txt"), "topics": topic, "consumer.override.auto.offset.reset": "earliest"}
    return source, sink


class Lines:
    """The file that the source reads and the one that the sink writes."""

    def __init__(self, directory):
        self.source, self.sink, self.count = os.path.join(directory, "in.txt"), os.path.join(directory, "out.txt"), 0
        open(self.source, "w").close()

    def write(self, count=LINES):
        with open(self.source, "a") as f:
            f.writelines(f"line {i}\n" for i in range(self.count, self.count + count))
        self.count += count

    def arrived(self):
        try:
            with open(self.sink) as f:
                return collections.Counter(f.read().split("\n")[:-1])
        except OSError:
            return collections.Counter()

    def all_there(self):
        return set(self.arrived()) == {f"line {i}" for i in range(self.count)}


def _judge(s, what, lines):
    """Each line at least once, and again only what was under way when a worker died."""
    extra = sum(lines.arrived().values()) - lines.count
    s.out.check(extra <= LINES, f"{what}: nothing but what was under way came twice ({extra} lines of {lines.count})")


def standalone(s):
    directory = tempfile.mkdtemp(prefix="standalone-", dir=s.cluster.data_dir)
    topic, lines = s.topic("connect-alone", 1), Lines(directory)
    start = lambda: s.live.append(Worker(s, "standalone", directory, s.o.port + 60, _connectors(directory, topic),
                                         **{"offset.storage.file.filename": os.path.join(directory, "offsets")})) or s.live[-1]
    lines.write()
    worker = start()
    s.wait("standalone: what a source reads from a file a sink writes to another", lines.all_there, FRAMEWORK_S)
    s.wait("standalone: the sink's offsets are committed", lambda: sum(s.committed(f"connect-{topic}-sink", topic).values()) == lines.count)
    worker.end()
    lines.write()
    start()
    s.wait("standalone: killed and started again, it goes on", lines.all_there, FRAMEWORK_S)
    _judge(s, "standalone", lines)


def distributed(s):
    directory = tempfile.mkdtemp(prefix="distributed-", dir=s.cluster.data_dir)
    topic, lines = s.topic("connect-many", 1), Lines(directory)
    own = {"group.id": "connect-cluster", "offset.storage.topic": "connect-offsets", "config.storage.topic": "connect-configs",
           "status.storage.topic": "connect-status", "offset.storage.partitions": 5, "status.storage.partitions": 2, "session.timeout.ms": 6000,
           "heartbeat.interval.ms": 500, "scheduled.rebalance.max.delay.ms": 1000}
    own |= {f"{kind}.storage.replication.factor": s.replicas for kind in ("offset", "config", "status")}
    start = lambda i: s.live.append(Worker(s, f"worker-{i}", directory, s.o.port + 60 + i, **own)) or s.live[-1]
    workers = [start(i) for i in range(2)]
    if not s.wait("distributed: two workers answer", lambda: all(w.ask("/connectors") is not None for w in workers), FRAMEWORK_S):
        return
    configs = {name: kwire.metadata(s.cluster.brokers[0].address, [name]).topics[name] for name in ("connect-configs", "connect-offsets", "connect-status")}
    s.out.check([len(t) for t in configs.values()] == [1, 5, 2], "distributed: made its three topics")
    lines.write()
    for c in _connectors(directory, topic):
        s.wait(f"distributed: takes {c['name']}", lambda: workers[0].ask("/connectors", {"name": c["name"], "config": c}) is not None)
    s.wait("distributed: what a source reads from a file a sink writes to another", lines.all_there, FRAMEWORK_S)
    states = lambda: [t["state"] for c in _connectors(directory, topic) for t in (workers[-1].ask(f"/connectors/{c['name']}/status") or {}).get("tasks", [])]
    s.wait("distributed: both tasks are told to run", lambda: states() == ["RUNNING"] * 2)
    placed = {(workers[1].ask(f"/connectors/{c['name']}/status") or {}).get("tasks", [{}])[0].get("worker_id") for c in _connectors(directory, topic)}
    s.out.check(len(placed) == 2, f"distributed: on both workers {'' if len(placed) == 2 else placed}")
    s.wait("distributed: the sink's offsets are committed", lambda: sum(s.committed(f"connect-{topic}-sink", topic).values()) == lines.count)
    ends = lambda: [kwire.end_offset(s.cluster.nodes[s.cluster.leader("connect-offsets", p)].address, "connect-offsets", p) for p in range(5)]
    s.wait("distributed: the source's offsets are in their topic", lambda: sum(ends()) > 0)
    workers[0].end()
    lines.write()
    s.wait("distributed: one worker is killed, the other one goes on with both tasks", lines.all_there, FRAMEWORK_S)
    _judge(s, "distributed", lines)
    if s.o.full:
        workers[0] = start(0)
        s.wait("distributed: the killed one comes back", lambda: workers[0].ask("/connectors") is not None, FRAMEWORK_S)
        workers[1].end()
        lines.write()
        s.wait("distributed: the other one is killed, it goes on", lines.all_there, FRAMEWORK_S)


class Streams:
    def __init__(self, s, directory, number, source, sink):
        jars = fetch.kafka_frameworks()
        path = fetch.java_program(os.path.join(HERE, "java", "WordCount.java"), jars)
        with open(os.path.join(directory, f"streams-{number}.log"), "ab") as out:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "nice", "-n", "5", "java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                                             "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", path, "WordCount", s.cluster.bootstrap, "word-count",
                                             source, sink, os.path.join(directory, f"state-{number}")], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        self.name, self.assigned, self.notes = f"streams-{number}", set(), []

    def end(self, sig=signal.SIGKILL):
        self.process.send_signal(sig)
        self.process.wait(60)


def streams(s):
    directory = tempfile.mkdtemp(prefix="streams-", dir=s.cluster.data_dir)
    source, sink = s.topic("words-in", 3), s.topic("words-out", 3)
    want, written = collections.Counter(), 0
    start = lambda n: s.live.append(Streams(s, directory, n, source, sink)) or s.live[-1]

    def write(count):
        nonlocal written
        lines = [f"k{i}:the {'spool' if i % 2 else 'thread'} word{i % 17}" for i in range(written, written + count)]
        stock.run([fetch.kcat(), "-P", "-b", s.cluster.bootstrap, "-t", source, "-K", ":", "-X", "enable.idempotence=true"], stdin="\n".join(lines).encode())
        written += count
        want.update(word for line in lines for word in line.partition(":")[2].split(" "))

    def told():
        """The newest count of each word."""
        out = stock.run([fetch.kcat(), "-C", "-q", "-e", "-b", s.cluster.bootstrap, "-t", sink, "-o", "beginning", "-f", "%k %s\n"], stdout=subprocess.PIPE)
        return {line.split(" ")[0]: int(line.split(" ")[1]) for line in out.stdout.decode().splitlines()}

    first = start(0)
    write(300)
    s.wait("streams: words are counted", lambda: told() == want, FRAMEWORK_S)
    second = start(1)
    write(300)
    s.wait("streams: a second instance comes, words are counted", lambda: told() == want, FRAMEWORK_S)
    first.end()
    write(300)
    # at least once: what was under way when it died may be counted twice
    right = lambda: (lambda now: now.keys() == want.keys() and all(want[w] <= now[w] <= want[w] + 300 for w in want))(told())
    s.wait("streams: one is killed, the other one has its counts and goes on", right, FRAMEWORK_S)
    second.end(signal.SIGTERM)
    made = [t for t in kwire.metadata(s.cluster.brokers[0].address).topics if t.startswith("word-count-")]
    s.out.check(len(made) == 2, f"streams: made its repartition and changelog topics {'' if len(made) == 2 else made}")


PARTS = {"standalone": standalone, "distributed": distributed, "streams": streams}

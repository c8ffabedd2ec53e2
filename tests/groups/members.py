"""Members of consumer groups: one process each, of every client library; what they say and take stands in member.py.

    m = Member("franz-go", bootstrap, "group", "topic", **{"group.instance.id": "seat-1"});  m.assigned;  m.tell("pause", ("topic", 0))

To add a client: a program that speaks like member.py, and its line in COMMANDS. Settings have the names that librdkafka and Java
share; `group.protocol=consumer` goes to the clients of NEWER as it is.
"""
import os, re, signal, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "wire")]
import clients as stock
import fetch

END_S = 60
NEWER = ("confluent", "java-4.3")  # who can speak group.protocol=consumer


def python_member(kind, python, env=None):
    return [python, os.path.join(HERE, "member.py"), kind], env


def java_member(version):
    path = fetch.java_program(os.path.join(HERE, "java", "Member.java"), fetch.kafka_jars(version))
    return [*stock.JVM, "-cp", path, "Member"], None


def kafkajs_member():
    node, env = fetch.kafkajs()
    return [node, os.path.join(HERE, "member.js")], env


# kind -> (command, environment); fetches what it needs
COMMANDS = {
    "confluent": lambda: python_member("confluent", fetch.confluent_python()),
    "kafka-python": lambda: python_member("kafka-python", *fetch.kafka_python()),
    "kafka-python-3": lambda: python_member("kafka-python-3", fetch.kafka_python_new()),
    "kafkajs": kafkajs_member,
    "franz-go": lambda: ([fetch.go_program(os.path.join(stock.HERE, "franz"))[0], "member"], None),
    "java-3.9": lambda: java_member(fetch.KAFKA_OLD),
    "java-4.3": lambda: java_member(fetch.KAFKA_NEW),
}


class Seat:
    """What one member said. `assigned` is a set of (topic, partition); `owned` {generation: set} is all it ever had in a generation;
    `moves` counts what it was told; `commits` {(topic, partition): offset}; `commit_times` are moments of time.monotonic."""

    def __init__(self, name):
        self.name = name
        self.assigned, self.owned, self.read, self.commits, self.moves, self.notes = set(), {}, [], {}, 0, []
        self.committed_at, self.commit_times = 0.0, []

    def take(self, line):
        word, *rest = line.rstrip("\n").split(" ")
        if word in ("assigned", "revoked"):
            generation, names = int(rest[0]), rest[1] if len(rest) > 1 else ""
            parts = {(n.rpartition(":")[0], int(n.rpartition(":")[2])) for n in names.split(",") if n}
            self.assigned = self.assigned | parts if word == "assigned" else self.assigned - parts
            self.moves += 1
            if word == "assigned" and generation >= 0:
                self.owned.setdefault(generation, set()).update(self.assigned)
        elif word == "read":
            self.read.append((rest[0], int(rest[1]), int(rest[2]), rest[3]))
        elif word == "committed":
            at, offset = (rest[0], int(rest[1])), int(rest[2])
            self.commits[at] = offset
            now = time.monotonic()
            if now > self.committed_at + 0.005:
                self.commit_times.append(now)
            self.committed_at = now
        elif word == "note":
            self.notes.append(" ".join(rest))

    @property
    def values(self):
        return {value for _, _, _, value in self.read}


class Member(Seat):
    """A process of one member. Settings: see the top of this file. `log` is where its standard error goes, in the folder LOGS."""
    LOGS = None
    count = 0

    def __init__(self, kind, bootstrap, group, topic, **settings):
        super().__init__(kind)
        command, env = COMMANDS[kind]()
        Member.count += 1
        self.log = os.path.join(self.LOGS, f"{Member.count}-{group}-{kind}") if self.LOGS else os.devnull
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*command, bootstrap, group, topic, *(f"{k}={v}" for k, v in settings.items())],
                                            env={**os.environ, **(env or {})}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=log, text=True)
        self._start()

    def _start(self):
        self.threads = [threading.Thread(target=self._listen, daemon=True)]
        self.threads[0].start()

    def _listen(self):
        for line in self.process.stdout:
            self.take(line)

    def tell(self, word, *partitions, offset=""):
        """Tells the client to pause, resume or seek, and waits until it says that it did."""
        names = ",".join(f"{t}:{p}" for t, p in partitions)
        said = f"{word} {names}"
        had = self.notes.count(said)
        self.process.stdin.write(f"{said} {offset}".strip() + "\n")
        self.process.stdin.flush()
        end = time.monotonic() + END_S
        while self.notes.count(said) == had and time.monotonic() < end:
            time.sleep(0.02)

    def end(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        for thread in self.threads:
            thread.join(END_S)
        self.assigned = set()


class Kcat(Member):
    """kcat -G: it reads and commits by itself, and says on standard error what it was given."""
    REBALANCED = re.compile(r"% Group \S+ rebalanced \(memberid [^)]*\): (assigned|revoked): (.*)")

    def __init__(self, bootstrap, group, topic, **settings):
        Seat.__init__(self, "kcat")
        all_ = {"auto.offset.reset": "earliest", "session.timeout.ms": 3000, "heartbeat.interval.ms": 500, "auto.commit.interval.ms": 200,
                "topic.metadata.refresh.interval.ms": 1000, **settings}
        self.process = subprocess.Popen([fetch.kcat(), "-b", bootstrap, "-u", "-f", "read %t %p %o %s\n", *(a for k, v in all_.items() for a in
                                         ("-X", f"{k}={v}")), "-G", group, topic],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._start()

    def _start(self):
        super()._start()
        self.threads.append(threading.Thread(target=self._told, daemon=True))
        self.threads[1].start()

    def _told(self):
        for line in self.process.stderr:
            if found := self.REBALANCED.match(line.strip()):
                names = [f"{t}:{p}" for t, p in re.findall(r"(\S+) \[(\d+)\]", found[2])]
                self.take(f"{found[1]} -1 {','.join(names)}")


KINDS = (*COMMANDS, "kcat")


def make(kind, bootstrap, group, topic, **settings):
    return Kcat(bootstrap, group, topic, **settings) if kind == "kcat" else Member(kind, bootstrap, group, topic, **settings)


def covered(members, topics, partitions):
    """Each partition of the topics has exactly one reader."""
    return sorted(p for m in members for p in m.assigned) == sorted((t, p) for t in topics for p in range(partitions))


def two_owners(members):
    """[(generation, partition)] that two members had in one generation, as far as clients tell theirs."""
    seen, twice = {}, []
    for m in members:
        for generation, parts in m.owned.items():
            for p in parts:
                if seen.setdefault((generation, p), m) is not m:
                    twice.append((generation, p))
    return twice

"""The coordinator's broker is killed again and again while twenty consumers work, and a client of our own that tries every 20 ms.

Judged: no committed offset goes back, no partition has two owners in one generation, every record is read by each group, our own
member is never forgotten. Reported: how long it takes to go on, ours from the moment when the new leader epoch is in the metadata.
"""
import os, subprocess, sys, threading, time

import fetch, kwire, members, words
from suite import HERE, java_hash

sys.path.insert(0, os.path.join(HERE, "..", "failover"))
import figures as figures_

TOPIC, TOPIC_PARTITIONS = "kills", 24
GROUP_KINDS = ("confluent", "franz-go", "kafka-python-3", "confluent", "franz-go", "confluent", "kafka-python-3", "franz-go", "confluent", "franz-go")
RETRY_S, LOOK_S, WRITE_S = 0.02, 0.1, 0.02


def same_coordinator(names):
    """Groups whose offsets stand in one partition."""
    want = java_hash(names[0]) % 50
    return [names[0]] + [next(f"{n}-{i}" for i in range(10_000) if java_hash(f"{n}-{i}") % 50 == want) for n in names[1:]]


class Writer(threading.Thread):
    """Records one after the other, all of them acknowledged when it ends."""

    def __init__(self, s, topic):
        super().__init__(daemon=True)
        self.s, self.topic, self.stopped, self.count = s, topic, threading.Event(), 0
        self.process = subprocess.Popen([fetch.kcat(), "-P", "-b", s.cluster.bootstrap, "-t", topic, "-K", ":", "-X", "enable.idempotence=true"],
                                        stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def run(self):
        while not self.stopped.wait(WRITE_S):
            self.process.stdin.write(f"k{self.count}:v{self.count}\n")
            self.process.stdin.flush()
            self.count += 1

    def stop(self):
        """Its exit code: 0 when every record is acknowledged."""
        self.stopped.set()
        self.join()
        self.process.stdin.close()
        self.s.written[self.topic] = self.count
        return self.process.wait(60)


class Steady(threading.Thread):
    """Our own client: a heartbeat and a commit of the next number, every 20 ms, come what may. `beats` and `commits` are the moments of
    those that succeeded."""

    def __init__(self, bootstrap, group):
        super().__init__(daemon=True)
        self.bootstrap, self.group, self.stopped = bootstrap, group, threading.Event()
        self.beats, self.commits, self.wrong, self.number = [], [], [], 0
        self.raw = words.Raw(words.coordinator(bootstrap, group), group, session_ms=20_000, timeout_s=2.0)
        self.raw.join()
        self.raw.sync(assignments=[{"member": self.raw.member, "assignment": b""}])

    def _again(self):
        """Another connection, to the coordinator of now."""
        self.raw.connection.__exit__()
        for address in self.bootstrap.split(","):
            try:
                with kwire.Connection(address, 0.5) as c:
                    told = words.FIND.call(c, 3, key=self.group, type=0)
                if told["error"] == 0:
                    self.raw.connection = kwire.Connection(f"{told['host']}:{told['port']}", 2.0)
                    return
            except OSError:
                pass

    def _turn(self):
        code = self.raw.heartbeat()
        if code == 0:
            self.beats.append(time.monotonic())
            code = self.raw.commit(TOPIC, 0, self.number + 1)
            if code == 0:
                self.commits.append(time.monotonic())
                self.number += 1
        if code in words.NOT_YET:
            self._again()
        elif code:
            self.wrong.append(f"error {code} after {self.number} commits")

    def run(self):
        while not self.stopped.wait(RETRY_S):
            try:
                self._turn()
            except (OSError, ValueError):
                self._again()

    def stop(self):
        self.stopped.set()
        self.join()


class Observer(threading.Thread):
    """Asks for the groups' offsets all the time: what a member was told to be committed, or another answer has shown, must be there."""

    def __init__(self, bootstrap, groups):
        super().__init__(daemon=True)
        self.bootstrap, self.groups, self.stopped = bootstrap, groups, threading.Event()
        self.seen, self.back, self.looks = {}, [], 0

    def _look(self, group, seats):
        floor = {p: max([self.seen.get((group, p), 0), *(m.commits.get((TOPIC, p), 0) for m in seats)]) for p in range(TOPIC_PARTITIONS)}
        with words.Raw(words.coordinator(self.bootstrap, group, 2.0), group, timeout_s=5.0) as raw:
            told = raw.ask(words.FETCH, topics=[{"name": TOPIC, "partitions": list(range(TOPIC_PARTITIONS))}], stable=False)
        if told["error"]:
            return
        self.looks += 1
        for row in told["topics"][0]["partitions"]:
            p, offset = row["index"], max(0, row["offset"])
            if row["error"] == 0 and offset < floor[p]:
                self.back.append(f"{group} {p}: {offset} after {floor[p]}")
            self.seen[group, p] = max(offset, floor[p])

    def run(self):
        while not self.stopped.wait(LOOK_S):
            for group, seats in self.groups.items():
                try:
                    self._look(group, seats)
                except (OSError, AttributeError, IndexError):
                    pass

    def stop(self):
        self.stopped.set()
        self.join()


def _new_leader(s, partition, epoch):
    """Waits for the partition's next leader epoch in any broker's metadata. Answers the moment."""
    def look():
        for n in s.cluster.brokers:
            if n.alive and kwire.metadata(n.address, ["__consumer_offsets"], 1.0).topics["__consumer_offsets"][partition].epoch > epoch:
                return time.monotonic()
    return kwire.wait_until(look, 60, 0.003)


def _after(moments, begin):
    return next((t for t in moments if t > begin), None)


def _kill(s, n, groups, steady, out):
    """One kill; answers False when it was not gone on."""
    live = [m for seats in groups.values() for m in seats]
    partition = java_hash(steady.group) % 50
    if s.cluster.wait_isr_full("__consumer_offsets") is None or s.cluster.wait_isr_full(TOPIC) is None:
        return s.out.check(False, f"kills: {n}: replicas are in sync again")
    victim = s.cluster.leader("__consumer_offsets", partition)
    epoch = kwire.metadata(s.cluster.nodes[victim].address, ["__consumer_offsets"]).topics["__consumer_offsets"][partition].epoch
    killed = s.cluster.kill(victim)
    elected = _new_leader(s, partition, epoch)
    ours = lambda: elected and _after(steady.beats[-2000:], elected) and _after(steady.commits[-2000:], elected)
    gone_on = kwire.wait_until(lambda: ours() and all(m.committed_at > killed + 0.05 for m in live) and
                               all(members.covered(seats, [TOPIC], TOPIC_PARTITIONS) for seats in groups.values()), 60)
    if not gone_on:
        late = [f"{m.name} {sorted(m.assigned)} {m.notes[-1:]} exit {m.process.poll()}" for m in live if m.committed_at <= killed + 0.05]
        return s.out.check(False, f"kills: {n}: broker {victim} killed, everybody goes on: not within 60 s: {late}")
    out.add("kills", "new leader epoch in the metadata", (elected - killed) * 1e3)
    out.add("kills", "ours: first heartbeat after it", (_after(steady.beats, elected) - elected) * 1e3)
    out.add("kills", "ours: first commit after it", (_after(steady.commits, elected) - elected) * 1e3)
    for m in live:
        if first := _after(m.commit_times, killed + 0.05):
            out.add("kills", f"{m.name}: first commit after the kill", (first - killed) * 1e3)
        m.commit_times = m.commit_times[-1:]
    s.cluster.restart(victim)
    return True


def kills(s):
    names = same_coordinator(["kills-own", "kills-one", "kills-two"])
    s.topic(TOPIC, TOPIC_PARTITIONS)
    kinds = s.kinds or GROUP_KINDS
    settings = {} if s.settings else {"session.timeout.ms": 20_000, "partition.assignment.strategy": "range"}
    groups = {name: [s.member(kind, name, TOPIC, **settings) for kind in kinds[:10 if s.o.full else 5]] for name in names[1:]}
    observer, out = Observer(s.cluster.bootstrap, groups), figures_.Figures(s.o.peer or "odradek")
    every = [m for seats in groups.values() for m in seats]
    shared = lambda: all(m.assigned for m in every) and all(members.covered(seats, [TOPIC], TOPIC_PARTITIONS) for seats in groups.values())
    s.wait(f"kills: two groups of {len(every) // 2} share", shared)
    writer, steady = Writer(s, TOPIC), Steady(s.cluster.bootstrap, names[0])
    for t in (writer, steady, observer):
        t.start()
    count = s.o.size or (200 if s.o.full else 3)
    done = 0
    while done < count and _kill(s, done + 1, groups, steady, out):
        done += 1
    acknowledged = writer.stop() == 0
    s.out.check(done == count, f"kills: {done} of {count} times the coordinator's broker was killed and {len(every)} consumers and our own client went on")
    s.out.check(acknowledged, f"kills: {writer.count:,} records are acknowledged")
    for name, seats in groups.items():
        s.wait(f"kills: {name} reads every record", lambda: s.all_read(TOPIC, seats))
        twice = members.two_owners(seats)
        s.out.check(not twice, f"kills: {name}: no partition had two owners in one generation ({max(g for m in seats for g in m.owned)} generations) {twice or ''}")
    observer.stop(), steady.stop()
    s.out.check(not observer.back and observer.looks, f"kills: no committed offset went back in {observer.looks:,} looks {observer.back[:3] or ''}")
    s.out.check(not steady.wrong, f"kills: our own member commits {steady.number:,} times and is never forgotten {steady.wrong[:3] or ''}")
    print(out.table(), flush=True)
    if s.o.figures:
        out.write(s.o.figures)


PARTS = {"kills": kills}

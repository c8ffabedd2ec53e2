"""The coordinator's broker is killed again and again while consumers of both protocols work, and clients of our own that try every 20 ms.

Judged: no committed offset goes back, no partition has two owners in one generation or epoch, every record is read by each group, our
own members are never forgotten. Reported: how long it takes to go on, ours from the moment when the new leader epoch is in the metadata.
"""
import os, signal, subprocess, sys, threading, time

import fetch, kwire, members, words
from suite import HERE, java_hash

sys.path.insert(0, os.path.join(HERE, "..", "failover"))
import figures as figures_

TOPIC, TOPIC_PARTITIONS, OFFSETS = "kills", 24, "__consumer_offsets"
CLASSIC = ("confluent", "franz-go", "kafka-python-3", "java-4.3", "confluent", "confluent", "franz-go", "kafka-python-3", "confluent", "java-4.3")
CONSUMER = ("confluent", "java-4.3", "confluent", "confluent", "confluent", "confluent", "java-4.3", "confluent", "confluent", "confluent")
OWN = ("classic", "consumer")
LOOK_S, WRITE_S, GO_ON_S, STUCK_MAX = 0.2, 0.02, 60, 3


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
        try:
            while not self.stopped.wait(WRITE_S):
                self.process.stdin.write(f"k{self.count}:v{self.count}\n")
                self.process.stdin.flush()
                self.count += 1
        except BrokenPipeError:
            self.s.out.note(f"kcat, the writer, gave up after {self.count} records")

    def stop(self):
        """Its exit code: 0 when every record is acknowledged."""
        self.stopped.set()
        self.join()
        self.s.written[self.topic] = self.count
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # its exit code tells
        return self.process.wait(60)


class Told(threading.Thread):
    """A process of steady.py and what it said: {word: [(moment, rest)]}."""

    def __init__(self, s, what, group):
        super().__init__(daemon=True)
        self.what, self.said = what, {"beat": [], "commit": [], "again": [], "wrong": [], "led": []}
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "steady.py"), what, s.cluster.bootstrap, group, OFFSETS if what == "watch" else TOPIC],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.start()

    def run(self):
        for line in self.process.stdout:
            word, moment, *rest = line.rstrip("\n").split(" ", 2)
            self.said[word].append((float(moment), rest[0] if rest else ""))

    def first(self, word, begin):
        return next((t for t, _ in self.said[word] if t > begin), None)

    def forget(self, before):
        """Keeps the count of what is long past and not the moments."""
        for word in ("beat", "commit", "again"):
            moments = self.said[word]
            del moments[:next((i for i, (t, _) in enumerate(moments) if t > before), len(moments))]

    def stop(self):
        self.process.kill()
        self.process.wait()
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


class Stage:
    """All that works while the broker is killed. `groups` are those who live, `every` all who ever did."""

    def __init__(self, s, names):
        self.s, self.out, self.stuck = s, figures_.Figures(s.o.peer or "odradek"), 0
        self.partition = java_hash(names[0]) % 50
        count = 10 if s.o.full else 5
        timing = {"session.timeout.ms": 20_000, "partition.assignment.strategy": "range"}
        self.settings = dict(zip(names[2:], (timing, {"group.protocol": "consumer"})))
        self.groups = {name: [s.member(kind, name, TOPIC, **self.settings[name]) for kind in kinds[:count]]
                       for name, kinds in zip(names[2:], (CLASSIC, CONSUMER))}
        self.every = {name: list(seats) for name, seats in self.groups.items()}
        self.own = [Told(s, what, name) for what, name in zip(OWN, names)]
        self.watch = Told(s, "watch", "-")

    @property
    def live(self):
        return [m for seats in self.groups.values() for m in seats]

    def shared(self):
        return all(members.covered(seats, [TOPIC], TOPIC_PARTITIONS) for seats in self.groups.values())

    def replace(self, n, killed):
        """Who did not go on: what they say of themselves, and others in their place."""
        for name, seats in self.groups.items():
            for at, m in enumerate(seats):
                if m.committed_at > killed + 0.05:
                    continue
                self.s.out.note(f"kill {n}: {name}: {m.name} has {sorted(m.assigned)}, notes {m.notes[-3:]}, exit {m.process.poll()}, "
                                f"where it stands: {m.log}")
                if m.process.poll() is None:
                    if "java" not in m.name and m.name != "franz-go":
                        m.process.send_signal(signal.SIGUSR1)  # python tells where its threads are
                        time.sleep(1)
                    m.process.kill()
                    m.process.wait()
                m.assigned = set()
                seats[at] = self.s.member(m.name, name, TOPIC, **self.settings[name])
                self.every[name].append(seats[at])
        self.stuck += 1


def _gone_on(stage, killed, led):
    ours = all(t.first(word, led) for t in stage.own for word in ("beat", "commit"))
    return ours and all(m.committed_at > killed + 0.05 for m in stage.live) and stage.shared()


def _figures(stage, killed, led):
    add = lambda what, moment, since: add_(what, (moment - since) * 1e3) if moment else None
    add_ = lambda what, ms: stage.out.add("kills", what, ms)
    add("new leader epoch in the metadata", led, killed)
    for t in stage.own:
        add(f"ours ({t.what}): first heartbeat after it", t.first("beat", led), led)
        add(f"ours ({t.what}): first commit after it", t.first("commit", led), led)
    for seats, protocol in zip(stage.groups.values(), OWN):
        for m in seats:
            add(f"{m.name} ({protocol}): first commit after the kill", next((t for t in m.commit_times if t > killed + 0.05), None), killed)
            m.commit_times = m.commit_times[-1:]


def _slow(stage, n, killed, led):
    """What our own clients did from the new leader epoch on, where their commit took longer than the goal."""
    for t in stage.own:
        first = t.first("commit", led)
        if first and first - led > 0.5:
            ms = lambda moment: round((moment - killed) * 1e3)
            said = [f"{word} {ms(at)} {rest}" for word in ("again", "beat", "commit") for at, rest in t.said[word] if led - 0.1 < at < first + 0.05][:20]
            stage.s.out.note(f"kill {n}: {t.what}: led {ms(led)} ms after the kill, commit {ms(first)}: {said}")


def _kill(s, n, stage):
    """One kill; answers False when it was not gone on."""
    if s.cluster.wait_isr_full(OFFSETS) is None or s.cluster.wait_isr_full(TOPIC) is None:
        s.out.check(False, f"kills: {n}: replicas are in sync again")
        stage.stuck = STUCK_MAX + 1
        return False
    victim = s.cluster.leader(OFFSETS, stage.partition)
    epoch = kwire.metadata(s.cluster.nodes[victim].address, [OFFSETS]).topics[OFFSETS][stage.partition].epoch
    stage.watch.process.stdin.write(f"led {stage.partition} {epoch}\n")
    stage.watch.process.stdin.flush()
    killed = s.cluster.kill(victim)
    led = kwire.wait_until(lambda: stage.watch.first("led", killed), GO_ON_S)
    good = led and kwire.wait_until(lambda: _gone_on(stage, killed, led), GO_ON_S)
    if not good:
        late = [f"{m.name} {m.notes[-1:]} exit {m.process.poll()}" for m in stage.live if m.committed_at <= killed + 0.05]
        own = [f"{t.what} {t.said['wrong'][-1:]} exit {t.process.poll()}" for t in stage.own if led and not t.first("commit", led)]
        s.out.check(False, f"kills: {n}: broker {victim} killed, everybody goes on: not within {GO_ON_S} s: {late} {own} shared: {stage.shared()}")
        stage.replace(n, killed)
    else:
        _figures(stage, killed, led)
        _slow(stage, n, killed, led)
    for t in stage.own:
        t.forget(killed)
    s.cluster.restart(victim)
    return bool(good)


def _judge(s, stage, observer):
    for (name, every), protocol in zip(stage.every.items(), OWN):
        s.wait(f"kills: {protocol}: the group reads every record", lambda: s.all_read(TOPIC, every))
        twice = members.two_owners(every)
        last = max(g for m in every for g in m.owned)
        s.out.check(not twice, f"kills: {protocol}: no partition had two owners in one generation or epoch (up to {last}) {twice or ''}")
    observer.stop()
    s.out.check(not observer.back and observer.looks, f"kills: no committed offset went back in {observer.looks:,} looks {observer.back[:3] or ''}")
    for t in stage.own:
        t.stop()
        number = t.said["commit"][-1][1] if t.said["commit"] else "0"
        s.out.check(not t.said["wrong"] and number != "0", f"kills: our own member ({t.what}) commits {number} times and is never forgotten {t.said['wrong'][:3] or ''}")
    stage.watch.stop()


def kills(s):
    names = same_coordinator(["kills-own", "kills-own-next", "kills-one", "kills-two"])
    s.topic(TOPIC, TOPIC_PARTITIONS)
    stage = Stage(s, names)
    observer, writer = Observer(s.cluster.bootstrap, stage.every), Writer(s, TOPIC)
    s.wait(f"kills: a group of {len(stage.live) // 2} of each protocol shares", lambda: all(m.assigned for m in stage.live) and stage.shared())
    for t in (writer, observer):
        t.start()
    count = s.o.size or (200 if s.o.full else 3)
    done = good = 0
    while done < count and stage.stuck <= STUCK_MAX:
        done += 1
        good += _kill(s, done, stage)
    acknowledged = writer.stop() == 0
    s.out.check(good == count, f"kills: {good} of {count} times the coordinator's broker was killed and {len(stage.live)} consumers and our own clients went on")
    s.out.check(acknowledged, f"kills: {writer.count:,} records are acknowledged")
    _judge(s, stage, observer)
    print(stage.out.table(), flush=True)
    if s.o.figures:
        stage.out.write(s.o.figures)


PARTS = {"kills": kills}

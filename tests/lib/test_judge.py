#!/usr/bin/env python3
"""The judge judged: every anomaly planted into a legal history is named exactly once and nothing else is; legal histories raise no alarm."""
import os, random, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import history as h
from judge import NAMES, Judge

CLIENTS, PARTITIONS = (1, 2), (0, 1)


class World:
    """A tiny log with producers and a consumer that can do no wrong; a plant then changes the events."""

    def __init__(self, seed, calm=False):
        rng = self.rng = random.Random(seed)
        self.events, self.log, self.now = [], {p: [] for p in PARTITIONS}, 1000
        waiting = {}
        counters = {c: 0 for c in CLIENTS}
        position = {p: 0 for p in PARTITIONS}
        for _ in range(rng.randrange(80, 160)):
            self.now += rng.randrange(1, 9)
            kind = rng.random()
            if kind < 0.55:
                c, p = rng.choice(CLIENTS), rng.choice(PARTITIONS)
                counters[c] += 1
                waiting.setdefault((c, p), []).append((c << 40 | counters[c], self.now))
            elif kind < 0.9 and waiting:
                key = rng.choice(list(waiting))
                self._settle(key, *waiting[key].pop(0), calm)
                if not waiting[key]:
                    del waiting[key]
            else:
                p = rng.choice(PARTITIONS)
                for offset in range(position[p], len(self.log[p])):
                    self._read(h.POLL, p, offset)
                position[p] = len(self.log[p])
        for key in list(waiting):
            for value, at in waiting[key]:
                self._settle(key, value, at, calm)
        for p in PARTITIONS:
            for offset in range(len(self.log[p])):
                self._read(h.FINAL, p, offset)
            self.add(0, p, len(self.log[p]), 9, h.RANGE)

    def add(self, value, partition, offset, client, op, status=h.OK, invoked=None, code=0):
        self.events.append(h.Event(invoked or self.now, self.now, value, offset, partition, client, op, status, code, 0))

    def _read(self, op, p, offset):
        self.add(self.log[p][offset], p, offset, 9, op)

    def _settle(self, key, value, at, calm):
        (c, p), fate = key, self.rng.random()
        self.now += 1
        if fate < 0.8 or calm:
            self.log[p].append(value)
            self.add(value, p, len(self.log[p]) - 1, c, h.SEND, invoked=at)
        elif fate < 0.9:  # nobody knows; perhaps it is there
            if self.rng.random() < 0.5:
                self.log[p].append(value)
            self.add(value, p, -1, c, h.SEND, h.INFO, invoked=at, code=7)
        else:
            self.add(value, p, -1, c, h.SEND, h.FAIL, invoked=at, code=10)

    def pick(self, op, status=h.OK, where=lambda e: True):
        return self.rng.choice([i for i, e in enumerate(self.events) if e.op == op and e.status == status and where(e)])

    def change(self, i, **fields):
        self.events[i] = self.events[i]._replace(**fields)

    def drop(self, value, *ops):
        self.events = [e for e in self.events if not (e.value == value and e.op in ops)]

    def end(self, p):
        return next(e.offset for e in self.events if e.op == h.RANGE and e.partition == p)

    def grow(self, p):
        i = next(i for i, e in enumerate(self.events) if e.op == h.RANGE and e.partition == p)
        self.change(i, offset=self.events[i].offset + 1)
        return self.events[i].offset - 1


def plant_not_read_back(w):
    w.events = [e for e in w.events if not (e.partition == 0 and e.op in (h.RANGE, h.FINAL, h.POLL))]


def plant_corrupt(w):
    p = 0
    w.add(77, p, w.grow(p), 9, h.FINAL, h.CORRUPT)


def plant_invented(w):
    w.add(5 << 40 | 1, 0, w.grow(0), 9, h.FINAL)


def plant_lost(w):
    w.drop(w.events[w.pick(h.SEND)].value, h.FINAL)


def plant_lost_tail(w):
    """Truncated below an acknowledged record: the partition ends before it."""
    last = max((e for e in w.events if e.op == h.FINAL and e.partition == 0), key=lambda e: e.offset)
    w.drop(last.value, h.FINAL)
    i = next(i for i, e in enumerate(w.events) if e.op == h.RANGE and e.partition == 0)
    w.change(i, offset=last.offset)


def plant_lost_replaced(w):
    """Another record lies where an acknowledged one was."""
    w.events = [e for e in w.events if e.op != h.POLL]
    i = w.pick(h.FINAL)
    e = w.events[i]
    w.change(i, value=3 << 40 | 1)
    w.add(3 << 40 | 1, e.partition, e.offset, 3, h.SEND, h.INFO, code=7)


def plant_consumed_then_lost(w):
    w.add(3 << 40 | 1, 0, -1, 3, h.SEND, h.INFO, code=7)
    w.add(3 << 40 | 1, 0, w.end(0), 8, h.POLL)


def plant_duplicate(w):
    e = w.events[w.pick(h.FINAL, where=lambda e: e.partition == 0)]
    w.add(e.value, 0, w.grow(0), 9, h.FINAL)


def plant_inconsistent(w):
    """Two final reads (of two replicas) differ at the last offset."""
    w.add(3 << 40 | 1, 0, -1, 3, h.SEND, h.INFO, code=7)
    w.add(3 << 40 | 1, 0, w.end(0) - 1, 9, h.FINAL)


def plant_wrong_offset(w):
    i = w.pick(h.SEND)
    w.change(i, offset=w.events[i].offset + 1000)


def plant_unstable_read(w):
    e = w.events[w.pick(h.FINAL, where=lambda e: e.partition == 0)]
    w.add(e.value, 0, w.end(0) + 5, 8, h.POLL)


def plant_misrouted(w):
    w.add(3 << 40 | 1, 1, -1, 3, h.SEND, h.INFO, code=7)
    w.add(3 << 40 | 1, 0, w.grow(0), 9, h.FINAL)


def plant_failed_visible(w):
    w.add(3 << 40 | 1, 0, -1, 3, h.SEND, h.FAIL, code=19)
    w.add(3 << 40 | 1, 0, w.grow(0), 9, h.FINAL)


def plant_reordered(w):
    """Two sends in flight at once, found in the wrong order."""
    for counter in (2, 1):
        at = w.grow(0)
        w.add(3 << 40 | counter, 0, at, 3, h.SEND, invoked=w.now)
        w.add(3 << 40 | counter, 0, at, 9, h.FINAL)


def plant_realtime(w):
    first, second = w.grow(0), w.grow(0)
    for value, at in ((3 << 40 | 1, second), (4 << 40 | 1, first)):
        w.now += 1
        invoked = w.now
        w.now += 1
        w.add(value, 0, at, value >> 40, h.SEND, invoked=invoked)
        w.add(value, 0, at, 9, h.FINAL)


def plant_gap(w):
    w.grow(0)


def plant_poll_back(w):
    e = next(e for e in reversed(w.events) if e.op == h.FINAL and e.partition == 0)
    for _ in range(2):
        w.add(e.value, 0, e.offset, 8, h.POLL)


def plant_poll_skip(w):
    rows = sorted((e for e in w.events if e.op == h.FINAL and e.partition == 0), key=lambda e: e.offset)
    w.add(rows[0].value, 0, rows[0].offset, 8, h.POLL)
    w.add(rows[2].value, 0, rows[2].offset, 8, h.POLL)


PLANTS = {"not-read-back": [plant_not_read_back], "corrupt": [plant_corrupt], "invented": [plant_invented],
          "lost": [plant_lost, plant_lost_tail, plant_lost_replaced], "consumed-then-lost": [plant_consumed_then_lost],
          "duplicate": [plant_duplicate], "inconsistent-offset": [plant_inconsistent], "wrong-offset": [plant_wrong_offset],
          "unstable-read": [plant_unstable_read], "misrouted": [plant_misrouted], "failed-visible": [plant_failed_visible],
          "reordered": [plant_reordered], "realtime": [plant_realtime], "gap": [plant_gap], "poll-back": [plant_poll_back],
          "poll-skip": [plant_poll_skip]}


class JudgeTest(unittest.TestCase):
    def test_every_name_is_planted(self):
        self.assertEqual(set(PLANTS), set(NAMES))

    def test_legal_histories(self):
        for seed in range(1000):
            self.assertEqual(Judge(World(seed).events).summary(), {}, f"seed {seed}")

    def test_planted(self):
        for name, plants in PLANTS.items():
            for plant in plants:
                for seed in range(20):
                    world = World(seed, calm=True)
                    plant(world)
                    self.assertEqual(Judge(world.events).summary(), {name: 1}, f"{plant.__name__}, seed {seed}")

    def test_file_round_trip(self):
        path = f"/tmp/odradek-history-{os.getpid()}"
        world = World(1)
        writer = h.Writer(path)
        for e in world.events:
            writer.write(*e)
        writer.close()
        self.assertEqual(h.read(path), world.events)
        os.unlink(path)

    def test_payload(self):
        good = h.payload(7 << 40 | 5, 123, 2, 7, 100, 1)
        self.assertEqual(h.payload_value(good, 123, 2), (7 << 40 | 5, True))
        self.assertFalse(h.payload_value(good, 123, 1)[1])
        self.assertFalse(h.payload_value(good, 124, 2)[1])
        self.assertFalse(h.payload_value(good[:-1], 123, 2)[1])
        self.assertFalse(h.payload_value(good[:50] + b"\xff" + good[51:], 123, 2)[1])


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Judges a history of a plain topic (no transactions, no compaction, no retention): judge.py HISTORY... [--show N]

Each wrong thing is named once, by its root:
  not-read-back       acknowledged records in a partition that no final read covered: the harness's fault, never a pass
  corrupt             a read returned bytes that are not what some producer sent to this topic and partition
  invented            a read returned a value that nobody sent
  lost                acknowledged, absent from the final read
  consumed-then-lost  not acknowledged, but a consumer was given it, and the final read lacks it
  duplicate           one value at two offsets of the final read (producers are idempotent)
  inconsistent-offset two values at one offset of the final reads
  wrong-offset        acknowledged at another offset than where the final read finds it
  unstable-read       a consumer was given it at another offset than where the final read finds it
  misrouted           found in another partition than it was sent to
  failed-visible      the producer was told that it certainly is not written, and it is there
  reordered           two records of one producer and partition lie in another order than they were sent
  realtime            acknowledged before the other was sent (by another producer), yet behind it in the log
  gap                 an offset between log start and end that the final read did not give, and no loss explains
  poll-back, poll-skip   an assigned consumer went back, or passed over a record that is there

Legal and never named: unknown outcomes (INFO) that appear or do not, in any place that their order allows; gaps between polls
that hold no record. One pass per check over sorted data: a million events take seconds.
"""
import argparse, json, os, sys
from collections import defaultdict

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import history as h

NAMES = ("not-read-back", "corrupt", "invented", "lost", "consumed-then-lost", "duplicate", "inconsistent-offset", "wrong-offset",
         "unstable-read", "misrouted", "failed-visible", "reordered", "realtime", "gap", "poll-back", "poll-skip")


class Judge:
    """`found` {name: [sentence, ...]} after __init__; `counts` of what was looked at."""

    def __init__(self, events):
        self.found = defaultdict(list)
        self.sends, self.polls, self.finals, self.ranges = {}, [], [], {}
        self.missing_at = set()  # places whose emptiness another finding explains
        for e in events:
            self._sort_in(e)
        self.places = defaultdict(set)  # value -> {(partition, offset)} of the final read
        for e in self.finals:
            self.places[e.value].add((e.partition, e.offset))
        self.counts = {"acknowledged": sum(s.status == h.OK for s in self.sends.values()), "sent": len(self.sends),
                       "unknown": sum(s.status == h.INFO for s in self.sends.values()),
                       "failed": sum(s.status == h.FAIL for s in self.sends.values()),
                       "polled": len(self.polls), "read back": len(self.places)}
        self._presence()
        self._offsets()
        self._order()
        self._realtime()
        self._gaps()
        self._polls()

    def name(self, what, sentence):
        assert what in NAMES
        self.found[what].append(sentence)

    def _sort_in(self, e):
        if e.op == h.SEND:
            self.sends[e.value] = e
        elif e.op == h.RANGE:
            start, end = self.ranges.get(e.partition, (e.value, e.offset))
            self.ranges[e.partition] = (min(start, e.value), max(end, e.offset))
        elif e.status == h.CORRUPT:
            self.name("corrupt", f"partition {e.partition} offset {e.offset}")
            self.missing_at.add((e.partition, e.offset))
        else:
            (self.polls if e.op == h.POLL else self.finals).append(e)

    def _presence(self):
        unread = {s.partition for s in self.sends.values() if s.status == h.OK} - set(self.ranges)
        for partition in sorted(unread):
            self.name("not-read-back", f"partition {partition}")
        polled = {e.value: e for e in self.polls}
        for value, s in self.sends.items():
            if value in self.places:
                if s.status == h.FAIL:
                    self.name("failed-visible", f"value {value:#x} of partition {s.partition}, error code {s.code}")
            elif s.status == h.OK and s.partition not in unread:
                self.name("lost", f"value {value:#x}, partition {s.partition}, acknowledged at offset {s.offset}")
                self.missing_at.add((s.partition, s.offset))
            elif value in polled and s.partition not in unread:
                p = polled[value]
                self.name("consumed-then-lost", f"value {value:#x}, partition {p.partition}, read at offset {p.offset}")
                self.missing_at.add((p.partition, p.offset))
        for value in {**self.places, **polled}:
            if value not in self.sends:
                self.name("invented", f"value {value:#x}")

    def _offsets(self):
        self.doubled = {v for v, places in self.places.items() if len(places) > 1}
        for value in self.doubled:
            self.name("duplicate", f"value {value:#x} at {sorted(self.places[value])}")
        self.odd = set(self.doubled)  # values whose place is wrong already: no second name for them
        at = {}
        for value, places in self.places.items():
            s = self.sends.get(value)
            for place in places:
                other = at.setdefault(place, value)
                if other != value:
                    self.name("inconsistent-offset", f"partition {place[0]} offset {place[1]}: {other:#x} and {value:#x}")
                    self.odd |= {value, other}
            if s is None or value in self.doubled:
                continue
            (partition, offset), = places
            if partition != s.partition:
                self.name("misrouted", f"value {value:#x} sent to partition {s.partition}, found in {partition}")
                self.odd.add(value)
            elif s.status == h.OK and s.offset >= 0 and s.offset != offset:
                self.name("wrong-offset", f"value {value:#x} acknowledged at {s.offset}, found at {offset}, partition {partition}")
                self.odd.add(value)

    def _order(self):
        highest = defaultdict(int)  # (producer, partition) -> highest value so far, in offset order
        placed = sorted((place, value) for value, places in self.places.items() if value not in self.odd for place in places)
        for (partition, offset), value in placed:
            s = self.sends.get(value)
            if s is None:
                continue
            key = (s.client, partition)
            if value < highest[key]:
                self.name("reordered", f"value {value:#x} at offset {offset} of partition {partition} lies behind {highest[key]:#x}")
                self.odd.add(value)
            highest[key] = max(highest[key], value)

    def _realtime(self):
        moments = []
        for value, s in self.sends.items():
            if s.status == h.OK and value in self.places and value not in self.odd:
                moments.append((s.invoked, 1, s))
                moments.append((s.returned, 0, s))
        acked, floor = defaultdict(lambda: -1), {}
        for _, invoke, s in sorted(moments, key=lambda m: m[:2]):
            (partition, offset), = self.places[s.value]
            if invoke:
                floor[s.value] = acked[partition]
            else:
                if offset < floor.get(s.value, -1):
                    self.name("realtime", f"value {s.value:#x} at offset {offset} of partition {partition} was sent after "
                                          f"offset {floor[s.value]} had been acknowledged")
                acked[partition] = max(acked[partition], offset)

    def _gaps(self):
        there = defaultdict(set)
        for e in self.finals:
            there[e.partition].add(e.offset)
        for partition, (start, end) in self.ranges.items():
            if len(there[partition]) >= end - start:
                continue
            for offset in range(start, end):
                if offset not in there[partition] and (partition, offset) not in self.missing_at:
                    self.name("gap", f"partition {partition} offset {offset}")

    def _polls(self):
        final = {place: value for value, places in self.places.items() for place in places}
        before = {}
        for e in self.polls:
            key, place = (e.client, e.session, e.partition), (e.partition, e.offset)
            last = before.get(key)
            if last is not None and e.offset <= last:
                self.name("poll-back", f"consumer {e.client}, partition {e.partition}: offset {e.offset} after {last}")
            elif last is not None and e.offset > last + 1:
                passed = [o for o in range(last + 1, e.offset) if (e.partition, o) in final]
                if passed:
                    self.name("poll-skip", f"consumer {e.client}, partition {e.partition}: {len(passed)} records before offset {e.offset}")
            before[key] = max(e.offset, last if last is not None else -1)
            if e.value in self.places and place not in self.places[e.value]:
                self.name("unstable-read", f"value {e.value:#x} read at offset {e.offset} of partition {e.partition}")

    def summary(self):
        return {name: len(rows) for name, rows in self.found.items() if rows}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("history", nargs="+")
    p.add_argument("--show", type=int, default=10, help="sentences printed per name")
    a = p.parse_args()
    judge = Judge(h.read(*a.history))
    for name, rows in judge.found.items():
        for row in rows[:a.show]:
            print(f"{name}: {row}")
    print(json.dumps({**judge.counts, "anomalies": judge.summary()}))
    sys.exit(1 if judge.summary() else 0)


if __name__ == "__main__":
    main()

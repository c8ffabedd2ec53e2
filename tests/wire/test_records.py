#!/usr/bin/env python3
"""The record source and the comparison of the client matrix: equal when equal, and every kind of difference is seen."""
import os, random, sys, unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clients
import records as r


def rows_of(spec, text_headers=False):
    ends, rows = [0] * spec.partitions, []
    for partition, key, value, headers, time_ms in r.records(spec):
        if text_headers:
            headers = [("", r.kcat_text(headers))] if headers else []
        rows.append([partition, ends[partition], key, value, headers, time_ms])
        ends[partition] += 1
    return rows


def sunk(rows):
    return [(p, o, r.digest(k, v, h, t)) for p, o, k, v, h, t in rows]


class RecordsTest(unittest.TestCase):
    def spec(self, profile="any"):
        return r.Spec("t", "b", profile, 500, 1, 3, seed=5, timed=profile == "any")

    def test_every_profile_equals_itself(self):
        for profile in r.PROFILES:
            spec = self.spec(profile)
            self.assertIsNone(r.compare(r.Spec.parse(spec.line()), sunk(rows_of(spec))))
            self.assertIsNone(r.compare(spec, sunk(rows_of(spec, True)), True))

    def test_variety(self):
        rows = rows_of(self.spec())
        self.assertEqual(max(len(row[3] or b"") for row in rows), r.BIG)
        for kind in (lambda w: w[2] is None, lambda w: w[2] == b"", lambda w: w[3] is None, lambda w: w[3] == b"" or len(w[3] or b"") < 20,
                     lambda w: any(d is None for _, d in w[4]), lambda w: len({n for n, _ in w[4]}) < len(w[4]),
                     lambda w: any(not n.isascii() for n, _ in w[4])):
            self.assertTrue(any(map(kind, rows)))

    def test_differences(self):
        spec = self.spec()
        def changed(change):
            rows = rows_of(spec)
            change(rows)
            return r.compare(spec, sunk(rows))
        def flip(rows):
            row = next(w for w in rows if w[3])
            row[3] = row[3][:-1] + bytes([row[3][-1] ^ 1])
        def swap(rows):
            a, b = [w for w in rows if w[0] == 0][:2]
            a[2:], b[2:] = b[2:], a[2:]
        def empty_for_null(rows):
            next(w for w in rows if w[3] is None)[3] = b""
        def header_order(rows):
            row = next(w for w in rows if len({x[1] for x in w[4]}) > 1)
            row[4] = row[4][::-1]
        def time(rows):
            rows[7][5] += 1
        for change in (flip, swap, empty_for_null, header_order, time, lambda rows: rows.pop(), lambda rows: rows.pop(0),
                       lambda rows: rows.append(rows[-1]), lambda rows: rows[0].__setitem__(0, 7)):
            self.assertIsNotNone(changed(change))

    def printed(self, spec):
        """What Java's console consumer prints of one partition with our marks."""
        show, marks = lambda data: clients.Java.NULL.encode() if data is None else data, r.TEXT_MARKS
        for offset, (partition, key, value, headers, time_ms) in enumerate(r.records(spec)):
            head = marks["header"].encode().join(name.encode() + b":" + show(data) for name, data in headers) or b"NO_HEADERS"
            front = b"CreateTime:%d" % (time_ms or 1), b"Partition:%d" % partition, b"Offset:%d" % offset
            yield marks["key"].encode().join([*front, head, show(key), show(value)]) + marks["line"].encode()

    def test_marks_of_the_console_tools(self):
        """They separate what was written, for any seed: none of them, and no beginning of one, is in a random block."""
        worst = "".join(a + b for a in r.TEXT_MARKS.values() for b in (a, "~", a[:-1], "x")).encode()
        self.assertEqual(len(r.without_marks(worst)), len(worst))
        for mark in r.TEXT_MARKS.values():
            for cut in range(2, len(mark) + 1):
                self.assertNotIn(mark[:cut].encode(), r.without_marks(worst + mark.encode()))
        self.assertEqual(r.without_marks(b"~~a ~"), b"~~a ~")
        with mock.patch.object(random.Random, "randbytes", lambda rng, n: (worst * (n // len(worst) + 1))[:n]):
            for seed in range(20):
                spec = r.Spec("t", "b", "any", 300, 0, 1, seed=seed, timed=True)
                self.assertIsNone(r.compare(spec, clients.Java.rows(spec, b"".join(self.printed(spec)))), f"seed {seed}")

    def test_java_partitions(self):
        """Known hashes of Java's producer."""
        for key, signed in ((b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)):
            self.assertEqual(r.murmur2(key), signed & 0xFFFFFFFF)


if __name__ == "__main__":
    unittest.main()

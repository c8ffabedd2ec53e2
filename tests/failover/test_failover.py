#!/usr/bin/env python3
"""The parts of the failover suite that judge and measure, on planted cases: silences, quantiles, replicas that differ."""
import os, shutil, struct, sys, tempfile, unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import figures, replicas


def batch(base, fill=0):
    body = bytes([fill]) * 60
    return struct.pack(">qi", base, len(body)) + body


class FiguresTest(unittest.TestCase):
    def test_silence_is_the_longest_gap_less_the_median(self):
        times = [n * 0.01 for n in range(100)] + [1.5 + n * 0.01 for n in range(100)]
        self.assertAlmostEqual(figures.silence_ms(times, 0, times[-1]), 500.0, delta=0.1)

    def test_silence_that_has_not_ended_counts(self):
        self.assertAlmostEqual(figures.silence_ms([n * 0.01 for n in range(100)], 0, 3.99), 2990.0, delta=0.1)

    def test_silence_of_the_mute(self):
        self.assertEqual(figures.silence_ms([], 1, 3), 2000.0)

    def test_quantiles(self):
        self.assertEqual(figures.quantiles(range(1, 101)), {"n": 100, "p50": 51, "p99": 100, "max": 100})
        self.assertIsNone(figures.quantiles([]))


class Cluster:
    """Three brokers of one partition; broker 1 leads."""

    def __init__(self, directory):
        self.dirs = {n: os.path.join(directory, str(n), "t-0") for n in (1, 2, 3)}
        self.nodes = {1: mock.Mock(address="nowhere:1")}

    def leader(self, *_):
        return 1

    def partition_dirs(self, *_):
        return {n: d for n, d in self.dirs.items() if os.path.isdir(d)}


class ReplicasTest(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="odradek-replicas-")
        self.cluster = Cluster(self.top)
        for n in (1, 2, 3):
            self.put(n, 0, [batch(0), batch(5), batch(9)])

    def tearDown(self):
        shutil.rmtree(self.top)

    def put(self, broker, base, batches):
        os.makedirs(self.cluster.dirs[broker], exist_ok=True)
        with open(os.path.join(self.cluster.dirs[broker], f"{base:020}.log"), "wb") as f:
            f.write(b"".join(batches))

    def found(self, below=10):
        with mock.patch("kwire.end_offset", return_value=below):
            return replicas.difference(self.cluster, "t", 0)

    def test_equal(self):
        self.assertIsNone(self.found())

    def test_other_cuts_and_padding_are_equal(self):
        self.put(2, 0, [batch(0)])
        self.put(2, 5, [batch(5), batch(9), bytes(100)])
        self.assertIsNone(self.found())

    def test_beyond_the_high_watermark_does_not_count(self):
        self.put(2, 0, [batch(0), batch(5), batch(9), batch(10, 7)])
        self.assertIsNone(self.found())

    def test_differences(self):
        for change in ([batch(0), batch(5, 1), batch(9)], [batch(0), batch(9)], [batch(0), batch(5)], [batch(0), batch(5), batch(5), batch(9)]):
            self.put(3, 0, change)
            self.assertRegex(self.found(), "brokers 1 and 3 differ from offset [59]")

    def test_a_missing_replica(self):
        shutil.rmtree(self.cluster.dirs[2])
        self.assertIn("brokers [1, 3] only", self.found())

    def test_a_disordered_leader(self):
        for n in (1, 2, 3):
            self.put(n, 0, [batch(0), batch(9), batch(5)])
        self.assertIn("out of order", self.found())


if __name__ == "__main__":
    unittest.main()

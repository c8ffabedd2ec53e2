#!/usr/bin/env python3
"""The interposed library and the sync judge, proven on planted cases: test_shim.py [LIBRARY]"""
import errno, json, os, shutil, struct, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import shimlog, sync_judge
from shimlog import Shim, Sync

LIBRARY = sys.argv.pop(1) if len(sys.argv) > 1 and sys.argv[1].endswith(".so") else None

CHILD = """
import json, os, sys, time
out = []
for name, call, size in json.loads(sys.argv[2]):
    fd = os.open(os.path.join(sys.argv[1], name), os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.write(fd, b'x' * size)
    t = time.monotonic()
    try:
        getattr(os, call)(fd)
        error = 0
    except OSError as e:
        error = e.errno
    out.append([error, time.monotonic() - t])
    os.close(fd)
print(json.dumps(out))
"""


def batch(base, count, size):
    return struct.pack(">qi", base, 49 + size) + bytes(11) + struct.pack(">i", count - 1) + bytes(34 + size)


class ShimTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="odradek-shim-")
        self.shim = Shim(self.dir, "one")
        if LIBRARY:
            self.shim.env["LD_PRELOAD"] = LIBRARY

    def tearDown(self):
        shutil.rmtree(self.dir)

    def child(self, *calls):
        done = subprocess.run([sys.executable, "-c", CHILD, self.dir, json.dumps(calls)], capture_output=True, text=True, check=True,
                              env={**os.environ, **self.shim.env})
        return json.loads(done.stdout)

    def test_records(self):
        answers = self.child(("a.log", "fsync", 100), ("a.log", "fdatasync", 50), ("b.log", "fsync", 7))
        self.assertEqual([a[0] for a in answers], [0, 0, 0])
        seen = self.shim.syncs()
        self.assertEqual([(os.path.basename(s.path), s.op, s.size, s.result, s.injected) for s in seen],
                         [("a.log", shimlog.FSYNC, 100, 0, 0), ("a.log", shimlog.FDATASYNC, 150, 0, 0), ("b.log", shimlog.FSYNC, 7, 0, 0)])
        self.assertEqual(seen[0].inode, os.stat(os.path.join(self.dir, "a.log")).st_ino)
        self.assertTrue(all(s.begin_ns < s.end_ns for s in seen))

    def test_delays_what_matches(self):
        self.shim.set(delay_ms=80, match="/a.")
        answers = self.child(("a.log", "fsync", 1), ("b.log", "fsync", 1))
        self.assertGreaterEqual(answers[0][1], 0.08)
        self.assertLess(answers[1][1], 0.08)
        self.assertEqual([s.injected for s in self.shim.syncs()], [1, 0])

    def test_fails_what_matches(self):
        self.shim.set(error=errno.EIO, match="/a.")
        self.assertEqual([a[0] for a in self.child(("a.log", "fdatasync", 1), ("b.log", "fdatasync", 1))], [errno.EIO, 0])
        self.assertEqual([s.result for s in self.shim.syncs()], [errno.EIO, 0])

    def test_real_errors_pass(self):
        done = subprocess.run([sys.executable, "-c", "import os\ntry: os.fsync(99)\nexcept OSError as e: print(e.errno)"],
                              capture_output=True, text=True, env={**os.environ, **self.shim.env})
        self.assertEqual(done.stdout.strip(), str(errno.EBADF))
        self.assertEqual(self.shim.syncs()[0].result, errno.EBADF)

    def test_control_changes_at_run_time(self):
        code = ("import os, sys\nfd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
                "for _ in range(2):\n    input()\n    try: os.fsync(fd); print('good', flush=True)\n"
                "    except OSError: print('bad', flush=True)")
        p = subprocess.Popen([sys.executable, "-c", code, os.path.join(self.dir, "x")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True, env={**os.environ, **self.shim.env})
        said = []
        for error in (0, errno.EIO):
            self.shim.set(error=error)
            p.stdin.write("\n")
            p.stdin.flush()
            said.append(p.stdout.readline().strip())
        p.communicate()
        self.assertEqual(said, ["good", "bad"])


class JudgeTest(unittest.TestCase):
    """Three batches of two records, 100 bytes each, in one segment: offsets 0-1, 2-3, 4-5."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="odradek-shim-")
        path = os.path.join(self.dir, "00000000000000000000.log")
        with open(path, "wb") as f:
            f.write(b"".join(batch(n * 2, 2, 39) for n in range(3)))
        self.inode = os.stat(path).st_ino

    def tearDown(self):
        shutil.rmtree(self.dir)

    def sync(self, size, end_ns, result=0, op=shimlog.FDATASYNC, inode=None):
        return Sync(end_ns - 1, end_ns, 0, inode or self.inode, size, result, op, 0, "")

    def on_disk(self, *syncs):
        disk = sync_judge.Disk(self.dir, syncs)
        return [disk.on_disk_ns(o) for o in range(7)]

    def test_moments(self):
        self.assertEqual(self.on_disk(self.sync(100, 10), self.sync(300, 30), self.sync(250, 20)), [10, 10, 20, 20, 30, 30, None])

    def test_larger_and_earlier_wins(self):
        self.assertEqual(self.on_disk(self.sync(100, 50), self.sync(300, 30)), [30] * 6 + [None])

    def test_what_does_not_count(self):
        for s in (self.sync(300, 10, result=errno.EIO), self.sync(300, 10, op=shimlog.SYNC_FILE_RANGE), self.sync(300, 10, inode=1)):
            self.assertEqual(self.on_disk(s), [None] * 7)

    def test_half_a_batch_does_not_count(self):
        self.assertEqual(self.on_disk(self.sync(199, 10)), [10, 10] + [None] * 5)

    def test_violations(self):
        good, late = sync_judge.Disk(self.dir, [self.sync(300, 10)]), sync_judge.Disk(self.dir, [self.sync(300, 90)])
        acks = [(0, 3, 50)]
        self.assertEqual(sync_judge.violations(acks, {0: {1: good, 2: good}}, 2), ([], 40))
        self.assertEqual(sync_judge.violations(acks, {0: {1: good, 2: late}}, 2)[0], [(0, 3, 1)])
        self.assertEqual(sync_judge.violations(acks, {0: {1: good, 2: late}}, 1), ([], 40))
        self.assertEqual(sync_judge.violations(acks, {0: {1: sync_judge.Disk(self.dir, [])}}, 1)[0], [(0, 3, 0)])


if __name__ == "__main__":
    unittest.main()

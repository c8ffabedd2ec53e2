"""tests/run: how it counts, and what it says and answers when suites pass, fail, hang, say nothing or do not exist."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True


sys.path.insert(0, os.path.join(ROOT, "tests", "tools"))

import suites  # noqa: E402


class Counting(unittest.TestCase):
    def test_programs(self):
        count = suites.count_output
        criterion = "[\x1b[0;34m====\x1b[0m] \x1b[0;1mSynthesis: Tested: \x1b[0;34m%d\x1b[0;1m | Passing: \x1b[0;32m%d\x1b[0;1m" \
            " | Failing: \x1b[0;31m%d\x1b[0;1m | Crashing: \x1b[0;31m%d\x1b[0;1m \x1b[0m\n"
        self.assertEqual(count(criterion % (7, 7, 0, 0), True), (7, 0))
        self.assertEqual(count(criterion % (7, 4, 2, 1), False), (4, 3))
        self.assertEqual(count(criterion % (7, 7, 0, 0), False), (7, 1))
        self.assertEqual(count("x\nRan 12 tests in 0.5s\n\nOK\n", True), (12, 0))
        self.assertEqual(count("Ran 12 tests in 0.5s\n\nOK (skipped=2)\n", True), (10, 0))
        self.assertEqual(count("Ran 12 tests in 0.5s\n\nFAILED (failures=2, errors=1)\n", False), (9, 3))
        self.assertEqual(count("1 passed, 0 failed\nmore\n5 passed, 2 failed\n", False), (5, 2))
        self.assertEqual(count("anything", True), (1, 0))
        self.assertEqual(count("anything", False), (0, 1))

    def test_scripts(self):
        count = suites.count_script
        self.assertEqual(count("ok\n3 passed, 0 failed\n", 0), (3, 0))
        self.assertEqual(count("3 passed, 1 failed\n", 1), (3, 1))
        self.assertEqual(count("3 passed, 0 failed\n", 1), (3, 1))
        self.assertEqual(count("0 passed, 0 failed\n", 0), (0, 1))
        self.assertEqual(count("fell over\n", 0), (0, 1))


class Whole(unittest.TestCase):
    """A tiny project with its own copy of tests/run."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        os.makedirs(os.path.join(self.root, "tests", "tools"))
        os.makedirs(os.path.join(self.root, "deploy"))
        for path in ("tests/run", "tests/tools/suites.py"):
            shutil.copy(os.path.join(ROOT, path), os.path.join(self.root, path))
        self.write("deploy/install-packages", "#!/bin/sh\necho packages $*\n", 0o755)
        self.write("meson.build", "project('tiny')\ntest('a', find_program('true'), suite: 'unit')\n"
                                  "test('b', find_program('true'), suite: ['unit', 'tidy'])\n")

    def write(self, path, text, mode=0o644):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as f:
            f.write(text)
        os.chmod(full, mode)

    def script(self, name, text):
        self.write("tests/%s/run" % name, "#!/bin/sh\n" + text, 0o755)

    def run_it(self, *args):
        done = subprocess.run([os.path.join(self.root, "tests", "run"), *args], capture_output=True, text=True)
        return done.returncode, (done.stdout + done.stderr).splitlines()

    def test_what_failed_is_named(self):
        """Also where so much was said since that it is not among the last lines."""
        self.script("wordy", "echo ok one; echo FAILED the other one; seq 1000 1100; echo 1 passed, 1 failed; exit 1")
        code, lines = self.run_it("wordy")
        self.assertEqual(code, 1)
        self.assertIn("  | FAILED the other one", lines)
        self.assertNotIn("  | ok one", lines)
        self.assertIn("  | 1100", lines)

    def test_passing(self):
        self.script("wire", 'echo "args $*"\necho "3 passed, 0 failed"\n')
        code, lines = self.run_it("unit", "wire", "--full")
        self.assertEqual((code, lines[-1]), (0, "5 passed, 0 failed"), lines)
        with open(os.path.join(self.root, "build/test-logs/wire.log")) as f:
            self.assertIn("args --build %s/build --full" % self.root, f.read())

    def test_failing(self):
        self.script("wire", 'echo the reason\necho "3 passed, 2 failed"\nexit 1\n')
        code, lines = self.run_it("tidy", "wire")
        self.assertEqual((code, lines[-1]), (1, "4 passed, 2 failed"), lines)
        self.assertIn("  | the reason", lines)

    def test_a_suite_that_says_nothing_fails(self):
        self.script("wire", "exit 0\n")
        code, lines = self.run_it("wire")
        self.assertEqual((code, lines[-1]), (1, "0 passed, 1 failed"), lines)

    def test_a_failing_meson_test(self):
        self.write("meson.build", "project('tiny')\ntest('a', find_program('false'), suite: 'unit')\n")
        code, lines = self.run_it("unit")
        self.assertEqual((code, lines[-1]), (1, "0 passed, 1 failed"), lines)

    def test_a_build_that_fails(self):
        self.write("meson.build", "project('tiny')\nerror('broken on purpose')\n")
        code, lines = self.run_it()
        self.assertEqual((code, lines[-1]), (1, "0 passed, 1 failed"), lines)
        self.assertTrue(any("broken on purpose" in line for line in lines), lines)

    def test_packages_come_first_and_are_not_fatal(self):
        code, lines = self.run_it("unit")
        self.assertEqual((code, lines[0]), (0, "packages build run test"), lines)
        self.write("deploy/install-packages", "#!/bin/sh\necho no packages here\nexit 1\n", 0o755)
        code, lines = self.run_it("unit")
        self.assertEqual((code, lines[0], lines[-2]), (0, "no packages here", "2 passed, 0 failed"), lines)

    def test_a_program_that_hangs_is_stopped(self):
        log = suites.Log(self.root, "hang")
        code, text = log.run(["sh", "-c", "echo began; sleep 60"], guard_s=1)
        self.assertNotEqual(code, 0)
        self.assertIn("began", text)
        self.assertIn("it hangs", text)

    def test_list_and_unknown(self):
        self.script("failover", "exit 0\n")
        self.write("tests/lib/run", "not executable\n")
        code, lines = self.run_it("--list")
        self.assertEqual((code, lines[-4:]), (0, ["tidy", "unit", "failover", "asan"]), lines)
        code, lines = self.run_it("nope")
        self.assertEqual(code, 2)
        self.assertIn("no suite nope", lines[-1])


if __name__ == "__main__":
    unittest.main()

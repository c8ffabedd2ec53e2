"""The program behind tests/run: builds what is needed and runs the test suites.

usage: tests/run [suite ...] [--full] [--list] [--build DIR]

  suite ...     only these (default: all that there are)
  --full        the sizes named in the issues instead of those of CI
  --list        say which suites there are
  --build DIR   where to build (default: build; the sanitizer builds lie beside it: DIR-asan, DIR-tsan)

A suite is any of: a group of meson tests (`suite: 'unit'`), an executable tests/<suite>/run, or one of the composed ones
below. tests/<suite>/run is called with `--build DIR` and perhaps `--full`, and ends with a line `N passed, N failed`.
The output of a suite goes to DIR/test-logs/<suite>.log; its end is shown when it fails. The last line is the sum,
`N passed, N failed`; the exit code is 1 when anything failed or nothing ran, 2 for wrong arguments.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ORDER = ["tidy", "unit", "golden", "sim", "mutants", "words", "oracle", "wire", "groups", "configs", "apis", "cli", "failover", "hostile", "shim", "bench", "fuzz", "asan", "tsan", "quickstart"]
HANG_GUARD_S = 15 * 60  # a suite that takes longer in its CI size hangs
TAIL_LINES = 40
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)
NAMES_FAILURE = re.compile(r"FAILED |\[FAIL\]|\[----\].*(failed|crash)|[\w./-]+:\d+(:\d+)?: (fatal )?error: |FAIL: ")
CRITERION = re.compile(r"Synthesis: Tested: \D*(\d+)\D*\| Passing: \D*(\d+)\D*\| Failing: \D*(\d+)\D*\| Crashing: \D*(\d+)")
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*?(?:^OK|^FAILED)(?: \(([^)]*)\))?", re.M | re.S)
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


class Stop(Exception):
    """The run cannot go on; the text says why and what to do."""


# --- counting ----------------------------------------------------------------------------------------------------------
def count_output(text, good):
    """(passed, failed) of one program, from what it printed; a program that tells no counts is one check."""
    text = COLOUR.sub("", text)
    closing, criterion, unit = CLOSING.findall(text), CRITERION.findall(text), UNITTEST.findall(text)
    if closing:
        passed, failed = (int(n) for n in closing[-1])
    elif criterion:
        passed = sum(int(row[1]) for row in criterion)
        failed = sum(int(row[2]) + int(row[3]) for row in criterion)
    elif unit:
        counts = {key: int(n) for key, n in re.findall(r"(\w+)=(\d+)", unit[-1][1])}
        failed = counts.get("failures", 0) + counts.get("errors", 0)
        passed = int(unit[-1][0]) - failed - counts.get("skipped", 0)
    else:
        passed, failed = (1, 0) if good else (0, 1)
    return (passed, failed) if good or failed else (passed, 1)


def count_script(text, code):
    """(passed, failed) of tests/<suite>/run, which must end with its own closing line and have run something."""
    closing = CLOSING.findall(text)
    if not closing:
        return 0, 1
    passed, failed = (int(n) for n in closing[-1])
    return passed, failed + (1 if failed == 0 and (code != 0 or passed == 0) else 0)


def count_meson(path):
    """(passed, failed, skipped names) of a finished `meson test`, from its testlog.json."""
    passed, failed, skipped = 0, 0, []
    with open(path) as f:
        for line in f:
            test = json.loads(line)
            if test["result"] == "SKIP":
                skipped.append(test["name"])
                continue
            counts = count_output((test.get("stdout") or "") + "\n" + (test.get("stderr") or ""),
                                  test["result"] in ("OK", "EXPECTEDFAIL"))
            passed, failed = passed + counts[0], failed + counts[1]
    return passed, failed, skipped


def sum_of(results):
    return sum(passed for passed, _ in results), sum(failed for _, failed in results)


# --- running -----------------------------------------------------------------------------------------------------------
class Log:
    """One suite's log file; every program of the suite writes here."""

    def __init__(self, folder, name):
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(folder, name + ".log")
        self.file = open(self.path, "w+b")

    def run(self, command, env=None, guard_s=None):
        """Runs a program in its own process group; answers (exit code, what it printed)."""
        start = self.file.seek(0, os.SEEK_END)
        self.file.write(("$ %s\n" % " ".join(command)).encode())
        self.file.flush()
        process = subprocess.Popen(command, cwd=ROOT, stdout=self.file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env={**os.environ, **(env or {})}, start_new_session=True)
        try:
            code = process.wait(guard_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
            self.file.seek(0, os.SEEK_END)
            self.file.write(b"\nrun: stopped after %d s: it hangs\n" % guard_s)
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGTERM)
            raise
        self.file.seek(start)
        text = self.file.read().decode("utf-8", "replace")
        return code, text

    def tail(self):
        """Its last lines; before them those of earlier ones that name what failed, for nodes may have said a lot since."""
        self.file.seek(0)
        lines = COLOUR.sub("", self.file.read().decode("utf-8", "replace")).splitlines()
        named = [line for line in lines[:-TAIL_LINES] if NAMES_FAILURE.match(line)][:TAIL_LINES]
        return named + (["..."] if named else []) + lines[-TAIL_LINES:]


class Runner:
    def __init__(self, build, full):
        self.build, self.full = build, full
        self.logs = os.path.join(build, "test-logs")
        self.guard_s = None if full else HANG_GUARD_S
        self.built = {}  # build directory -> its tests, by meson suite

    # builds
    def need_build(self, folder, compiler, options):
        """Configures and builds once per run; answers the names of the meson suites in it."""
        if folder in self.built:
            return self.built[folder]
        for tool in ("meson", "ninja", compiler):
            if shutil.which(tool) is None:
                raise Stop("run: %s is missing; `deploy/install-packages build run test` brings it." % tool)
        start = time.monotonic()
        log = Log(self.logs, os.path.basename(folder) + "-build")
        steps = [["ninja", "-C", folder]]
        if not os.path.exists(os.path.join(folder, "build.ninja")):
            steps.insert(0, ["meson", "setup", folder, *options])
        for step in steps:
            code, _ = log.run(step, {"CC": compiler})
            if code:
                raise Stop("\n".join(log.tail()) + "\nrun: the build in %s failed; the whole log: %s" % (folder, log.path))
        print("%-12s built in %.1f s" % (os.path.relpath(folder, ROOT), time.monotonic() - start), flush=True)
        tests = json.loads(subprocess.run(["meson", "introspect", "--tests", folder], cwd=ROOT, capture_output=True,
                                          text=True, check=True).stdout)
        self.built[folder] = {s.split(":")[-1] for t in tests for s in t["suite"]}
        return self.built[folder]

    def plain(self):
        return self.need_build(self.build, "gcc", [])

    # kinds of suites
    def meson(self, log, folder, suites, env=None):
        """Runs groups of meson tests; answers (passed, failed)."""
        args = [arg for suite in suites for arg in ("--suite", suite)]
        code, _ = log.run(["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", *args], env, self.guard_s)
        passed, failed, skipped = count_meson(os.path.join(folder, "meson-logs", "testlog.json"))
        for name in skipped if folder == self.build else ():
            print("             skipped: %s" % name, flush=True)
        return passed, failed + (1 if code and not failed else 0)

    def script(self, log, path, folder, extra=(), env=None):
        command = [path, "--build", folder, *extra] + (["--full"] if self.full else [])
        code, text = log.run(command, env, self.guard_s)
        return count_script(text, code)

    def real(self, log, suite, folder, extra):
        """Part of a suite of real processes with the programs of a sanitizer's build; that suite counts what sanitizers say."""
        return self.script(log, script_of(suite), folder, extra, SANITIZER_ENV)

    def suite(self, name, log):
        """Runs one suite; answers (passed, failed)."""
        groups = self.plain()
        composed = getattr(self, "suite_" + name, None)
        results = [composed(log)] if composed else []
        if name in groups:
            results.append(self.meson(log, self.build, [name]))
        path = script_of(name)
        if path:
            results.append(self.script(log, path, self.build))
        return sum_of(results)

    # composed suites
    def suite_asan(self, log):
        """unit, golden and a part of wire under AddressSanitizer and UndefinedBehaviorSanitizer."""
        folder = self.build + "-asan"
        groups = self.need_build(folder, "clang", ["-Dsanitize=address,undefined", "-Db_lundef=false"])
        parts = [self.meson(log, folder, sorted({"unit", "golden"} & groups), SANITIZER_ENV)]
        if script_of("wire"):
            parts.append(self.real(log, "wire", folder, [] if self.full else ["--only", "codecs,topics"]))
        return sum_of(parts)

    def suite_tsan(self, log):
        """The plain thread tests (meson suite `thread`) and a whole cluster under load, whose leaders are killed and whose nodes
        are restarted, under ThreadSanitizer; Criterion does not survive it."""
        folder = self.build + "-tsan"
        groups = self.need_build(folder, "clang", ["-Dsanitize=thread", "-Db_lundef=false", "-Dtests=disabled"])
        if "thread" not in groups:
            raise Stop("there is no meson test with `suite: 'thread'`.")
        parts = [self.meson(log, folder, ["thread"], SANITIZER_ENV)]
        if script_of("failover"):
            size = [] if self.full else ["--size", "1"]
            parts.append(self.real(log, "failover", folder, ["--only", "leader-kill-raw,rolling-restart", *size]))
        return sum_of(parts)

    def suite_quickstart(self, log):
        """deploy/quickstart to its end in a fresh directory, then --stop and --clean: one check each."""
        passed = 0
        program = os.path.join(ROOT, "deploy", "quickstart")
        with tempfile.TemporaryDirectory(prefix="odradek-quickstart-") as folder:
            common = ["--data", os.path.join(folder, "data"), "--build", self.build,
                      "--port", os.environ.get("ODRADEK_TEST_PORT", "21000")]
            for step in (["--keep-running"], ["--stop"], ["--clean"]):
                code, _ = log.run([program, *common, *step], None, self.guard_s)
                if code:
                    log.run([program, *common, "--stop"])
                    return passed, 1
                passed += 1
        return passed, 0

    def suite_tidy(self, log):
        """With --full also clang-tidy over the product; the quick rules are meson tests."""
        if not self.full:
            return 0, 0
        folder = self.build + "-asan"
        self.need_build(folder, "clang", ["-Dsanitize=address,undefined", "-Db_lundef=false"])
        code, _ = log.run(["run-clang-tidy", "-quiet", "-p", folder, re.escape(ROOT) + r"/(broker|controller|common|cli)/.*\.c$"])
        return (0, 1) if code else (1, 0)


def script_of(name):
    path = os.path.join(ROOT, "tests", name, "run")
    return path if os.access(path, os.X_OK) else None


def available(groups):
    """The suites that exist, in their order; `groups` are the meson suites of the plain build."""
    scripts = {d for d in os.listdir(os.path.join(ROOT, "tests")) if script_of(d)}
    composed = {"asan"} | ({"tsan"} if "thread" in groups else set())
    if os.path.exists(os.path.join(ROOT, "broker", "main.c")):
        composed.add("quickstart")
    names = scripts | composed | (set(groups) - {"thread"})
    return [n for n in ORDER if n in names] + sorted(names - set(ORDER))


def run_suites(runner, names):
    passed = failed = 0
    for name in names:
        start = time.monotonic()
        log = Log(runner.logs, name)
        try:
            here = runner.suite(name, log)
        except Stop as stop:
            print(stop, flush=True)
            here = (0, 1)
        if here == (0, 0):
            print("%s: nothing ran" % name, flush=True)
            here = (0, 1)
        passed, failed = passed + here[0], failed + here[1]
        if here[1]:
            print("\n".join("  | " + line for line in log.tail()))
            print("%-12s FAILED; the whole log: %s" % (name, os.path.relpath(log.path, ROOT)))
        print("%-12s %5d passed, %d failed %8.1f s" % (name, *here, time.monotonic() - start), flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    hidden = argparse.SUPPRESS  # the text above tells it all
    parser.add_argument("suites", nargs="*", help=hidden)
    parser.add_argument("--full", action="store_true", help=hidden)
    parser.add_argument("--list", action="store_true", help=hidden)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help=hidden)
    args = parser.parse_args()
    start = time.monotonic()
    runner = Runner(os.path.abspath(args.build), args.full)
    try:
        names = available(runner.plain())
    except Stop as stop:
        print(stop)
        print("0 passed, 1 failed")
        return 1
    if args.list:
        print("\n".join(names))
        return 0
    unknown = [n for n in args.suites if n not in names]
    if unknown:
        print("run: no suite %s; there are: %s" % (", ".join(unknown), " ".join(names)), file=sys.stderr)
        return 2
    passed, failed = run_suites(runner, args.suites or names)
    print("%.1f s" % (time.monotonic() - start))
    print("%d passed, %d failed" % (passed, failed), flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

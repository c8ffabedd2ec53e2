#!/usr/bin/env python3
"""Lines and branches of the pure cores that the tests reach.

usage: tests/tools/coverage.py [--build DIR] [--seeds N] [--holes FOLDER]

Builds with gcc's coverage in DIR-coverage (default: build-coverage), runs the suites unit and golden and N seeds (60) of the
simulated cluster, and prints a table: for each core, lines and branches reached. Branches of assertions are left out: one of the
two is our bug. So is the way past all cases of a switch, where none is left or the default is an assertion: only compilers know it.
--holes FOLDER: the lines of that core that nothing reached, and those with a branch that nobody took, as the last run left them.
"""

import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORES = ["controller/raft", "controller/state", "broker/replica", "broker/group", "common/base", "common/wire", "common/meta",
         "common/config", "common/trace"]


def run(*command, check=True):
    subprocess.run(command, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def asserted(path):
    """The numbers of the lines that belong to an assertion."""
    lines, depth, inside = set(), 0, False
    with open(path) as f:
        for number, text in enumerate(f, 1):
            start = re.search(r"\bassert\(", text)
            if not inside and start:
                inside, depth = True, 0
                text = text[start.start():]
            if inside:
                lines.add(number)
                depth += text.count("(") - text.count(")")
                inside = depth > 0
    return lines


def exhausted(path):
    """The numbers of the lines where a switch begins that has a case for everything."""
    with open(path) as f:
        text = f.read()
    lines = set()
    for start in re.finditer(r"^([ ]*)switch \(", text, re.MULTILINE):
        body = text[start.start():text.index("\n%s}\n" % start.group(1), start.start())]
        other = re.search(r"\n%sdefault:\s*(.*)" % start.group(1), body)
        if other is None or other.group(1).startswith("assert("):
            lines.add(text.count("\n", 0, start.start()) + 1)
    return lines


def gcov(folder):
    """source -> line -> [hits, branches]; branches: list of counts"""
    files = {}
    for where, _, names in os.walk(folder):
        for name in names:
            if not name.endswith(".gcda") or os.path.relpath(where, folder).startswith("tests"):
                continue
            out = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", os.path.join(where, name)],
                                 cwd=folder, capture_output=True)
            for text in out.stdout.decode("utf-8", "replace").splitlines():
                if text.startswith("{"):
                    take(files, json.loads(text), folder)
    return files


def take(files, data, folder):
    for entry in data["files"]:
        path = os.path.relpath(os.path.normpath(os.path.join(data.get("current_working_directory", folder), entry["file"])), ROOT)
        lines = files.setdefault(path, {})
        for line in entry["lines"]:
            known = lines.setdefault(line["line_number"], [0, []])
            known[0] += line["count"]
            counts = [b["count"] for b in line["branches"]]
            if len(counts) == len(known[1]):
                known[1] = [a + b for a, b in zip(known[1], counts)]
            elif sum(c > 0 for c in counts) >= sum(c > 0 for c in known[1]):
                known[1] = counts


def figures(files, core, holes):
    reached = total = taken = ways = 0
    for path, lines in sorted(files.items()):
        if os.path.dirname(path) != core or not path.endswith(".c"):
            continue
        skip, full = asserted(os.path.join(ROOT, path)), exhausted(os.path.join(ROOT, path))
        for number, (hits, branches) in sorted(lines.items()):
            total, reached = total + 1, reached + (hits > 0)
            counts = [] if number in skip else list(branches)
            if number in full and 0 in counts:
                counts.remove(0)
            ways, taken = ways + len(counts), taken + sum(c > 0 for c in counts)
            if holes and not hits:
                print("%s:%d: never" % (path, number))
            elif holes and any(c == 0 for c in counts):
                print("%s:%d: %d of %d branches" % (path, number, sum(c > 0 for c in counts), len(counts)))
    return reached, total, taken, ways


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    hidden = argparse.SUPPRESS  # the text above tells it all
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help=hidden)
    parser.add_argument("--seeds", type=int, default=60, help=hidden)
    parser.add_argument("--holes", help=hidden)
    args = parser.parse_args()
    folder = args.build + "-coverage"
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        run("meson", "setup", folder, ROOT, "-Db_coverage=true", "-Doptimization=0", "-Dwerror=false")
    run("ninja", "-C", folder)
    if not args.holes:
        for where, _, names in os.walk(folder):
            for name in names:
                if name.endswith(".gcda"):
                    os.unlink(os.path.join(where, name))
        run("meson", "test", "-C", folder, "--suite", "unit", "--suite", "golden", "--timeout-multiplier", "10", check=False)
        run(os.path.join(ROOT, "tests", "golden", "run"), "--build", folder, check=False)
        for seed in range(1, args.seeds + 1):
            run(os.path.join(folder, "tests", "sim", "odradek-sim"), "--seed", str(seed), check=False)
    files = gcov(folder)
    sums = [0, 0, 0, 0]
    print("| core | lines | branches |\n|---|---|---|")
    for core in CORES:
        row = figures(files, core, args.holes == core)
        sums = [a + b for a, b in zip(sums, row)]
        if row[1]:
            print("| %s | %.1f %% of %d | %.1f %% of %d |" % (core, 100 * row[0] / row[1], row[1], 100 * row[2] / max(row[3], 1), row[3]))
    print("| all | %.1f %% of %d | %.1f %% of %d |" % (100 * sums[0] / max(sums[1], 1), sums[1], 100 * sums[2] / max(sums[3], 1), sums[3]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

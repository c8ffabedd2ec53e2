#!/usr/bin/env python3
"""tidy: the rules of the house, checked.

usage: tools/tidy.py [ROOT]                          rules of the source tree
       tools/tidy.py [ROOT] --archives BUILD_DIR     symbols of the archives of a plain -O2 gcc build

Prints `path:line: rule: sentence` for each finding and exits 1; prints one line of figures and exits 0 when clean.
--archives exits 77 (skipped) when the build directory is of another kind. The rules and their limits stand in
tools/tidylib/house.py, their reasons in docs/CONTRIBUTING.md.
"""

import argparse
import os
import sys
import time

sys.dont_write_bytecode = True
from tidylib import archives, arrows, habits, sizes  # noqa: E402
from tidylib.tree import Tree  # noqa: E402

EXIT_SKIPPED = 77


def report(findings, summary):
    for finding in sorted(findings, key=lambda f: (f.path, f.line, f.rule)):
        print(finding)
    if findings:
        print("tidy: %d finding%s" % (len(findings), "" if len(findings) == 1 else "s"))
        return 1
    print(summary)
    return 0


def check_tree(root):
    start = time.monotonic()
    tree = Tree(root)
    figures = sizes.Figures()
    findings = [*arrows.check(tree), *habits.check(tree), *sizes.check(tree, figures)]
    shares = ", ".join(
        "%s %.0f" % ("product" if folder == "all" else folder, 1000 * asserts / lines)
        for folder, (asserts, lines) in figures.density.items()
        if lines
    )
    return report(findings, "tidy: clean in %.1f s: %d C files, %d lines, median %d; %d functions, 90 %% have at most %d lines;"
                  " assertions per 1,000 lines: %s" % (time.monotonic() - start, figures.files, figures.lines, figures.median,
                                                       figures.functions, figures.usual, shares or "none yet"))


def check_archives(build):
    reason = archives.why_not(build)
    if reason:
        print("tidy: archives of %s skipped: %s" % (build, reason))
        return EXIT_SKIPPED
    return report(list(archives.check(build)), "tidy: archives of %s are clean" % build)


def main():
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser = argparse.ArgumentParser(usage="tools/tidy.py [ROOT] [--archives BUILD_DIR]")
    parser.add_argument("root", nargs="?", default=here)
    parser.add_argument("--archives", metavar="BUILD_DIR")
    args = parser.parse_args()
    return check_archives(args.archives) if args.archives else check_tree(args.root)


if __name__ == "__main__":
    sys.exit(main())

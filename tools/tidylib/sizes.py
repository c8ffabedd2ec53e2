"""Rules about the whole: sizes of files and functions, density of assertions."""

import ast

from . import house
from .tree import Finding, is_product, is_size_exempt, within


def percentile(values, share):
    """The smallest value that at least this share of all values does not exceed."""
    ordered = sorted(values)
    index = -(-len(ordered) * share // 1) - 1
    return ordered[max(0, int(index))] if ordered else 0


class Figures:
    """What the summary line tells; filled by check()."""

    def __init__(self):
        self.files = self.lines = 0
        self.median = self.functions = self.usual = 0
        self.density = {}  # folder or "all" -> (asserts, lines)


def check(tree, figures):
    yield from files(tree, figures)
    yield from functions(tree, figures)
    yield from python_functions(tree)
    yield from density(tree, figures)


def files(tree, figures):
    sizes = []
    for path, text in tree.texts.items():
        if is_size_exempt(path) or path.endswith(".md") or path == "LICENSE":
            continue
        lines = text.count("\n")
        if path in tree.c:
            sizes.append((lines, path))
        if lines > house.FILE_LINES_MAX:
            yield Finding(path, lines, "file-size", "%d lines; %d is the end. Split it by what changes together."
                          % (lines, house.FILE_LINES_MAX))
    figures.files, figures.lines = len(sizes), sum(lines for lines, _ in sizes)
    figures.median = percentile([lines for lines, _ in sizes], 0.5)
    if figures.median > house.FILE_LINES_MEDIAN:
        longest = max(sizes)
        yield Finding(longest[1], longest[0], "file-median", "half of the C files are longer than %d lines; split some,"
                      " this one is the longest." % house.FILE_LINES_MEDIAN)


def functions(tree, figures):
    sizes = []
    for path, source in tree.c.items():
        if is_size_exempt(path):
            continue
        for f in source.functions:
            sizes.append((f.lines, path, f.first, f.name))
            if f.lines > house.FUNCTION_LINES_MAX:
                yield Finding(path, f.first, "function-size", "%s has %d lines; %d is the end. Name its parts."
                              % (f.name, f.lines, house.FUNCTION_LINES_MAX))
    figures.functions = len(sizes)
    figures.usual = percentile([s[0] for s in sizes], house.FUNCTION_USUAL_SHARE)
    if figures.usual > house.FUNCTION_LINES_USUAL:
        lines, path, first, name = max(sizes)
        yield Finding(path, first, "function-share", "fewer than %d %% of the functions have at most %d lines; %s is the"
                      " longest with %d." % (house.FUNCTION_USUAL_SHARE * 100, house.FUNCTION_LINES_USUAL, name, lines))


def python_functions(tree):
    for path, text in tree.texts.items():
        if not (path.endswith(".py") or text.startswith("#!/usr/bin/env python3") or text.startswith("#!/usr/bin/python3")):
            continue
        try:
            nodes = list(ast.walk(ast.parse(text)))
        except SyntaxError as e:
            yield Finding(path, e.lineno or 1, "function-size", "Python cannot read this file: %s." % e.msg)
            continue
        for node in nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = node.end_lineno - node.lineno + 1
                if lines > house.FUNCTION_LINES_MAX:
                    yield Finding(path, node.lineno, "function-size", "%s has %d lines; %d is the end. Name its parts."
                                  % (node.name, lines, house.FUNCTION_LINES_MAX))


def density(tree, figures):
    """Assertions per 1,000 lines of .c, as wc -l counts them: over the product, and over each core."""
    product = [s for p, s in tree.c.items() if is_product(p) and p.endswith(".c") and not is_size_exempt(p)]
    figures.density["all"] = count(product)
    for core in house.CORES:
        figures.density[core] = count([s for s in product if within(s.path, core)])
    for folder, (asserts, lines) in figures.density.items():
        wanted = house.ASSERTS_PER_1000 if folder == "all" else house.ASSERTS_PER_1000_CORE
        missing = -(-lines * wanted // 1000) - asserts
        if lines >= house.DENSITY_FROM_LINES and missing > 0:
            poorest = min(product if folder == "all" else [s for s in product if within(s.path, folder)],
                          key=lambda s: s.asserts - s.lines * wanted / 1000)
            yield Finding(poorest.path, 1, "assert-density", "%s: %d assertions in %d lines, %d more are owed (%d per 1,000);"
                          " this file owes most." % ("product" if folder == "all" else folder, asserts, lines, missing, wanted))


def count(sources):
    return sum(s.asserts for s in sources), sum(s.lines for s in sources)

"""Finds the files of the house and says which room each lies in."""

import os

from . import house
from .source import Source

SKIPPED_DIRS = frozenset((".git", ".cache", "__pycache__", "data", "node_modules", "target"))
TEXT_ENDINGS = (".c", ".h", ".py", ".sh", ".md", ".build", ".txt", ".proto", ".kmsg", ".properties", ".java", ".yml", ".xml")


class Finding:
    """One broken rule at one place."""

    def __init__(self, path, line, rule, sentence):
        self.path, self.line, self.rule, self.sentence = path, line, rule, sentence

    def __str__(self):
        return "%s:%d: %s: %s" % (self.path, self.line, self.rule, self.sentence)


class Tree:
    """All text files under a root: `c` holds parsed C files, `texts` every file's text, both by relative path."""

    def __init__(self, root):
        self.root = root
        self.texts = {}
        self.c = {}
        for path in sorted(self._paths()):
            with open(os.path.join(root, path), "rb") as f:
                raw = f.read()
            if b"\0" in raw[:4096]:
                continue
            text = raw.decode("utf-8", "replace")
            self.texts[path] = text
            if path.endswith((".c", ".h")):
                self.c[path] = Source(path, text)

    def _paths(self):
        for folder, dirs, files in os.walk(self.root):
            here = os.path.relpath(folder, self.root)
            dirs[:] = [d for d in dirs if d not in SKIPPED_DIRS and not (here == "." and d.startswith("build"))]
            for name in files:
                path = os.path.normpath(os.path.join(here, name)).replace(os.sep, "/")
                if name.endswith(TEXT_ENDINGS) or self._is_script(path):
                    yield path

    def _is_script(self, path):
        """Programs without an ending: tests/run, deploy/quickstart."""
        if "." in os.path.basename(path):
            return False
        full = os.path.join(self.root, path)
        return os.path.isfile(full) and not os.path.islink(full) and os.path.getsize(full) < 1 << 20


def within(path, folder):
    return path == folder or path.startswith(folder + "/")


def room(path):
    """The row of the arrow table that a file belongs to: the longest that fits, or None."""
    best = None
    for folder in house.ARROWS:
        if within(path, folder) and (best is None or len(folder) > len(best)):
            best = folder
    return best


def is_product(path):
    return path.split("/", 1)[0] in house.PRODUCT and "/" in path


def is_pure(path):
    return any(within(path, folder) for folder in house.PURE)



def is_size_exempt(path):
    """Tables, protocol definitions, vectors and golden text may be as long as they are."""
    parts = path.split("/")
    return (
        path.endswith(("_table.h", "_table.c", ".kmsg", ".txt"))
        or "golden" in parts[:-1]
        or "vectors" in parts[:-1]
    )

"""Rules about single lines: calls, goto, mutable data, header comments, promises, machine paths."""

import re

from . import house
from .source import mutable_object
from .tree import Finding, is_product, is_pure, is_size_exempt, within

# Written in pieces, so that this file does not accuse itself.
PROMISE = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE = re.compile(r"(?<![\w.])/(?:wo" r"rk|ro" r"ot|ho" r"me)(?:/|\b)|\.py" r"env\b|\bsha" r"red/(?:DESIGN|reference|peer)")
CONTRACT_CHARS_MIN = 40


def check(tree):
    for path, source in tree.c.items():
        yield from calls(path, source)
        for line in source.gotos:
            yield Finding(path, line, "goto", "leave by return; clean up by arena or by the cleanup attribute.")
        if is_product(path):
            yield from data(path, source)
            if path.endswith(".h"):
                yield from contract(path, source)
    for path, text in tree.texts.items():
        if not is_size_exempt(path):
            yield from marks(path, text)


def calls(path, source):
    product, pure = is_product(path), is_pure(path)
    outside = any(within(path, r) for r in house.OUTSIDE_ROOMS)
    for line, name in source.calls:
        if name in house.BANNED_EVERYWHERE:
            yield Finding(path, line, "banned-call", "%s is not used here: %s." % (name, house.BANNED_EVERYWHERE[name]))
        elif pure and name in house.PURE_ONLY_CALLS:
            yield Finding(path, line, "pure-call", "%s in a pure folder: take memory from an arena or a heap and use only"
                          " snprintf, mem* and str*." % name)
        elif product and not outside and name in house.OUTSIDE_CALLS:
            rule = "pure-call" if pure else "door-call"
            yield Finding(path, line, rule, "%s reaches outside; %s." % (
                name, "let it arrive as an event" if pure else "go through common/port, so that the simulator can stand there"))


def data(path, source):
    if within(path, house.HOST):
        return
    for kind, found in (("file-scope", source.data), ("static local", source.locals)):
        for line, tokens in found:
            name = mutable_object(tokens)
            if name is not None:
                yield Finding(path, line, "mutable-data", "%s object %s can change; make it static const or a member of the"
                              " node's struct (N nodes run in one process)." % (kind, name))


def contract(path, source):
    text = source.text.lstrip()
    end = text.find("*/")
    words = re.sub(r"[\s*/=-]+", " ", text[: end if end >= 0 else 0]).strip()
    if not text.startswith("/*") or len(words) < CONTRACT_CHARS_MIN:
        yield Finding(path, 1, "header-comment", "begin with a comment that states the contract: format, units, ownership,"
                      " errors, where the rule comes from.")


def marks(path, text):
    for m in PROMISE.finditer(text):
        yield Finding(path, text.count("\n", 0, m.start()) + 1, "promise",
                      "%s: do it now, or write an issue." % m.group())
    for m in MACHINE.finditer(text):
        yield Finding(path, text.count("\n", 0, m.start()) + 1, "machine-path",
                      "%s exists on one machine only; name something every clone has." % m.group())

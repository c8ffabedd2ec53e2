"""Rules about archives: which symbols pure ones may need, and that no product archive holds data that can change.

Meant for a plain -O2 gcc build: sanitizers, clang and -O0 bring symbols of their own.
"""

import glob
import json
import os
import subprocess

from . import house
from .tree import Finding, is_pure, within

MUTABLE_SECTIONS = (".data", ".bss", ".tdata", ".tbss", "*COM*")


def why_not(build):
    """A sentence why this build directory cannot be judged, or None."""
    try:
        with open(os.path.join(build, "meson-info", "intro-buildoptions.json")) as f:
            options = {o["name"]: o["value"] for o in json.load(f)}
        with open(os.path.join(build, "compile_commands.json")) as f:
            commands = [c["command"] for c in json.load(f)]
    except (OSError, ValueError) as e:
        return "it is no configured meson build directory (%s)" % e
    if options.get("sanitize") or options.get("b_sanitize", "none") != "none" or options.get("b_coverage"):
        return "it is built with sanitizers or coverage"
    if options.get("optimization") not in ("2", "3", "s"):
        return "it is built with -O%s" % options.get("optimization")
    if commands and "clang" in os.path.basename(commands[0].split()[1 if "ccache" in commands[0].split()[0] else 0]):
        return "it is built with clang"
    return None


class Member:
    """One object file of an archive: the names it needs, gives, and its objects in writable sections."""

    def __init__(self, archive, name):
        self.archive, self.name = archive, name
        self.needs, self.gives, self.mutable = [], [], []


def read(build, archive):
    """The members of build/archive, from objdump's symbol table."""
    out = subprocess.run(["objdump", "-t", archive], cwd=build, capture_output=True, text=True, check=True).stdout
    members = []
    for line in out.splitlines():
        if ":     file format" in line:
            members.append(Member(archive, line.split(":     ")[0]))
        elif members and len(line) > 17 and "\t" in line:
            symbol(members[-1], line)
    return members


def symbol(member, line):
    """One line of objdump -t: value, seven flag letters, section, tab, size, name."""
    left, right = line.split("\t", 1)
    section = left.split()[-1]
    name = right.split()[-1]
    flags = left[17:24]
    if section == "*UND*":
        member.needs.append(name)
    elif "g" in flags or "w" in flags or "u" in flags:
        member.gives.append(name)
    writable = any(section == s or section.startswith(s + ".") for s in MUTABLE_SECTIONS)
    if writable and not section.startswith(".data.rel.ro") and "d" not in flags:  # d: the section itself
        member.mutable.append((name, section))


def check(build):
    paths = sorted(os.path.relpath(p, build) for p in glob.glob(os.path.join(build, "**", "*.a"), recursive=True))
    members = [m for p in paths if p.split("/")[0] in house.PRODUCT for m in read(build, p)]
    generated = [m for m in members if within(m.archive, "proto")]
    protobuf = [m for m in generated if any(is_protobuf(name) for name in m.needs)]
    proto = {name for m in protobuf for name in m.gives}
    tables = [m for m in generated if m not in protobuf]  # descriptors of Kafka's messages: data only
    given = {name for m in members if is_pure(m.archive) or m in tables for name in m.gives}
    for m in members:
        if not within(m.archive, house.HOST):
            yield from mutable(m)
        if is_pure(m.archive):
            yield from needs(m, given, proto)


def is_protobuf(name):
    return name.startswith("protobuf_c_")


def mutable(member):
    for name, section in member.mutable:
        yield Finding(member.archive, 0, "mutable-data", "%s holds %s in %s; make it const or a member of the node's struct."
                      % (member.name, name, section))


def needs(member, given, proto):
    codec = within(member.archive, "common/meta") and "codec" in member.name
    for name in member.needs:
        if name in given or name in house.PURE_SYMBOLS:
            continue
        if codec and (name in proto or is_protobuf(name)):
            continue
        yield Finding(member.archive, 0, "pure-symbol", "%s needs %s, which no pure archive gives and which is not on the"
                      " list of allowed C functions." % (member.name, name))

"""Rule `arrow`: who may include whom, from the table in house.py."""

from . import house
from .tree import Finding, is_product, is_pure, room, within


def check(tree):
    for path, source in tree.c.items():
        if not is_product(path):
            continue
        mine = room(path)
        if mine is None:
            yield Finding(path, 1, "arrow", "this folder has no row in the arrow table; add one to tools/tidylib/house.py"
                          " and to docs/ARCHITECTURE.md, or move the file.")
            continue
        if path == "common/base/pure.h":  # it includes the world in order to poison it
            continue
        for line, name, is_system in source.includes:
            sentence = system(path, mine, name) if is_system else own(tree, path, mine, name)
            if sentence:
                yield Finding(path, line, "arrow", sentence)


def system(path, mine, name):
    """What is wrong with <name> here, or None."""
    first = name.split("/")[0]
    if first in house.LIBRARY_HEADERS:
        rooms = house.LIBRARY_HEADERS[first]
        if any(within(path, r) for r in rooms):
            return None
        return "<%s> may be known in %s only; go through a header there." % (name, " and ".join(rooms))
    if name.endswith(".h") and name[:-2] in house.C_HEADERS:
        return None
    if mine in house.OS_HEADER_ROOMS and not is_pure(path):
        return None
    return "<%s> reaches the operating system or an unknown library; go through common/port, or list it in" \
        " tools/tidylib/house.py." % name


def own(tree, path, mine, name):
    """What is wrong with "name" here, or None."""
    first = name.split("/")[0]
    if first == "kmsg" or (first == "proto" and name not in tree.c):
        return None if first in house.ARROWS[mine] else \
            '"%s" is a generated header that %s may not include (docs/ARCHITECTURE.md).' % (name, mine)
    if name not in tree.c:
        return 'no file "%s" at the root of the tree; write includes from the root.' % name
    if name == house.LOCK and mine not in house.LOCK_ROOMS:
        return "locks make monitors and belong in %s only." % ", ".join(house.LOCK_ROOMS[:3])
    theirs = room(name)
    if theirs == mine or theirs == "common/base":
        return None
    if name in house.ARROWS[mine] or theirs in house.ARROWS[mine]:
        return None
    return "%s may not include %s; see the arrow table in docs/ARCHITECTURE.md." % (mine, theirs or name)

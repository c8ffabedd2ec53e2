"""Planted mistakes that tools/kmsgc.py must find, each with a piece of what it says."""
import os, sys, tempfile

import ours  # noqa: F401  (puts tools/ on the path)
import kmsgc

GOOD = """# Says something.
api 7 thing   versions 1..5   flexible 3..   advertise 0..
request
    name     string?2..  = null
    parts    [part]
        id   i32  = -1
        at   {at}   3..  tag 0
            where  i64
    others   [part2]  2..
    struct part2
        id   i16
# Answers.
response
    code  i16
"""

# (what is planted, text to replace, replacement, a piece of the sentence)
PLANTED = [
    ("a tab", "    code  i16", "\tcode  i16", "four blanks"),
    ("an indent of three", "    code  i16", "   code  i16", "four blanks"),
    ("an unknown type", "    code  i16", "    code  i17", "no type"),
    ("an unknown attribute", "    code  i16", "    code  i16  often", "not known"),
    ("a keyword of C", "    code  i16", "    default  i16", "no field name"),
    ("a field twice", "    code  i16", "    code  i16\n    code  i32", "twice"),
    ("a struct that is not there", "[part2]  2..", "[part3]  2..", "not there"),
    ("a struct that nobody uses", "    others   [part2]  2..\n", "", "unused struct"),
    ("a struct twice", "    struct part2", "    struct part", "there already"),
    ("a tag before flexible versions", "3..  tag 0", "2..  tag 0", "flexible versions"),
    ("null as the default of a number", "i32  = -1", "i32  = null", "null"),
    ("a number that may be null", "i32  = -1", "i32?", "cannot be null"),
    ("a default out of range", "    code  i16", "    code  i16  = 40000", "does not fit"),
    ("a field of no served version", "    code  i16", "    code  i16  7..", "no version"),
    ("a message without a comment", "# Answers.\n", "", "comment"),
    ("no versions", "   versions 1..5", "", "versions"),
    ("a private tag in an official file", "tag 0", "tag 10000", "private"),
    ("an indent without an owner", "    code  i16", "            code  i16", "no owner"),
    ("a response of other versions", "response\n", "response  versions 1..4\n", "differ"),
    ("no response", "# Answers.\nresponse\n    code  i16\n", "", "needs"),
]
EXTEND = "extend thing_request.part\n    extra  i64  = -1  3..  tag 10000\n"
PLANTED_PRIVATE = [
    ("an official tag in the private file", "10000", "9", "private"),
    ("a private field without a tag", "  tag 10000", "", "private"),
    ("an extension of no struct", "request.part", "request.party", "no such struct"),
    ("a private name that is taken", "extra", "id", "taken"),
]


def compile_text(folder, text, private):
    """What the compiler says: '' when it is content."""
    paths = [os.path.join(folder, name) for name in ("thing.kmsg", "private.kmsg", "thing.h", "table.c")]
    for path, content in zip(paths, (text, private)):
        with open(path, "w") as f:
            f.write(content)
    try:
        apis, messages = kmsgc.load(paths[:1], paths[1])
        kmsgc.emit_header(messages, paths[2])
        kmsgc.emit_table(apis, messages, ["thing"], paths[3])
    except kmsgc.KmsgError as error:
        return str(error)
    return ""


def run():
    """(name, what is wrong or '') of every case"""
    with tempfile.TemporaryDirectory() as folder:
        yield "a good file compiles", compile_text(folder, GOOD, EXTEND)
        table = open(os.path.join(folder, "table.c")).read()
        yield "its private field is marked", "" if "10000, KMSG_I64, 0, KMSG_PRIVATE, 3, 255, 255" in table else table
        yield "its range is told", "" if '{7, "Thing", 1, 5, 0, 3,' in table else table
        cases = [(p, GOOD, EXTEND, 0) for p in PLANTED] + [(p, GOOD, EXTEND, 1) for p in PLANTED_PRIVATE]
        for (name, old, new, said), good, extend, private in cases:
            texts = [good, extend]
            if texts[private].count(old) == 0:
                yield name, f"the case is stale: no '{old}'"
                continue
            texts[private] = texts[private].replace(old, new, 1)
            sentence = compile_text(folder, *texts)
            yield f"finds {name}", "" if said in sentence else f"said '{sentence}'"


if __name__ == "__main__":
    wrong = [f"{name}: {sentence}" for name, sentence in run() if sentence]
    print("\n".join(wrong) or "ok")
    sys.exit(bool(wrong))

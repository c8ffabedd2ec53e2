#!/usr/bin/env python3
"""Compiles Kafka message definitions (proto/kafka/*.kmsg) into C structs and tables.

    kmsgc.py header FILE.kmsg PRIVATE.kmsg OUT.h     structs and typed helpers of one file
    kmsgc.py table  OUT.c FILE.kmsg... PRIVATE.kmsg  the tables of all files (private.kmsg last)

The notation. A line is one field; deeper indent (four blanks) means "inside"; `#` begins a comment.

    # Comment lines before a message go into the generated header.
    api 0 produce   versions 3..13   flexible 9..   advertise 0..
    request
        acks            i16
        topic_data      [topic]
            name        string          ..12  drop
            topic_id    uuid            13..  drop
    response
        ...
    record 1 offset_commit              a record of an internal topic: type number and name
    key   versions 0
    value versions 0..4   flexible 4..
    data voters_record   versions 0   flexible 0..      anything that stands alone; `data 3 name` if it has a number

    field  type  attributes in any order:
        5..   ..12   7..9   8      versions that have the field; none: all
        = -1   = null   = ""       default; none: 0, false, empty
        tag 0                      a tagged field (flexible versions only)
        drop                       left out silently where the version lacks it
    types:  bool i8 i16 u16 i32 u32 i64 f64 uuid string bytes records
            [x] array, {x} struct, where x is a simple type or the name of a struct whose fields follow indented;
            an x without fields below refers to `struct x` (fields indented) beside the message's own fields
            ?  after the type: may be null;  ?7..  may be null from version 7

    extend fetch_request.partition      private.kmsg only: further fields of a struct of an official message

`versions a..b` are the versions served, `flexible n..` the first with compact lengths and tags (none: never), `advertise`
what ApiVersions tells when it differs from what is served. A field may be told null from the version its own begins.
"""
import re
import sys

SIMPLE = {  # type -> (C type, C type of its array, size on the wire at least)
    "bool": ("bool", None), "i8": ("int8_t", "kmsg_i8_array"), "i16": ("int16_t", "kmsg_i16_array"),
    "u16": ("uint16_t", None), "i32": ("int32_t", "kmsg_i32_array"), "u32": ("uint32_t", None),
    "i64": ("int64_t", "kmsg_i64_array"), "f64": ("double", None), "uuid": ("struct uuid", "kmsg_uuid_array"),
    "string": ("struct slice", "kmsg_string_array"), "bytes": ("struct slice", None),
    "records": ("struct kmsg_records", None),
}
NEVER = 255
FLEXIBLE_NEVER = 32767
PRIVATE_TAG_MIN = 10000
DEPTH_MAX = 8  # KMSG_DEPTH_MAX of common/base/limits.h
KEYWORDS = set("""auto break case char const continue default do double else enum extern float for goto if inline int long
register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool""".split())


class KmsgError(Exception):
    pass


class Field:
    def __init__(self, name, where):
        self.name, self.where = name, where
        self.base = None           # simple type, or the name of a struct
        self.array = False
        self.nullable = False
        self.null_since = None     # None: from the field's own first version
        self.since, self.until = 0, NEVER
        self.tag = -1
        self.default = None        # text after '=', None when there is none
        self.drop = False
        self.private = False
        self.shape = None          # Shape, when base is the name of a struct
        self.comment = ""


class Shape:
    """A struct: the message itself, or one inside it."""

    def __init__(self, name, c_name):
        self.name, self.c_name, self.fields = name, c_name, []

    def wire_order(self):
        untagged = [f for f in self.fields if f.tag < 0]
        return untagged + sorted((f for f in self.fields if f.tag >= 0), key=lambda f: f.tag)


class Message:
    def __init__(self, name, kind, ident, comment):
        self.name, self.kind, self.id, self.comment = name, kind, ident, comment
        self.min = self.max = 0
        self.flexible = FLEXIBLE_NEVER
        self.shapes = {}  # name -> Shape, the children before their parents
        self.shape = Shape("", "kmsg_" + name)

    def order(self):
        return list(self.shapes.values()) + [self.shape]

    def official_name(self):
        return camel(self.name)


class Api:
    def __init__(self, key, name, comment):
        self.key, self.name, self.comment = key, name, comment
        self.request = self.response = None
        self.advertised_min = None


def camel(name):
    return "".join({"kraft": "KRaft"}.get(p, p[:1].upper() + p[1:]) for p in name.split("_"))


def parse_range(text, top):
    """'5..' '..12' '7..9' '8' -> (first, last)"""
    m = re.fullmatch(r"(\d*)\.\.(\d*)", text)
    if m:
        return int(m.group(1) or 0), int(m.group(2)) if m.group(2) else top
    return int(text), int(text)


class Parser:
    def __init__(self, path):
        self.path = path
        self.apis, self.messages, self.extensions = [], [], []
        self.comment = []
        self.stack = []      # (indent, Shape) the lines that follow may belong to
        self.message = None
        self.api = self.record = None
        self.number = 0

    def fail(self, what):
        raise KmsgError(f"{self.path}:{self.number}: {what}")

    def parse(self):
        with open(self.path, encoding="ascii") as f:
            for self.number, line in enumerate(f, 1):
                self.line(line.rstrip("\n"))
        for m in self.messages:
            self.finish(m)
        return self

    def line(self, line):
        text, _, remark = line.partition("#")
        if not text.strip():
            if line.startswith("#"):
                self.comment.append(remark.strip())
            elif not line.strip():
                self.comment = []
            return
        indent = len(text) - len(text.lstrip())
        if indent % 4 or "\t" in text:
            self.fail("indent with four blanks")
        words = text.split()
        if indent == 0:
            self.head(words)
            self.comment = []
        else:
            self.field_line(indent, words, remark.strip())

    def head(self, words):
        comment = " ".join(self.comment)
        word = words[0]
        if word == "api":
            self.api = Api(int(words[1]), words[2], comment)
            self.api.attributes = self.attributes(words[3:])
            self.record = None
            self.apis.append(self.api)
        elif word in ("request", "response") and self.api:
            m = self.start(Message(f"{self.api.name}_{word}", word, self.api.key, comment))
            self.apply(m, {**self.api.attributes, **self.attributes(words[1:])})
            setattr(self.api, word, m)
        elif word == "record":
            self.record, self.api = (int(words[1]), words[2]), None
        elif word in ("key", "value") and self.record:
            m = self.start(Message(f"{self.record[1]}_{word}", word, self.record[0], comment))
            self.apply(m, self.attributes(words[1:]))
        elif word == "data":
            ident, rest = (int(words[1]), words[2:]) if words[1].isdigit() else (-1, words[1:])
            m = self.start(Message(rest[0], "data", ident, comment))
            self.apply(m, self.attributes(rest[1:]))
        elif word == "extend":
            m = Message("", "extend", -1, comment)
            m.target = words[1]
            self.extensions.append(self.start_with(m))
        else:
            self.fail(f"'{word}' is not known here")

    def start(self, message):
        if message.kind == "request" and not message.comment:
            message.comment = self.api.comment
        if not message.comment:
            self.fail(f"{message.name}: a comment line says what a message is for")
        self.messages.append(message)
        return self.start_with(message)

    def start_with(self, message):
        self.message = message
        self.stack = [(4, message.shape)]
        return message

    def attributes(self, words):
        found = {}
        for name, value in zip(words[::2], words[1::2]):
            if name not in ("versions", "flexible", "advertise"):
                self.fail(f"attribute '{name}' is not known")
            found[name] = value
        if len(words) % 2:
            self.fail("an attribute has no value")
        return found

    def apply(self, message, found):
        if "versions" not in found:
            self.fail("no versions")
        message.min, message.max = parse_range(found["versions"], None)
        if "flexible" in found:
            message.flexible = parse_range(found["flexible"], None)[0]
        if "advertise" in found:
            self.api.advertised_min = parse_range(found["advertise"], None)[0]

    def field_line(self, indent, words, remark):
        if not self.message:
            self.fail("a field outside of a message")
        while self.stack and self.stack[-1][0] > indent:
            self.stack.pop()
        if not self.stack or self.stack[-1][0] != indent:
            self.fail("this indent has no owner")
        if words[0] == "struct":
            if indent != 4 or len(words) != 2:
                self.fail("'struct name' stands beside the message's fields")
            self.stack.append((8, self.new_shape(words[1])))
            return
        field = self.field(words)
        field.comment = remark
        if any(f.name == field.name for f in self.stack[-1][1].fields):
            self.fail(f"{field.name} appears twice")
        self.stack[-1][1].fields.append(field)
        if field.base not in SIMPLE:
            self.stack.append((indent + 4, LazyShape(self, field)))

    def new_shape(self, name):
        if name in self.message.shapes or name in SIMPLE:
            self.fail(f"struct {name} is there already")
        shape = Shape(name, f"kmsg_{self.message.name}_{name}")
        self.message.shapes[name] = shape
        return shape

    def field(self, words):
        if len(words) < 2:
            self.fail("a field has a name and a type")
        field = Field(words[0], f"{self.path}:{self.number}")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", field.name) or field.name in KEYWORDS:
            self.fail(f"'{field.name}' is no field name")
        m = re.fullmatch(r"(\[(\w+)\]|\{(\w+)\}|(\w+))(\?(?:(\d+)\.\.)?)?", words[1])
        if not m:
            self.fail(f"'{words[1]}' is no type")
        field.base = m.group(2) or m.group(3) or m.group(4)
        field.array = m.group(2) is not None
        if m.group(4) and m.group(4) not in SIMPLE or m.group(3) in SIMPLE:
            self.fail(f"'{words[1]}' is no type")
        field.nullable = m.group(5) is not None
        field.null_since = int(m.group(6)) if m.group(6) else None
        rest = words[2:]
        while rest:
            word = rest.pop(0)
            if word == "=" and rest:
                field.default = rest.pop(0)
            elif word == "tag" and rest:
                field.tag = int(rest.pop(0))
            elif word == "drop":
                field.drop = True
            elif re.fullmatch(r"\d*\.\.\d*|\d+", word):
                field.since, field.until = parse_range(word, NEVER)
            else:
                self.fail(f"'{word}' is not known here")
        return field

    def finish(self, message):
        """Joins references with their structs and orders structs so that each stands behind those it uses."""
        done = {}

        def visit(shape, depth):
            if depth > DEPTH_MAX:
                raise KmsgError(f"{self.path}: {message.name} is nested deeper than {DEPTH_MAX}")
            for f in shape.fields:
                if f.base not in SIMPLE:
                    if f.base not in message.shapes:
                        raise KmsgError(f"{f.where}: struct {f.base} is not there")
                    f.shape = message.shapes[f.base]
                    visit(f.shape, depth + 1)
                check_field(message, f)
            done.setdefault(shape.name, shape)

        visit(message.shape, 1)
        unused = set(message.shapes) - set(done)
        if unused:
            raise KmsgError(f"{self.path}: {message.name}: unused struct {', '.join(sorted(unused))}")
        done.pop("")
        message.shapes = done


class LazyShape:
    """Fields below a field make its struct; without any it is a reference to one named elsewhere."""

    def __init__(self, parser, field):
        self.parser, self.field, self.shape = parser, field, None

    @property
    def fields(self):
        if self.shape is None:
            self.shape = self.parser.new_shape(self.field.base)
        return self.shape.fields


def check_field(message, f):
    def need(ok, what):
        if not ok:
            raise KmsgError(f"{f.where}: {f.name}: {what}")
    last = min(f.until, message.max)
    need(f.since <= last and last >= message.min, "no version served has it")
    need(f.tag < 0 or max(f.since, message.min) >= message.flexible, "tags need flexible versions")
    need(f.private == (f.tag >= PRIVATE_TAG_MIN), f"private fields have tags from {PRIVATE_TAG_MIN}, others have not")
    need(not f.array or f.base != "records", "no arrays of records")
    need(f.default != "null" or f.nullable, "null is no default here")
    need(not f.nullable or f.array or f.shape or f.base in ("string", "bytes", "records"), "cannot be null")
    if f.default is not None and not f.array and f.base in ("bool", "string", "bytes", "uuid", "f64"):
        need(f.default in {"bool": ("true", "false"), "string": ('""', "null"), "bytes": ('""', "null")}.get(f.base, ()),
             "such a default is not supported")


def extend(messages, extensions):
    """Adds the fields of private.kmsg to the structs that they name."""
    by_name = {m.name: m for m in messages}
    for e in extensions:
        name, _, struct = e.target.partition(".")
        if name not in by_name:
            continue
        message = by_name[name]
        shape = message.shapes.get(struct) if struct else message.shape
        if shape is None:
            raise KmsgError(f"extend {e.target}: no such struct")
        for f in e.shape.fields:
            f.private = True
            if any(g.name == f.name or g.tag == f.tag for g in shape.fields):
                raise KmsgError(f"{f.where}: {f.name}: name or tag is taken")
            check_field(message, f)
            shape.fields.append(f)


# ---- C ----

def c_type(message, f):
    if f.shape:
        struct = f"struct {f.shape.c_name}"
        return f"KMSG_ARRAY({struct})" if f.array else struct + (" *" if f.nullable else "")
    simple, array = SIMPLE[f.base]
    return (array or f"KMSG_ARRAY({simple})") if f.array else simple


def c_default(f):
    """The initialiser of a field in the table of defaults; None: zero."""
    if f.array:
        return "{.count = -1}" if f.default == "null" else None
    if f.shape:
        if not f.nullable:
            return c_initial(f.shape)
        return None if f.default == "null" else f"(struct {f.shape.c_name} *)&{f.shape.c_name}_initial"
    if f.base in ("string", "bytes"):
        return None if f.default == "null" else '{(const uint8_t *)"", 0}'
    if f.base in ("records", "uuid", "f64") or f.default in (None, "0", "false"):
        return None
    if f.default == "true":
        return "true"
    value = int(f.default, 0)
    bits = int(f.base[1:])
    low, high = (0, 2 ** bits - 1) if f.base[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if not low <= value <= high:
        raise KmsgError(f"{f.where}: {f.name}: the default does not fit")
    return {-2 ** 63: "INT64_MIN", -2 ** 31: "INT32_MIN"}.get(value, str(value))


def c_initial(shape):
    parts = [f".{f.name} = {c_default(f)}" for f in shape.fields if c_default(f) is not None]
    return "{" + ", ".join(parts) + "}" if parts else "{0}"


def version_text(f):
    if (f.since, f.until) == (0, NEVER):
        return ""
    return f"{f.since or ''}..{'' if f.until == NEVER else f.until}" if f.since != f.until else str(f.since)


def field_note(f):
    notes = [version_text(f)]
    if f.nullable:
        notes.append("may be null" + (f" from {f.null_since}" if f.null_since is not None else ""))
    if f.tag >= 0:
        notes.append(f"tag {f.tag}")
    if f.default not in (None, "null"):
        notes.append(f"default {f.default}")
    notes.append(f.comment)
    text = "; ".join(n for n in notes if n)
    return f" /* {text} */" if text else ""


def emit_header(messages, out):
    name = re.sub(r"\W", "_", out.rsplit("/", 1)[-1]).upper()
    lines = ["/* Made by tools/kmsgc.py; do not edit. */", f"#ifndef ODRADEK_KMSG_{name}", f"#define ODRADEK_KMSG_{name}",
             "", '#include "common/wire/kmsg.h"', ""]
    for m in messages:
        lines.append(f"/* {m.comment} Versions {m.min}..{m.max}. */")
        for s in m.order():
            lines.append(f"struct {s.c_name} {{")
            for f in s.fields:
                kind = c_type(m, f)
                lines.append(f"    {kind}{'' if kind.endswith('*') else ' '}{f.name};{field_note(f)}")
            lines += ["};", ""]
        for s in m.order():
            lines.append(f"extern const struct kmsg_shape {s.c_name}_shape;")
        lines += [f"extern const struct kmsg_message kmsg_{m.name}_desc;", ""]
        for s in m.order():
            lines += [f"static inline void {s.c_name}_init(struct {s.c_name} *ret_struct)", "{",
                      f"    kmsg_init(&{s.c_name}_shape, ret_struct);", "}"]
            if s is not m.shape:
                lines += [f"static inline struct {s.c_name} *{s.c_name}_array(struct arena *arena, int32_t count)", "{",
                          f"    return (struct {s.c_name} *)kmsg_array_new(arena, &{s.c_name}_shape, count);", "}"]
            lines.append("")
    lines += ["#endif", ""]
    write(out, lines)


def row(m, s, f):
    kind = "STRUCT" if f.shape else f.base.upper()
    flags = [n for n, on in (("KMSG_DROP", f.drop), ("KMSG_NULLABLE", f.nullable), ("KMSG_PRIVATE", f.private),
                             ("KMSG_POINTER", f.nullable and f.shape and not f.array)) if on]
    null_since = NEVER if not f.nullable else f.null_since if f.null_since is not None else f.since
    return (f'    {{"{f.name}", {"&" + f.shape.c_name + "_shape" if f.shape else "NULL"}, '
            f'offsetof(struct {s.c_name}, {f.name}), {f.tag}, {"KMSG_ARRAY_OF" if f.array else "KMSG_" + kind}, '
            f'{"KMSG_" + kind if f.array else 0}, {" | ".join(flags) or 0}, {f.since}, {f.until}, {null_since}}},')


def emit_shape(m, s, lines):
    fields = s.wire_order()
    initial = f"{s.c_name}_initial"
    lines.append(f"static const struct {s.c_name} {initial} = {c_initial(s)};")
    if fields:
        lines.append(f"static const struct kmsg_field {s.c_name}_fields[] = {{")
        lines += [row(m, s, f) for f in fields]
        lines.append("};")
    lines.append(f'const struct kmsg_shape {s.c_name}_shape = {{"{s.name or m.name}", '
                 f'{s.c_name + "_fields" if fields else "NULL"}, &{initial}, sizeof(struct {s.c_name}), '
                 f"{len(fields)}, {sum(f.tag < 0 for f in fields)}}};")


def emit_table(apis, messages, files, out):
    lines = ["/* Made by tools/kmsgc.py; do not edit. */"]
    lines += [f'#include "kmsg/{name}.h"' for name in files] + [""]
    for m in messages:
        for s in m.order():
            emit_shape(m, s, lines)
        flexible = "INT16_MAX" if m.flexible == FLEXIBLE_NEVER else m.flexible
        lines += [f'const struct kmsg_message kmsg_{m.name}_desc = {{"{m.official_name()}", &kmsg_{m.name}_shape, '
                  f"KMSG_{m.kind.upper()}, {m.id}, {m.min}, {m.max}, {flexible}}};", ""]
    lines.append("const struct kmsg_api kmsg_apis[] = {")
    for a in sorted(apis, key=lambda a: a.key):
        r = a.request
        advertised = r.min if a.advertised_min is None else a.advertised_min
        flexible = "INT16_MAX" if r.flexible == FLEXIBLE_NEVER else r.flexible
        lines.append(f'    {{{a.key}, "{camel(a.name)}", {r.min}, {r.max}, {advertised}, {flexible}, '
                     f"&kmsg_{r.name}_desc, &kmsg_{a.response.name}_desc}},")
    lines += ["};", "const size_t kmsg_api_count = sizeof(kmsg_apis) / sizeof(kmsg_apis[0]);", "",
              "const struct kmsg_message *const kmsg_messages[] = {"]
    lines += [f"    &kmsg_{m.name}_desc," for m in messages]
    lines += ["};", "const size_t kmsg_message_count = sizeof(kmsg_messages) / sizeof(kmsg_messages[0]);", ""]
    write(out, lines)


def write(path, lines):
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join(lines))


def load(paths, private=None):
    """Parses .kmsg files -> (apis, messages), extended by the private file. For other tools too."""
    apis, messages = [], []
    for path in paths:
        parsed = Parser(path).parse()
        apis += parsed.apis
        messages += parsed.messages
        if parsed.extensions:
            raise KmsgError(f"{path}: extensions stand in private.kmsg")
    if private:
        extend(messages, Parser(private).parse().extensions)
    for a in apis:
        if not a.request or not a.response:
            raise KmsgError(f"api {a.name}: needs a request and a response")
        if (a.request.min, a.request.max, a.request.flexible) != (a.response.min, a.response.max, a.response.flexible):
            raise KmsgError(f"api {a.name}: request and response differ in versions")
    for what, names in (("message", [m.name for m in messages]), ("api key", [a.key for a in apis])):
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            raise KmsgError(f"{what} is there twice: {twice}")
    return apis, messages


def main(argv):
    try:
        if argv[1] == "header":
            source, private, out = argv[2:]
            emit_header(load([source], private)[1], out)
        elif argv[1] == "table":
            out, sources, private = argv[2], argv[3:-1], argv[-1]
            apis, messages = load(sources, private)
            names = [re.sub(r".*/|\.kmsg$", "", s) for s in sources]
            emit_table(apis, messages, names, out)
        else:
            raise KmsgError(f"'{argv[1]}': header or table")
    except (KmsgError, IndexError, ValueError) as error:
        print(f"kmsgc: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

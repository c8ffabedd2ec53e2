"""Planted violations: each rule of tools/tidy.py finds its own and leaves clean code alone."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tools"))

import tidy  # noqa: E402
from tidylib import archives, house  # noqa: E402
from tidylib.source import Source, mutable_object  # noqa: E402

CONTRACT = "/*\n * A header for tests: it says what the caller may expect and who owns what.\n */\n"
BASE = {"common/base/arena.h": CONTRACT, "common/base/types.h": CONTRACT}


def run(files):
    """tidy over a tree of these files: (exit code, [(path, line, rule)], output)."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**BASE, **files}.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w") as f:
                f.write(text)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = tidy.check_tree(root)
    found = []
    for line in out.getvalue().splitlines():
        parts = line.split(":", 3)
        if len(parts) == 4 and parts[1].isdigit():
            found.append((parts[0], int(parts[1]), parts[2].strip()))
    return code, found, out.getvalue()


class Case(unittest.TestCase):
    def finds(self, rule, path, text, line=None, more=None):
        code, found, out = run({path: text, **(more or {})})
        self.assertEqual(code, 1, out)
        here = [f for f in found if f[0] == path and f[2] == rule]
        self.assertTrue(here, out)
        self.assertEqual({f[2] for f in found}, {rule}, out)
        if line is not None:
            self.assertIn(line, [f[1] for f in here], out)

    def clean(self, path, text, more=None):
        code, found, out = run({path: text, **(more or {})})
        self.assertEqual((code, found), (0, []), out)


def include(*names):
    return "".join("#include %s\n" % (n if n[0] == "<" else '"%s"' % n) for n in names)


class Arrows(Case):
    def header(self, path):
        return {path: CONTRACT}

    def test_every_forbidden_pair_is_found_and_every_allowed_one_passes(self):
        """Walks the whole table: one file per room that includes one header of each other room."""
        rooms = [r for r in house.ARROWS if not r.endswith(".c")]
        headers = {r + "/x.h": CONTRACT for r in rooms if r not in ("proto", "common/port")}
        headers["common/port/disk.h"] = CONTRACT
        for mine in house.ARROWS:
            path = mine if mine.endswith(".c") else mine + "/user.c"
            for header in headers:
                theirs = os.path.dirname(header)
                with self.subTest(path=path, header=header):
                    allowed = theirs in (mine, "common/base") or theirs in house.ARROWS[mine]
                    if allowed:
                        self.clean(path, include(header), headers)
                    else:
                        self.finds("arrow", path, include(header), 1, headers)

    def test_the_table_says_what_the_design_says(self):
        """A few arrows spelled out by hand, so that a slip in the table is seen."""
        forbidden = [
            ("common/base/a.c", "common/wire/x.h"),
            ("common/wire/a.c", "common/port/disk.h"),
            ("common/log/a.c", "common/meta/x.h"),
            ("common/log/a.c", "common/host/x.h"),
            ("common/rpc/a.c", "common/meta/x.h"),
            ("controller/raft/a.c", "common/wire/x.h"),
            ("controller/raft/a.c", "common/trace/x.h"),
            ("controller/state/a.c", "controller/raft/x.h"),
            ("controller/state/a.c", "common/port/disk.h"),
            ("controller/node/a.c", "broker/node/x.h"),
            ("controller/node/a.c", "common/host/x.h"),
            ("broker/node/a.c", "controller/node/x.h"),
            ("broker/replica/a.c", "common/log/x.h"),
            ("broker/group/a.c", "common/log/x.h"),
            ("broker/meta/a.c", "broker/partition/x.h"),
            ("broker/partition/a.c", "broker/coord/x.h"),
            ("broker/partition/a.c", "broker/edge/x.h"),
            ("broker/coord/a.c", "broker/edge/x.h"),
            ("broker/edge/a.c", "broker/api/x.h"),
            ("broker/edge/a.c", "broker/partition/x.h"),
            ("broker/api/a.c", "broker/replica/x.h"),
            ("broker/api/a.c", "common/log/x.h"),
            ("broker/api/a.c", "common/port/disk.h"),
            ("broker/api/a.c", "broker/edge/x.h"),
            ("common/host/a.c", "common/wire/x.h"),
            ("cli/a.c", "broker/node/x.h"),
            ("cli/a.c", "controller/node/x.h"),
        ]
        allowed = [
            ("common/log/a.c", "common/codec/x.h"),
            ("common/rpc/a.c", "common/wire/x.h"),
            ("common/meta/codec/a.c", "common/meta/x.h"),
            ("broker/partition/a.c", "broker/replica/x.h"),
            ("broker/partition/a.c", "common/client/x.h"),
            ("broker/coord/a.c", "broker/partition/x.h"),
            ("broker/api/a.c", "broker/edge/request.h"),
            ("broker/api/a.c", "broker/edge/park.h"),
            ("broker/api/a.c", "broker/coord/x.h"),
            ("broker/main.c", "broker/node/x.h"),
            ("broker/main.c", "common/host/x.h"),
            ("cli/a.c", "common/client/x.h"),
            ("tests/unit/a.c", "broker/replica/x.h"),
        ]
        for path, header in forbidden:
            with self.subTest(path=path, header=header):
                self.finds("arrow", path, include(header), 1, self.header(header))
        for path, header in allowed:
            with self.subTest(path=path, header=header):
                self.clean(path, include(header), self.header(header))

    def test_cores_know_the_error_codes_but_not_the_rest_of_wire(self):
        self.clean("broker/replica/a.c", include("common/wire/kafka_error.h"), self.header("common/wire/kafka_error.h"))
        self.finds("arrow", "broker/replica/a.c", include("common/wire/frame.h"), 1, self.header("common/wire/frame.h"))

    def test_generated_headers(self):
        self.clean("common/wire/a.c", include("kmsg/fetch.h"))
        self.finds("arrow", "broker/replica/a.c", include("kmsg/fetch.h"), 1)
        self.clean("common/meta/codec/a.c", include("proto/meta.pb-c.h", "<protobuf-c/protobuf-c.h>"))
        self.finds("arrow", "common/meta/a.c", include("proto/meta.pb-c.h"), 1)
        self.finds("arrow", "controller/state/a.c", include("<protobuf-c/protobuf-c.h>"), 1)

    def test_libraries_stay_in_their_rooms(self):
        self.clean("common/host/a.c", include("<event2/event.h>", "<openssl/ssl.h>", "<pthread.h>", "<sys/uio.h>"))
        self.finds("arrow", "broker/edge/a.c", include("<event2/event.h>"), 1)
        self.finds("arrow", "common/auth/a.c", include("<openssl/hmac.h>"), 1)
        self.clean("common/codec/a.c", include("<zstd.h>", "<lz4frame.h>", "<snappy-c.h>", "<zlib.h>"))
        self.finds("arrow", "common/wire/a.c", include("<zstd.h>"), 1)
        self.finds("arrow", "common/log/a.c", include("<fcntl.h>"), 1)

    def test_locks_belong_to_monitors(self):
        lock = self.header("common/port/lock.h")
        self.clean("broker/partition/a.c", include("common/port/lock.h"), lock)
        self.finds("arrow", "broker/edge/a.c", include("common/port/lock.h"), 1, lock)
        self.finds("arrow", "broker/node/a.c", include("common/port/lock.h"), 1, lock)

    def test_includes_are_written_from_the_root(self):
        self.finds("arrow", "common/base/a.c", include("arena.h"), 1)
        self.finds("arrow", "common/base/a.c", include("common/base/gone.h"), 1)

    def test_an_unknown_folder_needs_a_row(self):
        self.finds("arrow", "broker/cellar/a.c", "int cellar(void);\n", 1)

    def test_an_include_in_a_comment_is_none(self):
        self.clean("common/base/a.c", '/*\n#include "broker/node/x.h"\n*/\n// #include "x.h"\n')


class Calls(Case):
    def test_banned_everywhere(self):
        for name in house.BANNED_EVERYWHERE:
            for path in ("common/base/a.c", "common/host/a.c", "tests/unit/a.c"):
                with self.subTest(name=name, path=path):
                    self.finds("banned-call", path, "void f(char *p)\n{\n    %s(p);\n}\n" % name, 3)

    def test_pure_folders_take_no_memory_and_no_outside(self):
        for name in sorted(house.PURE_ONLY_CALLS | house.OUTSIDE_CALLS):
            with self.subTest(name=name):
                self.finds("pure-call", "controller/raft/a.c", "void f(void)\n{\n    %s(1);\n}\n" % name, 3)

    def test_every_pure_folder_is_watched(self):
        for folder in house.PURE:
            with self.subTest(folder=folder):
                self.finds("pure-call", folder + "/a.c", "void f(void)\n{\n    f(malloc (3));\n}\n", 3)

    def test_engines_and_shells_go_through_doors(self):
        self.finds("door-call", "common/log/a.c", "int f(void)\n{\n    return fsync(3);\n}\n", 3)
        self.finds("door-call", "broker/partition/a.c", "int f(void)\n{\n    return clock_gettime(0, 0);\n}\n", 3)
        self.clean("common/host/a.c", "int f(void)\n{\n    return fsync(3) + open(0, 0);\n}\n")
        self.clean("cli/a.c", "void f(void)\n{\n    printf(0);\n}\n")
        self.clean("tests/unit/a.c", "void f(void)\n{\n    printf(0);\n    free(malloc(3));\n}\n")

    def test_what_a_pure_file_may_call(self):
        self.clean("common/base/a.c", "int f(char *p, int n)\n{\n    snprintf(p, n, 0);\n    vsnprintf(p, n, 0);\n"
                   "    memcpy(p, p, n);\n    memmove(p, p, n);\n    return strcmp(p, p) + strlen(p);\n}\n")

    def test_members_comments_strings_and_longer_names_are_no_calls(self):
        self.clean("common/base/a.c", "/* malloc(3) */\nint f(struct disk *d)\n{\n    d->open(1);\n    d->v.close(2);\n"
                   "    heap_free(d);\n    log_line(\"printf(3) goto\", '(');  // time(0)\n    return my_malloc(3);\n}\n")

    def test_calls_inside_macros_are_seen(self):
        self.finds("pure-call", "common/base/a.h", CONTRACT + "#define NEW(n) \\\n    malloc(n)\n", 5)


class Goto(Case):
    def test_goto(self):
        self.finds("goto", "common/base/a.c", "void f(void)\n{\n    goto out;\nout:\n    return;\n}\n", 3)
        self.finds("goto", "tests/unit/a.c", "void f(void)\n{\n    goto out;\nout:\n    return;\n}\n", 3)
        self.clean("common/base/a.c", "void go_to(void)\n{\n    /* goto */\n}\n")


class Data(Case):
    MUTABLE = [
        "static int counter;",
        "int counter = 3;",
        "static struct x *head;",
        'static const char *name = "x";',
        "static const char *names[] = {0};",
        "static err_t (*hook)(const char *);",
        "static err_t (*hooks[4])(const char *const *);",
        "static struct { int a; } state;",
        "struct x { int a; } state;",
        "static _Thread_local const int mine;",
        "static __thread int mine;",
        "static _Atomic int n;",
        "static uint8_t buffer[SIZE(3)];",
        "static char __attribute__((aligned(64))) block[64];",
        "enum colour colour;",
    ]
    CONSTANT = [
        "static const int limit = 3;",
        'static const char *const names[] = {"a", "b"};',
        "static char const name[] = \"x\";",
        "static err_t (*const table[])(struct x *, int) = {f, g};",
        "static const handler_fn table[] = {f};",
        "static const struct x table[] = {{1, 0}, {2, 0}};",
        "extern const struct x table[];",
        "static int f(int a, char *b);",
        "struct x *make(const char *name);",
        "void (*pick(int a))(int);",
        "typedef struct x *x_ref;",
        "typedef int (*fn)(int);",
        "struct x;",
        "struct x { int a; int *b; };",
        "enum colour { RED, GREEN };",
        "static_assert(sizeof(struct x) == 3, \"x\");",
        "TABLE_DEFINE(colours, COLOURS);",
        "err_t f(int) MUST_USE PRINTF_LIKE(1, 2);",
        "union __attribute__((packed)) u { int a; };",
    ]

    def test_file_scope(self):
        for text in self.MUTABLE:
            with self.subTest(text=text):
                self.finds("mutable-data", "common/log/a.c", "\n" + text + "\n", 2)
                self.clean("common/host/a.c", text + "\n")
                self.clean("tests/unit/a.c", text + "\n")
        for text in self.CONSTANT:
            with self.subTest(text=text):
                self.clean("common/log/a.c", text + "\n")

    def test_static_locals(self):
        for text in self.MUTABLE:
            if text.startswith("static"):
                with self.subTest(text=text):
                    self.finds("mutable-data", "common/log/a.c", "void f(void)\n{\n    if (1) {\n        %s\n    }\n}\n" % text, 4)
        for text in self.CONSTANT[:6]:
            with self.subTest(text=text):
                self.clean("common/log/a.c", "void f(void)\n{\n    %s\n    int ordinary = 3;\n}\n" % text)
        self.clean("common/log/a.c", "void f(int a[static 3])\n{\n    int g(int a[static 3]);\n}\n")

    def test_the_name_is_told(self):
        for text, name in (("static int a = f(b)", "a"), ("struct x *b[N]", "b"), ("static int (*hook)(int)", "hook")):
            tokens = [t for t in __import__("re").findall(r"\w+|\S", text)]
            self.assertEqual(mutable_object(tokens), name)


class Sizes(Case):
    def test_file(self):
        self.finds("file-size", "common/base/a.h", CONTRACT + "int f(int);\n" * 898)
        self.finds("file-size", "tests/unit/a.py", "x = 1\n" * 901)
        more = {"common/base/%d.h" % i: CONTRACT for i in range(9)}
        self.clean("common/base/a.h", CONTRACT + "int f(int);\n" * 897, more)
        self.clean("common/base/error_table.h", CONTRACT + "int f(int);\n" * 2000, more)
        self.clean("tests/golden/raft/story.txt", "x\n" * 5000)
        self.clean("tests/wire/vectors/a.py", "x = 1\n" * 5000)

    def test_median(self):
        long = {"common/base/%d.h" % i: CONTRACT + "int f(int);\n" * 300 for i in range(5)}
        self.finds("file-median", "common/base/a.h", CONTRACT + "int f(int);\n" * 301, None, long)
        code, _, out = run({p: t for p, t in list(long.items())[:2]})
        self.assertEqual(code, 0, out)

    def test_function(self):
        more = {"common/base/b.c": "void small(void)\n{\n}\n" * 20}
        asserts = "    assert(1);\n"
        self.finds("function-size", "common/base/a.c", "\nvoid f(void)\n{\n%s}\n" % (asserts * 68), 2, more)
        self.clean("common/base/a.c", "void f(void)\n{\n%s}\n" % (asserts * 67), more)
        self.finds("function-size", "tools/a.py", "def f():\n" + "    x = 1\n" * 70)
        self.clean("tools/a.py", "def f():\n" + "    x = 1\n" * 69)

    def test_share(self):
        body = "    assert(1);\n" * 43
        many = {"common/base/b.c": "".join("void f%d(void)\n{\n}\n" % i for i in range(8))}
        self.finds("function-share", "common/base/a.c", "void g(void)\n{\n%s}\nvoid h(void)\n{\n%s}\n" % (body, body), 47, many)
        self.clean("common/base/a.c", "void g(void)\n{\n%s}\n" % body, {"common/base/b.c": many["common/base/b.c"] + "void i(void)\n{\n}\n"})

    def test_density(self):
        line, check = "int f(int);\n", "static_assert(1, \"x\");\n"
        self.finds("assert-density", "common/log/a.c", line * 195 + check * 5)
        self.clean("common/log/a.c", line * 194 + check * 6)
        self.clean("common/log/a.c", line * 149)  # too young to be measured
        self.finds("assert-density", "controller/raft/a.c", line * 189 + check * 11)
        self.clean("controller/raft/a.c", line * 188 + check * 12)
        ensure = "void f(void)\n{\n    ENSURE(1, ERR_X);\n    cr_assert(1);\n    /* assert(1) */\n}\n"
        self.finds("assert-density", "broker/replica/a.c", ensure * 40)
        self.clean("tests/unit/a.c", line * 800)

    def test_measured_functions(self):
        text = (
            "static err_t\nfirst(struct x *self,\n      int n)\n{\n    if (n) {\n    }\n}\n"
            "#ifdef A\nint second(int a)\n{\n#else\nint second(void)\n{\n#endif\n    return '}' + \"{\"[0];\n}\n"
            "static const struct x t[] = {{1}, {2}};\nstruct __attribute__((packed)) y {\n    int a;\n};\n"
            "Test(suite, third, .timeout = 5)\n{\n}\n"
            "__attribute__((noreturn)) void fourth(void (*cb)(int))\n{\n}\n"
            "#define M(x) \\\n    do { \\\n    } while (0)\n"
            'extern "C" {\nint fifth(void)\n{\n    struct x v = {.a = {1}};\n}\n}\n'
        )
        found = [(f.name, f.first, f.lines) for f in Source("a.c", text).functions]
        self.assertEqual(found, [("first", 1, 7), ("second", 12, 5), ("Test(suite, third)", 21, 3), ("fourth", 24, 3), ("fifth", 31, 4)])


class Marks(Case):
    def test_promises(self):
        for word in ("TO" "DO", "FIX" "ME", "XX" "X"):
            self.finds("promise", "common/base/a.c", "\n/* %s: later */\n" % word, 2)
            self.finds("promise", "docs/a.md", "%s\n" % word, 1)
        self.clean("tests/unit/a.c", 'const char *t = "/tmp/dirXXXXXX";\n')

    def test_machine_paths(self):
        for path in ("/wo" "rk/main", "/ro" "ot/.cache", "/ho" "me/me/x", "sha" "red/DESIGN.md"):
            with self.subTest(path=path):
                self.finds("machine-path", "docs/a.md", "see %s\n" % path, 1)
                self.finds("machine-path", "deploy/start", "#!/bin/sh\ncd %s\n" % path, 2)
        self.clean("docs/a.md", "a network/work/load of shared/state, see /var/lib/odradek and a/root/b\n")

    def test_header_comment(self):
        self.finds("header-comment", "common/base/a.h", "#ifndef A\n#define A\n#endif\n", 1)
        self.finds("header-comment", "common/base/a.h", "/* short */\n#ifndef A\n#define A\n#endif\n", 1)
        self.clean("common/base/a.h", CONTRACT + "#ifndef A\n#define A\n#endif\n")
        self.clean("tests/sim/a.h", "#ifndef A\n#define A\n#endif\n")


class Archives(unittest.TestCase):
    """Real archives, made by gcc in a directory that looks like meson's."""

    def build(self, files, sanitize="", optimization="2", compiler="cc"):
        root = tempfile.TemporaryDirectory()
        self.addCleanup(root.cleanup)
        os.makedirs(os.path.join(root.name, "meson-info"))
        options = [{"name": "sanitize", "value": sanitize}, {"name": "b_sanitize", "value": "none"},
                   {"name": "optimization", "value": optimization}]
        with open(os.path.join(root.name, "meson-info/intro-buildoptions.json"), "w") as f:
            json.dump(options, f)
        with open(os.path.join(root.name, "compile_commands.json"), "w") as f:
            json.dump([{"command": compiler + " -c a.c"}], f)
        for path, text in files.items():
            full = os.path.join(root.name, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full + ".c", "w") as f:
                f.write(text)
            subprocess.run(["gcc", "-O2", "-fPIE", "-w", "-c", full + ".c", "-o", full + ".o"], check=True)
            subprocess.run(["ar", "crsT", full + ".a", full + ".o"], check=True, stderr=subprocess.DEVNULL)
        return root.name

    def found(self, files):
        return [(f.path, f.rule) for f in archives.check(self.build(files))]

    def test_a_forbidden_symbol(self):
        text = "void *malloc(unsigned long);\nvoid *f(void) { return malloc(3); }\n"
        self.assertEqual(self.found({"common/base/libbase": text}), [("common/base/libbase.a", "pure-symbol")])
        self.assertEqual(self.found({"common/log/liblog": text}), [])

    def test_a_pure_archive_may_not_lean_on_an_impure_one(self):
        base = "int log_append(int); int f(int a) { return log_append(a); }\n"
        log = "int log_append(int a) { return a; }\n"
        self.assertEqual(self.found({"controller/raft/libraft": base, "common/log/liblog": log}),
                         [("controller/raft/libraft.a", "pure-symbol")])
        self.assertEqual(self.found({"controller/raft/libraft": base, "common/base/libbase": log}), [])

    def test_allowed_symbols(self):
        text = ("#include <assert.h>\n#include <stdio.h>\n#include <string.h>\n"
                "int f(char *p, int n, const char *s) { assert(n > 3); memset(p, n, n); snprintf(p, n, \"%s%d\", s, n);"
                " return strcmp(p, s); }\n")
        self.assertEqual(self.found({"common/base/libbase": text}), [])

    def test_generated_archives(self):
        pack = "unsigned long protobuf_c_message_pack(void *p);\n"
        use = pack + "unsigned long x__pack(void *p); int f(void *p) { return x__pack(p) + protobuf_c_message_pack(p); }\n"
        proto = {"proto/libproto": pack + "unsigned long x__pack(void *p) { return protobuf_c_message_pack(p); }\n"}
        self.assertEqual(self.found({**proto, "common/meta/codec_x": use}), [])
        self.assertEqual(self.found({**proto, "common/meta/libmeta": use}), [("common/meta/libmeta.a", "pure-symbol")] * 2)
        self.assertEqual(self.found({**proto, "controller/state/codec_x": use}), [("controller/state/codec_x.a", "pure-symbol")] * 2)
        tables = {"proto/kafka/libkmsg": "extern const int fetch_fields[2]; const int fetch_fields[2] = {1, 2};\n"}
        self.assertEqual(self.found({**tables, "common/wire/libwire": "extern const int fetch_fields[2]; int f(int i)"
                                     " { return fetch_fields[i]; }\n"}), [])

    def test_mutable_data(self):
        for text in ("static int n; int f(void) { return n++; }\n", "int g = 4; int f(void) { return g++; }\n",
                     "static __thread int n; int f(void) { return n++; }\n"):
            self.assertEqual(self.found({"common/log/liblog": text}), [("common/log/liblog.a", "mutable-data")])
            self.assertEqual(self.found({"common/host/libhost": text}), [])
        table = "int f(void); static int (*const t[])(void) = {f, f}; int g(int i) { return t[i](); } int f(void) { return 1; }\n"
        self.assertEqual(self.found({"common/base/libbase": table}), [])

    def test_other_builds_are_skipped(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            for kind in ({"sanitize": "address"}, {"optimization": "0"}, {"compiler": "/usr/bin/clang-14"}):
                self.assertEqual(tidy.check_archives(self.build({}, **kind)), tidy.EXIT_SKIPPED)
            self.assertEqual(tidy.check_archives("/nonexistent"), tidy.EXIT_SKIPPED)
            self.assertEqual(tidy.check_archives(self.build({}, compiler="ccache gcc")), 0)
        self.assertEqual(out.getvalue().count("skipped"), 4)


class Whole(unittest.TestCase):
    def test_the_program_itself(self):
        script = os.path.join(ROOT, "tools", "tidy.py")
        with tempfile.TemporaryDirectory() as root:
            done = subprocess.run([sys.executable, script, root], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertTrue(done.stdout.startswith("tidy: clean"), done.stdout)
            os.makedirs(os.path.join(root, "common/base"))
            with open(os.path.join(root, "common/base/a.c"), "w") as f:
                f.write("int counter;\n")
            done = subprocess.run([sys.executable, script, root], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertTrue(done.stdout.startswith("common/base/a.c:1: mutable-data: "), done.stdout)
            self.assertTrue(done.stdout.endswith("tidy: 1 finding\n"), done.stdout)

    def test_fast_enough(self):
        """60,000 lines in less than 5 s."""
        import time

        unit = "/* A comment. */\nstatic int f%d(struct x *self, int n)\n{\n    assert(n > 0);\n    return self->next[n] + g(n, \"x\");\n}\n"
        text = "".join(unit % i for i in range(100))
        start = time.monotonic()
        for i in range(100):
            Source("a.c", text)
        self.assertLess(time.monotonic() - start, 5)


if __name__ == "__main__":
    unittest.main()

"""common/base/pure.h: what a pure file may not name does not compile, with either compiler; what it needs does."""

import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FORBIDDEN = ["malloc(3)", "calloc(1, 3)", "strdup(p)", "clock_gettime(0, 0)", "rand()", "printf(p)", "fopen(p, p)", "getenv(p)",
             "fsync(3)", "pthread_mutex_lock(0)", "strcpy(p, p)", "atoi(p)", "exit(3)", "qsort(p, 0, 0, 0)"]
FINE = """
#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <inttypes.h>
#include <stdatomic.h>
struct door { int (*open)(void); int (*read)(void); long time; void *free; };
int use(struct door *door, char *p, size_t n)
{
    assert(door->time > 0);
    memset(p, 0, n);
    return snprintf(p, n, "%" PRId64, (int64_t)door->time) + door->open() + door->read();
}
"""


class Pure(unittest.TestCase):
    def compile(self, compiler, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.c")
            with open(path, "w") as f:
                f.write(text)
            command = [compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-D_FORTIFY_SOURCE=2", "-Wall", "-Werror", "-I", ROOT,
                       "-include", os.path.join(ROOT, "common/base/pure.h"), "-c", path, "-o", os.path.join(folder, "a.o")]
            return subprocess.run(command, capture_output=True, text=True)

    def test_both_compilers(self):
        compilers = [c for c in ("gcc", "clang") if shutil.which(c)]
        self.assertTrue(compilers)
        for compiler in compilers:
            done = self.compile(compiler, FINE)
            self.assertEqual(done.returncode, 0, compiler + done.stderr)
            for call in FORBIDDEN:
                with self.subTest(compiler=compiler, call=call):
                    done = self.compile(compiler, "void f(char *p);\nvoid f(char *p)\n{\n    (void)p;\n    (void)%s;\n}\n" % call)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn("poison", done.stderr)


if __name__ == "__main__":
    unittest.main()

"""deploy/install-packages on machines of every kind, played by small programs in front of the real ones."""

import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = ("bash", "awk", "sed", "grep", "cat", "mktemp", "rm", "tail", "dirname", "env", "touch")

DPKG = """#!/bin/sh
while read p; do echo "$p installed"; done < "$STATE/installed"
echo "kcat not-installed"
"""
APT = """#!/bin/sh
echo "$*" >> "$STATE/apt"
for a; do case $a in update) exit $(cat "$STATE/update") ;; esac; done
[ "$(cat "$STATE/install")" = 0 ] || { echo "E: the reason"; exit 100; }
seen=no
for a; do [ $seen = no ] || echo "$a" >> "$STATE/installed"; [ "$a" = --no-install-recommends ] && seen=yes; done
exit 0
"""


class InstallPackages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = folder.name
        for tool in TOOLS:
            os.symlink(shutil.which(tool), os.path.join(self.state, tool))
        self.put("installed", "gcc\n")
        self.put("update", "0")
        self.put("install", "0")
        self.program("dpkg-query", DPKG)
        self.program("apt-get", APT)
        self.program("id", "#!/bin/sh\necho ${FAKE_ID:-0}\n")

    def put(self, name, text):
        with open(os.path.join(self.state, name), "w") as f:
            f.write(text)

    def get(self, name):
        path = os.path.join(self.state, name)
        if not os.path.exists(path):
            return ""
        with open(path) as f:
            return f.read()

    def program(self, name, text):
        self.put(name, text.replace("/bin/sh", shutil.which("sh")))
        os.chmod(os.path.join(self.state, name), 0o755)

    def run_it(self, *args, **env):
        done = subprocess.run([os.path.join(ROOT, "deploy/install-packages"), *args], capture_output=True, text=True,
                              env={"PATH": self.state, "STATE": self.state, **env})
        return done.returncode, done.stdout + done.stderr

    def listed(self, *sections):
        code, out = self.run_it("--list", *sections)
        self.assertEqual(code, 0, out)
        return out.split()

    def test_the_list(self):
        build, run, test = (self.listed(s) for s in ("build", "run", "test"))
        self.assertEqual(self.listed("build", "run", "test"), build + run + test)
        self.assertEqual(self.listed(), build + run)
        self.assertIn("gcc", build)
        self.assertIn("kcat", run)
        self.assertIn("libcriterion-dev", test)
        self.assertEqual(len(set(build + run + test)), len(build + run + test))

    def test_nothing_to_do(self):
        self.put("installed", "\n".join(self.listed("build")) + "\n")
        self.assertEqual(self.run_it("build"), (0, ""))
        self.assertEqual(self.get("apt"), "")

    def test_installs_what_is_missing(self):
        code, out = self.run_it("run")
        self.assertEqual(code, 0, out)
        update, install = self.get("apt").splitlines()
        self.assertIn("update", update)
        self.assertIn("DPkg::Lock::Timeout", install)
        self.assertTrue(install.endswith("--no-install-recommends " + " ".join(self.listed("run"))), install)
        self.assertIn(f"installing {len(self.listed('run'))} packages", out)
        self.assertEqual(self.run_it("run")[0], 0)

    def test_lists_that_cannot_be_updated_are_used_as_they_are(self):
        self.put("update", "100")
        code, out = self.run_it("build")
        self.assertEqual(code, 0, out)
        self.assertIn("going on", out)

    def test_apt_fails(self):
        self.put("install", "100")
        code, out = self.run_it("build")
        self.assertEqual(code, 1, out)
        self.assertIn("E: the reason", out)
        self.assertIn("start again", out)

    def test_not_root(self):
        code, out = self.run_it("build", "test", FAKE_ID="1000")
        self.assertEqual((code, self.get("apt")), (1, ""), out)
        self.assertIn("run: sudo deploy/install-packages build test", out)
        self.program("sudo", '#!/bin/sh\nshift\nexec "$@"\n')
        self.program("true", "#!/bin/sh\nexit 0\n")
        code, out = self.run_it("build", FAKE_ID="1000")
        self.assertEqual(code, 0, out)

    def test_no_debian(self):
        os.remove(os.path.join(self.state, "apt-get"))
        code, out = self.run_it("build")
        self.assertEqual(code, 1, out)
        self.assertIn("deploy/packages", out)

    def test_wrong_section(self):
        code, out = self.run_it("cellar")
        self.assertEqual(code, 2, out)
        self.assertIn("no section 'cellar'", out)


if __name__ == "__main__":
    unittest.main()

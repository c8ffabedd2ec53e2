"""deploy/quickstart without a cluster: arguments, ports, pid files, starts that fail, stop and clean.

The nodes are played by a small program that answers /readyz; the whole story with real nodes is the suite `quickstart`.
"""

import contextlib
import io
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "deploy", "lib"))

import clients  # noqa: E402
import nodes  # noqa: E402
import quickstart  # noqa: E402

NODE = """#!%s
import http.server, sys, time
conf = dict(line.strip().split("=", 1) for line in open(sys.argv[1]))
print("node", conf["node.id"], "starts", flush=True)
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
if "admin.listeners" in conf:
    http.server.HTTPServer(("127.0.0.1", int(conf["admin.listeners"].rsplit(":", 1)[1])), Ready).serve_forever()
time.sleep(60)
""" % sys.executable


def free_ports():
    """A first port whose whole range is free."""
    for step in range(60):  # below the ports that the kernel gives to clients; apart from other runs on this machine
        first = 26000 + (os.getpid() + step) % 60 * 97
        cluster = nodes.Cluster("/nowhere", first)
        with contextlib.suppress(nodes.Trouble):
            cluster.check_ports()
            return first
    raise AssertionError("no free ports")


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = os.path.join(folder.name, "data")
        self.build = os.path.join(folder.name, "build")
        self.port = free_ports()

    def program(self, role, text):
        path = os.path.join(self.build, role, "odradek-" + role)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)

    def cluster(self, broker=NODE):
        self.program("broker", broker)
        self.program("controller", NODE)
        cluster = nodes.open_cluster(self.data, self.port)
        self.addCleanup(cluster.stop)
        cluster.write_files()
        return cluster

    def trouble(self, words, call, *args):
        with self.assertRaises(nodes.Trouble) as caught:
            call(*args)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def run_it(self, *words):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                code = quickstart.main([*words, "--build", self.build])
            except SystemExit as e:
                code = e.code
        return code, out.getvalue()


class Arguments(Case):
    def test_help_and_nonsense(self):
        code, out = self.run_it("--help")
        self.assertEqual(code, 0)
        for flag in ("--data", "--keep-running", "--stop", "--clean"):
            self.assertIn(flag, out)
        for words in (["--port", "0"], ["--port", "65530"], ["--nonsense"], ["--stop", "--keep-running"], ["extra"]):
            self.assertEqual(self.run_it(*words)[0], 2, words)

    def test_the_shell_part(self):
        done = subprocess.run([os.path.join(ROOT, "deploy/quickstart"), "--help"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("usage: deploy/quickstart", done.stdout)


class Files(Case):
    def test_properties(self):
        cluster = self.cluster()
        with open(cluster.brokers[1].conf) as f:
            broker = dict(line.strip().split("=", 1) for line in f)
        p = self.port
        voters = "101@127.0.0.1:%d,102@127.0.0.1:%d,103@127.0.0.1:%d" % (p + 10, p + 11, p + 12)
        self.assertEqual(broker, {
            "process.roles": "broker", "node.id": "2", "controller.quorum.voters": voters, "controller.listener.names": "CONTROLLER",
            "listeners": "PLAINTEXT://127.0.0.1:%d" % (p + 1), "log.dirs": os.path.join(self.data, "broker-2"),
            "admin.listeners": "HTTP://127.0.0.1:%d" % (p + 21)})
        with open(cluster.controllers[2].conf) as f:
            controller = dict(line.strip().split("=", 1) for line in f)
        self.assertEqual(controller["listeners"], "CONTROLLER://127.0.0.1:%d" % (p + 12))
        self.assertEqual(controller["node.id"], "103")

    def test_default_ports(self):
        cluster = nodes.Cluster(self.data, nodes.PORT_DEFAULT)
        self.assertEqual(cluster.bootstrap(), "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094")
        self.assertEqual([n.port for n in cluster.controllers], [9192, 9193, 9194])
        self.assertEqual([n.admin_port for n in cluster.brokers], [9644, 9645, 9646])

    def test_a_directory_of_someone_else_is_left_alone(self):
        os.mkdir(self.data)
        with open(os.path.join(self.data, "thesis.txt"), "w") as f:
            f.write("x")
        self.trouble(["not made by quickstart", "--data"], nodes.open_cluster, self.data, None)
        for flag in ("--stop", "--clean"):
            code, out = self.run_it(flag, "--data", self.data)
            self.assertEqual(code, 1, out)
        self.assertEqual(os.listdir(self.data), ["thesis.txt"])
        self.trouble(["no directory"], nodes.open_cluster, os.path.join(self.data, "thesis.txt"), None)

    def test_ports_are_remembered(self):
        self.cluster()
        self.assertEqual(nodes.open_cluster(self.data, None).first_port, self.port)
        self.trouble(["--port %d" % self.port, "--clean"], nodes.open_cluster, self.data, self.port + 1)
        with open(os.path.join(self.data, nodes.MARKER), "w") as f:
            f.write("{}")
        self.trouble(["damaged"], nodes.open_cluster, self.data, None)

    def test_clean_takes_only_its_own(self):
        self.cluster()
        with open(os.path.join(self.data, "notes.txt"), "w") as f:
            f.write("x")
        code, out = self.run_it("--clean", "--data", self.data)
        self.assertEqual(code, 0, out)
        self.assertEqual(os.listdir(self.data), ["notes.txt"])
        os.unlink(os.path.join(self.data, "notes.txt"))
        self.cluster()
        self.assertEqual(self.run_it("--clean", "--data", self.data)[0], 0)
        self.assertFalse(os.path.exists(self.data))
        self.assertEqual(self.run_it("--clean", "--data", self.data)[0], 0)

    def test_a_place_that_cannot_be_written(self):
        self.trouble(["cannot be written", "--data"], nodes.Cluster("/proc/odradek", self.port).write_files)


class Ports(Case):
    def test_each_busy_port_is_told_before_anything_starts(self):
        for offset in (0, 2, 11, 22):
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("127.0.0.1", self.port + offset))
                s.listen()
                code, out = self.run_it("--data", self.data, "--port", str(self.port))
                self.assertEqual(code, 1, out)
                self.assertIn("port %d is in use by" % (self.port + offset), out)
                self.assertIn("(pid %d)" % os.getpid(), out)
                self.assertIn("--port %d" % (self.port + 10000), out)
        self.assertFalse(os.path.exists(self.data))


class Processes(Case):
    def test_start_ready_stop(self):
        cluster = self.cluster()
        for node in cluster.nodes:
            node.start(self.build)
        cluster.wait_ready(cluster.brokers, 30)
        self.assertEqual(len(nodes.open_cluster(self.data, None).running()), 6)
        code, out = self.run_it("--data", self.data)
        self.assertEqual(code, 1, out)
        self.assertIn("runs on %s already" % self.data, out)
        for node in cluster.nodes:  # the stop below is no parent of theirs; here somebody must collect them
            self.addCleanup(node.process.wait, 10)
        pids = [n.pid() for n in cluster.nodes]
        code, out = self.run_it("--stop", "--data", self.data)
        self.assertEqual(code, 0, out)
        self.assertIn("stopped 6 processes", out)
        self.assertEqual([nodes.start_time(pid) for pid in pids], [None] * 6)
        self.assertEqual(cluster.running(), [])
        code, out = self.run_it("--stop", "--data", self.data)
        self.assertEqual(code, 0)
        self.assertIn("nothing runs here", out)

    def test_a_node_that_dies_tells_why(self):
        cluster = self.cluster(broker="#!/bin/sh\necho the disk is upside down\nexit 3\n")
        node = cluster.brokers[0]
        node.start(self.build)
        self.trouble(["broker-1 stopped while starting", "the disk is upside down"], cluster.wait_ready, [node], 10)

    def test_a_node_that_stays_silent(self):
        cluster = self.cluster(broker="#!/bin/sh\necho waiting for something\nwhile :; do sleep 0.1; done\n")
        node = cluster.brokers[0]
        node.start(self.build)
        self.trouble(["broker-1 is not ready", "waiting for something"], cluster.wait_ready, [node], 0.5)

    def test_a_node_that_ignores_sigterm_is_killed(self):
        cluster = self.cluster(broker="#!/bin/sh\ntrap '' TERM\necho up\nwhile :; do sleep 0.1; done\n")
        node = cluster.brokers[2]
        node.start(self.build)
        while "up" not in node.last_words():
            time.sleep(0.01)
        before = nodes.STOP_S
        nodes.STOP_S = 0.3
        try:
            self.assertEqual(cluster.stop(), ["broker-3"])
        finally:
            nodes.STOP_S = before
        self.assertIsNone(node.pid())

    def test_a_stranger_with_the_same_number_is_left_alone(self):
        cluster = self.cluster()
        stranger = subprocess.Popen(["sleep", "60"])
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        while "sleep" not in nodes.command_line(stranger.pid):  # empty for a moment while it begins
            time.sleep(0.001)
        right_start = nodes.start_time(stranger.pid)
        for text in ("%d 1\n" % stranger.pid, "%d %d\n" % (stranger.pid, right_start), "nonsense", "-1 -1", "1 2 3"):
            with open(cluster.brokers[0].pid_file, "w") as f:
                f.write(text)
            self.assertEqual(cluster.running(), [])
            self.assertFalse(os.path.exists(cluster.brokers[0].pid_file))
            self.assertEqual(cluster.stop(), [])
        self.assertIsNone(stranger.poll())

    def test_a_missing_program(self):
        cluster = self.cluster()
        os.unlink(os.path.join(self.build, "broker", "odradek-broker"))
        self.trouble(["odradek-broker cannot be started"], cluster.brokers[0].start, self.build)


class Clients(unittest.TestCase):
    def test_orders_are_repeatable_and_all_different(self):
        first, again = list(clients.orders("a", 0, 500)), list(clients.orders("a", 0, 500))
        self.assertEqual(first, again)
        self.assertEqual(len(set(first) | set(clients.orders("a", 500, 500))), 1000)
        self.assertTrue(all("\t" not in k + v and "\n" not in k + v for k, v in first))

    def test_judgement_of_what_was_read(self):
        written = list(clients.orders("a", 0, 10))
        story = quickstart.Story()
        read = clients.read
        try:
            for rows, word in ((written[1:], "1 lost"), (written + written[:1], "1 twice"),
                               (written[1:] + [(written[0][0], written[0][1] + "x")], "1 changed")):
                clients.read = lambda *_, rows=rows: (rows, len(rows))
                with self.assertRaises(nodes.Trouble) as caught:
                    quickstart.check_read(story, "", "a", written)
                self.assertIn(word, str(caught.exception))
            clients.read = lambda *_: (written[::-1], 12)
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                quickstart.check_read(story, "", "a", written)
            self.assertIn("and 2 older ones", out.getvalue())
        finally:
            clients.read = read


if __name__ == "__main__":
    unittest.main()

"""The processes of a small cluster on loopback: their ports, files, starts and stops.

Everything of one cluster lies in one data directory:

    quickstart.json           made by the quickstart: its ports; without this file nothing here is touched
    broker-1.properties       what the node is started with
    broker-1/                 its log directory
    broker-1.log              what it printed, over all its lives
    broker-1.pid              "pid start-time" of the running process, as in /proc/<pid>/stat

A pid file is believed only when the process still has that start time and was started with that properties file, so that
a stop can never hit a stranger that got the number later.
"""

import errno
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time

MARKER = "quickstart.json"
HOST = "127.0.0.1"
PORT_DEFAULT = 9092
STOP_S = 15.0


class Trouble(Exception):
    """Something the user can mend; the text says what happened and what to do next."""


def ports(first):
    """(broker ports, controller ports, admin ports) for a first broker port."""
    controllers, admin = (9192, 9644) if first == PORT_DEFAULT else (first + 10, first + 20)
    return [range(base, base + 3) for base in (first, controllers, admin)]


class Node:
    """One process. `role` is broker or controller."""

    def __init__(self, data, role, node_id, port, admin_port=None):
        self.role, self.id, self.port, self.admin_port = role, node_id, port, admin_port
        self.name = "%s-%d" % (role, node_id)
        self.dir = os.path.join(data, self.name)
        self.conf, self.log, self.pid_file = (self.dir + end for end in (".properties", ".log", ".pid"))
        self.process = None  # only when this program started it

    def properties(self, voters):
        """The node's file, with Kafka's names."""
        own = {
            "process.roles": self.role,
            "node.id": self.id,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": "%s://%s:%d" % ("PLAINTEXT" if self.role == "broker" else "CONTROLLER", HOST, self.port),
            "log.dirs": self.dir,
        }
        if self.admin_port:
            own["admin.listeners"] = "HTTP://%s:%d" % (HOST, self.admin_port)
        return "".join("%s=%s\n" % item for item in own.items())

    def start(self, build):
        """Starts the process in a session of its own, so that it survives this terminal."""
        program = os.path.join(build, self.role, "odradek-" + self.role)
        with open(self.log, "ab") as log:
            try:
                self.process = subprocess.Popen([program, self.conf], stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=subprocess.STDOUT, start_new_session=True)
            except OSError as e:
                raise Trouble("%s cannot be started (%s); is the build complete?" % (program, e.strerror)) from e
        with open(self.pid_file, "w") as f:
            f.write("%d %d\n" % (self.process.pid, start_time(self.process.pid) or 0))

    def pid(self):
        """The pid of the running process, or None; a stale pid file is removed."""
        try:
            with open(self.pid_file) as f:
                pid, started = (int(word) for word in f.read().split())
        except FileNotFoundError:
            return None
        except ValueError:
            pid, started = 0, 0
        if not self.reaped() and pid > 0 and start_time(pid) == started and self.owns(pid):
            return pid
        os.unlink(self.pid_file)
        return None

    def owns(self, pid):
        """Was the process started with our file? One that just begins or ends shows no command line, but may hold ports."""
        words = command_line(pid)
        return self.conf in words or not any(words)

    def reaped(self):
        """Has our own child ended? Asking also collects it."""
        return self.process is not None and self.process.poll() is not None

    def signal(self, number):
        """Answers the pid that got it, or None when the node does not run."""
        pid = self.pid()
        if pid:
            os.kill(pid, number)
        return pid

    def wait_gone(self, until):
        while self.pid():
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def ready(self):
        """Does /readyz say yes? A node without an admin listener is ready when it listens."""
        if not self.admin_port:
            with socket.socket() as s:
                s.settimeout(1)
                return s.connect_ex((HOST, self.port)) == 0
        connection = http.client.HTTPConnection(HOST, self.admin_port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def last_words(self, lines=8):
        try:
            with open(self.log, errors="replace") as f:
                return "".join("    " + line for line in f.readlines()[-lines:]).rstrip()
        except OSError:
            return "    (it printed nothing)"


class Cluster:
    """Controllers 101 to 103 and brokers 1 to 3 in one data directory."""

    def __init__(self, data, first_port):
        self.data = data
        self.first_port = first_port
        brokers, controllers, admin = ports(first_port)
        self.controllers = [Node(data, "controller", 101 + i, port) for i, port in enumerate(controllers)]
        self.brokers = [Node(data, "broker", 1 + i, port, admin[i]) for i, port in enumerate(brokers)]
        self.nodes = self.controllers + self.brokers

    def running(self):
        return [n for n in self.nodes if n.pid()]

    def bootstrap(self, without=None):
        return ",".join("%s:%d" % (HOST, n.port) for n in self.brokers if n is not without)

    def broker(self, node_id):
        return next(n for n in self.brokers if n.id == node_id)

    def write_files(self):
        """The data directory, its marker and every node's properties."""
        try:
            os.makedirs(self.data, exist_ok=True)
            with open(os.path.join(self.data, MARKER), "w") as f:
                json.dump({"port": self.first_port}, f)
            voters = ",".join("%d@%s:%d" % (n.id, HOST, n.port) for n in self.controllers)
            for node in self.nodes:
                os.makedirs(node.dir, exist_ok=True)
                with open(node.conf, "w") as f:
                    f.write(node.properties(voters))
        except OSError as e:
            raise Trouble("%s cannot be written (%s); give another place with --data DIR." % (self.data, e.strerror)) from e

    def check_ports(self):
        """Raises a sentence when a port is taken, before anything is started."""
        numbers = [n.port for n in self.nodes] + [n.admin_port for n in self.brokers]
        for port in numbers:
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind((HOST, port))
                except OSError as e:
                    if e.errno != errno.EADDRINUSE:
                        raise Trouble("port %d cannot be used (%s); choose others with --port N." % (port, e.strerror)) from e
                    raise Trouble("port %d is in use%s; stop that, or use other ports: deploy/quickstart --port %d"
                                  % (port, owner(port), self.first_port + 10000)) from e

    def wait_ready(self, nodes, timeout_s):
        """Waits until all say that they are ready; a node that dies or stays silent is trouble, with its last words."""
        until = time.monotonic() + timeout_s
        waiting = list(nodes)
        while waiting:
            for node in list(waiting):
                if not node.pid():
                    raise Trouble("%s stopped while starting; its last words, from %s:\n%s"
                                  % (node.name, node.log, node.last_words()))
                if node.ready():
                    waiting.remove(node)
            if waiting and time.monotonic() > until:
                raise Trouble("%s is not ready after %.0f s; its last words, from %s:\n%s"
                              % (waiting[0].name, timeout_s, waiting[0].log, waiting[0].last_words()))
            time.sleep(0.01)

    def stop(self):
        """Brokers first, so that they can hand over; answers the names of those that had to be killed."""
        killed = []
        for group in (self.brokers, self.controllers):
            for node in group:
                node.signal(signal.SIGTERM)
            until = time.monotonic() + STOP_S
            for node in group:
                if not node.wait_gone(until):
                    node.signal(signal.SIGKILL)
                    node.wait_gone(until + 5)
                    killed.append(node.name)
        return killed

    def clean(self):
        """Deletes what the quickstart made and nothing else; the directory goes when it is empty then."""
        for node in self.nodes:
            shutil.rmtree(node.dir, ignore_errors=True)
            for path in (node.conf, node.log, node.pid_file):
                if os.path.exists(path):
                    os.unlink(path)
        os.unlink(os.path.join(self.data, MARKER))
        try:
            os.rmdir(self.data)
        except OSError:
            pass  # something else lies there; it stays


def open_cluster(data, port):
    """The cluster of a data directory. `port` None means: the one it was made with, else the default."""
    marker = os.path.join(data, MARKER)
    if os.path.exists(marker):
        try:
            with open(marker) as f:
                made_with = int(json.load(f)["port"])
        except (ValueError, KeyError, TypeError) as e:
            raise Trouble("%s is damaged; remove %s by hand and start again." % (marker, data)) from e
        if port not in (None, made_with):
            raise Trouble("%s was made with --port %d; use that, another --data, or begin anew after deploy/quickstart --clean."
                          % (data, made_with))
        return Cluster(data, made_with)
    if os.path.isdir(data) and os.listdir(data):
        raise Trouble("%s is not empty and was not made by quickstart; give another place with --data DIR." % data)
    if os.path.exists(data) and not os.path.isdir(data):
        raise Trouble("%s is no directory; give another place with --data DIR." % data)
    return Cluster(data, PORT_DEFAULT if port is None else port)


# --- /proc -------------------------------------------------------------------------------------------------------------
def start_time(pid):
    """When a process began, in clock ticks since boot; None when there is none or only its remains."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


def command_line(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().decode(errors="replace").split("\0")
    except OSError:
        return []


def owner(port):
    """` by NAME (pid N)` for who listens on a port, or nothing when that cannot be seen."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as f:
                rows = [line.split() for line in f.readlines()[1:]]
        except OSError:
            continue
        inodes |= {"socket:[%s]" % r[9] for r in rows if r[3] == "0A" and int(r[1].rsplit(":", 1)[1], 16) == port}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if any(os.readlink("/proc/%s/fd/%s" % (pid, fd)) in inodes for fd in os.listdir("/proc/%s/fd" % pid)):
                with open("/proc/%s/comm" % pid) as f:
                    return " by %s (pid %s)" % (f.read().strip(), pid)
        except OSError:
            continue
    return ""

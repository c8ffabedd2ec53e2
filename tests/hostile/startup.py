"""Part `startup`: nodes that must not start say why, and what to do, in a sentence; and those that live beside them do not notice."""
import os, re, shutil, signal, socket, subprocess, time

import cluster, kwire

EXIT_S = 20.0


class Stranger:
    """A node that is started by hand on a configuration of its own beside the living cluster."""

    def __init__(self, suite, role, node_id, name):
        self.suite, self.role = suite, role
        self.dir = os.path.join(suite.data, "startup", name)
        os.makedirs(os.path.dirname(self.dir), exist_ok=True)
        port = suite.o.port + 60
        scheme = "CONTROLLER" if role == "controller" else "PLAINTEXT"
        voters = suite.cluster.voters if role == "broker" else f"{node_id}@127.0.0.1:{port}"
        self.config = {"process.roles": role, "node.id": node_id, "log.dirs": self.dir, "controller.quorum.voters": voters,
                       "controller.listener.names": "CONTROLLER", "listeners": f"{scheme}://127.0.0.1:{port}"}

    def run(self, *args, user=None, text=None, **changes):
        """(exit code or None when it went on, what it said)"""
        path = self.dir + ".properties"
        with open(path, "w") as f:
            f.writelines(f"{k}={v}\n" for k, v in {**self.config, **{k.replace("_", "."): v for k, v in changes.items()}}.items())
            f.write(text or "")
        command = [os.path.join(self.suite.o.build, self.role, f"odradek-{self.role}"), path, *args]
        p = subprocess.Popen(cluster.DIE_WITH_PARENT + command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                             text=True, user=user, group=user, extra_groups=[] if user is not None else None)
        try:
            return p.wait(EXIT_S), p.stdout.read()
        except subprocess.TimeoutExpired:
            p.kill()
            return None, p.stdout.read()

    def owner(self, node_id, cluster_id=None):
        """Its directory belongs to somebody already."""
        os.makedirs(self.dir, exist_ok=True)
        with open(os.path.join(self.dir, "meta.properties"), "w") as f:
            f.write(f"version=1\nnode.id={node_id}\ndirectory.id=EjRWeJq8Te-BAgMEBQYHCA\n")
            f.write(f"cluster.id={cluster_id}\n" if cluster_id else "")


def told(suite, what, result, code, *words):
    """Ended with this code, and said all of these words."""
    got, text = result
    missing = [w for w in words if w.lower() not in text.lower()]
    line = next((x for x in text.splitlines() if words and words[0].lower() in x.lower()), text.strip().splitlines()[-1] if text.strip() else "")
    line = re.sub(r"^\[.*?\] ", "", line)
    suite.check(got == code and not missing, f"startup: {what}: exit {got}, {line[:170]!r}{'' if not missing else ' without ' + str(missing)}"
                                             f"{'' if got == code else ', should be ' + str(code)}")


def configuration(suite):
    b = Stranger(suite, "broker", 7, "config")
    told(suite, "a value of the wrong type", b.run(node_id="seven"), 1, "Invalid value seven for configuration node.id", ".properties:")
    told(suite, "a value out of its range", b.run(num_partitions=0), 1, "Invalid value 0 for configuration num.partitions")
    told(suite, "a word that is none of the allowed", b.run(text="durability=maybe\n"), 1, "Invalid value maybe for configuration durability")
    told(suite, "an unknown key", b.run("--check-config", text="broker.sesion.timeout.ms=5\n"), 0, "did you mean broker.session.timeout.ms")
    told(suite, "an unknown key with config.strict", b.run("--check-config", text="broker.sesion.timeout.ms=5\nconfig.strict=true\n"), 1, "did you mean")
    told(suite, "no node.id", b.run(node_id=""), 1, "node.id")
    told(suite, "a listener that is none", b.run(listeners="PLAINTEXT//x"), 1, "listeners")
    told(suite, "an option that is none", b.run("--bad"), 2, "--help")
    told(suite, "a file of noise", b.run(text="\0\1\2\xff\xfe=\\u12\n" * 100), 1, "error:")


def combined(suite):
    """process.roles=broker,controller: the two commands that are printed are run, and a cluster stands."""
    port = suite.o.port + 60
    s = Stranger(suite, "broker", 1, "combined")
    code, text = s.run(process_roles="broker,controller", listeners=f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{port + 1}",
                       controller_quorum_voters=f"1@127.0.0.1:{port + 1}")
    commands = re.findall(r"(odradek-(broker|controller) .*)$", text, re.M)
    told(suite, "process.roles=broker,controller", (code, text), 1, "Run these two instead", "odradek-broker ", "odradek-controller ")
    running = [subprocess.Popen([*cluster.DIE_WITH_PARENT, os.path.join(suite.o.build, role, line.split()[0]), *line.split()[1:]],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for line, role in commands]
    try:
        up = kwire.wait_until(lambda: len(kwire.metadata(f"127.0.0.1:{port}", [], 2.0).brokers) == 1, 20)
        suite.check(len(running) == 2 and up, "startup: the two commands that it prints make a cluster")
    finally:
        for p in running:
            p.send_signal(signal.SIGKILL)
            p.wait()


def places(suite):
    living, controller = suite.cluster.brokers[0], suite.cluster.controllers[0]
    b, c = Stranger(suite, "broker", 7, "port"), Stranger(suite, "controller", 107, "cport")
    told(suite, "a port in use", b.run(listeners=f"PLAINTEXT://{living.address}"), 3, f"cannot listen on {living.address}", "stop what listens there")
    told(suite, "an admin port in use", b.run(admin_listeners=f"HTTP://127.0.0.1:{living.admin_port}"), 3, "cannot listen on", "admin.listeners")
    told(suite, "an address of another machine", b.run(listeners="PLAINTEXT://192.0.2.1:9092"), 3, "cannot listen on 192.0.2.1:9092", "not one of this machine")
    told(suite, "a controller's port in use", c.run(listeners=f"CONTROLLER://{controller.address}", text=f"controller.quorum.voters=107@{controller.address}\n"),
         3, "the port is in use")
    told(suite, "the directory of a broker that lives", b.run(log_dirs=living.dir, node_id=living.id), 3, "another process that lives has it")
    told(suite, "the directory of a controller that lives", c.run(log_dirs=controller.dir, node_id=controller.id, text=f"controller.quorum.voters={controller.id}@127.0.0.1:{suite.o.port + 60}\n"),
         3, "another process that lives has it")
    b, c = Stranger(suite, "broker", 7, "other-node"), Stranger(suite, "controller", 107, "other-controller")
    b.owner(8)
    c.owner(108)
    told(suite, "the directory of another broker", b.run(), 3, "belongs to node 8; this is broker 7")
    told(suite, "the directory of another controller", c.run(), 3, "belongs to node 108, not to node.id=107")
    b = Stranger(suite, "broker", 7, "other-cluster")
    b.owner(7, "AnotherClusterXXXXXXXX")
    told(suite, "the directory of another cluster", b.run(), 70, "another cluster")
    b, c = Stranger(suite, "broker", 7, "damaged"), Stranger(suite, "controller", 107, "cdamaged")
    for s in (b, c):
        os.makedirs(s.dir, exist_ok=True)
        with open(os.path.join(s.dir, "meta.properties"), "wb") as f:
            f.write(bytes(range(256)) * 10)
    told(suite, "a meta.properties of noise", b.run(), 3, "log directory")
    told(suite, "a controller's meta.properties of noise", c.run(), 3, "meta.properties")
    folders(suite)


def folders(suite):
    b, c = Stranger(suite, "broker", 7, "folder"), Stranger(suite, "controller", 107, "cfolder")
    told(suite, "a file where a directory should be", b.run(log_dirs="/etc/passwd"), 3, "log directory /etc/passwd: is no folder")
    told(suite, "a directory below a file", b.run(log_dirs="/etc/passwd/x"), 3, "log directory /etc/passwd/x: is no folder")
    told(suite, "a controller's file where a directory should be", c.run(log_dirs="/etc/passwd"), 3, "/etc/passwd is no folder")
    if os.geteuid() == 0:
        locked = os.path.join(suite.data, "startup", "of-root")
        os.makedirs(locked, exist_ok=True)
        for folder in (suite.data, os.path.dirname(locked), locked):
            os.chmod(folder, 0o755)
        try:
            result = b.run(log_dirs=locked, user=65534)
        except PermissionError:
            suite.out.note("startup: nobody may not run the program from here: an unwritable directory was not tried")
            return
        told(suite, "a directory that may not be written", result, 3, f"log directory {locked}:")
        told(suite, "a controller's directory that may not be written", c.run(log_dirs=locked, user=65534), 3, f"{locked} cannot be taken")


def startup(suite):
    configuration(suite)
    places(suite)
    combined(suite)
    shutil.rmtree(os.path.join(suite.data, "startup"), ignore_errors=True)


PARTS = {"startup": startup}

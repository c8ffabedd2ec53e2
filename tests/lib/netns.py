"""Network namespaces of this process, with a cable between them; they vanish with the process, so nothing is left to clean up.

    here, there = netns.pair("10.77.0.1", "10.77.0.2")
    with here: ...          # what this thread opens and starts is in that namespace
"""
import ctypes, os, subprocess

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """This user or this kernel cannot; says what to do."""


def _check(result, what):
    if result:
        raise Refused(f"{what}: {os.strerror(ctypes.get_errno())}")


def _own():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Namespace:
    """A new one, with its loopback up. As a context it holds the calling thread, one level deep."""

    def __init__(self):
        before = _own()
        _check(_libc.unshare(CLONE_NEWNET), "a network namespace needs root")
        self.fd, self.before = _own(), None
        try:
            _ip("link", "set", "lo", "up")
        finally:
            _check(_libc.setns(before, CLONE_NEWNET), "setns")
            os.close(before)

    @property
    def path(self):
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    def __enter__(self):
        assert self.before is None, "entered twice"
        self.before = _own()
        _check(_libc.setns(self.fd, CLONE_NEWNET), "setns")
        return self

    def __exit__(self, *_):
        _check(_libc.setns(self.before, CLONE_NEWNET), "setns")
        os.close(self.before)
        self.before = None


def pair(address, other):
    """Two namespaces that reach each other by these addresses and nothing else."""
    if os.geteuid() != 0:
        raise Refused("a network namespace needs root: run this part as root")
    a, b = Namespace(), Namespace()
    with a:
        _ip("link", "add", "cable", "type", "veth", "peer", "name", "other")
        _ip("link", "set", "other", "netns", b.path)
        _ip("addr", "add", f"{address}/24", "dev", "cable")
        _ip("link", "set", "cable", "up")
    with b:
        _ip("addr", "add", f"{other}/24", "dev", "other")
        _ip("link", "set", "other", "up")
    return a, b

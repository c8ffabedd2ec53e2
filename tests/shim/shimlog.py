"""The interposed library from Python: where it is, its environment, its log and its control file (layouts of shim.h)."""
import mmap, os, struct, sys
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import fetch

EVENT = struct.Struct("<QQQQqiBB210s")
CONTROL = struct.Struct("<II248s")
FSYNC, FDATASYNC, SYNC_FILE_RANGE, SYNCFS = 1, 2, 3, 4
Sync = namedtuple("Sync", "begin_ns end_ns device inode size result op injected path")


def library(build_dir):
    return fetch.compiled(build_dir, "tests/shim/libodradek_shim.so", ["tests/shim/shim.c", "tests/shim/shim.h"],
                          os.path.dirname(os.path.dirname(HERE)), shared=True)


class Shim:
    """The log and the control file of one process."""

    def __init__(self, directory, name, build_dir=None):
        os.makedirs(directory, exist_ok=True)
        self.log, self.control = os.path.join(directory, f"{name}.syncs"), os.path.join(directory, f"{name}.control")
        with open(self.control, "wb") as f:
            f.write(bytes(CONTROL.size))
        # a program built with the address sanitizer insists on being loaded first unless told otherwise
        sanitizer = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
        self.env = {"LD_PRELOAD": library(build_dir), "ODRADEK_SHIM_LOG": self.log, "ODRADEK_SHIM_CONTROL": self.control,
                    "ASAN_OPTIONS": sanitizer}

    def set(self, delay_ms=0, error=0, match=""):
        """In force from the next sync on."""
        with open(self.control, "r+b") as f, mmap.mmap(f.fileno(), CONTROL.size) as m:
            m[:] = CONTROL.pack(0, 0, b"")
            m[:] = CONTROL.pack(int(delay_ms * 1000), error, match.encode())

    def syncs(self):
        if not os.path.exists(self.log):
            return []
        with open(self.log, "rb") as f:
            data = f.read()
        whole = len(data) // EVENT.size * EVENT.size
        rows = map(Sync._make, EVENT.iter_unpack(data[:whole]))
        return [s._replace(path=s.path.split(b"\0")[0].decode(errors="replace")) for s in rows]

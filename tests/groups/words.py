"""The groups' requests by the raw protocol, and a member that speaks nothing else: Raw(address, group).join(), .sync(), ..."""
import os, sys, threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "apis")]
import kwire
from messages import Message

FIND = Message(10, 0, 6, 3, "key:str@0-3 type:i8@1 keys[str]@4",
               "throttle:i32@1 error:i16@0-3 message?:str@1-3 node:i32@0-3 host:str@0-3 port:i32@0-3 "
               "all[ key:str node:i32 host:str port:i32 error:i16 message?:str ]@4")
JOIN = Message(11, 0, 9, 6, "group:str session_ms:i32 rebalance_ms:i32@1 member:str instance?:str@5 type:str protocols[ name:str metadata:bytes ] "
               "reason?:str@8",
               "throttle:i32@2 error:i16 generation:i32 type?:str@7 protocol?:str leader:str skip:bool@9 member:str "
               "members[ member:str instance?:str@5 metadata:bytes ]")
SYNC = Message(14, 0, 5, 4, "group:str generation:i32 member:str instance?:str@3 type?:str@5 protocol?:str@5 assignments[ member:str assignment:bytes ]",
               "throttle:i32@1 error:i16 type?:str@5 protocol?:str@5 assignment:bytes")
HEARTBEAT = Message(12, 0, 4, 4, "group:str generation:i32 member:str instance?:str@3", "throttle:i32@1 error:i16")
LEAVE = Message(13, 0, 5, 4, "group:str member:str@0-2 members[ member:str instance?:str reason?:str@5 ]@3",
                "throttle:i32@1 error:i16 members[ member:str instance?:str error:i16 ]@3")
COMMIT = Message(8, 2, 9, 8, "group:str generation:i32 member:str instance?:str@7 retention:i64@2-4 "
                 "topics[ name:str partitions[ index:i32 offset:i64 epoch:i32@6 metadata?:str ] ]",
                 "throttle:i32@3 topics[ name:str partitions[ index:i32 error:i16 ] ]")
FETCH = Message(9, 1, 7, 6, "group:str topics?[ name:str partitions[i32] ] stable:bool@7",
                "throttle:i32@3 topics[ name:str partitions[ index:i32 offset:i64 epoch:i32@5 metadata?:str error:i16 ] ] error:i16@2")
DESCRIBE = Message(15, 0, 6, 5, "groups[str] ops:bool@3",
                   "throttle:i32@1 groups[ error:i16 message?:str@6 group:str state:str type:str protocol:str "
                   "members[ member:str instance?:str@4 client:str host:str metadata:bytes assignment:bytes ] ops:i32@3 ]")
DELETE = Message(42, 0, 2, 2, "groups[str]", "throttle:i32 results[ group:str error:i16 ]")
FORGET = Message(47, 0, 0, 9, "group:str topics[ name:str partitions[i32] ]",
                 "error:i16 throttle:i32 topics[ name:str partitions[ index:i32 error:i16 ] ]")


NOT_YET = {14, 15, 16}  # the coordinator loads, is not available, is another one


def coordinator(bootstrap, group, patience_s=30.0):
    """'host:port' of the group's coordinator, once there is one that has loaded what it is to know."""
    def serves(address):
        with kwire.Connection(address, 5.0) as c:
            return HEARTBEAT.call(c, 0, group=group, generation=0, member="nobody")["error"] not in NOT_YET

    def ask():
        for address in bootstrap.split(","):
            try:
                with kwire.Connection(address, 5.0) as c:
                    told = FIND.call(c, 3, key=group, type=0)
                found = f"{told['host']}:{told['port']}"
                if told["error"] == 0 and serves(found):
                    return found
            except OSError:
                pass
    return kwire.wait_until(ask, patience_s, 0.1)


class Raw:
    """One member on one connection. Each call answers the decoded message; `at` is (version by API) where another one is asked for."""

    def __init__(self, address, group, session_ms=6000, rebalance_ms=6000, timeout_s=30.0):
        self.connection = kwire.Connection(address, timeout_s)
        self.group, self.session_ms, self.rebalance_ms = group, session_ms, rebalance_ms
        self.member, self.generation, self.instance = "", -1, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.__exit__()

    def ask(self, message, version=None, **values):
        base = {"group": self.group, "member": self.member, "generation": self.generation, "instance": self.instance, "reason": None,
                "type": "consumer", "protocol": "range", "retention": -1}
        return message.call(self.connection, message.versions[-1] if version is None else version, **{**base, **values})

    def join_once(self, version=None, **values):
        base = {"session_ms": self.session_ms, "rebalance_ms": self.rebalance_ms, "protocols": [{"name": "range", "metadata": b"\0\0"}]}
        return self.ask(JOIN, version, **{**base, **values})

    def join(self, **values):
        """As clients do: asks for an id first, then joins with it."""
        told = self.join_once(**values)
        if told["error"] == 79:
            self.member = told["member"]
            told = self.join_once(**values)
        if told["error"] == 0:
            self.member, self.generation = told["member"], told["generation"]
        return told

    def sync(self, version=None, **values):
        return self.ask(SYNC, version, **{"assignments": [], **values})

    def heartbeat(self, version=None, **values):
        return self.ask(HEARTBEAT, version, **values)["error"]

    def leave(self, version=None, **values):
        return self.ask(LEAVE, version, **{"members": [{"member": self.member, "instance": self.instance, "reason": None}], **values})

    def commit(self, topic, partition, offset, version=None, metadata="", **values):
        rows = [{"name": topic, "partitions": [{"index": partition, "offset": offset, "epoch": -1, "metadata": metadata}]}]
        return self.ask(COMMIT, version, **{"topics": rows, **values})["topics"][0]["partitions"][0]["error"]

    def fetch(self, topic, partition, version=None, **values):
        """(error, offset)"""
        told = self.ask(FETCH, version, **{"topics": [{"name": topic, "partitions": [partition]}], "stable": False, **values})
        if told.get("error"):
            return told["error"], None
        row = told["topics"][0]["partitions"][0]
        return row["error"], row["offset"]


def beside(call):
    """Runs the call in a thread of its own; the answer's `take(seconds)` is what it answered, or the error that ended it."""
    class Answer(threading.Thread):
        def run(self):
            try:
                self.told = call()
            except OSError as e:
                self.told = repr(e)

        def take(self, seconds=30.0):
            self.join(seconds)
            return self.told if not self.is_alive() else "no answer"

    answer = Answer(daemon=True)
    answer.start()
    return answer

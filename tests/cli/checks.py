"""What each part of the suite `cli` does and demands."""
import json, os, socket, subprocess, time

import kwire


class Answer:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        """The one JSON document on standard output; None when it is none, or more than one."""
        try:
            return json.loads(self.out)
        except ValueError:
            return None

    @property
    def lines(self):
        return self.out.splitlines()

    def __str__(self):
        return f"exit {self.code}, out {self.out[-300:]!r}, err {self.err[-300:]!r}"


class Suite:
    def __init__(self, nodes, out, program, data, options):
        self.c, self.out, self.program, self.data, self.o = nodes, out, os.path.abspath(program), data, options

    def ask(self, *words, stdin="", bootstrap=None, timeout=60):
        env = {**os.environ, "ODRADEK_BOOTSTRAP": bootstrap or self.c.bootstrap}
        done = subprocess.run([self.program, *words], input=stdin, capture_output=True, text=True, env=env, timeout=timeout)
        return Answer(done)

    def good(self, sentence, answer, also=True):
        return self.out.check(answer.code == 0 and also, sentence if answer.code == 0 and also else f"{sentence}: {answer}")

    def refused(self, sentence, answer, code, *texts):
        """Ends with this code; says all of these on standard error, and what to do next or which name is meant."""
        fine = answer.code == code and all(t in answer.err for t in texts)
        return self.out.check(fine, sentence if fine else f"{sentence}: {answer}")

    def start(self, *words, **kw):
        env = {**os.environ, "ODRADEK_BOOTSTRAP": self.c.bootstrap}
        return subprocess.Popen([self.program, *words], env=env, **kw)

    def topic(self, name, partitions=3):
        self.ask("topics", "create", name, "-p", str(partitions), "-r", "3")
        self.c.wait_isr_full(name)

    # ---- words ----
    def words(self):
        nobody = "127.0.0.1:1"
        help_text = self.ask("help").out
        for command in ("topics list", "topics create", "topics describe", "topics alter", "topics delete", "topics offsets",
                        "topics trim", "produce", "consume", "cluster", "doctor", "completion"):
            one = self.ask(*command.split(), "--help")
            if one.code != 0 or command not in help_text or "usage: odradek " + command not in one.out:
                self.out.check(False, f"{command} has help: {one}")
        self.out.check(True, "every command has help")
        man = self.ask("man")
        self.good("the man page is well-formed", man, man.out.startswith(".TH ODRADEK 1") and ".SH EXIT STATUS" in man.out)
        for shell in ("bash", "zsh", "fish"):
            script = self.ask("completion", shell)
            self.good(f"completion for {shell}", script, "topics" in script.out and "--bootstrap-server" in script.out
                      or "-l bootstrap-server" in script.out)
        self.bash_completes()
        self.refused("an unknown option names the nearest", self.ask("topics", "create", "x", "--partition", "3"), 2, "--partitions")
        self.refused("an unknown command names the nearest", self.ask("topics", "lst"), 2, "topics list")
        self.refused("a missing word names itself", self.ask("produce"), 2, "TOPIC")
        self.refused("a wrong number", self.ask("topics", "create", "x", "-p", "many"), 2, "number")
        self.refused("a wrong word", self.ask("produce", "x", "--acks", "2"), 2, "all|1|0")
        wrong = self.ask("topics", "list", "--jsn", "--json")
        self.refused("a wrong line is JSON too", wrong, 2) and self.out.check(
            wrong.json is not None and wrong.json["error"]["exit_code"] == 2, "... with its exit code")
        self.refused("nothing listens", self.ask("topics", "list", bootstrap=nobody), 3, "refused", "next:")
        gone = self.ask("cluster", "--json", bootstrap=nobody)
        self.out.check(gone.code == 3 and gone.json and gone.json["error"]["next"], "nothing listens, as JSON" if gone.json else str(gone))
        self.refused("a name that does not resolve", self.ask("topics", "list", bootstrap="no.such.host.invalid:9092"), 3, "next:")
        self.refused("an address that is none", self.ask("topics", "list", "-b", "host:port"), 2, "host:port")
        self.strangers()
        began = time.monotonic()
        for _ in range(10):
            self.ask("version")
        self.out.note(f"start: {(time.monotonic() - began) * 100:.1f} ms a run, the process included")

    def bash_completes(self):
        script = self.ask("completion", "bash").out + (
            "\nCOMP_WORDS=(odradek topics cre); COMP_CWORD=2; _odradek; echo \"${COMPREPLY[@]}\""
            "\nCOMP_WORDS=(odradek produce x --compression ''); COMP_CWORD=4; _odradek; echo \"${COMPREPLY[@]}\""
            "\nCOMP_WORDS=(odradek consume --fo); COMP_CWORD=2; _odradek; echo \"${COMPREPLY[@]}\"\n")
        done = subprocess.run(["bash", "--norc"], input=script, capture_output=True, text=True)
        self.out.check(done.stdout.splitlines() == ["create", "none gzip snappy lz4 zstd", "--follow"],
                       f"bash completes commands, words and options: {done.stdout!r} {done.stderr!r}")

    def strangers(self):
        """Somebody who takes the connection and says nothing, or rubbish, or claims a giant answer."""
        for what, words, code in (("silence", None, 5), ("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n", 3),
                                  ("a giant length", b"\x7f\xff\xff\xff\0\0\0\0", 3), ("a negative length", b"\xff\xff\xff\xff", 3)):
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                s.listen()
                p = self.start("topics", "list", "--timeout", "1", "-b", "127.0.0.1:%d" % s.getsockname()[1],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                conn, _ = s.accept()
                if words:
                    conn.recv(1000)
                    conn.sendall(words)
                _, err = p.communicate(timeout=20)
                conn.close()
                self.out.check(p.returncode == code and "next:" in err, f"a server that answers with {what}: exit {p.returncode} {err!r}")

    # ---- topics ----
    def topics(self):
        made = self.ask("topics", "create", "orders", "-p", "3", "-r", "3", "--set", "retention.ms=3600000", "--json")
        self.good("topics create", made, made.json and made.json["topics"][0]["partitions"] == 3 and made.json["topics"][0]["created"])
        self.c.wait_isr_full("orders")
        self.refused("create again", self.ask("topics", "create", "orders"), 1, "already exists", "next:")
        self.good("create --if-not-exists", self.ask("topics", "create", "orders", "--if-not-exists"))
        dry = self.ask("topics", "create", "dry", "--dry-run")
        self.good("create --dry-run changes nothing", dry, "dry" not in self.ask("topics", "list", "--names").lines)
        self.refused("too many replicas", self.ask("topics", "create", "x", "-r", "9"), 1, "INVALID_REPLICATION_FACTOR", "next:")
        self.refused("a name that is none", self.ask("topics", "create", "a b"), 1, "INVALID_TOPIC_EXCEPTION")
        self.refused("an unknown setting", self.ask("topics", "create", "x", "--set", "bogus=1"), 1, "bogus", "next:")
        by_hand = self.ask("topics", "create", "by-hand", "--assign", "2,1", "--assign", "3,2", "--json")
        self.good("create --assign", by_hand)
        listed = self.ask("topics", "list", "--json")
        self.good("topics list --json", listed, {t["name"] for t in listed.json["topics"]} >= {"orders", "by-hand"})
        self.good("topics list is a table", self.ask("topics", "list"), "orders" in self.ask("topics", "list").out)
        seen = self.ask("topics", "describe", "by-hand", "--json").json["topics"][0]
        self.out.check([p["replicas"] for p in seen["partitions"]] == [[2, 1], [3, 2]], "describe --json shows the replicas assigned")
        text = self.ask("topics", "describe", "orders")
        self.good("describe shows settings and partitions", text, "retention.ms=3600000" in text.out and "IN SYNC" in text.out)
        gone = self.ask("topics", "describe", "orders", "nosuch", "--json")
        self.out.check(gone.code == 1 and gone.json and {bool(t.get("error")) for t in gone.json["topics"]} == {True, False},
                       "describe of a topic that is not there: exit 1, the other one shown" if gone.json else str(gone))
        self.alter()
        self.offsets()
        self.refused("delete asks first", self.ask("topics", "delete", "by-hand"), 2, "--yes")
        self.good("topics delete", self.ask("topics", "delete", "by-hand", "--yes"))
        kwire.wait_until(lambda: "by-hand" not in self.ask("topics", "list", "-n").lines, 10)
        self.refused("delete again", self.ask("topics", "delete", "by-hand", "--yes"), 1, "UNKNOWN_TOPIC_OR_PARTITION", "next:")
        self.good("delete --if-exists", self.ask("topics", "delete", "by-hand", "--yes", "--if-exists"))

    def alter(self):
        self.good("alter settings and partitions", self.ask("topics", "alter", "orders", "--set", "retention.ms=7200000", "-p", "4"))
        kwire.wait_until(lambda: len(self.ask("topics", "describe", "orders", "--json").json["topics"][0]["partitions"]) == 4, 10)
        seen = self.ask("topics", "describe", "orders", "--json").json["topics"][0]
        self.out.check(len(seen["partitions"]) == 4 and {"name": "retention.ms", "value": "7200000", "source": "topic"} in seen["settings"],
                       f"... and describe shows both: {seen['settings']}")
        self.refused("fewer partitions", self.ask("topics", "alter", "orders", "-p", "2"), 1, "INVALID_PARTITIONS")
        self.refused("a wrong value", self.ask("topics", "alter", "orders", "--set", "retention.ms=soon"), 1, "INVALID_CONFIG")
        self.refused("alter nothing", self.ask("topics", "alter", "orders"), 2, "next:")
        self.good("alter --unset", self.ask("topics", "alter", "orders", "--unset", "retention.ms"))

    def offsets(self):
        self.topic("marks", 2)
        self.ask("produce", "marks", "-p", "0", "-q", stdin="a\nb\nc\n")
        at = self.ask("topics", "offsets", "marks", "--json").json
        self.out.check([(p["beginning"], p["end"]) for p in at["partitions"]] == [(0, 3), (0, 0)], f"topics offsets: {at}")
        late = self.ask("topics", "offsets", "marks", "--at", "2100-01-01", "--json").json
        past = self.ask("topics", "offsets", "marks", "--at", "-1h", "--json").json
        self.out.check(late["partitions"][0]["offset"] == -1 and past["partitions"][0]["offset"] == 0, "... at a time")
        self.refused("a time that is none", self.ask("topics", "offsets", "marks", "--at", "noon"), 2, "next:")
        trimmed = self.ask("topics", "trim", "marks", "--before", "2", "-p", "0", "--yes", "--json")
        self.good("topics trim", trimmed, trimmed.json and trimmed.json["partitions"][0]["beginning"] == 2)
        read = self.ask("consume", "marks")
        self.good("... and only what is left is read", read, read.lines == ["c"])
        gone = self.ask("consume", "marks", "--from", "0", "-p", "0")
        self.good("an offset that is gone is told, reading goes on at the start", gone, gone.lines == ["c"] and "are gone" in gone.err)

    # ---- records ----
    def records(self):
        self.topic("t")
        keyed = "".join(f"k{i}:v{i}\n" for i in range(100))
        made = self.ask("produce", "t", "--key", "--json", stdin=keyed)
        self.good("produce keys", made, made.json and made.json["records_written"] == 100)
        read = self.ask("consume", "t", "--key", "--separator", ":")
        self.good("consume keys", read, sorted(read.lines) == sorted(keyed.split()))
        again = self.ask("produce", "t", "--key", "-q", stdin=keyed) and [json.loads(r) for r in self.ask("consume", "t", "--json").lines]
        self.topic("odd", 1)
        self.ask("produce", "odd", "--key", "--separator", "\\x1Zz", stdin="a\x01Zzb\n")
        odd = [json.loads(r) for r in self.ask("consume", "odd", "--json").lines]
        self.out.check([(r["key"], r["value"]) for r in odd] == [("a", "b")], "a separator with one hexadecimal digit")
        homes = {}
        for r in again:
            homes.setdefault(r["key"], set()).add(r["partition"])
        self.out.check(len(again) == 200 and all(len(h) == 1 for h in homes.values()), "a key always meets its partition")
        self.codecs()
        self.json_lines()
        self.places()
        self.acks()
        self.refused("a topic that is not there", self.ask("produce", "nosuch", stdin="x\n"), 1, "does not exist", "next:")
        self.refused("... to read", self.ask("consume", "nosuch"), 1, "does not exist", "next:")
        self.refused("a partition that is not there", self.ask("consume", "t", "-p", "77"), 1, "77", "next:")
        self.refused("a partition that is none", self.ask("consume", "t", "-p", "x"), 2, "next:")
        self.refused("an offset behind the end", self.ask("consume", "t", "-p", "0", "--from", "999999", "-F"), 1, "999999", "next:")
        self.refused("a line without its separator", self.ask("produce", "t", "--key", stdin="a:b\nnone\n"), 1, "line 2", "next:")
        skipped = self.ask("produce", "t", "--key", "--skip-bad-lines", "--json", stdin="a:b\nnone\nc:d\n")
        self.good("... passed over", skipped, skipped.json["records_written"] == 2 and skipped.json["lines_skipped"] == 1)
        self.refused("a line that is too long", self.ask("produce", "t", "--line-bytes", "1024", stdin="ok\n" + "x" * 5000 + "\n"), 1, "line 2", "line-bytes")
        self.topic("small", 1)
        self.ask("topics", "alter", "small", "--set", "max.message.bytes=1000")
        time.sleep(0.3)
        big = self.ask("produce", "small", "--json", stdin="x" * 3000 + "\n")
        self.refused("a record too large for its topic", big, 1, "MESSAGE_TOO_LARGE", "next:")
        self.out.check(big.json and big.json["error"] and big.json["records_written"] == 0, "... as JSON, one object")
        self.refused("a full disk", Answer(subprocess.run(f"{self.program} consume t -b {self.c.bootstrap} >/dev/full", shell=True,
                     capture_output=True, text=True)), 1, "cannot be written")
        head = subprocess.run(f"{self.program} consume t -b {self.c.bootstrap} | head -n 1", shell=True, capture_output=True, text=True)
        self.out.check(head.stderr == "" and head.stdout.count("\n") == 1, f"a reader that goes away is no error: {head.stderr!r}")

    def codecs(self):
        self.topic("codecs", 1)
        want = []
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            lines = [f"{codec} {i} " + "x" * 50 for i in range(200)]
            want += lines
            self.ask("produce", "codecs", "-z", codec, "-q", stdin="\n".join(lines))
        self.out.check(self.ask("consume", "codecs").lines == want, "every codec is written and read, in order")

    def json_lines(self):
        self.topic("js", 1)
        rows = [{"key": "k", "value": {"n": 12345678901234567890, "a": [1, None, "\u00e9\U0001f600"]},
                 "headers": [{"key": "h", "value": "1"}, {"key": "h", "value": None}]},
                {"key": None, "value": None}, {"value_base64": "AAH/"}, {"value": "", "headers": {"a": "b"}, "timestamp": 1000}]
        self.good("produce JSON lines", self.ask("produce", "js", "-f", "json", stdin="".join(json.dumps(r) + "\n" for r in rows)))
        got = [json.loads(line) for line in self.ask("consume", "js", "--json").lines]
        self.out.check(json.loads(got[0]["value"]) == rows[0]["value"] and got[0]["headers"] == rows[0]["headers"], f"nested JSON, headers: {got[0]}")
        self.out.check(got[1]["key"] is None and got[1]["value"] is None, "null key and value")
        self.out.check(got[2]["value_base64"] == "AAH/" and "value" not in got[2], "bytes that are no text")
        self.out.check(got[3]["value"] == "" and got[3]["headers"] == [{"key": "a", "value": "b"}]
                       and got[3]["timestamp"] == "1970-01-01T00:00:01.000Z", f"empty is not null, times are kept: {got[3]}")
        self.topic("js2", 1)
        self.ask("produce", "js2", "-f", "json", "-q", stdin=self.ask("consume", "js", "--json").out)
        copy = [json.loads(line) for line in self.ask("consume", "js2", "--json").lines]
        self.out.check([{**r, "topic": 0} for r in copy] == [{**r, "topic": 0} for r in got], "consume --json | produce -f json copies a topic")
        for bad in ('{"key":}', '["x"]', '{"vlaue":1}', '{"value":"\\ud800"}', '{"value":1} x', "[" * 100000, '{"partition":99}'):
            answer = self.ask("produce", "js", "-f", "json", stdin=bad + "\n")
            if answer.code != 1 or "line 1" not in answer.err:
                self.out.check(False, f"JSON that is wrong: {bad[:40]!r}: {answer}")
        self.out.check(True, "JSON that is wrong is refused with its line")
        self.ask("produce", "js", "-q", "--headers", "--key", "-s", "|", "-H", "all=1", stdin="a:1,b:2|k|v\n")
        last = json.loads(self.ask("consume", "js", "--json", "--from", "-1").out)
        self.out.check([(h["key"], h["value"]) for h in last["headers"]] == [("all", "1"), ("a", "1"), ("b", "2")] and last["key"] == "k",
                       f"headers in text: {last}")

    def places(self):
        self.topic("places", 2)
        self.ask("produce", "places", "-p", "0", "-q", stdin="".join(f"{i}\n" for i in range(10)))
        self.ask("produce", "places", "-p", "1", "-q", stdin="".join(f"{i}\n" for i in range(10, 20)))
        time.sleep(0.05)
        mark = int(time.time() * 1000)
        self.ask("produce", "places", "-p", "0", "-q", stdin="late\n")
        numbers = lambda *words: sorted(self.ask("consume", "places", *words).lines)
        self.out.check(numbers("-p", "0", "--from", "8") == ["8", "9", "late"], "from an offset")
        self.out.check(numbers("--from", "-1") == ["19", "late"], "from the last of each")
        self.out.check(numbers("--from", f"@{mark}") == ["late"], "from a time")
        self.out.check(len(numbers("-n", "4")) == 4 and numbers("-n", "0") == [], "so many records")
        self.out.check(numbers("-p", "0,1", "--from", "beginning") == numbers(), "named partitions")
        p = self.start("consume", "places", "--from", "end", "-n", "3", stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        self.ask("produce", "places", "-q", stdin="x\ny\nz\n")
        out, _ = p.communicate(timeout=20)
        self.out.check(sorted(out.split()) == ["x", "y", "z"], f"from the end, following: {out!r}")
        p = self.start("consume", "places", "-F", stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        p.terminate()
        out, _ = p.communicate(timeout=20)
        self.out.check(p.returncode == 0 and len(out.split()) == 24, f"SIGTERM ends a follower in order: exit {p.returncode}, {len(out.split())} records")

    def acks(self):
        self.topic("acks", 1)
        for acks in ("all", "1", "0"):
            self.good(f"acks={acks}", self.ask("produce", "acks", "-a", acks, stdin=f"{acks}\n" * 1000))
        kwire.wait_until(lambda: len(self.ask("consume", "acks").lines) == 3000, 10)
        self.out.check(len(self.ask("consume", "acks").lines) == 3000, "... and all of them are there")

    # ---- look ----
    def look(self):
        self.topic("watched")
        seen = self.ask("cluster", "--json")
        self.good("cluster --json", seen, seen.json and len(seen.json["brokers"]) == 3 and seen.json["under_replicated"] == 0)
        self.out.check(all(b["state"] == "ok" for b in seen.json["brokers"]), "... all brokers answer")
        self.out.check(len(seen.json["controllers"]) == 3 and sum(c["active"] for c in seen.json["controllers"]) == 1,
                       f"... controllers, one of them active: {seen.json['controllers']}")
        text = self.ask("cluster", "--all")
        self.good("cluster is tables", text, "BROKER" in text.out and "watched" in text.out and "healthy" in text.out)
        well = self.ask("doctor", "--json", "--write", "watched")
        self.good("doctor --json: all is well", well, well.json and well.json["healthy"] and well.json["failed"] == 0
                  and {"name", "connection", "ApiVersions", "metadata", "advertised", "controllers", "partitions", "write", "read"}
                  <= {h["hop"] for h in well.json["hops"]})
        self.good("doctor is text", self.ask("doctor"), "all is well" in self.ask("doctor").out)
        sick = self.ask("doctor", "--json", bootstrap=f"127.0.0.1:1,{self.c.bootstrap},no.such.host.invalid")
        failing = [h for h in sick.json["hops"] if h["state"] == "failed"]
        self.out.check(sick.code == 6 and len(failing) == 2 and all(h["next"] for h in failing), f"doctor names failing hops and next steps: {failing}")
        none = self.ask("doctor", bootstrap="127.0.0.1:1")
        self.out.check(none.code == 3 and "next:" in none.out, f"doctor where nothing listens: {none}")
        if not self.o.peer:
            controller = self.ask("doctor", bootstrap=self.c.controllers[0].address, timeout=40)
            self.out.check(controller.code == 3 and "next:" in controller.out, f"doctor at a controller's port: {controller}")
        self.c.kill(3)
        rest = ",".join(n.address for n in self.c.brokers if n.alive)
        kwire.wait_until(lambda: self.ask("cluster", "--json", bootstrap=rest).json["under_replicated"] > 0, 20)
        hurt = self.ask("cluster", "--check", bootstrap=rest)
        self.out.check(hurt.code == 6 and "NOT HEALTHY" in hurt.out and "watched" in hurt.out, f"a dead broker: cluster --check: {hurt}")
        hurt = self.ask("doctor", bootstrap=rest)
        self.out.check(hurt.code == 6 and "lack replicas" in hurt.out, "... and doctor says which step is next")
        self.c.restart(3)
        self.c.wait_ready()
        self.c.wait_isr_full("watched")

    # ---- kills ----
    def kills(self):
        rounds = 5 if self.o.full else 1
        for i in range(rounds):
            self.kill_round(f"kill{i}", ["-z", "lz4"] if i % 2 else [])

    def kill_round(self, topic, more):
        count = 30000
        self.topic(topic)
        writer = self.start("produce", topic, "--key", "--json", *more, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        path = os.path.join(self.data, topic + ".read")
        with open(path, "w") as f:
            reader = self.start("consume", topic, "--follow", "-n", str(count), "--key", "--offsets", stdout=f)
        victim = self.c.leader(topic, 0)
        for i in range(count):
            writer.stdin.write(f"k{i % 50}:{i}\n")
            if i % 150 == 149:
                writer.stdin.flush()
                time.sleep(0.01)
            if i == count // 3:
                self.c.kill(victim)
            if i == 2 * count // 3:
                self.c.restart(victim)
        out, _ = writer.communicate(timeout=60)
        self.out.check(writer.returncode == 0 and json.loads(out)["records_written"] == count,
                       f"leader {victim} killed and brought back while {count} records are written: {out[:200]}")
        try:
            reader.wait(30)
        except subprocess.TimeoutExpired:
            reader.kill()
            reader.wait()
        with open(path) as f:
            rows = [line.rstrip("\n").split("\t") for line in f]
        values = [int(r[2]) for r in rows]
        self.out.check(sorted(values) == list(range(count)),
                       f"a follower reads each once: {len(values)} read, {len(set(values))} different")
        self.judge_order(rows)
        final = self.ask("consume", topic, "--key", "--offsets")
        self.out.check(sorted(final.lines) == sorted("\t".join(r) for r in rows), "... and a second reader sees the same at the same offsets")
        self.c.wait_isr_full(topic)

    def judge_order(self, rows):
        last, wrong = {}, 0
        for _, key, value in rows:
            wrong += last.get(key, -1) >= int(value)
            last[key] = int(value)
        self.out.check(wrong == 0, f"the order of each key is kept ({wrong} out of order)")

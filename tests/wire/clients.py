"""The clients of the matrix, each able to write or to read the records of a spec, most of them both.

write(spec) raises Failed with the tool's own words; read(spec) answers (rows, text_headers) for records.compare.
Every client is a process of its own, of a pinned version, run with its default settings but for what the spec asks.
"""
import json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import fetch, frames
import records as r

TIMEOUT_S = 240


class Failed(Exception):
    pass


def run(cmd, env=None, stdin=None, stdout=subprocess.DEVNULL):
    """Runs a client, `stdin` bytes or a file; its standard error is the message of a failure."""
    source = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin or subprocess.DEVNULL}
    try:
        done = subprocess.run(cmd, env=env, **source, stdout=stdout, stderr=subprocess.PIPE, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise Failed(f"{os.path.basename(cmd[0])} was not done after {TIMEOUT_S} s")
    if done.returncode:
        raise Failed(f"{os.path.basename(cmd[0])} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-800:]}")
    return done


class Worker:
    """A client library, driven by one of the worker programs in its own interpreter; `kind` names them."""

    def __init__(self, name, profile, kind, python, env=None):
        self.name, self.profile, self.script, self.python, self.env = name, profile, os.path.join(HERE, f"worker_{kind}.py"), python, env
        self.timed, self.admin = True, ([python, os.path.join(HERE, f"admin_{kind}.py")], env)

    def write(self, spec):
        run([self.python, self.script, "write", spec.line()], self.env)

    def read(self, spec):
        with tempfile.NamedTemporaryFile() as sink:
            run([self.python, self.script, "read", spec.line(), sink.name], self.env)
            return r.Sink.rows(sink.name), False


class Framed:
    """A client library, driven by a worker program in its own language that takes and gives records as frames."""
    timed = True

    def __init__(self, name, command, profile="any", env=None, admin=None):
        self.name, self.command, self.profile, self.env = name, command, profile, env
        self.admin = (admin, env) if admin else None

    def write(self, spec):
        with tempfile.TemporaryFile() as source:
            frames.write(spec, source)
            source.seek(0)
            run([*self.command, "write", spec.bootstrap, spec.topic, spec.codec], self.env, source)

    def read(self, spec):
        with tempfile.TemporaryFile() as sink:
            run([*self.command, "read", spec.bootstrap, spec.topic, str(spec.partitions)], self.env, stdout=sink)
            sink.seek(0)
            return frames.rows(spec, sink), False


class Kcat:
    """Headers, partition and whether "empty" means null are options of the whole process: one process per run of equal ones. Records
    of up to 2 KiB go in as one stream with delimiters, big ones as files. It prints headers as a text; null ones as NULL."""
    name, profile, timed, admin = "kcat", "kcat", False, None
    field_end, big = b"\x1e\x1f", 100_000

    def __init__(self, program):
        self.program = program

    def write(self, spec):
        batch, shape = [], None
        for partition, key, value, headers, _ in r.records(spec):
            own = partition, headers, len(value or b"") >= self.big
            if own != shape or own[2]:
                self._send(spec, shape, batch)
                batch, shape = [], own
            batch.append((key, value))
        self._send(spec, shape, batch)

    def _send(self, spec, shape, batch):
        if not batch:
            return
        partition, headers, big = shape
        cmd = [self.program, "-P", "-b", spec.bootstrap, "-t", spec.topic, "-p", str(partition), "-z", spec.codec, "-X", "enable.idempotence=true"]
        for name, value in headers:
            cmd += ["-H", name if value is None else f"{name}={value.decode()}"]
        if any(value is None for _, value in batch):
            cmd.append("-Z")
        if big:
            (key, value), = batch
            with tempfile.NamedTemporaryFile() as f:
                f.write(value)
                f.flush()
                run(cmd + ([] if key is None else ["-k", key.decode()]) + [f.name])
            return
        stream = b"".join((b"" if key is None else key + r.KCAT_KEY) + (value or b"") + r.KCAT_RECORD for key, value in batch)
        run(cmd + ["-K", r.KCAT_KEY.decode(), "-D", r.KCAT_RECORD.decode()], stdin=stream)

    def read(self, spec):
        end = "".join(f"\\x{b:02x}" for b in self.field_end)
        form = f"%p %o %T %K %S {end}%h{end}%k%s{end}"
        with tempfile.TemporaryFile() as out:
            run([self.program, "-C", "-q", "-b", spec.bootstrap, "-t", spec.topic, "-o", "beginning", "-e", "-f", form], stdout=out)
            out.seek(0)
            return self._rows(spec, out.read()), True

    def _rows(self, spec, data):
        rows, at, end = [], 0, self.field_end
        while at < len(data):
            head = data.index(end, at)
            partition, offset, time_ms, key_len, len_ = map(int, data[at:head].split())
            body = data.index(end, head + 2)
            text, at = data[head + 2:body], body + 2
            key = None if key_len < 0 else data[at:at + key_len]
            at += max(0, key_len)
            value = None if len_ < 0 else data[at:at + len_]
            at += max(0, len_) + 2
            if data[at - 2:at] != end:
                raise Failed(f"kcat printed other bytes than their lengths say at partition {partition} offset {offset}")
            rows.append((partition, offset, r.digest(key, value, [("", text)] if text else [], time_ms if spec.timed else None)))
        return rows


class Java:
    """Console producer and consumer of one release. The producer reads lines of text and has no null-headers mark of its own but
    `null.marker`; it chooses the partition. The consumer prints raw bytes, so it reads everything; one process per partition."""
    profile, timed, admin = "text", False, None
    SEP, HEADS, HEADER, PAIR, LINE, NULL = (r.TEXT_MARKS[mark] for mark in ("key", "headers", "header", "pair", "line", "null"))

    def __init__(self, name, version):
        self.name, self.jars = name, fetch.kafka_jars(version)
        self.new = version >= "4"

    def command(self, main, *args):
        return [*JVM, "-cp", f"{self.jars}/*", main, *args]

    def properties(self, kind, pairs):
        option = {"reader": "--reader-property", "formatter": "--formatter-property"}[kind] if self.new else "--property"
        return [a for k, v in pairs.items() for a in (option, f"{k}={v}")]

    def write(self, spec):
        main = "org.apache.kafka.tools.ConsoleProducer" if self.new else "kafka.tools.ConsoleProducer"
        show = lambda data: self.NULL if data is None else data.decode()
        lines = []
        for _, key, value, headers, _ in r.records(spec):
            head = self.HEADER.join(f"{name}{self.PAIR}{show(data)}" for name, data in headers)
            lines.append(f"{head if headers else self.NULL}{self.HEADS}{show(key)}{self.SEP}{show(value)}\n".encode())
        codec = ["--compression-codec", spec.codec] if spec.codec != "none" else []
        run(self.command(main, "--bootstrap-server", spec.bootstrap, "--topic", spec.topic, *codec, *self.properties("reader", {
            "parse.key": "true", "parse.headers": "true", "key.separator": self.SEP, "headers.delimiter": self.HEADS,
            "headers.separator": self.HEADER, "headers.key.separator": self.PAIR, "null.marker": self.NULL})), stdin=b"".join(lines))

    def read(self, spec):
        rows = []
        for partition, written in enumerate(r.expected(spec.line())):
            if written:
                rows += self._read_partition(spec, partition, len(written))
        return rows, False

    def _read_partition(self, spec, partition, count):
        with tempfile.TemporaryFile() as out:
            run(self.command("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", spec.bootstrap, "--topic", spec.topic,
                             "--partition", str(partition), "--offset", "earliest", "--max-messages", str(count), "--timeout-ms", "20000",
                             *self.properties("formatter", {
                                 "print.key": "true", "print.headers": "true", "print.offset": "true", "print.partition": "true",
                                 "print.timestamp": "true", "key.separator": self.SEP, "headers.separator": self.HEADER,
                                 "line.separator": self.LINE, "null.literal": self.NULL})), stdout=out)
            out.seek(0)
            return self.rows(spec, out.read())

    @classmethod
    def rows(cls, spec, printed):
        return [cls._row(spec, line) for line in printed.split(cls.LINE.encode())[:-1]]

    @classmethod
    def _row(cls, spec, line):
        time_ms, partition, offset, head, key, value = line.split(cls.SEP.encode(), 5)
        null = cls.NULL.encode()
        headers = []
        if head != b"NO_HEADERS":
            for pair in head.split(cls.HEADER.encode()):
                name, data = pair.split(b":", 1)
                headers.append((name.decode(), None if data == null else data))
        return (int(partition.split(b":")[1]), int(offset.split(b":")[1]),
                r.digest(None if key == null else key, None if value == null else value, headers,
                         int(time_ms.split(b":")[1]) if spec.timed else None))

    def topics(self, bootstrap, *args):
        """What kafka-topics prints."""
        return run(self.command("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", bootstrap, *args),
                   stdout=subprocess.PIPE).stdout.decode()


JVM = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]


def java_library(version):
    jars = fetch.kafka_clients(version)
    records, admin = ([*JVM, "-cp", fetch.java_program(os.path.join(HERE, "java", f"{name}.java"), jars), name]
                      for name in ("RecordWorker", "AdminWorker"))
    return Framed(f"kafka-clients-{version.rsplit('.', 1)[0]}", records, admin=admin)


def kafka_python():
    python, env = fetch.kafka_python()
    return Worker("kafka-python", "python", "kafka_python", python, env)


def kafkajs():
    node, env = fetch.kafkajs()
    command = [node, os.path.join(HERE, "worker_kafkajs.js")]
    return Framed("kafkajs", command, "js", env, [*command, "admin"])


def ask_admin(client, bootstrap, topic):
    """What the admin client is told about a topic that it makes, changes and deletes (admin.py)."""
    command, env = client.admin
    return json.loads(run([*command, bootstrap, topic], env, stdout=subprocess.PIPE).stdout)


# name -> what makes it; fetches what it needs, raises fetch.Missing where that cannot be had
MAKERS = {
    "kcat": lambda: Kcat(fetch.kcat()),
    "kafka-python": kafka_python,
    "kafka-python-3": lambda: Worker("kafka-python-3", "python", "kafka_python", fetch.kafka_python_new()),
    "confluent": lambda: Worker("confluent", "any", "confluent", fetch.confluent_python()),
    "librdkafka": lambda: Framed("librdkafka", [fetch.rdkafka_program(os.path.join(HERE, "worker_librdkafka.c"))]),
    "franz-go": lambda: Framed("franz-go", [fetch.go_program(os.path.join(HERE, "franz"))[0]]),
    "kafkajs": kafkajs,
    "kafka-clients-2.8": lambda: java_library("2.8.2"),
    "kafka-clients-3.4": lambda: java_library("3.4.1"),
    "kafka-clients-4.3": lambda: java_library(fetch.KAFKA_NEW),
    "java-3.9": lambda: Java("java-3.9", fetch.KAFKA_OLD),
    "java-4.3": lambda: Java("java-4.3", fetch.KAFKA_NEW),
}
READS = {"kafkajs": "js"}  # it cannot tell the order of headers of other profiles

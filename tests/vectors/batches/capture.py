#!/usr/bin/env python3
"""Record batches as real clients write them, into <client>-<codec>.hex beside this file. Run by hand, with the clients' packages at hand:

    capture.py                 kafka-python, librdkafka (confluent-kafka), Java
    capture.py ADDRESS-ONLY    only listens (prints its address), for any other client: produce to topic CLIENT-CODEC

A small listener plays a broker of one topic: it answers ApiVersions, Metadata, InitProducerId and Produce, and keeps the first
batch that arrives per topic. Every client sends the records of records(codec) in one batch; test_codec_vectors.c makes the same.
"""
import os, socket, struct, subprocess, sys, textwrap, threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "lib"))
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
FIRST_MS = 1700000000000


def noise(n):
    """Bytes that do not compress, from a linear congruential generator that C can repeat."""
    state, out = 12345, bytearray()
    for _ in range(n):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        out.append(state >> 16 & 255)
    return bytes(out)


def records(codec):
    """(key, value, timestamp, headers); one value is long, unless it would make the file long."""
    values = ["hello \u00e9".encode(), None, b"", b"a spool of thread, " * (20 if codec == "none" else 5000), noise(300), b"v5", b"v6", b"v7"]
    for i, value in enumerate(values):
        key = None if i == 5 else b"key-%d" % i
        headers = [("trace", b"abc"), ("trace", b"")] if i == 0 else []
        yield key, value, FIRST_MS + 3 * i - (100 if i == 6 else 0), headers


class Listener:
    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.batches = {}
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            conn, _ = self.sock.accept()
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        stream = conn.makefile("rb")
        while True:
            head = stream.read(4)
            if len(head) < 4:
                return
            data = stream.read(struct.unpack(">i", head)[0])
            key, version, correlation = struct.unpack_from(">hhi", data)
            n, = struct.unpack_from(">h", data, 8)
            body = data[10 + max(n, 0):]
            answer = {18: self.versions, 3: self.metadata, 22: self.producer_id, 0: self.produce}[key](version, body)
            conn.sendall(struct.pack(">ii", 4 + len(answer), correlation) + answer)

    def versions(self, version, _):
        apis = [(0, 3, 8), (1, 4, 10), (3, 0, 4), (10, 0, 0), (18, 0, 0), (22, 0, 1)]
        rows = struct.pack(">i", len(apis)) + b"".join(struct.pack(">hhh", *api) for api in apis)
        return struct.pack(">h", 35 if version > 0 else 0) + rows

    def metadata(self, version, body):
        topics = self.topics(body) or []
        out = struct.pack(">i", 0) if version >= 3 else b""
        out += struct.pack(">i", 1) + struct.pack(">i", 1) + text("127.0.0.1") + struct.pack(">i", self.port)
        out += struct.pack(">h", -1) if version >= 1 else b""
        out += text("cluster") if version >= 2 else b""
        out += struct.pack(">i", 1) if version >= 1 else b""
        out += struct.pack(">i", len(topics))
        for topic in topics:
            out += struct.pack(">h", 0) + text(topic) + (b"\0" if version >= 1 else b"")
            out += struct.pack(">i", 1) + struct.pack(">hiiiiii", 0, 0, 1, 1, 1, 1, 1)
        return out

    @staticmethod
    def topics(body):
        n, = struct.unpack_from(">i", body)
        at, names = 4, []
        for _ in range(max(n, 0)):
            size, = struct.unpack_from(">h", body, at)
            names.append(body[at + 2:at + 2 + size].decode())
            at += 2 + size
        return names

    @staticmethod
    def producer_id(*_):
        return struct.pack(">ihqh", 0, 0, 4711, 0)

    def produce(self, version, body):
        size, = struct.unpack_from(">h", body)
        at = 2 + max(size, 0) + 6 + 4  # transactional id, acks, timeout, one topic
        size, = struct.unpack_from(">h", body, at)
        topic = body[at + 2:at + 2 + size].decode()
        at += 2 + size + 4
        _, size = struct.unpack_from(">ii", body, at)
        self.batches.setdefault(topic, body[at + 8:at + 8 + size])
        print("got", topic, size, "bytes, Produce version", version, flush=True)
        out = struct.pack(">i", 1) + text(topic) + struct.pack(">iihqq", 1, 0, 0, 0, -1)
        out += struct.pack(">q", 0) if version >= 5 else b""
        out += struct.pack(">ih", 0, -1) if version >= 8 else b""
        return out + struct.pack(">i", 0)


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


KAFKA_PYTHON = """
    from kafka import KafkaProducer
    p = KafkaProducer(bootstrap_servers="127.0.0.1:%d" % port, api_version=(2, 1, 0), linger_ms=300, batch_size=1 << 20, acks="all",
                      compression_type=None if codec == "none" else codec)
    p.partitions_for(topic)
    for key, value, ts, headers in records(codec):
        p.send(topic, key=key, value=value, timestamp_ms=ts, headers=headers, partition=0)
    p.flush()
"""
CONFLUENT = """
    from confluent_kafka import Producer
    p = Producer({"bootstrap.servers": "127.0.0.1:%d" % port, "linger.ms": 300, "compression.type": codec, "acks": "all"})
    for key, value, ts, headers in records(codec):
        p.produce(topic, value, key, partition=0, timestamp=ts, headers=headers)
    p.flush()
"""
JAVA = """
    import java.util.*;
    import org.apache.kafka.clients.producer.*;
    import org.apache.kafka.common.serialization.ByteArraySerializer;
    class Capture {
        public static void main(String[] args) throws Exception {
            Properties p = new Properties();
            p.put("bootstrap.servers", "127.0.0.1:" + args[0]);
            p.put("compression.type", args[1]);
            if (args.length > 3) p.put("compression." + args[1] + ".level", args[3]);
            p.put("linger.ms", "5000");
            p.put("batch.size", "1000000");
            Scanner in = new Scanner(System.in);
            try (Producer<byte[], byte[]> producer = new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer())) {
                producer.partitionsFor(args[2]);
                while (in.hasNextLine()) {
                    String[] f = in.nextLine().split(",", -1);
                    var r = new ProducerRecord<>(args[2], 0, Long.parseLong(f[2]), bytes(f[0]), bytes(f[1]));
                    if (f[3].equals("headers")) { r.headers().add("trace", "abc".getBytes()); r.headers().add("trace", new byte[0]); }
                    producer.send(r);
                }
            }
        }
        static byte[] bytes(String s) { return s.equals("-") ? null : HexFormat.of().parseHex(s); }
    }
"""


def python_client(interpreter, env, code, listener, codec, topic):
    main = f"import sys; sys.path.insert(0, {HERE!r})\nfrom capture import records\nport, codec, topic = {listener.port}, {codec!r}, {topic!r}\n"
    subprocess.run([interpreter, "-c", main + textwrap.dedent(code)], env=env, check=True, timeout=60)


def java_client(jars, listener, codec, topic, *level):
    source = "/tmp/Capture.java"
    with open(source, "w") as f:
        f.write(textwrap.dedent(JAVA))
    rows = "".join("%s,%s,%d,%s\n" % (key.hex() if key is not None else "-", value.hex() if value is not None else "-", ts,
                                      "headers" if headers else "") for key, value, ts, headers in records(codec))
    subprocess.run(["java", "-cp", jars + "/*", source, str(listener.port), codec, topic, *level], input=rows.encode(), check=True, timeout=60)


def save(listener):
    for topic, batch in sorted(listener.batches.items()):
        with open(os.path.join(HERE, topic + ".hex"), "w") as f:
            f.write("\n".join(textwrap.wrap(batch.hex(), 120)) + "\n")


def main():
    listener = Listener()
    if sys.argv[1:]:
        print("listening on", listener.port, flush=True)
        sys.stdin.read()
        save(listener)
        return
    import fetch
    for codec in CODECS:
        python_client(*fetch.kafka_python(), KAFKA_PYTHON, listener, codec, "kafka-python-" + codec)
        python_client(fetch.confluent_python(), None, CONFLUENT, listener, codec, "librdkafka-" + codec)
        java_client(fetch.kafka_jars("4.3.1"), listener, codec, "java-" + codec)
    java_client(fetch.kafka_jars("4.3.1"), listener, "zstd", "java22-zstd", "22")
    java_client(fetch.kafka_jars("4.3.1"), listener, "lz4", "java17-lz4", "17")
    save(listener)


if __name__ == "__main__":
    main()

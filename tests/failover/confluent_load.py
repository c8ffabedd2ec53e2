"""The writing load by confluent-kafka with its default settings, idempotent: confluent_load.py BOOTSTRAP TOPIC PARTITIONS HISTORY CLIENT RATE SIZE

Runs in the environment that has confluent_kafka. Writes the history of tests/lib/history.py, flushed every few milliseconds.
SIGTERM: no new records, waits for what is in flight. Exit code 0 well, 3 a call of the application failed, 4 records stayed unacknowledged for 60 s.
"""
import os, signal, sys, time, zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import history as h
from confluent_kafka import KafkaException, Producer

HANG_S = 60.0
TURN_S = 0.005


class Load:
    def __init__(self, bootstrap, topic, partitions, path, client, rate, size):
        self.producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
        self.topic, self.partitions, self.client, self.rate, self.size = topic, partitions, client, rate, size
        self.crc = zlib.crc32(topic.encode())
        self.writer = h.Writer(path)
        self.value, self.waiting, self.failed, self.stop = client << 40, {}, 0, False
        signal.signal(signal.SIGTERM, self.on_stop)

    def on_stop(self, *_):
        self.stop = True

    def delivered(self, value, partition):
        def done(error, message):
            invoked = self.waiting.pop(value)
            if error is None:
                self.log(invoked, value, message.offset(), partition, h.OK, 0)
            else:
                self.failed += 1
                self.log(invoked, value, -1, partition, h.INFO, error.code())
                print(f"value {value:#x} of partition {partition}: {error}", file=sys.stderr, flush=True)
        return done

    def log(self, invoked, value, offset, partition, status, code):
        self.writer.write(invoked, time.monotonic_ns(), value, offset, partition, self.client, h.SEND, status, code, 0)

    def send(self, partition):
        self.value += 1
        value, now = self.value, time.monotonic_ns()
        data = h.payload(value, self.crc, partition, self.client, self.size, now)
        self.waiting[value] = now
        try:
            self.producer.produce(self.topic, data, partition=partition, on_delivery=self.delivered(value, partition))
            return True
        except BufferError:  # the client's queue is full: back-pressure, not a failure
            self.value -= 1
            del self.waiting[value]
            return False
        except KafkaException as e:
            self.failed += 1
            self.log(self.waiting.pop(value), value, -1, partition, h.FAIL, e.args[0].code())
            print(f"produce: {e}", file=sys.stderr, flush=True)
            return True

    def run(self):
        began, sent = time.monotonic(), 0
        while not self.stop:
            due = int((time.monotonic() - began) * self.rate) - sent
            if due > self.rate:  # a second behind: forgiven, the load does not pile up
                sent, due = sent + due - self.rate, self.rate
            for _ in range(due):
                if not self.send(sent % self.partitions):
                    break
                sent += 1
            self.producer.poll(TURN_S)
            self.writer.file.flush()
        self.producer.flush(HANG_S)
        for value, invoked in list(self.waiting.items()):
            self.log(invoked, value, -1, (value - 1) % self.partitions, h.INFO, 0)
        self.writer.close()
        return 4 if self.waiting else 3 if self.failed else 0


if __name__ == "__main__":
    a = sys.argv[1:]
    sys.exit(Load(a[0], a[1], int(a[2]), a[3], int(a[4]), int(a[5]), int(a[6])).run())

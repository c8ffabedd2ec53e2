"""confluent-kafka writes or reads the records of a spec: worker_confluent.py write|read SPEC [SINK]"""
import sys, time

import records as r
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition


def write(spec):
    failed = []
    # idempotence keeps the order of a partition when a request has to go again
    producer = Producer({"bootstrap.servers": spec.bootstrap, "enable.idempotence": True, "compression.type": spec.codec,
                         "queue.buffering.max.kbytes": 262144})
    def done(error, _):
        if error is not None:
            failed.append(str(error))
    for partition, key, value, headers, time_ms in r.records(spec):
        while True:
            try:
                producer.produce(spec.topic, value, key, partition, on_delivery=done, headers=headers,
                                 **({"timestamp": time_ms} if time_ms else {}))
                break
            except BufferError:
                producer.poll(0.05)
        producer.poll(0)
    left = producer.flush(60)
    if failed or left:
        sys.exit(f"{left} records unsent, {len(failed)} failed: {failed[:1]}")


def read(spec, path):
    consumer = Consumer({"bootstrap.servers": spec.bootstrap, "group.id": "unused", "enable.auto.commit": False,
                         "enable.partition.eof": True})
    consumer.assign([TopicPartition(spec.topic, p, OFFSET_BEGINNING) for p in range(spec.partitions)])
    sink, open_ends = r.Sink(path), set(range(spec.partitions))
    last = time.monotonic()
    while open_ends:
        messages = consumer.consume(2000, 0.2)
        if messages:
            last = time.monotonic()
        elif time.monotonic() - last > 20:
            sys.exit(f"nothing came for 20 s, partitions {sorted(open_ends)} have not ended")
        for m in messages:
            if m.error() is None:
                sink.add(m.partition(), m.offset(), m.key(), m.value(), m.headers() or [], m.timestamp()[1] if spec.timed else None)
            elif m.error().code() == KafkaError._PARTITION_EOF:
                open_ends.discard(m.partition())
            else:
                sys.exit(str(m.error()))
    consumer.close()
    sink.close()


if __name__ == "__main__":
    spec = r.Spec.parse(sys.argv[2])
    write(spec) if sys.argv[1] == "write" else read(spec, sys.argv[3])

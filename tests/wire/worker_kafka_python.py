"""kafka-python (2.0.2 of Debian, 3.x) writes or reads the records of a spec: worker_kafka_python.py write|read SPEC [SINK]"""
import sys

import records as r
from kafka import KafkaConsumer, KafkaProducer, TopicPartition


def write(spec):
    # 2.0.2 knows no idempotence: one request in flight keeps the order. 3.x has no bound of its buffer
    own = {name: value for name, value in (("buffer_memory", 268435456),) if name in KafkaProducer.DEFAULT_CONFIG}
    producer = KafkaProducer(bootstrap_servers=spec.bootstrap.split(","), acks="all", retries=5, max_in_flight_requests_per_connection=1,
                             compression_type=None if spec.codec == "none" else spec.codec, batch_size=131072, linger_ms=5, **own)
    sent = [producer.send(spec.topic, value, key, headers, partition, time_ms) for partition, key, value, headers, time_ms in r.records(spec)]
    producer.flush(120)
    failed = [f for f in sent if not f.succeeded()]
    if failed:
        sys.exit(f"{len(failed)} of {len(sent)} failed: {failed[0].exception}")
    producer.close()


def read(spec, path):
    consumer = KafkaConsumer(bootstrap_servers=spec.bootstrap.split(","), enable_auto_commit=False, group_id=None, consumer_timeout_ms=20000)
    parts = [TopicPartition(spec.topic, p) for p in range(spec.partitions)]
    consumer.assign(parts)
    consumer.seek_to_beginning(*parts)
    left = sum(consumer.end_offsets(parts).values())
    sink = r.Sink(path)
    if left:
        for m in consumer:
            sink.add(m.partition, m.offset, m.key, m.value, m.headers, m.timestamp if spec.timed else None)
            left -= 1
            if not left:
                break
    consumer.close()
    sink.close()
    if left:
        sys.exit(f"{left} records did not come within 20 s")


if __name__ == "__main__":
    spec = r.Spec.parse(sys.argv[2])
    write(spec) if sys.argv[1] == "write" else read(spec, sys.argv[3])

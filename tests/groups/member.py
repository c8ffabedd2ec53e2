"""One member of a consumer group, for tests/groups/run: member.py confluent|kafka-python BOOTSTRAP GROUP TOPIC [key=value ...]

It reads, commits what it has read before it reads on, and says what happens to it, a line each:
    assigned P,P    revoked P,P    read PARTITION OFFSET VALUE    committed PARTITION OFFSET
SIGTERM ends it in order. key=value: settings of the client, by its own names.
"""
import signal, sys

ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))


def say(*words):
    print(*words, flush=True)


def shown(partitions):
    return ",".join(str(p.partition) for p in sorted(partitions, key=lambda p: p.partition))


def confluent(bootstrap, group, topic, settings):
    import confluent_kafka as ck
    consumer = ck.Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
                            "session.timeout.ms": 6000, "heartbeat.interval.ms": 500, **settings})
    consumer.subscribe([topic], on_assign=lambda _, p: say("assigned", shown(p)), on_revoke=lambda _, p: say("revoked", shown(p)),
                       on_lost=lambda _, p: say("revoked", shown(p)))
    while not ended:
        batch = [m for m in consumer.consume(200, 0.2) if not m.error()]
        for m in batch:
            say("read", m.partition(), m.offset(), m.value().decode())
        if batch:
            try:
                for p in consumer.commit(asynchronous=False):
                    if p.error is None and p.offset >= 0:
                        say("committed", p.partition, p.offset)
            except ck.KafkaException as e:
                say("note", e)
    consumer.close()


def kafka_python(bootstrap, group, topic, settings):
    from kafka import ConsumerRebalanceListener, KafkaConsumer
    from kafka.errors import KafkaError

    class Told(ConsumerRebalanceListener):
        def on_partitions_revoked(self, revoked):
            say("revoked", shown(revoked))

        def on_partitions_assigned(self, assigned):
            say("assigned", shown(assigned))

    consumer = KafkaConsumer(bootstrap_servers=bootstrap.split(","), group_id=group, auto_offset_reset="earliest", enable_auto_commit=False,
                             session_timeout_ms=6000, heartbeat_interval_ms=500, **settings)
    consumer.subscribe([topic], listener=Told())
    while not ended:
        batch = consumer.poll(200)
        for p, records in batch.items():
            for m in records:
                say("read", p.partition, m.offset, m.value.decode())
        if batch:
            try:
                consumer.commit()
                for p, records in batch.items():
                    say("committed", p.partition, records[-1].offset + 1)
            except KafkaError as e:
                say("note", repr(e))
    consumer.close()


if __name__ == "__main__":
    kind, bootstrap, group, topic, *rest = sys.argv[1:]
    settings = dict(pair.split("=", 1) for pair in rest)
    (confluent if kind == "confluent" else kafka_python)(bootstrap, group, topic, settings)

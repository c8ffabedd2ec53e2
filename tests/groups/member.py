"""One member of a consumer group: member.py confluent|kafka-python BOOTSTRAP GROUP TOPICS [key=value ...]

All members (member.py, member.js, ../wire/franz/member.go, java/Member.java) speak alike. TOPICS is a list with commas, or a pattern
that begins with ^. A member reads, commits what it has read before it reads on, and says what happens to it, a line each:
    assigned GENERATION TOPIC:P,TOPIC:P    revoked GENERATION TOPIC:P,...    read TOPIC P OFFSET VALUE    committed TOPIC P OFFSET
    note WORDS
GENERATION (the member's epoch, with group.protocol=consumer) is -1 where the client does not tell. It takes, a line each:
    pause TOPIC:P,...    resume TOPIC:P,...    seek TOPIC:P OFFSET
SIGTERM ends it in order; at SIGUSR1 it writes where its threads are, on standard error. key=value: settings, by the names that librdkafka and Java share.
"""
import faulthandler, queue, signal, struct, sys, threading

ended, commands = [], queue.SimpleQueue()


def say(*words):
    print(*words, flush=True)


def listen():
    for line in sys.stdin:
        commands.put(line.split())


def shown(partitions):
    return ",".join(f"{p.topic}:{p.partition}" for p in sorted(partitions, key=lambda p: (p.topic, p.partition)))


def obey(pause, resume, seek, partition):
    """Carries out what stands in the queue."""
    while not commands.empty():
        word, names, *rest = commands.get()
        parts = [partition(name.rpartition(":")[0], int(name.rpartition(":")[2])) for name in names.split(",")]
        if word == "seek":
            seek(parts[0], int(rest[0]))
        else:
            {"pause": pause, "resume": resume}[word](parts)
        say("note", word, names)


def generation_of(consumer):
    """librdkafka tells it in the metadata for transactions only: behind six letters and a colon."""
    packed = consumer.consumer_group_metadata() or b""
    at = packed.find(b":") + 1
    return struct.unpack_from("<i", packed, at)[0] if at and len(packed) >= at + 4 else -1


def confluent(bootstrap, group, topics, settings):
    import confluent_kafka as ck
    timing = {} if settings.get("group.protocol") == "consumer" else {"session.timeout.ms": 3000, "heartbeat.interval.ms": 500}
    consumer = ck.Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
                            "topic.metadata.refresh.interval.ms": 1000, **timing, **settings})
    told = lambda word: lambda _, p: say(word, generation_of(consumer), shown(p))
    consumer.subscribe(topics, on_assign=told("assigned"), on_revoke=told("revoked"), on_lost=told("revoked"))
    seek = lambda p, offset: consumer.seek(ck.TopicPartition(p.topic, p.partition, offset))
    complaints = set()  # each is said once
    while not ended:
        obey(consumer.pause, consumer.resume, seek, ck.TopicPartition)
        told = consumer.consume(200, 0.2)
        batch = [m for m in told if not m.error()]
        for why in {str(m.error()) for m in told if m.error()} - complaints:
            complaints.add(why)
            say("note", why)
        for m in batch:
            say("read", m.topic(), m.partition(), m.offset(), m.value().decode())
        if batch:
            try:
                for p in consumer.commit(asynchronous=False):
                    if p.error is None and p.offset >= 0:
                        say("committed", p.topic, p.partition, p.offset)
            except ck.KafkaException as e:
                say("note", e)
    consumer.close()


def kafka_python(bootstrap, group, topics, settings):
    from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    class Told(ConsumerRebalanceListener):
        def on_partitions_revoked(self, revoked):
            say("revoked", consumer._coordinator._generation.generation_id, shown(revoked))

        def on_partitions_assigned(self, assigned):
            say("assigned", consumer._coordinator._generation.generation_id, shown(assigned))

    names = {"group.instance.id": "group_instance_id"}
    own = {names[k]: v for k, v in settings.items() if k in names}
    consumer = KafkaConsumer(bootstrap_servers=bootstrap.split(","), group_id=group, auto_offset_reset="earliest", enable_auto_commit=False,
                             session_timeout_ms=int(settings.get("session.timeout.ms", 3000)), heartbeat_interval_ms=500,
                             metadata_max_age_ms=1000, **own)
    wanted = {"pattern": topics[0]} if topics[0].startswith("^") else {"topics": topics}
    consumer.subscribe(**wanted, listener=Told())
    while not ended:
        obey(lambda p: consumer.pause(*p), lambda p: consumer.resume(*p), consumer.seek, TopicPartition)
        try:
            batch = consumer.poll(200)
        except KafkaError as e:
            say("note", repr(e))
            continue
        for p, records in batch.items():
            for m in records:
                say("read", p.topic, p.partition, m.offset, m.value.decode())
        if batch:
            try:
                consumer.commit()
                for p, records in batch.items():
                    say("committed", p.topic, p.partition, records[-1].offset + 1)
            except KafkaError as e:
                say("note", repr(e))
    consumer.close()


if __name__ == "__main__":
    kind, bootstrap, group, topics, *rest = sys.argv[1:]
    faulthandler.register(signal.SIGUSR1)
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    threading.Thread(target=listen, daemon=True).start()
    (confluent if kind == "confluent" else kafka_python)(bootstrap, group, topics.split(","), dict(pair.split("=", 1) for pair in rest))

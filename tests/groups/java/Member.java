import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A Java consumer as a member of a group: Member BOOTSTRAP GROUP TOPICS [key=value ...]; what it says and takes: ../member.py.
 */
public final class Member implements ConsumerRebalanceListener {
    private static final Map<String, String> ASSIGNORS = Map.of(
            "range", "org.apache.kafka.clients.consumer.RangeAssignor",
            "roundrobin", "org.apache.kafka.clients.consumer.RoundRobinAssignor",
            "sticky", "org.apache.kafka.clients.consumer.StickyAssignor",
            "cooperative-sticky", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");

    private final Queue<String[]> commands = new ConcurrentLinkedQueue<>();
    private final KafkaConsumer<String, String> consumer;
    private final boolean brokersMatch;
    private volatile boolean ended;

    private Member(Map<String, Object> settings) {
        this.brokersMatch = "brokers".equals(settings.remove("patterns"));
        this.consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    }

    private static void say(Object... words) {
        StringBuilder line = new StringBuilder();
        for (Object word : words) {
            line.append(word).append(' ');
        }
        line.setCharAt(line.length() - 1, '\n');
        synchronized (System.out) {
            System.out.print(line);
            System.out.flush();
        }
    }

    private static String shown(Collection<TopicPartition> partitions) {
        return partitions.stream().map(p -> p.topic() + ":" + p.partition()).sorted().collect(Collectors.joining(","));
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        say("revoked", consumer.groupMetadata().generationId(), shown(partitions));
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        say("assigned", consumer.groupMetadata().generationId(), shown(partitions));
    }

    private static TopicPartition partition(String name) {
        int at = name.lastIndexOf(':');
        return new TopicPartition(name.substring(0, at), Integer.parseInt(name.substring(at + 1)));
    }

    private void obey() {
        for (String[] words = commands.poll(); words != null; words = commands.poll()) {
            List<TopicPartition> partitions = List.of(words[1].split(",")).stream().map(Member::partition).collect(Collectors.toList());
            switch (words[0]) {
                case "pause":
                    consumer.pause(partitions);
                    break;
                case "resume":
                    consumer.resume(partitions);
                    break;
                default:
                    consumer.seek(partitions.get(0), Long.parseLong(words[2]));
            }
            say("note", words[0], words[1]);
        }
    }

    private void poll() {
        ConsumerRecords<String, String> batch = consumer.poll(Duration.ofMillis(200));
        for (ConsumerRecord<String, String> r : batch) {
            say("read", r.topic(), r.partition(), r.offset(), r.value());
        }
        if (batch.isEmpty()) {
            return;
        }
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (TopicPartition p : batch.partitions()) {
            List<ConsumerRecord<String, String>> records = batch.records(p);
            offsets.put(p, new OffsetAndMetadata(records.get(records.size() - 1).offset() + 1));
        }
        try {
            consumer.commitSync(offsets);
            offsets.forEach((p, o) -> say("committed", p.topic(), p.partition(), o.offset()));
        } catch (KafkaException e) {
            say("note", e.toString().replace('\n', ' '));
        }
    }

    /** A pattern that the coordinator evaluates; clients before 4.0 have no name for it. */
    private void subscribeAtBroker(String pattern) {
        try {
            Class<?> type = Class.forName("org.apache.kafka.clients.consumer.SubscriptionPattern");
            KafkaConsumer.class.getMethod("subscribe", type, ConsumerRebalanceListener.class)
                    .invoke(consumer, type.getConstructor(String.class).newInstance(pattern), this);
        } catch (ReflectiveOperationException e) {
            say("note", e.toString().replace('\n', ' '));
        }
    }

    private void run(String topics) {
        if (topics.startsWith("^") && brokersMatch) {
            subscribeAtBroker(topics);
        } else if (topics.startsWith("^")) {
            consumer.subscribe(Pattern.compile(topics), this);
        } else {
            consumer.subscribe(List.of(topics.split(",")), this);
        }
        try {
            while (!ended) {
                obey();
                poll();
            }
        } catch (KafkaException e) {
            say("note", e.toString().replace('\n', ' '));
        }
        consumer.close();
    }

    private static Map<String, Object> settings(String bootstrap, String group, String[] args) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "group.id", group, "auto.offset.reset", "earliest",
                "enable.auto.commit", "false", "metadata.max.age.ms", "1000"));
        Map<String, String> own = new HashMap<>();
        for (int i = 3; i < args.length; i++) {
            int at = args[i].indexOf('=');
            own.put(args[i].substring(0, at), args[i].substring(at + 1));
        }
        if (!"consumer".equals(own.get("group.protocol"))) {
            all.putAll(Map.of("session.timeout.ms", "3000", "heartbeat.interval.ms", "500"));
        }
        own.computeIfPresent("partition.assignment.strategy", (key, name) -> ASSIGNORS.getOrDefault(name, name));
        all.putAll(own);
        return all;
    }

    private void listen() {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        in.lines().forEach(line -> commands.add(line.split(" ")));
    }

    private void end(Thread runs) {
        ended = true;
        try {
            runs.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    public static void main(String[] args) {
        Member member = new Member(settings(args[0], args[1], args));
        Thread runs = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> member.end(runs)));
        Thread listener = new Thread(member::listen);
        listener.setDaemon(true);
        listener.start();
        member.run(args[2]);
    }
}

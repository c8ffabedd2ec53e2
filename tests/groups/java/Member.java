import java.io.BufferedReader;
import java.io.IOException;
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
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Java consumers as members of groups: Member BOOTSTRAP GROUP TOPICS [key=value ...]; what one says and takes: ../member.py.
 *
 * <p>With members=N it is N members in one JVM, each on a thread of its own, and every line that it says begins with "N "; lines that
 * it takes do so, too, and "N end" ends one in order.
 */
public final class Member implements ConsumerRebalanceListener {
    private static final Map<String, String> ASSIGNORS = Map.of(
            "range", "org.apache.kafka.clients.consumer.RangeAssignor",
            "roundrobin", "org.apache.kafka.clients.consumer.RoundRobinAssignor",
            "sticky", "org.apache.kafka.clients.consumer.StickyAssignor",
            "cooperative-sticky", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");

    private final String prefix;
    private final Queue<String[]> commands = new ConcurrentLinkedQueue<>();
    private final KafkaConsumer<String, String> consumer;
    private volatile boolean ended;

    private Member(String prefix, Map<String, Object> settings) {
        this.prefix = prefix;
        this.consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    }

    private void say(Object... words) {
        StringBuilder line = new StringBuilder(prefix);
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
        } catch (WakeupException e) {
            throw e;
        } catch (KafkaException e) {
            say("note", e.toString().replace('\n', ' '));
        }
    }

    private void run(String topics) {
        if (topics.startsWith("^")) {
            consumer.subscribe(Pattern.compile(topics), this);
        } else {
            consumer.subscribe(List.of(topics.split(",")), this);
        }
        try {
            while (!ended) {
                obey();
                poll();
            }
        } catch (WakeupException e) {
            assert ended;
        } catch (KafkaException e) {
            say("note", e.toString().replace('\n', ' '));
        }
        consumer.close();
    }

    private void end() {
        ended = true;
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

    private static void listen(List<Member> members, boolean numbered) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            Member member = members.get(numbered ? Integer.parseInt(words[0]) : 0);
            if (words[words.length - 1].equals("end")) {
                member.end();
            } else {
                member.commands.add(numbered ? java.util.Arrays.copyOfRange(words, 1, words.length) : words);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        Map<String, Object> settings = settings(args[0], args[1], args);
        Object asked = settings.remove("members");
        int count = asked == null ? 1 : Integer.parseInt(asked.toString());
        List<Member> members = new java.util.ArrayList<>();
        List<Thread> threads = new java.util.ArrayList<>();
        for (int i = 0; i < count; i++) {
            Member member = new Member(asked == null ? "" : i + " ", settings);
            members.add(member);
            threads.add(new Thread(() -> member.run(args[2])));
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            members.forEach(Member::end);
            threads.forEach(t -> {
                try {
                    t.join();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
        }));
        threads.forEach(Thread::start);
        Thread listener = new Thread(() -> {
            try {
                listen(members, asked != null);
            } catch (IOException e) {
                Thread.currentThread().interrupt();
            }
        });
        listener.setDaemon(true);
        listener.start();
    }
}

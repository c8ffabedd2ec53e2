import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Java's kafka-clients (2.8 to today) write or read records (their format: ../frames.py):
 *
 * <pre>RecordWorker write BOOTSTRAP TOPIC CODEC &lt;records      RecordWorker read BOOTSTRAP TOPIC PARTITIONS &gt;records</pre>
 */
public final class RecordWorker {
    private static final long PATIENCE_MS = 20_000;

    private static byte[] string(DataInputStream in) throws IOException {
        int length = in.readInt();
        return length < 0 ? null : in.readNBytes(length);
    }

    private static void string(DataOutputStream out, byte[] data) throws IOException {
        out.writeInt(data == null ? -1 : data.length);
        if (data != null) {
            out.write(data);
        }
    }

    /** The next record for the topic; null at the end of the input. */
    private static ProducerRecord<byte[], byte[]> take(DataInputStream in, String topic) throws IOException {
        int partition;
        try {
            partition = in.readInt();
        } catch (EOFException e) {
            return null;
        }
        in.readLong();
        long time = in.readLong();
        byte[] key = string(in);
        byte[] value = string(in);
        Headers headers = new RecordHeaders();
        for (int left = in.readInt(); left > 0; left--) {
            String name = new String(string(in), StandardCharsets.UTF_8);
            headers.add(name, string(in));
        }
        return new ProducerRecord<>(topic, partition, time < 0 ? null : time, key, value, headers);
    }

    private static void put(DataOutputStream out, ConsumerRecord<byte[], byte[]> record) throws IOException {
        out.writeInt(record.partition());
        out.writeLong(record.offset());
        out.writeLong(record.timestamp());
        string(out, record.key());
        string(out, record.value());
        Header[] headers = record.headers().toArray();
        out.writeInt(headers.length);
        for (Header header : headers) {
            string(out, header.key().getBytes(StandardCharsets.UTF_8));
            string(out, header.value());
        }
    }

    private static void write(String bootstrap, String topic, String codec) throws Exception {
        Properties config = new Properties();
        config.put("bootstrap.servers", bootstrap);
        config.put("compression.type", codec);
        config.put("acks", "all");
        config.put("enable.idempotence", "true");
        AtomicReference<Exception> failed = new AtomicReference<>();
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 20));
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (ProducerRecord<byte[], byte[]> record = take(in, topic); record != null; record = take(in, topic)) {
                producer.send(record, (metadata, e) -> {
                    if (e != null) {
                        failed.compareAndSet(null, e);
                    }
                });
            }
            producer.flush();
        }
        if (failed.get() != null) {
            throw failed.get();
        }
    }

    private static void read(String bootstrap, String topic, int partitions) throws Exception {
        Properties config = new Properties();
        config.put("bootstrap.servers", bootstrap);
        config.put("enable.auto.commit", "false");
        List<TopicPartition> all = new ArrayList<>();
        for (int i = 0; i < partitions; i++) {
            all.add(new TopicPartition(topic, i));
        }
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 20));
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(all);
            consumer.seekToBeginning(all);
            long left = consumer.endOffsets(all).values().stream().mapToLong(Long::longValue).sum();
            long last = System.nanoTime();
            while (left > 0) {
                ConsumerRecords<byte[], byte[]> got = consumer.poll(Duration.ofMillis(200));
                for (ConsumerRecord<byte[], byte[]> record : got) {
                    put(out, record);
                }
                left -= got.count();
                if (got.count() > 0) {
                    last = System.nanoTime();
                } else if (System.nanoTime() - last > PATIENCE_MS * 1_000_000) {
                    throw new IllegalStateException(left + " records did not come within " + PATIENCE_MS + " ms");
                }
            }
        }
        out.flush();
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("write")) {
            write(args[1], args[2], args[3]);
        } else {
            read(args[1], args[2], Integer.parseInt(args[3]));
        }
    }
}

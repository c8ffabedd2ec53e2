import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.NullableSchema;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Fills messages at random and prints them as Kafka's own codec writes them.
 *
 * Standard input: one line per message, "<official name> <first version> <last version>".
 * Standard output: one line per vector, "<official name> <version> <hex>", ROUNDS of them per version, the first with everything in it. Then the frame
 * headers of all APIs: "RequestHeader <key>:<version> <hex>" and "ResponseHeader <key>:<version> <hex>".
 * The same seed and the same jars give the same lines. What a version has is taken from the codec's own SCHEMAS.
 */
public final class Vectors {
    private static final long SEED = 20_260_617;
    private static final int ROUNDS = 4;
    private static final int ITEMS_MAX = 2;
    private static final int BYTES_MAX = 8;
    private static final String[] PACKAGES = {
        "org.apache.kafka.common.message", "org.apache.kafka.coordinator.group.generated",
        "org.apache.kafka.coordinator.transaction.generated", "org.apache.kafka.coordinator.share.generated",
        "org.apache.kafka.server.log.remote.metadata.storage.generated",
    };

    private final Random random;
    private boolean full; // every tag, no null, no empty array

    private Vectors(long seed) {
        random = new Random(seed);
    }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        StringBuilder out = new StringBuilder();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.trim().split(" ");
            Class<?> type = find(words[0]);
            Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
            for (short version = Short.parseShort(words[1]); version <= Short.parseShort(words[2]); version++) {
                Vectors filler = new Vectors(SEED + words[0].hashCode() * 1000L + version);
                for (int round = 0; round < ROUNDS; round++) {
                    Message message = (Message) type.getConstructor().newInstance();
                    filler.full = round == 0;
                    filler.fill(message, schemas[version]);
                    print(out, words[0] + " " + version, message, version);
                }
            }
        }
        headers(out);
        System.out.print(out);
    }

    private static void print(StringBuilder out, String name, Message message, short version) {
        ByteBuffer buffer = MessageUtil.toByteBufferAccessor(message, version).buffer();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        out.append(name).append(' ').append(HexFormat.of().formatHex(bytes)).append('\n');
    }

    private static Class<?> find(String name) throws ClassNotFoundException {
        for (String home : PACKAGES) {
            for (String suffix : new String[] {"Data", ""}) {
                try {
                    Class<?> type = Class.forName(home + "." + name + suffix);
                    if (Message.class.isAssignableFrom(type)) {
                        return type;
                    }
                } catch (ClassNotFoundException e) {
                    continue;
                }
            }
        }
        throw new ClassNotFoundException(name);
    }

    private static void headers(StringBuilder out) {
        for (ApiMessageType api : ApiMessageType.values()) {
            for (short version = api.lowestSupportedVersion(); version <= api.highestSupportedVersion(true); version++) {
                String name = " " + api.apiKey() + ":" + version;
                RequestHeaderData request = new RequestHeaderData().setRequestApiKey(api.apiKey())
                    .setRequestApiVersion(version).setCorrelationId(1_000_000 + version)
                    .setClientId(version % 3 == 0 ? null : "client-" + version);
                print(out, "RequestHeader" + name, request, api.requestHeaderVersion(version));
                ResponseHeaderData response = new ResponseHeaderData().setCorrelationId(2_000_000 + version);
                print(out, "ResponseHeader" + name, response, api.responseHeaderVersion(version));
            }
        }
    }

    private static String camel(String snake) {
        StringBuilder name = new StringBuilder();
        for (String part : snake.split("_")) {
            name.append(name.length() == 0 ? part : part.substring(0, 1).toUpperCase() + part.substring(1));
        }
        return name.toString();
    }

    private static Field member(Class<?> type, String snake) {
        String wanted = camel(snake);
        for (Field field : type.getDeclaredFields()) {
            if (field.getName().equalsIgnoreCase(wanted)) {
                field.setAccessible(true);
                return field;
            }
        }
        throw new IllegalStateException(type + " has no " + wanted);
    }

    private void fill(Object message, Schema schema) throws Exception {
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields tagged) {
                for (Map.Entry<Integer, org.apache.kafka.common.protocol.types.Field> tag : tagged.fields().entrySet()) {
                    if (full || random.nextInt(4) > 0) {
                        set(message, tag.getValue().name, tag.getValue().type);
                    }
                }
            } else {
                set(message, bound.def.name, bound.def.type);
            }
        }
    }

    private void set(Object message, String name, Type type) throws Exception {
        Field field = member(message.getClass(), name);
        if (!full && type.isNullable() && random.nextInt(4) == 0) {
            field.set(message, null);
        } else if (type.isArray()) {
            field.set(message, array(field, type));
        } else if (type instanceof Schema || type instanceof NullableSchema) {
            Object struct = field.getType().getConstructor().newInstance();
            fill(struct, (Schema) type);
            field.set(message, struct);
        } else {
            field.set(message, value(field.getType(), type));
        }
    }

    @SuppressWarnings("unchecked")
    private Object array(Field field, Type type) throws Exception {
        Type element = type.arrayElementType().get();
        boolean list = field.getType() == List.class;
        ParameterizedType generic =
            (ParameterizedType) (list ? field.getGenericType() : field.getType().getGenericSuperclass());
        Class<?> itemType = (Class<?>) generic.getActualTypeArguments()[0];
        Collection<Object> items =
            list ? new ArrayList<>() : (Collection<Object>) field.getType().getConstructor().newInstance();
        int count = full ? 1 + random.nextInt(ITEMS_MAX) : random.nextInt(ITEMS_MAX + 1);
        for (int i = 0; i < count; i++) {
            if (element instanceof Schema schema) {
                Object item = itemType.getConstructor().newInstance();
                fill(item, schema);
                items.add(item);
            } else {
                items.add(value(itemType, element));
            }
        }
        return items;
    }

    private long number() {
        long bits = random.nextLong();
        return switch (random.nextInt(4)) {
            case 0 -> bits;
            case 1 -> bits >>> 56;
            case 2 -> -1;
            default -> bits & 1;
        };
    }

    private String text() {
        String alphabet = "abcXYZ019-._\u00e4\u20ac";
        StringBuilder text = new StringBuilder();
        for (int n = random.nextInt(BYTES_MAX + 1); n > 0; n--) {
            text.append(alphabet.charAt(random.nextInt(alphabet.length())));
        }
        return text.toString();
    }

    private byte[] bytes() {
        byte[] bytes = new byte[random.nextInt(BYTES_MAX + 1)];
        random.nextBytes(bytes);
        return bytes;
    }

    private Object value(Class<?> into, Type type) {
        return switch (type.toString()) {
            case "BOOLEAN" -> random.nextBoolean();
            case "INT8" -> (byte) number();
            case "INT16" -> (short) number();
            case "UINT16" -> (int) (number() & 0xffff);
            case "INT32" -> (int) number();
            case "UINT32" -> number() & 0xffffffffL;
            case "INT64" -> number();
            case "FLOAT64" -> (int) number() / 8.0;
            case "UUID" -> new Uuid(number(), number());
            case "STRING", "NULLABLE_STRING", "COMPACT_STRING", "COMPACT_NULLABLE_STRING" -> text();
            case "BYTES", "NULLABLE_BYTES", "COMPACT_BYTES", "COMPACT_NULLABLE_BYTES" ->
                into == ByteBuffer.class ? ByteBuffer.wrap(bytes()) : bytes();
            case "RECORDS", "NULLABLE_RECORDS", "COMPACT_RECORDS", "COMPACT_NULLABLE_RECORDS" ->
                MemoryRecords.readableRecords(ByteBuffer.wrap(bytes()));
            default -> throw new IllegalStateException("no value for " + type);
        };
    }
}

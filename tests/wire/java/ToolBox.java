import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Kafka's command line tools one after the other in one JVM: each by its own main, with its own words on the way out.
 *
 * <p>A line of standard input is a main class and its arguments, separated by U+001F. The answer is the exit code (int32), the length
 * of what was printed (int32), and that: standard output and standard error as they came. A main that returns has exit code 0.
 */
public final class ToolBox {
    /** What Exit.exit does instead of ending this process. */
    private static final class Ended extends Error {
        private static final long serialVersionUID = 1;

        Ended() {
            super("exit", null, false, false);
        }
    }

    /** Where System.out and System.err end. Tools keep the stream that they saw first, so it is one for all. */
    private static final class Switch extends OutputStream {
        private OutputStream to = OutputStream.nullOutputStream();

        @Override
        public void write(int b) throws IOException {
            to.write(b);
        }

        @Override
        public void write(byte[] data, int at, int length) throws IOException {
            to.write(data, at, length);
        }
    }

    private static final int RUNS = -1;
    private static final Switch PRINTED = new Switch();
    private static int exitCode;

    /** Ends a tool. What it prints after this, where it catches everything, a real exit would have kept it from printing. */
    private static void end(int code, String message) {
        if (exitCode == RUNS) {
            exitCode = code;
            System.out.flush();
            PRINTED.to = OutputStream.nullOutputStream();
        }
        throw new Ended();
    }

    private static void run(String[] words) throws Exception {
        exitCode = RUNS;
        try {
            String[] args = Arrays.copyOfRange(words, 1, words.length);
            Class.forName(words[0]).getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException e) {
            if (!(e.getCause() instanceof Ended)) {
                e.getCause().printStackTrace();
                exitCode = exitCode == RUNS ? 1 : exitCode;
            }
        }
        exitCode = exitCode == RUNS ? 0 : exitCode;
    }

    public static void main(String[] none) throws Exception {
        Exit.setExitProcedure(ToolBox::end);
        Exit.setHaltProcedure(ToolBox::end);
        DataOutputStream out = new DataOutputStream(System.out);
        PrintStream stream = new PrintStream(PRINTED, true, StandardCharsets.UTF_8);
        System.setOut(stream);
        System.setErr(stream);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ByteArrayOutputStream printed = new ByteArrayOutputStream();
            PRINTED.to = printed;
            run(line.split("\u001f"));
            System.out.flush();
            out.writeInt(exitCode);
            out.writeInt(printed.size());
            printed.writeTo(out);
            out.flush();
        }
        Runtime.getRuntime().halt(0);
    }
}

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Pages people for breached promises: opens a page for a breach, closes it when the breach is taken back or the clock
 * ends.
 *
 * <p>Three steps for every record, in this order: act, remember, commit. A crash after the first repeats the action with
 * the same key (the incident), which every paging service takes for the same page; a crash after the second brings the
 * record again, and its id is known by then. So nothing is lost, and nobody is called twice.
 *
 * <p>What is remembered is a journal, one line a record; a table in your database does as well.
 */
public final class Pager {

  /** What an SLA event leaves in the journal. */
  record Said(String id, String type, String incident, List<String> gone) {}

  /** A page is open exactly while a breach of its incident stands and no outcome does. */
  static final class Pages implements AutoCloseable {
    private final ObjectMapper json = new ObjectMapper();
    private final Set<String> known = new HashSet<>();
    private final Set<String> gone = new HashSet<>();
    private final Map<String, Set<Said>> byIncident = new HashMap<>();
    private final Set<String> open = new HashSet<>();
    private final FileChannel journal;

    Pages(Path path) throws IOException {
      long whole = 0;
      if (Files.exists(path)) {
        byte[] bytes = Files.readAllBytes(path);
        for (int at = 0, end = 0; end < bytes.length; end++) {
          if (bytes[end] == '\n') {
            note(json.readValue(bytes, at, end - at, Said.class));
            at = end + 1;
            whole = at;
          }
        }
      }
      journal = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      journal.truncate(whole).position(whole); // a line that a crash cut short was never remembered
    }

    /** One SLA event; one that was taken before changes nothing. */
    void take(byte[] value) throws IOException {
      JsonNode event = json.readTree(value);
      JsonNode data = event.get("data");
      if (data.path("kind").asText().equals("kpi") || known.contains(event.get("id").asText())) {
        return; // a goal that nobody is woken for, or nothing new
      }
      List<String> gone =
          List.of("retracts", "supersedes").stream().filter(data::hasNonNull).map(name -> data.get(name).asText()).toList();
      Said said =
          new Said(event.get("id").asText(), event.get("type").asText(), data.get("incident").asText(), gone);
      boolean before = open.contains(said.incident());
      boolean after = note(said);
      if (before != after) {
        page(after ? "open" : "close", said.incident(), data.get(data.hasNonNull("retracts") ? "reason" : "summary"));
      }
      ByteBuffer line = ByteBuffer.wrap((json.writeValueAsString(said) + "\n").getBytes(StandardCharsets.UTF_8));
      while (line.hasRemaining()) {
        journal.write(line);
      }
      journal.force(false);
    }

    /** Keeps what was said and returns whether the incident's page is open with it. */
    private boolean note(Said said) {
      known.add(said.id());
      gone.addAll(said.gone());
      byIncident.computeIfAbsent(said.incident(), name -> new HashSet<>()).add(said);
      boolean wanted = stands(said.incident(), "sla.breach.v1") && !stands(said.incident(), "sla.outcome.v1");
      if (wanted) {
        open.add(said.incident());
      } else {
        open.remove(said.incident());
      }
      return wanted;
    }

    private boolean stands(String incident, String type) {
      return byIncident.get(incident).stream().anyMatch(said -> said.type().equals(type) && !gone.contains(said.id()));
    }

    @Override
    public void close() throws IOException {
      journal.close();
    }
  }

  /** Put the call to your paging service here; the incident is its deduplication key. */
  static void page(String action, String incident, JsonNode summary) {
    System.out.println(action + "\t" + incident + "\t" + summary.asText());
    System.out.flush();
  }

  public static void main(String[] args) throws Exception {
    Map<String, String> flags = new HashMap<>(Map.of("--kafka", "localhost:9092", "--prefix", "", "--group", "pager",
        "--state", "pager.jsonl"));
    for (int i = 0; i + 1 < args.length; i += 2) {
      flags.put(args[i], args[i + 1]);
    }
    Map<String, Object> settings = Map.of(
        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, flags.get("--kafka"),
        ConsumerConfig.GROUP_ID_CONFIG, flags.get("--group"),
        ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed", // what an aborted transaction wrote was never said
        ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false, // else an offset is committed before its record is done
        ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    try (Pages pages = new Pages(Path.of(flags.get("--state")));
        KafkaConsumer<byte[], byte[]> consumer =
            new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      Thread main = Thread.currentThread();
      Runtime.getRuntime().addShutdownHook(new Thread(() -> {
        consumer.wakeup();
        try {
          main.join();
        } catch (InterruptedException error) {
          Thread.currentThread().interrupt();
        }
      }));
      consumer.subscribe(List.of(flags.get("--prefix") + "sla.breaches.v1", flags.get("--prefix") + "sla.outcomes.v1"));
      while (true) {
        for (ConsumerRecord<byte[], byte[]> found : consumer.poll(Duration.ofSeconds(1))) {
          if (found.value() != null) {
            pages.take(found.value());
          }
        }
        consumer.commitSync();
      }
    } catch (WakeupException stopped) {
      // SIGTERM or Ctrl-C
    }
  }
}

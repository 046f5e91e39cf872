package io.castalia;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The package as Java programs use it: without coroutines and Kotlin types. */
class JavaUsageTest {
    @Test
    void aJavaProgramReadsAndListens() throws Exception {
        try (Scripted server = new Scripted()) {
            server.publish("application", Map.of("timeout", "200", "list", "a,b", "day", "2024-01-31", "source", "LOCAL"));
            try (Client client = new Client(server.settings())) {
                Config config = client.configAsync("application").get(60, TimeUnit.SECONDS);
                assertEquals("200", config.get("timeout"));
                assertEquals(200, config.getInt("timeout", 5));
                assertEquals(5, config.getInt("missing", 5));
                assertEquals(Duration.ofMillis(200), config.getDuration("timeout", Duration.ZERO));
                assertEquals(List.of("a", "b"), config.getList("list", List.of()));
                assertEquals("x", config.getWith("list", "x", text -> null));
                assertNull(config.tryGetLong("missing"));
                Instant day = Instant.parse("2024-01-31T00:00:00Z");
                assertEquals(day, config.getDate("day", Instant.EPOCH, ZoneOffset.UTC));
                assertEquals(config.tryGetDate("day"), config.getDate("day", Instant.EPOCH));
                assertEquals(day, config.tryGetDate("day", ZoneOffset.UTC));
                assertEquals(Source.LOCAL, config.getEnum("source", Source.NONE));
                assertEquals(Source.LOCAL, config.tryGetEnum("source", Source.class));
                assertThrows(CastaliaException.Parse.class, () -> config.tryGetInt("list"));

                LinkedBlockingQueue<ChangeEvent> events = new LinkedBlockingQueue<>();
                try (Subscription all = config.onChange(events::add);
                        Subscription some = config.onChange(Set.of("other"), event -> events.clear());
                        Watch<Integer> watch = config.watch(snapshot -> snapshot.getInt("timeout", 0))) {
                    server.publish("application", Map.of("timeout", "300"));
                    ChangeEvent event = events.poll(60, TimeUnit.SECONDS);
                    assertEquals(ChangeType.MODIFIED, event.getChanges().get("timeout").getChangeType());
                    assertEquals("300", config.get("timeout"));
                    ChangeListener listener = events::add;
                    config.onChange(listener);
                    assertTrue(config.removeOnChange(listener));
                    config.refreshAsync().join();
                    assertEquals(Source.REMOTE, config.getSource());
                    assertTrue(watch.get() >= 200);
                }
                client.validate("application", snapshot -> null);
                assertEquals("", client.configFileAsync("missing.txt").join().getContent() == null ? "" : "text");
                assertTrue(client.settings().stream().anyMatch(setting -> setting.getName().equals("app.id")));
                assertTrue(client.metricsText().endsWith("# EOF\n"));
                assertEquals(2, client.metrics().getNamespaces().size());
                assertEquals("order", client.getAppId());
                assertEquals("UNKNOWN", client.getEnv());
                client.setAccessKey("order", "secret");
                assertEquals("Ready", config.getState());
                List<OpenNamespace> open = List.of(config, client.configFileAsync("application").join());
                open.forEach(namespace -> assertEquals(Source.REMOTE, namespace.getSource()));
                config.close();
                assertThrows(CastaliaException.Closed.class, config::getState);
            }
        }
    }

    @Test
    void settingsAreMadeInJava() {
        Client.setLog(null);
        Settings settings = Settings.fromEnv().set("app.id", "order").set("env", "LOCAL");
        try (Client client = new Client(settings)) {
            assertThrows(CastaliaException.InvalidArgument.class, () -> client.validate("../etc", snapshot -> null));
        }
        CastaliaException error = assertThrows(CastaliaException.class, () -> new Client(Map.of("no.such", "x")));
        assertEquals(1, error.getCode());
        assertEquals("InvalidArgument", error.getKind());
    }
}

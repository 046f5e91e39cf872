package io.castalia;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/**
 * SEC-34: invalid arguments throw an exception and never crash the JVM. Written in Java, whose
 * compiler accepts null everywhere.
 */
class MisuseTest {
    private static final String HALF_A_CHARACTER = "\uD800";
    private final Scripted server = new Scripted();
    private Client client;
    private Config config;

    @BeforeEach
    void open() {
        server.publish("application", Map.of("a", "1"));
        client = new Client(server.settings());
        config = client.configAsync("application").join();
    }

    @AfterEach
    void close() {
        client.close();
        server.close();
    }

    @Test
    void nullIsRefused() {
        List<Executable> calls =
                List.of(
                        () -> new Client((Settings) null),
                        () -> new Client((Map<String, String>) null),
                        () -> new Client(Collections.singletonMap("app.id", null)),
                        () -> new Client(Collections.singletonMap(null, "order")),
                        () -> Settings.fromEnv().set(null, "x"),
                        () -> Settings.fromEnv().set("app.id", null),
                        () -> Settings.fromEnv().defaults("application", null),
                        () -> client.configAsync(null),
                        () -> client.configOfAsync(null, "application"),
                        () -> client.configFileAsync(null),
                        () -> client.validate(null, snapshot -> null),
                        () -> client.validate("application", null),
                        () -> config.get(null),
                        () -> config.getInt(null, 1),
                        () -> config.tryGetDuration(null),
                        () -> config.tryGetDate("a", null),
                        () -> config.tryGetEnum("a", null),
                        () -> config.removeOnChange(null),
                        () -> client.setAccessKey(null, "secret"),
                        () -> client.setAccessKey("order", null),
                        () -> config.snapshot().get(null),
                        () -> config.watch(null),
                        () -> config.onChange((ChangeListener) null),
                        () -> config.onChange((Set<String>) null, event -> {}),
                        () -> config.onChange(Collections.singleton(null), event -> {}));
        for (Executable call : calls) assertThrows(NullPointerException.class, call, () -> "call " + calls.indexOf(call));
        assertEquals("1", config.get("a"));
    }

    @Test
    void textsThatAreNoneAndNamesBeyondMeasureAreRefused() {
        String endless = "x".repeat(1 << 20);
        for (String name : List.of(HALF_A_CHARACTER, "a\0b", "../etc", "", endless)) {
            Throwable failure = assertThrows(CompletionException.class, () -> client.configAsync(name).join());
            assertTrue(failure.getCause() instanceof CastaliaException.InvalidArgument, () -> "" + failure);
            assertThrows(CastaliaException.InvalidArgument.class, () -> client.validate(name, snapshot -> null));
        }
        assertThrows(CastaliaException.InvalidArgument.class, () -> config.onChange(Set.of(HALF_A_CHARACTER), event -> {}));
        for (String key : List.of(HALF_A_CHARACTER, "a\0b", endless)) assertNull(config.get(key));
        config.onChange(Set.of(endless, "a\0b"), event -> {}).cancel();
        assertEquals(1, config.getInt("a", 0));
    }

    @Test
    void whatHasEndedIsClosed() {
        Subscription subscription = config.onChange(event -> {});
        subscription.cancel();
        subscription.cancel();
        client.close();
        client.close();
        subscription.cancel();
        assertThrows(CastaliaException.Closed.class, () -> config.onChange(event -> {}));
        assertThrows(CastaliaException.Closed.class, client::metrics);
        Throwable failure = assertThrows(CompletionException.class, () -> config.refreshAsync().join());
        assertTrue(failure.getCause() instanceof CastaliaException.Closed);
        assertEquals(1, config.getInt("a", 0));
    }

    @Test
    void errorsBelongToTheCall() throws InterruptedException {
        // T04
        List<String> names = List.of("apollo.readTimeout", "apollo.connectTimeout");
        CountDownLatch right = new CountDownLatch(2);
        List<Thread> threads = names.stream().map(name -> new Thread(() -> failOften(name, right))).collect(Collectors.toList());
        threads.forEach(Thread::start);
        for (Thread thread : threads) thread.join();
        assertEquals(0, right.getCount());
    }

    private static void failOften(String name, CountDownLatch right) {
        Settings settings = new Settings(Map.of("app.id", "order", name, "x"));
        boolean own =
                IntStream.range(0, 1000)
                        .mapToObj(i -> assertThrows(CastaliaException.InvalidArgument.class, () -> new Client(settings)))
                        .allMatch(error -> error.getMessage().contains(name));
        if (own) right.countDown();
    }
}

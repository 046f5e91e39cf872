package io.castalia;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.castalia.testing.InMemory;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The Java programs of the README; a test compares them. */
class ReadmeProgramTest {
    static void run() {
        try (Client client = new Client(Map.of("app.id", "order", "apollo.meta", "http://meta:8080"))) {
            Config config = client.configAsync("application").join();
            int limit = config.getInt("rate.limit", 100);
            Subscription subscription = config.onChange(Set.of("rate.limit"), event -> System.out.println(event.getChanges()));
        }
    }

    private static final class Limiter {
        private final Config config;

        Limiter(Client client) {
            config = client.configAsync("application").join();
        }

        int limit() {
            return config.getInt("rate.limit", 100);
        }
    }

    @Test
    void aTestNeedsNoServer() {
        try (InMemory memory = new InMemory()) { // io.castalia.testing.InMemory
            memory.publish("application", Map.of("rate.limit", "5"));
            Limiter limiter = new Limiter(memory.getClient());
            memory.set("application", "rate.limit", "6"); // reads return it at once; listeners are called on their thread
            assertEquals(6, limiter.limit());
            memory.fail("application"); // as a server that does not answer: what was loaded before remains
        }
    }
}

package io.castalia;

import java.util.Map;
import java.util.Set;

/** The program of the README; a test compares them. */
class ReadmeProgram {
    static void run() {
        try (Client client = new Client(Map.of("app.id", "order", "apollo.meta", "http://meta:8080"))) {
            Config config = client.configAsync("application").join();
            int limit = config.getInt("rate.limit", 100);
            Subscription subscription = config.onChange(Set.of("rate.limit"), event -> System.out.println(event.getChanges()));
        }
    }
}

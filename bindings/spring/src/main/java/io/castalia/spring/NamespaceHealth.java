package io.castalia.spring;

import io.castalia.CastaliaException;
import io.castalia.Config;
import io.castalia.ConfigSource;
import io.castalia.Source;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Health of the bootstrap namespaces, for the health endpoint of each version of Spring Boot. Down
 * means that a namespace has no values because no server answered, or that it was closed. It is up if
 * servers stopped answering later, since the application has values, and if the namespace does not
 * exist, since a server said so.
 */
final class NamespaceHealth {
    final boolean isUp;
    final Map<String, Object> details = new LinkedHashMap<>();

    NamespaceHealth(ConfigSource source) {
        boolean up = true;
        for (Config config : source.getConfigs()) {
            Map<String, Object> namespace = new LinkedHashMap<>();
            up &= describe(config, namespace);
            details.put(config.getNamespace(), namespace);
        }
        isUp = up;
    }

    /** Returns whether a namespace is up. */
    private static boolean describe(Config config, Map<String, Object> details) {
        String state;
        CastaliaException error;
        try {
            state = config.getState();
            error = config.getLastError();
        } catch (CastaliaException.Closed closed) {
            state = "Closed";
            error = closed;
        }
        details.put("state", state);
        details.put("source", config.getSource());
        details.put("releaseKey", config.snapshot().getReleaseKey());
        if (error != null) {
            details.put("error", error.getMessage());
        }
        return !state.equals("Closed") && (config.getSource() != Source.NONE || state.equals("NotFound"));
    }
}

package io.castalia.spring;

import io.castalia.CastaliaException;
import io.castalia.Config;
import io.castalia.ConfigSource;
import io.castalia.Source;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Health of the bootstrap namespaces, for the health endpoint of each version of Spring Boot. Down
 * means that a namespace has no values because no server answered. It is up if servers stopped
 * answering later, since the application has values, and if the namespace does not exist, since a
 * server said so.
 */
final class NamespaceHealth {
    final boolean isUp;
    final Map<String, Object> details = new LinkedHashMap<>();

    NamespaceHealth(ConfigSource source) {
        boolean up = true;
        for (Config config : source.getConfigs()) {
            String state = config.getState();
            up &= config.getSource() != Source.NONE || state.equals("NotFound");
            Map<String, Object> namespace = new LinkedHashMap<>();
            namespace.put("state", state);
            namespace.put("source", config.getSource());
            namespace.put("releaseKey", config.snapshot().getReleaseKey());
            CastaliaException error = config.getLastError();
            if (error != null) {
                namespace.put("error", error.getMessage());
            }
            details.put(config.getNamespace(), namespace);
        }
        isUp = up;
    }
}

package io.castalia.spring;

import io.castalia.Client;
import io.castalia.Config;
import io.castalia.Settings;
import io.castalia.testing.InMemory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.EnumerablePropertySource;
import org.springframework.core.env.MutablePropertySources;
import org.springframework.core.env.PropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.util.StringUtils;

/**
 * Opens the bootstrap namespaces and adds them to an environment, under the property names of
 * Apollo's Spring support.
 */
final class Bootstrap {
    static final String ENABLED = "apollo.bootstrap.enabled";
    static final String EAGER = "apollo.bootstrap.eagerLoad.enabled";
    static final String IN_MEMORY = "castalia.in-memory";
    private static final String NAMESPACES = "apollo.bootstrap.namespaces";
    private static final String OVERRIDE_SYSTEM_PROPERTIES = "apollo.override-system-properties";

    /** A source in the environment of the temporary application with which Spring Cloud refreshes. */
    private static final String REFRESH_SOURCE = "refreshArgs";

    private Bootstrap() {}

    static boolean isEnabled(ConfigurableEnvironment environment) {
        // A refresh would replace the source of the application by that of its temporary application.
        return !environment.getPropertySources().contains(REFRESH_SOURCE)
                && environment.getProperty(ENABLED, Boolean.class, false);
    }

    /**
     * Adds the namespaces to the environment; if they were added before, only restores their
     * precedence, unless that was for an application that has ended.
     */
    static CastaliaPropertySource attach(ConfigurableEnvironment environment) {
        CastaliaPropertySource source = CastaliaPropertySource.of(environment)
                .filter(known -> !known.isClosed())
                .orElseGet(() -> open(environment));
        place(source, environment);
        return source;
    }

    /** Restores the precedence, because other sources may have been added in front since. */
    private static void place(CastaliaPropertySource source, ConfigurableEnvironment environment) {
        MutablePropertySources sources = environment.getPropertySources();
        String variables = StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME;
        boolean isFirst = environment.getProperty(OVERRIDE_SYSTEM_PROPERTIES, Boolean.class, true);
        if (isFirst || !sources.contains(variables)) {
            sources.addFirst(source);
        } else {
            sources.addAfter(variables, source);
        }
    }

    private static CastaliaPropertySource open(ConfigurableEnvironment environment) {
        // Values of a closed client must not be settings of the next.
        environment.getPropertySources().remove(CastaliaPropertySource.NAME);
        Settings settings = settings(environment);
        boolean inMemory = environment.getProperty(IN_MEMORY, Boolean.class, false);
        InMemory memory = inMemory ? new InMemory(settings) : null;
        Client client = inMemory ? memory.getClient() : new Client(settings);
        try {
            return new CastaliaPropertySource(client, memory, configs(client, environment));
        } catch (CompletionException failure) {
            client.close();
            throw failure.getCause() instanceof RuntimeException ? (RuntimeException) failure.getCause() : failure;
        } catch (RuntimeException failure) {
            client.close();
            throw failure;
        }
    }

    /** Opens all at once, so that the start waits for the slowest namespace, not for the sum. */
    private static List<Config> configs(Client client, ConfigurableEnvironment environment) {
        String names = environment.getProperty(NAMESPACES, "application");
        List<CompletableFuture<Config>> opening = new ArrayList<>();
        for (String name : StringUtils.tokenizeToStringArray(names, ",")) {
            opening.add(client.configAsync(name));
        }
        List<Config> configs = new ArrayList<>();
        opening.forEach(config -> configs.add(config.join()));
        return configs;
    }

    /**
     * The client's own settings, overridden by those of the application, such as
     * {@code application.properties}, arguments and profiles.
     */
    private static Settings settings(ConfigurableEnvironment environment) {
        Map<String, String> values = new HashMap<>();
        for (PropertySource<?> source : environment.getPropertySources()) {
            if (source instanceof EnumerablePropertySource) {
                for (String name : ((EnumerablePropertySource<?>) source).getPropertyNames()) {
                    String value = isSetting(name) ? environment.getProperty(name) : null;
                    if (StringUtils.hasText(value)) {
                        values.put(name, value);
                    }
                }
            }
        }
        return Settings.fromEnv().overlay(values);
    }

    private static boolean isSetting(String name) {
        return name.equals("app.id") || name.startsWith("apollo.") || name.startsWith("castalia.");
    }
}

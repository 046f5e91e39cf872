package io.castalia.spring;

import io.castalia.Client;
import io.castalia.ConfigSource;
import io.castalia.Settings;
import io.castalia.testing.InMemory;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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

    private static final String VARIABLES = StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME;

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
        source.rememberIn(environment);
        PropertySource<?> added = environment.getPropertySources().get(CastaliaPropertySource.NAME);
        place(added == null ? source : added, environment);
        return source;
    }

    /** Restores the precedence, because other sources may have been added in front since. */
    private static void place(PropertySource<?> source, ConfigurableEnvironment environment) {
        MutablePropertySources sources = environment.getPropertySources();
        boolean isFirst = environment.getProperty(OVERRIDE_SYSTEM_PROPERTIES, Boolean.class, true);
        if (isFirst || !sources.contains(VARIABLES)) {
            sources.addFirst(source);
        } else {
            sources.addAfter(VARIABLES, source);
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
            return new CastaliaPropertySource(client, memory, namespaces(client, environment));
        } catch (CompletionException failure) {
            client.close();
            throw failure.getCause() instanceof RuntimeException ? (RuntimeException) failure.getCause() : failure;
        } catch (RuntimeException failure) {
            client.close();
            throw failure;
        }
    }

    /** Apart from what the application opens, and so may close. */
    private static ConfigSource namespaces(Client client, ConfigurableEnvironment environment) {
        String names = environment.getProperty(NAMESPACES, "application");
        return client.sourceAsync(CastaliaPropertySource.NAME, List.of(StringUtils.tokenizeToStringArray(names, ","))).join();
    }

    /**
     * The client's own settings, overridden by those of the application, such as
     * {@code application.properties}, arguments and profiles.
     */
    private static Settings settings(ConfigurableEnvironment environment) {
        Map<String, String> values = new HashMap<>();
        boolean isBelowVariables = false;
        for (PropertySource<?> source : environment.getPropertySources()) {
            if (source instanceof EnumerablePropertySource) {
                for (String name : ((EnumerablePropertySource<?>) source).getPropertyNames()) {
                    String value = isSetting(name) ? value(name, environment, isBelowVariables) : null;
                    if (StringUtils.hasText(value)) {
                        values.putIfAbsent(name, value);
                    }
                }
            }
            isBelowVariables |= source.getName().equals(VARIABLES);
        }
        return Settings.fromEnv().overlay(values);
    }

    /** Spring does not know the variables that the client reads for names with capitals. */
    private static String value(String name, ConfigurableEnvironment environment, boolean isBelowVariables) {
        String variable = name.replaceAll("([a-z0-9])([A-Z])", "$1_$2").replaceAll("[^A-Za-z0-9]", "_").toUpperCase(Locale.ROOT);
        Object known = isBelowVariables ? environment.getSystemEnvironment().get(variable) : null;
        return known != null && StringUtils.hasText(known.toString()) ? known.toString() : environment.getProperty(name);
    }

    private static boolean isSetting(String name) {
        return name.equals("app.id") || name.startsWith("apollo.") || name.startsWith("castalia.");
    }
}

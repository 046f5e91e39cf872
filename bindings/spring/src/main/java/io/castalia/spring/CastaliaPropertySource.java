package io.castalia.spring;

import io.castalia.Client;
import io.castalia.Config;
import io.castalia.ConfigSource;
import io.castalia.Snapshot;
import io.castalia.testing.InMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.EnumerablePropertySource;

/**
 * The bootstrap namespaces as one property source. It holds the client, since it exists before any
 * context: a context obtains the client from here. The environments of child contexts contain the
 * source of their parent, so only the context that claims it closes the client.
 */
final class CastaliaPropertySource extends EnumerablePropertySource<ConfigSource> {
    static final String NAME = "castalia";

    private final Client client;
    private final InMemory memory;
    private final AtomicReference<ConfigurableApplicationContext> owner = new AtomicReference<>();
    private volatile boolean isClosed;
    private volatile Names names = new Names(List.of(), new String[0]);

    /** @param memory sets the values of the client in tests, otherwise null */
    CastaliaPropertySource(Client client, InMemory memory, List<Config> configs) {
        super(NAME, new ConfigSource(NAME, configs));
        this.client = client;
        this.memory = memory;
    }

    static Optional<CastaliaPropertySource> of(ConfigurableEnvironment environment) {
        return Optional.ofNullable((CastaliaPropertySource) environment.getPropertySources().get(NAME));
    }

    @Override
    public Object getProperty(String name) {
        return source.getProperty(name);
    }

    /**
     * Returns the same array while the values are the same, so that Spring Boot does not rebuild
     * its index of names.
     */
    @Override
    public String[] getPropertyNames() {
        List<Snapshot> now = new ArrayList<>();
        source.getConfigs().forEach(config -> now.add(config.snapshot()));
        Names known = names;
        if (!known.content.equals(now)) {
            known = new Names(now, source.propertyNames().toArray(new String[0]));
            names = known;
        }
        return known.all;
    }

    Client client() {
        return client;
    }

    Optional<InMemory> memory() {
        return Optional.ofNullable(memory);
    }

    /**
     * Makes the context the owner unless there is one, and returns whether it is the owner. It may be
     * null: an application that fails without a context is the owner if no context is.
     */
    boolean claim(ConfigurableApplicationContext context) {
        owner.compareAndSet(null, context);
        return owner.get() == context;
    }

    void close() {
        isClosed = true;
        client.close();
    }

    boolean isClosed() {
        return isClosed;
    }

    private static final class Names {
        final List<Snapshot> content;
        final String[] all;

        Names(List<Snapshot> content, String[] all) {
            this.content = content;
            this.all = all;
        }
    }
}

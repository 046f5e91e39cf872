package io.castalia.spring;

import io.castalia.Client;
import io.castalia.ConfigSource;
import io.castalia.Snapshot;
import io.castalia.testing.InMemory;
import java.lang.ref.WeakReference;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.atomic.AtomicReference;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.EnumerablePropertySource;
import org.springframework.core.env.PropertySource;

/**
 * The bootstrap namespaces as one property source. It holds the client, since it exists before any
 * context: a context obtains the client from here. The environments of child contexts contain the
 * source of their parent, so only the context that claims it closes the client. Libraries replace
 * it by sources of the same name that read it, such as those that decrypt values.
 */
final class CastaliaPropertySource extends EnumerablePropertySource<ConfigSource> {
    static final String NAME = "castalia";

    /**
     * By the environments to which they were added. Weak, because a source refers to the context that
     * owns it, and so to its environment.
     */
    private static final Map<ConfigurableEnvironment, WeakReference<CastaliaPropertySource>> KNOWN = new WeakHashMap<>();

    private final Client client;
    private final InMemory memory;
    private final AtomicReference<ConfigurableApplicationContext> owner = new AtomicReference<>();
    private volatile boolean isClosed;
    private volatile Content content = Content.EMPTY;
    /** The names that were asked for, while a thread records them. */
    private final ThreadLocal<Set<String>> recorded = new ThreadLocal<>();

    /** @param memory sets the values of the client in tests, otherwise null */
    CastaliaPropertySource(Client client, InMemory memory, ConfigSource namespaces) {
        super(NAME, namespaces);
        this.client = client;
        this.memory = memory;
    }

    static Optional<CastaliaPropertySource> of(ConfigurableEnvironment environment) {
        PropertySource<?> added = environment.getPropertySources().get(NAME);
        if (added == null || added instanceof CastaliaPropertySource) {
            return Optional.ofNullable((CastaliaPropertySource) added);
        }
        synchronized (KNOWN) {
            // The environment of a child context has what replaced the source in that of its parent.
            return KNOWN.entrySet().stream()
                    .filter(known -> known.getKey() == environment || known.getKey().getPropertySources().get(NAME) == added)
                    .map(known -> known.getValue().get())
                    .filter(Objects::nonNull)
                    .findFirst();
        }
    }

    /** Has {@link #of} find this also if a library replaces it in the environment. */
    void rememberIn(ConfigurableEnvironment environment) {
        synchronized (KNOWN) {
            KNOWN.put(environment, new WeakReference<>(this));
        }
    }

    @Override
    public Object getProperty(String name) {
        Set<String> names = recorded.get();
        if (names != null) {
            names.add(name);
        }
        return source.getProperty(name);
    }

    /**
     * Returns the same array while the values are the same, so that Spring Boot does not rebuild
     * its index of names.
     */
    @Override
    public String[] getPropertyNames() {
        return content().names();
    }

    /**
     * The content that {@link #getProperty} reads; the same object while the values are the same. Called for
     * each property that no namespace has, so it waits for nothing.
     */
    Content content() {
        return content.isOf(source.snapshots()) ? content : renewed();
    }

    /** Synchronized, so that each content follows all before it. */
    private synchronized Content renewed() {
        List<Snapshot> now = source.snapshots();
        if (!content.isOf(now)) {
            content = new Content(now, content);
        }
        return content;
    }

    /**
     * The keys on which the result of the action depends, as far as it resolves properties: those that
     * this is asked for in this thread, whether or not a namespace has them.
     */
    Set<String> readDuring(Runnable action) {
        Set<String> outer = recorded.get();
        Set<String> names = new HashSet<>();
        recorded.set(names);
        try {
            action.run();
        } finally {
            recorded.set(outer);
        }
        return names;
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
}

package io.castalia.spring;

import io.castalia.CastaliaException;
import io.castalia.Client;
import io.castalia.testing.InMemory;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;

/** An application with in-memory namespaces. */
final class Application implements AutoCloseable {
    final ConfigurableApplicationContext context;
    final InMemory memory;

    private Application(ConfigurableApplicationContext context) {
        this.context = context;
        this.memory = context.getBeanProvider(InMemory.class).getIfAvailable();
    }

    /** Starts an application with these beans; arguments are properties. */
    static Application start(Class<?> beans, String... properties) {
        String[] own = {"apollo.bootstrap.enabled=true", "castalia.in-memory=true"};
        return new Application(run(beans, Stream.of(own, properties).flatMap(Stream::of).toArray(String[]::new)));
    }

    static ConfigurableApplicationContext run(Class<?> beans, String... properties) {
        String[] arguments = Stream.of(properties).map(property -> "--" + property).toArray(String[]::new);
        return new SpringApplicationBuilder(Auto.class, beans)
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .properties("logging.level.root=warn")
                .run(arguments);
    }

    <T> T bean(Class<T> type) {
        return context.getBean(type);
    }

    void set(String key, String value) {
        memory.set("application", key, value);
    }

    String property(String name) {
        return context.getEnvironment().getProperty(name);
    }

    Client client() {
        return bean(Client.class);
    }

    @Override
    public void close() {
        context.close();
    }

    static boolean isClosed(Client client) {
        try {
            client.metrics();
            return false;
        } catch (CastaliaException.Closed closed) {
            return true;
        }
    }

    /** Waits until a condition holds. */
    static void eventually(BooleanSupplier holds) {
        long end = System.nanoTime() + 60_000_000_000L;
        while (!holds.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not within 60 s");
            }
            LockSupport.parkNanos(1_000_000);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Auto {}
}

package io.castalia.spring;

import static io.castalia.spring.Application.eventually;
import static io.castalia.spring.Application.isClosed;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.castalia.ChangeEvent;
import io.castalia.Client;
import io.castalia.testing.InMemory;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.event.EventListener;

/** Events of parents and children, and the end of contexts whose listeners run. */
class EventTest {
    @Configuration(proxyBeanMethods = false)
    static class Listening {
        final List<String> heard = new CopyOnWriteArrayList<>();

        @Value("${n:0}")
        volatile int n;

        @EventListener
        void changed(ChangeEvent event) {
            heard.add(event.getChanges().get("n").getNewValue() + " " + n);
        }
    }

    /** Waits in its listener until a test has closed the context. */
    @Configuration(proxyBeanMethods = false)
    static class Waiting {
        final AtomicInteger calls = new AtomicInteger();
        final CountDownLatch closed = new CountDownLatch(1);

        @EventListener
        void changed(ChangeEvent event) throws InterruptedException {
            calls.incrementAndGet();
            closed.await();
        }
    }

    /** A change arrives while the context is stopped, as while a server waits for its last requests. */
    @Configuration(proxyBeanMethods = false)
    @Import(Listening.class)
    static class Stopping {
        @Bean
        SmartLifecycle stopping(InMemory memory, Listening listening) {
            return new SmartLifecycle() {
                private volatile boolean isRunning;

                @Override
                public void start() {
                    isRunning = true;
                }

                @Override
                public void stop() {
                    memory.set("application", "n", "1");
                    eventually(() -> listening.heard.contains("1 1"));
                    isRunning = false;
                }

                @Override
                public boolean isRunning() {
                    return isRunning;
                }
            };
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Closing {
        private final ConfigurableApplicationContext context;

        Closing(ConfigurableApplicationContext context) {
            this.context = context;
        }

        @EventListener
        void changed(ChangeEvent event) {
            context.close();
        }
    }

    @Test
    void aContextReceivesEachChangeOnceAfterItsOwnBeans() {
        // B76
        try (Application parent = Application.start(Listening.class);
                ConfigurableApplicationContext child = child(parent.context, Listening.class)) {
            List<Listening> both = List.of(parent.bean(Listening.class), child.getBean(Listening.class));
            for (String n : List.of("1", "2", "3")) {
                parent.set("n", n);
                eventually(() -> both.stream().allMatch(one -> one.heard.contains(n + " " + n)));
            }
            both.forEach(one -> assertEquals(List.of("1 1", "2 2", "3 3"), one.heard));
        }
    }

    @Test
    void aParentWithoutAutoConfigurationReceivesEachChangeOnce() {
        // B85
        try (ConfigurableApplicationContext parent = run(new SpringApplicationBuilder(Listening.class));
                ConfigurableApplicationContext child = child(parent, Listening.class);
                ConfigurableApplicationContext other = child(parent, Listening.class)) {
            Listening listening = parent.getBean(Listening.class);
            for (String n : List.of("1", "2", "3")) {
                child.getBean(InMemory.class).set("application", "n", n);
                // Its own beans are not updated.
                eventually(() -> listening.heard.contains(n + " 0"));
                eventually(() -> other.getBean(Listening.class).heard.contains(n + " " + n));
            }
            assertEquals(List.of("1 0", "2 0", "3 0"), listening.heard);
        }
    }

    @Test
    void aContextIsClosedAlthoughAListenerWaitsForThat() {
        // B77
        try (Application parent = Application.start(Listening.class)) {
            ConfigurableApplicationContext child = child(parent.context, Waiting.class);
            Waiting waiting = child.getBean(Waiting.class);
            parent.set("n", "1");
            eventually(() -> waiting.calls.get() == 1);
            CompletableFuture<Void> closing = CompletableFuture.runAsync(child::close);
            try {
                eventually(closing::isDone);
            } finally {
                waiting.closed.countDown();
            }
            parent.set("n", "2");
            eventually(() -> parent.bean(Listening.class).heard.contains("2 2"));
            assertEquals(1, waiting.calls.get());
        }
    }

    @Test
    void aListenerHearsOfAChangeWhileItsContextIsStopped() {
        Listening listening;
        try (Application application = Application.start(Stopping.class)) {
            listening = application.bean(Listening.class);
        }
        assertEquals(List.of("1 1"), listening.heard);
    }

    @Test
    void aListenerMayCloseItsContext() {
        try (Application application = Application.start(Closing.class)) {
            Client client = application.client();
            application.set("n", "1");
            eventually(() -> isClosed(client) && !application.context.isActive());
        }
    }

    private static ConfigurableApplicationContext child(ConfigurableApplicationContext parent, Class<?> beans) {
        return run(new SpringApplicationBuilder(Application.Auto.class, beans).parent(parent));
    }

    private static ConfigurableApplicationContext run(SpringApplicationBuilder application) {
        return application
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .properties("logging.level.root=warn")
                .run("--apollo.bootstrap.enabled=true", "--castalia.in-memory=true");
    }
}

package io.castalia.spring;

import static io.castalia.spring.Application.eventually;
import static io.castalia.spring.Application.isClosed;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.castalia.ChangeEvent;
import io.castalia.Client;
import io.castalia.Config;
import io.castalia.ConfigSource;
import io.castalia.Setting;
import io.castalia.testing.InMemory;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.BeanCreationException;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.Banner;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.event.ApplicationEnvironmentPreparedEvent;
import org.springframework.context.ApplicationListener;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.StandardEnvironment;

class EnvironmentTest {
    @Configuration(proxyBeanMethods = false)
    static class Nothing {}

    @Configuration(proxyBeanMethods = false)
    static class Listening {
        final List<String> heard = new CopyOnWriteArrayList<>();

        @Value("${n:0}")
        volatile int n;

        @EventListener
        void changed(ChangeEvent event) {
            heard.add(event.getNamespace() + " " + event.getChanges().keySet() + " " + n);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Failing {
        static final AtomicReference<Client> client = new AtomicReference<>();

        @Bean
        InitializingBean failing(ConfigurableEnvironment environment) {
            return () -> {
                client.set(CastaliaPropertySource.of(environment).orElseThrow().client());
                throw new IllegalStateException("on purpose");
            };
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class FailingRunner {
        @Bean
        CommandLineRunner failing() {
            return arguments -> {
                throw new IllegalStateException("on purpose");
            };
        }
    }

    @Test
    void theFirstNamespaceIsTheStrongestAndAllAreStrongerThanOtherSources() {
        try (Application application = Application.start(Nothing.class, "apollo.bootstrap.namespaces=a, b", "n=argument")) {
            application.memory.set("b", "n", "b");
            assertEquals("b", application.property("n"));
            application.memory.set("a", "n", "a");
            assertEquals("a", application.property("n"));
            application.memory.publish("a", Map.of());
            application.memory.publish("b", Map.of());
            assertEquals("argument", application.property("n"));
            assertEquals(2, application.bean(ConfigSource.class).getConfigs().size());
        }
    }

    @Test
    void systemPropertiesAndVariablesMayBeStronger() {
        String[] properties = {"apollo.override-system-properties=false", "n=argument"};
        try (Application application = Application.start(Nothing.class, properties)) {
            application.memory.update("application", Map.of("n", "namespace", "PATH", "namespace", "own", "namespace"));
            assertEquals("argument", application.property("n"));
            assertEquals(System.getenv("PATH"), application.property("PATH"));
            assertEquals("namespace", application.property("own"));
        }
    }

    @Test
    void systemPropertiesAreReadWhenTheyAreAskedFor() {
        // B112
        System.setProperty("feature.x", "1");
        try (Application application = Application.start(Nothing.class)) {
            assertEquals("1", application.property("feature.x"));
            System.setProperty("feature.x", "2");
            assertEquals("2", application.property("feature.x"));
            application.set("feature.x", "namespace");
            assertEquals("2", application.property("feature.x"));
            System.clearProperty("feature.x");
            assertEquals("namespace", application.property("feature.x"));
            application.memory.remove("application", "feature.x");
            assertNull(application.property("feature.x"));
        } finally {
            System.clearProperty("feature.x");
        }
    }

    @Test
    void aKeyThatNoNamespaceHasIsLookedUpWithoutALock() throws Exception {
        // B134
        try (Application application = Application.start(Nothing.class)) {
            Object opened = field(application.bean(ConfigSource.class).getConfigs().get(0), "opened");
            ReentrantLock lock = (ReentrantLock) field(opened, "renewing");
            lock.lock();
            try {
                assertNull(CompletableFuture.supplyAsync(() -> application.property("missing.key")).get(60, SECONDS));
            } finally {
                lock.unlock();
            }
        }
    }

    private static Object field(Object of, String name) throws ReflectiveOperationException {
        Field field = of.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field.get(of);
    }

    @Test
    void aConfigThatTheApplicationClosesEndsNothingElse() {
        // B135
        try (Application application = Application.start(Listening.class)) {
            Listening listening = application.bean(Listening.class);
            application.client().configAsync("application").join().close();
            application.set("n", "1");
            assertEquals("1", application.property("n"));
            eventually(() -> listening.heard.contains("application [n] 1"));
        }
    }

    @Test
    void aListenerReadsTheNewValueFromAConfigThatTheApplicationOpened() throws Exception {
        // B135
        try (Application application = Application.start(Nothing.class)) {
            Config own = application.client().configAsync("application").join();
            List<String> read = new CopyOnWriteArrayList<>();
            application.bean(ConfigSource.class).onChange(event -> read.add(own.get("n")));
            ReentrantLock lock = (ReentrantLock) field(field(own, "opened"), "renewing");
            CompletableFuture<Void> set;
            // While this is held, that config keeps its old values.
            lock.lock();
            try {
                set = CompletableFuture.runAsync(() -> application.set("n", "1"));
                eventually(() -> "1".equals(application.property("n")));
                // A listener that does not wait for the config is called by then.
                Thread.sleep(200);
                assertNull(own.get("n"));
            } finally {
                lock.unlock();
            }
            set.join();
            eventually(() -> !read.isEmpty());
            assertEquals(List.of("1"), read);
        }
    }

    @Test
    void variablesTakePrecedenceOverFilesUnderTheNamesOfTheClientToo() {
        // B136
        assertEquals("7", cacheSize("--a=b"));
        assertEquals("8", cacheSize("--apollo.configCacheSize=8"));
    }

    private static String cacheSize(String argument) {
        ConfigurableEnvironment environment = new StandardEnvironment() {
            @Override
            public Map<String, Object> getSystemEnvironment() {
                return Map.of("APOLLO_CONFIG_CACHE_SIZE", "7");
            }
        };
        try (ConfigurableApplicationContext context = new SpringApplicationBuilder(Application.Auto.class)
                .environment(environment)
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .properties("logging.level.root=warn", "apollo.configCacheSize=9")
                .run("--apollo.bootstrap.enabled=true", "--castalia.in-memory=true", argument)) {
            return context.getBean(Client.class).settings().stream()
                    .filter(setting -> setting.getName().equals("apollo.configCacheSize"))
                    .map(Setting::getValue)
                    .findFirst()
                    .orElseThrow();
        }
    }

    @Test
    void listenersHearOfAChangeOnceBeansHaveIt() {
        try (Application application = Application.start(Listening.class)) {
            Listening listening = application.bean(Listening.class);
            application.set("n", "1");
            application.set("n", "2");
            eventually(() -> listening.heard.size() == 2);
            assertEquals("application [n] 2", listening.heard.get(1));
        }
    }

    @Test
    void theNamespacesAreThereBeforeLoggingStartsOnlyWhereThatIsAskedFor() {
        for (boolean eager : new boolean[] {false, true}) {
            List<Boolean> early = new ArrayList<>();
            ApplicationListener<ApplicationEnvironmentPreparedEvent> look =
                    event -> early.add(event.getEnvironment().getPropertySources().contains(CastaliaPropertySource.NAME));
            SpringApplication spring = new SpringApplication(Application.Auto.class);
            spring.addListeners(look);
            try (ConfigurableApplicationContext context = spring.run("--apollo.bootstrap.enabled=true", "--castalia.in-memory=true",
                    "--spring.main.banner-mode=off", "--logging.level.root=warn", "--apollo.bootstrap.eagerLoad.enabled=" + eager)) {
                assertEquals(List.of(eager), early);
                assertEquals(CastaliaPropertySource.NAME,
                        context.getEnvironment().getPropertySources().iterator().next().getName());
            }
        }
    }

    @Test
    void nothingIsLoadedUnlessItIsEnabled() {
        try (ConfigurableApplicationContext context = Application.run(Nothing.class)) {
            assertFalse(context.getEnvironment().getPropertySources().contains(CastaliaPropertySource.NAME));
            assertNull(context.getBeanProvider(Client.class).getIfAvailable());
        }
    }

    @Test
    void theClientIsClosedWithTheContext() {
        Client client;
        try (Application application = Application.start(Nothing.class)) {
            client = application.client();
        }
        assertTrue(isClosed(client));
    }

    @Test
    void theClientOfAnApplicationThatDoesNotStartIsClosed() {
        assertThrows(BeanCreationException.class, () -> Application.start(Failing.class));
        assertTrue(isClosed(Failing.client.get()));
    }

    @Test
    void aChildThatDoesNotStartLeavesTheClientOfItsParentOpen() {
        // B55
        for (Class<?> failing : List.of(FailingRunner.class, Failing.class)) {
            try (Application parent = Application.start(Nothing.class)) {
                assertThrows(RuntimeException.class, () -> runChild(parent.context, failing));
                assertFalse(isClosed(parent.client()));
                parent.set("n", "1");
                assertEquals("1", parent.property("n"));
            }
        }
    }

    @Test
    void theClientOfAChildThatDoesNotStartIsClosed() {
        // B55
        try (ConfigurableApplicationContext parent = Application.run(Nothing.class)) {
            assertThrows(BeanCreationException.class, () -> runChild(parent, Failing.class));
            assertTrue(isClosed(Failing.client.get()));
        }
    }

    private static void runChild(ConfigurableApplicationContext parent, Class<?> beans) {
        new SpringApplicationBuilder(beans)
                .parent(parent)
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .properties("logging.level.root=off")
                .run("--apollo.bootstrap.enabled=true", "--castalia.in-memory=true");
    }
}

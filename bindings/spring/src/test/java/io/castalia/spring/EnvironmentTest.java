package io.castalia.spring;

import static io.castalia.spring.Application.eventually;
import static io.castalia.spring.Application.isClosed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.castalia.ChangeEvent;
import io.castalia.Client;
import io.castalia.ConfigSource;
import io.castalia.testing.InMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
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

package io.castalia.spring;

import static io.castalia.spring.Application.isClosed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.castalia.Client;
import io.castalia.Setting;
import io.castalia.testing.InMemory;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.boot.Banner;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;

/** B58: a client is closed with the context that opened it, and not with another one that uses it. */
class ClosingTest {
    private static final String EAGER = "apollo.bootstrap.eagerLoad.enabled=true";
    private static final String LATE = "apollo.bootstrap.eagerLoad.enabled=false";

    @Configuration(proxyBeanMethods = false)
    static class Nothing {}

    @Configuration(proxyBeanMethods = false)
    static class Injected {
        final Client client;

        Injected(Client client) {
            this.client = client;
        }
    }

    /** Looks at the client of its environment when it is destroyed. */
    @Configuration(proxyBeanMethods = false)
    static class Looking {
        static final List<Boolean> wasClosed = new CopyOnWriteArrayList<>();

        @Bean
        DisposableBean looking(ConfigurableEnvironment environment) {
            return () -> wasClosed.add(isClosed(clientOf(environment)));
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class FailingRunner {
        static final AtomicReference<Client> client = new AtomicReference<>();

        @Bean
        CommandLineRunner failing(ConfigurableEnvironment environment) {
            return arguments -> {
                client.set(clientOf(environment));
                throw new IllegalStateException("on purpose");
            };
        }
    }

    @Test
    void aChildWithEagerLoadUsesAndClosesItsOwnClient() {
        try (Application parent = Application.start(Nothing.class)) {
            Client own;
            try (ConfigurableApplicationContext child = start(child(parent.context, Application.Auto.class, Injected.class), EAGER)) {
                own = clientOf(child.getEnvironment());
                assertNotSame(parent.client(), own);
                assertSame(own, child.getBean(Injected.class).client);
                child.getBean(InMemory.class).set("application", "n", "child");
                assertEquals("child", child.getEnvironment().getProperty("n"));
            }
            assertTrue(isClosed(own));
            assertOpen(parent.context);
        }
    }

    @Test
    void aChildUsesTheClientOfItsParentAndLeavesItOpen() {
        for (Class<?> sources : List.of(Application.Auto.class, Nothing.class)) {
            ConfigurableApplicationContext parent = start(application(sources));
            try (ConfigurableApplicationContext child = start(child(parent, Application.Auto.class, Injected.class))) {
                assertSame(clientOf(parent.getEnvironment()), child.getBean(Injected.class).client);
            }
            assertOpen(parent);
            parent.close();
            assertTrue(isClosed(clientOf(parent.getEnvironment())));
        }
    }

    @Test
    void aChildInTheEnvironmentOfItsParentLeavesTheClientOpen() {
        for (String eager : List.of(EAGER, LATE)) {
            try (Application parent = Application.start(Nothing.class)) {
                SpringApplicationBuilder child = child(parent.context, Application.Auto.class, Injected.class);
                try (ConfigurableApplicationContext context = start(child.environment(parent.context.getEnvironment()), eager)) {
                    assertSame(parent.client(), context.getBean(Injected.class).client);
                }
                assertOpen(parent.context);
            }
        }
    }

    @Test
    void aChildOfAParentWithoutNamespacesClosesItsOwnClient() {
        try (ConfigurableApplicationContext parent = Application.run(Nothing.class)) {
            ConfigurableApplicationContext child = start(child(parent, Application.Auto.class, Injected.class));
            Client own = child.getBean(Injected.class).client;
            assertSame(clientOf(child.getEnvironment()), own);
            child.close();
            assertTrue(isClosed(own));
        }
    }

    @Test
    void theClientIsClosedAfterTheBeansOfAllContextsThatUseIt() {
        Looking.wasClosed.clear();
        ConfigurableApplicationContext parent = start(application(Looking.class));
        ConfigurableApplicationContext child = start(child(parent, Application.Auto.class, Looking.class));
        // Spring Boot closes the child with it.
        parent.close();
        assertFalse(child.isActive());
        assertEquals(List.of(false, false), Looking.wasClosed);
        assertTrue(isClosed(clientOf(parent.getEnvironment())));
    }

    @Test
    void theClientOfAnApplicationWhoseRunnerFailsIsClosedAfterItsBeans() {
        Looking.wasClosed.clear();
        SpringApplicationBuilder application = application(Application.Auto.class, Looking.class, FailingRunner.class);
        assertThrows(IllegalStateException.class, () -> start(application));
        assertEquals(List.of(false), Looking.wasClosed);
        assertTrue(isClosed(FailingRunner.client.get()));
    }

    @Test
    void theClientIsClosedAlthoughNoBeanUsedIt() {
        ConfigurableApplicationContext context = start(application(Application.Auto.class), "spring.main.lazy-initialization=true");
        context.close();
        assertTrue(isClosed(clientOf(context.getEnvironment())));
    }

    @Test
    void aStartThatFailsBeforeItsBeansClosesItsOwnClientOnly() {
        for (String eager : List.of(EAGER, LATE)) {
            AtomicReference<Client> own = new AtomicReference<>();
            ApplicationContextInitializer<ConfigurableApplicationContext> failing = context -> {
                own.set(clientOf(context.getEnvironment()));
                throw new IllegalStateException("on purpose");
            };
            assertThrows(IllegalStateException.class, () -> start(application(Nothing.class).initializers(failing), eager));
            assertTrue(isClosed(own.get()));
            try (Application parent = Application.start(Nothing.class)) {
                SpringApplicationBuilder child = child(parent.context, Nothing.class).initializers(failing);
                assertThrows(IllegalStateException.class, () -> start(child, eager));
                assertEquals(eager.equals(EAGER), isClosed(own.get()));
                assertOpen(parent.context);
            }
        }
    }

    @Test
    void anApplicationThatIsRunAgainInItsEnvironmentHasANewClient() {
        for (String eager : List.of(EAGER, LATE)) {
            SpringApplication spring = application(Application.Auto.class, Injected.class).build();
            ConfigurableApplicationContext first = spring.run(arguments(eager));
            Client closed = first.getBean(Client.class);
            List<Setting> settings = closed.settings();
            first.getBean(InMemory.class).set("application", "apollo.cluster", "old");
            first.close();
            // As the restart endpoint of Spring Cloud does.
            spring.setEnvironment(first.getEnvironment());
            try (ConfigurableApplicationContext second = spring.run(arguments(eager))) {
                Client client = second.getBean(Injected.class).client;
                assertNotSame(closed, client);
                assertEquals(settings, client.settings());
                second.getBean(InMemory.class).set("application", "n", "2");
                assertEquals("2", second.getEnvironment().getProperty("n"));
            }
        }
    }

    @Test
    void theApplicationClosesTheClientThatTheBootstrapContextOfSpringCloudOpened() {
        ConfigurableEnvironment environment = environment("bootstrap");
        try (ConfigurableApplicationContext bootstrap = start(application(Nothing.class).environment(environment))) {
            environment.getPropertySources().remove("bootstrap");
            Client client = clientOf(environment);
            ConfigurableApplicationContext application = start(child(bootstrap, Application.Auto.class));
            start(child(application, Application.Auto.class)).close();
            assertOpen(bootstrap);
            application.close();
            assertTrue(isClosed(client));
        }
        Client client;
        try (ConfigurableApplicationContext bootstrap = start(application(Nothing.class).environment(environment("bootstrap")))) {
            client = clientOf(bootstrap.getEnvironment());
        }
        assertTrue(isClosed(client));
    }

    @Test
    void aRefreshOfSpringCloudOpensNoClient() {
        for (String eager : List.of(EAGER, LATE)) {
            ConfigurableEnvironment environment = environment("refreshArgs");
            start(application(Nothing.class).environment(environment), eager).close();
            assertFalse(environment.getPropertySources().contains(CastaliaPropertySource.NAME));
        }
    }

    private static SpringApplicationBuilder application(Class<?>... sources) {
        return new SpringApplicationBuilder(sources)
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .properties("logging.level.root=off");
    }

    private static SpringApplicationBuilder child(ConfigurableApplicationContext parent, Class<?>... sources) {
        return application(sources).parent(parent);
    }

    private static ConfigurableApplicationContext start(SpringApplicationBuilder application, String... properties) {
        return application.run(arguments(properties));
    }

    private static String[] arguments(String... properties) {
        return Stream.concat(Stream.of("apollo.bootstrap.enabled=true", "castalia.in-memory=true"), Stream.of(properties))
                .map(property -> "--" + property)
                .toArray(String[]::new);
    }

    private static ConfigurableEnvironment environment(String source) {
        ConfigurableEnvironment environment = new StandardEnvironment();
        environment.getPropertySources().addFirst(new MapPropertySource(source, Map.of("a", "b")));
        return environment;
    }

    private static Client clientOf(ConfigurableEnvironment environment) {
        return CastaliaPropertySource.of(environment).orElseThrow().client();
    }

    private static void assertOpen(ConfigurableApplicationContext context) {
        assertFalse(isClosed(clientOf(context.getEnvironment())));
    }
}

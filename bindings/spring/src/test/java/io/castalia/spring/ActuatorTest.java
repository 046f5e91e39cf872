package io.castalia.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.castalia.CastaliaException;
import io.castalia.Client;
import io.castalia.ConfigSource;
import io.castalia.testing.InMemory;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;
import org.springframework.boot.actuate.health.Status;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;

class ActuatorTest {
    /** An application with a client and a source of its own. */
    @Configuration(proxyBeanMethods = false)
    @Import(Heard.class)
    static class Others {
        @Bean
        @Primary
        Client otherClient() {
            return new InMemory().getClient();
        }

        @Bean
        @Primary
        ConfigSource otherSource(Client otherClient) {
            return otherClient.sourceAsync("other", List.of("other")).join();
        }
    }

    /** Settings of a client whose servers refuse every connection. */
    private static final String[] ALONE = {
        "apollo.bootstrap.enabled=true", "app.id=order", "apollo.meta=http://127.0.0.1:9", "apollo.cache.file.enable=false",
        "castalia.start-timeout=200",
    };

    @Test
    void healthIsUpWithContentAlsoWhileNoServerAnswers() {
        try (Application application = Application.start(EnvironmentTest.Nothing.class)) {
            HealthIndicator indicator = application.bean(HealthIndicator.class);
            assertEquals(Status.UP, indicator.health().getStatus());
            application.memory.fail("application");
            Health health = indicator.health();
            assertEquals(Status.UP, health.getStatus());
            assertEquals("Transport", ((Map<?, ?>) health.getDetails().get("application")).get("state"));
        }
    }

    @Test
    void healthIsDownWhileANamespaceHasNothing() {
        try (ConfigurableApplicationContext context = Application.run(EnvironmentTest.Nothing.class, ALONE)) {
            Health health = context.getBean(HealthIndicator.class).health();
            assertEquals(Status.DOWN, health.getStatus());
            assertEquals("Unavailable", ((Map<?, ?>) health.getDetails().get("application")).get("state"));
        }
    }

    @Test
    void healthIsDownAfterANamespaceWasClosed() {
        // B135
        try (Application application = Application.start(EnvironmentTest.Nothing.class)) {
            HealthIndicator indicator = application.bean(HealthIndicator.class);
            application.client().configAsync("application").join().close();
            assertEquals(Status.UP, indicator.health().getStatus());
            application.bean(ConfigSource.class).getConfigs().get(0).close();
            Health health = indicator.health();
            assertEquals(Status.DOWN, health.getStatus());
            assertEquals("Closed", ((Map<?, ?>) health.getDetails().get("application")).get("state"));
        }
    }

    @Test
    void theIndicatorIsSwitchedOffWithAllOthers() {
        // B136
        String off = "management.health.defaults.enabled=false";
        try (Application application = Application.start(EnvironmentTest.Nothing.class, off)) {
            assertEquals(0, application.context.getBeanNamesForType(HealthIndicator.class).length);
        }
        String on = "management.health.castalia.enabled=true";
        try (Application application = Application.start(EnvironmentTest.Nothing.class, off, on)) {
            assertEquals(Status.UP, application.bean(HealthIndicator.class).health().getStatus());
        }
    }

    @Test
    void clientsAndSourcesOfTheApplicationAreNotThoseOfTheEnvironment() {
        // B131
        try (Application application = Application.start(Others.class)) {
            Map<String, Object> details = application.bean(HealthIndicator.class).health().getDetails();
            assertEquals(Set.of("application"), details.keySet());
            SimpleMeterRegistry registry = new SimpleMeterRegistry();
            application.bean(MeterBinder.class).bindTo(registry);
            Heard.set(application, "a", "1");
            assertEquals(1, registry.get("apollo.client.namespace.item.num").tag("namespace", "application").gauge().value());
        }
    }

    @Test
    void aStartPolicyRefusesTheStart() {
        String[] properties = java.util.Arrays.copyOf(ALONE, ALONE.length + 1);
        properties[ALONE.length] = "castalia.start-policy=require-all";
        assertThrows(CastaliaException.NotReady.class, () -> Application.run(EnvironmentTest.Nothing.class, properties));
    }

    @Test
    void metersAreThoseOfTheOfficialClient() {
        try (Application application = Application.start(EnvironmentTest.Nothing.class)) {
            application.memory.publish("application", Map.of("a", "1", "b", "2"));
            SimpleMeterRegistry registry = new SimpleMeterRegistry();
            application.bean(MeterBinder.class).bindTo(registry);
            assertEquals(2, registry.get("apollo.client.namespace.item.num").tag("namespace", "application").gauge().value());
            assertTrue(registry.get("apollo.client.namespace.usage").functionCounter().count() >= 1);
            assertEquals(0, registry.get("apollo.client.exception.num").functionCounter().count());
        }
    }
}

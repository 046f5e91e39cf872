package io.castalia.spring;

import static io.castalia.spring.Application.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.ConstructorBinding;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

class PropertiesTest {
    @ConfigurationProperties("limits")
    public static class Limits {
        private volatile int most = 10;
        private volatile List<String> hosts = new ArrayList<>();
        private final Map<String, Integer> byName = new HashMap<>();
        private final Pool pool = new Pool();
        private volatile String writeOnly = "none";

        public int getMost() {
            return most;
        }

        public void setMost(int most) {
            this.most = most;
        }

        public List<String> getHosts() {
            return hosts;
        }

        public void setHosts(List<String> hosts) {
            this.hosts = hosts;
        }

        public Map<String, Integer> getByName() {
            return byName;
        }

        public Pool getPool() {
            return pool;
        }

        public void setWriteOnly(String writeOnly) {
            this.writeOnly = writeOnly;
        }
    }

    public static class Pool {
        private volatile Duration idle = Duration.ofSeconds(1);

        public Duration getIdle() {
            return idle;
        }

        public void setIdle(Duration idle) {
            this.idle = idle;
        }
    }

    @ConfigurationProperties("fixed")
    @ConstructorBinding
    public static class Fixed {
        final int size;

        public Fixed(int size) {
            this.size = size;
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableConfigurationProperties({Limits.class, Fixed.class})
    static class Beans {
        @Bean
        @ConfigurationProperties("made")
        Pool made() {
            return new Pool();
        }
    }

    private static Application start() {
        return Application.start(Beans.class, "fixed.size=1", "limits.pool.idle=${idle:4s}");
    }

    @Test
    void propertiesAreBoundAgainAndTheBeanStaysTheSame() {
        try (Application application = start()) {
            Limits limits = application.bean(Limits.class);
            Pool pool = limits.getPool();
            assertEquals(10, limits.getMost());
            application.memory.publish("application", Map.of(
                    "limits.most", "20", "limits.hosts[0]", "a", "limits.hosts[1]", "b", "limits.byName.x", "1",
                    "limits.write-only", "w", "idle", "9s"));
            eventually(() -> limits.getMost() == 20 && limits.getHosts().equals(List.of("a", "b")));
            eventually(() -> limits.getByName().equals(Map.of("x", 1)) && limits.writeOnly.equals("w"));
            eventually(() -> pool.getIdle().equals(Duration.ofSeconds(9)));
            assertSame(limits, application.bean(Limits.class));
            assertSame(pool, limits.getPool());
        }
    }

    @Test
    void keysOfAnotherSpellingAreTheSameProperty() {
        try (Application application = start()) {
            application.set("limits.writeOnly", "w");
            eventually(() -> application.bean(Limits.class).writeOnly.equals("w"));
        }
    }

    @Test
    void aKeyThatIsGoneHasItsDefaultAgain() {
        try (Application application = start()) {
            Limits limits = application.bean(Limits.class);
            application.memory.publish("application", Map.of("limits.most", "20", "limits.hosts", "a,b", "limits.byName.x", "1"));
            eventually(() -> limits.getMost() == 20 && limits.getByName().containsKey("x"));
            application.memory.publish("application", Map.of());
            eventually(() -> limits.getMost() == 10 && limits.getHosts().isEmpty() && limits.getByName().isEmpty());
        }
    }

    @Test
    void valuesThatCannotBeBoundLeaveTheBeanWhole() {
        try (Application application = start()) {
            Limits limits = application.bean(Limits.class);
            Pool made = application.context.getBean("made", Pool.class);
            application.memory.update("application", Map.of("limits.most", "many", "limits.hosts", "c", "made.idle", "3s"));
            eventually(() -> made.getIdle().equals(Duration.ofSeconds(3)));
            assertEquals(10, limits.getMost());
            assertEquals(List.of(), limits.getHosts());
            application.set("limits.most", "30");
            eventually(() -> limits.getMost() == 30 && limits.getHosts().equals(List.of("c")));
        }
    }

    @Test
    void aPropertyThatIsNamedAsThePrefixIsNoObstacle() {
        try (Application application = Application.start(Beans.class, "fixed.size=1", "limits=variable", "made=variable")) {
            application.set("limits.most", "40");
            eventually(() -> application.bean(Limits.class).getMost() == 40);
        }
    }

    @Test
    void beansThatTheirConstructorBindsKeepTheirValues() {
        try (Application application = start()) {
            application.memory.update("application", Map.of("fixed.size", "2", "limits.most", "2"));
            eventually(() -> application.bean(Limits.class).getMost() == 2);
            assertEquals(1, application.bean(Fixed.class).size);
        }
    }
}

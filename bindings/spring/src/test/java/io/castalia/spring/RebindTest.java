package io.castalia.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.core.SpringProperties;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.MutablePropertySources;
import org.springframework.core.env.PropertySource;

/** B109: beans with more than what is bound. */
class RebindTest {
    public static class Service {
        String expanded(String text) {
            return "<" + text + ">";
        }
    }

    /** Its dependencies and its state are properties as well. */
    @ConfigurationProperties("mixed")
    public static class Mixed implements InitializingBean {
        private volatile int limit = 1;
        private volatile List<String> servers = new ArrayList<>();
        private volatile Map<String, Integer> index;

        @Value("${other:1}")
        private volatile int other;

        @Autowired
        private volatile Service service;

        @Override
        public void afterPropertiesSet() {
            index = Map.of("built", servers.size());
        }

        public int getLimit() {
            return limit;
        }

        public void setLimit(int limit) {
            this.limit = limit;
        }

        public List<String> getServers() {
            return servers;
        }

        public void setServers(List<String> servers) {
            this.servers = servers;
        }

        public Map<String, Integer> getIndex() {
            return index;
        }

        public void setIndex(Map<String, Integer> index) {
            this.index = index;
        }

        public int getOther() {
            return other;
        }

        public void setOther(int other) {
            this.other = other;
        }

        public Service getService() {
            return service;
        }

        public void setService(Service service) {
            this.service = service;
        }
    }

    /** Computes what is not bound, and fails before it is initialized. */
    @ConfigurationProperties("computing")
    public static class Computing implements InitializingBean {
        private volatile List<String> servers = new ArrayList<>();
        private volatile int size;
        private volatile String zone;
        private volatile String region;

        @Override
        public void afterPropertiesSet() {
            region = "eu";
        }

        public List<String> getActive() {
            return servers.stream().filter(server -> server.startsWith("a")).collect(Collectors.toUnmodifiableList());
        }

        public String getRegion() {
            return region.trim();
        }

        public List<String> getServers() {
            return servers;
        }

        public void setServers(List<String> servers) {
            this.servers = servers;
        }

        public int getSize() {
            return size;
        }

        public void setSize(int size) {
            this.size = size;
        }

        /** As a property of Kotlin that is initialized late. */
        public String getZone() {
            return zone.trim();
        }

        public void setZone(String zone) {
            this.zone = zone;
        }
    }

    /** Its properties are readable in the application only, or in place. */
    @ConfigurationProperties("expanding")
    public static class Expanding {
        private final Access access = new Access();
        private volatile String url = "none";

        @Autowired
        private volatile Service service;

        public String getUrl() {
            return service.expanded(url);
        }

        public void setUrl(String url) {
            this.url = url;
        }

        public Access getAccess() {
            return access;
        }
    }

    public static class Access {
        private final List<String> roles = new ArrayList<>();

        public List<String> getRoles() {
            return roles;
        }
    }

    @ConfigurationProperties("instance")
    public static class Instance {
        volatile int sets;
        private volatile int port = 80;
        private volatile String host;

        public int getPort() {
            return port;
        }

        public void setPort(int port) {
            sets++;
            this.port = port;
        }

        public String getHost() {
            return host;
        }

        public void setHost(String host) {
            this.host = host;
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableConfigurationProperties({Mixed.class, Computing.class, Expanding.class})
    @Import(Heard.class)
    static class Beans {
        @Bean
        Service service() {
            return new Service();
        }

        @Bean
        Instance instance() {
            Instance instance = new Instance();
            instance.setPort(8080);
            instance.setHost("made");
            return instance;
        }
    }

    private static Application start() {
        return Application.start(Beans.class, "other=5", "mixed.servers=a,b", "computing.servers=a1,b1");
    }

    @Test
    void whatIsNotBoundRemains() {
        try (Application application = start()) {
            Mixed mixed = application.bean(Mixed.class);
            Heard.set(application, "mixed.limit", "2");
            assertEquals(2, mixed.getLimit());
            assertEquals(5, mixed.getOther());
            assertNotNull(mixed.getService());
            assertSame(application.bean(Service.class), mixed.getService());
            assertEquals(Map.of("built", 2), mixed.getIndex());
            assertEquals(List.of("a", "b"), mixed.getServers());
        }
    }

    @Test
    void gettersOfWhatIsNotBoundAreNotCalled() {
        try (Application application = start()) {
            Computing computing = application.bean(Computing.class);
            Heard.set(application, "computing.servers", "a2,b2,a3");
            Heard.set(application, "computing.size", "3");
            assertEquals(List.of("a2", "a3"), computing.getActive());
            assertEquals(3, computing.getSize());
            assertEquals("eu", computing.getRegion());
        }
    }

    @Test
    void aPropertyWithoutADefaultIsSetAndKeepsItsLastValue() {
        try (Application application = start()) {
            Computing computing = application.bean(Computing.class);
            Heard.set(application, "computing.zone", "z1");
            assertEquals("z1", computing.getZone());
            Heard.after(application, () -> application.memory.publish("application", Map.of("computing.size", "4")));
            assertEquals(4, computing.getSize());
            assertEquals("z1", computing.getZone());
        }
    }

    @Test
    void aBeanThatAMethodMadeIsBoundInPlaceAlsoIfItsClassHasThePrefix() {
        try (Application application = start()) {
            Instance instance = application.bean(Instance.class);
            Heard.set(application, "instance.port", "9090");
            assertEquals(9090, instance.getPort());
            assertEquals("made", instance.getHost());
        }
    }

    @Test
    void aPropertyThatIsReadableInTheApplicationOnlyIsSet() {
        try (Application application = start()) {
            Expanding expanding = application.bean(Expanding.class);
            Heard.set(application, "expanding.url", "u");
            assertEquals("<u>", expanding.getUrl());
        }
    }

    @Test
    void aNestedBeanWithoutSettersFollows() {
        try (Application application = start()) {
            Access access = application.bean(Expanding.class).getAccess();
            Heard.set(application, "expanding.access.roles", "a,b");
            assertEquals(List.of("a", "b"), access.getRoles());
        }
    }

    @Test
    void aKeyThatAnotherSourceOverridesBindsNothing() {
        try (Application application = Application.start(
                Beans.class, "apollo.override-system-properties=false", "instance.port=7")) {
            Instance instance = application.bean(Instance.class);
            int sets = instance.sets;
            Heard.set(application, "instance.port", "9");
            assertEquals(7, instance.getPort());
            assertEquals(sets, instance.sets);
        }
    }

    @Test
    void aPropertySourceThatFailsKeepsNoOtherBeanFromItsValues() {
        AtomicBoolean fails = new AtomicBoolean();
        try (Application application = start()) {
            application.context.getEnvironment().getPropertySources().addLast(failing(fails));
            Mixed mixed = application.bean(Mixed.class);
            fails.set(true);
            Heard.set(application, "other", "6");
            assertEquals(6, mixed.getOther());
            fails.set(false);
            Heard.set(application, "mixed.limit", "2");
            assertEquals(2, mixed.getLimit());
        }
    }

    /** Changes that arrive while a source fails are set with the next ones. */
    private static void setsWhatArrivesDuringAFailure(boolean isFirst, String key, String... properties) {
        AtomicBoolean fails = new AtomicBoolean();
        try (Application application = Application.start(Beans.class, properties)) {
            MutablePropertySources sources = application.context.getEnvironment().getPropertySources();
            if (isFirst) {
                sources.addFirst(failing(fails));
            } else {
                sources.addLast(failing(fails));
            }
            Mixed mixed = application.bean(Mixed.class);
            fails.set(true);
            Heard.set(application, key, "2");
            fails.set(false);
            assertEquals(1, mixed.getLimit());
            Heard.set(application, "mixed.servers", "c");
            assertEquals(List.of("c"), mixed.getServers());
            assertEquals(2, mixed.getLimit());
        }
    }

    @Test
    void aChangeThatArrivesWhileAPropertySourceFailsIsNotLost() {
        setsWhatArrivesDuringAFailure(true, "mixed.limit");
    }

    @Test
    void aReferenceToAKeyThatChangesWhileAPropertySourceFailsIsNotLost() {
        setsWhatArrivesDuringAFailure(false, "n", "mixed.limit=${n:1}");
    }

    private static PropertySource<?> failing(AtomicBoolean fails) {
        return new MapPropertySource("failing", Map.of()) {
            @Override
            public String[] getPropertyNames() {
                if (fails.get()) {
                    throw new IllegalStateException("on purpose");
                }
                return super.getPropertyNames();
            }
        };
    }

    @Test
    void aSupplierThatSpringGeneratedIsNotTheApplications() {
        try (Application application = start()) {
            GenericApplicationContext context = (GenericApplicationContext) application.context;
            context.registerBean("own", Instance.class, Instance::new);
            context.registerBean("generated", Instance.class, Instance::new);
            Instance own = context.getBean("own", Instance.class);
            Instance generated = generated(context);
            Heard.set(application, "instance.port", "9");
            Heard.after(application, () -> application.memory.publish("application", Map.of()));
            assertEquals(9, own.getPort());
            assertEquals(80, generated.getPort());
        }
    }

    private static Instance generated(GenericApplicationContext context) {
        SpringProperties.setFlag("spring.aot.enabled");
        try {
            return context.getBean("generated", Instance.class);
        } finally {
            SpringProperties.setProperty("spring.aot.enabled", null);
        }
    }
}

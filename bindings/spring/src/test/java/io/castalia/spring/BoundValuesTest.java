package io.castalia.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;

/** B132: what a bean is set to when it is bound again. */
class BoundValuesTest {
    @ConfigurationProperties("labels")
    public static class Labels extends LinkedHashMap<String, String> {
        private static final long serialVersionUID = 1;
    }

    /** Its getters do not return what its setters took. */
    @ConfigurationProperties("topic")
    public static class Topic {
        private volatile String name = "default";
        private volatile String password = "initial";
        private volatile String code = "encoded:";
        private final AtomicInteger limit = new AtomicInteger(10);
        private volatile Window window = new Window();

        public String getName() {
            return "prefix-" + name;
        }

        public void setName(String name) {
            this.name = name;
        }

        public String getPassword() {
            return "***";
        }

        public void setPassword(String password) {
            this.password = password;
        }

        public String getCode() {
            return code.substring("encoded:".length());
        }

        public void setCode(String code) {
            this.code = "encoded:" + code;
        }

        public int getLimit() {
            return limit.get();
        }

        public void setLimit(int limit) {
            this.limit.set(limit);
        }

        /** A copy. */
        public Window getWindow() {
            Window copy = new Window();
            copy.setSize(window.getSize());
            return copy;
        }

        public void setWindow(Window window) {
            this.window = window;
        }
    }

    public static class Window {
        private volatile int size = 1;

        public int getSize() {
            return size;
        }

        public void setSize(int size) {
            this.size = size;
        }
    }

    /** The binder also calls methods that are not public. */
    @ConfigurationProperties("hidden")
    static class Hidden {
        private volatile int limit = 1;
        private final Inner inner = new Inner();

        int getLimit() {
            return limit;
        }

        void setLimit(int limit) {
            this.limit = limit;
        }

        Inner getInner() {
            return inner;
        }

        static class Inner {
            private volatile int limit = 1;

            int getLimit() {
                return limit;
            }

            void setLimit(int limit) {
                this.limit = limit;
            }
        }
    }

    /** Other threads read its lists and maps, which are never replaced. */
    @ConfigurationProperties("live")
    public static class Live {
        private final Watched hosts = new Watched();
        private final Map<String, Integer> weights = new LinkedHashMap<>();

        public List<String> getHosts() {
            return hosts;
        }

        public Map<String, Integer> getWeights() {
            return weights;
        }
    }

    /** Counts how often it loses all its elements. */
    public static class Watched extends CopyOnWriteArrayList<String> {
        private static final long serialVersionUID = 1;
        volatile int emptied;

        @Override
        public void clear() {
            if (!isEmpty()) {
                emptied++;
            }
            super.clear();
        }
    }

    /** Rejects some of its properties after the start, as a connection pool does. */
    public static class Pool {
        private volatile boolean isStarted;
        private volatile String address;
        private volatile int size;
        private volatile String id;

        public String getAddress() {
            return address;
        }

        public void setAddress(String address) {
            if (isStarted) {
                throw new IllegalStateException("on purpose");
            }
            this.address = address;
        }

        public int getSize() {
            return size;
        }

        public void setSize(int size) {
            this.size = size;
        }

        public String getId() {
            return id;
        }

        public void setId(String id) {
            this.id = id;
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableConfigurationProperties({Labels.class, Topic.class, Hidden.class, Live.class})
    @Import(Heard.class)
    static class Beans {
        @Bean
        @ConfigurationProperties("pool")
        Pool pool() {
            return new Pool();
        }
    }

    @Test
    void aBeanThatIsAMapFollows() {
        try (Application application = Application.start(Beans.class, "labels.a=1")) {
            Labels labels = application.bean(Labels.class);
            labels.put("own", "0");
            Heard.set(application, "labels.owner", "2");
            assertEquals(Map.of("own", "0", "a", "1", "owner", "2"), labels);
            Heard.set(application, "labels.a", "3");
            assertEquals(Map.of("own", "0", "a", "3", "owner", "2"), labels);
            Heard.after(application, () -> application.memory.remove("application", "labels.owner"));
            assertEquals(Map.of("own", "0", "a", "3"), labels);
        }
    }

    @Test
    void whatAGetterReturnsIsNotSet() {
        try (Application application = Application.start(Beans.class)) {
            Topic topic = application.bean(Topic.class);
            Heard.after(application, () -> application.memory.publish("application", Map.of(
                    "topic.name", "a", "topic.password", "secret", "topic.code", "c", "topic.limit", "5",
                    "topic.window.size", "7")));
            assertEquals("prefix-a", topic.getName());
            assertEquals("secret", topic.password);
            assertEquals("c", topic.getCode());
            assertEquals(5, topic.getLimit());
            assertEquals(7, topic.getWindow().getSize());
            Heard.after(application, () -> application.memory.publish("application", Map.of()));
            assertEquals("prefix-default", topic.getName());
            assertEquals("initial", topic.password);
            assertEquals(10, topic.getLimit());
            assertEquals(1, topic.getWindow().getSize());
            // Getter and setter both change it, so that its default is not known.
            assertEquals("c", topic.getCode());
        }
    }

    @Test
    void propertiesWithoutPublicMethodsFollow() {
        try (Application application = Application.start(Beans.class)) {
            Hidden hidden = application.bean(Hidden.class);
            Hidden.Inner inner = hidden.getInner();
            Map<String, String> limits = Map.of("hidden.limit", "2", "hidden.inner.limit", "3");
            Heard.after(application, () -> application.memory.update("application", limits));
            assertEquals(2, hidden.getLimit());
            assertEquals(3, inner.getLimit());
            assertSame(inner, hidden.getInner());
        }
    }

    @Test
    void aListThatIsNeverReplacedIsNeverEmptied() {
        try (Application application = Application.start(Beans.class, "live.hosts=a,b")) {
            Live live = application.bean(Live.class);
            Heard.set(application, "live.hosts", "b,c,d");
            assertEquals(List.of("b", "c", "d"), live.getHosts());
            Heard.set(application, "live.hosts", "e");
            assertEquals(List.of("e"), live.getHosts());
            assertEquals(0, live.hosts.emptied);
            Map<String, String> weights = Map.of("live.weights.x", "1", "live.weights.y", "2");
            Heard.after(application, () -> application.memory.update("application", weights));
            Heard.after(application, () -> application.memory.remove("application", "live.weights.x"));
            assertEquals(Map.of("y", 2), live.getWeights());
        }
    }

    @Test
    void aBeanThatAMethodMadeHasOnlyChangedPropertiesSet() {
        String[] properties = {"pool.address=a", "pool.size=1", "pool.id=${random.uuid}"};
        try (Application application = Application.start(Beans.class, properties)) {
            Pool pool = application.bean(Pool.class);
            String id = pool.getId();
            pool.isStarted = true;
            Heard.set(application, "pool.size", "5");
            assertEquals(5, pool.getSize());
            assertEquals(id, pool.getId());
            Heard.set(application, "pool.id", "own");
            assertEquals("own", pool.getId());
            Heard.set(application, "pool.address", "b");
            Heard.set(application, "pool.size", "6");
            assertEquals(6, pool.getSize());
            assertEquals("a", pool.getAddress());
        }
    }
}

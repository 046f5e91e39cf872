package io.castalia.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Lazy;

/** Values that no release changes, and beans that are created while a release arrives. */
class RefreshTest {
    /** Called once, while a bean of the class {@link Late} or {@link LateLimits} receives its first value. */
    private static final AtomicReference<Runnable> meanwhile = new AtomicReference<>();

    static class Drawing implements InitializingBean {
        final List<String> drawn = new CopyOnWriteArrayList<>();
        volatile String first;

        @Value("${node.id:${random.uuid}}")
        volatile String id;

        @Value("#{'${random.uuid}'.trim()}")
        volatile String expression;

        @Value("${unrelated:0}")
        volatile int unrelated;

        @Autowired
        void draw(@Value("${random.uuid}") String id) {
            drawn.add(id);
        }

        @Override
        public void afterPropertiesSet() {
            first = id + expression;
        }
    }

    @ConfigurationProperties("node")
    public static class Node implements InitializingBean {
        volatile String first;
        private volatile String name;
        private volatile int limit;

        @Override
        public void afterPropertiesSet() {
            first = name;
        }

        public String getName() {
            return name;
        }

        public void setName(String name) {
            this.name = name;
        }

        public int getLimit() {
            return limit;
        }

        public void setLimit(int limit) {
            this.limit = limit;
        }
    }

    @Lazy
    static class Late {
        volatile int limit;

        @Value("${late.limit:0}")
        void setLimit(int limit) {
            runMeanwhile();
            this.limit = limit;
        }
    }

    @Lazy
    @ConfigurationProperties("late")
    public static class LateLimits {
        private volatile int limit;

        public int getLimit() {
            return limit;
        }

        public void setLimit(int limit) {
            runMeanwhile();
            this.limit = limit;
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableConfigurationProperties(Node.class)
    @Import({Heard.class, Drawing.class, Late.class, LateLimits.class})
    static class Beans {}

    private static void runMeanwhile() {
        Runnable action = meanwhile.getAndSet(null);
        if (action != null) {
            action.run();
        }
    }

    @AfterEach
    void forget() {
        meanwhile.set(null);
    }

    @Test
    void randomValuesAreDrawnOnce() {
        // B110
        try (Application application = Application.start(Beans.class, "node.name=${random.uuid}")) {
            Drawing drawing = application.bean(Drawing.class);
            Node node = application.bean(Node.class);
            Heard.set(application, "unrelated", "1");
            assertEquals(1, drawing.unrelated);
            assertEquals(drawing.first, drawing.id + drawing.expression);
            assertEquals(1, drawing.drawn.size());
            assertEquals(node.first, node.getName());
            Heard.set(application, "node.limit", "2");
            assertEquals(2, node.getLimit());
            assertEquals(node.first, node.getName());
            Heard.set(application, "node.id", "own");
            assertEquals("own", drawing.id);
            assertEquals(node.first, node.getName());
        }
    }

    @Test
    void aValueThatIsInjectedWhileAReleaseArrivesIsTheNewOne() {
        // B113
        try (Application application = Application.start(Beans.class)) {
            Heard.set(application, "late.limit", "1");
            meanwhile.set(() -> Heard.set(application, "late.limit", "2"));
            assertEquals(2, application.bean(Late.class).limit);
            Heard.set(application, "late.limit", "3");
            assertEquals(3, application.bean(Late.class).limit);
        }
    }

    @Test
    void aBeanThatIsBoundWhileAReleaseArrivesHasTheNewValue() {
        // B113
        try (Application application = Application.start(Beans.class)) {
            Heard.set(application, "late.limit", "1");
            meanwhile.set(() -> Heard.set(application, "late.limit", "2"));
            assertEquals(2, application.bean(LateLimits.class).getLimit());
            Heard.set(application, "late.limit", "3");
            assertEquals(3, application.bean(LateLimits.class).getLimit());
        }
    }
}

package io.castalia.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;

/** B133: beans whose setters fail, even with errors. */
class FailureTest {
    /** So many calls of setters fail. */
    private static final AtomicInteger failures = new AtomicInteger();

    private static void failIfTold() {
        if (failures.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
            throw new AssertionError("on purpose");
        }
    }

    static class Limiter {
        volatile int limit;

        @Value("${unrelated:0}")
        volatile int unrelated;

        @Value("${limit:0}")
        void setLimit(int limit) {
            failIfTold();
            this.limit = limit;
        }
    }

    static class Other {
        @Value("${limit:0}")
        volatile int limit;
    }

    @ConfigurationProperties("limits")
    public static class Limits {
        private volatile int most;

        public int getMost() {
            return most;
        }

        public void setMost(int most) {
            failIfTold();
            this.most = most;
        }
    }

    /** Accepts all values until it is initialized, so that a new instance does. */
    @ConfigurationProperties("started")
    public static class Started implements InitializingBean {
        private volatile boolean isStarted;
        private volatile int first;
        private volatile int second;

        @Override
        public void afterPropertiesSet() {
            isStarted = true;
        }

        public int getFirst() {
            return first;
        }

        public void setFirst(int first) {
            failIfStartedAndTold();
            this.first = first;
        }

        public int getSecond() {
            return second;
        }

        public void setSecond(int second) {
            failIfStartedAndTold();
            this.second = second;
        }

        private void failIfStartedAndTold() {
            if (isStarted) {
                failIfTold();
            }
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableConfigurationProperties({Limits.class, Started.class})
    @Import({Heard.class, Limiter.class, Other.class})
    static class Beans {}

    @Test
    void anErrorOfAnInjectedMethodHindersNothingElseAndItIsCalledAgainWithTheNextRelease() {
        try (Application application = Application.start(Beans.class)) {
            Limiter limiter = application.bean(Limiter.class);
            failures.set(1);
            // The event is published although the method fails.
            Heard.set(application, "limit", "1");
            assertEquals(0, limiter.limit);
            assertEquals(1, application.bean(Other.class).limit);
            Heard.set(application, "unrelated", "1");
            assertEquals(1, limiter.limit);
            assertEquals(1, limiter.unrelated);
        }
    }

    @Test
    void anErrorOfASetterHindersNothingElseAndItIsCalledAgainWithTheNextRelease() {
        try (Application application = Application.start(Beans.class)) {
            Limits limits = application.bean(Limits.class);
            failures.set(1);
            Heard.set(application, "limits.most", "1");
            assertEquals(0, limits.getMost());
            Heard.set(application, "unrelated", "1");
            assertEquals(1, limits.getMost());
            assertEquals(1, application.bean(Limiter.class).unrelated);
        }
    }

    @Test
    void aSetterThatFailsKeepsNoOtherPropertyOfTheBeanFromItsValue() {
        try (Application application = Application.start(Beans.class)) {
            Started started = application.bean(Started.class);
            failures.set(1);
            Map<String, String> values = Map.of("started.first", "1", "started.second", "1");
            Heard.after(application, () -> application.memory.update("application", values));
            assertEquals(1, started.getFirst() + started.getSecond());
            Heard.set(application, "unrelated", "1");
            assertEquals(2, started.getFirst() + started.getSecond());
        }
    }
}

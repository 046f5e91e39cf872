package matrix;

import io.castalia.ChangeEvent;
import io.castalia.Client;
import io.castalia.ConfigSource;
import io.castalia.testing.InMemory;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.event.EventListener;
import org.springframework.util.ClassUtils;

/**
 * A Spring Boot application without Kotlin, run with and without Actuator: reads a value in every
 * supported way, and the next value when it is published.
 */
@SpringBootApplication
@EnableConfigurationProperties(App.Limits.class)
public class App {
    private final CountDownLatch changed = new CountDownLatch(1);
    private volatile int method;

    @Value("${n}")
    private volatile int field;

    @Value("${n}")
    void setMethod(int n) {
        method = n;
    }

    @EventListener
    void changed(ChangeEvent event) {
        changed.countDown();
    }

    /** Beans of the application beside those of the starter. */
    @Bean
    Client otherClient() {
        return new InMemory().getClient();
    }

    @Bean
    ConfigSource otherSource() {
        return otherClient().sourceAsync("other", List.of("other")).join();
    }

    @ConfigurationProperties("limits")
    public static class Limits {
        private volatile int most;

        public int getMost() {
            return most;
        }

        public void setMost(int most) {
            this.most = most;
        }
    }

    public static void main(String[] arguments) throws Exception {
        try (ConfigurableApplicationContext context = start("apollo.bootstrap.enabled", "true")) {
            check(context, 0);
            System.out.println("first " + context.getEnvironment().getProperty("n"));
            if (!context.getBean(App.class).changed.await(300, TimeUnit.SECONDS)) {
                throw new IllegalStateException("no change within 300 s");
            }
            check(context, 1);
            health(context, "UP");
            meters(context);
            System.out.println("second " + context.getEnvironment().getProperty("n"));
        }
        String[] alone = {"--apollo.bootstrap.enabled=true", "--apollo.meta=http://127.0.0.1:9", "--castalia.start-timeout=300", "--n=0"};
        try (ConfigurableApplicationContext context = start("alone", "true", alone)) {
            health(context, "DOWN");
        }
    }

    private static ConfigurableApplicationContext start(String name, String value, String... arguments) {
        SpringApplication application = new SpringApplication(App.class);
        application.setDefaultProperties(Map.of(name, value));
        return application.run(arguments);
    }

    private static void check(ConfigurableApplicationContext context, int n) {
        App app = context.getBean(App.class);
        int most = context.getBean(Limits.class).getMost();
        int environment = context.getEnvironment().getProperty("n", Integer.class);
        int config = context.getBean("castaliaClient", Client.class).configAsync("application").join().getInt("n", -1);
        if (app.field != n || app.method != n || most != n || environment != n || config != n) {
            throw new IllegalStateException(app.field + " " + app.method + " " + most + " " + environment + " " + config);
        }
    }

    /** The type of the indicator depends on the version of Spring Boot. */
    private static void health(ConfigurableApplicationContext context, String expected) throws Exception {
        if (!context.containsBean("castaliaHealthIndicator")) {
            System.out.println("no health");
            return;
        }
        Object indicator = context.getBean("castaliaHealthIndicator");
        Method health = ClassUtils.getInterfaceMethodIfPossible(indicator.getClass().getMethod("health"), indicator.getClass());
        Object found = health.invoke(indicator);
        Object status = found.getClass().getMethod("getStatus").invoke(found);
        System.out.println("health " + status);
        if (!status.toString().equals(expected)) {
            throw new IllegalStateException("health is " + status + ", not " + expected + ": " + found);
        }
    }

    private static void meters(ConfigurableApplicationContext context) {
        if (!ClassUtils.isPresent("io.micrometer.core.instrument.MeterRegistry", null)) {
            System.out.println("no meters");
            return;
        }
        Meters.check(context);
    }
}

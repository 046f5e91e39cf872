package hello;

import io.castalia.ChangeEvent;
import java.util.concurrent.CountDownLatch;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.event.EventListener;

/** Reads a value, waits for one change, prints both. Settings come from the environment: `APP_ID`, `APOLLO_META`, ... */
@SpringBootApplication
public class Hello {
    private final CountDownLatch changed = new CountDownLatch(1);

    @Value("${greeting:not set}")
    private volatile String greeting;

    @EventListener
    void on(ChangeEvent event) {
        changed.countDown();
    }

    public static void main(String[] arguments) throws InterruptedException {
        try (ConfigurableApplicationContext context = SpringApplication.run(Hello.class, arguments)) {
            Hello hello = context.getBean(Hello.class);
            System.out.println("greeting = " + hello.greeting);
            hello.changed.await();
            System.out.println("greeting = " + hello.greeting);
        }
    }
}

package matrix;

import io.castalia.Client;
import io.castalia.Config;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;

/** A Spring Boot application with no Kotlin of its own: reads a value, and the next one when it is published. */
@SpringBootApplication
public class App {
    @Bean(destroyMethod = "close")
    Client client() {
        return new Client();
    }

    @Bean
    Config config(Client client) {
        return client.configAsync("application").join();
    }

    public static void main(String[] arguments) throws Exception {
        try (ConfigurableApplicationContext context = SpringApplication.run(App.class, arguments)) {
            Config config = context.getBean(Config.class);
            CountDownLatch changed = new CountDownLatch(1);
            config.onChange(event -> changed.countDown());
            System.out.println("first " + config.get("n"));
            if (!changed.await(60, TimeUnit.SECONDS)) throw new IllegalStateException("no change within 60 s");
            System.out.println("second " + config.get("n"));
        }
    }
}

package io.castalia.spring;

import static io.castalia.spring.Application.eventually;
import static io.castalia.spring.Application.isClosed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.castalia.Client;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.BeanCreationException;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.EnumerablePropertySource;
import org.springframework.core.env.MutablePropertySources;

/** B130: libraries that replace property sources, such as jasypt, which decrypts values. */
class ReplacedSourceTest {
    /** Reads the source that it replaces. */
    private static final class Decrypting extends EnumerablePropertySource<Object> {
        private final EnumerablePropertySource<?> replaced;

        Decrypting(EnumerablePropertySource<?> replaced) {
            super(replaced.getName(), new Object());
            this.replaced = replaced;
        }

        @Override
        public String[] getPropertyNames() {
            return replaced.getPropertyNames();
        }

        @Override
        public Object getProperty(String name) {
            Object value = replaced.getProperty(name);
            String text = String.valueOf(value);
            return text.startsWith("ENC(") ? text.substring(4, text.length() - 1) : value;
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Library {
        @Bean
        static BeanFactoryPostProcessor decrypting(ConfigurableEnvironment environment) {
            return factory -> {
                MutablePropertySources sources = environment.getPropertySources();
                EnumerablePropertySource<?> replaced = (EnumerablePropertySource<?>) sources.get(CastaliaPropertySource.NAME);
                sources.replace(CastaliaPropertySource.NAME, new Decrypting(replaced));
            };
        }
    }

    @ConfigurationProperties("db")
    public static class Database {
        private volatile String password = "none";

        public String getPassword() {
            return password;
        }

        public void setPassword(String password) {
            this.password = password;
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableConfigurationProperties(Database.class)
    @Import({Heard.class, Library.class})
    static class Beans {
        @Value("${db.password:none}")
        volatile String password;
    }

    @Configuration(proxyBeanMethods = false)
    static class Child {
        @Value("${db.password:none}")
        volatile String password;
    }

    @Configuration(proxyBeanMethods = false)
    @Import(Library.class)
    static class Failing {
        static final AtomicReference<Client> client = new AtomicReference<>();

        @Bean
        InitializingBean failing(Client castaliaClient) {
            return () -> {
                client.set(castaliaClient);
                throw new IllegalStateException("on purpose");
            };
        }
    }

    @Test
    void beansFollowTheValuesOfWhatReplacedTheSource() {
        try (Application application = Application.start(Beans.class)) {
            Heard.set(application, "db.password", "ENC(one)");
            assertEquals("one", application.property("db.password"));
            assertEquals("one", application.bean(Beans.class).password);
            assertEquals("one", application.bean(Database.class).getPassword());
            Heard.set(application, "db.password", "ENC(two)");
            assertEquals("two", application.bean(Beans.class).password);
            assertEquals("two", application.bean(Database.class).getPassword());
        }
    }

    @Test
    void aChildHasTheClientAndWhatReplacedTheSourceOfItsParent() {
        Client client;
        try (Application parent = Application.start(Beans.class)) {
            client = parent.client();
            try (ConfigurableApplicationContext child = child(parent.context)) {
                assertSame(client, child.getBean(Client.class));
                parent.set("db.password", "ENC(one)");
                eventually(() -> child.getBean(Child.class).password.equals("one"));
            }
            assertFalse(isClosed(client));
            assertEquals("one", parent.property("db.password"));
        }
        assertTrue(isClosed(client));
    }

    @Test
    void theClientOfAnApplicationThatDoesNotStartIsClosed() {
        assertThrows(BeanCreationException.class, () -> Application.start(Failing.class));
        assertTrue(isClosed(Failing.client.get()));
    }

    private static ConfigurableApplicationContext child(ConfigurableApplicationContext parent) {
        return new SpringApplicationBuilder(Application.Auto.class, Child.class)
                .parent(parent)
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .properties("logging.level.root=warn")
                .run("--apollo.bootstrap.enabled=true", "--castalia.in-memory=true");
    }
}

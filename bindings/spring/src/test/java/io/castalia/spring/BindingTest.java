package io.castalia.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.config.AutowireCapableBeanFactory;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.ConfigurationPropertiesBindHandlerAdvisor;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.bind.AbstractBindHandler;
import org.springframework.boot.context.properties.bind.BindContext;
import org.springframework.boot.context.properties.bind.BindHandler;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.source.ConfigurationPropertyCaching;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;

/** B136: what surrounds a binding. */
class BindingTest {
    @ConfigurationProperties("own")
    public static class Autowiring implements InitializingBean {
        private volatile List<String> hosts = new ArrayList<>();

        @Autowired
        private AutowireCapableBeanFactory factory;

        @Override
        public void afterPropertiesSet() {
            factory.autowireBean(this);
        }

        public List<String> getHosts() {
            return hosts;
        }

        public void setHosts(List<String> hosts) {
            this.hosts = hosts;
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableConfigurationProperties(Autowiring.class)
    @Import(Heard.class)
    static class Beans {}

    /** As two bindings at the same time leave it with Spring Boot 3.5 and later. */
    @Configuration(proxyBeanMethods = false)
    @Import(Beans.class)
    static class Caching {
        @Bean
        static ConfigurationPropertiesBindHandlerAdvisor caching() {
            return CachingHandler::new;
        }
    }

    private static final class CachingHandler extends AbstractBindHandler {
        CachingHandler(BindHandler handler) {
            super(handler);
        }

        @Override
        public <T> Bindable<T> onStart(ConfigurationPropertyName name, Bindable<T> target, BindContext context) {
            ConfigurationPropertyCaching.get(context.getSources()).enable();
            return super.onStart(name, target, context);
        }
    }

    @Test
    void aBeanThatHasItsDependenciesInjectedAgainFollows() {
        hostsFollow(Beans.class);
    }

    @Test
    void keysThatAreAddedAreBoundAlthoughSpringBootCachesTheOldOnes() {
        hostsFollow(Caching.class);
    }

    private static void hostsFollow(Class<?> beans) {
        try (Application application = Application.start(beans)) {
            Autowiring bean = application.bean(Autowiring.class);
            Heard.set(application, "own.hosts[0]", "a");
            assertEquals(List.of("a"), bean.getHosts());
            Heard.set(application, "own.hosts[1]", "b");
            assertEquals(List.of("a", "b"), bean.getHosts());
        }
    }
}

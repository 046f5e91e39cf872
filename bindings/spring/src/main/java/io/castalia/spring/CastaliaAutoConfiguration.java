package io.castalia.spring;

import io.castalia.Client;
import io.castalia.ConfigSource;
import io.castalia.testing.InMemory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.autoconfigure.condition.SearchStrategy;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.Environment;
import org.springframework.core.type.AnnotatedTypeMetadata;

/**
 * Beans of an application whose environment contains the bootstrap namespaces, from which they take
 * them: the application may have further beans of the same types.
 */
@AutoConfiguration
@Conditional(CastaliaAutoConfiguration.OnNamespaces.class)
class CastaliaAutoConfiguration {
    private static final String AUTO_UPDATE = "apollo.autoUpdateInjectedSpringProperties";
    private static final String HEALTH = "management.health.castalia.enabled";
    private static final String HEALTH_DEFAULT = "management.health.defaults.enabled";

    /**
     * The client of the environment. It may be that of a parent, so the bean does not close it; and it
     * may be another one, so the bean of a parent does not replace this one.
     */
    @Bean(destroyMethod = "")
    @ConditionalOnMissingBean(name = "castaliaClient", search = SearchStrategy.CURRENT)
    Client castaliaClient(ConfigurableEnvironment environment) {
        return source(environment).client();
    }

    @Bean
    ConfigSource castaliaNamespaces(ConfigurableEnvironment environment) {
        return source(environment).getSource();
    }

    @Bean
    Refresher castaliaRefresher(
            ConfigurableEnvironment environment,
            ObjectProvider<ValueRefresher> values,
            ObjectProvider<PropertiesRebinder> properties,
            ApplicationContext context) {
        Runnable beans = () -> {
            properties.ifAvailable(PropertiesRebinder::refresh);
            values.ifAvailable(ValueRefresher::refresh);
        };
        return new Refresher(source(environment).getSource(), beans, context);
    }

    @Bean
    @ConditionalOnProperty(name = AUTO_UPDATE, matchIfMissing = true)
    static ValueRefresher castaliaValueRefresher(ConfigurableListableBeanFactory factory, ConfigurableEnvironment environment) {
        return new ValueRefresher(factory, source(environment));
    }

    @Bean
    @ConditionalOnProperty(name = AUTO_UPDATE, matchIfMissing = true)
    static PropertiesRebinder castaliaPropertiesRebinder(ConfigurableApplicationContext context) {
        return new PropertiesRebinder(context, source(context.getEnvironment()));
    }

    private static CastaliaPropertySource source(ConfigurableEnvironment environment) {
        return CastaliaPropertySource.of(environment)
                .orElseThrow(() -> new IllegalStateException("the namespaces were removed from the environment"));
    }

    /** Matches if the initializer added the namespaces to the environment. */
    static final class OnNamespaces implements Condition {
        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            Environment environment = context.getEnvironment();
            return environment instanceof ConfigurableEnvironment
                    && CastaliaPropertySource.of((ConfigurableEnvironment) environment).isPresent();
        }
    }

    /** Matches like that of Spring Boot for its own indicators, which has different packages in versions 3 and 4. */
    static final class OnHealth implements Condition {
        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            Environment environment = context.getEnvironment();
            boolean isDefault = environment.getProperty(HEALTH_DEFAULT, Boolean.class, true);
            return environment.getProperty(HEALTH, Boolean.class, isDefault);
        }
    }

    /** The in-memory values, for tests. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnProperty(Bootstrap.IN_MEMORY)
    static class InMemoryConfiguration {
        @Bean(destroyMethod = "")
        InMemory castaliaInMemory(ConfigurableEnvironment environment) {
            return source(environment).memory()
                    .orElseThrow(() -> new IllegalStateException("the client was made before " + Bootstrap.IN_MEMORY + " was set"));
        }
    }

    /** The health endpoint of Spring Boot 2.7 and 3. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = "org.springframework.boot.actuate.health.HealthIndicator")
    @Conditional(OnHealth.class)
    static class ActuatorHealthConfiguration {
        @Bean
        org.springframework.boot.actuate.health.HealthIndicator castaliaHealthIndicator(
                ConfigurableEnvironment environment) {
            ConfigSource namespaces = source(environment).getSource();
            return () -> {
                NamespaceHealth health = new NamespaceHealth(namespaces);
                return new org.springframework.boot.actuate.health.Health.Builder()
                        .status(health.isUp ? "UP" : "DOWN")
                        .withDetails(health.details)
                        .build();
            };
        }
    }

    /** The health endpoint of Spring Boot 4, where it is a separate module. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = "org.springframework.boot.health.contributor.HealthIndicator")
    @Conditional(OnHealth.class)
    static class HealthConfiguration {
        @Bean
        org.springframework.boot.health.contributor.HealthIndicator castaliaHealthIndicator(
                ConfigurableEnvironment environment) {
            ConfigSource namespaces = source(environment).getSource();
            return () -> {
                NamespaceHealth health = new NamespaceHealth(namespaces);
                return new org.springframework.boot.health.contributor.Health.Builder()
                        .status(health.isUp ? "UP" : "DOWN")
                        .withDetails(health.details)
                        .build();
            };
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = "io.micrometer.core.instrument.MeterRegistry")
    static class MetricsConfiguration {
        @Bean
        CastaliaMeters castaliaMeters(ConfigurableEnvironment environment) {
            CastaliaPropertySource source = source(environment);
            return new CastaliaMeters(source.client(), source.getSource());
        }
    }
}

package io.castalia.spring;

import java.lang.ref.WeakReference;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.springframework.beans.factory.config.InstantiationAwareBeanPostProcessor;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.ConfigurationPropertiesBean;
import org.springframework.boot.context.properties.ConfigurationPropertiesBindingPostProcessor;
import org.springframework.boot.context.properties.bind.BindException;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.util.ClassUtils;

/**
 * Rebinds {@code @ConfigurationProperties} beans when a property below their prefix has changed.
 * Spring Boot binds a new instance first: if that fails or validation rejects the values, the bean
 * keeps all its values. Beans that are bound by their constructor do not change.
 */
final class PropertiesRebinder implements InstantiationAwareBeanPostProcessor {
    private static final Log log = LogFactory.getLog(PropertiesRebinder.class);

    private final ConfigurableApplicationContext context;
    private final Set<Bound> beans = ConcurrentHashMap.newKeySet();

    PropertiesRebinder(ConfigurableApplicationContext context) {
        this.context = context;
    }

    /**
     * Records the properties before the bean is bound, so that a change during the binding is
     * detected.
     */
    @Override
    public boolean postProcessAfterInstantiation(Object bean, String beanName) {
        ConfigurationPropertiesBean properties = ConfigurationPropertiesBean.get(context, bean, beanName);
        if (properties != null) {
            String prefix = properties.getAnnotation().prefix();
            beans.add(new Bound(bean, beanName, prefix, below(prefix)));
        }
        return true;
    }

    /** Rebinds the beans whose properties have changed. Callers must serialize calls. */
    void refresh() {
        beans.removeIf(bound -> bound.get() == null);
        for (Bound bound : beans) {
            Object bean = bound.get();
            Map<String, String> now = below(bound.prefix);
            if (bean != null && !now.equals(bound.properties)) {
                bound.properties = now;
                rebind(bound, bean);
            }
        }
    }

    private void rebind(Bound bound, Object bean) {
        try {
            Object fresh = fresh(bean);
            if (fresh == null) {
                bind(bean, bound.name);
            } else {
                bind(fresh, bound.name);
                if (!BeanCopy.copy(fresh, bean)) {
                    bind(bean, bound.name);
                }
            }
            log.info("rebound " + bound);
        } catch (RuntimeException | LinkageError failure) {
            // Without the messages of the exceptions, which may contain the value.
            log.error(bound + " keeps its values: the new ones cannot be bound (" + reason(failure) + ")");
        }
    }

    /**
     * Creates an instance to try the values on, with all other fields at their defaults; null if
     * only the bean itself can be bound.
     */
    private static Object fresh(Object bean) {
        Class<?> type = ClassUtils.getUserClass(bean);
        // A bean method may create resources, such as a connection pool, which must exist once.
        if (!AnnotatedElementUtils.hasAnnotation(type, ConfigurationProperties.class)) {
            return null;
        }
        return BeanCopy.newInstance(type);
    }

    private void bind(Object bean, String name) {
        String binding = ConfigurationPropertiesBindingPostProcessor.BEAN_NAME;
        context.getBean(binding, ConfigurationPropertiesBindingPostProcessor.class)
                .postProcessBeforeInitialization(bean, name);
    }

    /** All properties below a prefix, in every spelling and source. */
    private Map<String, String> below(String prefix) {
        try {
            return Binder.get(context.getEnvironment())
                    .bind(prefix, Bindable.mapOf(String.class, String.class))
                    .orElseGet(Map::of);
        } catch (BindException failure) {
            // The prefix itself is the name of a property, such as an environment variable, so none
            // is below it.
            log.debug("no properties below " + prefix);
            return Map.of();
        }
    }

    private static String reason(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        return cause.getClass().getName();
    }

    private static final class Bound extends WeakReference<Object> {
        final String name;
        final String prefix;
        Map<String, String> properties;

        Bound(Object bean, String name, String prefix, Map<String, String> properties) {
            super(bean);
            this.name = name;
            this.prefix = prefix;
            this.properties = properties;
        }

        @Override
        public String toString() {
            return "the bean " + name + " (" + prefix + ")";
        }
    }
}

package io.castalia.spring;

import static java.util.stream.Collectors.toList;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.config.InstantiationAwareBeanPostProcessor;
import org.springframework.beans.factory.support.RootBeanDefinition;
import org.springframework.boot.context.properties.ConfigurationPropertiesBean;
import org.springframework.boot.context.properties.ConfigurationPropertiesBindingPostProcessor;
import org.springframework.boot.context.properties.source.ConfigurationProperty;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertySource;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.boot.context.properties.source.IterableConfigurationPropertySource;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.SpringProperties;
import org.springframework.util.ClassUtils;

/**
 * Rebinds {@code @ConfigurationProperties} beans when keys below their prefix have changed, or keys
 * to which properties below it refer. Spring Boot binds a new instance first: if that fails or
 * validation rejects the values, the bean keeps all its values. Otherwise only the properties of
 * these keys are copied, because the new instance has nothing else that the bean was given: no
 * dependencies, no {@code @Value} and nothing of its {@code @PostConstruct} method. Beans that are
 * bound by their constructor do not change.
 */
final class PropertiesRebinder implements InstantiationAwareBeanPostProcessor {
    private static final Log log = LogFactory.getLog(PropertiesRebinder.class);

    private final ConfigurableApplicationContext context;
    private final CastaliaPropertySource source;
    private final FollowingBeans<Bound> beans;

    PropertiesRebinder(ConfigurableApplicationContext context, CastaliaPropertySource source) {
        this.context = context;
        this.source = source;
        beans = new FollowingBeans<>(source, bound -> context.getBeanFactory().containsSingleton(bound.name), this::update);
    }

    @Override
    public boolean postProcessAfterInstantiation(Object bean, String beanName) {
        ConfigurationPropertiesBean properties = ConfigurationPropertiesBean.get(context, bean, beanName);
        if (properties != null) {
            String prefix = properties.getAnnotation().prefix();
            RootBeanDefinition definition = definition(beanName);
            if (!isBoundByConstructor(definition)) {
                beans.begin(bean, new Bound(beanName, ConfigurationPropertyName.adapt(prefix, '.'), isMade(definition)));
            }
        }
        return true;
    }

    /** Called after Spring Boot's own processor, which has a higher precedence, has bound the bean. */
    @Override
    public Object postProcessBeforeInitialization(Object bean, String beanName) {
        beans.ready(bean);
        return bean;
    }

    /** An empty one for a bean that has none. */
    private RootBeanDefinition definition(String beanName) {
        ConfigurableListableBeanFactory factory = context.getBeanFactory();
        return factory.containsBeanDefinition(beanName)
                ? (RootBeanDefinition) factory.getMergedBeanDefinition(beanName)
                : new RootBeanDefinition();
    }

    /** Spring Boot notes that in an attribute, whose type depends on its version. */
    private static boolean isBoundByConstructor(RootBeanDefinition definition) {
        return Stream.of(definition.attributeNames())
                .filter(name -> name.endsWith("BindMethod"))
                .anyMatch(name -> "VALUE_OBJECT".equals(String.valueOf(definition.getAttribute(name))));
    }

    /**
     * Whether a method or function of the application made the bean. Another instance cannot be made
     * like it, and might open resources that must exist once, such as a connection pool.
     */
    private static boolean isMade(RootBeanDefinition definition) {
        // Definitions that Spring has generated ahead of time all have a supplier.
        boolean isSupplied = definition.getInstanceSupplier() != null && !SpringProperties.getFlag("spring.aot.enabled");
        return isSupplied || definition.getFactoryMethodName() != null || definition.getResolvedFactoryMethod() != null;
    }

    /** Rebinds the beans whose properties depend on changed keys. */
    void refresh() {
        beans.refresh();
    }

    private void update(Object bean, Bound bound, KeyChanges changes, boolean isExact) {
        try {
            if (examine(bound, changes, isExact)) {
                rebind(bean, bound);
            }
        } catch (RuntimeException | LinkageError failure) {
            // Without the messages of the exceptions, which may contain the value.
            log.error(bound + " keeps its values: the new ones cannot be bound (" + reason(failure) + ")");
        }
    }

    /** Finds the properties that changes concern; returns false if there are none. */
    private boolean examine(Bound bound, KeyChanges latest, boolean isExact) {
        // Without certainty, the latest are all.
        KeyChanges changes = isExact && bound.unexamined != null ? latest.with(bound.unexamined) : latest;
        bound.unexamined = changes;
        boolean isChanged = bound.add(changes.below(bound.prefix).filter(this::isVisible));
        isChanged |= bound.add(referring(bound.prefix, changes));
        bound.unexamined = null;
        return isChanged;
    }

    /** Whether the namespaces are asked for a property: no source that takes precedence has it. */
    private boolean isVisible(ConfigurationPropertyName name) {
        Runnable look = () -> sources().anyMatch(properties -> properties.getConfigurationProperty(name) != null);
        return !source.readDuring(look).isEmpty();
    }

    private Stream<ConfigurationPropertySource> sources() {
        return StreamSupport.stream(ConfigurationPropertySources.get(context.getEnvironment()).spliterator(), false);
    }

    /** The properties below the prefix whose values have placeholders for which changed keys are read. */
    private Stream<ConfigurationPropertyName> referring(ConfigurationPropertyName prefix, KeyChanges changes) {
        Set<ConfigurationPropertyName> known = new HashSet<>();
        return sources()
                .filter(IterableConfigurationPropertySource.class::isInstance)
                .map(IterableConfigurationPropertySource.class::cast)
                .flatMap(properties -> properties.stream()
                        // Of several sources with the property, the first one has its value.
                        .filter(name -> prefix.isAncestorOf(name) && known.add(name))
                        .filter(name -> refers(properties.getConfigurationProperty(name), changes)));
    }

    private boolean refers(ConfigurationProperty property, KeyChanges changes) {
        String text = property == null ? "" : String.valueOf(property.getValue());
        return text.contains("${") && changes.includeAny(source.readDuring(() -> resolve(text)));
    }

    private void resolve(String text) {
        try {
            context.getEnvironment().resolvePlaceholders(text);
        } catch (RuntimeException circular) {
            // The binding fails as well, and is reported.
            log.debug("a placeholder cannot be resolved");
        }
    }

    private void rebind(Object bean, Bound bound) {
        Object fresh = bound.isMade ? null : BeanCopy.newInstance(ClassUtils.getUserClass(bean));
        if (fresh == null) {
            bind(bean, bound.name);
        } else {
            bind(fresh, bound.name);
            if (!BeanCopy.copy(fresh, bean, bound.pending)) {
                bind(bean, bound.name);
            }
        }
        bound.pending.clear();
        log.info("rebound " + bound);
    }

    private void bind(Object bean, String name) {
        String binding = ConfigurationPropertiesBindingPostProcessor.BEAN_NAME;
        context.getBean(binding, ConfigurationPropertiesBindingPostProcessor.class)
                .postProcessBeforeInitialization(bean, name);
    }

    private static String reason(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        return cause.getClass().getName();
    }

    private static final class Bound {
        final String name;
        final ConfigurationPropertyName prefix;
        final boolean isMade;
        /** What has changed since the bean was bound: also earlier changes that could not be bound. */
        final Set<ConfigurationPropertyName> pending = new HashSet<>();
        /** Those for which a property source has failed; null if there are none. */
        KeyChanges unexamined;

        Bound(String name, ConfigurationPropertyName prefix, boolean isMade) {
            this.name = name;
            this.prefix = prefix;
            this.isMade = isMade;
        }

        /** Adds properties by their full names; returns false if there are none. */
        boolean add(Stream<ConfigurationPropertyName> changed) {
            List<ConfigurationPropertyName> names =
                    changed.map(name -> name.subName(prefix.getNumberOfElements())).collect(toList());
            pending.addAll(names);
            return !names.isEmpty();
        }

        @Override
        public String toString() {
            return "the bean " + name + " (" + prefix + ")";
        }
    }
}

package io.castalia.spring;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.config.InstantiationAwareBeanPostProcessor;
import org.springframework.beans.factory.support.RootBeanDefinition;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.ConfigurationPropertiesBean;
import org.springframework.boot.context.properties.ConfigurationPropertiesBindHandlerAdvisor;
import org.springframework.boot.context.properties.ConfigurationPropertiesBindingPostProcessor;
import org.springframework.boot.context.properties.bind.BindHandler;
import org.springframework.boot.context.properties.source.ConfigurationProperty;
import org.springframework.boot.context.properties.source.ConfigurationPropertyCaching;
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
 * these keys are set, because the new instance has nothing else that the bean was given: no
 * dependencies, no {@code @Value} and nothing of its {@code @PostConstruct} method. A bean of which
 * there can be no other instance is bound in place, but again only these properties. Beans that are
 * bound by their constructor do not change.
 */
final class PropertiesRebinder implements InstantiationAwareBeanPostProcessor, ConfigurationPropertiesBindHandlerAdvisor {
    private static final Log log = LogFactory.getLog(PropertiesRebinder.class);

    private final ConfigurableApplicationContext context;
    private final CastaliaPropertySource source;
    private final FollowingBeans<Bound> beans;
    /** What this thread is about to bind again. */
    private final ThreadLocal<Rebinding> next = new ThreadLocal<>();

    PropertiesRebinder(ConfigurableApplicationContext context, CastaliaPropertySource source) {
        this.context = context;
        this.source = source;
        beans = new FollowingBeans<>(source, bound -> context.getBeanFactory().containsSingleton(bound.name), this::update);
    }

    @Override
    public boolean postProcessAfterInstantiation(Object bean, String beanName) {
        ConfigurationPropertiesBean properties = ConfigurationPropertiesBean.get(context, bean, beanName);
        if (properties != null) {
            RootBeanDefinition definition = definition(beanName);
            if (!isBoundByConstructor(definition)) {
                beans.begin(bean, new Bound(beanName, properties.getAnnotation(), isMade(definition)));
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
        ConfigurationPropertyCaching.get(context.getEnvironment()).clear();
        Set<ConfigurationPropertyName> names = new HashSet<>();
        changes.below(bound.prefix).filter(this::isVisible).forEach(names::add);
        referring(bound.prefix, changes).forEach(names::add);
        if (!names.isEmpty()) {
            rebind(bean, bound, names);
        }
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

    private void rebind(Object bean, Bound bound, Set<ConfigurationPropertyName> names) {
        Object fresh = bound.isMade ? null : BeanCopy.newInstance(ClassUtils.getUserClass(bean));
        if (fresh == null) {
            bindInPlace(bean, bound, names);
        } else {
            Rebinding all = Rebinding.ofAll();
            bind(fresh, bound.name, all);
            Set<ConfigurationPropertyName> kept = BeanCopy.copy(fresh, bean, bound.prefix, names, all.values());
            if (!kept.isEmpty()) {
                log.warn(bound + " keeps the values of " + kept + ": their keys were deleted, and their defaults cannot be read");
            }
        }
        log.info("rebound " + bound);
    }

    private void bindInPlace(Object bean, Bound bound, Set<ConfigurationPropertyName> names) {
        try {
            bind(bean, bound.name, bound.allowsUnknownKeys ? Rebinding.of(bound.prefix, names) : Rebinding.ofAll());
        } catch (RuntimeException | Error refused) {
            if (bound.allowsUnknownKeys && names.size() > 1) {
                names.forEach(name -> bindAlone(bean, bound, name));
            }
            throw refused;
        }
    }

    /** A property that is refused does not keep the others from their values. */
    private void bindAlone(Object bean, Bound bound, ConfigurationPropertyName name) {
        try {
            bind(bean, bound.name, Rebinding.of(bound.prefix, Set.of(name)));
        } catch (RuntimeException | Error refused) {
            log.debug(name + " is refused");
        }
    }

    private void bind(Object bean, String name, Rebinding rebinding) {
        String binding = ConfigurationPropertiesBindingPostProcessor.BEAN_NAME;
        next.set(rebinding);
        try {
            context.getBean(binding, ConfigurationPropertiesBindingPostProcessor.class)
                    .postProcessBeforeInitialization(bean, name);
        } finally {
            next.remove();
        }
    }

    /** Called by Spring Boot for each binding, also for those of other beans while it creates one for this binding. */
    @Override
    public BindHandler apply(BindHandler handler) {
        Rebinding rebinding = next.get();
        next.remove();
        return (rebinding == null ? Rebinding.ofAll() : rebinding).observe(handler);
    }

    private static final class Bound {
        final String name;
        final ConfigurationPropertyName prefix;
        final boolean isMade;
        /** Otherwise all keys have to be bound, or those that are not are unknown. */
        final boolean allowsUnknownKeys;

        Bound(String name, ConfigurationProperties properties, boolean isMade) {
            this.name = name;
            this.prefix = ConfigurationPropertyName.adapt(properties.prefix(), '.');
            this.isMade = isMade;
            this.allowsUnknownKeys = properties.ignoreUnknownFields();
        }

        @Override
        public String toString() {
            return "the bean " + name + " (" + prefix + ")";
        }
    }
}

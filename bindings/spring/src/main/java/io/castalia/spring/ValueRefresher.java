package io.castalia.spring;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.springframework.beans.PropertyValues;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.config.InstantiationAwareBeanPostProcessor;
import org.springframework.beans.factory.support.MergedBeanDefinitionPostProcessor;
import org.springframework.beans.factory.support.RootBeanDefinition;

/**
 * Keeps injected {@code @Value} fields current. After keys have changed, every text is resolved
 * again, and those for which Spring reads a changed key are injected, unless they are the same as
 * before. So nested placeholders, relaxed names, properties that refer to others and the precedence
 * of sources need no rules here, and a text that resolves differently each time, such as a random
 * value, remains as it is.
 */
final class ValueRefresher implements InstantiationAwareBeanPostProcessor, MergedBeanDefinitionPostProcessor {
    private static final Log log = LogFactory.getLog(ValueRefresher.class);

    private final ConfigurableListableBeanFactory factory;
    private final CastaliaPropertySource source;
    private final Map<Class<?>, List<InjectionPoint>> points = new ConcurrentHashMap<>();
    private final FollowingBeans<Injected> beans;

    ValueRefresher(ConfigurableListableBeanFactory factory, CastaliaPropertySource source) {
        this.factory = factory;
        this.source = source;
        beans = new FollowingBeans<>(source, injected -> factory.containsSingleton(injected.beanName), this::update);
    }

    /**
     * Processors of this kind come last, so that Spring's own has injected the values when
     * {@link #postProcessProperties} is called.
     */
    @Override
    public void postProcessMergedBeanDefinition(RootBeanDefinition definition, Class<?> type, String beanName) {}

    @Override
    public boolean postProcessAfterInstantiation(Object bean, String beanName) {
        List<InjectionPoint> found = points.computeIfAbsent(bean.getClass(), ValueRefresher::pointsOf);
        if (!found.isEmpty()) {
            Injected injected = new Injected(beanName, found);
            beans.begin(bean, injected);
            found.forEach(point -> injected.texts.put(point, resolve(point)));
        }
        return true;
    }

    @Override
    public PropertyValues postProcessProperties(PropertyValues values, Object bean, String beanName) {
        beans.ready(bean);
        return values;
    }

    /**
     * A class that cannot be inspected, because an optional library is missing, is skipped: Spring
     * decides whether that is an error.
     */
    private static List<InjectionPoint> pointsOf(Class<?> type) {
        try {
            return InjectionPoints.of(type);
        } catch (RuntimeException | LinkageError failure) {
            log.debug("cannot inspect " + type.getName() + "; its @Value fields are not refreshed", failure);
            return List.of();
        }
    }

    /** Injects the values that depend on changed keys, also into beans that are being created. */
    void refresh() {
        beans.refresh();
    }

    private void update(Object bean, Injected injected, KeyChanges changes, boolean isExact) {
        if (!isExact) {
            injected.texts.clear();
        }
        for (InjectionPoint point : injected.points) {
            Content before = source.content();
            AtomicReference<List<String>> texts = new AtomicReference<>();
            Set<String> read = source.readDuring(() -> texts.set(resolve(point)));
            boolean isSame = texts.get() != null && texts.get().equals(injected.texts.get(point));
            if (!isSame && changes.includeAny(read) && inject(bean, injected, point, texts.get() != null)
                    && before == source.content()) {
                injected.texts.put(point, texts.get());
            }
        }
    }

    /** Returns whether the values were injected. */
    private boolean inject(Object bean, Injected injected, InjectionPoint point, boolean isResolvable) {
        String target = point + " of the bean " + injected.beanName;
        if (!isResolvable) {
            log.error(target + " keeps its value: one of its placeholders no longer has a value and has no default");
            return false;
        }
        injected.texts.remove(point);
        try {
            point.inject(bean, injected.beanName, factory);
            log.info("refreshed " + target);
            return true;
        } catch (RuntimeException | LinkageError failure) {
            // Without the message of the exception, which may contain the value.
            log.error(target + " keeps its value: the new one cannot be injected (" + failure.getClass().getName() + ")");
            return false;
        }
    }

    /** Resolves all texts of an injection point; null if one has no value. */
    private List<String> resolve(InjectionPoint point) {
        List<String> texts = new ArrayList<>();
        for (String template : point.templates) {
            try {
                texts.add(factory.resolveEmbeddedValue(template));
            } catch (RuntimeException unresolved) {
                log.debug("a placeholder of " + point + " has no value");
            }
        }
        return texts.size() == point.templates.size() ? texts : null;
    }

    private static final class Injected {
        final String beanName;
        final List<InjectionPoint> points;
        /** Those that the bean has, as far as that is certain: a release may arrive while they are injected. */
        final Map<InjectionPoint, List<String>> texts = new HashMap<>();

        Injected(String beanName, List<InjectionPoint> points) {
            this.beanName = beanName;
            this.points = points;
        }
    }
}

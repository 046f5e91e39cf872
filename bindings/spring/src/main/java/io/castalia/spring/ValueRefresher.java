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
            // The changes are all that are known.
            injected.missed.clear();
        }
        for (InjectionPoint point : injected.points) {
            updatePoint(bean, injected, point, changes);
        }
    }

    private void updatePoint(Object bean, Injected injected, InjectionPoint point, KeyChanges latest) {
        Content before = source.content();
        AtomicReference<List<String>> resolved = new AtomicReference<>();
        Set<String> read = source.readDuring(() -> resolved.set(resolve(point)));
        List<String> texts = resolved.get();
        KeyChanges changes = latest.with(injected.missed.get(point));
        // Unless this ends well.
        injected.missed.put(point, changes);
        if (texts == null) {
            report(injected.nameOf(point) + " keeps its value: a placeholder has no value and no default", latest.includeAny(read));
            return;
        }
        if (changes.includeAny(read) && !texts.equals(injected.texts.get(point))) {
            if (!inject(bean, injected, point, latest.includeAny(read))) {
                return;
            }
            if (before == source.content()) {
                injected.texts.put(point, texts);
            }
        }
        injected.missed.remove(point);
    }

    /** Returns whether the values were injected. */
    private boolean inject(Object bean, Injected injected, InjectionPoint point, boolean isNew) {
        injected.texts.remove(point);
        try {
            point.inject(bean, injected.beanName, factory);
            log.info("refreshed " + injected.nameOf(point));
            return true;
        } catch (Throwable failure) {
            // Without the message of the exception, which may contain the value.
            String reason = failure.getClass().getName();
            report(injected.nameOf(point) + " keeps its value: the new one cannot be injected (" + reason + ")", isNew);
            return false;
        }
    }

    /** Logs a failure as an error once, although each release tries again. */
    private static void report(String message, boolean isNew) {
        if (isNew) {
            log.error(message);
        } else {
            log.debug(message);
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
        /** What has changed since a point had its values, if it could not be given the new ones. */
        final Map<InjectionPoint, KeyChanges> missed = new HashMap<>();

        Injected(String beanName, List<InjectionPoint> points) {
            this.beanName = beanName;
            this.points = points;
        }

        String nameOf(InjectionPoint point) {
            return point + " of the bean " + beanName;
        }

        @Override
        public String toString() {
            return nameOf(points.get(0));
        }
    }
}

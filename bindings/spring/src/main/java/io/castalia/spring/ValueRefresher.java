package io.castalia.spring;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.config.InstantiationAwareBeanPostProcessor;

/**
 * Keeps injected {@code @Value} fields current. It does not track which keys a text depends on:
 * after each change every text is resolved again, and those that resolve differently are injected.
 * So nested placeholders, relaxed names, properties that refer to others and the precedence of
 * sources need no rules here.
 */
final class ValueRefresher implements InstantiationAwareBeanPostProcessor {
    private static final Log log = LogFactory.getLog(ValueRefresher.class);

    private final ConfigurableListableBeanFactory factory;
    private final Map<Class<?>, List<InjectionPoint>> points = new ConcurrentHashMap<>();
    private final Set<Target> targets = ConcurrentHashMap.newKeySet();
    private final ReferenceQueue<Object> collected = new ReferenceQueue<>();

    ValueRefresher(ConfigurableListableBeanFactory factory) {
        this.factory = factory;
    }

    /**
     * Records the texts before the bean is populated, so that a change during the injection is
     * detected.
     */
    @Override
    public boolean postProcessAfterInstantiation(Object bean, String beanName) {
        for (InjectionPoint point : points.computeIfAbsent(bean.getClass(), ValueRefresher::pointsOf)) {
            forgetCollected();
            targets.add(new Target(bean, beanName, point, resolved(point)));
        }
        return true;
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

    /** Injects the values whose text has changed. Callers must serialize calls. */
    void refresh() {
        forgetCollected();
        for (Target target : targets) {
            Object bean = target.get();
            if (bean != null) {
                refresh(target, bean);
            }
        }
    }

    private void refresh(Target target, Object bean) {
        List<String> now = resolved(target.point);
        if (now.equals(target.texts)) {
            return;
        }
        target.texts = now;
        if (now.contains(null)) {
            log.error(target + " keeps its value: one of its placeholders no longer has a value and has no default");
            return;
        }
        try {
            target.point.inject(bean, target.beanName, factory);
            log.info("refreshed " + target);
        } catch (RuntimeException | LinkageError failure) {
            // Without the message of the exception, which may contain the value.
            log.error(target + " keeps its value: the new one cannot be injected (" + failure.getClass().getName() + ")");
        }
    }

    /** Resolves all placeholders of an injection point; null if one has no value. */
    private List<String> resolved(InjectionPoint point) {
        List<String> texts = new ArrayList<>();
        for (String template : point.templates) {
            try {
                texts.add(factory.resolveEmbeddedValue(template));
            } catch (RuntimeException unresolved) {
                texts.add(null);
            }
        }
        return texts;
    }

    private void forgetCollected() {
        for (Reference<?> gone = collected.poll(); gone != null; gone = collected.poll()) {
            targets.remove(gone);
        }
    }

    /** An injection point of a bean, which it does not keep alive. */
    private final class Target extends WeakReference<Object> {
        final String beanName;
        final InjectionPoint point;
        List<String> texts;

        Target(Object bean, String beanName, InjectionPoint point, List<String> texts) {
            super(bean, collected);
            this.beanName = beanName;
            this.point = point;
            this.texts = texts;
        }

        @Override
        public String toString() {
            return point + " of the bean " + beanName;
        }
    }
}

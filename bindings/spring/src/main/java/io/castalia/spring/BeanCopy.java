package io.castalia.spring;

import static io.castalia.spring.BeanProperty.uniform;
import static java.util.stream.Collectors.groupingBy;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.springframework.beans.BeanUtils;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName.Form;
import org.springframework.util.ReflectionUtils;

/**
 * Sets some properties of a bean to the values with which Spring Boot bound a new instance, and those
 * without a value to the default of that instance. Does not read back what it was bound with: getters
 * may decrypt, mask or extend it. Nested beans remain the same objects, because the application may
 * reference them. All values are known before the first is written. Does not depend on Spring
 * contexts.
 */
final class BeanCopy {
    private final Map<ConfigurationPropertyName, Object> bound;
    private final List<Runnable> writes = new ArrayList<>();
    private final Set<ConfigurationPropertyName> kept = new LinkedHashSet<>();

    private BeanCopy(Map<ConfigurationPropertyName, Object> bound) {
        this.bound = bound;
    }

    /**
     * Sets the properties with these names below the prefix, in any spelling; no method of other
     * properties is called. Returns those that keep their values, because they have none any more and
     * their defaults are not known.
     */
    static Set<ConfigurationPropertyName> copy(
            Object fresh,
            Object bean,
            ConfigurationPropertyName prefix,
            Collection<ConfigurationPropertyName> names,
            Map<ConfigurationPropertyName, Object> bound) {
        BeanCopy copy = new BeanCopy(bound);
        if (!copy.content(fresh, bean, prefix, names)) {
            copy.properties(fresh, bean, prefix, names);
        }
        copy.write();
        return copy.kept;
    }

    /** A property whose setter fails does not keep the others from their values. */
    private void write() {
        Throwable failure = null;
        for (Runnable write : writes) {
            try {
                write.run();
            } catch (RuntimeException | Error refused) {
                failure = refused;
            }
        }
        if (failure != null) {
            ReflectionUtils.rethrowRuntimeException(failure);
        }
    }

    /** A new instance by the constructor without parameters; null where there is none. */
    static Object newInstance(Class<?> type) {
        return hasDefaultConstructor(type) ? BeanUtils.instantiateClass(type) : null;
    }

    private static boolean hasDefaultConstructor(Class<?> type) {
        try {
            type.getDeclaredConstructor();
            return true;
        } catch (NoSuchMethodException none) {
            return false;
        }
    }

    private void properties(
            Object fresh, Object bean, ConfigurationPropertyName at, Collection<ConfigurationPropertyName> names) {
        int depth = at.getNumberOfElements();
        Map<String, List<ConfigurationPropertyName>> byProperty =
                names.stream().collect(groupingBy(name -> uniform(name.getElement(depth, Form.ORIGINAL))));
        for (BeanProperty property : BeanProperty.of(fresh.getClass())) {
            if (byProperty.containsKey(property.name)) {
                property(property, fresh, bean, at.append(property.name), byProperty.get(property.name));
            }
        }
    }

    private void property(
            BeanProperty property,
            Object fresh,
            Object bean,
            ConfigurationPropertyName name,
            List<ConfigurationPropertyName> names) {
        boolean isBelow = !names.contains(name);
        if (isBelow || !property.isSettable()) {
            Object value = bound.containsKey(name) ? bound.get(name) : property.read(fresh);
            Object before = property.read(bean);
            if (isBelow && isNested(value, before) && isShared(property, bean, before)) {
                properties(value, before, name, names);
                return;
            }
            if (!property.isSettable()) {
                if (!content(value, before, name, names)) {
                    kept.add(name);
                }
                return;
            }
        }
        try {
            Object value = bound.containsKey(name) ? bound.get(name) : property.defaultOf(fresh);
            writes.add(() -> property.write(bean, value));
        } catch (RuntimeException | LinkageError | AssertionError unknown) {
            kept.add(name);
        }
    }

    private static boolean isNested(Object value, Object before) {
        return value != null && value.getClass().isInstance(before) && !(value instanceof Map) && !(value instanceof Collection)
                && !value.getClass().isArray() && !BeanUtils.isSimpleProperty(value.getClass());
    }

    /** Whether what is set on the result of the getter is set on the bean. */
    private static boolean isShared(BeanProperty property, Object bean, Object before) {
        if (!property.isSettable()) {
            return true;
        }
        Class<?> type = before.getClass();
        boolean isMutable = hasDefaultConstructor(type) && BeanProperty.of(type).stream().anyMatch(BeanProperty::isSettable);
        return isMutable && property.read(bean) == before;
    }

    /** Copies the content of a map or a collection that the binder fills in place; returns whether it is one. */
    @SuppressWarnings("unchecked")
    private boolean content(
            Object value, Object before, ConfigurationPropertyName at, Collection<ConfigurationPropertyName> names) {
        if (value instanceof Map && before instanceof Map) {
            writes.add(() -> entries((Map<?, ?>) value, (Map<Object, Object>) before, at, names));
        } else if (value instanceof Collection && before instanceof Collection) {
            writes.add(() -> elements((Collection<?>) value, (Collection<Object>) before));
        } else {
            return false;
        }
        return true;
    }

    /** Entries that the application has added remain, unless one of the names is theirs. */
    private static void entries(
            Map<?, ?> value,
            Map<Object, Object> before,
            ConfigurationPropertyName at,
            Collection<ConfigurationPropertyName> names) {
        before.keySet().removeIf(key ->
                !value.containsKey(key) && names.stream().anyMatch(name -> isOf(name, at, uniform(String.valueOf(key)))));
        before.putAll(value);
    }

    /** Whether a name is that of a map itself, of a key of the map, or of what is below the key. */
    private static boolean isOf(ConfigurationPropertyName name, ConfigurationPropertyName map, String key) {
        StringBuilder spelling = new StringBuilder();
        for (int at = map.getNumberOfElements(); at < name.getNumberOfElements(); at++) {
            spelling.append(uniform(name.getElement(at, Form.ORIGINAL)));
            if (spelling.toString().equals(key)) {
                return true;
            }
        }
        return name.equals(map);
    }

    /** Without emptying a list or a set, because other threads may read it. */
    private static void elements(Collection<?> value, Collection<Object> before) {
        if (before instanceof List) {
            List<Object> list = (List<Object>) before;
            List<Object> values = new ArrayList<>(value);
            int common = Math.min(list.size(), values.size());
            for (int at = 0; at < common; at++) {
                list.set(at, values.get(at));
            }
            list.subList(common, list.size()).clear();
            list.addAll(values.subList(common, values.size()));
            return;
        }
        if (before instanceof Set) {
            before.retainAll(value);
        } else {
            before.clear();
        }
        before.addAll(value);
    }
}

package io.castalia.spring;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.mapping;
import static java.util.stream.Collectors.toList;

import java.beans.Introspector;
import java.beans.PropertyDescriptor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.springframework.beans.BeanUtils;
import org.springframework.boot.context.properties.bind.Name;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName.Form;
import org.springframework.util.ReflectionUtils;

/**
 * Copies some properties of a bean to another of the same class. Nested beans remain the same
 * objects, because the application may reference them. All values are read before the first is
 * written. Does not depend on Spring contexts.
 */
final class BeanCopy {
    private final List<Runnable> writes = new ArrayList<>();
    private boolean isWhole = true;

    private BeanCopy() {}

    /**
     * Copies the properties with these names, in any spelling; no method of other properties is called.
     * Returns false if some could not be copied.
     */
    static boolean copy(Object from, Object to, Collection<ConfigurationPropertyName> names) {
        BeanCopy copy = new BeanCopy();
        copy.properties(from, to, names);
        copy.writes.forEach(Runnable::run);
        return copy.isWhole;
    }

    /** A new instance by the constructor without parameters; null where there is none. */
    static Object newInstance(Class<?> type) {
        try {
            return BeanUtils.instantiateClass(type.getDeclaredConstructor());
        } catch (NoSuchMethodException none) {
            return null;
        }
    }

    private void properties(Object from, Object to, Collection<ConfigurationPropertyName> names) {
        // By property: what is below it, or nothing for the property itself.
        Map<String, List<ConfigurationPropertyName>> rests = names.stream().collect(groupingBy(
                name -> uniform(name.getElement(0, Form.ORIGINAL)), mapping(name -> name.subName(1), toList())));
        Class<?> type = from.getClass();
        Set<Method> written = new HashSet<>();
        for (PropertyDescriptor property : BeanUtils.getPropertyDescriptors(type)) {
            List<ConfigurationPropertyName> below = rests.get(boundName(type, property.getName()));
            if (below != null && property.getReadMethod() != null) {
                written.add(property.getWriteMethod());
                property(property.getReadMethod(), property.getWriteMethod(), from, to, below);
            }
        }
        isWhole &= setters(type).stream()
                .filter(setter -> rests.containsKey(boundName(type, Introspector.decapitalize(setter.getName().substring(3)))))
                .allMatch(written::contains);
    }

    private void property(Method read, Method write, Object from, Object to, List<ConfigurationPropertyName> below) {
        Object value;
        try {
            value = call(read, from);
        } catch (RuntimeException unset) {
            // It has no default, or needs what only a bean of the application has.
            isWhole = false;
            return;
        }
        Object before = read(read, to);
        if (Objects.equals(value, before)) {
            return;
        }
        boolean isNested = value != null && before != null && isBean(value.getClass()) && value.getClass() == before.getClass();
        if (isNested && below.stream().noneMatch(ConfigurationPropertyName::isEmpty)) {
            properties(value, before, below);
        } else if (write != null) {
            writes.add(() -> call(write, to, value));
        } else {
            content(value, before);
        }
    }

    /** The value of a property; null if it cannot be read before it is set. */
    private static Object read(Method read, Object on) {
        try {
            return call(read, on);
        } catch (RuntimeException unset) {
            return null;
        }
    }

    /** Copies the contents of a read-only map or collection, which the binder fills in place. */
    @SuppressWarnings("unchecked")
    private void content(Object value, Object before) {
        if (value instanceof Map && before instanceof Map) {
            writes.add(() -> {
                ((Map<Object, Object>) before).keySet().retainAll(((Map<?, ?>) value).keySet());
                ((Map<Object, Object>) before).putAll((Map<?, ?>) value);
            });
        } else if (value instanceof Collection && before instanceof Collection) {
            writes.add(() -> {
                ((Collection<Object>) before).clear();
                ((Collection<Object>) before).addAll((Collection<?>) value);
            });
        } else {
            isWhole = false;
        }
    }

    private static boolean isBean(Class<?> type) {
        boolean isContainer = Map.class.isAssignableFrom(type) || Collection.class.isAssignableFrom(type);
        if (isContainer || type.isArray() || BeanUtils.isSimpleProperty(type) || setters(type).isEmpty()) {
            return false;
        }
        for (var constructor : type.getDeclaredConstructors()) {
            if (constructor.getParameterCount() == 0) {
                return true;
            }
        }
        return false;
    }

    private static Set<Method> setters(Class<?> type) {
        Set<Method> setters = new HashSet<>();
        ReflectionUtils.doWithMethods(type, setters::add, method -> method.getName().matches("set[^a-z].*")
                && method.getParameterCount() == 1 && !method.isSynthetic()
                && (method.getModifiers() & (Modifier.PRIVATE | Modifier.STATIC | Modifier.ABSTRACT)) == 0);
        return setters;
    }

    /** The name that the binder has for a property, without regard to its spelling. */
    private static String boundName(Class<?> type, String property) {
        Field field = ReflectionUtils.findField(type, property);
        Name name = field == null ? null : field.getAnnotation(Name.class);
        return uniform(name == null ? property : name.value());
    }

    private static String uniform(String name) {
        return name.replaceAll("[^A-Za-z0-9]", "").toLowerCase(Locale.ROOT);
    }

    private static Object call(Method method, Object on, Object... arguments) {
        ReflectionUtils.makeAccessible(method);
        return ReflectionUtils.invokeMethod(method, on, arguments);
    }
}

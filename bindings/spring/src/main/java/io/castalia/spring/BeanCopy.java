package io.castalia.spring;

import java.beans.PropertyDescriptor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.springframework.beans.BeanUtils;
import org.springframework.util.ReflectionUtils;

/**
 * Copies the properties of a bean to another of the same class. Nested beans remain the same
 * objects, because the application may reference them. Does not depend on Spring contexts.
 */
final class BeanCopy {
    private final Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    private boolean isWhole = true;

    private BeanCopy() {}

    /** Copies all readable properties; returns false if some properties are write-only. */
    static boolean copy(Object from, Object to) {
        BeanCopy copy = new BeanCopy();
        copy.properties(from, to);
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

    private void properties(Object from, Object to) {
        if (!seen.add(to)) {
            return;
        }
        Set<Method> written = new HashSet<>();
        for (PropertyDescriptor property : BeanUtils.getPropertyDescriptors(from.getClass())) {
            Method read = property.getReadMethod();
            if (read != null && read.getDeclaringClass() != Object.class) {
                written.add(property.getWriteMethod());
                property(read, property.getWriteMethod(), from, to);
            }
        }
        isWhole &= written.containsAll(setters(from.getClass()));
    }

    private void property(Method read, Method write, Object from, Object to) {
        Object value = call(read, from);
        Object before = call(read, to);
        if (Objects.equals(value, before)) {
            return;
        }
        if (value != null && before != null && isBean(value.getClass()) && value.getClass() == before.getClass()) {
            properties(value, before);
        } else if (write != null) {
            call(write, to, value);
        } else {
            content(value, before);
        }
    }

    /**
     * Copies the contents of a read-only map, collection or bean, which its owner fills in place.
     */
    @SuppressWarnings("unchecked")
    private static void content(Object value, Object before) {
        if (value instanceof Map && before instanceof Map) {
            ((Map<Object, Object>) before).keySet().retainAll(((Map<?, ?>) value).keySet());
            ((Map<Object, Object>) before).putAll((Map<?, ?>) value);
        } else if (value instanceof Collection && before instanceof Collection) {
            ((Collection<Object>) before).clear();
            ((Collection<Object>) before).addAll((Collection<?>) value);
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

    private static Object call(Method method, Object on, Object... arguments) {
        ReflectionUtils.makeAccessible(method);
        return ReflectionUtils.invokeMethod(method, on, arguments);
    }
}

package io.castalia.spring;

import java.beans.Introspector;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.springframework.boot.context.properties.bind.Name;
import org.springframework.util.ClassUtils;
import org.springframework.util.ObjectUtils;
import org.springframework.util.ReflectionUtils;

/**
 * A property of a bean as the binder of Spring Boot knows it, which also calls methods that are not
 * public.
 */
final class BeanProperty {
    /** Of its key; see {@link #uniform}. */
    final String name;

    /** With the name of the property; null if there is none. */
    private final Field field;
    private Method getter;
    private Method setter;

    private BeanProperty(String name, Field field) {
        this.name = name;
        this.field = field;
    }

    static Collection<BeanProperty> of(Class<?> type) {
        List<Method> methods = new ArrayList<>();
        ReflectionUtils.doWithMethods(type, methods::add, BeanProperty::isCandidate);
        Map<String, BeanProperty> properties = new LinkedHashMap<>();
        for (String prefix : List.of("get", "is", "set")) {
            for (Method method : methods) {
                if (method.getName().startsWith(prefix) && method.getName().length() > prefix.length()
                        && method.getParameterCount() == (prefix.equals("set") ? 1 : 0)) {
                    of(type, Introspector.decapitalize(method.getName().substring(prefix.length())), properties).add(method);
                }
            }
        }
        return properties.values();
    }

    private static BeanProperty of(Class<?> type, String property, Map<String, BeanProperty> known) {
        Field field = ReflectionUtils.findField(type, property);
        Name name = field == null ? null : field.getAnnotation(Name.class);
        return known.computeIfAbsent(
                uniform(name == null ? property : name.value()), uniform -> new BeanProperty(uniform, field));
    }

    private static boolean isCandidate(Method method) {
        int excluded = Modifier.PRIVATE | Modifier.PROTECTED | Modifier.STATIC | Modifier.ABSTRACT;
        return (method.getModifiers() & excluded) == 0 && !method.isSynthetic() && method.getName().indexOf('$') < 0
                && method.getDeclaringClass() != Object.class;
    }

    /** Those of subclasses are added first. */
    private void add(Method method) {
        if (method.getParameterCount() == 0) {
            getter = getter == null ? method : getter;
        } else if (setter == null || getter != null && setter.getParameterTypes()[0] != getter.getReturnType()
                && method.getParameterTypes()[0] == getter.getReturnType()) {
            setter = method;
        }
    }

    /** A name in the one spelling of all its spellings. */
    static String uniform(String name) {
        return name.replaceAll("[^A-Za-z0-9]", "").toLowerCase(Locale.ROOT);
    }

    boolean isSettable() {
        return setter != null;
    }

    /** What the getter returns; null if there is none, or it needs what the bean does not have yet. */
    Object read(Object bean) {
        try {
            return getter == null ? null : call(getter, bean);
        } catch (RuntimeException | LinkageError | AssertionError unset) {
            return null;
        }
    }

    void write(Object bean, Object value) {
        call(setter, bean, value);
    }

    /**
     * What the setter has to be called with for the value that a new instance has.
     *
     * @throws IllegalStateException if that is not known
     */
    Object defaultOf(Object fresh) {
        Object value = valueOf(fresh);
        if (!ClassUtils.isAssignableValue(setter.getParameterTypes()[0], value)) {
            throw new IllegalStateException("the getter has another type");
        }
        return value;
    }

    private Object valueOf(Object fresh) {
        if (getter == null) {
            throw new IllegalStateException("there is no getter");
        }
        Object read = call(getter, fresh);
        if (field == null || !ClassUtils.isAssignable(setter.getParameterTypes()[0], field.getType())) {
            return read;
        }
        Object held = held(fresh);
        if (ObjectUtils.nullSafeEquals(read, held)) {
            return read;
        }
        // The getter returns something else, such as a decrypted or a masked value.
        write(fresh, held);
        if (!ObjectUtils.nullSafeEquals(held, held(fresh))) {
            throw new IllegalStateException("getter and setter both change the value");
        }
        return held;
    }

    private Object held(Object bean) {
        ReflectionUtils.makeAccessible(field);
        return ReflectionUtils.getField(field, bean);
    }

    private static Object call(Method method, Object on, Object... arguments) {
        ReflectionUtils.makeAccessible(method);
        return ReflectionUtils.invokeMethod(method, on, arguments);
    }
}

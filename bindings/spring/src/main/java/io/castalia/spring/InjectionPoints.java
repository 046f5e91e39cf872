package io.castalia.spring;

import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Field;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.beans.factory.config.AutowireCapableBeanFactory;
import org.springframework.beans.factory.config.DependencyDescriptor;
import org.springframework.context.annotation.Bean;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.MethodParameter;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationUtils;
import org.springframework.util.ClassUtils;
import org.springframework.util.ReflectionUtils;

/**
 * The fields and methods of a class that Spring injects from {@code @Value} with a placeholder.
 * Spring's own dependency resolution converts the text, so that a refreshed value equals what would
 * have been injected at the start.
 */
final class InjectionPoints {
    /** Spring calls methods with one of these annotations when it populates the bean. */
    private static final List<String> INJECTED = List.of(
            Autowired.class.getName(), Value.class.getName(), "javax.inject.Inject", "jakarta.inject.Inject");

    private InjectionPoints() {}

    /** Finds the injection points of a class; most classes have none. */
    static List<InjectionPoint> of(Class<?> type) {
        Class<?> declared = ClassUtils.getUserClass(type);
        List<InjectionPoint> points = new ArrayList<>();
        if (!AnnotationUtils.isCandidateClass(declared, List.of(Autowired.class, Value.class))) {
            return points;
        }
        ReflectionUtils.doWithFields(declared, field -> add(points, field, templates(field)),
                field -> !Modifier.isStatic(field.getModifiers()));
        MethodIntrospector.selectMethods(declared, InjectionPoints::templatesOfMethod)
                .forEach((method, templates) -> add(points, method, templates));
        return points;
    }

    private static void add(List<InjectionPoint> points, Member member, List<String> templates) {
        if (templates.stream().anyMatch(template -> template.contains("${"))) {
            points.add(new InjectionPoint(member, templates));
        }
    }

    /** The {@code @Value} texts of the parameters; null if Spring does not call the method. */
    private static List<String> templatesOfMethod(Method method) {
        boolean isInjected = INJECTED.stream().anyMatch(name -> AnnotatedElementUtils.isAnnotated(method, name));
        if (!isInjected || method.getParameterCount() == 0 || Modifier.isStatic(method.getModifiers())
                || AnnotatedElementUtils.hasAnnotation(method, Bean.class)) {
            return null;
        }
        return templates(Stream.concat(Stream.of(method), Stream.of(method.getParameters())).toArray(AnnotatedElement[]::new));
    }

    private static List<String> templates(AnnotatedElement... elements) {
        List<String> templates = new ArrayList<>();
        for (AnnotatedElement element : elements) {
            Value value = AnnotatedElementUtils.getMergedAnnotation(element, Value.class);
            if (value != null) {
                templates.add(value.value());
            }
        }
        return templates;
    }
}

/** A field or method. */
final class InjectionPoint {
    /** The texts of {@code @Value}, with their placeholders. */
    final List<String> templates;

    private final Member member;

    InjectionPoint(Member member, List<String> templates) {
        this.member = member;
        this.templates = templates;
    }

    /** Sets the field or calls the method with the current values. */
    void inject(Object bean, String beanName, AutowireCapableBeanFactory factory) {
        if (member instanceof Field) {
            Field field = (Field) member;
            Object value = resolved(new DependencyDescriptor(field, true), bean, beanName, factory);
            ReflectionUtils.makeAccessible(field);
            ReflectionUtils.setField(field, bean, value);
            return;
        }
        Method method = (Method) member;
        Parameter[] parameters = method.getParameters();
        Object[] arguments = new Object[parameters.length];
        for (int at = 0; at < arguments.length; at++) {
            DependencyDescriptor descriptor = new DependencyDescriptor(new MethodParameter(method, at), true);
            arguments[at] = resolved(descriptor, bean, beanName, factory);
        }
        ReflectionUtils.makeAccessible(method);
        ReflectionUtils.invokeMethod(method, bean, arguments);
    }

    private static Object resolved(
            DependencyDescriptor descriptor, Object bean, String beanName, AutowireCapableBeanFactory factory) {
        descriptor.setContainingClass(bean.getClass());
        return factory.resolveDependency(descriptor, beanName);
    }

    @Override
    public String toString() {
        return member.getDeclaringClass().getSimpleName() + "." + member.getName();
    }
}

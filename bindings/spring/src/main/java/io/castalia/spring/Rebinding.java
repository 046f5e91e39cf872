package io.castalia.spring;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.springframework.boot.context.properties.bind.AbstractBindHandler;
import org.springframework.boot.context.properties.bind.BindContext;
import org.springframework.boot.context.properties.bind.BindHandler;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.source.ConfigurationPropertyCaching;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;

/** One binding by Spring Boot: which properties it binds, and with which values. */
final class Rebinding {
    private final Predicate<ConfigurationPropertyName> isChosen;
    private final Map<ConfigurationPropertyName, Object> values = new HashMap<>();

    private Rebinding(Predicate<ConfigurationPropertyName> isChosen) {
        this.isChosen = isChosen;
    }

    static Rebinding ofAll() {
        return new Rebinding(name -> true);
    }

    /**
     * Only of the properties of a bean to which these names belong. Each of them is bound as a whole,
     * because objects below it may be created anew.
     */
    static Rebinding of(ConfigurationPropertyName prefix, Set<ConfigurationPropertyName> names) {
        int depth = prefix.getNumberOfElements();
        Set<ConfigurationPropertyName> properties = names.stream()
                .map(name -> name.isNumericIndex(depth) ? prefix : name.chop(depth + 1))
                .collect(Collectors.toSet());
        return new Rebinding(name -> properties.stream()
                .anyMatch(one -> one.equals(name) || one.isAncestorOf(name) || name.isAncestorOf(one)));
    }

    /** What was bound, by full name: what setters were called with. */
    Map<ConfigurationPropertyName, Object> values() {
        return values;
    }

    BindHandler observe(BindHandler handler) {
        return new AbstractBindHandler(handler) {
            @Override
            public <T> Bindable<T> onStart(ConfigurationPropertyName name, Bindable<T> target, BindContext context) {
                if (context.getDepth() == 0) {
                    // From version 3.5 on, two bindings at the same time may leave the cache of names
                    // without an end, and keys that are added later would not be found.
                    ConfigurationPropertyCaching.get(context.getSources()).clear();
                }
                return isChosen.test(name) ? super.onStart(name, target, context) : null;
            }

            @Override
            public void onFinish(ConfigurationPropertyName name, Bindable<?> target, BindContext context, Object result)
                    throws Exception {
                super.onFinish(name, target, context, result);
                if (result != null) {
                    values.put(name, result);
                }
            }
        };
    }
}

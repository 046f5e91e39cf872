package io.castalia.spring;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;

/**
 * The keys that have changed between two contents. A key in another spelling, such as {@code myKey} for
 * {@code my-key}, is the same property.
 */
final class KeyChanges {
    private final Content before;
    private final Content after;
    private final Set<String> keys;
    private final Set<ConfigurationPropertyName> names = new HashSet<>();

    KeyChanges(Content before, Content after) {
        this.before = before;
        this.after = after;
        keys = after.changesSince(before);
        keys.forEach(key -> names.add(nameOf(key)));
        names.remove(ConfigurationPropertyName.EMPTY);
    }

    boolean areBetween(Content before, Content after) {
        return this.before == before && this.after == after;
    }

    /** These and earlier ones, if any, that end where these begin, or before. */
    KeyChanges with(KeyChanges earlier) {
        return earlier == null ? this : new KeyChanges(earlier.before, after);
    }

    boolean isEmpty() {
        return keys.isEmpty();
    }

    boolean includeAny(Set<String> read) {
        return read.stream().anyMatch(key -> keys.contains(key) || names.contains(nameOf(key)));
    }

    /** The changed properties below a prefix. */
    Stream<ConfigurationPropertyName> below(ConfigurationPropertyName prefix) {
        return names.stream().filter(prefix::isAncestorOf);
    }

    /** Empty for a key that is the name of no property. */
    private static ConfigurationPropertyName nameOf(String key) {
        try {
            return ConfigurationPropertyName.adapt(key, '.');
        } catch (RuntimeException unusable) {
            return ConfigurationPropertyName.EMPTY;
        }
    }
}

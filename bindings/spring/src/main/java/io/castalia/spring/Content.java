package io.castalia.spring;

import io.castalia.Snapshot;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The values of the bootstrap namespaces at one moment: of several for a key, that of the first
 * namespace. Each content knows when its values changed, because a value that equals that of an
 * older content may have been another one in between.
 */
final class Content {
    static final Content EMPTY = new Content();

    private final List<Snapshot> snapshots;
    private final Map<String, String> values = new LinkedHashMap<>();
    private final String[] names;
    private final long version;
    /** The version in which a key changed last, also if it was deleted. */
    private final Map<String, Long> changedIn;

    private Content() {
        snapshots = List.of();
        names = new String[0];
        version = 0;
        changedIn = Map.of();
    }

    /** The content that follows another one. */
    Content(List<Snapshot> snapshots, Content before) {
        this.snapshots = snapshots;
        snapshots.forEach(snapshot -> snapshot.getValues().forEach(values::putIfAbsent));
        names = values.keySet().toArray(new String[0]);
        version = before.version + 1;
        changedIn = new HashMap<>(before.changedIn);
        differences(before).forEach(key -> changedIn.put(key, version));
    }

    boolean isOf(List<Snapshot> others) {
        return snapshots.equals(others);
    }

    /** Always the same array. */
    String[] names() {
        return names;
    }

    /** The keys whose values have changed since an older content, even if they are the same again. */
    Set<String> changesSince(Content older) {
        return changedIn.entrySet().stream()
                .filter(changed -> changed.getValue() > older.version)
                .map(Map.Entry::getKey)
                .collect(Collectors.toSet());
    }

    private Set<String> differences(Content other) {
        Set<String> keys = new HashSet<>(values.keySet());
        keys.addAll(other.values.keySet());
        keys.removeIf(key -> Objects.equals(values.get(key), other.values.get(key)));
        return keys;
    }
}

package io.castalia.spring;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;

/**
 * The beans that follow the namespaces, which it does not keep alive. A bean is updated by one
 * thread at a time, and never before Spring has set its values. No thread waits for another: one
 * that creates a bean may have a lock of Spring that an update needs.
 *
 * @param <T> what is known of a bean
 */
final class FollowingBeans<T> {
    /** Updates a bean after keys have changed. */
    interface Update<T> {
        /**
         * @param isExact whether the bean had the values before the changes. Otherwise it may have others, even
         *     those of a release that is replaced, and the changes are all keys that are known
         */
        void apply(Object bean, T detail, KeyChanges changes, boolean isExact);
    }

    private static final Log log = LogFactory.getLog(FollowingBeans.class);

    private final CastaliaPropertySource source;
    private final Predicate<T> isCreated;
    private final Update<T> update;
    private final Map<Key, Following<T>> beans = new ConcurrentHashMap<>();
    private final ReferenceQueue<Object> collected = new ReferenceQueue<>();
    /** Most beans have the same content, so that this is computed once for a release. */
    private volatile KeyChanges latest;

    /** @param isCreated whether a bean has its values, even if {@link #ready} was not called for it */
    FollowingBeans(CastaliaPropertySource source, Predicate<T> isCreated, Update<T> update) {
        this.source = source;
        this.isCreated = isCreated;
        this.update = update;
    }

    /** Follows a bean whose values are resolved after this call. It is not updated before it is ready. */
    void begin(Object bean, T detail) {
        forgetCollected();
        beans.put(new Key(bean, collected), new Following<>(detail, source.content()));
    }

    /** Called when the bean has its values; applies what has changed since they were resolved. */
    void ready(Object bean) {
        Following<T> following = beans.get(new Key(bean, null));
        if (following != null) {
            bringUp(bean, following, makeReady(following));
        }
    }

    /** Called after its values were resolved. Returns the content at that time. */
    private Content makeReady(Following<T> following) {
        Content now = source.content();
        following.isExact = following.seen == now;
        following.isReady = true;
        return now;
    }

    /** Updates all beans for which keys have changed. */
    void refresh() {
        forgetCollected();
        Content now = source.content();
        beans.forEach((key, following) -> {
            Object bean = key.get();
            if (bean != null) {
                // Another processor may have replaced the bean before this one was called for it.
                if (!following.isReady && isCreated.test(following.detail)) {
                    makeReady(following);
                }
                bringUp(bean, following, now);
            }
        });
    }

    /** The number of beans that were not collected, as far as that is known. */
    int size() {
        return beans.size();
    }

    /** A thread that finds the bean busy leaves its content to the other one, which looks again afterwards. */
    private void bringUp(Object bean, Following<T> following, Content content) {
        Content now = content;
        while (following.isReady && following.seen != now && following.isBusy.compareAndSet(false, true)) {
            try {
                // Read again: the other thread may have applied a newer content.
                apply(bean, following, source.content());
            } finally {
                following.isBusy.set(false);
            }
            now = source.content();
        }
    }

    private void apply(Object bean, Following<T> following, Content now) {
        boolean isExact = following.isExact;
        // Nothing has seen a release that arrived while values were resolved and was replaced then.
        KeyChanges changes = changes(isExact ? following.seen : Content.EMPTY, now);
        following.seen = now;
        try {
            if (!changes.isEmpty()) {
                update.apply(bean, following.detail, changes, isExact);
            }
        } catch (RuntimeException | LinkageError failure) {
            // The other beans are updated. Without the message, which may contain a value.
            log.error("cannot update a bean of " + bean.getClass().getName() + " (" + failure.getClass().getName() + ")");
        }
        following.isExact = source.content() == now;
    }

    private KeyChanges changes(Content before, Content after) {
        KeyChanges known = latest;
        if (known == null || !known.areBetween(before, after)) {
            known = new KeyChanges(before, after);
            latest = known;
        }
        return known;
    }

    private void forgetCollected() {
        for (Reference<?> key = collected.poll(); key != null; key = collected.poll()) {
            beans.remove(key);
        }
    }

    /** A bean by its identity. */
    private static final class Key extends WeakReference<Object> {
        private final int hash;

        Key(Object bean, ReferenceQueue<Object> collected) {
            super(bean, collected);
            hash = System.identityHashCode(bean);
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(Object other) {
            Object bean = get();
            return this == other || bean != null && other instanceof Key && bean == ((Key) other).get();
        }
    }

    private static final class Following<T> {
        final T detail;
        final AtomicBoolean isBusy = new AtomicBoolean();
        volatile boolean isReady;
        /** Whether the values of the bean are those of the content that was seen. */
        volatile boolean isExact;
        volatile Content seen;

        Following(T detail, Content seen) {
            this.detail = detail;
            this.seen = seen;
        }
    }
}

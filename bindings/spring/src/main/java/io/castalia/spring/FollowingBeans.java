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
 * that creates a bean may have a lock of Spring that an update needs. A bean whose update fails
 * hinders no other, and is updated again with the next release.
 *
 * @param <T> what is known of a bean; named in the log
 */
final class FollowingBeans<T> {
    /** Updates a bean after keys have changed. */
    interface Update<T> {
        /**
         * May throw anything: then the bean is updated again later, with these changes as well.
         *
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

    /**
     * Follows a bean whose values are resolved after this call. It is not updated before it is ready. One
     * that is followed already, because it lets Spring inject its dependencies again, remains as it is.
     */
    void begin(Object bean, T detail) {
        forgetCollected();
        beans.putIfAbsent(new Key(bean, collected), new Following<>(detail, source.content()));
    }

    /** Called when the bean has its values; applies what has changed since they were resolved. */
    void ready(Object bean) {
        Following<T> following = beans.get(new Key(bean, null));
        if (following != null) {
            if (!following.isReady) {
                makeReady(following);
            }
            bringUp(bean, following, source.content());
        }
    }

    /** Called after its values were resolved. */
    private void makeReady(Following<T> following) {
        following.isExact = following.seen == source.content();
        following.isReady = true;
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
        Content tried = null;
        while (following.isReady && following.seen != now && tried != now && following.isBusy.compareAndSet(false, true)) {
            try {
                // Read again: the other thread may have applied a newer content.
                tried = source.content();
                apply(bean, following, tried);
            } catch (Throwable failure) {
                report(following, failure);
            } finally {
                following.isBusy.set(false);
            }
            now = source.content();
        }
    }

    private void apply(Object bean, Following<T> following, Content now) {
        // Nothing has seen a release that arrived while values were resolved and was replaced then.
        KeyChanges changes = changes(following.isExact ? following.seen : Content.EMPTY, now);
        if (!changes.isEmpty()) {
            update.apply(bean, following.detail, changes, following.isExact);
        }
        following.isExact = source.content() == now;
        following.seen = now;
    }

    private void report(Following<T> following, Throwable failure) {
        try {
            // Without the messages of the exceptions, which may contain a value.
            log.error(following.detail + " cannot be updated (" + reason(failure) + "); the next release tries again");
        } catch (Throwable unreportable) {
            // The memory may be full, and the other beans have to be updated.
        }
    }

    private static String reason(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        return cause.getClass().getName();
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

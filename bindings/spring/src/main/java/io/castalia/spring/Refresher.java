package io.castalia.spring;

import static java.util.concurrent.TimeUnit.SECONDS;

import io.castalia.ChangeEvent;
import io.castalia.Config;
import io.castalia.ConfigSource;
import io.castalia.Subscription;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.context.ApplicationContext;
import org.springframework.context.PayloadApplicationEvent;
import org.springframework.context.event.ApplicationEventMulticaster;
import org.springframework.context.support.AbstractApplicationContext;

/**
 * Applies changes to a context: updates the beans first, then publishes the {@link ChangeEvent} to
 * {@code @EventListener} methods.
 */
final class Refresher implements SmartInitializingSingleton, DisposableBean {
    /** As long as the client waits for listeners when it is closed. */
    private static final long MOST_SECONDS = 2;

    private final ConfigSource source;
    private final Runnable beans;
    private final ApplicationContext context;
    /** Calls have the read lock: while another thread has the write lock, none is running. */
    private final ReentrantReadWriteLock calls = new ReentrantReadWriteLock();
    private volatile boolean ended;
    private volatile Subscription subscription;

    /** Calls {@code beans} to update the beans. */
    Refresher(ConfigSource source, Runnable beans, ApplicationContext context) {
        this.source = source;
        this.beans = beans;
        this.context = context;
    }

    /** Registers listeners, then applies changes that arrived while the beans were created. */
    @Override
    public void afterSingletonsInstantiated() {
        subscription = source.onChange(this::changed);
        // Nobody announces what was released before that, and perhaps it is not taken over yet.
        source.getConfigs().forEach(Config::snapshot);
        refresh();
    }

    private void changed(ChangeEvent event) {
        calls.readLock().lock();
        try {
            if (!ended) {
                try {
                    refresh();
                } finally {
                    publish(event);
                }
            }
        } finally {
            calls.readLock().unlock();
            if (ended) {
                cancel();
            }
        }
    }

    /** Synchronized, because each namespace calls its listeners on its own thread. */
    private synchronized void refresh() {
        beans.run();
    }

    /**
     * Publishes an event to this context alone. {@code publishEvent} would also publish it to the
     * parent, whose own refresher does so after refreshing the beans there.
     */
    private void publish(ChangeEvent event) {
        String name = AbstractApplicationContext.APPLICATION_EVENT_MULTICASTER_BEAN_NAME;
        ApplicationEventMulticaster multicaster = context.getBean(name, ApplicationEventMulticaster.class);
        multicaster.multicastEvent(new PayloadApplicationEvent<>(context, event));
    }

    /**
     * Waits for calls that are running, but not without limit: they may wait for this, or be the
     * caller. Those that are still running then cancel the subscription when they end.
     */
    @Override
    public void destroy() {
        ended = true;
        if (calls.getReadHoldCount() == 0 && awaitCalls()) {
            cancel();
        }
    }

    private boolean awaitCalls() {
        Lock lock = calls.writeLock();
        try {
            if (!lock.tryLock() && !lock.tryLock(MOST_SECONDS, SECONDS)) {
                return false;
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
        lock.unlock();
        return true;
    }

    private void cancel() {
        if (subscription != null) {
            subscription.cancel();
        }
    }
}

package io.castalia.spring;

import io.castalia.ChangeEvent;
import io.castalia.ConfigSource;
import io.castalia.Subscription;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.context.ApplicationEventPublisher;

/**
 * Applies changes to a context: updates the beans first, then publishes the {@link ChangeEvent} to
 * {@code @EventListener} methods.
 */
final class Refresher implements SmartInitializingSingleton, DisposableBean {
    private final ConfigSource source;
    private final ObjectProvider<ValueRefresher> values;
    private final ObjectProvider<PropertiesRebinder> properties;
    private final ApplicationEventPublisher publisher;
    private Subscription subscription;

    Refresher(
            ConfigSource source,
            ObjectProvider<ValueRefresher> values,
            ObjectProvider<PropertiesRebinder> properties,
            ApplicationEventPublisher publisher) {
        this.source = source;
        this.values = values;
        this.properties = properties;
        this.publisher = publisher;
    }

    /** Registers listeners, then applies changes that arrived while the beans were created. */
    @Override
    public void afterSingletonsInstantiated() {
        subscription = source.onChange(this::changed);
        refresh();
    }

    private void changed(ChangeEvent event) {
        refresh();
        publisher.publishEvent(event);
    }

    /** Synchronized, because each namespace calls its listeners on its own thread. */
    private synchronized void refresh() {
        properties.ifAvailable(PropertiesRebinder::refresh);
        values.ifAvailable(ValueRefresher::refresh);
    }

    @Override
    public void destroy() {
        if (subscription != null) {
            subscription.cancel();
        }
    }
}

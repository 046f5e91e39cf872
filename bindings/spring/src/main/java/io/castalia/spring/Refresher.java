package io.castalia.spring;

import io.castalia.ChangeEvent;
import io.castalia.ConfigSource;
import io.castalia.Subscription;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.context.ApplicationEventPublisher;

/**
 * Brings changes into a context: first beans get the new values, then {@code @EventListener} methods hear of the {@link ChangeEvent}.
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

    /** Listens, then catches up with what changed while the beans were made. */
    @Override
    public void afterSingletonsInstantiated() {
        subscription = source.onChange(this::changed);
        refresh();
    }

    private void changed(ChangeEvent event) {
        refresh();
        publisher.publishEvent(event);
    }

    /** Namespaces have threads of their own. */
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

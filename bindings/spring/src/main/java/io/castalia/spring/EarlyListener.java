package io.castalia.spring;

import java.util.Optional;
import org.springframework.boot.context.event.ApplicationEnvironmentPreparedEvent;
import org.springframework.boot.context.event.ApplicationFailedEvent;
import org.springframework.context.ApplicationEvent;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.event.SmartApplicationListener;
import org.springframework.core.Ordered;
import org.springframework.core.env.ConfigurableEnvironment;

/**
 * Loads the namespaces before the logging system starts, if eager loading is configured
 * ({@code apollo.bootstrap.eagerLoad.enabled}), and closes the client of an application that fails
 * to start. Not an {@code EnvironmentPostProcessor}, because that interface has different packages in
 * Spring Boot 3 and 4.
 */
final class EarlyListener implements SmartApplicationListener {
    /**
     * After the listener that loads {@code application.properties} (10), before the one that starts
     * logging (20).
     */
    private static final int ORDER = Ordered.HIGHEST_PRECEDENCE + 15;

    private volatile ConfigurableEnvironment environment;

    @Override
    public boolean supportsEventType(Class<? extends ApplicationEvent> type) {
        return ApplicationEnvironmentPreparedEvent.class.isAssignableFrom(type)
                || ApplicationFailedEvent.class.isAssignableFrom(type);
    }

    @Override
    public void onApplicationEvent(ApplicationEvent event) {
        if (event instanceof ApplicationEnvironmentPreparedEvent) {
            prepared((ApplicationEnvironmentPreparedEvent) event);
        } else {
            failed((ApplicationFailedEvent) event);
        }
    }

    @Override
    public int getOrder() {
        return ORDER;
    }

    private void prepared(ApplicationEnvironmentPreparedEvent event) {
        environment = event.getEnvironment();
        if (Bootstrap.isEnabled(environment) && environment.getProperty(Bootstrap.EAGER, Boolean.class, false)) {
            Bootstrap.attach(environment);
        }
    }

    /**
     * Closes the client unless it is that of a parent. An active context, which may also be that of a
     * child application, does so itself after its beans: Spring Boot closes it after this event.
     */
    private void failed(ApplicationFailedEvent event) {
        ConfigurableApplicationContext context = event.getApplicationContext();
        if (context != null && context.isActive()) {
            return;
        }
        Optional.ofNullable(context == null ? environment : context.getEnvironment())
                .flatMap(CastaliaPropertySource::of)
                .filter(source -> source.claim(context))
                .ifPresent(CastaliaPropertySource::close);
    }
}

package io.castalia.spring;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.context.event.ApplicationEnvironmentPreparedEvent;
import org.springframework.boot.context.event.ApplicationFailedEvent;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ApplicationEvent;
import org.springframework.context.event.SmartApplicationListener;
import org.springframework.core.Ordered;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.Environment;

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

    /** The application of this listener: each has its own. */
    private volatile SpringApplication application;

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
        application = event.getSpringApplication();
        environment = event.getEnvironment();
        if (Bootstrap.isEnabled(environment) && environment.getProperty(Bootstrap.EAGER, Boolean.class, false)) {
            Bootstrap.attach(environment);
        }
    }

    private void failed(ApplicationFailedEvent event) {
        // The listeners of a parent receive the failures of its children too.
        if (event.getSpringApplication() != application) {
            return;
        }
        ApplicationContext context = event.getApplicationContext();
        ApplicationContext parent = context == null ? null : context.getParent();
        CastaliaPropertySource.of(environment)
                .filter(source -> parent == null || !contains(parent.getEnvironment(), source))
                .ifPresent(source -> source.client().close());
    }

    /** An environment contains the sources of the parent's, and so perhaps its client. */
    private static boolean contains(Environment parent, CastaliaPropertySource source) {
        return parent instanceof ConfigurableEnvironment
                && CastaliaPropertySource.of((ConfigurableEnvironment) parent).filter(own -> own == source).isPresent();
    }
}

package io.castalia.spring;

import io.castalia.Config;
import io.castalia.Source;
import java.util.stream.Collectors;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.springframework.beans.factory.support.DefaultSingletonBeanRegistry;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.ApplicationListener;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.event.ContextRefreshedEvent;
import org.springframework.core.Ordered;
import org.springframework.core.env.ConfigurableEnvironment;

/**
 * Adds the bootstrap namespaces to the environment before any bean exists, has their changes
 * published, and their client closed after all beans.
 */
final class CastaliaInitializer implements ApplicationContextInitializer<ConfigurableApplicationContext>, Ordered {
    private static final Log log = LogFactory.getLog(CastaliaInitializer.class);

    /** A source in the environment of Spring Cloud's bootstrap context while that starts. */
    private static final String BOOTSTRAP_SOURCE = "bootstrap";

    @Override
    public void initialize(ConfigurableApplicationContext context) {
        ConfigurableEnvironment environment = context.getEnvironment();
        if (!Bootstrap.isEnabled(environment)) {
            log.debug("no namespace is loaded, because " + Bootstrap.ENABLED + " is not true");
            return;
        }
        CastaliaPropertySource known = CastaliaPropertySource.of(environment).orElse(null);
        CastaliaPropertySource source = Bootstrap.attach(environment);
        // The bootstrap context of Spring Cloud remains open after its application, so the context of
        // the application claims the source.
        if (environment.getPropertySources().contains(BOOTSTRAP_SOURCE) || source.claim(context)) {
            closeWith(context, source);
        }
        publishChanges(context, source);
        log.info(source.getSource().getConfigs().stream()
                .map(config -> config.getNamespace() + " (" + config.getSource() + ")")
                .collect(Collectors.joining(", ", "namespaces of the app " + source.client().getAppId() + ": ", "")));
        if (source == known) {
            // The client logged its warning before the logging system started, so that record was
            // dropped.
            source.getSource().getConfigs().forEach(CastaliaInitializer::warnIfEmpty);
        }
    }

    /**
     * Not by a bean of the auto-configuration, which the context may lack. The first disposable bean
     * that is registered is the last one that is destroyed.
     */
    private static void closeWith(ConfigurableApplicationContext context, CastaliaPropertySource source) {
        beansOf(context).registerDisposableBean("castaliaPropertySource", source::close);
    }

    /**
     * The auto-configuration publishes changes after it has updated the beans. A context without it,
     * such as a parent, updates none, but its listeners must hear of changes too.
     */
    private static void publishChanges(ConfigurableApplicationContext context, CastaliaPropertySource source) {
        context.addApplicationListener(new ApplicationListener<ContextRefreshedEvent>() {
            @Override
            public void onApplicationEvent(ContextRefreshedEvent event) {
                // A child publishes its events to its parent, too.
                boolean isOwn = event.getApplicationContext() == context;
                if (isOwn && context.getBeanFactory().getBeanNamesForType(Refresher.class).length == 0) {
                    Refresher refresher = new Refresher(source.getSource(), () -> {}, context);
                    beansOf(context).registerDisposableBean("castaliaRefresher", refresher);
                    refresher.afterSingletonsInstantiated();
                }
            }
        });
    }

    private static DefaultSingletonBeanRegistry beansOf(ConfigurableApplicationContext context) {
        return (DefaultSingletonBeanRegistry) context.getBeanFactory();
    }

    private static void warnIfEmpty(Config config) {
        if (config.getSource() == Source.NONE) {
            log.warn("nothing is loaded for the namespace " + config.getNamespace() + "; its properties are missing until a server "
                    + "answers: " + config.getLastError());
        }
    }

    @Override
    public int getOrder() {
        return 0;
    }
}

package io.castalia.spring;

import io.castalia.Config;
import io.castalia.Source;
import java.util.stream.Collectors;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.Ordered;
import org.springframework.core.env.ConfigurableEnvironment;

/** Adds the bootstrap namespaces to the environment before any bean exists. */
final class CastaliaInitializer implements ApplicationContextInitializer<ConfigurableApplicationContext>, Ordered {
    private static final Log log = LogFactory.getLog(CastaliaInitializer.class);

    @Override
    public void initialize(ConfigurableApplicationContext context) {
        ConfigurableEnvironment environment = context.getEnvironment();
        if (!Bootstrap.isEnabled(environment)) {
            log.debug("no namespace is loaded, because " + Bootstrap.ENABLED + " is not true");
            return;
        }
        boolean wasEarly = CastaliaPropertySource.of(environment).isPresent();
        CastaliaPropertySource source = Bootstrap.attach(environment);
        log.info(source.getSource().getConfigs().stream()
                .map(config -> config.getNamespace() + " (" + config.getSource() + ")")
                .collect(Collectors.joining(", ", "namespaces of the app " + source.client().getAppId() + ": ", "")));
        if (wasEarly) {
            // The client logged its warning before the logging system started, so that record was
            // dropped.
            source.getSource().getConfigs().forEach(CastaliaInitializer::warnIfEmpty);
        }
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

package matrix;

import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.context.ConfigurableApplicationContext;

/** The code that needs Micrometer; loaded only if that is present. */
final class Meters {
    private Meters() {}

    static void check(ConfigurableApplicationContext context) {
        MeterRegistry registry = context.getBean(MeterRegistry.class);
        double keys = registry.get("apollo.client.namespace.item.num").tag("namespace", "application").gauge().value();
        System.out.println("meters " + keys);
        if (keys != 2) {
            throw new IllegalStateException("the namespace has " + keys + " keys");
        }
    }
}

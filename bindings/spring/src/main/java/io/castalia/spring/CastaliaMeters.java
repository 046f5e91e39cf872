package io.castalia.spring;

import io.castalia.Client;
import io.castalia.Config;
import io.castalia.ConfigSource;
import io.castalia.Metrics;
import io.castalia.NamespaceMetrics;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.time.Instant;
import java.util.function.ToDoubleFunction;

/** The client and the bootstrap namespaces as Micrometer meters, under the names of the official client's Prometheus exporter. */
final class CastaliaMeters implements MeterBinder {
    private static final Duration KEPT = Duration.ofSeconds(1);

    private final Client client;
    private final ConfigSource source;
    private Metrics latest;
    private long takenAt;

    CastaliaMeters(Client client, ConfigSource source) {
        this.client = client;
        this.source = source;
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        FunctionCounter.builder("apollo.client.exception.num", this, metrics -> metrics.latest().getErrorCount())
                .description("Errors of the client")
                .register(registry);
        Gauge.builder("apollo.client.long.poll.connected", this, metrics -> metrics.latest().getPollsConnected())
                .description("Poll loops whose last poll ended well")
                .register(registry);
        source.getConfigs().forEach(config -> bind(config, registry));
    }

    private void bind(Config config, MeterRegistry registry) {
        String namespace = config.getNamespace();
        FunctionCounter.builder("apollo.client.namespace.usage", this, of(config, one -> one.getUsage()))
                .description("How often the namespace was opened")
                .tag("namespace", namespace)
                .register(registry);
        FunctionCounter.builder("apollo.client.listener.errors", this, of(config, one -> one.getListenerFailures()))
                .description("How often a listener failed")
                .tag("namespace", namespace)
                .register(registry);
        gauge("apollo.client.namespace.item.num", "Keys of the namespace", config, one -> one.getItems(), registry);
        gauge("apollo.client.namespace.first.load.time.spend.in.ms", "Time of the first load", config,
                one -> one.getFirstLoad() == null ? Double.NaN : one.getFirstLoad().toMillis(), registry);
        gauge("apollo.client.namespace.staleness.seconds", "Time since a server last answered", config,
                one -> one.getContactedAt() == null ? Double.NaN : seconds(one.getContactedAt()), registry);
    }

    private void gauge(
            String name,
            String description,
            Config config,
            ToDoubleFunction<NamespaceMetrics> read,
            MeterRegistry registry) {
        Gauge.builder(name, this, of(config, read))
                .description(description)
                .tag("namespace", config.getNamespace())
                .register(registry);
    }

    private static ToDoubleFunction<CastaliaMeters> of(Config config, ToDoubleFunction<NamespaceMetrics> read) {
        return metrics -> metrics.latest().getNamespaces().stream()
                .filter(one -> one.getNamespace().equals(config.getNamespace()) && one.getAppId().equals(config.getAppId()))
                .mapToDouble(read)
                .findFirst()
                .orElse(Double.NaN);
    }

    private static double seconds(Instant since) {
        return Duration.between(since, Instant.now()).toMillis() / 1000.0;
    }

    /** Metrics that are shared by all meters of one scrape. */
    private synchronized Metrics latest() {
        // Not the clock, which may be set back.
        long now = System.nanoTime();
        if (latest == null || now - takenAt > KEPT.toNanos()) {
            latest = client.metrics();
            takenAt = now;
        }
        return latest;
    }
}

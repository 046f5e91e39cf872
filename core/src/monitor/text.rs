//! Metrics as OpenMetrics text, with the metric names of the official Java client.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::SystemTime;

use super::{Metrics, NamespaceMetrics, State};
use crate::error::ErrorKind;

// The Java client has the same constant text for all metrics.
const HELP: &str = "Apollo client metric";

impl Metrics {
    /// OpenMetrics 1.0 text. The label `app_id` is only added if there is more than one app id, so
    /// that dashboards made for the Java client still work.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = OpenMetricsWriter::new(&self.namespaces);
        self.write_namespaces(&mut text);
        self.write_client(&mut text);
        text.finish()
    }

    fn write_namespaces(&self, text: &mut OpenMetricsWriter) {
        let all = &self.namespaces;
        text.counter("namespace_usage", all, |n| n.usage as f64);
        text.gauge("namespace_item_num", all, |n| Some(n.items as f64));
        text.gauge("namespace_first_load_time_spend_in_ms", all, |n| {
            n.first_load.map(|time| time.as_secs_f64() * 1000.0)
        });
        let now = SystemTime::now();
        text.gauge("namespace_staleness_seconds", all, |n| {
            let contacted = n.contacted_at?;
            Some(now.duration_since(contacted).unwrap_or_default().as_secs_f64())
        });
        text.gauge("listener_queue_depth", all, |n| Some(n.listener_queue as f64));
        text.counter("listener_errors", all, |n| n.listener_failures as f64);
        text.counter("cache_write_errors", all, |n| n.cache_failures as f64);
        text.counter("namespace_refusals", all, |n| n.refusals as f64);
        text.counter("malformed_reads", all, |n| n.malformed_reads as f64);
        let missing = all.iter().filter(|n| n.state == State::Failed(ErrorKind::NotFound));
        text.single("gauge", "namespace_not_found", missing.count() as f64);
        let timed_out = all.iter().filter(|n| n.poll_timed_out);
        text.single("gauge", "namespace_timeout", timed_out.count() as f64);
    }

    fn write_client(&self, text: &mut OpenMetricsWriter) {
        text.single("counter", "exception_num", self.error_count as f64);
        text.single("gauge", "clock_skew_ms", self.clock_skew_ms as f64);
        text.single("gauge", "long_poll_connected", self.polls_connected as f64);
        text.head("counter", "http_requests");
        for http in &self.http {
            let labels = format!("endpoint=\"{}\",status=\"{}\"", http.endpoint, http.status);
            text.sample("http_requests_total", &labels, http.count as f64);
        }
        text.head("counter", "http_seconds");
        for http in &self.http {
            let labels = format!("endpoint=\"{}\",status=\"{}\"", http.endpoint, http.status);
            text.sample("http_seconds_total", &labels, http.time.as_secs_f64());
        }
        self.write_pools(text);
    }

    /// Metrics of the runtime (`runtime`) and of the delivery to listeners (`dispatch`). Metrics of
    /// Java's thread pools that have no meaning here are omitted.
    fn write_pools(&self, text: &mut OpenMetricsWriter) {
        let threads = self.threads.as_ref();
        let waiting = self.namespaces.iter().map(|n| n.listener_queue).sum::<usize>();
        let delivered = self.namespaces.iter().map(|n| n.events_delivered).sum::<u64>();
        for (name, runtime, dispatch) in [
            ("pool_size", threads.map(|threads| threads.workers), None),
            ("active_task_count", threads.map(|threads| threads.tasks), None),
            ("queue_size", threads.map(|threads| threads.queue), Some(waiting as f64)),
            ("completed_task_count", None, Some(delivered as f64)),
        ] {
            let name = format!("thread_pool_{name}");
            text.head("gauge", &name);
            let pools = [("runtime", runtime.map(|value| value as f64)), ("dispatch", dispatch)];
            for (pool, value) in pools {
                if let Some(value) = value {
                    text.sample(&name, &format!("thread_pool_name=\"{pool}\""), value);
                }
            }
        }
    }
}

struct OpenMetricsWriter {
    text: String,
    with_app_id: bool,
}

impl OpenMetricsWriter {
    fn new(namespaces: &[NamespaceMetrics]) -> Self {
        let app_ids: HashSet<_> = namespaces.iter().map(|n| &n.app_id).collect();
        Self { text: String::new(), with_app_id: app_ids.len() > 1 }
    }

    fn counter(
        &mut self,
        name: &str,
        namespaces: &[NamespaceMetrics],
        value: impl Fn(&NamespaceMetrics) -> f64,
    ) {
        self.head("counter", name);
        for namespace in namespaces {
            let labels = self.labels(namespace);
            self.sample(&format!("{name}_total"), &labels, value(namespace));
        }
    }

    /// Omits namespaces whose value is not known yet: 0 would look like a measurement.
    fn gauge(
        &mut self,
        name: &str,
        namespaces: &[NamespaceMetrics],
        value: impl Fn(&NamespaceMetrics) -> Option<f64>,
    ) {
        self.head("gauge", name);
        for namespace in namespaces {
            if let Some(value) = value(namespace) {
                let labels = self.labels(namespace);
                self.sample(name, &labels, value);
            }
        }
    }

    fn single(&mut self, kind: &str, name: &str, value: f64) {
        self.head(kind, name);
        let suffix = if kind == "counter" { "_total" } else { "" };
        self.sample(&format!("{name}{suffix}"), "", value);
    }

    fn labels(&self, namespace: &NamespaceMetrics) -> String {
        // Names consist of letters, digits, `-`, `_` and `.`, so they need no escaping.
        let name = &namespace.namespace;
        match self.with_app_id {
            true => format!("namespace=\"{name}\",app_id=\"{}\"", namespace.app_id),
            false => format!("namespace=\"{name}\""),
        }
    }

    fn head(&mut self, kind: &str, name: &str) {
        let _ = writeln!(self.text, "# TYPE apollo_client_{name} {kind}");
        let _ = writeln!(self.text, "# HELP apollo_client_{name} {HELP}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.text, "apollo_client_{name}{labels} {value}");
    }

    fn finish(mut self) -> String {
        self.text.push_str("# EOF\n");
        self.text
    }
}

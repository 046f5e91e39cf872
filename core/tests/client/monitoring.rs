//! Counters, states and the metrics text.

use std::time::Duration;

use castalia_core::testing::{Endpoint, Fault};
use castalia_core::{Client, Error};

use super::support::{self, APP, Fixture, NAMESPACE, eventually, logged, record_log};

#[tokio::test(start_paused = true)]
async fn the_text_has_the_java_clients_meters() {
    let fixture = Fixture::new();
    fixture.server.fail_next(Endpoint::Config, Fault::Delay(Duration::from_millis(250)));
    let (client, _config) = fixture.open().await;
    client.config("missing").await.unwrap();
    fixture.server.fail_next(Endpoint::Poll, Fault::Hang);
    eventually("the poll timed out", || {
        client.metrics().namespaces.iter().any(|namespace| namespace.poll_timed_out)
    })
    .await;
    let text = client.metrics_text();
    for line in [
        "apollo_client_namespace_usage_total{namespace=\"application\"} 1",
        "apollo_client_namespace_item_num{namespace=\"application\"} 2",
        "apollo_client_namespace_not_found 1",
        "apollo_client_namespace_timeout 2",
        "apollo_client_exception_num_total 2",
        "# TYPE apollo_client_exception_num counter",
        "apollo_client_long_poll_connected 0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    let first_load =
        "apollo_client_namespace_first_load_time_spend_in_ms{namespace=\"application\"} ";
    let first_load = text.lines().find_map(|line| line.strip_prefix(first_load)).unwrap();
    assert!((250.0..300.0).contains(&first_load.parse().unwrap()), "{first_load}");
    assert!(
        text.contains("apollo_client_http_requests_total{endpoint=\"configs\",status=\"404\"} ")
    );
    assert!(text.ends_with("# EOF\n"));
}

/// The label `app_id` is added only if there is more than one app id.
#[tokio::test(start_paused = true)]
async fn app_ids_are_labels_only_where_needed() {
    let fixture = Fixture::new();
    let (client, _config) = fixture.open().await;
    assert!(!client.metrics_text().contains("app_id="));
    client.config_of("stock", NAMESPACE).await.unwrap();
    assert!(client.metrics_text().contains("{namespace=\"application\",app_id=\"stock\"}"));
}

/// Waiting and delivered events form the pool `dispatch`; each metric has one head.
#[tokio::test(start_paused = true)]
async fn the_text_tells_of_the_runtime_and_of_deliveries() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open().await;
    let (mut reading, _waiting) = (config.changes(), config.changes());
    fixture.server.publish(APP, NAMESPACE, &[("v", "2")]);
    reading.next().await.unwrap();
    let text = client.metrics_text();
    for line in [
        "apollo_client_thread_pool_queue_size{thread_pool_name=\"dispatch\"} 1",
        "apollo_client_thread_pool_completed_task_count{thread_pool_name=\"dispatch\"} 1",
        "apollo_client_thread_pool_pool_size{thread_pool_name=\"runtime\"} 1",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    assert_eq!(text.matches("# TYPE apollo_client_thread_pool_queue_size gauge").count(), 1);
}

/// Failures of polls, discovery and the cache file are listed and counted.
#[tokio::test(start_paused = true)]
async fn every_stage_notes_its_errors() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open().await;
    fixture.server.holds(1).await;
    let directory = fixture.cache_file(NAMESPACE).parent().unwrap().to_owned();
    eventually("cache written", || fixture.cache_file(NAMESPACE).exists()).await;
    support::obstruct(&directory).await;
    fixture.publish(&[("a", "2")]);
    eventually("the cache file", || !operations(&client).is_empty()).await;
    // Each load tries again.
    assert!(operations(&client).iter().all(|operation| *operation == "local cache"));
    fixture.server.fail_next(Endpoint::Poll, Fault::status(500));
    fixture.server.fail_next(Endpoint::Services, Fault::status(503));
    let has =
        |text: &str| client.metrics().errors.iter().any(|error| error.to_string().contains(text));
    eventually("poll and discovery", || has("/notifications/v2") && has("/services/config")).await;
    assert!(client.metrics().error_count >= 3);
    assert_eq!(config.get_or("a", 0), 2);
}

fn operations(client: &Client) -> Vec<&'static str> {
    client.metrics().errors.iter().map(Error::operation).collect()
}

#[tokio::test(start_paused = true)]
async fn an_unknown_exporter_is_told_once_and_stops_nothing() {
    record_log();
    let fixture = Fixture::new();
    let overlay = [("apollo.client.monitor.external.type".to_owned(), "c125-exporter".to_owned())];
    let client = fixture.client_with(fixture.settings().overlay(overlay));
    client.config(NAMESPACE).await.unwrap();
    let records = logged("name=c125-exporter");
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].level, tracing::Level::ERROR);
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_servers_is_told_in_few_lines() {
    record_log();
    let fixture = Fixture::new();
    let away = fixture.sibling("http://away");
    let client = fixture.client_with(support::settings(away.url(), &fixture.root));
    let config = client.config(NAMESPACE).await.unwrap();
    let before = config.get_or("a", String::new());
    away.arrived(Endpoint::Poll, 2).await;
    for endpoint in [Endpoint::Config, Endpoint::Poll, Endpoint::Services] {
        away.fail_always(endpoint, Some(Fault::Reset(Duration::ZERO)));
    }
    fixture.publish(&[("a", "2")]);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(!before.is_empty());
    assert_eq!(config.get_or("a", String::new()), before, "the last values remain");
    let records = logged("service_url=http://away");
    let warnings: Vec<_> = records.iter().filter(|r| r.level == tracing::Level::WARN).collect();
    assert!((10..=65).contains(&warnings.len()), "{}", warnings.len());
    assert!(warnings.iter().any(|record| record.text.contains("suppressed=")));
}

/// Source and state of a namespace.
#[tokio::test(start_paused = true)]
async fn each_namespace_tells_its_state() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open().await;
    let metrics = client.metrics();
    let namespace = &metrics.namespaces[0];
    assert_eq!((namespace.app_id.as_str(), namespace.namespace.as_str()), (APP, NAMESPACE));
    assert_eq!((namespace.items, namespace.release_key.as_str()), (2, "k1"));
    assert!(namespace.first_load.is_some() && namespace.contacted_at.is_some());
    assert!(metrics.threads.is_some());
    fixture.server.fail_always(Endpoint::Config, Some(Fault::status(503)));
    config.refresh().await.unwrap_err();
    let metrics = client.metrics();
    assert_eq!(metrics.namespaces[0].state.name(), "Transport");
    assert!(metrics.namespaces[0].last_error.is_some());
}

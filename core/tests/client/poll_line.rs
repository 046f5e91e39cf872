//! A client with very many namespaces holds as few polls as request lines allow.

use std::time::Duration;

use castalia_core::testing::{Endpoint, Fault};
use castalia_core::{Client, Config, Settings};
use futures_util::future::try_join_all;

use super::support::{APP, Fixture, eventually};

/// The limit that a Castalia server announces.
const LONG: usize = 65_534;
/// The default limit.
const USUAL: usize = 6144;

async fn open(fixture: &Fixture, settings: Settings, names: &[String]) -> (Client, Vec<Config>) {
    for name in names {
        fixture.server.publish(APP, name, &[("v", "1")]);
    }
    let client = fixture.client_with(settings.set("apollo.cache.file.enable", "false"));
    let configs = try_join_all(names.iter().map(|name| client.config(name))).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    (client, configs)
}

async fn all_are_told(fixture: &Fixture, names: &[String], configs: &[Config], value: i64) {
    for name in names {
        fixture.server.publish(APP, name, &[("v", &value.to_string())]);
    }
    eventually("all updated", || configs.iter().all(|config| config.get_or("v", 0) == value)).await;
}

fn longest_line(fixture: &Fixture, since: usize) -> usize {
    let polls = &fixture.server.requests_of(Endpoint::Poll)[since..];
    let lines = polls.iter().map(|poll| "GET  HTTP/1.1".len() + poll.path_and_query.len());
    lines.max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn many_namespaces_are_shared_out_to_short_requests() {
    let fixture = Fixture::empty();
    let names: Vec<_> = (0..300).map(|number| format!("{number:0>100}")).collect();
    let (_client, configs) = open(&fixture, fixture.settings(), &names).await;
    all_are_told(&fixture, &names, &configs, 2).await;
    assert!(longest_line(&fixture, 0) <= USUAL);
    assert!(fixture.server.held() <= 12, "{}", fixture.server.held());
}

/// A thousand namespaces need one poll if the server accepts its line, including those opened
/// later.
#[tokio::test(start_paused = true)]
async fn one_request_is_enough_where_the_server_takes_it() {
    let fixture = Fixture::empty();
    fixture.server.set_poll_line(Some(LONG));
    let names: Vec<_> = (0..1000).map(|number| format!("namespace-{number}")).collect();
    let (client, configs) = open(&fixture, fixture.settings(), &names[..900]).await;
    assert_eq!((fixture.server.held(), client.metrics().polls_connected), (1, 1));
    let later = names[900..].iter().map(|name| client.config(name));
    fixture.server.publish(APP, "namespace-999", &[("v", "1")]);
    let mut configs = configs;
    configs.extend(try_join_all(later).await.unwrap());
    all_are_told(&fixture, &names, &configs, 2).await;
    fixture.server.holds(1).await;
    assert!(longest_line(&fixture, 0) <= LONG);
}

/// A list within the default limit has the form that every server reads.
#[tokio::test(start_paused = true)]
async fn a_short_list_is_json_everywhere() {
    let fixture = Fixture::empty();
    fixture.server.set_poll_line(Some(LONG));
    let names: Vec<_> = (0..20).map(|number| format!("namespace-{number}")).collect();
    let (_client, configs) = open(&fixture, fixture.settings(), &names).await;
    all_are_told(&fixture, &names, &configs, 2).await;
    let polls = fixture.server.requests_of(Endpoint::Poll);
    assert!(polls.iter().all(|poll| poll.path_and_query.contains("&notifications=")));
}

/// A line that a gateway rejected is not sent again.
#[tokio::test(start_paused = true)]
async fn a_long_line_that_is_refused_is_split_for_good() {
    for status in [400, 414, 431] {
        let fixture = Fixture::empty();
        fixture.server.set_poll_line(Some(LONG));
        fixture.server.fail_next(Endpoint::Poll, Fault::status(status));
        let names: Vec<_> = (0..200).map(|number| format!("namespace-{number}")).collect();
        let (_client, configs) = open(&fixture, fixture.settings(), &names).await;
        let since = fixture.server.requests_of(Endpoint::Poll).len();
        all_are_told(&fixture, &names, &configs, 2).await;
        eventually("held again", || fixture.server.held() > 1).await;
        all_are_told(&fixture, &names, &configs, 3).await;
        assert!(longest_line(&fixture, since) <= USUAL, "after {status}");
    }
}

/// A configured limit overrides what servers announce.
#[tokio::test(start_paused = true)]
async fn a_limit_in_the_settings_holds() {
    let fixture = Fixture::empty();
    fixture.server.set_poll_line(Some(LONG));
    let names: Vec<_> = (0..60).map(|number| format!("namespace-{number}")).collect();
    let settings = fixture.settings().set("castalia.long-poll.line-limit", "2000");
    let (_client, configs) = open(&fixture, settings, &names).await;
    all_are_told(&fixture, &names, &configs, 2).await;
    assert!(longest_line(&fixture, 0) <= 2000);
}

//! The commands of the scripted server, for programs that control it and for cases.

use std::time::Duration;

use castalia_core::testing::{Endpoint, Fault, Server};

/// The app whose namespaces are served.
pub(crate) const APP_ID: &str = "order";
const CLUSTER: &str = "default";

/// Settings of a client of this server that uses no files and polls without an initial delay.
pub(crate) fn settings(url: &str) -> Vec<(String, String)> {
    let settings = [
        ("app.id", APP_ID),
        ("apollo.meta", url),
        ("apollo.cache.file.enable", "false"),
        ("apollo.longPollingInitialDelayInMills", "0"),
    ];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Executes a command; `None` if it is unknown.
pub(crate) async fn answer(server: &Server, order: &[&str]) -> Option<String> {
    match order {
        ["publish", namespace, values @ ..] => {
            let (pairs, rest) = values.as_chunks::<2>();
            let values: Vec<_> = pairs.iter().map(|[key, value]| (*key, *value)).collect();
            rest.is_empty().then(|| server.publish(APP_ID, namespace, &values).key)
        }
        ["withdraw", namespace] => {
            server.data().withdraw(APP_ID, CLUSTER, namespace);
            Some(String::new())
        }
        ["held", count] => {
            server.holds(count.parse().ok()?).await;
            Some(String::new())
        }
        ["fail", endpoint, status] => {
            server.fail_always(endpoint_of(endpoint)?, fault_of(status.parse().ok()?));
            Some(String::new())
        }
        ["requests", endpoint] => {
            Some(server.requests_of(endpoint_of(endpoint)?).len().to_string())
        }
        _ => None,
    }
}

fn endpoint_of(name: &str) -> Option<Endpoint> {
    Some(match name {
        "services" => Endpoint::Services,
        "config" => Endpoint::Config,
        "poll" => Endpoint::Poll,
        _ => return None,
    })
}

fn fault_of(status: i32) -> Option<Fault> {
    match status {
        200 => None,
        0 => Some(Fault::Reset(Duration::ZERO)),
        status => Some(u16::try_from(status).map_or(Fault::Hang, Fault::status)),
    }
}

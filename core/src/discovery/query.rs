//! The requests to the meta servers, and what a list must contain to be used.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

use super::{MetaServers, OPERATION, ServiceUrl, Services, no_service};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::route::services_path_and_query;
use crate::protocol::wire::ServiceInstance;
use crate::transport::{Failure, ServiceRequest, ServiceResponse, Url};

/// How long a meta server is waited for before the next one is asked as well. Looking up its name
/// may take 10 s.
const HEAD_START: Duration = Duration::from_secs(1);

/// Asks the meta servers in turn: the next one if one fails or is slow. Returns the first list, and
/// the index of the server that sent it. Only the first `raced` ones are asked while others are.
///
/// # Errors
/// [`ErrorKind::Transport`] if none answers with a usable service.
pub(super) async fn query_in_turn(
    meta: &MetaServers,
    servers: &[String],
    raced: usize,
) -> Result<(usize, Services)> {
    let mut left = servers.iter().enumerate();
    let mut running = FuturesUnordered::new();
    let mut last = no_service("no meta server is set; set apollo.meta");
    let mut asks_next = false;
    loop {
        if asks_next || running.is_empty() {
            let Some((index, server)) = left.next() else { return Err(last) };
            running.push(async move { (index, query_server(meta, server).await) });
        }
        let may_ask_next = servers.len() - left.len() < raced;
        asks_next = tokio::select! {
            Some((index, answer)) = running.next() => match answer {
                Ok(services) => return Ok((index, services)),
                Err(error) => {
                    last = error;
                    may_ask_next
                }
            },
            () = sleep(HEAD_START), if may_ask_next => true,
        };
    }
}

/// Asks one meta server for its list.
///
/// # Errors
/// [`ErrorKind::Transport`] if it does not answer or lists no usable service.
async fn query_server(meta: &MetaServers, server: &str) -> Result<Services> {
    let options = &meta.options;
    let ip = options.client_ip.as_ref().map(|tell| tell());
    let path_and_query = services_path_and_query(options.path, &options.app_id, ip.as_deref());
    let request = ServiceRequest {
        service: server,
        path_and_query: &path_and_query,
        app_id: &options.app_id,
        // As in the Java client: servers check no signature of discovery requests.
        access_key: None,
        read_timeout: options.read_timeout,
    };
    let answer = meta.transport.get(request).await;
    let answer = answer.map_err(|failure| query_failed(server, options.path, failure))?;
    let ServiceResponse::Body(body) = answer else {
        return Err(unusable_list(server, "the meta server returned no list"));
    };
    let listed: Vec<ServiceInstance> = serde_json::from_slice(&body).map_err(|error| {
        unusable_list(server, "the meta server's response is not the JSON of a list of services")
            .with_position_of(&error)
    })?;
    let services: Services = listed
        .iter()
        // One unusable entry must not discard the whole list.
        .filter(|instance| Url::parse(&instance.homepage_url).is_ok_and(|url| url.has_host()))
        .map(|instance| match &options.rewrite {
            Some(rewrite) => ServiceUrl::from(rewrite(&instance.homepage_url)),
            None => ServiceUrl::from(instance.homepage_url.as_str()),
        })
        .collect();
    // An empty list is treated as a failure: a registry that restarts must not take away services
    // that still work.
    if services.is_empty() {
        return Err(unusable_list(server, "the meta server returned no service"));
    }
    Ok(services)
}

/// The error for a query that failed. It has neither the kind nor, after 401 and 404, the text of the
/// cause, which are about an access key and a namespace.
fn query_failed(server: &str, path: &str, failure: Failure) -> Error {
    let text = match failure.status {
        Some(401) => {
            "the meta server, or a proxy in front of it, requires authentication; check its address, which may contain user and password"
        }
        Some(404) => "this is not the address of a meta server; check apollo.meta",
        _ => "the meta server did not return its list; check apollo.meta",
    };
    let error = unusable_list(server, text);
    match failure.status {
        Some(status @ (401 | 404)) => error.with("path", path).with("status", status.to_string()),
        _ => error.caused_by(failure.error),
    }
}

fn unusable_list(server: &str, message: &str) -> Error {
    Error::new(ErrorKind::Transport, OPERATION, message).with("meta_server", server)
}

//! One request to a meta server, and what its list must contain to be used.

use super::{MetaServers, OPERATION, ServiceUrl, Services};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::route::services_path_and_query;
use crate::protocol::wire::ServiceInstance;
use crate::transport::{Failure, ServiceRequest, ServiceResponse, Url};

/// Asks one meta server for its list.
///
/// # Errors
/// [`ErrorKind::Transport`] if it does not answer or lists no usable service.
pub(super) async fn query_server(meta: &MetaServers, server: &str) -> Result<Services> {
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

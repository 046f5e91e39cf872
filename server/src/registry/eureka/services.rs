//! The services of Apollo in a list of Eureka, as the meta role reports them.

use castalia_core::protocol::namespace::{ADMIN_SERVICE, CONFIG_SERVICE};
use castalia_core::protocol::wire::ServiceInstance;
use castalia_eureka::{Instance, Status};
use reqwest::Url;

use crate::registry::address;

/// Their names.
pub(super) const OF_APOLLO: [&str; 2] = [CONFIG_SERVICE, ADMIN_SERVICE];
/// Counter of services whose address clients must not call.
pub(super) const UNUSABLE: &str = "castalia_eureka_unusable_services_total";
/// Maximum length of the address of a service, in bytes.
const ADDRESS: usize = 512;

/// A service that is `UP` and has an address that clients may call; they send it their signatures,
/// and portals their tokens.
pub(super) fn listed(instance: &Instance) -> Option<ServiceInstance> {
    if instance.status != Status::Up {
        return None;
    }
    let address = instance.home_page_url.as_deref().filter(|address| is_acceptable(address));
    let Some(address) = address else {
        metrics::counter!(UNUSABLE).increment(1);
        return None;
    };
    Some(ServiceInstance {
        app_name: instance.app.clone(),
        instance_id: instance.id().to_owned(),
        homepage_url: address.to_owned(),
    })
}

/// Whether [`listed`] reports it.
pub(super) fn is_available(instance: &Instance) -> bool {
    let address = instance.home_page_url.as_deref();
    instance.status == Status::Up && address.is_some_and(is_acceptable)
}

/// Whether it is a service of Apollo.
pub(super) fn is_of_apollo(instance: &Instance) -> bool {
    OF_APOLLO.iter().any(|service| instance.app.eq_ignore_ascii_case(service))
}

/// Whether it is a service of Apollo whose address leads each caller to its own machine.
pub(super) fn leads_to_caller(instance: &Instance) -> bool {
    let url = instance.home_page_url.as_deref().and_then(|address| Url::parse(address).ok());
    is_of_apollo(instance) && url.is_some_and(|url| address::is_loopback(&url))
}

/// Clients read an address by different rules: what is no plain absolute URL may lead some of them
/// to another host than it leads others.
fn is_acceptable(address: &str) -> bool {
    let is_unusual = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    let authority = address.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') || address.contains(is_unusual) {
        return false;
    }
    let is_plain = |url: &Url| url.username().is_empty() && url.password().is_none();
    let is_http = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    address.len() <= ADDRESS && Url::parse(address).is_ok_and(|url| is_http(&url) && is_plain(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases 85 and 102.
    #[test]
    fn only_addresses_that_clients_may_call_are_listed() {
        assert!(is_acceptable("http://10.0.0.1:8080/") && is_acceptable("https://c.example/x/"));
        for address in [
            "http://user:pw@evil/",
            "http://user@evil/",
            "file:///x",
            "javascript:alert(1)",
            "",
            "/services",
            " http://sp/",
            "http:///x",
            "http:h/",
            "http://good/\n",
            r"http://evil\@good/",
            r"http://good\evil/",
            &format!("http://h/{}", "x".repeat(ADDRESS)),
        ] {
            assert!(!is_acceptable(address), "{address}");
        }
    }
}

//! The origin of a request: the host that it is addressed to (DNS rebinding), and whether a page of
//! another site sent it (CSRF). Checks headers only; knows no session.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{HOST, ORIGIN, REFERER};
use http::uri::Authority;

use crate::error::{Code, Error, Result};

/// Set by browsers; scripts cannot change it.
const FETCH_SITE: &str = "sec-fetch-site";
/// A name that browsers resolve to this machine.
const LOCALHOST: &str = "localhost";

/// Hosts that the portal accepts.
#[derive(Debug, Clone)]
pub(super) enum Hosts {
    Any,
    Named(Vec<String>),
}

impl Hosts {
    /// Parses the words of the setting: `*` is any host, `auto` the addresses and names of this
    /// machine, others are host names.
    pub(super) fn new<'a>(words: impl IntoIterator<Item = &'a str>, bind: IpAddr) -> Self {
        let mut names = Vec::new();
        for word in words {
            match word {
                "*" => return Self::Any,
                "auto" => names.extend(own_names(bind)),
                name => names.push(name.to_ascii_lowercase()),
            }
        }
        Self::Named(names)
    }

    /// Rejects a request for another host. `public` is the address for users in the portal's
    /// settings.
    pub(super) fn check(&self, headers: &HeaderMap, public: Option<&str>) -> Result<()> {
        let Self::Named(names) = self else { return Ok(()) };
        let host = host_of(headers).unwrap_or_default();
        let is_public =
            || public.and_then(authority_of).is_some_and(|authority| name_of(&authority) == host);
        if names.contains(&host) || is_public() {
            return Ok(());
        }
        Err(Error::forbidden(format!(
            "The portal does not serve the host `{host}`; add it to security.hosts."
        ))
        .with_code(Code::UnknownHost))
    }
}

/// Rejects a request that a page of another site sent, if the browser reports that.
pub(super) fn check_same_origin(headers: &HeaderMap, public: Option<&str>) -> Result<()> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("invalid"));
    let is_same = match (text(FETCH_SITE), text(ORIGIN.as_str())) {
        // `none` is a request that the user initiated directly.
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let origin = authority_of(origin);
            let host = text(HOST.as_str()).and_then(|host| host.parse::<Authority>().ok());
            let is = |own: Option<Authority>| origin.is_some() && own == origin;
            is(host) || is(public.and_then(authority_of))
        }
        (None, None) => true,
    };
    if is_same {
        return Ok(());
    }
    Err(Error::forbidden("A page of another site sent this request.").with_code(Code::CrossSite))
}

/// Whether no header indicates that a browser sent the request.
pub(super) fn is_script(headers: &HeaderMap) -> bool {
    !headers.contains_key(ORIGIN)
        && !headers.contains_key(REFERER)
        && headers.keys().all(|name| !name.as_str().starts_with("sec-fetch-"))
}

fn host_of(headers: &HeaderMap) -> Option<String> {
    let authority: Authority = headers.get(HOST)?.to_str().ok()?.parse().ok()?;
    Some(name_of(&authority))
}

/// Host without port and brackets, in lower case.
fn name_of(authority: &Authority) -> String {
    authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

/// The authority of an address such as `https://portal.example:8443/x`.
fn authority_of(address: &str) -> Option<Authority> {
    let (_, rest) = address.split_once("://")?;
    rest.split('/').next()?.parse().ok()
}

fn own_names(bind: IpAddr) -> Vec<String> {
    let mut names =
        vec![LOCALHOST.to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), bind.to_string()];
    if let Ok(interfaces) = if_addrs::get_if_addrs() {
        names.extend(interfaces.iter().map(|interface| interface.ip().to_string()));
    }
    if let Ok(name) = whoami::hostname() {
        names.push(name.to_ascii_lowercase());
    }
    names
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn auto() -> Hosts {
        Hosts::new(["auto"], IpAddr::from([127, 0, 0, 1]))
    }

    #[test]
    fn a_rebound_name_is_refused_also_on_loopback() {
        for host in ["localhost:8070", "127.0.0.1", "[::1]:8070", "LOCALHOST"] {
            assert!(auto().check(&headers(&[("host", host)]), None).is_ok(), "{host}");
        }
        for host in ["evil.example:8070", "127.0.0.1.evil.example", "localhost.evil.example", ""] {
            let error = auto().check(&headers(&[("host", host)]), None).unwrap_err();
            assert!(error.message().contains("security.hosts"), "{error}");
        }
        assert!(auto().check(&headers(&[]), None).is_err());
    }

    #[test]
    fn listed_names_and_the_public_address_are_hosts_too() {
        let hosts = Hosts::new(["auto", "Config.Example"], IpAddr::from([0, 0, 0, 0]));
        assert!(hosts.check(&headers(&[("host", "config.example:80")]), None).is_ok());
        let public = Some("https://portal.example:8443/x");
        assert!(hosts.check(&headers(&[("host", "portal.example")]), public).is_ok());
        assert!(Hosts::new(["*"], IpAddr::from([0, 0, 0, 0])).check(&headers(&[]), None).is_ok());
    }

    #[test]
    fn a_page_of_another_site_is_told_by_what_the_browser_says() {
        let host = ("host", "a.example:8070");
        for good in [
            vec![host],
            vec![host, ("origin", "http://a.example:8070")],
            vec![host, ("sec-fetch-site", "same-origin"), ("origin", "https://outside.example")],
            vec![host, ("origin", "https://public.example")],
        ] {
            assert!(
                check_same_origin(&headers(&good), Some("https://public.example/x")).is_ok(),
                "{good:?}"
            );
        }
        for bad in [
            vec![host, ("origin", "http://evil.example")],
            vec![host, ("origin", "http://a.example")],
            vec![host, ("origin", "null")],
            vec![host, ("sec-fetch-site", "cross-site")],
            vec![host, ("sec-fetch-site", "same-site"), ("origin", "http://a.example:8070")],
        ] {
            assert!(check_same_origin(&headers(&bad), None).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn scripts_send_nothing_that_browsers_do() {
        assert!(is_script(&headers(&[("host", "a")])));
        for name in ["origin", "referer", "sec-fetch-mode"] {
            assert!(!is_script(&headers(&[(name, "x")])), "{name}");
        }
    }
}

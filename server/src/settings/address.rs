//! Addresses under which others reach this node: what is refused would lead them elsewhere, or not
//! be accepted by the registries that it is announced in.

use std::net::IpAddr;

use castalia_core::redact::without_credentials;
use reqwest::Url;

use super::read::SettingsReader;

/// Maximum length in bytes: with the port, the base path and a path of its own below it, it remains
/// under the 512 bytes of an address in Eureka.
const ADDRESS: usize = 384;

impl SettingsReader<'_> {
    /// An address of this node that clients receive.
    pub(super) fn address(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name)?;
        if let Err(problem) = check(&text) {
            self.fault(name, problem);
        }
        Some(text)
    }
}

/// Checks an address under which others reach this node. The error states the problem, without a
/// password.
///
/// # Errors
/// Fails if others would not reach this node by it.
pub fn check(text: &str) -> Result<(), String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    if authority.contains('@') {
        return Err("contains credentials, which every client would receive".to_owned());
    }
    if text.len() > ADDRESS {
        return Err(format!("is longer than {ADDRESS} bytes"));
    }
    let shown = without_credentials(text);
    let is_plain =
        |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '\\' | '?' | '#');
    let url = Url::parse(text).ok().filter(|_| !authority.is_empty() && text.chars().all(is_plain));
    let Some(url) = url else {
        return Err(format!("`{shown}` is not an address such as http://10.0.0.5:8080"));
    };
    if url.port() == Some(0) {
        return Err(format!("`{shown}` has the port 0, on which nothing listens"));
    }
    check_host(&url, authority).map_err(|problem| format!("`{shown}` {problem}"))
}

fn check_host(url: &Url, authority: &str) -> Result<(), String> {
    let any = "means every address of a machine; others need a particular one";
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address {
        Ok(ip) if ip.to_canonical().is_unspecified() => Err(any.to_owned()),
        // Readers do not agree on octal, hexadecimal and shortened numbers.
        Ok(ip) if ip.is_ipv4() && !authority.starts_with(host) => {
            Err(format!("is read as {ip} by some clients; write that, or a name"))
        }
        Err(_) if !castalia_eureka::is_host(host) => {
            Err("has a host with characters that are not those of a name".to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_call_is_accepted() {
        for text in [
            "http://10.0.0.5:8080",
            "http://10.0.0.9:1/a@b",
            "https://config.example/",
            "https://b\u{fc}cher.example/x",
            "http://[fd00::1]",
            "http://[fd00:0::1]:8080/apollo/",
            "http://node_1:8080",
            "http://127.0.0.1:8080",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_would_lead_others_elsewhere_is_refused() {
        for (text, part) in [
            ("http://u:p@10.0.0.9:1", "credentials"),
            ("config.example", "is not an address"),
            ("ftp://h/", "is not an address"),
            ("ftp://u:p@h/", "is not an address"),
            ("http://", "is not an address"),
            ("http://h?x", "is not an address"),
            ("http://h/#f", "is not an address"),
            ("http://h\\x", "is not an address"),
            ("http://h/a b", "is not an address"),
            ("http://h:0", "port 0"),
            ("http://0.0.0.0:8080", "every address"),
            ("http://[::]:8080", "every address"),
            ("http://[::ffff:0.0.0.0]", "every address"),
            ("http://*:8080", "characters"),
            ("http://010.1.1.1:8080", "read as 8.1.1.1"),
            ("http://10.1:8080", "read as 10.0.0.1"),
            ("http://0x7f.1", "read as 127.0.0.1"),
            (&format!("http://h/{}", "x".repeat(ADDRESS)), "longer than 384"),
        ] {
            let problem = check(text).unwrap_err();
            assert!(problem.contains(part) && !problem.contains("u:p"), "{text}: {problem}");
        }
    }
}

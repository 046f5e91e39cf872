//! Addresses of servers that may contain a user and a password, as they are configured: separated
//! by commas, with or without a scheme. Must not log or quote any part of them.

/// What follows the scheme, if there is one: a password may contain `://`, too.
pub(super) fn after_scheme(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once("://")?;
    (!scheme.contains([':', '@'])).then_some(rest)
}

/// Whether what looks like the host of an address may be the start of its user or password, because
/// a `:` and an `@` follow: requests would go to this host. A host in brackets is no user.
pub(super) fn may_split_password(after_scheme: &str) -> bool {
    let before = after_scheme.rsplit_once('@').map_or("", |(before, _)| before);
    before.contains(ENDS_HOST) && before.contains(':') && !before.starts_with('[')
}

/// Whether this is so because of a comma, which separates addresses: a `:` precedes it, and an `@`
/// follows before another scheme.
pub(super) fn may_split_password_at_comma<'a>(mut parts: impl Iterator<Item = &'a str>) -> bool {
    let mut is_open = false;
    parts.any(|part| {
        let (continues, rest) = match after_scheme(part) {
            Some(rest) => (false, rest),
            None => (is_open, part),
        };
        let has_colon = rest.contains(':') && !rest.starts_with('[');
        is_open = (continues || has_colon) && !rest.contains('@');
        continues && rest.contains('@')
    })
}

/// The addresses of a setting.
pub(super) fn split(addresses: &str) -> impl Iterator<Item = &str> + Clone {
    addresses.split(',').map(str::trim).filter(|address| !address.is_empty())
}

/// The addresses without their users and passwords; `None` if clients refuse them, because it is
/// not certain where a password ends.
#[cfg(feature = "host")]
pub(crate) fn public_addresses(addresses: &str) -> Option<String> {
    if may_split_password_at_comma(split(addresses)) {
        return None;
    }
    let public: Option<Vec<_>> = addresses.split(',').map(without_user).collect();
    Some(public?.join(","))
}

#[cfg(feature = "host")]
fn without_user(address: &str) -> Option<String> {
    let rest = after_scheme(address).unwrap_or(address.trim_start());
    let host = rest.find(ENDS_HOST).map_or(rest, |end| &rest[..end]);
    let user = host.rfind('@').map_or(0, |at| at + 1);
    let scheme = &address[..address.len() - rest.len()];
    (!may_split_password(rest)).then(|| format!("{scheme}{}", &rest[user..]))
}

const ENDS_HOST: [char; 4] = ['/', '?', '#', '\\'];

#[cfg(all(test, feature = "host"))]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_have_neither_user_nor_password() {
        for (addresses, public) in [
            ("", ""),
            ("http://u:7f3a@meta:8080/a", "http://meta:8080/a"),
            ("https://u:7f@3a@a/x, http://7f3a@b,http://c", "https://a/x, http://b,http://c"),
            ("u:7f3a@a, 7f3a@b,,http://c:1", "a, b,,http://c:1"),
            ("http://u:7f3a@[::1]:80/a,[::1]:80/a@b", "http://[::1]:80/a,[::1]:80/a@b"),
            ("http://host/a@b", "http://host/a@b"),
        ] {
            assert_eq!(public_addresses(addresses).as_deref(), Some(public), "{addresses}");
        }
    }

    /// B123
    #[test]
    fn addresses_are_public_unless_clients_refuse_them() {
        for addresses in [
            "http://u:7/7f3a@host",
            "http://u:7?7f3a@host,http://other",
            "http://7/f3a:7@host",
            "u:7f3a://7@host",
            "http://u:7f3a@[::1]:80/a@b",
            "http://u:7,7f3a@host",
            "http://other, u:7,,7f3a@host",
        ] {
            assert_eq!(public_addresses(addresses), None, "{addresses}");
            let settings =
                crate::Settings::new().set("app.id", "order").set("apollo.meta", addresses);
            assert!(settings.resolve().is_err(), "{addresses}");
        }
    }
}

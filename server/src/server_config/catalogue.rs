//! What an editor of settings needs to know of a key besides its kind: whether its value is a
//! secret, and when a change takes effect.

use castalia_core::redact::without_credentials;

use super::keys;

/// Keys whose values are secrets.
const SECRET: [&str; 4] = [
    keys::ADMIN_TOKENS.name,
    keys::EUREKA_PASSWORD.name,
    keys::MAIL_PASSWORD.name,
    keys::CONSUMER_SALT.name,
];

/// Keys whose rows are read at the start only.
const AT_START: [&str; 2] = [keys::INSTANCE_QUEUE.name, keys::INSTANCE_CACHE.name];

/// Keys whose rows are ignored.
const OF_NODE: [&str; 4] = [
    keys::EUREKA_SERVER.name,
    keys::EUREKA_SECURITY.name,
    keys::EUREKA_PASSWORD.name,
    keys::EUREKA_USER.name,
];

/// When a change of the row of this key takes effect: `minute` for at once on the node that stores
/// it and within a minute on the others, `restart`, or `never` for a key of the node's own
/// settings.
#[must_use]
pub fn effect(name: &str) -> &'static str {
    match name {
        _ if AT_START.contains(&name) => "restart",
        _ if OF_NODE.contains(&name) => "never",
        _ => "minute",
    }
}

/// Whether the value of this key is a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    SECRET.contains(&name)
}

/// Whether an address in a value contains a user name or a password, as those of Eureka and meta
/// servers may, or a query, as those of webhooks with a token. What the log hides is hidden here.
#[must_use]
pub fn has_credentials(text: &str) -> bool {
    let addresses = text.split("://").skip(1).map(|rest| rest.split([',', '"']).next());
    *without_credentials(text) != *text || addresses.flatten().any(|address| address.contains('?'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_in_every_address_of_a_value() {
        assert!(has_credentials("http://a/, http://eu:pw@b:8761/eureka/"));
        assert!(has_credentials(r#"{"DEV":"http://a","PRO":"https://token@b"}"#));
        assert!(has_credentials("http://a,http://b/send?access_token=pw"));
        assert!(has_credentials("gate:pw@meta:8080,http://b"));
        assert!(has_credentials("http://u:1/2@a"));
        assert!(!has_credentials("http://a:8080,http://b/x"));
        assert!(!has_credentials("ann@example.com"));
    }

    #[test]
    fn the_documentation_of_a_key_says_when_it_takes_effect() {
        for key in keys::ALL {
            let documented = match key.about() {
                about if about.contains("read at the start") => "restart",
                about if about.contains("nly as a value that the node fixes") => "never",
                _ => "minute",
            };
            assert_eq!(effect(key.name()), documented, "{}", key.name());
        }
    }
}

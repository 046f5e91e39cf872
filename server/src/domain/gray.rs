//! Selects the gray release for a client (pure).

use std::sync::Arc;

use castalia_core::protocol::route::Caller;

use crate::feed::cache::{GrayRule, Published, Release};

/// Matches every client in a list of addresses or labels.
const ANY: &str = "*";

/// The release that a client receives cannot be determined, because a row cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownRelease;

/// The release for a client: the gray release of the first rule that matches it, otherwise, or if
/// that one was abandoned or deleted, the main release; `None` if there is none.
///
/// # Errors
/// Fails with [`UnknownRelease`] if it depends on a row that cannot be decoded and was never read
/// before.
pub fn release<'a>(
    published: &'a Published,
    app_id: &str,
    caller: &Caller,
) -> Result<Option<&'a Arc<Release>>, UnknownRelease> {
    for gray in &published.gray {
        let rules = gray.rules.as_ref().ok_or(UnknownRelease)?;
        if matches(rules, app_id, caller) {
            match &gray.release {
                Some(release) => return Ok(Some(release)),
                None if gray.is_unreadable => return Err(UnknownRelease),
                None => break,
            }
        }
    }
    match &published.main {
        None if published.is_main_unreadable => Err(UnknownRelease),
        main => Ok(main.as_ref()),
    }
}

/// Whether any of these rules matches a client of an app.
#[must_use]
pub fn matches(rules: &[GrayRule], app_id: &str, caller: &Caller) -> bool {
    rules.iter().any(|rule| fits(rule, app_id, caller))
}

/// Compares the app id without regard to case, then address or label, each exactly. `*` as a label
/// also matches a client without one.
fn fits(rule: &GrayRule, app_id: &str, caller: &Caller) -> bool {
    let holds = |list: &[String], value: Option<&str>| {
        list.iter().any(|entry| entry == ANY || Some(entry.as_str()) == value)
    };
    rule.client_app_id.eq_ignore_ascii_case(app_id)
        && (holds(&rule.client_ip_list, caller.ip.as_deref())
            || holds(&rule.client_label_list, caller.label.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(ips: &[&str], labels: &[&str]) -> GrayRule {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        GrayRule {
            client_app_id: "demo".into(),
            client_ip_list: owned(ips),
            client_label_list: owned(labels),
        }
    }

    fn caller(ip: &str, label: Option<&str>) -> Caller {
        Caller { data_center: None, ip: Some(ip.into()), label: label.map(str::to_owned) }
    }

    #[test]
    fn address_and_label_are_alternatives() {
        let rule = rule(&["10.9.9.9"], &["canary"]);
        assert!(fits(&rule, "DEMO", &caller("10.9.9.9", None)));
        assert!(fits(&rule, "demo", &caller("10.0.0.1", Some("canary"))));
        assert!(!fits(&rule, "demo", &caller("10.0.0.1", Some("CANARY"))));
        assert!(!fits(&rule, "other", &caller("10.9.9.9", None)));
    }

    #[test]
    fn a_star_as_label_fits_a_client_without_one() {
        assert!(fits(&rule(&[], &["*"]), "demo", &caller("1.1.1.1", None)));
        assert!(!fits(&rule(&[], &[]), "demo", &caller("1.1.1.1", None)));
    }
}

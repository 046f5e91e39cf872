//! Selects the gray release for a client (pure).

use std::sync::Arc;

use castalia_core::protocol::route::Caller;

use crate::feed::cache::{GrayRule, Published, Release};

/// Matches every client in a list of addresses or labels.
const ANY: &str = "*";

/// The gray release of the first rule that matches the client; `None` if no rule matches, or if
/// that release was abandoned or deleted.
#[must_use]
pub fn find<'a>(
    published: &'a Published,
    app_id: &str,
    caller: &Caller,
) -> Option<&'a Arc<Release>> {
    let gray = published
        .gray
        .iter()
        .find(|gray| gray.rules.iter().any(|rule| fits(rule, app_id, caller)))?;
    gray.release.as_ref()
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

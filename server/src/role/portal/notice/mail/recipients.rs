//! Who receives a mail: first all who may edit or publish the namespace, later those alone whom the
//! mail server refused for now.

use std::collections::HashSet;

use lettre::address::Address;

use crate::domain::notice::{Delivery, Notice};
use crate::domain::permission::assignment::holders;
use crate::domain::permission::{Action, NamedRole};
use crate::domain::user;
use crate::error::Result;
use crate::state::PortalState;

/// Maximum number of recipients.
const RECIPIENTS: usize = 500;
/// Between the addresses of a target: no address contains it.
pub(in crate::role::portal) const RECIPIENT_SEPARATOR: char = '\n';
/// Width of the column of targets, in characters.
const TARGET: usize = 1024;

/// Those who may edit or publish the namespace, and the administrators of the app; of these the
/// targets of the delivery, if it has some.
pub(super) async fn of(
    state: &PortalState,
    delivery: &Delivery,
    notice: &Notice,
) -> Result<Vec<Address>> {
    let Notice { app_id, env, cluster_name, namespace_name, .. } = notice;
    let roles = [
        NamedRole::master(app_id),
        NamedRole::namespace(Action::Modify, app_id, namespace_name),
        NamedRole::namespace(Action::Release, app_id, namespace_name),
        NamedRole::namespace_in_env(Action::Modify, app_id, namespace_name, env),
        NamedRole::namespace_in_env(Action::Release, app_id, namespace_name, env),
        NamedRole::cluster(Action::Modify, app_id, env, cluster_name),
        NamedRole::cluster(Action::Release, app_id, env, cluster_name),
    ];
    let mut names = holders(&state.store, roles).await?.concat();
    names.sort_unstable();
    names.dedup();
    let users = user::named(&state.store, &names).await?;
    let enabled = users.iter().filter(|user| user::is_enabled(user));
    let mut found: Vec<Address> = enabled.filter_map(|user| address(user.email.trim())).collect();
    if !delivery.target.is_empty() {
        let targets = delivery.target.split(RECIPIENT_SEPARATOR);
        let targets: HashSet<_> = targets.filter_map(address).collect();
        found.retain(|address| targets.contains(address));
    }
    found.sort();
    found.dedup();
    if found.len() > RECIPIENTS {
        tracing::warn!(
            app_id,
            recipients = found.len(),
            "a mail is sent to the first 500 recipients only"
        );
        found.truncate(RECIPIENTS);
    }
    Ok(found)
}

/// Targets of deliveries to these recipients: as few as their column allows.
pub(super) fn targets(recipients: impl IntoIterator<Item = Address>) -> Vec<String> {
    let mut targets: Vec<String> = Vec::new();
    for recipient in recipients {
        let recipient = text(&recipient);
        let longest = TARGET.saturating_sub(length(recipient) + 1);
        match targets.last_mut().filter(|last| length(last) <= longest) {
            Some(last) => {
                last.push(RECIPIENT_SEPARATOR);
                last.push_str(recipient);
            }
            None => targets.push(recipient.to_owned()),
        }
    }
    targets
}

fn address(text: &str) -> Option<Address> {
    text.parse().ok().map(super::in_ascii)
}

fn text(address: &Address) -> &str {
    address.as_ref()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_fit_in_their_column_and_name_each_recipient_once() {
        let name = |number: usize| format!("recipient{number}@mail.example");
        let recipients: Vec<Address> =
            (0..100).map(|number| name(number).parse().unwrap()).collect();
        let targets = targets(recipients.clone());
        assert!(targets.iter().all(|target| length(target) <= TARGET), "{targets:?}");
        assert!((2..5).contains(&targets.len()), "{targets:?}");
        let named: Vec<_> =
            targets.iter().flat_map(|target| target.split(RECIPIENT_SEPARATOR)).collect();
        assert_eq!(named, recipients.iter().map(text).collect::<Vec<_>>());
        assert!(super::targets([]).is_empty());
    }
}

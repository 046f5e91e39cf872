//! The item that an environment finds by its key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::permission::requirement::Resource;
use crate::environment::Address;
use crate::error::{Code, Error, Result};
use crate::role::portal::Portal;
use crate::role::portal::open_api::content_read::ContentRead;
use crate::wire::admin;

/// Takes a turn, because the revision in the answer costs the environment a read of all items.
///
/// # Errors
/// Fails if there is no such item, or if other reads last.
pub(super) async fn find(
    portal: &Portal,
    reading: &ContentRead,
    place: &Resource,
    key: &str,
) -> Result<admin::Item> {
    let environment = portal.state.environments.find(&place.env)?;
    let encoded = URL_SAFE_NO_PAD.encode(key);
    let address = Address::in_namespace(place, &["encodedItems", &encoded]);
    let read = reading.of(portal, environment, |environment| async move {
        environment.get::<admin::Item>(address).await
    });
    let (found, _turn) = read.await?;
    match found.key.as_deref() {
        Some(other) if !is_same_item_key(other, key, portal.state.compat.fold_names) => {
            let message = format!("item not found for itemKey:{key}, but for itemKey:{other}");
            Err(Error::not_found(message).with_code(Code::ItemNotFound))
        }
        _ => Ok(found),
    }
}

/// Whether the item that a database finds by a key is the requested one: MySQL also finds keys that
/// differ in case or accents. Apollo accepts them all.
fn is_same_item_key(found: &str, requested: &str, folds_names: bool) -> bool {
    found == requested || (folds_names && found.eq_ignore_ascii_case(requested))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C6.
    #[test]
    fn names_are_folded_in_ascii_only_and_where_the_installation_folds_them() {
        for (found, requested, expected) in [
            ("a.Key", "a.Key", [true, true]),
            ("a.Key", "A.kEY", [false, true]),
            ("a.Key", "a.Key ", [false, false]),
            ("a.Ämter", "a.ämter", [false, false]),
            ("a.e", "a.é", [false, false]),
        ] {
            let is_same = [false, true].map(|folds| is_same_item_key(found, requested, folds));
            assert_eq!(is_same, expected, "{found} {requested}");
        }
    }
}

//! Looks up items: all of a namespace, one by its key or id, and those of all apps by parts of key
//! and value.

use base64::Engine as _;
use castalia_store::Store;

use super::{Hit, Item, not_found};
use crate::domain::namespace::{self, NamespaceKey};
use crate::domain::page::{Page, Paged};
use crate::domain::revision::Revision;
use crate::error::{Code, Error, Result};

/// The items of a namespace in the order of their lines, with their revision; an empty list for an
/// unknown namespace.
pub async fn list(store: &Store, key: &NamespaceKey) -> Result<(Revision, Vec<Item>)> {
    let namespace =
        castalia_store::namespace::find(store.read(), &key.app_id, &key.cluster, &key.namespace)
            .await?;
    let items = match namespace {
        Some(namespace) => {
            castalia_store::item::readable_of_namespace(store.read(), namespace.id).await?
        }
        None => Vec::new(),
    };
    Ok((Revision::of(&items), items))
}

/// A page of the items of a namespace, with the revision of all.
///
/// # Errors
/// Fails if there is no such namespace.
pub async fn page(
    store: &Store,
    key: &NamespaceKey,
    page: &Page,
) -> Result<(Revision, Paged<Item>)> {
    let namespace = namespace::find(store.read(), key).await?;
    // Read first: a revision that is older than the shown items costs their reader one more
    // request, but a newer one would let an edit overwrite items that its author never saw.
    let revision = Revision::current(store.read(), namespace.id).await?;
    let found = castalia_store::item::page_of_namespace(store.read(), namespace.id, page).await?;
    Ok((revision, found))
}

/// The item with this key, with the revision of all items.
///
/// # Errors
/// Fails if there is no such namespace or key, or if the key exists twice.
pub async fn by_key(store: &Store, key: &NamespaceKey, item_key: &str) -> Result<(Revision, Item)> {
    let namespace = namespace::find(store.read(), key).await?;
    let revision = Revision::current(store.read(), namespace.id).await?;
    let mut found = castalia_store::item::with_key(store.read(), namespace.id, item_key, 2).await?;
    match (found.pop(), found.pop()) {
        (Some(item), None) => Ok((revision, item)),
        (None, _) => Err(not_found(format!("{} itemKey:{item_key}", namespace::names(key)))),
        (Some(_), Some(_)) => Err(Error::service(format!(
            "the key {item_key} exists more than once in the namespace"
        ))),
    }
}

/// Decodes the key in a path: base64, in the URL alphabet or the standard one, with or without
/// padding.
///
/// # Errors
/// Fails if the text is not base64 of a UTF-8 text.
pub fn decode_key(encoded: &str) -> Result<String> {
    let text = encoded.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text);
    bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        Error::service(format!("`{encoded}` is not a Base64-encoded key"))
            .with_code(Code::BadEncoding)
    })
}

/// The item with this row id.
///
/// # Errors
/// Fails if there is no such item.
pub async fn by_id(store: &Store, id: i64) -> Result<Item> {
    castalia_store::item::by_id(store.read(), id)
        .await?
        .ok_or_else(|| not_found(format!("itemId:{id}")))
}

/// A page of the items of all apps whose key and value contain the texts.
pub async fn search(store: &Store, key: &str, value: &str, page: &Page) -> Result<Paged<Hit>> {
    Ok(castalia_store::item::search(store.read(), key, value, page).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_from_both_alphabets() {
        for encoded in ["YS9i", "Pz8_", "Pz8/", "YQ==", "YQ"] {
            assert!(decode_key(encoded).is_ok(), "{encoded}");
        }
        assert_eq!(decode_key("YS9i").unwrap(), "a/b");
        assert!(decode_key("a b").is_err());
    }
}

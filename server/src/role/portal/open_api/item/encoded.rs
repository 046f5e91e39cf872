//! `/openapi/v1/.../encodedItems`: items whose keys a path cannot contain; the path contains the
//! key in Base64.

use axum::extract::{Extension, State};

use super::{ItemKey, Update};
use crate::domain::item::decode_key;
use crate::domain::permission::requirement::Resource;
use crate::error::{Code, Error, Result};
use crate::http::request::{Body, LARGE_BODY, Path};
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::By;
use crate::role::portal::open_api::content_read::ContentRead;
use crate::wire::open_api::Item;

/// Same as [`super::get`].
pub(in crate::role::portal::open_api) async fn get(
    portal: State<Portal>,
    place: Extension<Resource>,
    Path(ItemKey { key }): Path<ItemKey>,
    reading: ContentRead,
) -> Result<Json<Item>> {
    super::get(portal, place, Path(ItemKey { key: decode(&key)? }), reading).await
}

/// Same as [`super::update`].
pub(in crate::role::portal::open_api) async fn update(
    portal: State<Portal>,
    caller: Extension<Caller>,
    place: Extension<Resource>,
    Path(ItemKey { key }): Path<ItemKey>,
    query: Query<Update>,
    body: Body<Item, LARGE_BODY>,
) -> Result<()> {
    super::update(portal, caller, place, Path(ItemKey { key: decode(&key)? }), query, body).await
}

/// Same as [`super::delete`].
pub(in crate::role::portal::open_api) async fn delete(
    portal: State<Portal>,
    caller: Extension<Caller>,
    place: Extension<Resource>,
    Path(ItemKey { key }): Path<ItemKey>,
    query: Query<By>,
) -> Result<()> {
    super::delete(portal, caller, place, Path(ItemKey { key: decode(&key)? }), query).await
}

/// Decodes Base64 of the key in either alphabet, with or without padding; Apollo's client uses the
/// standard one.
fn decode(encoded: &str) -> Result<String> {
    decode_key(encoded)
        .ok()
        .filter(|key| !key.is_empty())
        .ok_or_else(|| Error::bad_request("Invalid encoded key").with_code(Code::InvalidEncodedKey))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_both_alphabets_with_and_without_padding() {
        for encoded in ["YS9iIGM=", "YS9iIGM"] {
            assert_eq!(decode(encoded).unwrap(), "a/b c");
        }
        assert_eq!(decode("w7_Dvw").unwrap(), decode("w7/Dvw==").unwrap());
        for bad in ["%%%", "", "_w", "a"] {
            assert_eq!(decode(bad).unwrap_err().message(), "Invalid encoded key", "{bad}");
        }
    }
}

//! Which changes can be based on a revision. Others are refused with `Castalia-Revision`, because
//! their caller wants them refused if somebody else changed the object, and nothing would compare
//! it.

use http::request::Parts;

use super::audit::is_change;
use crate::error::{Code, Error, Result};
use crate::http::operation::About;
use crate::http::revision::of;

/// Changes that compare the header. Those of several namespaces are not among them: each has its
/// own revision in the body.
const COMPARING: [&str; 40] = [
    "createItem",
    "updateItem",
    "updateItemByEncodedKey",
    "deleteItem",
    "deleteItemByEncodedKey",
    "batchCreateItems",
    "batchUpdateItems",
    "batchDeleteItems",
    "batchUpdateItemsByText",
    "changeItems",
    "revertItems",
    "syncItems",
    "importNamespaceItems",
    "importAppConfig",
    "importAllConfigs",
    "importConfig",
    "createRelease",
    "rollback",
    "withdrawRelease",
    "createBranch",
    "deleteBranch",
    "updateBranchRules",
    "createGrayRelease",
    "createGrayDelRelease",
    "merge",
    "mergeBranch",
    "deleteNamespace",
    "updateApp",
    "updateNamespaceSchema",
    "deleteApp",
    "createOrUpdatePortalDBConfig",
    "deletePortalDBConfig",
    "createOrUpdateConfigDBConfig",
    "deleteConfigDBConfig",
    "updateConsumer",
    "deleteConsumer",
    "updateWebhook",
    "deleteWebhook",
    "createOrUpdateUser",
    "deleteUser",
];

/// Rejects a change with a revision that it would not compare.
pub(super) fn check(parts: &Parts) -> Result<()> {
    let Some(About { id, .. }) = parts.extensions.get::<About>() else { return Ok(()) };
    let is_ignored =
        of(&parts.headers).is_some() && is_change(&parts.method, id) && !COMPARING.contains(id);
    if !is_ignored {
        return Ok(());
    }
    let message =
        format!("{id} cannot compare Castalia-Revision. Send the request without the header.");
    Err(Error::bad_request(message).with_code(Code::InvalidParameter))
}

//! Kinds and names of the operations in the audit log. Operations that Apollo's portal records have
//! its names; others have the name of the resource and of the operation in the document.

use http::Method;

use crate::domain::audit_log::OperationKind::{self, Create, Delete, Rpc, Update};

/// How an operation is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordedOperation {
    pub(super) kind: OperationKind,
    pub(super) name: &'static str,
}

impl RecordedOperation {
    /// Whether it changes something.
    pub(super) fn is_change(self) -> bool {
        self.kind != Rpc
    }
}

/// By the id of the operation. An operation that is missing here is recorded under its id.
const NAMES: [(&str, OperationKind, &str); 94] = [
    ("createAccessKey", Create, "AccessKey.create"),
    ("enableAccessKey", Update, "AccessKey.enable"),
    ("disableAccessKey", Update, "AccessKey.disable"),
    ("deleteAccessKey", Delete, "AccessKey.delete"),
    ("createApp", Create, "App.create"),
    ("updateApp", Update, "App.update"),
    ("deleteApp", Delete, "App.delete"),
    ("createAppInEnv", Create, "App.create.forEnv"),
    ("createAppNamespace", Create, "AppNamespace.create"),
    ("deleteAppNamespace", Delete, "AppNamespace.delete"),
    ("createCluster", Create, "Cluster.create"),
    ("deleteCluster", Delete, "Cluster.delete"),
    ("createNamespaces", Create, "Namespace.create"),
    ("deleteNamespace", Delete, "Namespace.deleteLinkedNamespace"),
    ("createMissingNamespaces", Create, "Namespace.createMissingNamespaces"),
    ("updateNamespaceSchema", Update, "NamespaceSchema.update"),
    ("createBranch", Create, "NamespaceBranch.create"),
    ("deleteBranch", Delete, "NamespaceBranch.delete"),
    ("updateBranchRules", Update, "NamespaceBranch.updateBranchRules"),
    ("merge", Update, "NamespaceBranch.merge"),
    ("mergeBranch", Update, "NamespaceBranch.merge"),
    ("assignAppRoleToUser", Create, "Auth.assignAppRoleToUser"),
    ("removeAppRoleFromUser", Delete, "Auth.removeAppRoleFromUser"),
    ("assignNamespaceRoleToUser", Create, "Auth.assignNamespaceRoleToUser"),
    ("removeNamespaceRoleFromUser", Delete, "Auth.removeNamespaceRoleFromUser"),
    ("assignNamespaceEnvRoleToUser", Create, "Auth.assignNamespaceEnvRoleToUser"),
    ("removeNamespaceEnvRoleFromUser", Delete, "Auth.removeNamespaceEnvRoleFromUser"),
    ("assignClusterNamespaceRoleToUser", Create, "Auth.assignClusterNamespaceRoleToUser"),
    ("removeClusterNamespaceRoleFromUser", Delete, "Auth.removeClusterNamespaceRoleFromUser"),
    ("initAppPermission", Create, "Auth.initAppPermission"),
    ("initClusterNamespacePermission", Create, "Auth.initClusterNamespacePermission"),
    ("addCreateApplicationRoleToUsers", Create, "Auth.addCreateApplicationRoleToUser"),
    ("deleteCreateApplicationRoleFromUser", Delete, "Auth.deleteCreateApplicationRoleFromUser"),
    ("addManageAppMasterRoleToUser", Create, "Auth.addManageAppMasterRoleToUser"),
    ("removeManageAppMasterRoleFromUser", Delete, "Auth.forbidManageAppMaster"),
    ("createOrUpdatePortalDBConfig", Create, "ServerConfig.createOrUpdatePortalDBConfig"),
    ("deletePortalDBConfig", Delete, "ServerConfig.deletePortalDBConfig"),
    ("createOrUpdateConfigDBConfig", Create, "ServerConfig.createOrUpdateConfigDBConfig"),
    ("deleteConfigDBConfig", Delete, "ServerConfig.deleteConfigDBConfig"),
    // Operations that Apollo does not record.
    ("createItem", Create, "Item.create"),
    ("updateItem", Update, "Item.update"),
    ("updateItemByEncodedKey", Update, "Item.update"),
    ("deleteItem", Delete, "Item.delete"),
    ("deleteItemByEncodedKey", Delete, "Item.delete"),
    ("batchCreateItems", Create, "Item.batchCreate"),
    ("batchUpdateItems", Update, "Item.batchUpdate"),
    ("batchDeleteItems", Delete, "Item.batchDelete"),
    ("changeItems", Update, "Item.change"),
    ("batchUpdateItemsByText", Update, "Item.updateByText"),
    ("revertItems", Update, "Item.revert"),
    ("syncItems", Update, "Item.synchronize"),
    ("createRelease", Create, "Release.create"),
    ("createGrayRelease", Create, "Release.createGray"),
    ("createGrayDelRelease", Create, "Release.createGrayDelete"),
    ("rollback", Update, "Release.rollback"),
    ("forgetInstance", Delete, "Instance.forget"),
    ("withdrawRelease", Update, "Release.withdraw"),
    ("createConsumer", Create, "Consumer.create"),
    ("updateConsumer", Update, "Consumer.update"),
    ("deleteConsumer", Delete, "Consumer.delete"),
    ("assignRoleToConsumer", Create, "Consumer.assignRole"),
    ("revokeRoleFromConsumer", Delete, "Consumer.revokeRole"),
    ("rotateConsumerToken", Update, "Consumer.rotateToken"),
    ("createOrUpdateUser", Update, "User.createOrUpdate"),
    ("changeUserEnabled", Update, "User.changeEnabled"),
    ("deleteUser", Delete, "User.delete"),
    ("createUserToken", Create, "UserToken.create"),
    ("rotateUserToken", Update, "UserToken.rotate"),
    ("revokeUserToken", Update, "UserToken.revoke"),
    ("deleteUserToken", Delete, "UserToken.delete"),
    ("adminRevokeUserToken", Update, "UserToken.revoke"),
    ("adminDeleteUserToken", Delete, "UserToken.delete"),
    ("createRestoration", Update, "Restoration.create"),
    ("createAccessRequest", Create, "AccessRequest.create"),
    ("decideAccessRequest", Update, "AccessRequest.decide"),
    ("withdrawAccessRequest", Delete, "AccessRequest.withdraw"),
    ("addFavorite", Create, "Favorite.create"),
    ("topFavorite", Update, "Favorite.toTop"),
    ("deleteFavorite", Delete, "Favorite.delete"),
    ("createWebhook", Create, "Webhook.create"),
    ("updateWebhook", Update, "Webhook.update"),
    ("deleteWebhook", Delete, "Webhook.delete"),
    ("testWebhook", Create, "Webhook.test"),
    ("importAllConfigs", Create, "Configs.import"),
    ("importConfig", Create, "Configs.import"),
    ("importAppConfig", Update, "Configs.importCluster"),
    ("importNamespaceItems", Update, "Configs.importNamespace"),
    // Reads of all values of an app, and of secrets.
    ("exportAllConfigs", Rpc, "Configs.export"),
    ("exportAppConfig", Rpc, "Configs.exportCluster"),
    ("exportNamespaceItems", Rpc, "Configs.exportNamespace"),
    ("findAccessKeys", Rpc, "AccessKey.read"),
    ("getConsumerTokenByAppId", Rpc, "Consumer.readToken"),
    ("findAllPortalDBConfig", Rpc, "ServerConfig.readPortalDBConfig"),
    ("findAllConfigDBConfig", Rpc, "ServerConfig.readConfigDBConfig"),
];

/// Operations that change nothing although their method is not GET, or only what pages show of the
/// caller, and those whose parts are recorded as operations of their own.
const READS: [&str; 8] = [
    "syntaxCheck",
    "compareItems",
    "openApp",
    "changePreferences",
    "previewBranchRules",
    "announcePresence",
    "changeAccessGrants",
    "changeItemsOfNamespaces",
];

/// How an operation is recorded; `None` for reads of what is no secret.
pub(super) fn recorded(method: &Method, id: Option<&'static str>) -> Option<RecordedOperation> {
    let id = id.unwrap_or("request");
    if let Some((_, kind, name)) = NAMES.iter().find(|(known, ..)| *known == id) {
        return Some(RecordedOperation { kind: *kind, name });
    }
    let kind = match *method {
        _ if READS.contains(&id) => return None,
        Method::POST => Create,
        Method::PUT | Method::PATCH => Update,
        Method::DELETE => Delete,
        _ => return None,
    };
    Some(RecordedOperation { kind, name: id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_without_a_name_is_recorded_under_the_id_of_its_operation() {
        let of = |method, id| recorded(&method, Some(id));
        let new = Some(RecordedOperation { kind: Update, name: "changeSomething" });
        assert_eq!(of(Method::PUT, "changeSomething"), new);
        assert_eq!(of(Method::GET, "findApps"), None);
        assert_eq!(of(Method::POST, "compareItems"), None);
        assert_eq!(of(Method::GET, "findAccessKeys").map(|read| read.kind), Some(Rpc));
    }

    #[test]
    fn each_operation_has_one_name() {
        let mut ids: Vec<_> = NAMES.iter().map(|(id, ..)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), NAMES.len());
    }
}

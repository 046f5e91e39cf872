//! The scopes at which roles are granted: an app, a namespace, a namespace in one environment, and
//! a cluster (pure). The parts of the object that a request names decide which one it is.

use super::requirement::Resource;
use super::{Action, NamedRole};
use crate::error::{Code, Error, Result};

/// Type of the role of administrators of an app.
const MASTER: &str = "Master";
/// All types of roles that are granted by the operations of an app.
const ROLE_TYPES: [&str; 5] = [
    MASTER,
    "ModifyNamespace",
    "ReleaseNamespace",
    "ModifyNamespacesInCluster",
    "ReleaseNamespacesInCluster",
];

impl Resource {
    /// Whether it is a whole app.
    #[must_use]
    pub fn is_app(&self) -> bool {
        self.cluster.is_empty() && self.namespace.is_empty()
    }

    /// The target of the permissions on this object.
    #[must_use]
    pub fn target(&self) -> String {
        let Self { app_id, env, cluster, namespace } = self;
        let parts: &[&str] = match (env.is_empty(), cluster.is_empty(), namespace.is_empty()) {
            (_, false, _) => &[app_id, env, cluster],
            (true, _, false) => &[app_id, namespace],
            (false, _, false) => &[app_id, namespace, env],
            _ => &[app_id],
        };
        parts.join("+")
    }

    /// The role of editors or publishers of this namespace or cluster, or of all of this app.
    #[must_use]
    pub fn role_to(&self, act: Action) -> NamedRole {
        let Self { app_id, env, cluster, namespace } = self;
        match (env.is_empty(), cluster.is_empty(), namespace.is_empty()) {
            (_, false, _) => NamedRole::cluster(act, app_id, env, cluster),
            (_, _, true) => NamedRole::app(act, app_id),
            (true, _, _) => NamedRole::namespace(act, app_id, namespace),
            (false, _, _) => NamedRole::namespace_in_env(act, app_id, namespace, env),
        }
    }

    /// The role of this type on this object.
    ///
    /// # Errors
    /// Fails if there is no such type, or if it does not apply to this kind of object.
    pub fn role(&self, role_type: &str) -> Result<NamedRole> {
        let invalid = |message| Err(Error::bad_request(message).with_code(Code::InvalidParameter));
        if !ROLE_TYPES.contains(&role_type) {
            return invalid(format!("invalid roleType format:{role_type}"));
        }
        let roles = match self.is_app() {
            true => vec![NamedRole::master(&self.app_id)],
            false => Action::CHANGING.map(|act| self.role_to(act)).to_vec(),
        };
        let is_of_type =
            |role: &NamedRole| role.name.split_once('+').is_some_and(|(kind, _)| kind == role_type);
        match roles.into_iter().find(is_of_type) {
            Some(role) => Ok(role),
            None => invalid(format!(
                "roleType {role_type} cannot be granted on {}; use the path of its kind of object",
                self.target()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource([env, cluster, namespace]: [&str; 3]) -> Resource {
        Resource {
            app_id: "a".into(),
            env: env.into(),
            cluster: cluster.into(),
            namespace: namespace.into(),
        }
    }

    #[test]
    fn a_role_and_its_target_follow_from_the_parts_of_the_object() {
        for (parts, role_type, target) in [
            (["", "", ""], "Master", "a"),
            (["", "", "n"], "ModifyNamespace", "a+n"),
            (["PRO", "", "n"], "ReleaseNamespace", "a+n+PRO"),
            (["PRO", "c", ""], "ModifyNamespacesInCluster", "a+PRO+c"),
        ] {
            let place = resource(parts);
            assert_eq!(place.target(), target);
            assert_eq!(place.role(role_type).unwrap().name, format!("{role_type}+{target}"));
        }
    }

    #[test]
    fn a_type_of_another_kind_of_object_is_refused() {
        for (parts, role_type, message) in [
            (["", "", ""], "Foo", "invalid roleType format:Foo"),
            (["", "", ""], "ManageAppMaster", "invalid roleType format"),
            (["", "", ""], "ModifyNamespace", "roleType ModifyNamespace cannot be granted on a;"),
            (["", "", "n"], "Master", "roleType Master cannot"),
            (["", "", "n"], "ModifyNamespacesInCluster", "roleType Modify"),
            (["PRO", "c", ""], "ModifyNamespace", "roleType ModifyNamespace cannot"),
        ] {
            let error = resource(parts).role(role_type).unwrap_err();
            assert!(error.message().starts_with(message), "{error}");
        }
    }
}

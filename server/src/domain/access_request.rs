//! Requests of users for roles on apps, and the decisions of administrators: a granted request
//! gives exactly the role that it names. Knows neither who may decide nor HTTP.

pub use castalia_store::user::access_request::{AccessRequest, AccessRequestState};

use std::collections::HashMap;

use castalia_store::clock::shared_time;
use castalia_store::user as store_user;
use castalia_store::user::access_request::{self as request, RequestedRole};
use castalia_store::{Id, Store, StoreError, Transaction, app};
use chrono::TimeDelta;

use super::constraint::{self, can_be_stored, check_members, check_width};
use super::permission::NamedRole;
use super::permission::grant::{self, Grantee};
use super::permission::requirement::Resource;
use super::{portal_app, unique, user};
use crate::error::{Code, Error, Reaction, Result};

/// Maximum numbers of open requests of one user, and for one app.
const OF_USER: usize = 20;
const OF_APP: usize = 200;
/// Width of a note and of a reason, in characters.
const TEXT: usize = 500;
/// Maximum number of decided requests in one list.
const MOST_DECIDED: u64 = 50;
/// Maximum number of requests that wait for one administrator, in one list.
const MOST_WAITING: u64 = 200;
/// How long decided requests are kept.
const KEPT: TimeDelta = TimeDelta::days(90);

/// A role to ask for.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// The namespace or the cluster.
    pub place: Resource,
    /// Type of the role.
    pub role_type: String,
    /// Why the user needs it.
    pub note: String,
}

impl NewRequest {
    /// The role.
    ///
    /// # Errors
    /// Fails if there is no such role, or if a text is too long.
    pub fn role(&self) -> Result<NamedRole> {
        check_members([("note", Some(self.note.as_str()), TEXT)])?;
        role(&self.place, &self.role_type)
    }
}

/// What an administrator decides about a request.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Whether the role is granted.
    pub is_granted: bool,
    /// A sentence for the user; required if the request is declined.
    pub reason: String,
}

/// Requests a role for a user, and returns the request; the open one, if the user has already
/// requested this role.
///
/// # Errors
/// Fails if there is no such app, if it has no such role, or if there are too many open requests.
pub async fn create(store: &Store, new: NewRequest, user_id: &str) -> Result<AccessRequest> {
    new.role()?;
    check_width(user_id, "UserId", constraint::OPERATOR)?;
    let input = (new, user_id.to_owned());
    usable(store.write(input, |tx, input| Box::pin(create_in(tx, input))).await)
}

async fn create_in(
    tx: &Transaction,
    (new, user_id): &(NewRequest, String),
) -> Result<AccessRequest> {
    let place = &new.place;
    let app_row = portal_app::lock(tx, &place.app_id).await?.id;
    user::lock_existing(tx, &[user_id]).await?;
    let wanted = RequestedRole {
        env: place.env.clone(),
        cluster: place.cluster.clone(),
        namespace: place.namespace.clone(),
        role_type: new.role_type.clone(),
    };
    if let Some(found) = request::find_open(tx, app_row, user_id, &wanted).await? {
        return Ok(found);
    }
    let (of_user, of_app) = request::count_open(tx, user_id, app_row).await?;
    if of_user >= OF_USER || of_app >= OF_APP {
        let message = match of_user >= OF_USER {
            true => format!("You have {of_user} open requests; withdraw one first"),
            false => format!("The app has {of_app} open requests; one has to be decided first"),
        };
        return Err(Error::bad_request(message).with_code(Code::TooManyAccessRequests));
    }
    request::delete_decided_before(tx, shared_time(tx).await? - KEPT).await?;
    Ok(request::insert(tx, app_row, user_id, &wanted, &new.note).await?)
}

/// The app of a request; `None` if there is no such request, or if its app was deleted.
pub async fn app_of(store: &Store, id: Id) -> Result<Option<String>> {
    let found = usable(request::find(store.read(), id).await.map_err(Error::from))?;
    let Some(found) = found else { return Ok(None) };
    let app = app::by_ids(store.read(), &[found.app_row]).await?.pop();
    Ok(app.map(|app| app.app_id))
}

/// Decides an open request; granting it gives the user the role in the same transaction.
///
/// # Errors
/// Fails if it was decided or withdrawn meanwhile, or if the user cannot have the role.
pub async fn decide(
    store: &Store,
    (id, app_id): (Id, &str),
    decision: Decision,
    operator: &str,
) -> Result<AccessRequest> {
    check_decision(&decision)?;
    let input = (app_id.to_owned(), decision, operator.to_owned());
    let decided = unique::write(store, input, move |tx, (app_id, decision, operator)| {
        Box::pin(decide_in(tx, (id, app_id), decision, operator))
    });
    usable(decided.await)
}

/// Checks the texts of a decision.
///
/// # Errors
/// Fails if the reason is too long, or absent where the user needs it.
pub fn check_decision(decision: &Decision) -> Result<()> {
    check_members([("reason", Some(decision.reason.as_str()), TEXT)])?;
    if !decision.is_granted && decision.reason.trim().is_empty() {
        let message = "Params(reason) can not be empty: the user has to know why";
        return Err(Error::bad_request(message).with_code(Code::MissingMember));
    }
    Ok(())
}

async fn decide_in(
    tx: &Transaction,
    (id, app_id): (Id, &str),
    decision: &Decision,
    operator: &str,
) -> Result<AccessRequest> {
    // The lock of the app orders this after the deletion of the app, and after other grants.
    let app_row = portal_app::lock(tx, app_id).await?.id;
    let found = request::find(tx, id).await?.filter(|row| row.app_row == app_row);
    let found = found.ok_or_else(unknown)?;
    let state = if decision.is_granted {
        AccessRequestState::Granted
    } else {
        AccessRequestState::Declined
    };
    if !request::decide(tx, id, state, &decision.reason, operator).await? {
        return Err(decided(&found));
    }
    if decision.is_granted {
        // Locked, because a deletion of the user may be about to end the roles.
        let holder = store_user::lock(tx, &found.user_id).await?;
        let holder = holder.filter(user::is_enabled).ok_or_else(|| {
            let message = format!("{} is not an enabled user; decline the request", found.user_id);
            Error::bad_request(message).with_code(Code::DisabledUser)
        })?;
        let role = role(&place(&found, app_id), &found.role_type)?;
        grant::give(tx, &role, Grantee::Users(&[&holder.username]), operator).await?;
    }
    request::find(tx, id).await?.ok_or_else(unknown)
}

/// Withdraws an open request of the user.
///
/// # Errors
/// Fails if the user has no such request, or if it has been decided.
pub async fn withdraw(store: &Store, id: Id, user_id: &str) -> Result<()> {
    let withdrawn = store.write(user_id.to_owned(), move |tx, user_id| {
        Box::pin(async move {
            let found = request::find(tx, id).await?.filter(|row| row.user_id == *user_id);
            let found = found.ok_or_else(unknown)?;
            match request::delete_open(tx, id).await? {
                true => Ok(()),
                false => Err(decided(&found)),
            }
        })
    });
    usable(withdrawn.await)
}

/// The requests for an app, of all users or of one: open ones, then those that were decided last.
///
/// # Errors
/// Fails if there is no such app.
pub async fn of_app(
    store: &Store,
    app_id: &str,
    user_id: Option<&str>,
) -> Result<Vec<AccessRequest>> {
    let app_row = portal_app::find(store, app_id).await?.id;
    Ok(request::of_app(store, app_row, user_id, MOST_DECIDED).await?)
}

/// Open requests for these apps, or for all apps, each with its app.
pub async fn waiting(
    store: &Store,
    app_ids: Option<&[&str]>,
) -> Result<Vec<(AccessRequest, String)>> {
    let rows = match app_ids {
        Some(app_ids) => {
            let apps = app::by_app_ids(store.read(), app_ids).await?;
            Some(apps.iter().map(|app| app.id).collect::<Vec<_>>())
        }
        None => None,
    };
    let found = request::all_open(store, rows.as_deref(), MOST_WAITING).await?;
    let apps: Vec<Id> = found.iter().map(|request| request.app_row).collect();
    let apps = app::by_ids(store.read(), &apps).await?;
    let names: HashMap<Id, String> = apps.into_iter().map(|app| (app.id, app.app_id)).collect();
    let with_app = |request: AccessRequest| {
        let app_id = names.get(&request.app_row)?.clone();
        Some((request, app_id))
    };
    Ok(found.into_iter().filter_map(with_app).collect())
}

/// Forgets the requests for a deleted app.
pub(super) async fn forget_app(store: &Store, app_row: Id) {
    note(request::forget_app(store, app_row).await);
}

/// Forgets the requests for a deleted namespace or cluster, whose roles are deleted with it.
pub async fn forget_place(store: &Store, place: &Resource) {
    let Resource { app_id, env, cluster, namespace } = place;
    let forgotten = async {
        let Some(app) = app::by_app_id(store.read(), app_id).await? else { return Ok(()) };
        match cluster.is_empty() {
            true => request::forget_namespace(store, app.id, namespace).await,
            false => request::forget_cluster(store, app.id, env, cluster).await,
        }
    };
    note(forgotten.await);
}

/// Forgets the requests of a user who may not sign in any more.
pub(super) async fn forget_user(store: &Store, user_id: &str) {
    note(request::forget_user(store, user_id).await);
}

fn note(forgotten: Result<(), StoreError>) {
    if let Err(error) = forgotten {
        tracing::warn!(%error, "cannot forget requests for access");
    }
}

/// The role of this type on a namespace or on a cluster.
fn role(place: &Resource, role_type: &str) -> Result<NamedRole> {
    let invalid = |message: &str| Error::bad_request(message).with_code(Code::InvalidParameter);
    check_members([
        ("clusterName", Some(place.cluster.as_str()), constraint::NAME),
        ("namespaceName", Some(place.namespace.as_str()), constraint::NAME),
    ])?;
    let is_cluster = !place.cluster.is_empty();
    if is_cluster == place.namespace.is_empty() && !(is_cluster && place.env.is_empty()) {
        let name = if is_cluster { &place.cluster } else { &place.namespace };
        if !can_be_stored(name, constraint::NAME) {
            let message = format!("`{name}` is not a name of a namespace or cluster");
            return Err(Error::bad_request(message).with_code(Code::InvalidName));
        }
        return place.role(role_type);
    }
    Err(invalid("a request names a namespace, or a cluster with its environment"))
}

fn place(found: &AccessRequest, app_id: &str) -> Resource {
    Resource {
        app_id: app_id.to_owned(),
        env: found.env.clone(),
        cluster: found.cluster_name.clone(),
        namespace: found.namespace_name.clone(),
    }
}

/// Explains what to do without the table, which the account of the database may not create or use.
fn usable<T>(outcome: Result<T>) -> Result<T> {
    outcome.map_err(|error| {
        error.for_unusable_table(
            "The table CastaliaAccessRequest cannot be used; run `castalia migrate`, or ask an \
             administrator of the app for the role",
        )
    })
}

fn decided(found: &AccessRequest) -> Error {
    let message = match found.decided_by.is_empty() {
        true => "The request was decided or withdrawn meanwhile".to_owned(),
        false => format!("The request has been decided by {}", found.decided_by),
    };
    Error::new(Reaction::Conflict, message).with_code(Code::DecidedAccessRequest)
}

/// The error for a request that does not exist.
#[must_use]
pub fn unknown() -> Error {
    let message = "There is no such request for access; it may have been withdrawn";
    Error::not_found(message).with_code(Code::UnknownAccessRequest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_one_namespace_or_one_cluster() {
        let place = |[env, cluster, namespace]: [&str; 3]| Resource {
            app_id: "a".into(),
            env: env.into(),
            cluster: cluster.into(),
            namespace: namespace.into(),
        };
        for (parts, role_type, name) in [
            (["", "", "n"], "ModifyNamespace", "ModifyNamespace+a+n"),
            (["PRO", "", "n"], "ReleaseNamespace", "ReleaseNamespace+a+n+PRO"),
            (["PRO", "c", ""], "ModifyNamespacesInCluster", "ModifyNamespacesInCluster+a+PRO+c"),
        ] {
            assert_eq!(role(&place(parts), role_type).unwrap().name, name);
        }
        for (parts, role_type) in [
            (["", "", ""], "Master"),
            (["PRO", "", ""], "ModifyNamespace"),
            (["", "c", ""], "ModifyNamespacesInCluster"),
            (["PRO", "c", "n"], "ModifyNamespacesInCluster"),
            (["", "", "a/b"], "ModifyNamespace"),
            (["", "", "n"], "Master"),
        ] {
            role(&place(parts), role_type).unwrap_err();
        }
    }

    #[test]
    fn a_refusal_has_a_reason() {
        let decision = |is_granted, reason: &str| Decision { is_granted, reason: reason.into() };
        check_decision(&decision(true, "")).unwrap();
        check_decision(&decision(false, "Use the test environment.")).unwrap();
        check_decision(&decision(false, " ")).unwrap_err();
    }
}

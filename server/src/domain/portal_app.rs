//! Apps in the portal: their rows in ApolloPortalDB, their roles, and the apps of a user or
//! consumer. The admin role manages the app in an environment.

mod deletion;

pub use castalia_store::app::App;

pub use self::deletion::{delete, find_in_any_case, is_present};

use std::collections::BTreeSet;

use castalia_store::app::AppRow;
use castalia_store::namespace::{AppNamespaceRow, delete_app_namespaces, insert_app_namespace};
use castalia_store::user::role;
use castalia_store::{Authorship, Connection, Deletion, Id, Store, Transaction, app};

use crate::domain::constraint::{check_members, check_name};
use crate::domain::page::{Page, Paged};
use crate::domain::permission::grant::{self, Grantee};
use crate::domain::permission::requirement::{Identity, UserToken};
use crate::domain::permission::{self, Action, NamedRole};
use crate::domain::revision::{Base, Replaced, Revision};
use crate::domain::{unique, user};
use crate::error::{Code, Error, Result};
use castalia_core::protocol::namespace::{DEFAULT_CLUSTER, DEFAULT_NAMESPACE, Format};

/// Widths of the columns, in characters.
const APP_ID: usize = 64;

/// Ids that no app may have: the target of permissions that belong to none, and paths of the
/// OpenAPI.
const RESERVED: [&str; 4] = [permission::SYSTEM, "by-self", "authorized", "envs"];
const NAME: usize = 500;
const ORG_ID: usize = 32;
const ORG_NAME: usize = 64;

/// The details of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortalAppDetails {
    /// App id.
    pub app_id: String,
    /// Display name.
    pub name: String,
    /// Department id.
    pub org_id: String,
    /// Department name.
    pub org_name: String,
    /// User name of the owner.
    pub owner_name: String,
}

/// A request to create an app, with the permissions on it.
#[derive(Debug, Clone, Default)]
pub struct NewApp {
    /// The app.
    pub details: PortalAppDetails,
    /// Administrators in addition to the owner.
    pub admins: Vec<String>,
    /// Consumer that may manage it.
    pub consumer: Option<Id>,
    /// All environments; roles for the first namespace are created in each.
    pub envs: Vec<String>,
    /// Reachable environments; roles for the first cluster are created in each.
    pub active_envs: Vec<String>,
}

impl PortalAppDetails {
    /// Rejects details that the tables or Apollo would reject.
    fn check_texts(&self) -> Result<()> {
        let members = [
            ("appId", &self.app_id, APP_ID),
            ("name", &self.name, NAME),
            ("orgId", &self.org_id, ORG_ID),
            ("orgName", &self.org_name, ORG_NAME),
            ("ownerName", &self.owner_name, APP_ID),
        ];
        for (member, text, width) in members {
            if text.trim().is_empty() {
                return Err(
                    Error::bad_request(format!("{member} cannot be blank")).with_code(Code::Blank)
                );
            }
            check_members([(member, Some(text.as_str()), width)])?;
        }
        check_name(Some(&self.app_id), "AppId")
    }

    /// Rejects details of an app that may not exist yet.
    ///
    /// # Errors
    /// Names the first invalid member.
    pub fn check(&self) -> Result<()> {
        self.check_texts()?;
        if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(&self.app_id)) {
            let message = format!("AppId {} is reserved", self.app_id);
            return Err(Error::bad_request(message).with_code(Code::InvalidName));
        }
        Ok(())
    }
}

/// Creates an app with its first namespace and all roles. The owner has all permissions, further
/// administrators may grant roles.
///
/// # Errors
/// Fails if the app exists, or if a user does not exist.
pub async fn create(store: &Store, new: NewApp, operator: &str) -> Result<App> {
    new.details.check()?;
    let new = NewApp { admins: user::all_existing(store, &new.admins).await?, ..new };
    let (details, email) = with_owner(store, new.details).await?;
    let input = (NewApp { details, ..new }, email, operator.to_owned());
    unique::write(store, input, |tx, (new, email, operator)| {
        Box::pin(create_in(tx, new, email, operator))
    })
    .await
}

/// Changes the details of an app.
///
/// # Errors
/// Fails if the app or its new owner does not exist.
pub async fn update(
    store: &Store,
    details: PortalAppDetails,
    operator: &str,
    base: Base,
) -> Result<App> {
    details.check_texts()?;
    let (details, email) = with_owner(store, details).await?;
    let input = (details, email, operator.to_owned(), base);
    store
        .write(input, |tx, (details, email, operator, base)| {
            Box::pin(update_in(tx, details, email, operator, base))
        })
        .await
}

/// The revision of the details of an app.
#[must_use]
pub fn revision(app: &App) -> Revision {
    Revision::of_texts(
        [&app.name, &app.org_id, &app.org_name, &app.owner_name].map(|text| Some(&**text)),
    )
}

/// Rejects a change of an app that is based on another revision; a deletion names no details.
///
/// # Errors
/// Fails with the texts that differ.
pub fn check_base(app: &App, base: &Base, details: Option<&PortalAppDetails>) -> Result<()> {
    // In the order of `revision`.
    let texts = [
        ("name", details.map(|new| &new.name), &app.name),
        ("orgId", details.map(|new| &new.org_id), &app.org_id),
        ("orgName", details.map(|new| &new.org_name), &app.org_name),
        ("ownerName", details.map(|new| &new.owner_name), &app.owner_name),
    ]
    .map(|(name, new, old)| (name, new.map(String::as_str), Some(old.as_str())));
    base.check_row(&Replaced {
        what: "app",
        texts: &texts,
        by: app.data_change_last_modified_by.as_deref(),
        at: app.data_change_last_time.map(|time| *time),
    })
}

async fn update_in(
    tx: &Transaction,
    details: &PortalAppDetails,
    email: &str,
    operator: &str,
    base: &Base,
) -> Result<App> {
    let app_id = &details.app_id;
    let old = lock(tx, app_id).await?;
    check_base(&old, base, Some(details))?;
    let new = App {
        name: details.name.clone(),
        org_id: details.org_id.clone(),
        org_name: details.org_name.clone(),
        owner_name: details.owner_name.clone(),
        owner_email: email.to_owned(),
        data_change_last_modified_by: Some(operator.to_owned()),
        ..old.clone()
    };
    app::update(tx, &old, &new).await?;
    app::by_app_id(tx, app_id).await?.ok_or_else(|| unknown(app_id))
}

/// Creates missing roles of an app.
///
/// # Errors
/// Fails if roles are missing and there is no such app.
pub async fn ensure_roles(
    store: &Store,
    app_id: &str,
    roles: Vec<NamedRole>,
    operator: &str,
) -> Result<()> {
    // A transaction would record the request in the audit log, even if it is refused afterwards.
    if missing(store.read(), &roles).await?.is_empty() {
        return Ok(());
    }
    let input = (app_id.to_owned(), roles, operator.to_owned());
    unique::write(store, input, |tx, (app_id, roles, operator)| {
        Box::pin(async move {
            lock(tx, app_id).await?;
            for role in missing(tx, roles).await? {
                grant::ensure(tx, role, operator).await?;
            }
            Ok(())
        })
    })
    .await
}

async fn missing<'r>(db: &impl Connection, roles: &'r [NamedRole]) -> Result<Vec<&'r NamedRole>> {
    let names: Vec<_> = roles.iter().map(|role| &role.name).collect();
    let present = role::named(db, &names).await?;
    let is_missing = |wanted: &&NamedRole| present.iter().all(|role| role.role_name != wanted.name);
    Ok(roles.iter().filter(is_missing).collect())
}

/// The app with this id, locked until the end of the transaction. Every transaction that adds
/// something to an app takes this lock first, or it would add it to an app that another caller
/// deletes: a definition without an app makes its id unusable.
///
/// # Errors
/// Fails if there is no such app.
pub(super) async fn lock(tx: &Transaction, app_id: &str) -> Result<App> {
    exactly(app_id, app::lock(tx, app_id).await?)
}

/// The app with this id.
///
/// # Errors
/// Fails if there is no such app.
pub async fn find(store: &Store, app_id: &str) -> Result<App> {
    exactly(app_id, app::by_app_id(store.read(), app_id).await?)
}

/// The database may treat ids as equal that differ in case.
fn exactly(app_id: &str, found: Option<App>) -> Result<App> {
    found.filter(|app| app.app_id == app_id).ok_or_else(|| unknown(app_id))
}

/// Rejects a spelling of an app id that only the database treats as equal to the stored one:
/// objects created under it would belong to no app.
///
/// # Errors
/// Fails if the stored id has another spelling.
pub async fn check_spelling(store: &Store, app_id: &str) -> Result<()> {
    match app::by_app_id(store.read(), app_id).await? {
        Some(app) if app.app_id != app_id => Err(unknown(app_id)),
        _ => Ok(()),
    }
}

fn unknown(app_id: &str) -> Error {
    Error::bad_request(format!("App not found: {app_id}")).with_code(Code::UnknownApp)
}

/// All apps.
pub async fn all(store: &Store) -> Result<Vec<App>> {
    Ok(app::all(store.read()).await?)
}

/// A page of the apps whose id or name contains a text.
pub async fn search(store: &Store, text: &str, page: &Page) -> Result<Paged<App>> {
    Ok(app::search(store.read(), text, page).await?)
}

/// The apps with these ids; unknown ones are omitted.
pub async fn named(store: &Store, app_ids: &[&str]) -> Result<Vec<App>> {
    Ok(app::by_app_ids(store.read(), app_ids).await?)
}

/// The apps in which a user or consumer has any role; those within the scope of a token.
pub async fn of(store: &Store, identity: &Identity) -> Result<Vec<App>> {
    let roles = match identity {
        Identity::Consumer(consumer) if consumer.all_apps => return all(store).await,
        Identity::Consumer(consumer) => role::roles_of_consumer(store.read(), consumer.id).await?,
        Identity::User(user_id) | Identity::Token(UserToken { user_id, .. }) => {
            role::roles_of_user(store.read(), user_id).await?
        }
    };
    let app_ids: BTreeSet<_> =
        roles.iter().filter_map(|role| NamedRole::app_of(&role.role_name)).collect();
    let app_ids = app_ids.into_iter().filter(|app_id| identity.reaches_app(app_id));
    named(store, &app_ids.collect::<Vec<_>>()).await
}

/// The details with the owner's name as it is stored, which some databases find in another spelling
/// too, and the owner's address.
async fn with_owner(
    store: &Store,
    details: PortalAppDetails,
) -> Result<(PortalAppDetails, String)> {
    let Some(owner) = user::find(store, &details.owner_name).await? else {
        let message = format!("Application's owner not exist. owner = {}", details.owner_name);
        return Err(Error::bad_request(message).with_code(Code::UnknownUser));
    };
    Ok((PortalAppDetails { owner_name: owner.username, ..details }, owner.email))
}

async fn create_in(tx: &Transaction, new: &NewApp, email: &str, operator: &str) -> Result<App> {
    let PortalAppDetails { app_id, name, org_id, org_name, owner_name } = &new.details;
    // Compared without regard to case: environments whose database ignores case have one app for
    // both spellings. No unique key ensures this where the portal's database distinguishes case.
    grant::lock_portal(tx).await?;
    if let Some(stored) = app::stored_id(tx, app_id).await? {
        return Err(Error::bad_request(format!("app already exists for appId:{stored}"))
            .with_code(Code::AppExists));
    }
    let row = AppRow {
        app_id: app_id.clone(),
        name: name.clone(),
        org_id: org_id.clone(),
        org_name: org_name.clone(),
        owner_name: owner_name.clone(),
        owner_email: email.to_owned(),
    };
    let author = Authorship::of(operator);
    let created = app::insert(tx, row, author.clone()).await?;
    // Definitions may be left of an app that was deleted by hand, roles of one that Apollo deleted.
    let by = &Deletion::by(operator);
    delete_app_namespaces(tx, app_id, by).await?;
    grant::delete_left_of_app(tx, app_id, by).await?;
    insert_app_namespace(tx, first_namespace(app_id), author).await?;
    let masters = new.admins.iter().chain([owner_name]).map(String::as_str);
    let masters: Vec<&str> = masters.collect();
    user::lock_existing(tx, &masters).await?;
    let master = NamedRole::master(app_id);
    grant::give(tx, &master, Grantee::Users(&masters), operator).await?;
    if let Some(consumer) = new.consumer {
        grant::give(tx, &master, Grantee::Consumer(consumer), operator).await?;
    }
    grant::ensure(tx, &NamedRole::manage_app_master(app_id), operator).await?;
    grant::open_namespace(tx, (app_id, DEFAULT_NAMESPACE), &new.envs, Some(owner_name), operator)
        .await?;
    for env in &new.active_envs {
        for act in Action::CHANGING {
            grant::ensure(tx, &NamedRole::cluster(act, app_id, env, DEFAULT_CLUSTER), operator)
                .await?;
        }
    }
    Ok(created)
}

fn first_namespace(app_id: &str) -> AppNamespaceRow {
    AppNamespaceRow {
        name: DEFAULT_NAMESPACE.to_owned(),
        app_id: app_id.to_owned(),
        format: Format::Properties.name().to_owned(),
        is_public: false,
        comment: "default app namespace".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_refused_by_member() {
        let good = PortalAppDetails {
            app_id: "demo".into(),
            name: "Demo".into(),
            org_id: "o".into(),
            org_name: "O".into(),
            owner_name: "apollo".into(),
        };
        assert!(good.check().is_ok());
        for (bad, text) in [
            (PortalAppDetails { app_id: "a b".into(), ..good.clone() }, "Invalid AppId format"),
            (PortalAppDetails { app_id: "x".repeat(65), ..good.clone() }, "appId is longer"),
            (PortalAppDetails { name: " ".into(), ..good.clone() }, "name cannot be blank"),
            (PortalAppDetails { owner_name: String::new(), ..good }, "ownerName cannot be blank"),
        ] {
            let error = bad.check().unwrap_err();
            assert!(error.message().starts_with(text), "{error}");
        }
    }
}

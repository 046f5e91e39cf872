//! Restores apps and definitions in the portal, with their roles and grants. The admin role
//! restores them in an environment.

use castalia_store::app::App;
use castalia_store::namespace::AppNamespace;
use castalia_store::restoration::{self, SPREAD, When, hidden_apps_named, hidden_definitions};
use castalia_store::{Connection, Deletion, Store, Transaction, app};

use super::permission::grant;
use super::restoration::{Deleted, DeletedKind, ROUNDING, is_of_deleted, not_deleted, since};
use super::{portal_app, portal_namespace, unique};
use crate::error::{Code, Error, Result};

/// The apps that were deleted lately, the latest first.
pub async fn apps(store: &Store) -> Result<Vec<App>> {
    Ok(restoration::hidden_apps(store.read(), When::Since(since())).await?)
}

/// The present app of a name, and the deleted ones that had it.
#[derive(Debug)]
pub struct Namesakes {
    present: App,
    deleted: Vec<App>,
}

impl Namesakes {
    /// Reads the deleted ones.
    pub async fn of(store: &Store, present: App) -> Result<Self> {
        let deleted = hidden_apps_named(store.read(), &present.app_id, When::Since(0)).await?;
        Ok(Self { present, deleted })
    }

    /// The present app.
    #[must_use]
    pub fn present(&self) -> &App {
        &self.present
    }

    /// Whether an app that an environment deleted was the present one: people of this one must not
    /// see the content of another one. It is known by its creation, because an environment that
    /// was away deletes an app later than the portal. The clock of the environment may be
    /// behind by up to `skew` milliseconds if no other app had the name.
    #[must_use]
    pub fn was_present(&self, one: &Deleted, skew: i64) -> bool {
        let others: Vec<_> =
            self.deleted.iter().map(|app| (created(app), app.deleted_at)).collect();
        was_of(created(&self.present), &others, one, skew)
    }

    /// Whether something that an environment deleted at this time, by a clock that is ahead by up
    /// to `skew` milliseconds, belonged to the present app.
    #[must_use]
    pub fn had_at(&self, at: i64, skew: i64) -> bool {
        created(&self.present) <= at && !is_of_deleted(&self.deleted, at, skew)
    }

    /// Whether what the portal deleted at this time belonged to one of the deleted apps.
    #[must_use]
    pub fn was_of_deleted(&self, at: i64) -> bool {
        is_of_deleted(&self.deleted, at, 0)
    }
}

/// Of definitions of one name that an environment deleted, those that were this one of the portal;
/// see [`Namesakes::was_present`].
///
/// # Errors
/// Fails if the database does.
pub async fn those_of_definition(
    store: &Store,
    row: &AppNamespace,
    mut found: Vec<Deleted>,
    skew: i64,
) -> Result<Vec<Deleted>> {
    let hidden = hidden_definitions(store.read(), &row.app_id, When::Since(0)).await?;
    let namesakes = hidden.into_iter().filter(|other| other.name == row.name);
    let others: Vec<_> = namesakes.map(|other| (defined(&other), other.deleted_at)).collect();
    found.retain(|one| was_of(defined(row), &others, one, skew));
    Ok(found)
}

/// Whether what an environment deleted was the object of the portal that was created at this time,
/// and none of the others of its name, which were created and deleted at these.
fn was_of(present: i64, others: &[(i64, i64)], one: &Deleted, skew: i64) -> bool {
    let tolerance = if others.is_empty() { skew } else { ROUNDING };
    let was_other =
        |(from, to): &(i64, i64)| (from - ROUNDING..=to + ROUNDING).contains(&one.created);
    present <= one.created + tolerance && !others.iter().any(was_other)
}

/// When the app or the definition of the portal was created that was deleted at this time and has
/// been restored, in milliseconds since 1970.
///
/// # Errors
/// Fails if the database does.
pub async fn restored(store: &Store, deleted: &Deleted) -> Result<Option<i64>> {
    let Deleted { kind, app_id, namespace, at, .. } = deleted;
    let created = match kind {
        DeletedKind::App => {
            let rows = portal_app::named(store, &[app_id]).await?;
            let Some(app) = rows.into_iter().find(|app| app.app_id == *app_id) else {
                return Ok(None);
            };
            let namesakes = Namesakes::of(store, app).await?;
            namesakes.had_at(*at, 0).then(|| created(&namesakes.present))
        }
        _ => {
            let hidden = hidden_definitions(store.read(), app_id, When::At(*at)).await?;
            let rows = portal_namespace::of_app(store, app_id).await?;
            let row = rows.iter().find(|row| row.name == *namespace);
            row.filter(|_| hidden.iter().all(|one| one.name != *namespace)).map(defined)
        }
    };
    Ok(created.filter(|created| created + ROUNDING <= *at))
}

fn created(app: &App) -> i64 {
    app.data_change_created_time.timestamp_millis()
}

fn defined(row: &AppNamespace) -> i64 {
    row.data_change_created_time.timestamp_millis()
}

/// The definitions of an app that were deleted lately, but not with the app, nor of an earlier app
/// of the same name.
pub async fn definitions(store: &Store, app_id: &str) -> Result<Vec<Deleted>> {
    let when = When::Since(since());
    let apps = hidden_apps_named(store.read(), app_id, when).await?;
    let definitions = hidden_definitions(store.read(), app_id, when).await?;
    let whole = definitions.iter().filter(|row| !is_of_earlier(&apps, &definitions, row)).cloned();
    let one = |row: AppNamespace| Deleted {
        kind: DeletedKind::AppNamespace,
        created: defined(&row),
        app_id: row.app_id,
        cluster: String::new(),
        namespace: row.name,
        at: row.deleted_at,
        operator: row.data_change_last_modified_by,
    };
    Ok(whole.map(one).collect())
}

/// Whether a definition belonged to one of these apps, which are deleted. Castalia deletes an app
/// and its definitions at one time; Apollo's portal deletes these just after it.
fn is_of_earlier(apps: &[App], definitions: &[AppNamespace], row: &AppNamespace) -> bool {
    let created = defined(row);
    let is_by_apollo = |app: &&App| definitions.iter().all(|one| one.deleted_at != app.deleted_at);
    is_of_deleted(apps, row.deleted_at, 0)
        || apps.iter().filter(is_by_apollo).any(|app| {
            (app.deleted_at..app.deleted_at + SPREAD).contains(&row.deleted_at)
                && created <= app.deleted_at + ROUNDING
        })
}

/// Restores an app with its definitions, its roles and their grants. Returns the time at which it
/// was created, in milliseconds since 1970.
///
/// # Errors
/// Fails if it was not deleted at this time, or if there is an app or a public namespace of that
/// name.
pub async fn restore_app(store: &Store, app_id: &str, at: i64, operator: &str) -> Result<i64> {
    let input = (app_id.to_owned(), at, operator.to_owned());
    unique::write(store, input, |tx, (app_id, at, operator)| {
        Box::pin(restore_app_in(tx, app_id, *at, operator))
    })
    .await
}

async fn restore_app_in(tx: &Transaction, app_id: &str, at: i64, operator: &str) -> Result<i64> {
    app::lock_first(tx).await?;
    grant::lock_portal(tx).await?;
    let created = check_app(tx, app_id, at).await?;
    restoration::show_app(tx, app_id, at).await?;
    restoration::show_definitions(tx, app_id, None, at).await?;
    restoration::show_favorites(tx, app_id, at).await?;
    // Roles of an app that does not exist may have been created meanwhile.
    grant::delete_app_roles(tx, app_id, &Deletion::by(operator)).await?;
    grant::restore_app_roles(tx, app_id, at).await?;
    Ok(created)
}

/// Checks that an app can be restored. Returns the time at which it was created.
async fn check_app(db: &impl Connection, app_id: &str, at: i64) -> Result<i64> {
    if let Some(stored) = app::stored_id(db, app_id).await? {
        return Err(Error::bad_request(format!("app already exists for appId:{stored}"))
            .with_code(Code::AppExists));
    }
    let apps = hidden_apps_named(db, app_id, When::At(at)).await?;
    let app = apps.first().ok_or_else(|| not_deleted(DeletedKind::App))?;
    let definitions = hidden_definitions(db, app_id, When::At(at)).await?;
    if definitions.is_empty() {
        // Every app has one, and Castalia deletes it together with the app.
        let message = "Apollo deleted this app: its rows do not show what belongs together, so it \
                       cannot be restored";
        return Err(Error::bad_request(message).with_code(Code::NotRestorable));
    }
    portal_namespace::check_free(db, &definitions.iter().collect::<Vec<_>>()).await?;
    Ok(created(app))
}

/// Restores a definition with the roles of its namespaces and their grants. Returns the time at
/// which it was created, in milliseconds since 1970.
///
/// # Errors
/// Fails if it was not deleted at this time, or if its name is in use again.
pub async fn restore_definition(
    store: &Store,
    (app_id, name): (&str, &str),
    at: i64,
    operator: &str,
) -> Result<i64> {
    let input = (app_id.to_owned(), name.to_owned(), at, operator.to_owned());
    unique::write(store, input, |tx, (app_id, name, at, operator)| {
        Box::pin(restore_definition_in(tx, (app_id, name), *at, operator))
    })
    .await
}

async fn restore_definition_in(
    tx: &Transaction,
    (app_id, name): (&str, &str),
    at: i64,
    operator: &str,
) -> Result<i64> {
    app::lock_first(tx).await?;
    portal_app::lock(tx, app_id).await?;
    grant::lock_portal(tx).await?;
    let created = check_definition(tx, (app_id, name), at).await?;
    restoration::show_definitions(tx, app_id, Some(name), at).await?;
    grant::delete_namespace_roles(tx, app_id, name, &Deletion::by(operator)).await?;
    grant::restore_namespace_roles(tx, app_id, name, at).await?;
    Ok(created)
}

/// Checks that a definition can be restored. Returns the time at which it was created.
async fn check_definition(
    db: &impl Connection,
    (app_id, name): (&str, &str),
    at: i64,
) -> Result<i64> {
    let hidden = hidden_definitions(db, app_id, When::At(at)).await?;
    let found = hidden.iter().find(|row| row.name == name);
    let definition = found.ok_or_else(|| not_deleted(DeletedKind::AppNamespace))?;
    let lately = When::Since(at - SPREAD);
    let apps = hidden_apps_named(db, app_id, lately).await?;
    let definitions = hidden_definitions(db, app_id, lately).await?;
    if is_of_earlier(&apps, &definitions, definition) {
        return Err(not_deleted(DeletedKind::AppNamespace));
    }
    portal_namespace::check_free(db, &[definition]).await?;
    Ok(defined(definition))
}

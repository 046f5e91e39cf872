//! Queries: users of the portal; those of roles, requests for roles, favourites, preferences,
//! recently opened apps, sessions and personal tokens are in files below. Permissions are not known
//! here.

pub mod access_request;
pub mod favorite;
pub mod preference;
pub mod recent;
pub mod role;
pub mod session;
pub mod token;

use sea_orm::sea_query::Condition;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Set,
};

use crate::audit::trail;
use crate::condition::{chunks, contains};
use crate::entity::authorities;
use crate::entity::users::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::{Id, Small};
use crate::row::decode;
use crate::row::{insert, update_as_is};
use crate::secret::Secret;

pub use crate::entity::users::Model as User;

/// The authority that a Java portal requires of each of its users.
const AUTHORITY: &str = "ROLE_user";

/// The columns of a user to write. `None` leaves a column of an existing user unchanged.
#[derive(Clone, Debug)]
pub struct UserRow {
    pub username: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
    /// The hash, which starts with its scheme; never the password.
    pub password: Option<Secret>,
    pub is_enabled: Option<bool>,
}

/// The user with this name. A password that cannot be decoded is empty, which no password matches;
/// a user whose state cannot be decoded is not enabled.
pub async fn find(db: &impl ConnectionTrait, username: &str) -> Result<Option<Model>, StoreError> {
    decode::repaired(db, Entity::find().filter(Column::Username.eq(username))).await
}

/// Whether there is any user.
pub async fn any(db: &impl ConnectionTrait) -> Result<bool, StoreError> {
    let id = Entity::find().select_only().column(Column::Id).into_tuple::<Id>();
    Ok(id.one(db).await?.is_some())
}

/// The same as [`find`], locked until the end of the transaction: every transaction that sets a
/// password, or relies on one, takes this lock.
pub async fn lock(db: &impl ConnectionTrait, username: &str) -> Result<Option<Model>, StoreError> {
    let user = Entity::find().filter(Column::Username.eq(username)).lock_exclusive();
    decode::repaired(db, user).await
}

/// The users with these names by id; unknown ones and those that cannot be decoded are omitted.
pub async fn by_names<S: AsRef<str>>(
    db: &impl ConnectionTrait,
    usernames: &[S],
) -> Result<Vec<Model>, StoreError> {
    let usernames: Vec<&str> = usernames.iter().map(AsRef::as_ref).collect();
    let mut found = Vec::new();
    for chunk in chunks(&usernames) {
        let named = Entity::find().filter(Column::Username.is_in(chunk));
        found.extend(readable::models(db, named).await?);
    }
    found.sort_by_key(|row| row.id);
    Ok(found)
}

/// Locks the users with these names until the end of the transaction, and returns their names;
/// unknown ones are omitted.
pub async fn lock_all(
    db: &impl ConnectionTrait,
    usernames: &[&str],
) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(usernames) {
        // In one order, so that two transactions do not wait for each other.
        let named = Entity::find().filter(Column::Username.is_in(chunk)).order_by_asc(Column::Id);
        let named = named.lock_exclusive().select_only().column(Column::Username);
        found.extend(named.into_tuple::<String>().all(db).await?);
    }
    Ok(found)
}

/// Users whose name or display name contains the text, by id; an empty text matches all.
pub async fn search(
    db: &impl ConnectionTrait,
    text: &str,
    with_disabled: bool,
    limit: Option<u64>,
) -> Result<Vec<Model>, StoreError> {
    let mut found = Entity::find().order_by_asc(Column::Id).limit(limit);
    if !with_disabled {
        found = found.filter(Column::Enabled.eq(Small(1)));
    }
    if !text.is_empty() {
        let either = Condition::any().add(contains(db, Column::Username, text)).add(contains(
            db,
            Column::UserDisplayName,
            text,
        ));
        found = found.filter(either);
    }
    readable::models(db, found).await
}

/// Deletes a user, with the authorities for the Java portal.
pub async fn delete(db: &impl ConnectionTrait, found: &Model) -> Result<(), StoreError> {
    trail::deleted("Users", "Username", &found.username);
    let authorities = authorities::Column::Username.eq(&found.username);
    authorities::Entity::delete_many().filter(authorities).exec(db).await?;
    Entity::delete_by_id(found.id).exec(db).await?;
    Ok(())
}

/// Inserts a user. Fails with [`StoreError::Duplicate`] if the name is in use.
pub async fn create(db: &impl ConnectionTrait, user: &UserRow) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: ActiveValue::NotSet,
        username: Set(user.username.clone()),
        password: Set(user.password.clone().unwrap_or_default()),
        user_display_name: Set(user.display_name.clone().unwrap_or_default()),
        email: Set(user.email.clone().unwrap_or_default()),
        enabled: Set(Some(Small(user.is_enabled.unwrap_or(true).into()))),
    };
    let created = insert(db, row).await?;
    let authority = authorities::ActiveModel {
        id: ActiveValue::NotSet,
        username: Set(user.username.clone()),
        authority: Set(AUTHORITY.to_owned()),
    };
    insert(db, authority).await?;
    note(&created.username, created.id, user);
    Ok(created)
}

/// That a password was set is noted, and not the password.
fn note(username: &str, id: Id, user: &UserRow) {
    let mut fields = vec![("Username", Some(username))];
    fields.extend(
        user.is_enabled.map(|is_enabled| ("Enabled", Some(if is_enabled { "1" } else { "0" }))),
    );
    fields.extend(user.password.as_ref().map(|_| ("Password", None)));
    trail::wrote("Users", id, &fields);
}

/// Changes a user; returns whether anything was changed.
pub async fn change(
    db: &impl ConnectionTrait,
    found: Model,
    user: &UserRow,
) -> Result<bool, StoreError> {
    note(&found.username, found.id, user);
    let mut row = found.into_active_model();
    if let Some(password) = &user.password {
        row.password.set_if_not_equals(password.clone());
    }
    if let Some(display_name) = &user.display_name {
        row.user_display_name.set_if_not_equals(display_name.clone());
    }
    if let Some(email) = &user.email {
        row.email.set_if_not_equals(email.clone());
    }
    if let Some(is_enabled) = user.is_enabled {
        row.enabled.set_if_not_equals(Some(Small(is_enabled.into())));
    }
    update_as_is(db, row).await
}

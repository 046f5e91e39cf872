//! The users in an answer, read with one query: their display names, or what an API shows of them.

use std::collections::HashMap;

use crate::directory::entry::DirectoryUser;
use crate::domain::user::{self, User as Row};
use crate::error::Result;
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::wire::open_api::{Authored, User};

/// Fills in the display names of the users who created and changed each body.
pub(super) async fn name_people<T: Authored>(portal: &Portal, bodies: &mut [T]) -> Result<()> {
    let names = called(portal, bodies.iter().flat_map(Authored::people)).await?;
    for body in bodies {
        body.name_people(&|name| names.get(name).cloned());
    }
    Ok(())
}

/// Display names by user name.
pub(super) async fn called<'n>(
    portal: &Portal,
    names: impl Iterator<Item = &'n str>,
) -> Result<HashMap<String, String>> {
    let mut names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    user::display_names(&portal.state.store, &names).await
}

/// The users with these names. One who is unknown, because another program deleted the user, is
/// described by the name alone.
pub(super) async fn described<const N: usize>(
    portal: &Portal,
    caller: &Caller,
    lists: [Vec<String>; N],
) -> Result<[Vec<User>; N]> {
    let mut names = lists.concat();
    names.sort_unstable();
    names.dedup();
    let rows = user::named(&portal.state.store, &names).await?;
    let rows: HashMap<_, _> = rows.into_iter().map(|row| (row.username.clone(), row)).collect();
    let describe = |name: String| match rows.get(&name) {
        Some(row) => shown(portal, caller, row),
        None => User { name: Some(name.clone()), user_id: Some(name), ..User::default() },
    };
    Ok(lists.map(|names| names.into_iter().map(describe).collect()))
}

/// What a caller sees of a user: mail addresses of others are for administrators, unless the
/// directory of users is open.
pub(super) fn shown(portal: &Portal, caller: &Caller, row: &Row) -> User {
    User {
        user_id: Some(row.username.clone()),
        name: Some(row.user_display_name.clone()),
        email: sees_address(portal, caller, &row.username).then(|| row.email.clone()),
        enabled: user::is_enabled(row).into(),
        ..User::default()
    }
}

/// The same of a user of the directory who has no account yet.
pub(super) fn stranger(portal: &Portal, caller: &Caller, person: DirectoryUser) -> User {
    User {
        email: person.email.filter(|_| sees_address(portal, caller, &person.id)),
        name: person.display_name.or_else(|| Some(person.id.clone())),
        user_id: Some(person.id),
        enabled: 1,
        ..User::default()
    }
}

/// Whether a caller sees the mail address of the user with this name.
pub(super) fn sees_address(portal: &Portal, caller: &Caller, name: &str) -> bool {
    portal.state.compat.open_user_directory
        || caller.identity.user_id() == Some(name)
        || portal.rights().acts_as_root(&caller.identity)
}

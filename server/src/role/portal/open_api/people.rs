//! Display names of the users in an answer, read with one query.

use std::collections::HashMap;

use crate::domain::user;
use crate::error::Result;
use crate::role::portal::Portal;
use crate::wire::open_api::Authored;

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

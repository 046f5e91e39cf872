//! The draft of a namespace in one environment: reads its items, and applies edits that were
//! computed from them, unless the draft changed in between.

use std::time::Duration;

use http::Method;
use tokio::time::sleep;

use super::content_read::ContentRead;
use super::reads::ReadTurn;
use super::{conflict, may_be_unsupported, unsupported};
use crate::domain::draft::{DraftChanges, Edits, Line};
use crate::domain::permission::requirement::Resource;
use crate::environment::{Address, Environment, revision};
use crate::error::{Error, Reaction, Result};
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::wire::admin;

/// Maximum number of attempts to compute a change of many items from the draft. Each that fails
/// means that another change was made: as many callers at once all succeed.
const ATTEMPTS: u32 = 40;
/// Maximum pause before the second attempt, in milliseconds; later ones may wait up to five times
/// as long.
const PAUSE: u64 = 20;

/// Whether to compute a change again after this error of an attempt; waits before, for a random
/// time, so that of many callers who edit one namespace each has a turn.
pub(super) async fn is_retried(error: &Error, attempt: u32) -> bool {
    let is_retried = is_out_of_date(error) && attempt < ATTEMPTS;
    if is_retried {
        let longest = PAUSE * u64::from(attempt.min(5));
        sleep(Duration::from_millis(fastrand::u64(0..=longest))).await;
    }
    is_retried
}

/// Whether to compute a change again: the draft changed in between, and the caller did not name its
/// revision. If the caller named one, it has to read again itself.
pub(super) fn is_out_of_date(error: &Error) -> bool {
    error.reaction() == Reaction::Conflict && revision::base().is_none()
}

/// Converts an item for the rules of drafts.
pub(super) fn line(item: &admin::Item) -> Line {
    Line {
        id: item.id,
        key: item.key.clone().unwrap_or_default(),
        value: item.value.clone().unwrap_or_default(),
        kind: item.r#type,
        comment: item.comment.clone().unwrap_or_default(),
        line_num: item.line_num,
    }
}

/// The items of a namespace.
pub(super) async fn draft(environment: &Environment, place: &Resource) -> Result<Vec<Line>> {
    Ok(items(environment, place).await?.iter().map(line).collect())
}

/// The same for a change, with the turn to read them, which ends when the change is made.
async fn draft_in_turn(
    portal: &Portal,
    caller: &Caller,
    environment: &Environment,
    place: &Resource,
) -> Result<(Vec<Line>, ReadTurn)> {
    let place = place.clone();
    let reading = ContentRead::for_change(caller);
    let read = reading.of(portal, environment.clone(), |environment| async move {
        draft(&environment, &place).await
    });
    read.await
}

/// The items of a namespace with their authors.
pub(super) async fn items(environment: &Environment, place: &Resource) -> Result<Vec<admin::Item>> {
    environment.get(Address::in_namespace(place, &["items"])).await
}

/// Row id of a namespace.
pub(super) async fn namespace_id(environment: &Environment, place: &Resource) -> Result<i64> {
    Ok(stored(environment, place).await?.id)
}

/// A namespace as its environment stores it. A change is not based on this read but on that of the
/// draft, so the revision, which costs a read of all items, is not requested.
pub(super) async fn stored(
    environment: &Environment,
    place: &Resource,
) -> Result<admin::Namespace> {
    environment.get(Address::in_namespace(place, &[]).with(&[("revision", "false")])).await
}

/// Computes edits from the draft and applies them; again if the draft changed in between.
pub(super) async fn change(
    portal: &Portal,
    caller: &Caller,
    place: &Resource,
    operator: &str,
    edits: &impl Edits,
) -> Result<()> {
    let environment = portal.state.environments.find(&place.env)?;
    let namespace_id = namespace_id(&environment, place).await?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let (draft, turn) = draft_in_turn(portal, caller, &environment, place).await?;
        let made = match edits.changes(&draft) {
            Ok(changes) => apply(&environment, place, namespace_id, changes, operator, None).await,
            Err(error) => Err(error),
        };
        // What follows waits for others, or for a turn of its own.
        drop((draft, turn));
        match made {
            Err(error) if is_retried(&error, attempt).await => {}
            Err(error) => return Err(conflict::explain(portal, caller, place, edits, error).await),
            Ok(()) => return Ok(()),
        }
    }
}

/// Checks as far as possible whether the edits would be applied.
pub(super) async fn try_out(
    portal: &Portal,
    caller: &Caller,
    place: &Resource,
    operator: &str,
    edits: &impl Edits,
) -> Result<()> {
    let environment = portal.state.environments.find(&place.env)?;
    let namespace_id = namespace_id(&environment, place).await?;
    let (draft, turn) = draft_in_turn(portal, caller, &environment, place).await?;
    let error = match edits.changes(&draft) {
        Err(error) => error,
        Ok(changes) => {
            let address = Address::in_namespace(place, &["itemset", "trial"]);
            let body = change_sets(namespace_id, changes, operator);
            match environment.examine(address, &body).await {
                Ok(()) => return Ok(()),
                Err(error) if may_be_unsupported(&error) => {
                    let instead =
                        "Send the changes without dryRun: they are made together or not at all.";
                    return Err(unsupported(&environment, "check changes", instead, error));
                }
                Err(error) => error,
            }
        }
    };
    drop((draft, turn));
    Err(conflict::explain(portal, caller, place, edits, error).await)
}

/// Applies edits. Those that were computed from a release are refused if it is not the latest one.
pub(super) async fn apply(
    environment: &Environment,
    place: &Resource,
    namespace_id: i64,
    changes: DraftChanges,
    operator: &str,
    release_id: Option<i64>,
) -> Result<()> {
    if changes.is_empty() {
        return revision::check_shown();
    }
    let body = change_sets(namespace_id, changes, operator);
    let release_id = release_id.map(|id| id.to_string());
    let release_id = release_id.as_deref().map(|id| ("releaseId", id));
    let address = Address::in_namespace(place, &["itemset"]).with(release_id.as_slice());
    environment.change_on_last_read(Method::POST, address, &body).await
}

/// The edits as the admin API accepts them.
pub(super) fn change_sets(
    namespace_id: i64,
    changes: DraftChanges,
    operator: &str,
) -> admin::ItemChangeSets {
    let items = |lines: Vec<Line>| {
        let item = |line: Line| admin::Item {
            id: line.id,
            namespace_id,
            key: Some(line.key),
            r#type: line.kind,
            value: Some(line.value),
            comment: Some(line.comment),
            line_num: line.line_num,
            data_change_created_by: Some(operator.to_owned()),
            data_change_last_modified_by: Some(operator.to_owned()),
            ..admin::Item::default()
        };
        Some(lines.into_iter().map(item).collect())
    };
    admin::ItemChangeSets {
        create_items: items(changes.create),
        update_items: items(changes.update),
        delete_items: items(changes.delete),
        data_change_last_modified_by: Some(operator.to_owned()),
        ..admin::ItemChangeSets::default()
    }
}

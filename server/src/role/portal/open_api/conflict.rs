//! What a caller whose edit is based on an older revision has to know: the items that have other
//! values than the request, with their authors. The admin API, which refuses the edit, does not
//! know them: it gets the edits that were computed from the present draft.

use std::collections::HashMap;

use super::content_read::ContentRead;
use super::draft::{items, line};
use crate::domain::draft::{Difference, Edits};
use crate::domain::permission::requirement::{Requirement, Resource};
use crate::environment::{Address, revision};
use crate::error::{Error, Reaction, Result, Stale, StaleItem};
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::wire::admin;

/// Maximum number of items in an answer.
const ITEMS: usize = 100;
/// Maximum length of their keys and values, in bytes of JSON.
const TEXT: usize = 1024 * 1024;

/// The error of an edit; if the namespace has another revision than the caller named, the conflict,
/// because that may also be why a key exists or is missing.
pub(super) async fn explain(
    portal: &Portal,
    caller: &Caller,
    place: &Resource,
    edits: &impl Edits,
    error: Error,
) -> Error {
    use Reaction::{BadRequest, Conflict, NotFound};
    let Some(base) = revision::base() else { return error };
    if !matches!(error.reaction(), BadRequest | NotFound | Conflict) {
        return error;
    }
    match stale(portal, caller, place, edits, base).await {
        Ok(Some(stale)) => Error::stale("namespace", stale),
        Ok(None) => error,
        Err(problem) => {
            tracing::debug!(error = %problem, "the items of a conflict cannot be read");
            error
        }
    }
}

/// `None` if the revision is the present one. A caller who may not see the values receives the
/// revisions only.
async fn stale(
    portal: &Portal,
    caller: &Caller,
    place: &Resource,
    edits: &impl Edits,
    base: String,
) -> Result<Option<Stale>> {
    let sees = portal.allows(&caller.identity, Requirement::See, place).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let reading = ContentRead::for_change(caller);
    let of = place.clone();
    let read = reading.of(portal, environment.clone(), |environment| async move {
        items(&environment, &of).await
    });
    let (stored, _turn) = read.await?;
    let Some(current) = revision::shown().filter(|current| *current != base) else {
        return Ok(None);
    };
    if !sees {
        return Ok(Some(Stale { current, revision: base, ..Stale::default() }));
    }
    let differences = edits.differences(&stored.iter().map(line).collect::<Vec<_>>());
    let present = of_keys(&stored);
    let is_absent = |one: &Difference| !present.contains_key(one.key.as_str());
    let deleted: Vec<admin::Item> = match differences.iter().any(is_absent) {
        true => environment.get(Address::in_namespace(place, &["items", "deleted"])).await?,
        false => Vec::new(),
    };
    let newest = stored.iter().max_by_key(|item| item.data_change_last_modified_time);
    Ok(Some(Stale {
        current,
        revision: base,
        by: newest.and_then(|item| item.data_change_last_modified_by.clone()),
        at: newest.and_then(|item| item.data_change_last_modified_time),
        item_count: Some(differences.len()),
        // The newest deletion is the first one.
        items: shown(differences, &present, &of_keys(deleted.iter().rev())),
    }))
}

/// The first differences, as many as an answer may contain.
fn shown(
    differences: Vec<Difference>,
    present: &HashMap<&str, &admin::Item>,
    deleted: &HashMap<&str, &admin::Item>,
) -> Vec<StaleItem> {
    let mut length = 0;
    let item = |Difference { key, yours }: Difference| {
        let stored = present.get(key.as_str());
        let author = stored.or_else(|| deleted.get(key.as_str()));
        StaleItem {
            yours,
            theirs: stored.map(|item| item.value.clone().unwrap_or_default()),
            by: author.and_then(|item| item.data_change_last_modified_by.clone()),
            at: author.and_then(|item| item.data_change_last_modified_time),
            key,
        }
    };
    // One that is too long leaves room for others.
    let fits = |item: &StaleItem| {
        let texts = [Some(&item.key), item.yours.as_ref(), item.theirs.as_ref()];
        let written = texts.into_iter().flatten().map(crate::json::write);
        let needed = length + written.flatten().map(|json| json.len()).sum::<usize>();
        let fits = needed <= TEXT;
        length = if fits { needed } else { length };
        fits
    };
    differences.into_iter().take(ITEMS).map(item).filter(fits).collect()
}

/// Of several items with a key, the last one, which is published.
fn of_keys<'i>(
    items: impl IntoIterator<Item = &'i admin::Item>,
) -> HashMap<&'i str, &'i admin::Item> {
    items.into_iter().filter_map(|item| Some((item.key.as_deref()?, item))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(count: usize, length: usize) -> Vec<Difference> {
        let one = |at: usize| Difference { key: format!("k{at}"), yours: Some("v".repeat(length)) };
        (0..count).map(one).collect()
    }

    #[test]
    fn an_answer_is_limited_in_items_and_in_text() {
        let shown = |differences| shown(differences, &HashMap::new(), &HashMap::new());
        assert_eq!(shown(differences(101, 1)).len(), ITEMS);
        assert_eq!(shown(differences(3, TEXT / 2 - 10)).len(), 2);
        assert!(shown(differences(1, TEXT)).is_empty());
    }

    /// X101: the first one was shown as theirs.
    #[test]
    fn of_a_key_with_two_items_the_published_one_is_theirs() {
        let stored = ["old", "published"].map(|value| admin::Item {
            key: Some("k0".to_owned()),
            value: Some(value.to_owned()),
            ..admin::Item::default()
        });
        let found = shown(differences(1, 1), &of_keys(&stored), &HashMap::new());
        assert_eq!(found[0].theirs.as_deref(), Some("published"));
    }

    #[test]
    fn the_newest_deletion_of_a_key_names_its_author() {
        let deletion = |by: &str| admin::Item {
            key: Some("k0".to_owned()),
            data_change_last_modified_by: Some(by.to_owned()),
            ..admin::Item::default()
        };
        let deleted = [deletion("later"), deletion("earlier")];
        let found = shown(differences(1, 1), &HashMap::new(), &of_keys(deleted.iter().rev()));
        assert_eq!(found[0].by.as_deref(), Some("later"));
        assert_eq!(found[0].theirs, None);
    }
}

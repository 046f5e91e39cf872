//! Revisions of consumers: what an administrator may change of one. Its roles and tokens, which are
//! changed one by one, are no part of it.

use std::iter::repeat;

use castalia_store::Transaction;
use castalia_store::consumer::{self, Consumer, ConsumerToken};

use super::registration::{Details, Registered};
use crate::domain::revision::{Base, Replaced, Revision};
use crate::error::Result;

/// The revision of a consumer.
#[must_use]
pub fn of(found: &Registered) -> Revision {
    let texts = texts(&stored(&found.consumer, found.token.as_ref()));
    Revision::of_texts(texts.iter().map(|(_, text)| Some(text.as_str())))
}

/// Rejects a change of a locked consumer that is based on another revision; a deletion has no new
/// details.
pub(super) async fn check_base(
    tx: &Transaction,
    old: &Consumer,
    base: &Base,
    new: Option<&Details>,
) -> Result<()> {
    if !base.is_stated() {
        return Ok(());
    }
    // As in the list of consumers.
    let newest = consumer::tokens_of(tx, &[old.id]).await?.pop();
    let (theirs, yours) = (texts(&stored(old, newest.as_ref())), new.map(texts));
    let yours = yours.iter().flatten().map(|(_, text)| Some(text.as_str())).chain(repeat(None));
    let compared: Vec<_> = theirs
        .iter()
        .zip(yours)
        .map(|((name, theirs), yours)| (*name, yours, Some(theirs.as_str())))
        .collect();
    base.check_row(&Replaced {
        what: "consumer",
        texts: &compared,
        by: old.data_change_last_modified_by.as_deref(),
        at: old.data_change_last_time.map(|time| *time),
    })
}

fn stored(consumer: &Consumer, newest: Option<&ConsumerToken>) -> Details {
    Details {
        name: consumer.name.clone(),
        org_id: consumer.org_id.clone(),
        org_name: consumer.org_name.clone(),
        owner_name: consumer.owner_name.clone(),
        rate_limit: newest.map_or(0, |token| token.rate_limit),
    }
}

/// Members with their texts.
fn texts(details: &Details) -> [(&'static str, String); 5] {
    let Details { name, org_id, org_name, owner_name, rate_limit } = details.clone();
    [
        ("name", name),
        ("orgId", org_id),
        ("orgName", org_name),
        ("ownerName", owner_name),
        ("rateLimit", rate_limit.to_string()),
    ]
}

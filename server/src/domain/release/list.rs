//! Lists of releases. Each has all values of its namespace, so a list is read only if it fits in one
//! answer, or in parts.

use std::collections::HashSet;

use castalia_store::length::{self, Measured};
use castalia_store::{Id, Store, StoreError};

use super::Release;
use crate::domain::configurations::{self, Configurations};
use crate::domain::namespace::NamespaceKey;
use crate::domain::page::{Page, check_length};
use crate::error::Result;

/// Length of the releases that are read at a time where a list is read in parts, in bytes, unless one
/// alone has more.
const BATCH: u64 = 8 << 20;
/// Maximum length of the releases of a list in which one value is looked up, in bytes.
const SEARCHED: u64 = 256 << 20;

/// The values that a list of releases shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseValues<'a> {
    /// All.
    All,
    /// None.
    None,
    /// That of one key.
    Of(&'a str),
}

impl<'a> ReleaseValues<'a> {
    /// Those that a request for the value of a key selects; an empty key has none.
    #[must_use]
    pub fn of_key(key: Option<&'a str>) -> Self {
        match key {
            None => Self::All,
            Some("") => Self::None,
            Some(key) => Self::Of(key),
        }
    }
}

/// The releases of a list, which are read when their values are needed.
#[derive(Debug, Clone)]
pub struct ReleaseRows(Vec<Measured>);

impl ReleaseRows {
    /// A page of the releases of a namespace, newest first; those that were rolled back only if
    /// requested.
    pub async fn of_namespace(
        store: &Store,
        key: &NamespaceKey,
        with_abandoned: bool,
        page: &Page,
    ) -> Result<Self> {
        let (db, NamespaceKey { app_id, cluster, namespace }) = (store.read(), key);
        let rows = castalia_store::release::measured_page(
            db,
            app_id,
            cluster,
            namespace,
            with_abandoned,
            page,
        );
        Ok(Self(rows.await?))
    }

    /// Releases with these row ids; unknown ones are left out.
    pub async fn with_ids(store: &Store, ids: &[i64]) -> Result<Self> {
        Ok(Self(castalia_store::release::measured(store.read(), &distinct(ids)).await?))
    }

    /// Whether all their values fit in one answer.
    #[must_use]
    pub fn fit(&self) -> bool {
        length::check(&self.0).is_ok()
    }

    /// Length of their values together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        length::total(&self.0)
    }

    /// The list in parts that are read one after another, each of a few releases or of a long one.
    #[must_use]
    pub fn parts(&self) -> Vec<Self> {
        length::batches(&self.0, BATCH).map(|batch| Self(batch.to_vec())).collect()
    }

    /// The releases.
    ///
    /// # Errors
    /// Fails if the values are too long for one answer.
    pub async fn read(&self, store: &Store, values: ReleaseValues<'_>) -> Result<Vec<Release>> {
        read(store, &self.0, values).await
    }
}

/// Releases with these row ids, without their values; unknown ones are left out.
pub async fn without_values(store: &Store, ids: &[i64]) -> Result<Vec<Release>> {
    let ids = distinct(ids);
    Ok(castalia_store::release::by_ids_without_content(store.read(), &ids).await?)
}

fn distinct(ids: &[i64]) -> Vec<Id> {
    let mut known = HashSet::new();
    ids.iter().filter(|id| known.insert(**id)).map(|id| Id(*id)).collect()
}

async fn read(store: &Store, rows: &[Measured], values: ReleaseValues<'_>) -> Result<Vec<Release>> {
    let db = store.read();
    let key = match values {
        ReleaseValues::None => {
            return Ok(castalia_store::release::in_order(db, rows, false).await?);
        }
        ReleaseValues::All => {
            length::check(rows)?;
            return Ok(castalia_store::release::in_order(db, rows, true).await?);
        }
        ReleaseValues::Of(key) => key,
    };
    if length::first(rows, SEARCHED).len() < rows.len() {
        return Err(StoreError::TooLong.into());
    }
    let (mut found, mut bytes) = (Vec::with_capacity(rows.len()), 0);
    for batch in length::batches(rows, BATCH) {
        for mut release in castalia_store::release::in_order(db, batch, true).await? {
            release.configurations = value_of(&release, key)?;
            bytes += release.configurations.len() as u64;
            found.push(release);
        }
        if found.len() > 1 {
            check_length(bytes)?;
        }
    }
    Ok(found)
}

/// The content with the value of one key only. Invalid content has none, as where all of it is
/// shown.
fn value_of(release: &Release, key: &str) -> Result<String> {
    let mut values = configurations::parse(release).unwrap_or_default();
    let value = values.swap_remove_entry(key);
    configurations::format(&value.into_iter().collect::<Configurations>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_key_selects_no_value() {
        assert_eq!(ReleaseValues::of_key(None), ReleaseValues::All);
        assert_eq!(ReleaseValues::of_key(Some("")), ReleaseValues::None);
        assert_eq!(ReleaseValues::of_key(Some("k")), ReleaseValues::Of("k"));
    }

    #[test]
    fn ids_are_read_once() {
        assert_eq!(distinct(&[3, 1, 3, 1]), [Id(3), Id(1)]);
    }
}

//! Pages of rows, sorting by the name of a property, and counting. Knows no table.

use sea_orm::sea_query::{Asterisk, Expr, Func};
use sea_orm::{
    ConnectionTrait, EntityTrait, IdenStatic, Iterable, Order, QueryOrder, QuerySelect, QueryTrait,
    Select,
};

use crate::error::StoreError;
use crate::feed::readable;
use crate::length;
use crate::row::decode::Table;
use crate::row::primary_key;

/// Engines use signed numbers for offsets.
const LAST_ROW: u64 = i64::MAX.unsigned_abs();

/// A part of a longer list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    number: u64,
    size: u64,
    sort: Vec<Sort>,
}

/// A requested order, applied after the fixed order of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Name of the property in the API, such as `dataChangeCreatedTime`.
    pub property: String,
    pub is_descending: bool,
}

/// One page, and the length of the whole list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paged<M> {
    pub rows: Vec<M>,
    pub total: u64,
}

impl Page {
    /// Page numbers start at 0.
    pub fn new(number: u64, size: u64) -> Self {
        Self { number, size, sort: Vec::new() }
    }

    #[must_use]
    pub fn sorted_by(self, sort: Vec<Sort>) -> Self {
        Self { sort, ..self }
    }

    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn of<E: EntityTrait>(
        &self,
        mut select: Select<E>,
    ) -> Result<Select<E>, StoreError> {
        for sort in &self.sort {
            let order = if sort.is_descending { Order::Desc } else { Order::Asc };
            select = select.order_by(column::<E>(&sort.property)?, order);
        }
        // Sorted by the key in the end, because the order of equal rows might otherwise differ
        // between pages.
        Ok(select
            .order_by_asc(primary_key::<E>())
            .offset(self.number.saturating_mul(self.size).min(LAST_ROW))
            .limit(self.size))
    }
}

/// The rows of the page, without those that cannot be decoded.
pub(super) async fn list<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    page: &Page,
) -> Result<Vec<E::Model>, StoreError> {
    readable::models(db, page.of(select)?).await
}

/// The rows of the page, and the number of all rows.
pub(super) async fn paged<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    page: &Page,
) -> Result<Paged<E::Model>, StoreError> {
    let total = count(db, select.clone()).await?;
    let rows = list(db, select, page).await?;
    Ok(Paged { rows, total })
}

/// The rows of the page, which have texts of any length in a column.
pub(super) async fn list_within<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    text: E::Column,
    page: &Page,
) -> Result<Vec<E::Model>, StoreError> {
    let rows = length::measured(db, page.of(select)?, text).await?;
    length::check(&rows)?;
    length::in_order(db, E::find(), &rows).await
}

/// The same, and the number of all rows.
pub(super) async fn paged_within<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    text: E::Column,
    page: &Page,
) -> Result<Paged<E::Model>, StoreError> {
    let total = count(db, select.clone()).await?;
    let rows = list_within(db, select, text, page).await?;
    Ok(Paged { rows, total })
}

/// The number of rows. SeaORM's own count would make the engine materialise every row.
pub(super) async fn count<E: EntityTrait>(
    db: &impl ConnectionTrait,
    mut select: Select<E>,
) -> Result<u64, StoreError> {
    QueryTrait::query(&mut select).clear_order_by();
    let count: Option<i64> = select
        .select_only()
        .expr_as(Func::count(Expr::col(Asterisk)), "Total")
        .into_tuple()
        .one(db)
        .await?;
    Ok(count.unwrap_or_default().unsigned_abs())
}

/// The column of a property: `appId` is `AppId`; two of the standard columns have different names.
fn column<E: EntityTrait>(property: &str) -> Result<E::Column, StoreError> {
    let wanted = match property {
        "dataChangeLastModifiedTime" => "dataChangeLastTime",
        other => other,
    };
    E::Column::iter()
        .find(|column| {
            let name = column.as_str().replace('_', "");
            let (first, rest) = name.split_at(1);
            wanted.strip_prefix(&first.to_ascii_lowercase()) == Some(rest)
        })
        .ok_or_else(|| StoreError::UnknownProperty(property.to_owned()))
}

//! Pages of rows, their order by name of a property, and counting. Knows no table.

use sea_orm::sea_query::{Asterisk, Expr, Func};
use sea_orm::{
    ConnectionTrait, EntityTrait, IdenStatic, Iterable, Order, QueryOrder, QuerySelect, QueryTrait,
    Select,
};

use crate::store::error::StoreError;
use crate::store::feed::readable;
use crate::store::row::primary_key;

/// Engines count rows in signed numbers.
const LAST_ROW: u64 = i64::MAX.unsigned_abs();

/// Which rows of a longer list are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    number: u64,
    size: u64,
    sort: Vec<Sort>,
}

/// An order that the caller asks for, after the fixed one of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Name of the property as the wire has it, such as `dataChangeCreatedTime`.
    pub property: String,
    pub is_descending: bool,
}

/// One page and the length of the whole list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paged<M> {
    pub rows: Vec<M>,
    pub total: u64,
}

impl Page {
    /// Pages count from 0.
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
        // Without a last word of its own the order of equal rows may differ from page to page.
        Ok(select
            .order_by_asc(primary_key::<E>())
            .offset(self.number.saturating_mul(self.size).min(LAST_ROW))
            .limit(self.size))
    }
}

/// The rows of the page, without those that cannot be decoded.
pub(super) async fn list<E: EntityTrait>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    page: &Page,
) -> Result<Vec<E::Model>, StoreError> {
    readable::models(db, page.of(select)?).await
}

/// The rows of the page and the number of all.
pub(super) async fn paged<E: EntityTrait>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    page: &Page,
) -> Result<Paged<E::Model>, StoreError> {
    let total = count(db, select.clone()).await?;
    let rows = list(db, select, page).await?;
    Ok(Paged { rows, total })
}

/// The number of rows. SeaORM's own count would have the engine build every row first.
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

/// The column of a property: `appId` is `AppId`, and two of the standard columns have names of their own.
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

//! Operations on tables with Apollo's six standard columns: live rows, insert, update and soft
//! deletion; how rows are decoded is in a file below. Knows no table by name and no rule for
//! changes.

pub(crate) mod batch;
pub(crate) mod decode;

use std::time::SystemTime;

use chrono::{DateTime, SubsecRound, Utc};
use sea_orm::sea_query::{Condition, Expr, InsertStatement, IntoCondition, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, Iterable,
    ModelTrait, PrimaryKeyToColumn, QueryFilter, Select, TryIntoModel, Update, Value,
};

use crate::error::StoreError;
use crate::flag::is_unset;
use crate::number::Id;

/// The present time in the resolution of the tables: milliseconds. Unlike `Utc::now`, it does not
/// panic with a clock before 1970.
pub fn now() -> DateTime<Utc> {
    DateTime::<Utc>::from(SystemTime::now()).trunc_subsecs(3)
}

/// Author and times of a new row.
#[derive(Clone, Debug)]
pub struct Authorship {
    pub created_by: String,
    pub last_modified_by: Option<String>,
    /// `None` for now.
    pub created_time: Option<DateTime<Utc>>,
    /// `None` for now.
    pub last_time: Option<DateTime<Utc>>,
}

impl Authorship {
    /// The operator creates the row now, and is its last editor.
    pub fn of(operator: &str) -> Self {
        Self {
            created_by: operator.to_owned(),
            last_modified_by: Some(operator.to_owned()),
            created_time: None,
            last_time: None,
        }
    }
}

/// A table whose rows are hidden instead of deleted.
pub trait Standard: EntityTrait {
    const IS_DELETED: Self::Column;
    const DELETED_AT: Self::Column;
    const LAST_MODIFIED_BY: Self::Column;
    const LAST_TIME: Self::Column;

    /// The rows that are not hidden. A bare `find()` would include the hidden ones. A row whose
    /// flag cannot be decoded is not treated as hidden: its absence would change answers.
    fn live() -> Select<Self> {
        Self::find().filter(is_unset(Self::IS_DELETED.into_expr()))
    }

    /// The live row with this id.
    fn live_by_id(id: Id) -> Select<Self> {
        let column = primary_key::<Self>();
        Self::live().filter(column.eq(id))
    }
}

/// A table whose rows belong to a namespace by name.
pub trait InNamespace: Standard {
    const PLACE: [Self::Column; 3];

    fn in_namespace(app_id: &str, cluster: &str, namespace: &str) -> Condition {
        let [app_id_column, cluster_column, namespace_column] = Self::PLACE;
        Condition::all()
            .add(app_id_column.eq(app_id))
            .add(cluster_column.eq(cluster))
            .add(namespace_column.eq(namespace))
    }

    fn live_in_namespace(app_id: &str, cluster: &str, namespace: &str) -> Select<Self> {
        Self::live().filter(Self::in_namespace(app_id, cluster, namespace))
    }
}

/// Implements [`InNamespace`] for the table of the module that calls it.
macro_rules! in_namespace {
    () => {
        impl crate::row::InNamespace for Entity {
            const PLACE: [Column; 3] = [Column::AppId, Column::ClusterName, Column::NamespaceName];
        }
    };
}

/// Implements [`Standard`] for the table of the module that calls it, and starts a new row.
macro_rules! standard {
    () => {
        impl crate::row::Standard for Entity {
            const IS_DELETED: Column = Column::IsDeleted;
            const DELETED_AT: Column = Column::DeletedAt;
            const LAST_MODIFIED_BY: Column = Column::DataChangeLastModifiedBy;
            const LAST_TIME: Column = Column::DataChangeLastTime;
        }

        impl ActiveModel {
            /// A new live row with this author and these times.
            pub fn authored(author: crate::row::Authorship) -> Self {
                let now = crate::row::now();
                let last_time = author.last_time.unwrap_or(now);
                Self {
                    data_change_created_time: sea_orm::Set(
                        author.created_time.unwrap_or(now).into(),
                    ),
                    data_change_last_modified_by: sea_orm::Set(author.last_modified_by),
                    data_change_last_time: sea_orm::Set(Some(last_time.into())),
                    ..Self::created_by(&author.created_by)
                }
            }

            /// A new live row with the standard columns and no last editor.
            pub fn created_by(operator: &str) -> Self {
                let now = crate::row::now();
                Self {
                    is_deleted: sea_orm::Set(false),
                    deleted_at: sea_orm::Set(0),
                    data_change_created_by: sea_orm::Set(operator.to_owned()),
                    data_change_created_time: sea_orm::Set(now.into()),
                    data_change_last_modified_by: sea_orm::Set(None),
                    data_change_last_time: sea_orm::Set(Some(now.into())),
                    ..<Self as std::default::Default>::default()
                }
            }

            /// The same, with the operator as the last editor.
            pub fn created_and_edited_by(operator: &str) -> Self {
                Self::authored(crate::row::Authorship::of(operator))
            }
        }
    };
}

pub(crate) use {in_namespace, standard};

/// Inserts a row in which every column but the id is set, and returns it in the caller's form with
/// the generated id: MySQL stores whole seconds, but the returned row still has the milliseconds.
pub async fn insert<A>(
    db: &impl ConnectionTrait,
    row: A,
) -> Result<<A::Entity as EntityTrait>::Model, StoreError>
where
    A: ActiveModelTrait + TryIntoModel<<A::Entity as EntityTrait>::Model>,
    A::Entity: EntityTrait<ActiveModel = A>,
    <<A::Entity as EntityTrait>::PrimaryKey as sea_orm::PrimaryKeyTrait>::ValueType: Into<Value>,
{
    let mut row = row;
    let inserted = A::Entity::insert(row.clone()).exec(db).await?;
    row.set(primary_key::<A::Entity>(), inserted.last_insert_id.into());
    Ok(row.try_into_model()?)
}

/// The columns of a row that are set, with their values.
fn set_columns<A: ActiveModelTrait>(
    row: &A,
) -> impl Iterator<Item = (<A::Entity as EntityTrait>::Column, Value)> {
    let columns = <A::Entity as EntityTrait>::Column::iter();
    columns.filter_map(|column| Some((column, row.get(column).into_value()?)))
}

/// The parameters of [`insertion`] for a row, without those of its expression.
pub(super) fn parameters<A: ActiveModelTrait>(row: &A) -> impl Iterator<Item = Value> {
    set_columns(row).map(|(_, value)| value)
}

/// The statement that inserts rows: of each the columns that are set, which are the same, and
/// another one as an expression.
pub(super) fn insertion<'r, A: ActiveModelTrait + 'r>(
    rows: impl IntoIterator<Item = (&'r A, Option<(<A::Entity as EntityTrait>::Column, Expr)>)>,
) -> Result<InsertStatement, StoreError> {
    let mut insert = Query::insert();
    insert.into_table(A::Entity::default());
    for (row, other) in rows {
        let set = set_columns(row);
        let set = set.map(|(column, value)| (column, column.save_as(Expr::val(value))));
        let (columns, values): (Vec<_>, Vec<_>) = set.chain(other).unzip();
        insert.columns(columns);
        insert.values(values).map_err(|error| StoreError::other(error.to_string()))?;
    }
    Ok(insert)
}

/// Writes the columns in which two states of a row differ, with the time of the change. Returns
/// whether anything was written; a row without differences is not touched and keeps its time.
pub(super) async fn update<M>(
    db: &impl ConnectionTrait,
    old: &M,
    new: &M,
) -> Result<bool, StoreError>
where
    M: ModelTrait<Entity: Standard> + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
{
    let mut row = old.clone().into_active_model();
    for column in <M::Entity as EntityTrait>::Column::iter() {
        let value = new.get(column);
        if old.get(column) != value {
            row.set(column, value);
        }
    }
    if row.is_changed() {
        row.set(<M::Entity as Standard>::LAST_TIME, Some(now()).into());
    }
    update_as_is(db, row).await
}

/// The same for a table without the standard columns: writes only the columns that were set.
pub(super) async fn update_as_is<A: ActiveModelTrait>(
    db: &impl ConnectionTrait,
    row: A,
) -> Result<bool, StoreError> {
    if !row.is_changed() {
        return Ok(false);
    }
    let key = primary_key::<A::Entity>();
    let id = row.get(key).into_value();
    let id = id.ok_or_else(|| StoreError::other("a row without its id cannot be updated"))?;
    Update::many(A::Entity::default()).set(row).filter(key.eq(id)).exec(db).await?;
    Ok(true)
}

/// Who hides rows, and when. What is deleted together has one time, by which it is found again when
/// it is restored.
#[derive(Clone, Debug)]
pub struct Deletion {
    operator: String,
    at: DateTime<Utc>,
}

impl Deletion {
    /// The operator deletes now.
    pub fn by(operator: &str) -> Self {
        Self { operator: operator.to_owned(), at: now() }
    }

    /// As if the operator had deleted at this time, in milliseconds since 1970.
    pub fn at(operator: &str, at: i64) -> Self {
        let at = DateTime::from_timestamp_millis(at).unwrap_or_else(now);
        Self { operator: operator.to_owned(), at }
    }

    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// Hides the live rows that match the condition, and records the operator. Returns their
    /// number.
    pub(crate) async fn hide<E: Standard>(
        &self,
        db: &impl ConnectionTrait,
        condition: impl IntoCondition,
    ) -> Result<u64, StoreError> {
        let hidden = hide::<E>(condition, self.at)
            .col_expr(E::LAST_MODIFIED_BY, Expr::value(self.operator.as_str()));
        Ok(hidden.exec(db).await?.rows_affected)
    }

    /// The same like the removal of a loaded object: the last editor of the rows is kept.
    pub(crate) async fn remove<E: Standard>(
        &self,
        db: &impl ConnectionTrait,
        condition: impl IntoCondition,
    ) -> Result<u64, StoreError> {
        Ok(hide::<E>(condition, self.at).exec(db).await?.rows_affected)
    }
}

/// Hides the live rows that match the condition, with one time, and records the operator. Returns
/// their number.
pub async fn soft_delete<E: Standard>(
    db: &impl ConnectionTrait,
    condition: impl IntoCondition,
    operator: &str,
) -> Result<u64, StoreError> {
    Deletion::by(operator).hide::<E>(db, condition).await
}

/// Hides rows like the removal of a loaded object: their last editor is kept.
pub(crate) async fn soft_remove<E: Standard>(
    db: &impl ConnectionTrait,
    condition: impl IntoCondition,
) -> Result<u64, StoreError> {
    Ok(hide::<E>(condition, now()).exec(db).await?.rows_affected)
}

pub(crate) fn hide<E: Standard>(
    condition: impl IntoCondition,
    at: DateTime<Utc>,
) -> sea_orm::UpdateMany<E> {
    E::update_many()
        .col_expr(E::IS_DELETED, Expr::value(true))
        .col_expr(E::DELETED_AT, Expr::value(at.timestamp_millis()))
        // MySQL does this automatically, the others do not.
        .col_expr(E::LAST_TIME, Expr::value(at))
        .filter(is_unset(E::IS_DELETED.into_expr()))
        .filter(condition.into_condition())
}

/// The single column of the primary key; no table here has a composite one.
pub(super) fn primary_key<E: EntityTrait>() -> E::Column {
    #[expect(
        clippy::expect_used,
        reason = "the derive macro refuses a table without a primary key"
    )]
    let key = E::PrimaryKey::iter().next().expect("a table has a primary key");
    key.into_column()
}

//! Query: the width of the column for addresses, which differs between Apollo's tables and ours.

use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};

use crate::error::StoreError;

/// Characters of the longest address that a row can hold; `None` if there is no limit. Operators may
/// have widened the column.
pub async fn address_width(db: &impl ConnectionTrait) -> Result<Option<u64>, StoreError> {
    let sql = match db.get_database_backend() {
        DatabaseBackend::MySql => {
            "SELECT CAST(CHARACTER_MAXIMUM_LENGTH AS SIGNED) AS Width \
             FROM information_schema.columns \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'Instance' AND COLUMN_NAME = 'Ip'"
        }
        DatabaseBackend::Postgres => {
            "SELECT character_maximum_length::bigint AS \"Width\" \
             FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = 'Instance' AND column_name = 'Ip'"
        }
        _ => return Ok(None),
    };
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let width = row.map(|row| row.try_get::<Option<i64>>("", "Width")).transpose()?.flatten();
    Ok(width.map(i64::unsigned_abs))
}

//! How long rows remain in effect that protect something and are missing from their table. Services
//! only mark rows as deleted, while a restore empties tables and fills them again row by row. Tables
//! are not known here.

use std::time::Duration;

/// Time after which a row that is missing from a table with other rows was removed on purpose:
/// longer than a restore that inserts row by row takes to fill a small table.
pub(crate) const REMOVED: Duration = Duration::from_secs(30);

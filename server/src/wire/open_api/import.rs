//! Bodies of imports.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

body! {
    /// What an import did.
    #[schema(as = ImportReport)]
    ImportReport {
        /// One element for each entry of the archive, in its order.
        entries: Option<Vec<ImportedEntry>>,
    }
}

body! {
    /// What an import did with one entry.
    #[schema(as = ImportedEntry)]
    ImportedEntry {
        /// Path in the archive.
        path: Option<String>,
        /// `created`, `changed`, `unchanged` or `skipped`.
        outcome: Option<String>,
        /// Number of items that were created or changed.
        items: i64,
    }
}

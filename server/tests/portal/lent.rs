//! Databases that one test after the other uses, because creating the tables of one takes longer
//! than the test. They are removed when no test uses any.

use std::sync::{Mutex, PoisonError};

use crate::database::Database;

/// Part and shape of a database.
pub(crate) type Kind = (bool, bool);

/// Databases that no test uses, and the number of those in use.
static FREE: Mutex<(Vec<(Kind, Database)>, usize)> = Mutex::new((Vec::new(), 0));

/// A database in use; returned when this is dropped.
#[derive(Debug)]
pub(crate) struct Lent {
    kind: Kind,
    database: Option<Database>,
}

impl Lent {
    pub(crate) fn new(kind: Kind, database: Database) -> Self {
        FREE.lock().unwrap_or_else(PoisonError::into_inner).1 += 1;
        Self { kind, database: Some(database) }
    }

    /// One of this kind that an earlier test used, with its rows.
    pub(crate) fn again(kind: Kind) -> Option<Self> {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let index = free.0.iter().position(|(known, _)| *known == kind)?;
        let (_, database) = free.0.swap_remove(index);
        free.1 += 1;
        Some(Self { kind, database: Some(database) })
    }

    pub(crate) fn database(&self) -> &Database {
        self.database.as_ref().unwrap()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.0.extend(self.database.take().map(|database| (self.kind, database)));
        free.1 -= 1;
        if free.1 == 0 {
            // The last test may be the one that ends: nothing runs at the end of the process.
            free.0.clear();
        }
    }
}

//! A client without servers, whose values a test of the application sets.

use std::collections::HashMap;

use castalia_core::InMemory as CoreInMemory;
use castalia_core::host::memory::{Edits, change};
use pyo3::prelude::*;

use crate::client::{Client, settings_of, submit_change};
use crate::error::Raised;

/// Sets the values of its client. Calls that wait call `done(None, error)` on another thread.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct InMemory {
    memory: CoreInMemory,
}

#[pymethods]
impl InMemory {
    /// With initial values by namespace.
    #[new]
    #[pyo3(signature = (values, from_env, contents: "dict[str, list[tuple[str, str]]]"))]
    fn new(
        values: HashMap<String, String>,
        from_env: bool,
        contents: HashMap<String, Vec<(String, String)>>,
    ) -> Result<Self, Raised> {
        let settings = settings_of(values, from_env)?;
        Ok(Self { memory: CoreInMemory::with_content(settings, contents)? })
    }

    fn client(&self) -> Client {
        Client { client: self.memory.client().clone() }
    }

    /// Sets several values, where `None` removes a key, or replaces all values of a namespace.
    /// Without values, loads of the namespace fail until they are set again.
    #[pyo3(signature = (namespace, edits, done: "_Done", replaces = false))]
    fn change(
        &self,
        namespace: String,
        edits: Option<Edits>,
        done: Py<PyAny>,
        replaces: bool,
    ) -> Result<(), Raised> {
        submit_change(done, change(self.memory.clone(), namespace, edits, replaces))
    }
}

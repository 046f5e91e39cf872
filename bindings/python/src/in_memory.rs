//! A client without servers, whose values a test of the application sets.

use std::collections::HashMap;

use castalia_core::InMemory as CoreInMemory;
use pyo3::prelude::*;

use crate::client::{Client, settings_of, submit_change};
use crate::error::raised;

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
        py: Python<'_>,
        values: HashMap<String, String>,
        from_env: bool,
        contents: HashMap<String, Vec<(String, String)>>,
    ) -> PyResult<Self> {
        let memory = settings_of(values, from_env)
            .and_then(|settings| CoreInMemory::with_content(settings, contents));
        Ok(Self { memory: memory.map_err(|error| raised(py, &error))? })
    }

    fn client(&self) -> Client {
        Client { client: self.memory.client().clone() }
    }

    /// Replaces all values of a namespace.
    #[pyo3(signature = (namespace, entries, done: "_Done"))]
    fn publish(
        &self,
        py: Python<'_>,
        namespace: String,
        entries: Vec<(String, String)>,
        done: Py<PyAny>,
    ) -> PyResult<()> {
        let memory = self.memory.clone();
        submit_change(py, done, async move { memory.publish(&namespace, entries).await })
    }

    /// Sets several values; `None` removes a key.
    #[pyo3(signature = (namespace, edits, done: "_Done"))]
    fn update(
        &self,
        py: Python<'_>,
        namespace: String,
        edits: Vec<(String, Option<String>)>,
        done: Py<PyAny>,
    ) -> PyResult<()> {
        let memory = self.memory.clone();
        submit_change(py, done, async move { memory.update(&namespace, edits).await })
    }

    /// Makes loads of a namespace fail until its values are set again.
    #[pyo3(signature = (namespace, done: "_Done"))]
    fn fail(&self, py: Python<'_>, namespace: String, done: Py<PyAny>) -> PyResult<()> {
        let memory = self.memory.clone();
        submit_change(py, done, async move { memory.fail(&namespace).await })
    }
}

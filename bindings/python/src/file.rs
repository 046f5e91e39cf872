//! An open namespace as a whole file.

use castalia_core::ConfigFile;
use pyo3::prelude::*;

use crate::client::submit;
use crate::event::View;
use crate::listen::{self, Stream, Subscription};

/// The text of a namespace, as it is now.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct File {
    file: ConfigFile,
}

impl File {
    pub(crate) fn new(file: ConfigFile) -> Self {
        Self { file }
    }
}

#[pymethods]
impl File {
    /// The text; `None` when nothing is loaded.
    fn content(&self) -> Option<String> {
        self.file.content()
    }

    /// How the namespace stands with the servers.
    #[getter]
    fn state(&self) -> &'static str {
        self.file.state().name()
    }

    /// The content now.
    fn view(&self) -> View {
        View::new(self.file.snapshot())
    }

    /// Loads now; `done(None, error)` is called on another thread.
    fn load(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        let file = self.file.clone();
        submit(py, done, async move { file.refresh().await }, |py, ()| Ok(py.None()))?;
        Ok(())
    }

    /// As `Namespace.listen`, for the text under the key `content`.
    fn listen(&self, callback: Py<PyAny>) -> Subscription {
        Subscription::new(self.file.on_change(move |event| listen::call(&callback, event, |_| ())))
    }

    /// As `Namespace.stream`, for the text under the key `content`.
    fn stream(&self) -> Stream {
        Stream::new(self.file.changes(), |_| ())
    }
}

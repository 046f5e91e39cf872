//! State and counters as dictionaries, from which `castalia` creates its classes.

use castalia_core::{Metrics, NamespaceMetrics};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::raised;
use crate::value::moment;

/// The fields of a structure by name.
macro_rules! fields {
    ($py:expr, $of:expr, $($name:ident),+) => {{
        let dict = PyDict::new($py);
        $(dict.set_item(stringify!($name), &$of.$name)?;)+
        PyResult::Ok(dict)
    }};
}

/// The fields of `castalia.Metrics` by name.
pub(crate) fn metrics<'py>(py: Python<'py>, metrics: &Metrics) -> PyResult<Bound<'py, PyDict>> {
    let namespaces = metrics.namespaces.iter().map(|one| of_namespace(py, one));
    let http = metrics.http.iter().map(|one| fields!(py, one, endpoint, status, count, time));
    let errors: Vec<_> = metrics.errors.iter().map(|error| raised(py, error)).collect();
    let threads = metrics.threads.as_ref().map(|all| fields!(py, all, workers, tasks, queue));
    let dict = fields!(py, metrics, error_count, polls_connected, clock_skew_ms)?;
    dict.set_item("namespaces", namespaces.collect::<PyResult<Vec<_>>>()?)?;
    dict.set_item("http", http.collect::<PyResult<Vec<_>>>()?)?;
    dict.set_item("threads", threads.transpose()?)?;
    dict.set_item("errors", errors)?;
    Ok(dict)
}

fn of_namespace<'py>(py: Python<'py>, one: &NamespaceMetrics) -> PyResult<Bound<'py, PyDict>> {
    let dict = fields!(
        py,
        one,
        app_id,
        namespace,
        items,
        release_key,
        usage,
        first_load,
        listener_failures,
        listener_queue,
        cache_failures,
        poll_timed_out,
        malformed_reads,
        refusals
    )?;
    dict.set_item("state", one.state.name())?;
    dict.set_item("source", one.source.name())?;
    dict.set_item("updated_at", moment(py, one.updated_at)?)?;
    let contacted_at = one.contacted_at.map(|time| moment(py, time));
    dict.set_item("contacted_at", contacted_at.transpose()?)?;
    dict.set_item("last_error", one.last_error.as_ref().map(|error| raised(py, error)))?;
    Ok(dict)
}

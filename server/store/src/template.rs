//! A statement whose text is built once, because building the text costs more than SQLite needs to
//! run it. Knows no table.

use std::sync::OnceLock;

use sea_orm::{DbBackend, Statement, Value};

/// A statement with `N` texts as arguments.
#[derive(Debug)]
pub(crate) struct Template<const N: usize> {
    build: fn(DbBackend, [&str; N]) -> Statement,
    /// For each dialect.
    built: [OnceLock<Built>; 3],
}

#[derive(Debug)]
struct Built {
    text: String,
    parameters: Vec<Parameter>,
}

#[derive(Debug)]
enum Parameter {
    Constant(Value),
    /// Index of an argument.
    Argument(usize),
}

impl<const N: usize> Template<N> {
    /// `build` is called once for a dialect, with texts in place of the arguments. It must use them
    /// as values only, so that they become parameters.
    pub(crate) const fn new(build: fn(DbBackend, [&str; N]) -> Statement) -> Self {
        Self { build, built: [const { OnceLock::new() }; 3] }
    }

    /// The statement with these arguments.
    pub(crate) fn with(&self, backend: DbBackend, arguments: [&str; N]) -> Statement {
        let dialect = match backend {
            DbBackend::MySql => 0,
            DbBackend::Postgres => 1,
            _ => 2,
        };
        let Built { text, parameters } =
            self.built[dialect].get_or_init(|| Built::of(|places| (self.build)(backend, places)));
        let value = |parameter: &Parameter| match parameter {
            Parameter::Constant(value) => value.clone(),
            Parameter::Argument(index) => arguments[*index].into(),
        };
        Statement::from_sql_and_values(backend, text, parameters.iter().map(value))
    }
}

impl Built {
    fn of<const N: usize>(build: impl FnOnce([&str; N]) -> Statement) -> Self {
        // No statement has a constant that contains NUL.
        let places: [String; N] = std::array::from_fn(|index| format!("\0{index}"));
        let Statement { sql: text, values, .. } = build(places.each_ref().map(String::as_str));
        let index_of = |value: &Value| match value {
            Value::String(Some(text)) => places.iter().position(|place| place == text),
            _ => None,
        };
        let parameter =
            |value| index_of(&value).map_or(Parameter::Constant(value), Parameter::Argument);
        Self { text, parameters: values.into_iter().flatten().map(parameter).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(backend: DbBackend, [name, place]: [&str; 2]) -> Statement {
        let values = [place.into(), 1.into(), name.into(), place.into()];
        let text = format!("SELECT ?, ?, ?, ? -- {backend:?}");
        Statement::from_sql_and_values(backend, text, values)
    }

    #[test]
    fn a_template_equals_the_statement_that_is_built() {
        let template = Template::new(greeting);
        for backend in [DbBackend::Sqlite, DbBackend::MySql, DbBackend::Postgres] {
            for arguments in [["Ann", "\0"], ["Bob", "\0"]] {
                assert_eq!(template.with(backend, arguments), greeting(backend, arguments));
            }
        }
    }
}

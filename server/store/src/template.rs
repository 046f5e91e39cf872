//! SQLite only: a statement whose text is built once, because building the text costs more than
//! SQLite needs to run it. Knows no table.

use sea_orm::{DbBackend, Statement, Value};

/// A statement with `N` texts as arguments.
#[derive(Debug)]
pub(crate) struct Template<const N: usize> {
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
    /// `build` is called once, with texts in place of the arguments. It must use them as values only,
    /// so that they become parameters.
    pub(crate) fn of(build: impl FnOnce([&str; N]) -> Statement) -> Self {
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

    /// The statement with these arguments.
    pub(crate) fn with(&self, arguments: [&str; N]) -> Statement {
        let value = |parameter: &Parameter| match parameter {
            Parameter::Constant(value) => value.clone(),
            Parameter::Argument(index) => arguments[*index].into(),
        };
        let values = self.parameters.iter().map(value);
        Statement::from_sql_and_values(DbBackend::Sqlite, &self.text, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting([name, place]: [&str; 2]) -> Statement {
        let values = [place.into(), 1.into(), name.into(), place.into()];
        Statement::from_sql_and_values(DbBackend::Sqlite, "SELECT ?, ?, ?, ?", values)
    }

    #[test]
    fn a_template_equals_the_statement_that_is_built() {
        let arguments = ["Ann", "\0"];
        assert_eq!(Template::of(greeting).with(arguments), greeting(arguments));
    }
}

//! How a server of a test is started: its program, arguments, variables, and what runs before it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::sandbox;
use super::server::{binary, command_as};

/// Start options.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(super) arguments: Vec<String>,
    pub(super) variables: Vec<(String, String)>,
    /// A shell command that runs first, such as one that sets a limit.
    before: Option<String>,
    /// The command line that runs the program.
    wrapper: Vec<String>,
    program: PathBuf,
    /// Path of the data directory in the file system of the process, if it is another one.
    data_dir: Option<PathBuf>,
}

impl Options {
    pub(crate) fn new() -> Self {
        let new = Self {
            arguments: Vec::new(),
            variables: Vec::new(),
            before: None,
            wrapper: sandbox::of_suite(),
            program: binary(),
            data_dir: None,
        };
        new.flag("--sample-app", "off")
    }

    pub(crate) fn flag(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Limits the number of open files.
    pub(crate) fn files(self, limit: u32) -> Self {
        self.before(&format!("ulimit -n {limit}"))
    }

    /// Runs a shell command in the process before the server.
    pub(crate) fn before(self, command: &str) -> Self {
        Self { before: Some(command.to_owned()), ..self }
    }

    /// Starts another program, such as one of an older version.
    pub(crate) fn program(self, path: impl Into<PathBuf>) -> Self {
        Self { program: path.into(), ..self }
    }

    /// Starts the program by a command line that ends with its own.
    pub(crate) fn through(self, wrapper: Vec<String>) -> Self {
        Self { wrapper, ..self }
    }

    /// The path under which the process finds its data directory.
    pub(crate) fn finds_data_at(self, path: impl Into<PathBuf>) -> Self {
        Self { data_dir: Some(path.into()), ..self }
    }

    /// The data directory as the process names it.
    pub(super) fn data_dir<'a>(&'a self, data_dir: &'a Path) -> &'a Path {
        self.data_dir.as_deref().unwrap_or(data_dir)
    }

    /// A flag with its value, if it is set.
    pub(super) fn pair(&self, name: &str) -> Vec<String> {
        let position = self.arguments.iter().position(|argument| argument == name);
        position.map(|at| self.arguments[at..=at + 1].to_vec()).unwrap_or_default()
    }

    /// The listeners of these roles.
    pub(super) fn listeners(&self) -> Vec<&'static str> {
        let roles = self.pair("--roles");
        let roles = roles.last().map_or("config,admin,portal", String::as_str);
        let plays = |names: &[&str]| roles.split(',').any(|role| names.contains(&role));
        let mut listeners = Vec::new();
        for (listener, names) in
            [("config", &["config", "meta"][..]), ("admin", &["admin"]), ("portal", &["portal"])]
        {
            if plays(names) {
                listeners.push(listener);
            }
        }
        listeners
    }

    /// The command line of these options.
    pub(super) fn command(&self) -> Command {
        let mut line = self.wrapper.clone();
        line.push(self.program.display().to_string());
        line.extend(["serve", "--log-format", "json"].map(str::to_owned));
        let Some(before) = &self.before else {
            let mut command = command_as(&line[0], &[]);
            command.args(&line[1..]);
            return command;
        };
        let mut prepared = command_as("sh", &["-c", &format!(r#"{before}; exec "$0" "$@""#)]);
        prepared.args(line);
        prepared
    }
}

//! The command line: one module for each command. Parses arguments, prints results for users, and
//! selects exit codes.

mod audit;
mod doctor;
mod migrate;
mod serve;
mod token;
mod user;

use std::ffi::OsString;
use std::future::Future;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command};

use crate::log::StandardOutput;
use crate::settings::definition::{self, Definition, find};
use crate::settings::{Fault, Settings, Texts};
use crate::{log, process};

/// Settings of every command that accesses data.
const DATA: [&str; 6] = ["data_dir", "config_db", "portal_db", "env", "log_format", "log_level"];

/// Maximum time for threads that are still at work when a command is done.
const LAST_THREADS: Duration = Duration::from_millis(500);

/// The reason why a command failed, as the user sees it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// Invalid settings.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Settings(Vec<Fault>),
    /// Any other failure, in one line.
    #[error("{0}")]
    Message(String),
}

impl CommandError {
    /// Converts any error.
    pub(crate) fn of(error: impl std::fmt::Display) -> Self {
        Self::Message(error.to_string())
    }
}

/// Runs the program.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    crate::outgoing::install_tls();
    process::exclude_memory_from_dumps();
    let matches = match program().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            let is_fine =
                matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if is_fine { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    };
    let outcome = dispatch(&matches);
    log::finish();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let text = failure.to_string();
            let mut stderr = std::io::stderr().lock();
            for line in text.lines() {
                let _ = writeln!(stderr, "castalia: {}", log::escape(line));
            }
            ExitCode::FAILURE
        }
    }
}

fn dispatch(matches: &ArgMatches) -> Result<(), CommandError> {
    match matches.subcommand() {
        Some(("serve", matches)) => serve::run(load(matches, StandardOutput::Log)?.0),
        Some(("migrate", matches)) => {
            let (settings, texts) = load(matches, StandardOutput::Result)?;
            migrate::run(settings, &texts, matches)
        }
        Some(("doctor", matches)) => doctor::run(settings(matches)?),
        Some(("token", matches)) => match matches.subcommand() {
            Some(("create", matches)) => token::create(settings(matches)?, matches),
            Some(("admin", matches)) => token::admin(settings(matches)?),
            _ => Err(CommandError::Message("token needs a subcommand: create or admin".into())),
        },
        Some(("audit", matches)) => match matches.subcommand() {
            Some(("verify", matches)) => audit::verify(settings(matches)?, matches),
            _ => Err(CommandError::Message("audit needs a subcommand: verify".into())),
        },
        Some(("user", matches)) => match matches.subcommand() {
            Some(("password", matches)) => user::password(settings(matches)?, matches),
            Some(("delete", matches)) => user::delete(settings(matches)?, matches),
            _ => Err(CommandError::Message("user needs a subcommand: password or delete".into())),
        },
        _ => Err(CommandError::Message("no command given; `castalia --help` lists them".into())),
    }
}

fn program() -> Command {
    Command::new("castalia")
        .about("Live configuration for services in any language")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(with_settings(serve::command(), definition::all()))
        .subcommand(with_roles(migrate::command()))
        .subcommand(with_settings(doctor::command(), definition::all()))
        .subcommand(
            Command::new("token")
                .about("Manage tokens of the OpenAPI and the admin role")
                .subcommand(with_data(token::create_command()))
                .subcommand(with_data(token::admin_command())),
        )
        .subcommand(
            Command::new("audit")
                .about("Check the audit logs of the portal and of the environment")
                .subcommand(with_roles(audit::verify_command())),
        )
        .subcommand(
            Command::new("user")
                .about("Manage portal users")
                .subcommand(with_data(user::password_command()))
                .subcommand(with_data(user::delete_command())),
        )
}

fn with_data(command: Command) -> Command {
    with_settings(command, DATA.iter().filter_map(|name| find(name)))
}

/// The same for a command that works on the databases of the roles.
fn with_roles(command: Command) -> Command {
    with_settings(command, std::iter::once("roles").chain(DATA).filter_map(find))
}

/// Adds a flag for each setting; its text is validated together with the other layers.
fn with_settings<'a>(
    command: Command,
    definitions: impl Iterator<Item = &'a Definition>,
) -> Command {
    let config_file = Arg::new("config_file")
        .long("config-file")
        .value_name("FILE")
        .help("Settings file [default: castalia.toml]");
    definitions.fold(command.arg(config_file), |command, definition| {
        let default = definition.default.filter(|text| !text.is_empty());
        let help = match default {
            Some(default) => format!("{} [default: {default}]", definition.doc),
            None => definition.doc.to_owned(),
        };
        let arg = Arg::new(definition.name).long(definition.flag()).value_name(definition.value);
        // A value that starts with a dash is an invalid value, not an unknown flag, so that the
        // message names the setting.
        command.arg(arg.help(help).allow_hyphen_values(true))
    })
}

/// Settings of a command that prints a result.
fn settings(matches: &ArgMatches) -> Result<Settings, CommandError> {
    Ok(load(matches, StandardOutput::Result)?.0)
}

/// Reads the settings and starts the log.
fn load(matches: &ArgMatches, stdout: StandardOutput) -> Result<(Settings, Texts), CommandError> {
    let flags = definition::all()
        .filter_map(|definition| {
            let text = matches.try_get_one::<String>(definition.name).ok().flatten()?;
            Some((definition.name, text.clone()))
        })
        .collect();
    let file = matches.get_one::<String>("config_file").map(PathBuf::from);
    let texts = Texts::gather(flags, file, environment()?).map_err(CommandError::Settings)?;
    let settings = Settings::from_texts(&texts).map_err(CommandError::Settings)?;
    log::start(&settings, stdout)
        .map_err(|error| CommandError::Message(format!("cannot initialize logging: {error}")))?;
    for (name, origin) in texts.explicit() {
        tracing::info!(setting = name, %origin, "setting differs from its default");
    }
    for (definition, flag) in texts.secrets_in_arguments() {
        tracing::warn!(
            "the secret in the argument {flag} is visible to every user of this machine; set it in {} or castalia.toml instead",
            definition.variable()
        );
    }
    Ok((settings, texts))
}

/// The variables of the environment; those of other programs may be no text.
fn environment() -> Result<impl Iterator<Item = (String, String)>, CommandError> {
    let mut variables = Vec::new();
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => variables.push((name, value)),
            (Ok(name), Err(_)) if Texts::reads(&name) => {
                return Err(CommandError::Message(format!("{name}: the value is not UTF-8")));
            }
            _ => {}
        }
    }
    Ok(variables.into_iter())
}

/// Runs a command's future on a separate runtime.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CommandError::of)?;
    let entered = runtime.enter();
    process::survive_file_size_limit().map_err(CommandError::of)?;
    drop(entered);
    let outcome = runtime.block_on(future);
    // A thread that looks up a name cannot be interrupted, and nobody waits for its result.
    runtime.shutdown_timeout(LAST_THREADS);
    Ok(outcome)
}

/// Prints a line of the command's result, which may be all that is left of a secret.
fn print_line(line: &str) -> Result<(), CommandError> {
    writeln!(std::io::stdout().lock(), "{line}").map_err(|error| {
        CommandError::Message(format!("the result cannot be written to standard output: {error}"))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::program().debug_assert();
    }
}

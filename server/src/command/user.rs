//! `castalia user password`: restores access for an administrator who lost the password. `castalia
//! user delete`: deletes a user. Both also work while a server runs on the same data.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use clap::{Arg, ArgMatches, Command};

use super::{CommandError, block_on, print_line};
use crate::domain::audit_log::request::Request;
use crate::domain::audit_log::{self, OperationKind};
use crate::domain::permission::requirement::Resource;
use crate::domain::revision::Base;
use crate::domain::user::{self, account};
use crate::node;
use crate::settings::Settings;

/// Author of a deletion; no user has a name with spaces.
const OPERATOR: &str = "castalia user delete";
/// Length of a line that is no password, in bytes: a device has no end.
const LONGEST: u64 = 64 * 1024;

pub(super) fn password_command() -> Command {
    Command::new("password")
        .about("Set a user's password, read from standard input or generated if that is a terminal")
        .arg(name())
}

pub(super) fn delete_command() -> Command {
    Command::new("delete")
        .about("Delete a user with its sessions, access tokens, roles and favourites")
        .arg(name())
}

fn name() -> Arg {
    Arg::new("name").required(true).value_name("NAME").help("User name")
}

pub(super) fn password(settings: Settings, matches: &ArgMatches) -> Result<(), CommandError> {
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    let given = read_password()?;
    block_on(async move {
        let (store, config, installation) =
            node::existing_portal_store(&settings).await.map_err(CommandError::of)?;
        let rule = user::PasswordRule::new(installation, &config);
        let generated =
            user::set_password(&store, &rule, &name, given).await.map_err(CommandError::of)?;
        match generated {
            Some(password) => {
                print_line(&format!("New password of {name}, shown only once: {password}"))
            }
            None => print_line(&format!("The password of {name} is set.")),
        }
    })?
}

pub(super) fn delete(settings: Settings, matches: &ArgMatches) -> Result<(), CommandError> {
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    block_on(async move {
        let (store, config, _) =
            node::existing_portal_store(&settings).await.map_err(CommandError::of)?;
        let delete = account::delete(&store, &name, &config, OPERATOR, Base::default());
        let deleted = match audit_log::is_enabled(&config) {
            true => {
                let request = deletion(&name, &Resource::default()).trail(&store);
                request.map_err(CommandError::of)?.scope(delete).await
            }
            false => delete.await,
        };
        deleted.map_err(CommandError::of)?;
        print_line(&format!("The user {name} is deleted."))
    })?
}

/// The operation in the audit log.
fn deletion<'a>(name: &'a str, resource: &'a Resource) -> Request<'a> {
    Request {
        kind: OperationKind::Delete,
        name: "User.delete",
        operator: OPERATOR,
        description: name,
        resource,
    }
}

/// A password is never passed on the command line, where every process could read it.
fn read_password() -> Result<Option<castalia_store::Secret>, CommandError> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Ok(None);
    }
    let mut line = String::new();
    let read = stdin.lock().take(LONGEST).read_line(&mut line).map_err(CommandError::of)?;
    if read as u64 == LONGEST {
        let problem = "the line on standard input is too long for a password; nothing was changed";
        return Err(CommandError::Message(problem.to_owned()));
    }
    let text = line.trim_end_matches(['\r', '\n']);
    // The program that was to write the password may have failed.
    if text.is_empty() {
        let problem = "standard input contains no password, so nothing was changed; to have one generated, run the \
                       command on a terminal";
        return Err(CommandError::Message(problem.to_owned()));
    }
    Ok(Some(castalia_store::Secret::new(text)))
}

//! `castalia user password`: restores access for an administrator who lost the password.

use std::io::{BufRead as _, IsTerminal as _};

use clap::{Arg, ArgMatches, Command};

use super::{Failure, block_on, print_line};
use crate::domain::user;
use crate::node;
use crate::settings::Settings;

pub(super) fn command() -> Command {
    Command::new("password")
        .about("Set a user's password, read from standard input or generated if that is a terminal")
        .arg(Arg::new("name").required(true).value_name("NAME").help("User name"))
}

pub(super) fn password(settings: Settings, matches: &ArgMatches) -> Result<(), Failure> {
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    let given = read_password()?;
    block_on(async move {
        let (store, config, installation) =
            node::portal_store(&settings).await.map_err(Failure::of)?;
        let rule = user::PasswordRule::new(installation, &config);
        let generated =
            user::set_password(&store, &rule, &name, given).await.map_err(Failure::of)?;
        match generated {
            Some(password) => {
                print_line(&format!("New password of {name}, shown only once: {password}"))
            }
            None => print_line(&format!("The password of {name} is set.")),
        }
        Ok(())
    })?
}

/// A password is never passed on the command line, where every process could read it.
fn read_password() -> Result<Option<castalia_store::Secret>, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Ok(None);
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line).map_err(Failure::of)?;
    let text = line.trim_end_matches(['\r', '\n']);
    Ok((!text.is_empty()).then(|| castalia_store::Secret::new(text)))
}

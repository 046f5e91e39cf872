//! `castalia migrate`: prepares the databases without serving, or describes what a start would do.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{CommandError, block_on, print_line};
use crate::node;
use crate::settings::Settings;

pub(super) fn command() -> Command {
    let check = Arg::new("check")
        .long("check")
        .action(ArgAction::SetTrue)
        .help("Report what would be done without writing");
    Command::new("migrate")
        .about("Create missing tables and apply schema steps, then exit")
        .arg(check)
}

pub(super) fn run(settings: Settings, matches: &ArgMatches) -> Result<(), CommandError> {
    let only_check = matches.get_flag("check");
    block_on(async move {
        let lines = match only_check {
            true => node::check_databases(&settings).await,
            false => node::prepare_databases(&settings).await,
        };
        for line in lines.map_err(CommandError::of)? {
            print_line(&line)?;
        }
        Ok(())
    })?
}

//! `castalia migrate`: prepares the databases without serving, or describes what a start would do.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{CommandError, block_on, print_line};
use crate::node;
use crate::settings::role::Role;
use crate::settings::{Origin, Settings, Texts};

pub(super) fn command() -> Command {
    let check = Arg::new("check")
        .long("check")
        .action(ArgAction::SetTrue)
        .help("Report what would be done without writing");
    Command::new("migrate")
        .about("Create missing tables and apply schema steps, then exit")
        .after_help("Without --roles, the URL of one database restricts the command to it.")
        .arg(check)
}

pub(super) fn run(
    settings: Settings,
    texts: &Texts,
    matches: &ArgMatches,
) -> Result<(), CommandError> {
    let settings = restricted(settings, texts);
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

/// If roles are not set and one URL is, only the roles of its database remain. The other database
/// would be created in the data directory, and the portal's would record that its environment has
/// that one.
fn restricted(mut settings: Settings, texts: &Texts) -> Settings {
    let has_default_roles = matches!(texts.get("roles"), Some((_, Origin::Default)));
    let has_portal_url = settings.portal_db.is_some();
    if has_default_roles && settings.config_db.is_some() != has_portal_url {
        settings.roles.retain(|role| (*role == Role::Portal) == has_portal_url);
        tracing::info!(
            "only the database whose URL is set is concerned; --roles includes the one in the data directory"
        );
    }
    settings
}

//! `castalia token create`: creates an OpenAPI token of an existing portal. `castalia token admin`:
//! prints the tokens of the admin role, which the first start generates. Both also work while a
//! server runs on the same data.

use std::io::Write as _;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};

use super::{CommandError, block_on, print_line};
use crate::domain::consumer;
use crate::node;
use crate::settings::Settings;

pub(super) fn create_command() -> Command {
    Command::new("create")
        .about("Create an OpenAPI token; only the token goes to standard output")
        .after_help(
            "Before the first start of the server, `castalia migrate` creates its databases.",
        )
        .arg(
            Arg::new("name")
                .long("name")
                .required(true)
                .value_name("NAME")
                .help("Name of the consumer, also used as its app id"),
        )
        .arg(
            Arg::new("app")
                .long("app")
                .action(ArgAction::Append)
                .value_name("APPID")
                .help("App that the token may manage; repeatable"),
        )
        .arg(
            Arg::new("all_apps")
                .long("all-apps")
                .action(ArgAction::SetTrue)
                .help("Allow the token to manage every app and create new ones"),
        )
        .group(ArgGroup::new("scope").args(["app", "all_apps"]).required(true))
}

pub(super) fn create(settings: Settings, matches: &ArgMatches) -> Result<(), CommandError> {
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    let apps: Vec<String> =
        matches.get_many("app").map(|apps| apps.cloned().collect()).unwrap_or_default();
    let all_apps = matches.get_flag("all_apps");
    block_on(async move {
        let (store, _, installation) =
            node::existing_portal_store(&settings).await.map_err(CommandError::of)?;
        let token = consumer::create_token(&store, installation, &name, &apps, all_apps)
            .await
            .map_err(CommandError::of)?;
        if token.older > 0 {
            let _ = writeln!(
                std::io::stderr(),
                "castalia: {name} already has {} token(s), which also receive the permissions granted \
                 now. Use another --name for a token with separate permissions.",
                token.older
            );
        }
        let _ = writeln!(std::io::stderr(), "castalia: token of {name}, shown only once:");
        print_line(&token.text)?;
        Ok(())
    })?
}

pub(super) fn admin_command() -> Command {
    Command::new("admin").about("Print the tokens that the admin role accepts, one per line")
}

/// Only tokens go to standard output, so that scripts can use them; their origin goes to standard
/// error.
pub(super) fn admin(settings: Settings) -> Result<(), CommandError> {
    block_on(async move {
        let found = node::admin_tokens(&settings).await.map_err(CommandError::of)?;
        let mut stderr = std::io::stderr().lock();
        for line in found.explanation() {
            let _ = writeln!(stderr, "castalia: {line}");
        }
        for token in &found.tokens {
            print_line(token.expose())?;
        }
        Ok(())
    })?
}

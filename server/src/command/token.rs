//! `castalia token create`: a token of the open API, also while a server runs on the same data.

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};

use super::{Failure, block_on, print_line};
use crate::domain::consumer;
use crate::node;
use crate::settings::Settings;

pub(super) fn command() -> Command {
    Command::new("create")
        .about("Create a token of the open API; it is the last word on standard output")
        .arg(
            Arg::new("name")
                .long("name")
                .required(true)
                .value_name("NAME")
                .help("Who will use it; also the consumer's app id"),
        )
        .arg(
            Arg::new("app")
                .long("app")
                .action(ArgAction::Append)
                .value_name("APPID")
                .help("App that it may manage; may be repeated"),
        )
        .arg(
            Arg::new("all_apps")
                .long("all-apps")
                .action(ArgAction::SetTrue)
                .help("It may manage every app and create new ones"),
        )
        .group(ArgGroup::new("scope").args(["app", "all_apps"]).required(true))
}

pub(super) fn create(settings: Settings, matches: &ArgMatches) -> Result<(), Failure> {
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    let apps: Vec<String> =
        matches.get_many("app").map(|apps| apps.cloned().collect()).unwrap_or_default();
    let all_apps = matches.get_flag("all_apps");
    block_on(async move {
        let (store, installation) = node::portal_store(&settings).await.map_err(Failure::of)?;
        let token = consumer::create_token(&store, installation, &name, &apps, all_apps)
            .await
            .map_err(Failure::of)?;
        print_line(&format!("Token of {name}, shown only this once: {token}"));
        Ok(())
    })?
}

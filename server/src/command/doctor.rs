//! `castalia doctor`: reports what an operator should know before a node runs on these databases.

use clap::Command;

use super::{CommandError, block_on, print_line};
use crate::node;
use crate::settings::Settings;

pub(super) fn command() -> Command {
    Command::new("doctor").about(
        "Report what to know before a start: schema steps, how services are found, settings without effect; changes no table",
    )
}

pub(super) fn run(settings: Settings) -> Result<(), CommandError> {
    block_on(async move {
        for line in node::examine(&settings).await.map_err(CommandError::of)? {
            print_line(&line)?;
        }
        Ok(())
    })?
}

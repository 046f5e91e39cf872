//! Reads a value, waits for one change, prints both. Settings come from the environment: `APP_ID`,
//! `APOLLO_META`, ...

use castalia_core::{Client, Settings};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what it read")]
async fn main() -> castalia_core::Result<()> {
    let client = Client::new(Settings::from_env()?)?;
    let config = client.config("application").await?;
    let mut changes = config.changes();

    let greeting = config.get_or("greeting", "not set".to_owned());
    println!("greeting = {greeting} (from {})", config.source());

    if let Some(event) = changes.next().await {
        for (key, change) in event.changes() {
            let (old, new) = (&change.old_value, &change.new_value);
            println!("{} {key}: {old:?} -> {new:?}", change.change_type.name());
        }
    }
    client.close().await;
    Ok(())
}

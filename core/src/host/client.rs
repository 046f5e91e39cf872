//! A client as hosts create it: from plain settings, with servers, or with values that the tests of
//! a program set.

use std::ops::Deref;

use crate::blocking;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::format::properties;
use crate::host::memory::{self, Edits};
use crate::host::open::{self, Opened, View};
use crate::host::settings::HostSettings;
use crate::host::validate::{self, PendingReleases};
use crate::in_memory::InMemory;

/// A client of a host. It dereferences to the client for calls that do not wait. The futures of all
/// others own what they need, so that a host runs them where it likes.
///
/// ```
/// use castalia_core::host::client::HostClient;
/// use castalia_core::host::settings::HostSettings;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let values = vec![("timeout".to_owned(), "200".to_owned())];
/// let memory = Some(vec![("application".to_owned(), values)]);
/// let settings = HostSettings { binding: "lua", memory, ..HostSettings::default() };
/// let client = HostClient::new(settings)?;
/// let opened = client.open("test".to_owned(), "application".to_owned(), false).await?;
/// assert_eq!(opened.snapshot().get("timeout"), Some("200"));
/// client.close().await?;
/// # Ok(())
/// # }
/// ```
pub struct HostClient {
    client: Client,
    /// The values of a client without servers.
    memory: Option<InMemory>,
}

impl HostClient {
    /// Validates the settings and creates a client, which opens no socket before a namespace is
    /// opened.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn new(mut settings: HostSettings) -> Result<Self> {
        let memory = settings.memory.take();
        let settings = settings.resolve()?;
        Ok(match memory {
            Some(values) => {
                let memory = InMemory::with_content(settings, values)?;
                Self { client: memory.client().clone(), memory: Some(memory) }
            }
            None => Self { client: Client::new(settings)?, memory: None },
        })
    }

    /// Adds the defaults in a properties file to a namespace before it is opened, for hosts that
    /// look for such files by name. The names are those of
    /// [`Settings::defaults`](crate::Settings::defaults); defaults that were set there replace
    /// these.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`] if the file is malformed; it is then not used.
    pub fn add_defaults(&self, name: &str, file: &[u8]) -> Result<()> {
        let entries = properties::parse(&properties::decode(file))?;
        self.client.effective_settings().hooks.add_defaults(name, &entries);
        Ok(())
    }

    /// Opens the namespaces of `castalia.namespaces`; see [`Client::start`].
    ///
    /// # Errors
    /// As [`Client::start`].
    pub fn start(&self) -> impl Future<Output = Result<()>> + Send + 'static {
        let client = self.client.clone();
        async move { client.start().await }
    }

    /// Opens a namespace as values or as one text; see [`open::open`].
    ///
    /// # Errors
    /// As [`open::open`].
    pub fn open(
        &self,
        app_id: String,
        namespace: String,
        as_text: bool,
    ) -> impl Future<Output = Result<Opened>> + Send + 'static {
        let view = if as_text { View::Text } else { View::Values };
        open::open(self.client.clone(), app_id, namespace, view)
    }

    /// The releases of a namespace that wait for the verdict of the host before they are applied;
    /// see [`Client::validate`].
    ///
    /// # Errors
    /// As [`Client::validate`].
    pub fn pending_releases(&self, namespace: &str) -> Result<PendingReleases> {
        let (validator, releases) = validate::queue();
        self.client.validate(namespace, validator)?;
        Ok(releases)
    }

    /// Changes the values of a client in memory; see [`memory::change`].
    ///
    /// # Errors
    /// As [`memory::change`]; [`ErrorKind::InvalidArgument`] if the client has servers.
    pub fn change(
        &self,
        namespace: String,
        edits: Option<Edits>,
        replaces: bool,
    ) -> impl Future<Output = Result<()>> + Send + 'static {
        let memory = self.memory.clone();
        async move {
            let text = "the values of a client with servers cannot be changed";
            let missing = || Error::new(ErrorKind::InvalidArgument, "change values", text);
            memory::change(memory.ok_or_else(missing)?, namespace, edits, replaces).await
        }
    }

    /// The same client, for hosts whose calls block.
    #[must_use]
    pub fn blocking(&self) -> blocking::Client {
        self.client.clone().into()
    }

    /// Stops the client and waits for it; see [`Client::close`].
    ///
    /// # Errors
    /// None; a result, so that it is run as other calls are.
    pub fn close(&self) -> impl Future<Output = Result<()>> + Send + 'static {
        let client = self.client.clone();
        async move {
            client.close().await;
            Ok(())
        }
    }
}

impl Deref for HostClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::namespace::NO_APP_ID;

    fn change(client: &HostClient) -> impl Future<Output = Result<()>> {
        let edits = vec![("a".to_owned(), Some("1".to_owned()))];
        client.change("application".to_owned(), Some(edits), false)
    }

    #[tokio::test]
    async fn only_a_client_in_memory_has_values_that_a_test_sets() {
        let memory = HostSettings { memory: Some(Vec::new()), ..HostSettings::default() };
        let memory = HostClient::new(memory).unwrap();
        change(&memory).await.unwrap();
        let opened = memory.open("test".to_owned(), "application".to_owned(), true).await.unwrap();
        assert_eq!(opened.snapshot().content(), Some("a=1\n"));

        let values = [("app.id".to_owned(), "demo".to_owned())].into();
        let served = HostSettings { values, ..HostSettings::default() };
        let refused = change(&HostClient::new(served).unwrap()).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidArgument);
    }

    /// B91
    #[test]
    fn the_content_of_a_settings_file_is_used_unless_one_is_named() {
        let app_id = |values: &[(&str, &str)], content: &str| {
            let values = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let app_properties = Some(content.as_bytes().to_vec());
            let settings = HostSettings { values, app_properties, ..HostSettings::default() };
            HostClient::new(settings).unwrap().app_id().to_owned()
        };
        assert_eq!(app_id(&[], "\u{feff}app.id=order"), "order");
        assert_eq!(app_id(&[], r#"{"appId":"go"}"#), "go");
        assert_eq!(app_id(&[("app.id", "code")], "app.id=order"), "code");
        assert_eq!(app_id(&[("apollo.path.app.properties", " ")], "app.id=order"), "order");
        let missing = ("apollo.path.app.properties", "/nowhere/app.properties");
        let unset = [missing, ("castalia.require-app-id", "false")];
        assert_eq!(app_id(&unset, "app.id=order"), NO_APP_ID);
    }

    /// B94
    #[tokio::test]
    async fn files_of_defaults_complete_the_namespaces_that_are_opened_later() {
        let entries = vec![("a".to_owned(), "in code".to_owned())];
        let client = HostClient::new(HostSettings {
            defaults: vec![("coded".to_owned(), entries)],
            memory: Some(Vec::new()),
            ..HostSettings::default()
        });
        let client = client.unwrap();
        client.add_defaults("application", b"a=1\nb=1\n").unwrap();
        client.add_defaults("application", b"c=\xfc\n").unwrap();
        client.add_defaults("test+application", b"b=2\n").unwrap();
        client.add_defaults("other+application", b"a=3\n").unwrap();
        client.add_defaults("coded", b"a=4\nb=4\n").unwrap();
        let malformed = client.add_defaults("application", br"a=\u12G4").unwrap_err();
        assert_eq!(malformed.kind(), ErrorKind::Parse);

        let values = async |namespace: &str| {
            let opened = client.open("test".to_owned(), namespace.to_owned(), false).await;
            let snapshot = opened.unwrap().snapshot();
            let text = |key: &str| snapshot.get(key).unwrap_or("none").to_owned();
            ["a", "b", "c"].map(text)
        };
        assert_eq!(values("application").await, ["1", "2", "ü"]);
        assert_eq!(values("coded").await, ["in code", "none", "none"]);
    }
}

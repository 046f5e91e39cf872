//! Texts of this node that do not fit into a row of the table ServiceRegistry: each heartbeat would
//! be refused, and others would never find this node.

use castalia_core::protocol::namespace::ADMIN_SERVICE;
use castalia_store::{Store, StoreError, service_registry};

use super::{OwnService, RegistryOptions};
use crate::error::{Error, Result};
use crate::server_config::{ServerConfig, keys};
use crate::settings::Settings;

/// Widths of the columns in characters, in the scripts of Apollo and of this server.
const URI: usize = 64;
const CLUSTER: usize = 64;
const METADATA: usize = 1024;

/// Refuses to start with such texts. The database decides, because operators may have widened the
/// columns, and SQLite has no widths.
///
/// # Errors
/// Names the settings of the texts.
pub async fn check(
    settings: &Settings,
    config: &ServerConfig,
    store: &Store,
    options: &RegistryOptions,
    own: &[OwnService],
) -> Result<()> {
    let problems = problems(options, own, |service| setting(settings, config, service));
    if !options.is_announced || problems.is_empty() {
        return Ok(());
    }
    match try_rows(store, options, own).await {
        Err(error @ StoreError::Value(_)) => {
            Err(Error::bad_request(problems.join("; ")).caused_by(error))
        }
        // Heartbeats report any other failure, and are repeated.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// One line for each text that is longer than its column.
fn problems(
    options: &RegistryOptions,
    own: &[OwnService],
    setting: impl Fn(&str) -> &'static str,
) -> Vec<String> {
    let addresses = own.iter().filter_map(|OwnService { name, uri, .. }| {
        problem(setting(name), &format!("the address `{uri}`"), uri, ("Uri", URI))
    });
    let (cluster, metadata) = (&options.cluster, &options.metadata);
    let cluster =
        problem(keys::REGISTRY_CLUSTER.name, "the cluster", cluster, ("Cluster", CLUSTER));
    let prefix = format!("{}*", keys::REGISTRY_METADATA);
    let metadata = problem(&prefix, "their JSON", metadata, ("Metadata", METADATA));
    addresses.chain(cluster).chain(metadata).collect()
}

fn problem(
    setting: &str,
    what: &str,
    text: &str,
    (column, width): (&str, usize),
) -> Option<String> {
    let length = text.chars().count();
    (length > width).then(|| {
        format!(
            "{setting}: {what} has {length} characters, but the column {column} of the table ServiceRegistry holds \
             {width} unless it was widened; others would not find this node"
        )
    })
}

/// The setting that the address of a service is made of.
fn setting(settings: &Settings, config: &ServerConfig, service: &str) -> &'static str {
    if service == ADMIN_SERVICE && settings.advertise_admin.is_some() {
        "--advertise-admin"
    } else if settings.advertise.is_some() {
        "--advertise"
    } else if config.get(&keys::REGISTRY_URI).is_some() {
        keys::REGISTRY_URI.name
    } else {
        // No listening address is as long.
        "--base-path"
    }
}

/// Writes the rows, and rolls them back: another node may have the same address, and its rows.
async fn try_rows(
    store: &Store,
    options: &RegistryOptions,
    own: &[OwnService],
) -> Result<(), StoreError> {
    let rows = (own.to_vec(), options.cluster.clone(), options.metadata.clone());
    store
        .rehearse(rows, |tx, (own, cluster, metadata)| {
            Box::pin(async move {
                for OwnService { name, uri, .. } in own {
                    let now = castalia_store::now();
                    service_registry::heartbeat(tx, name, uri, cluster, metadata, now).await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::SocketAddr;
    use std::time::Duration;

    use castalia_core::protocol::namespace::CONFIG_SERVICE;
    use castalia_store::{Part, StoreOptions, migration};
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::settings::Texts;

    fn options(cluster: String, metadata: String) -> RegistryOptions {
        RegistryOptions {
            is_announced: true,
            reads_table: true,
            cluster,
            metadata,
            heartbeat: Duration::from_secs(10),
            patience: TimeDelta::seconds(61),
            zone: None,
            ignores_eureka: false,
        }
    }

    fn own(uri: String) -> OwnService {
        let machine = SocketAddr::from(([10, 0, 0, 1], 1));
        OwnService { name: CONFIG_SERVICE, uri, machine }
    }

    /// The problems of texts with these lengths.
    fn found(uri: usize, cluster: usize, metadata: usize) -> Vec<String> {
        let options = options("\u{fc}".repeat(cluster), "m".repeat(metadata));
        problems(&options, &[own("u".repeat(uri))], |_| "--advertise")
    }

    /// I20: another node may have the same address.
    #[tokio::test]
    async fn a_trial_changes_no_row() {
        let connected = Store::connect("sqlite::memory:", StoreOptions::new("config-db")).await;
        let store = connected.unwrap();
        migration::apply(&store, Part::Config, |_| Box::pin(async { Ok(()) })).await.unwrap();
        let (uri, then) = ("http://a:1/", castalia_store::now() - TimeDelta::seconds(30));
        let theirs = store.write((), move |tx, ()| {
            Box::pin(service_registry::heartbeat(tx, CONFIG_SERVICE, uri, "theirs", "{}", then))
        });
        theirs.await.unwrap();
        let rows = async |cluster: &'static str, since: DateTime<Utc>| {
            service_registry::alive(store.read(), cluster, since).await.unwrap().len()
        };
        let owned = [own(uri.to_owned()), own("http://b:1/".to_owned())];
        try_rows(&store, &options("ours".to_owned(), "{}".to_owned()), &owned).await.unwrap();
        let before = then - TimeDelta::seconds(1);
        assert_eq!((rows("theirs", before).await, rows("ours", before).await), (1, 0));
        assert_eq!(rows("theirs", then + TimeDelta::seconds(1)).await, 0, "its time is the same");
    }

    #[test]
    fn what_a_column_holds_is_no_problem() {
        assert_eq!(found(64, 64, 1024), [""; 0]);
    }

    #[test]
    fn each_text_that_is_too_long_is_named_with_its_limit() {
        for (lengths, setting, limit) in [
            ([65, 1, 1], "--advertise: ", "column Uri of the table ServiceRegistry holds 64"),
            ([1, 65, 1], "apollo.service.registry.cluster: ", "column Cluster of"),
            ([1, 1, 1025], "apollo.service.registry.metadata.*: ", "holds 1024 unless"),
        ] {
            let [uri, cluster, metadata] = lengths;
            let problems = found(uri, cluster, metadata);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(
                problems[0].starts_with(setting) && problems[0].contains(limit),
                "{problems:?}"
            );
        }
        assert_eq!(found(65, 65, 1025).len(), 3);
    }

    #[test]
    fn an_address_is_that_of_the_setting_that_states_it() {
        let of = |flags: &[(&'static str, &str)], key: Option<&str>, service: &str| {
            let flags = flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
            let texts = Texts::gather(flags, None, std::iter::empty()).unwrap();
            let settings = Settings::from_texts(&texts).unwrap();
            let key = key.map(|text| (keys::REGISTRY_URI.name.to_owned(), text.to_owned()));
            setting(&settings, &ServerConfig::new(BTreeMap::from_iter(key)), service)
        };
        let (both, admin) = (("advertise", "http://a"), ("advertise_admin", "http://b"));
        for service in [CONFIG_SERVICE, ADMIN_SERVICE] {
            assert_eq!(of(&[], None, service), "--base-path");
            assert_eq!(of(&[], Some("http://c"), service), "apollo.service.registry.uri");
            assert_eq!(of(&[both], Some("http://c"), service), "--advertise");
        }
        assert_eq!(of(&[both, admin], None, CONFIG_SERVICE), "--advertise");
        assert_eq!(of(&[both, admin], None, ADMIN_SERVICE), "--advertise-admin");
    }
}

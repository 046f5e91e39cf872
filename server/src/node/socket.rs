//! The listening sockets of a node, bound before any service answers on them, and the addresses
//! that are announced to others.

use std::net::SocketAddr;

use castalia_core::protocol::namespace::ADMIN_SERVICE;
use castalia_store::{Dialect, Secret, Store};
use tokio::net::TcpListener;

use super::{Listening, StartError};
use crate::error::{Error, Result};
use crate::http;
use crate::http::metrics::Metrics;
use crate::registry::address::{Advertised, Listeners, advertised, own_services};
use crate::registry::{
    Eureka, EurekaClient, OwnService, RegistryOptions, ServiceRegistry, row_width,
};
use crate::server_config::{ServerConfig, keys};
use crate::settings::address::check;
use crate::settings::eureka::EurekaPassword;
use crate::settings::role::Role;
use crate::settings::{Discovery, Settings};

/// Beginning of Apollo's keys for hosting Eureka.
const EUREKA_SERVER: &str = "apollo.eureka.server.";
/// Effects of settings that surprise operators.
const IGNORED_ROWS: &str = "rows of ServerConfig cannot make this node host Eureka, and do not protect it; set eureka.host, eureka.username and eureka.password";
const OPEN: &str = "everyone who reaches the config port can register services and receive the requests of clients and portals, because eureka.open is on";

/// One socket for each port that this process serves.
pub(super) struct Sockets {
    pub(super) client: Option<TcpListener>,
    pub(super) admin: Option<TcpListener>,
    pub(super) portal: Option<TcpListener>,
}

impl Sockets {
    pub(super) fn bind(settings: &Settings) -> Result<Self, StartError> {
        let open = |wanted: bool, setting, port| -> Result<Option<TcpListener>, StartError> {
            let address = SocketAddr::new(settings.bind, port);
            let bound = wanted.then(|| http::bind(address)).transpose();
            bound.map_err(|source| StartError::Bind { setting, address, source })
        };
        let client = settings.plays(Role::Config) || settings.plays(Role::Meta);
        Ok(Self {
            client: open(client, "--config-port", settings.config_port)?,
            admin: open(settings.plays(Role::Admin), "--admin-port", settings.admin_port)?,
            portal: open(settings.plays(Role::Portal), "--portal-port", settings.portal_port)?,
        })
    }

    pub(super) fn listening(&self) -> Vec<Listening> {
        [(Role::Config, &self.client), (Role::Admin, &self.admin), (Role::Portal, &self.portal)]
            .into_iter()
            .filter_map(|(role, socket)| Some(Listening { role, address: local_address(socket)? }))
            .collect()
    }

    pub(super) async fn registry(
        &self,
        settings: &Settings,
        config: &ServerConfig,
        store: &Store,
        secret: &Secret,
    ) -> Result<ServiceRegistry> {
        if settings.discovery == Discovery::Custom {
            let eureka = self.hosted_eureka(settings, config, &[], true, secret)?;
            return Ok(ServiceRegistry::custom(config.clone()).and_hosted(eureka));
        }
        let advertised = advertised(settings, config);
        advertised.as_deref().map_or(Ok(()), check).map_err(|problem| {
            Error::bad_request(format!("{}: {problem}", keys::REGISTRY_URI.name))
        })?;
        let listeners = Listeners {
            config: local_address(&self.client).filter(|_| settings.plays(Role::Config)),
            admin: local_address(&self.admin),
        };
        let stated = Advertised {
            config: advertised.as_deref(),
            admin: settings.advertise_admin.as_deref(),
        };
        let own = own_services(listeners, stated, &settings.base_path);
        warn_of_tls(stated, &own);
        // What an operator states is trusted; a loopback address would lead others to themselves.
        let is_advertised = match listeners.config {
            Some(_) => stated.config.is_some(),
            None => stated.config.or(stated.admin).is_some(),
        };
        let is_reachable = is_advertised || !own.iter().any(OwnService::is_loopback);
        if settings.discovery == Discovery::Eureka {
            let is_reachable = is_reachable || settings.eureka.instance.home_page_url.is_some();
            return match self.hosted_eureka(settings, config, &own, is_reachable, secret)? {
                Some(eureka) => Ok(ServiceRegistry::hosted(eureka)),
                None => self.eureka_client(settings, config, &own, is_reachable, secret).await,
            };
        }
        let is_reachable = is_reachable || store.dialect() == Dialect::Sqlite;
        if !is_reachable {
            tracing::warn!(
                "not announcing this node in the table ServiceRegistry, because others cannot reach it; set bind or advertise"
            );
        }
        let options = RegistryOptions::read(settings, config, is_reachable)?;
        row_width::check(settings, config, store, &options, &own).await?;
        let eureka = self.hosted_eureka(settings, config, &[], is_reachable, secret)?;
        let registry = ServiceRegistry::database(own, store.clone(), options).and_hosted(eureka);
        if !settings.eureka.reads {
            return Ok(registry);
        }
        let servers = eureka_servers(settings, config, &[], true, secret)?;
        Ok(registry.and_servers(Some(servers)))
    }

    /// The services at the Eureka servers of others.
    async fn eureka_client(
        &self,
        settings: &Settings,
        config: &ServerConfig,
        own: &[OwnService],
        is_reachable: bool,
        secret: &Secret,
    ) -> Result<ServiceRegistry> {
        let port = local_address(&self.client).map(|address| address.port());
        if !ServiceRegistry::has_other_eureka_servers(config, port).await {
            return Err(Error::bad_request(
                "--registry: eureka needs another server in `eureka.service.url` of ServerConfig, or eureka.host=on, so that this node is one itself",
            ));
        }
        let client = eureka_servers(settings, config, own, is_reachable, secret)?;
        Ok(ServiceRegistry::client(client))
    }

    /// The Eureka registry of this node, if it hosts one. `own` are the services announced there,
    /// and `is_reachable` states whether other machines reach them.
    fn hosted_eureka(
        &self,
        settings: &Settings,
        config: &ServerConfig,
        own: &[OwnService],
        is_reachable: bool,
        secret: &Secret,
    ) -> Result<Option<Eureka>> {
        let ignored = config.keys_of_rows(EUREKA_SERVER);
        if !ignored.is_empty() {
            tracing::warn!(keys = ignored.join(", "), "{IGNORED_ROWS}");
        }
        if !settings.eureka.is_hosted || !settings.plays(Role::Config) {
            return Ok(None);
        }
        let is_anonymous = settings.eureka.credentials.is_none();
        if has_reserved_characters(settings) {
            tracing::warn!(
                "eureka.username or eureka.password has characters that have to be percent-encoded in the URLs of clients and peers"
            );
        }
        let is_advertised = advertised(settings, config).is_some();
        if is_anonymous && settings.bind.is_loopback() && is_advertised {
            tracing::warn!(
                "everyone who reaches the hosted Eureka through a proxy can register services; set eureka.username and eureka.password"
            );
        }
        if settings.eureka.ignores_credentials {
            tracing::warn!(
                "eureka.username and eureka.password have no effect, because eureka.open is on or apollo.eureka.server.security.enabled is false"
            );
        }
        if settings.eureka.is_open {
            tracing::warn!("{OPEN}");
        }
        let ports = local_address(&self.client).map(|address| address.port());
        let ports = ports.into_iter().collect();
        let eureka =
            Eureka::new(settings, config.clone(), own, is_reachable, ports, secret.clone());
        let eureka =
            eureka.map_err(|error| Error::internal("cannot create an HTTP client", error))?;
        Metrics::begin(&Eureka::ALARMS);
        Ok(Some(eureka))
    }
}

/// What an operator should know of Eureka before a start.
pub(super) fn eureka_notes(settings: &Settings, config: &ServerConfig) -> Vec<String> {
    let ignored = config.keys_of_rows(EUREKA_SERVER);
    let rows = (!ignored.is_empty()).then(|| format!("{}: {IGNORED_ROWS}", ignored.join(", ")));
    let open = settings.eureka.is_open.then(|| OPEN.to_owned());
    rows.into_iter().chain(open).collect()
}

/// The Eureka servers of others, where `own` are registered or services are only read.
fn eureka_servers(
    settings: &Settings,
    config: &ServerConfig,
    own: &[OwnService],
    is_reachable: bool,
    secret: &Secret,
) -> Result<EurekaClient> {
    Metrics::begin(&EurekaClient::ALARMS);
    let client = EurekaClient::new(settings, config.clone(), own, is_reachable, secret.clone());
    client.map_err(|error| Error::internal("cannot create an HTTP client", error))
}

/// Whether a URL cannot contain the credentials as they are.
fn has_reserved_characters(settings: &Settings) -> bool {
    let is_reserved = |c: char| !c.is_ascii_alphanumeric() && !"._~-".contains(c);
    settings.eureka.credentials.as_ref().is_some_and(|credentials| {
        let is_password = match &credentials.password {
            EurekaPassword::Clear(password) => password.expose().contains(is_reserved),
            // The hash does not show it.
            EurekaPassword::Hashed(_) => false,
        };
        credentials.username.contains(is_reserved) || is_password
    })
}

/// The ports of this process speak plain HTTP, and the proxy of the config role is probably not
/// also on the admin port.
fn warn_of_tls(stated: Advertised<'_>, own: &[OwnService]) {
    let is_derived = stated.admin.is_none() && stated.config.is_some();
    let admin = own.iter().find(|own| own.name == ADMIN_SERVICE && own.uri.starts_with("https:"));
    if let Some(admin) = admin.filter(|_| is_derived) {
        tracing::warn!(
            address = admin.uri,
            "the admin role is announced with TLS on its own port, which has none; set advertise_admin to the address of its proxy"
        );
    }
}

fn local_address(socket: &Option<TcpListener>) -> Option<SocketAddr> {
    socket.as_ref()?.local_addr().ok()
}

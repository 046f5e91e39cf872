//! The listening sockets of a node, bound before any service answers on them, and the addresses
//! that are announced to others.

use std::net::SocketAddr;

use castalia_store::{Dialect, Store};
use tokio::net::TcpListener;

use super::{Listening, StartError};
use crate::error::Result;
use crate::http;
use crate::registry::address::{Listeners, own_services};
use crate::registry::{RegistryOptions, ServiceRegistry};
use crate::server_config::{ServerConfig, keys};
use crate::settings::role::Role;
use crate::settings::{Discovery, Settings};

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
    ) -> Result<ServiceRegistry> {
        if settings.discovery == Discovery::Custom {
            return Ok(ServiceRegistry::custom(config.clone()));
        }
        let advertised = settings.advertise.clone().or_else(|| config.get(&keys::REGISTRY_URI));
        let listeners = Listeners {
            config: local_address(&self.client).filter(|_| settings.plays(Role::Config)),
            admin: local_address(&self.admin),
        };
        let own = own_services(listeners, advertised.as_deref(), &settings.base_path);
        // A loopback address would lead other nodes on the same database to themselves.
        let is_alone = store.dialect() == Dialect::Sqlite;
        let is_reachable = is_alone || advertised.is_some() || !settings.bind.is_loopback();
        let options = RegistryOptions::read(settings, config, store, is_reachable).await?;
        Ok(ServiceRegistry::database(own, store.clone(), options))
    }
}

fn local_address(socket: &Option<TcpListener>) -> Option<SocketAddr> {
    socket.as_ref()?.local_addr().ok()
}

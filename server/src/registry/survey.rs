//! How the nodes of an installation find each other, as its database and the Eureka servers in its
//! settings show it: for operators who are about to start a node there. Independent of what the
//! settings of this process select, and changes nothing.

use std::fmt;

use castalia_core::protocol::namespace::{ADMIN_SERVICE, CONFIG_SERVICE};
use castalia_eureka::Instance;
use castalia_store::{Secret, Store};
use reqwest::Url;

use super::database::RegistryTable;
use super::{EurekaClient, RegistryOptions};
use crate::error::{Error, Result};
use crate::server_config::ServerConfig;
use crate::settings::Settings;

/// What was found.
#[derive(Debug)]
pub struct Survey {
    /// Live services in the table, which a database may not have yet.
    table: Result<usize, String>,
    servers: Vec<Server>,
}

/// An Eureka server in the settings.
#[derive(Debug)]
struct Server {
    /// Without credentials.
    url: Url,
    found: Result<Services, String>,
}

/// The services of Apollo at a server.
#[derive(Debug, Default)]
struct Services {
    config: usize,
    admin: usize,
    /// Whether one of them is the server itself, as far as the port shows.
    is_host: bool,
}

/// Reads the table, and asks the servers.
///
/// # Errors
/// Fails if the database cannot be read.
pub async fn survey(settings: &Settings, config: &ServerConfig, store: &Store) -> Result<Survey> {
    let options = RegistryOptions::read(settings, config, store, false).await?;
    let table = RegistryTable::new(store.clone(), options.of_any_setting(), &[]);
    let table = table.alive().await.map(|rows| rows.values().map(Vec::len).sum());
    let table = table.map_err(|error| error.to_string());
    let client = EurekaClient::new(settings, config.clone(), &[], false, Secret::new(""));
    let client = client.map_err(|error| Error::internal("cannot create an HTTP client", error))?;
    let servers = client.survey().await.into_iter().map(|(url, found)| {
        let found = found.map(|mut lists| {
            let config = lists.remove(CONFIG_SERVICE).unwrap_or_default();
            let admin = lists.remove(ADMIN_SERVICE).unwrap_or_default().len();
            let is_host = config.iter().any(|service| has_port_of(service, &url));
            Services { config: config.len(), admin, is_host }
        });
        Server { url, found }
    });
    Ok(Survey { table, servers: servers.collect() })
}

/// The settings may have a name, and the service an address.
fn has_port_of(service: &Instance, url: &Url) -> bool {
    let address = service.home_page_url.as_deref().and_then(|address| Url::parse(address).ok());
    address.is_some_and(|address| address.port_or_known_default() == url.port_or_known_default())
}

impl Survey {
    /// What was found, one line for each place, and what to do.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let table = match &self.table {
            Ok(services) => format!("table ServiceRegistry: {services} live services"),
            Err(problem) => format!("table ServiceRegistry: cannot be read: {problem}"),
        };
        let servers = self.servers.iter().map(ToString::to_string);
        [table].into_iter().chain(servers).chain([self.advice().to_owned()]).collect()
    }

    fn advice(&self) -> &'static str {
        let found = || self.servers.iter().filter_map(|server| server.found.as_ref().ok());
        let has_services = found().any(|services| services.config + services.admin > 0);
        let has_rows = self.table.as_ref().is_ok_and(|services| *services > 0);
        match (has_rows, has_services) {
            (true, false) => "Services are found in the table: use registry=database, the default.",
            (true, true) => {
                "Services are found both in the table and in Eureka: use the bridge, registry=database with eureka.host=on or eureka.read=on, until all are in the table."
            }
            (false, true) if found().any(|services| services.is_host) => {
                "Services are found in Eureka, which the config services host: join them with registry=eureka and eureka.host=on, and add each node to eureka.service.url."
            }
            (false, true) => {
                "Services are found in an Eureka server: register with it by registry=eureka."
            }
            (false, false) => {
                "No service is found anywhere: for a new installation use registry=database, the default; if services run, make an Eureka server that they use answer and repeat this; if only admin services of Apollo remain, host Eureka for them with registry=eureka and eureka.host=on."
            }
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, found } = self;
        match found {
            Ok(Services { config, admin, .. }) => {
                write!(f, "{url}: Eureka with {config} config and {admin} admin services")
            }
            Err(problem) => write!(f, "{url}: no Eureka that can be used: {problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(table: usize, servers: &[Result<(usize, usize, bool), &str>]) -> &'static str {
        let server = |found: &Result<(usize, usize, bool), &str>| Server {
            url: "http://10.0.0.1:8080/eureka/".parse().unwrap(),
            found: found
                .map(|(config, admin, is_host)| Services { config, admin, is_host })
                .map_err(str::to_owned),
        };
        Survey { table: Ok(table), servers: servers.iter().map(server).collect() }.advice()
    }

    #[test]
    fn each_situation_has_its_setting() {
        let dead = Err("it does not answer");
        for (table, servers, expected) in [
            (0, &[][..], "for a new installation use registry=database, the default"),
            (2, &[], "use registry=database, the default."),
            (2, &[dead], "use registry=database, the default."),
            (2, &[Ok((0, 0, false))], "use registry=database, the default."),
            (2, &[Ok((0, 1, false))], "use the bridge"),
            (0, &[dead, Ok((2, 1, true))], "join them with registry=eureka and eureka.host=on"),
            (0, &[Ok((2, 1, false))], "register with it by registry=eureka."),
            (0, &[dead], "host Eureka for them"),
            (0, &[Ok((0, 0, false))], "host Eureka for them"),
        ] {
            let advice = advice(table, servers);
            assert!(advice.contains(expected), "{table} {servers:?}: {advice}");
        }
    }
}

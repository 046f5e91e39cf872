//! How the nodes of an installation find each other, as its database and the Eureka servers in its
//! settings show it: for operators who are about to start a node there. Independent of what the
//! settings of this process select, and changes nothing.

use std::fmt;

use castalia_core::protocol::namespace::{ADMIN_SERVICE, CONFIG_SERVICE};
use castalia_eureka::Instance;
use castalia_store::{Secret, Store};
use reqwest::Url;

use super::database::RegistryTable;
use super::eureka::own_address::resolved;
use super::{EurekaClient, RegistryOptions};
use crate::error::{Error, Result};
use crate::server_config::{ServerConfig, keys};
use crate::settings::Settings;

/// What was found.
#[derive(Debug)]
pub struct Survey {
    /// Live services in the table, which a database may not have yet.
    table: Result<usize, String>,
    servers: Vec<SurveyedServer>,
    /// Addresses of config and admin services in ServerConfig.
    stated: [usize; 2],
}

/// An Eureka server in the settings.
#[derive(Debug)]
struct SurveyedServer {
    /// Without credentials.
    url: Url,
    found: Result<FoundServices, String>,
}

/// The services of Apollo at a server.
#[derive(Debug, Default)]
struct FoundServices {
    config: usize,
    admin: usize,
    /// Whether one of them is the server itself, as far as its address shows.
    is_host: bool,
}

/// Reads the table, and asks the servers.
///
/// # Errors
/// Fails if the database cannot be read.
pub async fn survey(settings: &Settings, config: &ServerConfig, store: &Store) -> Result<Survey> {
    let options = RegistryOptions::read(settings, config, false)?;
    let table = RegistryTable::new(store.clone(), options.of_any_setting(), &[]);
    let table = table.alive().await.map(|rows| rows.values().map(Vec::len).sum());
    let table = table.map_err(|error| error.to_string());
    let client = EurekaClient::new(settings, config.clone(), &[], false, Secret::new(""));
    let client = client.map_err(|error| Error::internal("cannot create an HTTP client", error))?;
    let mut servers = Vec::new();
    for (url, found) in client.survey().await {
        let found = match found {
            Ok(mut lists) => {
                let config = lists.remove(CONFIG_SERVICE).unwrap_or_default();
                let admin = lists.remove(ADMIN_SERVICE).unwrap_or_default().len();
                let is_host = is_host(&config, &url).await;
                Ok(FoundServices { config: config.len(), admin, is_host })
            }
            Err(problem) => Err(problem),
        };
        servers.push(SurveyedServer { url, found });
    }
    let stated = [&keys::CONFIG_SERVICE_URL, &keys::ADMIN_SERVICE_URL];
    Ok(Survey { table, servers, stated: stated.map(|key| config.get(key).len()) })
}

/// Whether the address of a server is that of one of these services; the settings may have a name,
/// and the service an address.
async fn is_host(services: &[Instance], url: &Url) -> bool {
    let own = resolved(url).await;
    for service in services {
        let address = service.home_page_url.as_deref().and_then(|text| Url::parse(text).ok());
        let Some(address) = address else { continue };
        let is_same = address.host() == url.host()
            && address.port_or_known_default() == url.port_or_known_default();
        if is_same || resolved(&address).await.iter().any(|address| own.contains(address)) {
            return true;
        }
    }
    false
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
        let [config, admin] = self.stated;
        let stated = (config + admin > 0).then(|| {
            format!("ServerConfig: {config} config and {admin} admin services for registry=custom")
        });
        let advice = [self.advice().to_owned()];
        [table].into_iter().chain(servers).chain(stated).chain(advice).collect()
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
                "Services are found in an Eureka server: register with it by registry=eureka; if it is one of the config services itself, join it with eureka.host=on and add each node to eureka.service.url."
            }
            (false, false) if self.stated.iter().all(|services| *services > 0) => {
                "Services are stated in ServerConfig only: use registry=custom, unless services in Eureka are only stopped."
            }
            (false, false) => {
                "No service is found anywhere: for a new installation use registry=database, the default; if services run, make an Eureka server that they use answer and repeat this; if only admin services of Apollo remain, host Eureka for them with registry=eureka and eureka.host=on."
            }
        }
    }
}

impl fmt::Display for SurveyedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, found } = self;
        match found {
            Ok(FoundServices { config, admin, .. }) => {
                write!(f, "{url}: Eureka with {config} config and {admin} admin services")
            }
            Err(problem) => write!(f, "{url}: no Eureka that can be used: {problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(
        table: usize,
        servers: &[Result<(usize, usize, bool), &str>],
        stated: [usize; 2],
    ) -> &'static str {
        let server = |found: &Result<(usize, usize, bool), &str>| SurveyedServer {
            url: "http://10.0.0.1:8080/eureka/".parse().unwrap(),
            found: found
                .map(|(config, admin, is_host)| FoundServices { config, admin, is_host })
                .map_err(str::to_owned),
        };
        let servers = servers.iter().map(server).collect();
        Survey { table: Ok(table), servers, stated }.advice()
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
            (0, &[Ok((2, 1, false))], "register with it by registry=eureka;"),
            (0, &[dead], "host Eureka for them"),
            (0, &[Ok((0, 0, false))], "host Eureka for them"),
        ] {
            let advice = advice(table, servers, [0, 0]);
            assert!(advice.contains(expected), "{table} {servers:?}: {advice}");
        }
    }

    #[test]
    fn addresses_in_the_settings_are_used_where_nothing_else_is() {
        let dead = Err("it does not answer");
        for (table, servers, expected) in [
            (0, &[][..], "use registry=custom, unless"),
            (0, &[dead], "use registry=custom, unless"),
            (2, &[], "use registry=database, the default."),
            (0, &[Ok((2, 1, true))], "join them"),
        ] {
            let advice = advice(table, servers, [2, 1]);
            assert!(advice.contains(expected), "{table} {servers:?}: {advice}");
        }
    }

    /// Without one of the two, nobody would find the services of its kind.
    #[test]
    fn addresses_of_one_service_only_are_not_used() {
        for stated in [[2, 0], [0, 1]] {
            let advice = advice(0, &[], stated);
            assert!(advice.contains("for a new installation"), "{stated:?}: {advice}");
        }
    }

    #[tokio::test]
    async fn a_service_is_the_server_only_at_the_same_address() {
        let service = |url: &str| {
            let text = format!(
                r#"{{"instance": {{"app": "A", "hostName": "a", "ipAddr": "10.0.0.1", "status": "UP",
                    "dataCenterInfo": {{"name": "MyOwn"}}, "homePageUrl": "{url}"}}}}"#
            );
            [Instance::from_json(text.as_bytes()).unwrap()]
        };
        for (url, expected) in [
            ("http://127.0.0.1:8080/", true),
            ("http://localhost:8080/x/", true),
            ("http://127.0.0.1:8081/", false),
            ("http://10.9.9.9:8080/", false),
        ] {
            let server = "http://127.0.0.1:8080/eureka/".parse().unwrap();
            assert_eq!(is_host(&service(url), &server).await, expected, "{url}");
        }
    }
}

//! Settings of Eureka: whether this node hosts it, for whom, and how it describes itself. Apollo's
//! names are accepted if this node fixes them; rows of the database cannot open an endpoint.

mod callers;

use std::collections::BTreeMap;
use std::net::IpAddr;

pub use self::callers::{EurekaCredentials, EurekaPassword};
use super::read::SettingsReader;
use super::role::Role;
use crate::server_config::keys;

/// Apps that may register with a registry that everyone can reach.
const APOLLO: [&str; 2] = ["APOLLO-CONFIGSERVICE", "APOLLO-ADMINSERVICE"];

/// Entry of the metadata of a Castalia node, by which others know that it understands nudges.
pub const OURS: &str = "castalia";
/// Entry with the port of the service, which distinguishes nodes of a machine.
pub const MANAGEMENT_PORT: &str = "management.port";
/// Maximum length of an id before the name of the service is appended, in bytes.
const ID: usize = 230;

/// How this node takes part in Eureka.
#[derive(Debug, Clone)]
pub struct EurekaSettings {
    /// Whether services at the servers of others are listed beside those of the table.
    pub reads: bool,
    /// Whether the config port has the routes of an Eureka server.
    pub is_hosted: bool,
    /// User name and password of clients and peers; `None` if no credentials are required.
    pub credentials: Option<EurekaCredentials>,
    /// Whether others than this machine can call it without credentials.
    pub is_open: bool,
    /// Whether credentials are set that have no effect.
    pub ignores_credentials: bool,
    /// Whether leases stay while more than 15 % of the instances are overdue.
    pub preserves: bool,
    /// Maximum number of instances.
    pub max_instances: usize,
    /// Apps that may register; empty means all.
    pub apps: Vec<String>,
    /// How the services of this node are described.
    pub instance: EurekaInstance,
}

/// Members of the description of this node's services.
#[derive(Debug, Clone)]
pub struct EurekaInstance {
    /// Address; by default that of the service.
    pub ip_address: Option<IpAddr>,
    /// Host; by default that of the service.
    pub hostname: Option<String>,
    /// Base address, if this process has one of the roles config and admin.
    pub home_page_url: Option<String>,
    /// First part of the ids.
    pub instance_id: Option<String>,
    /// Seconds between two heartbeats.
    pub renewal_interval: u32,
    /// Seconds without a heartbeat after which a service is no longer listed.
    pub lease_duration: u32,
    /// Additional metadata, for those who choose among instances by it.
    pub metadata: BTreeMap<String, String>,
}

impl SettingsReader<'_> {
    /// How services are found.
    pub(super) fn discovery(&mut self) -> super::Discovery {
        let ways = [
            ("database", super::Discovery::Database),
            ("custom", super::Discovery::Custom),
            ("eureka", super::Discovery::Eureka),
        ];
        self.choice("registry", &ways).unwrap_or(super::Discovery::Database)
    }

    pub(super) fn eureka(
        &mut self,
        discovery: super::Discovery,
        roles: &[Role],
        bind: IpAddr,
    ) -> EurekaSettings {
        let is_config = roles.contains(&Role::Config);
        let is_fixed = self.fixed_switch(keys::EUREKA_SERVER.name).unwrap_or_default();
        let is_hosted = self.switch("eureka.host").unwrap_or_default() || is_fixed;
        if self.switch("eureka.host").unwrap_or_default() && !is_config {
            self.fault("eureka.host", "needs the config role, whose port has the routes of Eureka");
        }
        let callers = self.eureka_callers(is_hosted, bind);
        let apps = self.eureka_apps(callers.is_open);
        let reads = self.switch("eureka.read").unwrap_or_default();
        if reads && (is_hosted || discovery != super::Discovery::Database) {
            self.fault(
                "eureka.read",
                "has an effect only with registry=database and without eureka.host",
            );
        }
        EurekaSettings {
            reads,
            is_hosted,
            credentials: callers.credentials,
            is_open: callers.is_open,
            ignores_credentials: callers.ignores_credentials,
            preserves: self.switch("eureka.self_preservation").unwrap_or_default(),
            max_instances: self.eureka_max_instances(),
            apps,
            instance: self.eureka_instance(roles),
        }
    }

    fn eureka_apps(&mut self, is_open: bool) -> Vec<String> {
        let name = "eureka.apps";
        let apps: Vec<_> = self.list(name).iter().map(|app| app.to_ascii_uppercase()).collect();
        if let Some(app) = apps.iter().find(|app| !castalia_eureka::is_app_name(app)) {
            let problem = format!("`{app}` is not the name of an app");
            self.fault(name, problem);
        }
        if apps.is_empty() && self.text(name).is_some() {
            self.fault(name, "names no app; name those that may register, or unset it");
        }
        if is_open && apps.is_empty() { APOLLO.map(str::to_owned).to_vec() } else { apps }
    }

    fn eureka_max_instances(&mut self) -> usize {
        let name = "eureka.max_instances";
        let number = self.parsed(name, "a whole number").unwrap_or(10_000);
        if number == 0 {
            self.fault(name, "must be at least 1");
        }
        number
    }

    fn eureka_instance(&mut self, roles: &[Role]) -> EurekaInstance {
        let seconds = "a number of seconds";
        let renewal_interval = self.parsed("eureka.instance.lease_renewal_interval", seconds);
        let renewal_interval = renewal_interval.unwrap_or(30);
        let lease_duration = self.parsed("eureka.instance.lease_duration", seconds).unwrap_or(90);
        if !(1..=300).contains(&renewal_interval) {
            self.fault("eureka.instance.lease_renewal_interval", "must be from 1 to 300");
        } else if !(renewal_interval * 3..=900).contains(&lease_duration) {
            let problem = format!("must be from {} to 900", renewal_interval * 3);
            self.fault("eureka.instance.lease_duration", problem);
        }
        EurekaInstance {
            ip_address: self.instance_ip_address(),
            hostname: self.fitting("eureka.instance.hostname", is_particular_host),
            home_page_url: self.home_page_url(roles),
            instance_id: self.fitting("eureka.instance.instance_id", |text| {
                castalia_eureka::is_id(text) && text.len() <= ID
            }),
            renewal_interval,
            lease_duration,
            metadata: self.eureka_metadata(),
        }
    }

    fn instance_ip_address(&mut self) -> Option<IpAddr> {
        let name = "eureka.instance.ip_address";
        let address: IpAddr = self.parsed(name, "an IP address")?;
        if address.to_canonical().is_unspecified() {
            let problem = format!("`{address}` means every address of a machine");
            self.fault(name, problem);
        }
        Some(address)
    }

    /// One address cannot be that of two services.
    fn home_page_url(&mut self, roles: &[Role]) -> Option<String> {
        let name = "eureka.instance.home_page_url";
        let address = self.address(name)?;
        if roles.contains(&Role::Config) && roles.contains(&Role::Admin) {
            self.fault(
                name,
                "has no effect with both the config and the admin role; set advertise and advertise_admin",
            );
        }
        Some(address)
    }

    /// A text that Eureka servers accept; they would silently not list this node otherwise.
    fn fitting(&mut self, name: &'static str, fits: fn(&str) -> bool) -> Option<String> {
        let text = self.text(name)?;
        if !fits(&text) {
            let problem =
                format!("`{text}` is too long, or has characters that Eureka does not accept here");
            self.fault(name, problem);
        }
        Some(text)
    }

    fn eureka_metadata(&mut self) -> BTreeMap<String, String> {
        let name = "eureka.instance.metadata";
        let mut metadata = BTreeMap::new();
        for entry in self.list(name) {
            match entry.split_once('=') {
                // Java's clients would read the value as the name of a class.
                Some((key, _)) if key.trim().starts_with('@') => {
                    self.fault(name, format!("the key of `{entry}` begins with `@`"));
                }
                Some((key, value)) if !key.trim().is_empty() => {
                    metadata.insert(key.trim().to_owned(), value.trim().to_owned());
                }
                _ => self.fault(name, format!("`{entry}` is not of the form KEY=VALUE")),
            }
        }
        let mut described = metadata.clone();
        add_own_metadata(&mut described, u16::MAX);
        if let Err(error) = castalia_eureka::check_metadata(&described, None) {
            self.fault(name, error.to_string());
        }
        metadata
    }

    /// The text of a key of ServerConfig that this node fixes.
    fn fixed(&self, key: &str) -> Option<String> {
        let fixed = self.texts.server_config.get(key);
        fixed.map(|fixed| fixed.text.clone()).filter(|text| !text.is_empty())
    }
}

/// Adds the entries by which this node describes itself.
pub fn add_own_metadata(metadata: &mut BTreeMap<String, String>, port: u16) {
    metadata.insert(MANAGEMENT_PORT.to_owned(), port.to_string());
    // The proof that it is one takes its place.
    metadata.insert(OURS.to_owned(), "0".repeat(64));
}

fn is_particular_host(text: &str) -> bool {
    let address: Option<IpAddr> = text.parse().ok();
    castalia_eureka::is_host(text) && !address.is_some_and(|ip| ip.to_canonical().is_unspecified())
}

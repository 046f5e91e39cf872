//! The migration away from Eureka, step by step as it is documented, and back: at any time every
//! node lists services that live, and after each step all of them, each once.

use std::collections::BTreeSet;

use super::{client, free_port, instance};
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Where a node announces itself, and from where it knows the others.
#[derive(Debug, Clone, Copy)]
enum Registry {
    Eureka,
    /// The table of the database, and Eureka for those that have not moved.
    Bridge,
    Table,
}

use Registry::{Bridge, Eureka, Table};

/// Two nodes with the config role, which host Eureka, one with the meta role alone and one with the
/// admin role alone.
const CONFIG: [usize; 2] = [0, 1];
const META: usize = 2;
const ADMIN: usize = 3;
/// An admin service of others, which knows Eureka only.
const OTHER: &str = "http://10.0.0.9:8090/";

struct Landscape {
    ports: [u16; 4],
    fresh: Fresh,
    nodes: Vec<Server>,
    has_other: bool,
}

impl Landscape {
    async fn start() -> Option<Self> {
        let fresh = Fresh::on(Engine::MySql).await?;
        let ports = [0; 4].map(|_| free_port());
        let mut landscape = Self { ports, fresh, nodes: Vec::new(), has_other: false };
        landscape.nodes = [0, 1, 2, 3].map(|node| landscape.node(node, Eureka)).into();
        Some(landscape)
    }

    fn node(&self, node: usize, registry: Registry) -> Server {
        let urls =
            CONFIG.map(|node| format!("http://eu:pw@127.0.0.1:{}/eureka/", self.ports[node]));
        let port = self.ports[node].to_string();
        let options = Options::new()
            .flag("--config-db", &self.fresh.database.url)
            .flag(if node == ADMIN { "--admin-port" } else { "--config-port" }, &port)
            .flag("--advertise", "http://127.0.0.1")
            .flag("--eureka-instance-lease-renewal-interval", "1")
            .variable("CASTALIA_EUREKA_SERVICE_URL", &urls.join(","));
        let options = match node {
            META => options.flag("--roles", "meta"),
            ADMIN => options.flag("--roles", "admin"),
            _ => options
                .flag("--roles", "config,meta")
                .flag("--eureka-username", "eu")
                .variable("CASTALIA_EUREKA_PASSWORD", "pw"),
        };
        let options = match registry {
            Eureka => options.flag("--registry", "eureka"),
            Bridge | Table => options.flag("--registry", "database"),
        };
        Server::start_with(match (registry, node) {
            (Bridge, META) => options.flag("--eureka-read", "on"),
            (_, ADMIN) | (Eureka, META) | (Table, _) => options,
            (Eureka | Bridge, _) => options.flag("--eureka-host", "on"),
        })
    }

    /// The nodes are restarted one after the other.
    async fn change(&mut self, nodes: &[usize], registry: Registry) {
        for node in nodes {
            assert!(self.nodes[*node].terminate().success());
            self.is_usable(Some(*node)).await;
            self.nodes[*node] = self.node(*node, registry);
            self.is_usable(None).await;
        }
        self.is_complete(&format!("{nodes:?} use {registry:?}")).await;
    }

    /// The addresses of all services.
    fn all(&self) -> [(&'static str, BTreeSet<String>); 2] {
        let config = CONFIG.map(|node| self.nodes[node].config.clone() + "/").into();
        let mut admin = BTreeSet::from([self.nodes[ADMIN].admin.clone() + "/"]);
        admin.extend(self.has_other.then(|| OTHER.to_owned()));
        [("config", config), ("admin", admin)]
    }

    fn meta(&self) -> impl Iterator<Item = (usize, &Server)> {
        self.nodes.iter().enumerate().filter(|(node, _)| *node != ADMIN)
    }

    /// Whoever asks one of the nodes is led to a service.
    async fn is_usable(&self, absent: Option<usize>) {
        for (service, all) in self.all() {
            for (node, server) in self.meta().filter(|(node, _)| Some(*node) != absent) {
                let listed = listed(server, service).await;
                let is_usable = listed
                    .as_ref()
                    .is_none_or(|listed| !listed.is_empty() && listed.is_subset(&all));
                assert!(is_usable, "{listed:?} at {node} without {absent:?}, instead of {all:?}");
            }
        }
    }

    /// The other admin service registers with the first node, or leaves there.
    async fn set_other(&mut self, is_there: bool) {
        let eureka = client(&self.nodes[0]);
        let app = "/eureka/apps/APOLLO-ADMINSERVICE";
        let mut other = instance("APOLLO-ADMINSERVICE", "other", 1);
        other["instance"]["homePageUrl"] = OTHER.into();
        // It sends no heartbeats.
        other["instance"]["leaseInfo"]["durationInSecs"] = 900.into();
        let answer = match is_there {
            true => eureka.post(app, other).await,
            false => eureka.delete(&format!("{app}/other")).await,
        };
        assert!([200, 204].contains(&answer.status));
        self.has_other = is_there;
        match is_there {
            true => self.is_complete("the other service registered").await,
            // A client of Eureka keeps the last service of its kind for a while.
            false => self.is_complete_at(&CONFIG, "the other service left").await,
        }
    }

    async fn is_complete(&self, step: &str) {
        self.is_complete_at(&[CONFIG[0], CONFIG[1], META], step).await;
    }

    async fn is_complete_at(&self, nodes: &[usize], step: &str) {
        for (service, all) in self.all() {
            for (node, server) in self.meta().filter(|(node, _)| nodes.contains(node)) {
                eventually(&format!("all {service} services at {node}, {step}"), async || {
                    (listed(server, service).await.as_ref() == Some(&all)).then_some(())
                })
                .await;
            }
        }
    }
}

/// The addresses in the list of a node, unless it has just started and knows none.
async fn listed(node: &Server, service: &str) -> Option<BTreeSet<String>> {
    let answer = Http::new(&node.config).get(&format!("/services/{service}")).await;
    if answer.status == 503 {
        return None;
    }
    let list = answer.ok().json();
    let mut addresses = BTreeSet::new();
    let all = list.as_array().unwrap();
    for one in all {
        addresses.insert(one["homepageUrl"].as_str().unwrap().to_owned());
    }
    assert_eq!(addresses.len(), all.len(), "each once");
    Some(addresses)
}

#[tokio::test]
async fn every_step_away_from_eureka_and_back_keeps_all_services_listed() {
    let Some(mut landscape) = Landscape::start().await else { return };
    landscape.is_complete("all use Eureka").await;
    landscape.set_other(true).await;
    landscape.change(&[META], Bridge).await;
    landscape.change(&CONFIG, Bridge).await;
    landscape.change(&[ADMIN], Table).await;
    landscape.set_other(false).await;
    landscape.change(&[META, CONFIG[0], CONFIG[1]], Table).await;
    landscape.change(&[CONFIG[1], CONFIG[0], META], Bridge).await;
    landscape.set_other(true).await;
    landscape.change(&[ADMIN], Eureka).await;
    landscape.change(&[CONFIG[1], CONFIG[0]], Eureka).await;
    landscape.change(&[META], Eureka).await;
    let Landscape { nodes, fresh, .. } = landscape;
    drop(nodes);
    fresh.remove().await;
}

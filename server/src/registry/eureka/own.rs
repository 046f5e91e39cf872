//! The services of this node: how they describe themselves, and whether they can answer.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use castalia_core::protocol::namespace::{ADMIN_SERVICE, CONFIG_SERVICE};
use castalia_eureka::{DataCenter, Instance, Port, Renewal, Status};
use parking_lot::Mutex;
use reqwest::Url;

use super::now;
use super::proof::Proof;
use super::replicated::interval;
use crate::registry::{OwnService, Probe};
use crate::settings::eureka::{EurekaInstance, OURS, add_own_metadata};

/// Interval at which services are asked whether they can answer.
const CHECK: Duration = Duration::from_secs(5);
/// Maximum number of changes of a service's status in this time: one whose database answers now and
/// then would keep all servers and clients busy.
const CHANGES: usize = 4;
const CHANGES_WITHIN: Duration = Duration::from_secs(60);

/// The descriptions.
#[derive(Debug)]
pub(super) struct OwnInstances {
    /// Empty once this node has left.
    described: Mutex<Vec<Instance>>,
    /// When a timestamp was last raised because a peer reported a newer one, by app.
    outbid: Mutex<HashMap<String, Instant>>,
    /// When the status last changed, by service.
    changes: Mutex<HashMap<&'static str, VecDeque<tokio::time::Instant>>>,
}

impl OwnInstances {
    pub(super) fn new(own: &[OwnService], settings: &EurekaInstance, proof: &Proof) -> Self {
        let now = now().wall;
        let described = own
            .iter()
            .filter_map(|service| describe(service, settings, proof, own.len() == 1, now));
        Self {
            described: Mutex::new(described.collect()),
            outbid: Mutex::default(),
            changes: Mutex::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.described.lock().is_empty()
    }

    pub(super) fn all(&self) -> Vec<Instance> {
        self.described.lock().clone()
    }

    /// Announces each; [`Self::take`] waits for the end of it.
    pub(super) fn announce(&self, announce: impl Fn(&Instance)) {
        self.described.lock().iter().for_each(announce);
    }

    /// Removes the descriptions, so that nothing is announced any more.
    pub(super) fn take(&self) -> Vec<Instance> {
        std::mem::take(&mut self.described.lock())
    }

    pub(super) fn contains(&self, instance: &Instance) -> bool {
        self.described.lock().iter().any(|own| own.app == instance.app && own.id() == instance.id())
    }

    /// The status of one of them, without what operators decided.
    pub(super) fn status(&self, app: &str, id: &str) -> Option<Status> {
        let own = self.described.lock();
        own.iter().find(|own| own.app == app && own.id() == id).map(|own| own.status)
    }

    /// Whether this is one of them as well by its address, and not another process with its id.
    pub(super) fn describes(&self, instance: &Instance) -> bool {
        let is_alike = |own: &Instance| {
            own.app == instance.app
                && own.id() == instance.id()
                && own.home_page_url == instance.home_page_url
        };
        self.described.lock().iter().any(is_alike)
    }

    /// Completes after this time, or once the status of a service has changed.
    pub(super) async fn changed_within(&self, time: Duration, probe: &Probe) {
        let changed = async {
            loop {
                tokio::time::sleep(CHECK).await;
                if self.check(probe).await {
                    return;
                }
            }
        };
        // A change that was found is never lost: the status is set and announced next.
        tokio::time::timeout(time, changed).await.ok();
    }

    /// Sets the status of each service, and returns whether one changed. A changed description has
    /// a newer timestamp, for which a registry asks at the next heartbeat.
    pub(super) async fn check(&self, probe: &Probe) -> bool {
        let mut has_changed = false;
        for service in [CONFIG_SERVICE, ADMIN_SERVICE] {
            let app = service.to_ascii_uppercase();
            if !self.described.lock().iter().any(|own| own.app == app) {
                continue;
            }
            let status = if probe(service).await { Status::Up } else { Status::Down };
            for own in self.described.lock().iter_mut().filter(|own| own.app == app) {
                if own.status != status && self.admits_change(service) {
                    own.status = status;
                    own.dirty = Some(later(own.dirty));
                    has_changed = true;
                    tracing::info!(app, status = status.name(), "the status in Eureka changed");
                }
            }
        }
        has_changed
    }

    /// Counts a change. One that is not admitted is found again by a later check, unless it was
    /// undone.
    fn admits_change(&self, service: &'static str) -> bool {
        let mut changes = self.changes.lock();
        let changes = changes.entry(service).or_default();
        while changes.front().is_some_and(|at| at.elapsed() >= CHANGES_WITHIN) {
            changes.pop_front();
        }
        let is_admitted = changes.len() < CHANGES;
        if is_admitted {
            changes.push_back(tokio::time::Instant::now());
        }
        is_admitted
    }

    /// The description of a service of this node with a timestamp that is newer than the present
    /// one; `None` if it is not one.
    pub(super) fn renewed(&self, app: &str, id: &str) -> Option<Instance> {
        let mut all = self.described.lock();
        let own = all.iter_mut().find(|own| own.app == app && own.id() == id)?;
        own.dirty = Some(later(own.dirty));
        Some(own.clone())
    }

    /// Raises the timestamp of a service above a newer one that a peer reports. Returns whether it
    /// was raised: at most once within the interval of its heartbeats, so that a peer that
    /// reports another one each time does not cause changes without a pause.
    pub(super) fn outbid(&self, reported: &Instance) -> bool {
        let mut all = self.described.lock();
        let own = all.iter_mut().find(|own| own.app == reported.app && own.id() == reported.id());
        let Some(own) = own.filter(|own| own.dirty < reported.dirty) else { return false };
        let mut outbid = self.outbid.lock();
        if outbid.get(&own.app).is_some_and(|at| at.elapsed() < interval(own)) {
            return false;
        }
        outbid.insert(own.app.clone(), Instant::now());
        own.dirty = Some(later(reported.dirty));
        true
    }
}

/// The present time, but later than this timestamp, even if the clock was set back.
fn later(dirty: Option<i64>) -> i64 {
    now().wall.max(dirty.map_or(0, |dirty| dirty.saturating_add(1)))
}

/// The timestamp with which a service of this node has to be registered; `None` if it is listed as
/// it is. Somebody may have changed the entry under a timestamp of the future, perhaps the last
/// one.
pub(super) fn replaced(renewal: &Renewal, own: &Instance) -> Option<Option<i64>> {
    match renewal {
        Renewal::Renewed(lease) => {
            let listed = &lease.instance;
            // What an operator decided does not hide that the service is down.
            let expected = match (own.status, listed.overridden_status) {
                (status, Status::Unknown) => status,
                (Status::Up, decided) => decided,
                (status, _) => status,
            };
            (listed.status != expected).then(|| own.dirty.max(listed.dirty))
        }
        _ => Some(own.dirty),
    }
}

/// The description of a service; `None` if its address is not a URL. `is_only` states whether this
/// process has no other one.
pub(super) fn describe(
    own: &OwnService,
    settings: &EurekaInstance,
    proof: &Proof,
    is_only: bool,
    now: i64,
) -> Option<Instance> {
    let home = settings.home_page_url.as_deref().filter(|_| is_only).unwrap_or(&own.uri);
    let mut home = Url::parse(home).ok()?;
    if !home.path().ends_with('/') {
        home.set_path(&format!("{}/", home.path()));
    }
    let host = home.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = home.port_or_known_default()?;
    let number = i64::from(port);
    let (plain, secure) = match home.scheme() {
        "https" => (Port { number, is_enabled: false }, Port { number, is_enabled: true }),
        _ => (Port { number, is_enabled: true }, Port { number: 443, is_enabled: false }),
    };
    // A name is no address, even if it leads to one: readers connect to this member without a
    // look-up.
    let address = host.parse().unwrap_or_else(|_| own.machine.ip());
    let ip_addr = settings.ip_address.unwrap_or(address).to_string();
    let machine = whoami::hostname().unwrap_or_else(|_| ip_addr.clone());
    let id = match &settings.instance_id {
        Some(id) if is_only => id.clone(),
        Some(id) => format!("{id}:{}", own.name),
        // Not the port of the address, which several nodes of a machine behind a proxy share.
        None => format!("{machine}:{}:{}", own.name, own.machine.port()),
    };
    let mut metadata = settings.metadata.clone();
    add_own_metadata(&mut metadata, own.machine.port());
    metadata.insert(OURS.to_owned(), proof.of(home.as_str()));
    Some(Instance {
        instance_id: Some(id),
        host_name: settings.hostname.clone().unwrap_or(host),
        app: own.name.to_ascii_uppercase(),
        ip_addr,
        sid: None,
        status: Status::Up,
        overridden_status: Status::Unknown,
        port: plain,
        secure_port: secure,
        country_id: 1,
        data_center: DataCenter { name: "MyOwn".to_owned(), amazon: None },
        renewal_interval: settings.renewal_interval,
        lease_duration: settings.lease_duration,
        metadata,
        app_group_name: None,
        status_page_url: Some(format!("{home}info")),
        health_check_url: Some(format!("{home}health")),
        home_page_url: Some(home.into()),
        secure_health_check_url: None,
        vip_address: Some(own.name.to_owned()),
        secure_vip_address: Some(own.name.to_owned()),
        asg_name: None,
        dirty: Some(now),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use super::*;
    use crate::registry::eureka::proof::tests::proof;
    use crate::settings::eureka::MANAGEMENT_PORT;

    /// The settings of a node that states nothing but a zone.
    pub(in super::super) fn settings() -> EurekaInstance {
        EurekaInstance {
            ip_address: None,
            hostname: None,
            home_page_url: None,
            instance_id: None,
            renewal_interval: 30,
            lease_duration: 90,
            metadata: [("zone".to_owned(), "a".to_owned())].into(),
        }
    }

    pub(in super::super) fn config(uri: &str, port: u16) -> OwnService {
        let machine = SocketAddr::from(([10, 0, 0, 1], port));
        OwnService { name: CONFIG_SERVICE, uri: uri.to_owned(), machine }
    }

    /// Case 84.
    #[test]
    fn the_advertised_address_is_described_with_its_path() {
        let own = config("http://203.0.113.7:9000/ctx", 8080);
        let instance = describe(&own, &settings(), &proof(), true, 5).unwrap();
        assert_eq!(instance.home_page_url.as_deref(), Some("http://203.0.113.7:9000/ctx/"));
        assert_eq!(
            instance.health_check_url.as_deref(),
            Some("http://203.0.113.7:9000/ctx/health")
        );
        assert_eq!((&*instance.ip_addr, instance.port.number), ("203.0.113.7", 9000));
        assert_eq!(instance.app, "APOLLO-CONFIGSERVICE");
        assert_eq!((&*instance.metadata["zone"], instance.metadata[OURS].len()), ("a", 64));
        assert!(instance.id().ends_with(":apollo-configservice:8080"), "{}", instance.id());
        assert_eq!(instance.metadata[MANAGEMENT_PORT], "8080");
    }

    #[test]
    fn a_service_behind_tls_has_a_secure_port_only() {
        let own = config("https://c.example/", 1);
        let instance = describe(&own, &settings(), &proof(), true, 5).unwrap();
        assert_eq!((instance.port.is_enabled, instance.secure_port.number), (false, 443));
        // The address is not a name.
        assert_eq!((&*instance.host_name, &*instance.ip_addr), ("c.example", "10.0.0.1"));
        let settings = EurekaInstance { ip_address: "192.0.2.9".parse().ok(), ..settings() };
        assert_eq!(describe(&own, &settings, &proof(), true, 5).unwrap().ip_addr, "192.0.2.9");
    }

    #[test]
    fn a_configured_id_differs_between_the_services_of_a_process() {
        let own = config("http://a:1/", 1);
        let settings = EurekaInstance { instance_id: Some("node1".into()), ..settings() };
        let id = |is_only| describe(&own, &settings, &proof(), is_only, 5).unwrap().id().to_owned();
        assert_eq!((&*id(true), &*id(false)), ("node1", "node1:apollo-configservice"));
    }

    #[tokio::test]
    async fn a_service_that_cannot_answer_is_down_with_a_newer_timestamp() {
        let services = [CONFIG_SERVICE, ADMIN_SERVICE]
            .map(|name| OwnService { name, ..config(&format!("http://{name}:1/"), 1) });
        let own = OwnInstances::new(&services, &settings(), &proof());
        let before = own.all();
        let probe: Probe =
            Arc::new(|service| Box::pin(std::future::ready(service == CONFIG_SERVICE)));
        own.check(&probe).await;
        let after = own.all();
        assert_eq!((after[0].status, after[1].status), (Status::Up, Status::Down));
        assert!(after[0].dirty == before[0].dirty && after[1].dirty > before[1].dirty);
        own.check(&probe).await;
        assert_eq!(own.all()[1].dirty, after[1].dirty);
        assert!(own.renewed(&after[1].app, after[1].id()).unwrap().dirty > after[1].dirty);
    }

    /// The last change takes effect as soon as a further one is admitted.
    #[tokio::test(start_paused = true)]
    async fn a_status_changes_at_most_four_times_in_a_minute() {
        let own = OwnInstances::new(&[config("http://a:1/", 1)], &settings(), &proof());
        let check = async |is_up: bool| {
            let probe: Probe = Arc::new(move |_| Box::pin(std::future::ready(is_up)));
            own.check(&probe).await
        };
        for is_up in [false, true, false, true] {
            assert!(check(is_up).await && !check(is_up).await);
        }
        tokio::time::advance(CHANGES_WITHIN - Duration::from_millis(1)).await;
        assert!(!check(false).await);
        assert_eq!(own.all()[0].status, Status::Up);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(check(false).await);
        assert_eq!(own.all()[0].status, Status::Down);
    }

    /// The clock of a peer is ahead, or the own one went back. A peer that always reports a newer
    /// timestamp is outbid once in each interval.
    #[tokio::test]
    async fn a_newer_timestamp_of_a_peer_is_outbid_once_in_an_interval() {
        let own = [config("http://a:1/", 1)];
        let settings = EurekaInstance { renewal_interval: 1, ..settings() };
        let own = OwnInstances::new(&own, &settings, &proof());
        let reported = |dirty| Instance { dirty, ..own.all()[0].clone() };
        let dirty = || own.all()[0].dirty;
        for not_newer in [dirty(), None, Some(1)] {
            assert!(!own.outbid(&reported(not_newer)), "{not_newer:?}");
        }
        let ahead = dirty().map(|dirty| dirty + 3_600_000);
        let first = Instant::now();
        assert!(own.outbid(&reported(ahead)) && dirty() > ahead);
        while !own.outbid(&reported(dirty().map(|dirty| dirty + 1))) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(first.elapsed() > Duration::from_millis(900), "{:?}", first.elapsed());
    }
}

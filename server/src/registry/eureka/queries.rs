//! What the Eureka registry of this node answers: leases, lists, and the services of Apollo that
//! the meta role reports.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use castalia_core::protocol::wire::ServiceInstance;
use castalia_eureka::{Lease, Listing, Registry};
use castalia_store::Secret;
use parking_lot::MutexGuard;

use super::lists::Form;
use super::{Eureka, EurekaPeerState, now, report_evicted, services};

impl Eureka {
    /// The registry without the leases that ended since the last maintenance.
    fn current(&self) -> MutexGuard<'_, Registry> {
        let mut registry = self.0.registry.lock();
        report_evicted(registry.evict_due(now()));
        registry
    }

    /// The lease of an instance.
    #[must_use]
    pub fn get(&self, app: &str, id: &str) -> Option<Lease> {
        self.current().get(app, id).cloned()
    }

    /// The first lease with this id in any app.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Lease> {
        self.current().find(id).cloned()
    }

    /// The leases of an app.
    #[must_use]
    pub fn app(&self, app: &str) -> Vec<Lease> {
        self.current().app(app)
    }

    /// The apps and ids of the instances whose override was removed lately.
    #[must_use]
    pub fn removed_overrides(&self) -> Vec<(String, String)> {
        self.0.registry.lock().removed_overrides()
    }

    /// The leases with this address.
    #[must_use]
    pub fn with_address(&self, address: &str, is_secure: bool) -> Listing {
        self.current().with_address(address, is_secure)
    }

    /// All leases or recent changes, rendered; `None` while slow readers use the memory for them.
    pub async fn list(&self, form: Form) -> Option<Bytes> {
        let revision = self.current().revision();
        let eureka = self.clone();
        let read = move || {
            let mut registry = eureka.0.registry.lock();
            let listing = if form.is_delta { registry.delta(now()) } else { registry.list() };
            (registry.revision(), listing)
        };
        self.0.lists.get(form, revision, read).await
    }

    /// A text for one reader; `None` while slow readers use the memory for texts.
    pub async fn rendered(
        &self,
        render: impl FnOnce() -> Vec<u8> + Send + 'static,
    ) -> Option<Bytes> {
        self.0.lists.for_one(render).await
    }

    /// All leases, by app and id.
    #[must_use]
    pub fn leases(&self) -> Vec<Lease> {
        self.current().list().apps.into_iter().flat_map(|(_, leases)| leases).collect()
    }

    /// Whether leases stay because more than 15 % of the instances are overdue.
    #[must_use]
    pub fn is_preserving(&self) -> bool {
        self.0.registry.lock().is_preserving()
    }

    /// The servers that mirror this registry.
    #[must_use]
    pub fn peers(&self) -> Vec<EurekaPeerState> {
        self.0.peers.states()
    }

    /// What this node sends to the servers in `eureka.service.url`, each as `user:password`.
    #[must_use]
    pub fn own_credentials(&self) -> Vec<Secret> {
        self.0.peers.credentials()
    }

    /// Whether one of these servers answers from this address.
    #[must_use]
    pub fn is_peer(&self, address: IpAddr) -> bool {
        self.0.peers.is_at(address)
    }

    /// Whether this node has just started and still copies the list of a peer.
    #[must_use]
    pub fn is_copying(&self) -> bool {
        self.0.peers.is_copying()
    }

    /// Whether a peer that copies the list should look for a better one.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.0.peers.is_incomplete()
    }

    /// Random id of this process, by which it recognises its own requests.
    #[must_use]
    pub fn node_id(&self) -> &str {
        self.0.peers.node_id()
    }

    /// The live instances of one of Apollo's services; those of this node first, also while they
    /// are not registered for the sake of other machines.
    pub(in crate::registry) fn services(&self, service: &str) -> Vec<ServiceInstance> {
        let mut leases = self.live(service);
        leases.sort_by_key(|lease| (!lease.is_own, lease.registered));
        let is_withheld = self.0.is_withheld.load(Ordering::Relaxed);
        let own = if is_withheld { self.0.own.all() } else { Vec::new() };
        let own = own.iter().filter(|own| own.app.eq_ignore_ascii_case(service));
        let leases = leases.iter().map(|lease| &*lease.instance);
        own.chain(leases).filter_map(services::listed).collect()
    }

    /// Addresses of the other nodes of this installation with this service.
    pub(in crate::registry) fn other_nodes(&self, service: &str) -> Vec<String> {
        let leases = self.live(service);
        let others = leases.iter().filter(|lease| !lease.is_own);
        let ours = others.filter(|lease| self.0.proof.is_given_by(&lease.instance));
        ours.filter_map(|lease| services::listed(&lease.instance))
            .map(|listed| listed.homepage_url)
            .collect()
    }

    /// The leases of a service that have not ended. Self-preservation does not apply: clients would
    /// be sent to servers that are gone.
    fn live(&self, service: &str) -> Vec<Lease> {
        let mut leases = self.app(&service.to_ascii_uppercase());
        let now = now();
        leases.retain(|lease| !lease.is_expired(now));
        leases
    }
}

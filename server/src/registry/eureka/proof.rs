//! Proves to the other nodes of an installation that an instance in Eureka is one of them. Whoever
//! may register there can claim to be a node, and would be sent requests with the secret of the
//! installation: therefore nodes add a digest of their address, which only those compute that read
//! the secret from the database.

use castalia_eureka::Instance;
use castalia_store::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::settings::eureka::OURS;

/// The secret of the installation.
#[derive(Debug, Clone)]
pub(super) struct Proof(Secret);

impl Proof {
    pub(super) fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The proof for a node at this address.
    pub(super) fn of(&self, address: &str) -> String {
        self.digest(address)
            .map(|digest| hex::encode(digest.finalize().into_bytes()))
            .unwrap_or_default()
    }

    /// Whether an instance is a node of this installation.
    pub(super) fn is_given_by(&self, instance: &Instance) -> bool {
        let given = instance.metadata.get(OURS).and_then(|given| hex::decode(given).ok());
        let address = instance.home_page_url.as_deref();
        let digest = address.and_then(|address| self.digest(address));
        given.zip(digest).is_some_and(|(given, digest)| digest.verify_slice(&given).is_ok())
    }

    fn digest(&self, address: &str) -> Option<Hmac<Sha256>> {
        let mut digest = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes()).ok()?;
        // Other digests of this secret have another purpose.
        digest.update(b"eureka\n");
        digest.update(address.as_bytes());
        Some(digest)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::registry::eureka::own::{describe, tests::*};

    pub(in super::super) fn proof() -> Proof {
        Proof::new(Secret::new("secret"))
    }

    #[test]
    fn only_a_node_with_the_secret_is_one_of_the_installation() {
        let own = describe(&config("http://10.0.0.1:8080/", 8080), &settings(), &proof(), true, 1);
        let own = own.unwrap();
        assert!(proof().is_given_by(&own));
        let stranger = Proof::new(Secret::new("another"));
        assert!(!stranger.is_given_by(&own));
        let with = |change: &dyn Fn(&mut Instance)| {
            let mut changed = own.clone();
            change(&mut changed);
            proof().is_given_by(&changed)
        };
        // The proof of another node does not lead to an address of somebody else.
        assert!(!with(&|other| other.home_page_url = Some("http://10.0.0.2:8080/".to_owned())));
        assert!(!with(&|other| other.home_page_url = None));
        for claim in ["1", "", "0", "zz"] {
            assert!(!with(&|other| {
                other.metadata.insert(OURS.to_owned(), claim.to_owned());
            }));
        }
        assert!(!with(&|other| other.metadata.clear()));
    }
}

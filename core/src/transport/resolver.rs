//! Finds the addresses of hosts. The resolver of reqwest panics if the operating system refuses a
//! thread; with this one, the connection waits for it.

use std::net::ToSocketAddrs as _;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::blocking_thread;

pub(super) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The HTTP client replaces port 0 by that of the address.
            let found =
                blocking_thread::run(move || (name.as_str(), 0).to_socket_addrs()).await??;
            Ok(Box::new(found) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocking_thread::tests::refusing;

    /// B69
    #[test]
    fn a_name_is_resolved_once_a_thread_is_granted() {
        let resolving = async { Resolver.resolve("localhost".parse().unwrap()).await };
        let mut found = refusing(1).block_on(resolving).unwrap();
        assert!(found.next().unwrap().ip().is_loopback());
    }
}

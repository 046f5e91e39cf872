//! Who holds how many polls, and whether one more fits (pure).
//!
//! There is room for so many polls in all. Up to four fifths of it nobody is refused, since one gateway may carry a whole site;
//! above, apps and addresses that hold more than twice an equal share are, so that what is left stays open to the others.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use super::Holder;
use super::registry::index;

/// Rooms for polls; 0 means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub total: usize,
    /// For one address.
    pub per_address: usize,
    /// For one app.
    pub per_app: usize,
}

/// Why a poll cannot be parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// This app or address holds too many.
    Share,
    /// All together do.
    Full,
}

/// How many polls each app and address holds.
#[derive(Default)]
pub(super) struct Holders {
    limits: Limits,
    apps: Counts<String>,
    addresses: Counts<IpAddr>,
}

/// Where a poll is counted.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) app: u32,
    address: u32,
}

impl Holders {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Counts one more poll beside those that are parked.
    pub(super) fn enter(&mut self, holder: Holder<'_>, parked: usize) -> Result<Place, Refused> {
        let address = network(holder.address);
        let held = (self.apps.of(holder.app_id), self.addresses.of(&address));
        let Limits { total, per_address, per_app } = self.limits;
        let is_over = |held: usize, limit: usize| limit > 0 && held >= limit;
        if is_over(parked, total) {
            return Err(Refused::Full);
        }
        if is_over(held.0, per_app) || is_over(held.1, per_address) {
            return Err(Refused::Share);
        }
        let is_scarce = total > 0 && parked >= total / 5 * 4;
        if is_scarce
            && (is_over(held.0, self.apps.share(total))
                || is_over(held.1, self.addresses.share(total)))
        {
            return Err(Refused::Share);
        }
        Ok(Place { app: self.apps.add(holder.app_id), address: self.addresses.add(&address) })
    }

    pub(super) fn leave(&mut self, place: Place) {
        self.apps.subtract(place.app);
        self.addresses.subtract(place.address);
    }

    /// The number of an app that holds something.
    pub(super) fn app(&self, app_id: &str) -> Option<u32> {
        self.apps.ids.get(app_id).copied()
    }
}

/// One customer can have all addresses of a /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// Counts by name, each with a number that stands for it.
struct Counts<K> {
    ids: HashMap<K, u32, ahash::RandomState>,
    counts: Vec<(Option<K>, usize)>,
    free: Vec<u32>,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self { ids: HashMap::default(), counts: Vec::new(), free: Vec::new() }
    }
}

impl<K: Eq + Hash + Clone> Counts<K> {
    fn of<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        self.ids.get(key).map_or(0, |id| self.counts[*id as usize].1)
    }

    /// What nobody may exceed where room is scarce.
    fn share(&self, total: usize) -> usize {
        (2 * total / self.ids.len().max(1)).max(1)
    }

    fn add<Q: Eq + Hash + ToOwned<Owned = K> + ?Sized>(&mut self, key: &Q) -> u32
    where
        K: Borrow<Q>,
    {
        if let Some(id) = self.ids.get(key) {
            self.counts[*id as usize].1 += 1;
            return *id;
        }
        let key = key.to_owned();
        let entry = (Some(key.clone()), 1);
        let id = match self.free.pop() {
            Some(id) => {
                self.counts[id as usize] = entry;
                id
            }
            None => {
                self.counts.push(entry);
                index(self.counts.len() - 1)
            }
        };
        self.ids.insert(key, id);
        id
    }

    fn subtract(&mut self, id: u32) {
        let (key, count) = &mut self.counts[id as usize];
        *count -= 1;
        if *count == 0 {
            if let Some(key) = key.take() {
                self.ids.remove(&key);
            }
            self.free.push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(app_id: &str, last: u8) -> Holder<'_> {
        Holder { app_id, address: IpAddr::from([10, 0, 0, last]) }
    }

    /// Holders with polls, and their number.
    fn filled(limits: Limits, held: &[(&str, u8, usize)]) -> (Holders, usize) {
        let mut holders = Holders::new(limits);
        let mut parked = 0;
        for (app_id, last, polls) in held {
            for _ in 0..*polls {
                holders.enter(holder(app_id, *last), parked).expect("there is room");
                parked += 1;
            }
        }
        (holders, parked)
    }

    fn refusal(holders: &mut Holders, parked: usize, app_id: &str, last: u8) -> Option<Refused> {
        holders.enter(holder(app_id, last), parked).err()
    }

    const TOTAL: Limits = Limits { total: 100, per_address: 0, per_app: 0 };

    #[test]
    fn a_single_gateway_may_fill_all_rooms() {
        let (mut holders, parked) = filled(TOTAL, &[("a", 1, 100)]);
        assert_eq!(refusal(&mut holders, parked, "b", 2), Some(Refused::Full));
    }

    #[test]
    fn where_rooms_are_scarce_the_largest_are_refused_first() {
        let small: Vec<(String, u8)> = (2..22).map(|at| (format!("app{at}"), at)).collect();
        let mut held = vec![("large", 1, 60)];
        held.extend(small.iter().map(|(app_id, last)| (app_id.as_str(), *last, 1)));
        let (mut holders, parked) = filled(TOTAL, &held);
        assert_eq!(parked, 80);
        assert_eq!(refusal(&mut holders, parked, "large", 99), Some(Refused::Share));
        assert_eq!(refusal(&mut holders, parked, "new", 1), Some(Refused::Share));
        assert_eq!(refusal(&mut holders, parked, "new", 99), None);
    }

    #[test]
    fn fixed_limits_hold_at_any_time() {
        let limits = Limits { total: 0, per_address: 2, per_app: 3 };
        let (mut holders, parked) = filled(limits, &[("a", 1, 2)]);
        assert_eq!(refusal(&mut holders, parked, "b", 1), Some(Refused::Share));
        assert_eq!(refusal(&mut holders, parked, "a", 2), None);
        assert_eq!(refusal(&mut holders, parked, "a", 3), Some(Refused::Share));
    }

    #[test]
    fn who_left_is_forgotten() {
        let mut holders = Holders::new(TOTAL);
        for last in 0..50 {
            let place = holders.enter(holder("a", last), 0).expect("there is room");
            holders.leave(place);
        }
        assert!(holders.apps.ids.is_empty() && holders.addresses.ids.is_empty());
        assert_eq!(holders.addresses.counts.len(), 1);
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let v6 = |text: &str| network(text.parse().unwrap());
        assert_eq!(v6("2001:db8::1"), v6("2001:db8::ffff:1"));
        assert_ne!(v6("2001:db8::1"), v6("2001:db8:0:1::1"));
        assert_eq!(v6("::ffff:10.0.0.1"), IpAddr::from([10, 0, 0, 1]));
    }
}

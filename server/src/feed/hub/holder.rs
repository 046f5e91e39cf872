//! Counts the polls of each holder and the memory for their keys, and decides whether one more fits
//! (pure).
//!
//! The total number of polls is limited. Up to four fifths of it no holder is refused, since one
//! gateway may carry a whole site. Above that, apps and addresses with more than twice an equal
//! part are refused, so that the remaining capacity stays available to the others.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use slab::Slab;

use super::Holder;
use super::waiter_table::index;

/// Memory that each poll adds to its holder's budget: on average some thirty namespaces. A poll
/// that needs no more is never refused for memory. Polls that need more use a fixed amount in
/// common, so that few of them fit however few polls there are.
const BYTES_PER_POLL: usize = 1024;
/// Fractions of the fixed amount that one address may use, and all apps together that are not
/// stored.
const ADDRESS_PART: usize = 4;
const UNKNOWN_APPS_PART: usize = 16;

/// Limits on polls; 0 means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// For all polls together.
    pub total: usize,
    /// For one address.
    pub per_address: usize,
    /// For one app.
    pub per_app: usize,
    /// Fixed amount of bytes for watch keys, in addition to what each poll adds.
    pub watch_bytes: usize,
}

/// The reason why a poll cannot be parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// This app or address holds too many polls.
    Share,
    /// The limit for all polls together is reached.
    Full,
}

/// Polls of each app and address.
#[derive(Default)]
pub(super) struct Holders {
    limits: Limits,
    apps: PollCounts<String>,
    addresses: PollCounts<IpAddr>,
}

/// A number of polls, and the bytes of their watch keys.
#[derive(Clone, Copy, Default)]
pub(super) struct PollCharge {
    pub(super) polls: usize,
    pub(super) bytes: usize,
}

/// The entries in which a poll is counted.
#[derive(Clone, Copy)]
pub(super) struct HolderEntries {
    pub(super) app: u32,
    address: u32,
}

impl Holders {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Counts one more poll, which takes `bytes`. `parked` is the total of all parked polls.
    pub(super) fn enter(
        &mut self,
        holder: Holder<'_>,
        bytes: usize,
        parked: PollCharge,
    ) -> Result<HolderEntries, Refused> {
        let address = network(holder.address);
        let (of_app, of_address) = (self.apps.of(holder.app_id), self.addresses.of(&address));
        self.check_bytes(holder, bytes, [parked, of_address, of_app])?;
        let (held, parked) = ((of_app.polls, of_address.polls), parked.polls);
        let Limits { total, per_address, per_app, .. } = self.limits;
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
        Ok(HolderEntries {
            app: self.apps.add(holder.app_id, bytes),
            address: self.addresses.add(&address, bytes),
        })
    }

    fn check_bytes(
        &self,
        holder: Holder<'_>,
        bytes: usize,
        [all, of_address, of_app]: [PollCharge; 3],
    ) -> Result<(), Refused> {
        let fixed = self.limits.watch_bytes;
        let is_over = |held: PollCharge, fixed: usize| {
            held.bytes + bytes > fixed + BYTES_PER_POLL * (held.polls + 1)
        };
        if fixed == 0 || bytes <= BYTES_PER_POLL {
            return Ok(());
        }
        if is_over(all, fixed) {
            return Err(Refused::Full);
        }
        let is_unknown_app = holder.app_id.is_empty();
        if is_over(of_address, fixed / ADDRESS_PART)
            || (is_unknown_app && is_over(of_app, fixed / UNKNOWN_APPS_PART))
        {
            return Err(Refused::Share);
        }
        Ok(())
    }

    pub(super) fn leave(&mut self, place: HolderEntries, bytes: usize) {
        self.apps.subtract(place.app, bytes);
        self.addresses.subtract(place.address, bytes);
    }

    /// The number of an app that holds polls.
    pub(super) fn app(&self, app_id: &str) -> Option<u32> {
        self.apps.ids.get(app_id).copied()
    }
}

/// The network of an address: one customer may have all addresses of a /64.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// Counts by name. Each name has a number, by which its entry is found without hashing.
struct PollCounts<K> {
    ids: HashMap<K, u32, ahash::RandomState>,
    counts: Slab<(K, PollCharge)>,
}

impl<K> Default for PollCounts<K> {
    fn default() -> Self {
        Self { ids: HashMap::default(), counts: Slab::new() }
    }
}

impl<K: Eq + Hash + Clone> PollCounts<K> {
    fn of<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> PollCharge
    where
        K: Borrow<Q>,
    {
        self.ids.get(key).map_or_else(PollCharge::default, |id| self.counts[*id as usize].1)
    }

    /// Maximum for one holder while capacity is scarce: twice an equal part.
    fn share(&self, total: usize) -> usize {
        (2 * total / self.ids.len().max(1)).max(1)
    }

    fn add<Q: Eq + Hash + ToOwned<Owned = K> + ?Sized>(&mut self, key: &Q, bytes: usize) -> u32
    where
        K: Borrow<Q>,
    {
        if let Some(id) = self.ids.get(key) {
            let (_, held) = &mut self.counts[*id as usize];
            held.polls += 1;
            held.bytes += bytes;
            return *id;
        }
        let key = key.to_owned();
        let id = index(self.counts.insert((key.clone(), PollCharge { polls: 1, bytes })));
        self.ids.insert(key, id);
        id
    }

    fn subtract(&mut self, id: u32, bytes: usize) {
        let (_, held) = &mut self.counts[id as usize];
        held.polls -= 1;
        held.bytes -= bytes;
        if held.polls == 0 {
            let (key, _) = self.counts.remove(id as usize);
            self.ids.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(app_id: &str, last: u8) -> Holder<'_> {
        Holder { app_id, address: IpAddr::from([10, 0, 0, last]), more_bytes: 0 }
    }

    /// Holders with polls, and the total number of these.
    fn filled(limits: Limits, held: &[(&str, u8, usize)]) -> (Holders, usize) {
        let mut holders = Holders::new(limits);
        let mut parked = 0;
        for (app_id, last, polls) in held {
            for _ in 0..*polls {
                enter(&mut holders, parked, app_id, *last).expect("there is room");
                parked += 1;
            }
        }
        (holders, parked)
    }

    fn enter(
        holders: &mut Holders,
        polls: usize,
        app_id: &str,
        last: u8,
    ) -> Result<HolderEntries, Refused> {
        holders.enter(holder(app_id, last), 0, PollCharge { polls, bytes: 0 })
    }

    fn refusal(holders: &mut Holders, parked: usize, app_id: &str, last: u8) -> Option<Refused> {
        enter(holders, parked, app_id, last).err()
    }

    const TOTAL: Limits = Limits { total: 100, per_address: 0, per_app: 0, watch_bytes: 0 };

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
        let limits = Limits { per_address: 2, per_app: 3, ..Limits::default() };
        let (mut holders, parked) = filled(limits, &[("a", 1, 2)]);
        assert_eq!(refusal(&mut holders, parked, "b", 1), Some(Refused::Share));
        assert_eq!(refusal(&mut holders, parked, "a", 2), None);
        assert_eq!(refusal(&mut holders, parked, "a", 3), Some(Refused::Share));
    }

    #[test]
    fn who_left_is_forgotten() {
        let mut holders = Holders::new(TOTAL);
        for last in 0..50 {
            let none = PollCharge::default();
            let place = holders.enter(holder("a", last), 5, none).expect("there is room");
            holders.leave(place, 5);
        }
        assert!(holders.apps.ids.is_empty() && holders.addresses.ids.is_empty());
        assert!(holders.addresses.counts.capacity() < 50, "entries are used again");
    }

    /// Holders that may use 160 KiB in addition to what each poll adds.
    fn with_bytes() -> Holders {
        Holders::new(Limits { watch_bytes: 160 * 1024, ..Limits::default() })
    }

    #[test]
    fn fat_polls_are_refused_by_address_and_in_all() {
        let fat = 39 * 1024;
        let mut holders = with_bytes();
        let mut all = PollCharge::default();
        let mut enter = |app_id, last, bytes| {
            let entered = holders.enter(holder(app_id, last), bytes, all).map(drop);
            if entered.is_ok() {
                all = PollCharge { polls: all.polls + 1, bytes: all.bytes + bytes };
            }
            entered
        };
        assert_eq!(enter("a", 1, fat), Ok(()));
        assert_eq!(enter("a", 1, fat), Err(Refused::Share), "one address has a quarter");
        assert_eq!(enter("a", 1, 1000), Ok(()), "an ordinary poll fits");
        for last in 2..5 {
            assert_eq!(enter("a", last, fat), Ok(()));
        }
        assert_eq!(enter("a", 5, fat), Err(Refused::Full));
        for last in 1..200 {
            assert_eq!(enter("b", last, 1000), Ok(()), "ordinary polls fit in any number");
        }
    }

    #[test]
    fn ordinary_polls_return_after_fat_polls_used_what_they_left() {
        let mut holders = with_bytes();
        let ordinary = (0..100).map(|_| {
            let entered = holders.enter(holder("a", 1), 300, PollCharge::default());
            entered.expect("an ordinary poll fits")
        });
        let entered: Vec<_> = ordinary.collect();
        entered.into_iter().for_each(|place| holders.leave(place, 300));
        let left = PollCharge { polls: 4, bytes: (160 + 100) * 1024 };
        assert_eq!(holders.enter(holder("b", 2), 2000, left).err(), Some(Refused::Full));
        assert!(holders.enter(holder("a", 1), 300, left).is_ok(), "a publish woke all of them");
    }

    #[test]
    fn apps_that_are_not_stored_get_little() {
        let mut holders = with_bytes();
        let none = PollCharge::default();
        assert!(holders.enter(holder("", 1), 10 * 1024, none).is_ok());
        let second = holders.enter(holder("", 2), 10 * 1024, none).err();
        assert_eq!(second, Some(Refused::Share), "from any address");
        assert!(holders.enter(holder("a", 2), 10 * 1024, none).is_ok());
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let v6 = |text: &str| network(text.parse().unwrap());
        assert_eq!(v6("2001:db8::1"), v6("2001:db8::ffff:1"));
        assert_ne!(v6("2001:db8::1"), v6("2001:db8:0:1::1"));
        assert_eq!(v6("::ffff:10.0.0.1"), IpAddr::from([10, 0, 0, 1]));
    }
}

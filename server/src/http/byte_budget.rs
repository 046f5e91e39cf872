//! Limits the memory for something that callers send or receive as slowly as they like: to so many
//! bytes for all of them, and to a part for each, so that none keeps out the others.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Whoever uses bytes.
pub(super) trait Holder: Eq + Hash + Clone {
    /// Whether it has only a part of them: one that represents many has no such limit.
    fn has_part(&self) -> bool {
        true
    }
}

impl Holder for IpAddr {}

/// The bytes of all holders, such as addresses.
#[derive(Debug)]
pub(super) struct ByteBudget<K> {
    /// In bytes; 0 means no limit.
    limit: usize,
    /// Bytes that each holder may have in any case.
    free: usize,
    /// Fraction of the limit that one holder may have once half of it is used. Below that, one
    /// gateway may carry a site.
    part: usize,
    charges: Mutex<Charges<K>>,
}

#[derive(Debug)]
struct Charges<K> {
    total: usize,
    holders: HashMap<K, usize, ahash::RandomState>,
}

/// What is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exhausted {
    /// The part of this holder.
    Own,
    /// The bytes for all.
    All,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "the memory for this caller is in use",
            Self::All => "the memory for all callers is in use",
        })
    }
}

impl std::error::Error for Exhausted {}

impl<K: Holder> ByteBudget<K> {
    pub(super) fn new(limit: usize, part: usize) -> Self {
        let charges = Charges { total: 0, holders: HashMap::default() };
        Self { limit, free: 0, part, charges: Mutex::new(charges) }
    }

    /// Lets each holder have so many bytes in any case.
    pub(super) fn with_free(self, free: usize) -> Self {
        Self { free, ..self }
    }

    /// Whether a holder may have so many more bytes at present.
    pub(super) fn check(&self, holder: &K, more: usize) -> Result<(), Exhausted> {
        self.charges.lock().check(self, holder, more).map(drop)
    }

    /// Charges a holder for more bytes.
    pub(super) fn charge(&self, holder: &K, more: usize) -> Result<(), Exhausted> {
        let mut charges = self.charges.lock();
        let own = charges.check(self, holder, more)?;
        charges.set(holder, own, own + more);
        Ok(())
    }

    /// Charges a holder that has nothing yet for any number of bytes, and others as `charge`.
    pub(super) fn charge_first(&self, holder: &K, bytes: usize) -> Result<(), Exhausted> {
        let mut charges = self.charges.lock();
        if charges.own(holder) > 0 {
            charges.check(self, holder, bytes)?;
        }
        let own = charges.own(holder);
        charges.set(holder, own, own + bytes);
        Ok(())
    }

    /// Charges a holder that has nothing yet for any number of bytes as long as any are left, and
    /// others as `charge`: all together exceed the limit by no more than one use.
    pub(super) fn charge_one(&self, holder: &K, bytes: usize) -> Result<(), Exhausted> {
        let mut charges = self.charges.lock();
        let own = charges.own(holder);
        if own > 0 {
            charges.check(self, holder, bytes)?;
        } else if self.limit > 0 && charges.total >= self.limit {
            return Err(Exhausted::All);
        }
        charges.set(holder, own, own + bytes);
        Ok(())
    }

    /// Charges a holder for any number of bytes.
    pub(super) fn charge_anyway(&self, holder: &K, bytes: usize) {
        let mut charges = self.charges.lock();
        let own = charges.own(holder);
        charges.set(holder, own, own + bytes);
    }

    pub(super) fn release(&self, holder: &K, bytes: usize) {
        let mut charges = self.charges.lock();
        let own = charges.own(holder);
        charges.set(holder, own, own - bytes);
    }

    /// The bytes of all, and the number of holders.
    #[cfg(test)]
    pub(super) fn used(&self) -> (usize, usize) {
        let charges = self.charges.lock();
        (charges.total, charges.holders.len())
    }
}

impl<K: Holder> Charges<K> {
    fn own(&self, holder: &K) -> usize {
        self.holders.get(holder).copied().unwrap_or_default()
    }

    /// Returns what the holder has now.
    fn check(&self, budget: &ByteBudget<K>, holder: &K, more: usize) -> Result<usize, Exhausted> {
        let (own, total, limit) = (self.own(holder), self.total + more, budget.limit);
        if limit == 0 || own + more <= budget.free {
            return Ok(own);
        }
        if holder.has_part() && total > limit / 2 && own + more > limit / budget.part {
            return Err(Exhausted::Own);
        }
        if total > limit {
            return Err(Exhausted::All);
        }
        Ok(own)
    }

    fn set(&mut self, holder: &K, before: usize, after: usize) {
        self.total = self.total - before + after;
        if after == 0 {
            self.holders.remove(holder);
        } else {
            self.holders.insert(holder.clone(), after);
        }
    }
}

/// The bytes of one use, until it is dropped.
#[derive(Debug)]
pub(super) struct ByteCharge<K: Holder> {
    budget: Arc<ByteBudget<K>>,
    holder: K,
    bytes: usize,
}

impl<K: Holder> ByteCharge<K> {
    /// Of nothing yet.
    pub(super) fn new(budget: Arc<ByteBudget<K>>, holder: K) -> Self {
        Self { budget, holder, bytes: 0 }
    }

    /// Of bytes of which something always fits, for a holder that has nothing yet.
    pub(super) fn first(
        budget: Arc<ByteBudget<K>>,
        holder: K,
        bytes: usize,
    ) -> Result<Self, Exhausted> {
        budget.charge_first(&holder, bytes)?;
        Ok(Self { budget, holder, bytes })
    }

    /// Of bytes of which any number fits as long as any are left, for a holder that has nothing
    /// yet.
    pub(super) fn one(
        budget: Arc<ByteBudget<K>>,
        holder: K,
        bytes: usize,
    ) -> Result<Self, Exhausted> {
        budget.charge_one(&holder, bytes)?;
        Ok(Self { budget, holder, bytes })
    }

    /// Of bytes that are in use already.
    pub(super) fn anyway(budget: Arc<ByteBudget<K>>, holder: K, bytes: usize) -> Self {
        budget.charge_anyway(&holder, bytes);
        Self { budget, holder, bytes }
    }

    /// Charges its holder for more.
    pub(super) fn add(&mut self, more: usize) -> Result<(), Exhausted> {
        self.budget.charge(&self.holder, more)?;
        self.bytes += more;
        Ok(())
    }
}

impl<K: Holder> Drop for ByteCharge<K> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.release(&self.holder, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Holder for &str {
        fn has_part(&self) -> bool {
            *self != "many"
        }
    }

    #[test]
    fn a_holder_that_represents_many_may_have_all() {
        let budget = Arc::new(ByteBudget::new(1000, 2).with_free(50));
        let charge = |holder, bytes| {
            let mut charge = ByteCharge::new(Arc::clone(&budget), holder);
            charge.add(bytes).map(|()| charge)
        };
        let all = charge("many", 1000).unwrap();
        assert_eq!(charge("many", 51).unwrap_err(), Exhausted::All);
        let free = charge("a", 50).unwrap();
        assert_eq!(charge("a", 1).unwrap_err(), Exhausted::All);
        assert!(charge("b", 50).is_ok());
        drop((all, free));
        assert_eq!(budget.used(), (0, 0));
    }

    #[test]
    fn a_holder_has_a_part_until_its_uses_end() {
        let budget = Arc::new(ByteBudget::new(1000, 2));
        let charge = |holder, bytes| {
            let mut charge = ByteCharge::new(Arc::clone(&budget), holder);
            charge.add(bytes).map(|()| charge)
        };
        let mut first = charge("a", 400).unwrap();
        let second = charge("a", 100).unwrap();
        assert_eq!(first.add(1), Err(Exhausted::Own));
        assert_eq!(budget.check(&"b", 501), Err(Exhausted::Own));
        let other = charge("b", 500).unwrap();
        assert_eq!(charge("c", 1).unwrap_err(), Exhausted::All);
        drop(first);
        assert!(charge("c", 400).is_ok() && charge("a", 400).is_ok());
        drop((second, other));
        assert_eq!(budget.used(), (0, 0));
    }

    #[test]
    fn the_first_use_of_a_holder_may_exceed_the_limit() {
        let budget = Arc::new(ByteBudget::new(1000, 2));
        let first = |holder, bytes| ByteCharge::first(Arc::clone(&budget), holder, bytes);
        let large = first("a", 5000).unwrap();
        assert_eq!(first("a", 1).unwrap_err(), Exhausted::Own);
        let other = first("b", 300).unwrap();
        assert_eq!(first("b", 100).unwrap_err(), Exhausted::All);
        drop(ByteCharge::anyway(Arc::clone(&budget), "b", 100));
        drop(large);
        assert!(first("b", 100).is_ok());
        drop(other);
        assert_eq!(budget.used(), (0, 0));
    }

    #[test]
    fn one_use_may_exceed_what_is_left() {
        let budget = Arc::new(ByteBudget::new(1000, 2));
        let one = |holder, bytes| ByteCharge::one(Arc::clone(&budget), holder, bytes);
        let small = one("a", 900).unwrap();
        assert_eq!(one("a", 200).unwrap_err(), Exhausted::Own);
        let large = one("b", 5000).unwrap();
        assert_eq!(one("c", 1).unwrap_err(), Exhausted::All);
        drop(large);
        let other = one("c", 100).unwrap();
        assert_eq!(one("d", 1).unwrap_err(), Exhausted::All);
        drop((small, other));
        assert!(one("d", 5000).is_ok());
        assert_eq!(budget.used(), (0, 0));
    }
}

//! A map with names as keys, which compares them without regard to ASCII case. Look-ups take no
//! lock and build no key (pure).

use std::fmt;
use std::hash::{Hash, Hasher};

use papaya::Equivalent;

/// Bytes that are folded at once; names are rarely longer.
const CHUNK: usize = 64;

/// A fixed number of names, compared without regard to ASCII case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folded<'a, const N: usize>(pub(super) [&'a str; N]);

/// The same, owned by the map.
#[derive(Debug, Clone)]
struct OwnedKey<const N: usize>([Box<str>; N]);

/// Values by names.
pub(super) struct FoldedMap<const N: usize, V>(papaya::HashMap<OwnedKey<N>, V, ahash::RandomState>);

impl<const N: usize, V> FoldedMap<N, V> {
    /// Applies `read` to the value of these names.
    pub(super) fn get<T>(&self, names: &Folded<'_, N>, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.0.pin().get(names).map(read)
    }

    /// Passes each value to `show`.
    pub(super) fn each(&self, show: impl FnMut(&V)) {
        self.0.pin().values().for_each(show);
    }

    /// Replaces a value with the result of `make`, which receives the present value.
    pub(super) fn update(&self, names: [&str; N], make: impl Fn(Option<&V>) -> V) {
        let map = self.0.pin();
        let value = make(map.get(&Folded(names)));
        map.insert(OwnedKey(names.map(Into::into)), value);
    }
}

impl<const N: usize, V> Default for FoldedMap<N, V> {
    fn default() -> Self {
        Self(papaya::HashMap::default())
    }
}

impl<const N: usize, V> fmt::Debug for FoldedMap<N, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FoldedMap({})", self.0.len())
    }
}

impl<const N: usize> Hash for Folded<'_, N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for name in self.0 {
            let mut buffer = [0; CHUNK];
            for chunk in name.as_bytes().chunks(CHUNK) {
                let lower = &mut buffer[..chunk.len()];
                lower.copy_from_slice(chunk);
                lower.make_ascii_lowercase();
                state.write(lower);
            }
            state.write_u8(0xff);
        }
    }
}

impl<const N: usize> OwnedKey<N> {
    fn is(&self, names: &[&str; N]) -> bool {
        self.0.iter().zip(names).all(|(own, other)| own.eq_ignore_ascii_case(other))
    }
}

impl<const N: usize> Hash for OwnedKey<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Folded::<N>(std::array::from_fn(|at| &*self.0[at])).hash(state);
    }
}

impl<const N: usize> PartialEq for OwnedKey<N> {
    fn eq(&self, other: &Self) -> bool {
        self.is(&std::array::from_fn(|at| &*other.0[at]))
    }
}

impl<const N: usize> Eq for OwnedKey<N> {}

impl<const N: usize> Equivalent<OwnedKey<N>> for Folded<'_, N> {
    fn equivalent(&self, key: &OwnedKey<N>) -> bool {
        key.is(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_makes_no_difference_and_the_place_of_a_letter_does() {
        let map = FoldedMap::<2, u8>::default();
        map.update(["Ab", "c"], |_| 1);
        map.update(["aB", "C"], |known| known.copied().unwrap_or_default() + 1);
        assert_eq!(map.get(&Folded(["AB", "c"]), |value| *value), Some(2));
        assert_eq!(map.get(&Folded(["A", "bc"]), |value| *value), None);
        let long = "x".repeat(200);
        map.update([&long, ""], |_| 7);
        assert_eq!(map.get(&Folded([&long.to_uppercase(), ""]), |value| *value), Some(7));
    }
}

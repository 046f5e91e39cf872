//! Handles for a host that knows objects by numbers: each has a generation and identifies an object
//! with a long life. A stale handle, or one of another kind, is reported as `Closed` and never
//! crashes. Looking one up takes no lock.

use std::any::Any;
use std::sync::{Arc, LazyLock};

use sharded_slab::{Config, Slab};

use crate::error::{Error, ErrorKind, Result};

type Object = Arc<dyn Any + Send + Sync>;

/// Fewer slots for each thread than the default of a million, so that a generation is reused only
/// after a billion uses.
struct Places;

impl Config for Places {
    const INITIAL_PAGE_SIZE: usize = 32;
    const MAX_PAGES: usize = 15;
}

/// A handle is the slab key multiplied by this odd constant, so neighbouring integers are not valid
/// handles.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Its inverse modulo 2^64.
const GATHER: u64 = 0xf1de_83e1_9937_733d;
const _: () = assert!(SPREAD.wrapping_mul(GATHER) == 1);

static OBJECTS: LazyLock<Slab<Object, Places>> = LazyLock::new(Slab::new_with_config::<Places>);

/// Creates the handle of an object; never 0.
///
/// ```
/// use castalia_core::host::handle;
///
/// let handle = handle::insert("object")?;
/// assert_eq!(*handle::get::<&str>(handle)?, "object");
/// assert!(handle::remove::<&str>(handle).is_some());
/// assert!(handle::get::<&str>(handle).is_err());
/// # Ok::<(), castalia_core::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Internal`] if too many handles are open.
pub fn insert<T: Any + Send + Sync>(object: T) -> Result<u64> {
    let key = OBJECTS.insert(Arc::new(object));
    let id = key.and_then(|key| u64::try_from(key).ok()?.checked_add(1));
    id.map(|id| id.wrapping_mul(SPREAD)).ok_or_else(|| {
        let text = "too many handles are open; release handles that are no longer used";
        Error::new(ErrorKind::Internal, "open handle", text)
    })
}

/// The object of a handle.
///
/// # Errors
/// [`ErrorKind::Closed`] if it is stale or of another kind.
pub fn get<T: Any + Send + Sync>(id: u64) -> Result<Arc<T>> {
    let object = key(id).and_then(|key| OBJECTS.get(key).map(|entry| entry.clone()));
    let object = object.and_then(|object| object.downcast().ok());
    object.ok_or_else(|| Error::new(ErrorKind::Closed, "look up handle", "the handle is stale"))
}

/// Removes an object, which makes its handle stale; `None` if it is stale already or of another
/// kind.
pub fn remove<T: Any + Send + Sync>(id: u64) -> Option<Arc<T>> {
    let _: Arc<T> = get(id).ok()?;
    let object = OBJECTS.take(key(id)?)?;
    object.downcast().ok()
}

fn key(id: u64) -> Option<usize> {
    usize::try_from(id.wrapping_mul(GATHER).checked_sub(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SEC-34: what is near a handle by mistake is no handle, and none is 0.
    #[test]
    fn numbers_beside_a_handle_are_stale() {
        let id = insert(7_u8).unwrap();
        assert_eq!(*get::<u8>(id).unwrap(), 7);
        let near = (1..1000).flat_map(|step| [id.wrapping_add(step), id.wrapping_sub(step)]);
        assert!(
            near.chain(0..1000).filter(|other| *other != id).all(|other| get::<u8>(other).is_err())
        );
        assert!(remove::<u16>(id).is_none(), "it is of another kind");
        assert_eq!(*remove::<u8>(id).unwrap(), 7);
        assert!(get::<u8>(id).is_err());
    }
}

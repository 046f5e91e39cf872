//! Deliberate panics for the tests of the bindings, which verify that no panic crosses the border.

use crate::error::Result;

/// Panics at once where the place is `call`, while a value is dropped where it is `drop`, and
/// otherwise in the future.
pub fn panic_in(place: &str) -> impl Future<Output = Result<()>> + Send + 'static {
    match place {
        "call" => fault(),
        "drop" => drop(FaultyDrop),
        _ => {}
    }
    async {
        fault();
        Ok(())
    }
}

fn fault() {
    panic!("told to");
}

struct FaultyDrop;

impl Drop for FaultyDrop {
    fn drop(&mut self) {
        fault();
    }
}

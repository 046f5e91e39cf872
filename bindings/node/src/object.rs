//! Plain JavaScript objects, written as literals.

/// `object!(env, { "name": value, })`: a new object, or the error of creating it.
macro_rules! object {
    ($env:expr, { $($name:literal: $value:expr,)+ }) => {{
        let mut object = napi::bindgen_prelude::Object::new($env)?;
        $(object.set($name, $value)?;)+
        Ok(object)
    }};
}

pub(crate) use object;

/// A counter in JavaScript's number type.
pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

//! The deployment environment, and the meta servers of each one.

use std::fmt;

/// Deployment environment.
///
/// ```
/// use castalia_core::Env;
///
/// assert_eq!(Env::parse(" prod "), Env::Pro);
/// assert_eq!(Env::parse("staging"), Env::Unknown);
/// assert_eq!(Env::Fat.name(), "FAT");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Env {
    /// No server: cache files and seeds only.
    Local,
    /// Development.
    Dev,
    /// Feature acceptance test; also written `FWS`.
    Fat,
    /// User acceptance test.
    Uat,
    /// Load and performance test.
    Lpt,
    /// Production; also written `PROD`.
    Pro,
    /// Tools.
    Tools,
    /// Unset, or a name that is not one of these.
    Unknown,
}

impl Env {
    /// Recognizes a name in any case, with surrounding white space.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name.trim().to_ascii_uppercase().as_str() {
            "LOCAL" => Env::Local,
            "DEV" => Env::Dev,
            "FAT" | "FWS" => Env::Fat,
            "UAT" => Env::Uat,
            "LPT" => Env::Lpt,
            "PRO" | "PROD" => Env::Pro,
            "TOOLS" => Env::Tools,
            _ => Env::Unknown,
        }
    }

    /// Name in upper case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Env::Local => "LOCAL",
            Env::Dev => "DEV",
            Env::Fat => "FAT",
            Env::Uat => "UAT",
            Env::Lpt => "LPT",
            Env::Pro => "PRO",
            Env::Tools => "TOOLS",
            Env::Unknown => "UNKNOWN",
        }
    }

    /// Whether `{env}_meta`, `{ENV}_META` and `{env}.meta` name the meta servers of this
    /// environment.
    pub(crate) const fn has_own_meta(self) -> bool {
        !matches!(self, Env::Tools | Env::Unknown)
    }
}

impl fmt::Display for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_map_as_in_the_java_client() {
        let parsed = ["prod", "fws", "Local", "xyz", "", " uat "].map(Env::parse);
        let expected = [Env::Pro, Env::Fat, Env::Local, Env::Unknown, Env::Unknown, Env::Uat];
        assert_eq!(parsed, expected);
    }
}

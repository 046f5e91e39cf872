//! Where cache files go: Apollo's place where somebody named it or made it, so that both clients share the files; else the user's
//! cache directory by the rules of the platform. Never the working directory. Touches no file of either.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const OWN: &str = "castalia";

/// The user's cache directory for the files of all clients; `None` where the platform does not say. Variables that were given
/// for this client are stronger than those of the process.
pub(super) fn user_cache(environment: &HashMap<String, String>) -> Option<PathBuf> {
    let variable = |name: &str| {
        let given = environment.get(name).map(OsString::from);
        #[expect(clippy::disallowed_methods, reason = "a rule of the platform, not a setting")]
        given.or_else(|| std::env::var_os(name)).map(PathBuf::from)
    };
    let home = || variable("HOME").or_else(std::env::home_dir);
    platform_cache(std::env::consts::OS, variable, home).map(|root| root.join(OWN))
}

/// A relative path is ignored, as the XDG specification wants it: it would depend on the working directory.
fn platform_cache(
    platform: &str,
    variable: impl Fn(&str) -> Option<PathBuf>,
    home: impl Fn() -> Option<PathBuf>,
) -> Option<PathBuf> {
    let absolute = |path: Option<PathBuf>| path.filter(|path| path.is_absolute());
    match platform {
        "windows" => absolute(variable("LOCALAPPDATA")),
        "macos" | "ios" => absolute(home()).map(|home| home.join("Library/Caches")),
        _ => absolute(variable("XDG_CACHE_HOME"))
            .or_else(|| absolute(home()).map(|home| home.join(".cache"))),
    }
}

/// Whether Apollo's own place is there; making it is left to those that want it.
pub(super) fn exists(place: &Path) -> bool {
    place.is_dir()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn place(platform: &str, variables: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| PathBuf::from(value))
        };
        let place = platform_cache(platform, variable, || variable("HOME"));
        place.map(|place| place.display().to_string())
    }

    #[test]
    fn each_platform_has_its_place() {
        let home = ("HOME", "/home/a");
        assert_eq!(place("linux", &[home]).unwrap(), "/home/a/.cache");
        assert_eq!(place("linux", &[home, ("XDG_CACHE_HOME", "/xdg")]).unwrap(), "/xdg");
        assert_eq!(place("linux", &[home, ("XDG_CACHE_HOME", "xdg")]).unwrap(), "/home/a/.cache");
        assert_eq!(place("macos", &[home]).unwrap(), "/home/a/Library/Caches");
        assert_eq!(place("windows", &[home, ("LOCALAPPDATA", "/local")]).unwrap(), "/local");
        assert_eq!(place("linux", &[("HOME", ".")]), None, "a relative place is none");
        assert_eq!(place("windows", &[home]), None);
    }
}

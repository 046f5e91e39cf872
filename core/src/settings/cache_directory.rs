//! The directory of cache files. Apollo's directory is used if it is configured or exists, so that
//! both clients share the files; otherwise the user's cache directory by the conventions of the
//! platform. Never the working directory. This module touches no file.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Subdirectory of the user's cache directory.
const OWN: &str = "castalia";

/// The user's cache directory for all clients; `None` if the platform defines none. Variables that
/// were passed to this client override those of the process.
pub(super) fn user_cache(environment: &HashMap<String, String>) -> Option<PathBuf> {
    let variable = |name: &str| {
        let given = environment.get(name).map(OsString::from);
        #[expect(clippy::disallowed_methods, reason = "a rule of the platform, not a setting")]
        given.or_else(|| std::env::var_os(name)).map(PathBuf::from)
    };
    let home = || variable("HOME").or_else(std::env::home_dir);
    platform_cache(std::env::consts::OS, variable, home).map(|root| root.join(OWN))
}

/// Ignores relative paths, as the XDG specification demands: they would depend on the working
/// directory.
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

/// Whether Apollo's default directory exists. It is not created: few programs may write there.
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

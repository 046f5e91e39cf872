//! The paths of Eureka, with and without the segment `v2` and a slash at the end.

use http::Method;
use percent_encoding::percent_decode_str;

/// What a path names. Apps are in upper case, and everything is decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RegistryPath {
    Apps,
    Delta,
    App(String),
    Instance(String, String),
    Status(String, String),
    Metadata(String, String),
    ById(String),
    Vip {
        address: String,
        is_secure: bool,
    },
    Batch,
    /// What a Castalia node that starts asks another.
    RemovedOverrides,
}

impl RegistryPath {
    /// Reads a path that begins with `/eureka`.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/eureka/")?;
        let rest = rest.strip_prefix("v2/").unwrap_or(rest);
        let segments: Vec<&str> = rest.strip_suffix('/').unwrap_or(rest).split('/').collect();
        let app = |text| decoded(text).map(|app| app.to_ascii_uppercase());
        Some(match segments[..] {
            ["apps"] => Self::Apps,
            ["apps", "delta"] => Self::Delta,
            ["apps", name] => Self::App(app(name)?),
            ["apps", name, id] => Self::Instance(app(name)?, decoded(id)?),
            ["apps", name, id, "status"] => Self::Status(app(name)?, decoded(id)?),
            ["apps", name, id, "metadata"] => Self::Metadata(app(name)?, decoded(id)?),
            ["instances", id] => Self::ById(decoded(id)?),
            ["vips", address] => Self::Vip { address: decoded(address)?, is_secure: false },
            ["svips", address] => Self::Vip { address: decoded(address)?, is_secure: true },
            ["peerreplication", "batch"] => Self::Batch,
            ["castalia", "removed-overrides"] => Self::RemovedOverrides,
            _ => return None,
        })
    }

    /// The methods that it has.
    pub(super) fn methods(&self) -> &'static [Method] {
        match self {
            Self::App(_) => &[Method::GET, Method::POST],
            Self::Instance(..) => &[Method::GET, Method::PUT, Method::DELETE],
            Self::Status(..) => &[Method::PUT, Method::DELETE],
            Self::Metadata(..) => &[Method::PUT],
            Self::Batch => &[Method::POST],
            _ => &[Method::GET],
        }
    }
}

/// A segment; `None` if it is empty or could be more than one.
fn decoded(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    let is_one = !text.is_empty() && !text.contains('/') && !text.chars().any(char::is_control);
    (is_one && !matches!(&*text, "." | "..")).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases 3, 5 and 6.
    #[test]
    fn equal_paths_have_several_spellings() {
        for path in ["/eureka/apps", "/eureka/apps/", "/eureka/v2/apps", "/eureka/v2/apps/"] {
            assert_eq!(RegistryPath::parse(path), Some(RegistryPath::Apps), "{path}");
        }
        for path in ["/eureka/apps/demo/h1:demo:8080", "/eureka/v2/apps/DEMO/h1%3Ademo%3A8080/"] {
            let instance = RegistryPath::Instance("DEMO".into(), "h1:demo:8080".into());
            assert_eq!(RegistryPath::parse(path), Some(instance), "{path}");
        }
    }

    #[test]
    fn the_delta_is_an_app_in_other_letters() {
        assert_eq!(RegistryPath::parse("/eureka/apps/delta"), Some(RegistryPath::Delta));
        assert_eq!(
            RegistryPath::parse("/eureka/apps/DELTA"),
            Some(RegistryPath::App("DELTA".into()))
        );
    }

    /// Case 91, for paths that name nothing.
    #[test]
    fn unusual_paths_name_nothing() {
        for path in [
            "/eureka",
            "/eureka/",
            "/eureka//apps",
            "/eureka/apps//x",
            "/eureka/v1/apps",
            "/eureka/v2/v2/apps",
            "/eureka/apps/..",
            "/eureka/apps/%2e%2e",
            "/eureka/apps/a%2fb",
            "/eureka/apps/a%00",
            "/eureka/apps/%ff",
            "/eureka/status",
            "/eureka/lastn",
            "/eureka/serverinfo/statusoverrides",
            "/eureka/asg/a/status",
        ] {
            assert_eq!(RegistryPath::parse(path), None, "{path}");
        }
    }
}

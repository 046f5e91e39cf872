//! Paths of entries in an archive of an export, in the layouts of Apollo's portal. A path names an
//! object of the server; it never becomes a path on disk.

use castalia_core::protocol::namespace::{Format, is_valid_name};

/// Name of the entry that describes an app.
pub const APP: &str = "app.metadata";
/// Suffix of the name of an entry that describes a cluster.
pub const CLUSTER: &str = ".cluster.metadata";
/// Suffix of the name of an entry that defines a namespace.
pub const APP_NAMESPACE: &str = ".appnamespace.metadata";

/// Maximum length of a path, in bytes: more than all names in it together.
const PATH: usize = 1024;

const NO_ENTRY: &str = "no export has an entry with this path";
const NO_FORMAT: &str = "the name does not end with a format";

/// The names in the path of an entry, as it spells them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryNames {
    /// App.
    pub app_id: String,
    /// Environment.
    pub env: String,
    /// Cluster.
    pub cluster: String,
    /// Namespace; empty for a cluster.
    pub namespace: String,
}

/// What an entry describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A definition of a namespace.
    AppNamespace {
        /// Owner.
        app_id: String,
        /// Name.
        name: String,
    },
    /// An app.
    App {
        /// App id.
        app_id: String,
    },
    /// A cluster.
    Cluster {
        /// Its place; the namespace is empty.
        place: EntryNames,
    },
    /// The items of a namespace.
    Namespace {
        /// Its place.
        place: EntryNames,
    },
}

impl EntryKind {
    /// The environment that the entry belongs to, as the path spells it.
    #[must_use]
    pub fn env(&self) -> Option<&str> {
        match self {
            Self::Cluster { place } | Self::Namespace { place } => Some(&place.env),
            Self::AppNamespace { .. } | Self::App { .. } => None,
        }
    }
}

/// Whether each step of a path is a name. Paths never reach the disk, but a path that would leave a
/// folder is a sign of an attack on another program.
#[must_use]
pub fn is_path_of_export(path: &str) -> bool {
    let is_name = |step: &str| !matches!(step, "" | "." | "..");
    path.len() <= PATH
        && path.split(['/', '\\']).all(|step| is_name(step) && !step.contains(is_not_in_name))
}

/// Whether a character cannot be in a step of a path.
fn is_not_in_name(character: char) -> bool {
    matches!(character, '/' | '\\' | ':') || character.is_control()
}

/// Parses the path of an entry in an export of all apps.
///
/// # Errors
/// Fails if no export has such a path; says why.
pub fn parse(path: &str) -> Result<EntryKind, &'static str> {
    let steps: Vec<_> = path.split('/').collect();
    match steps[..] {
        [file] => {
            let names = file.strip_suffix(APP_NAMESPACE).and_then(|names| names.split_once('+'));
            let (app_id, name) = names.ok_or(NO_ENTRY)?;
            Ok(EntryKind::AppNamespace { app_id: app_id.to_owned(), name: name.to_owned() })
        }
        [_, app_id, APP] => Ok(EntryKind::App { app_id: app_id.to_owned() }),
        [_, app_id, env, file] => match file.strip_suffix(CLUSTER) {
            Some(cluster) => {
                let (app_id, env, cluster) = (app_id.into(), env.into(), cluster.into());
                let place = EntryNames { app_id, env, cluster, namespace: String::new() };
                Ok(EntryKind::Cluster { place })
            }
            None => Ok(EntryKind::Namespace { place: parse_items(app_id, env, file)? }),
        },
        _ => Err(NO_ENTRY),
    }
}

/// Parses the path of an entry in an export of one cluster; `None` for an entry that describes the
/// cluster. `normalise` returns the spelling of an environment that `cluster` has.
///
/// # Errors
/// Fails if the entry is of another cluster, or if no export has such a path.
pub fn parse_in_cluster(
    path: &str,
    cluster: &EntryNames,
    normalise: impl Fn(&str) -> String,
) -> Result<Option<EntryNames>, &'static str> {
    let steps: Vec<_> = path.split('/').collect();
    let [app_id, env, file] = steps[..] else { return Err("Invalid file path in ZIP.") };
    let is_here = app_id == cluster.app_id && normalise(env) == cluster.env;
    let prefix = format!("{}+{}+", cluster.app_id, cluster.cluster);
    if !is_here || !file.starts_with(&prefix) {
        return Err("The content of the file to be imported is incorrect.");
    }
    if file.ends_with(CLUSTER) {
        return Ok(None);
    }
    let found = parse_items(app_id, env, file)?;
    Ok(Some(EntryNames { env: cluster.env.clone(), ..found }))
}

/// Parses `app+cluster+namespace.format`.
fn parse_items(app_id: &str, env: &str, file: &str) -> Result<EntryNames, &'static str> {
    let parts: Vec<_> = file.split('+').collect();
    let [of, cluster, namespace] = parts[..] else { return Err(NO_ENTRY) };
    if of != app_id {
        return Err("the folder and the name are of different apps");
    }
    let (stem, suffix) = namespace.rsplit_once('.').ok_or(NO_FORMAT)?;
    let format = Format::from_name(suffix).ok_or(NO_FORMAT)?;
    let namespace = if format == Format::Properties { stem } else { namespace };
    if !is_valid_name(namespace) {
        return Err("the name of the namespace is invalid");
    }
    let (app_id, env) = (app_id.to_owned(), env.to_owned());
    Ok(EntryNames { app_id, env, cluster: cluster.to_owned(), namespace: namespace.to_owned() })
}

/// Whether a file with items of one namespace may have this name, as Apollo's portal checks it: it
/// has a suffix, and nothing between its dots is empty.
#[must_use]
pub fn is_file_name(name: &str) -> bool {
    let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix);
    suffix.and_then(Format::from_name).is_some() && name.split('.').all(|part| !part.is_empty())
}

/// The path of a definition of a namespace.
#[must_use]
pub fn of_app_namespace(app_id: &str, name: &str) -> String {
    format!("{app_id}+{name}{APP_NAMESPACE}")
}

/// The path of an app.
#[must_use]
pub fn of_app(owner: &str, app_id: &str) -> String {
    format!("{}/{app_id}/{APP}", folder(owner))
}

/// The path of a cluster.
#[must_use]
pub fn of_cluster(owner: &str, cluster: &EntryNames) -> String {
    let EntryNames { app_id, env, cluster, .. } = cluster;
    format!("{}/{app_id}/{env}/{cluster}{CLUSTER}", folder(owner))
}

/// The path of the items of a namespace in an export of all apps.
#[must_use]
pub fn of_namespace(owner: &str, place: &EntryNames, format: Format) -> String {
    format!("{}/{}", folder(owner), of_namespace_in_cluster(place, format))
}

/// The path of the items of a namespace in an export of one cluster. Only properties have a suffix
/// that is not part of the name.
#[must_use]
pub fn of_namespace_in_cluster(place: &EntryNames, format: Format) -> String {
    let EntryNames { app_id, env, cluster, namespace } = place;
    let suffix = if format == Format::Properties { ".properties" } else { "" };
    format!("{app_id}/{env}/{app_id}+{cluster}+{namespace}{suffix}")
}

/// The name of a file with the items of one namespace.
#[must_use]
pub fn file_name(namespace: &str) -> String {
    let suffix = namespace.rsplit_once('.').map(|(_, suffix)| suffix);
    match suffix.and_then(Format::from_name) {
        Some(_) => namespace.to_owned(),
        None => format!("{namespace}.properties"),
    }
}

/// A user name as one step of a path: the only name in paths that may contain separators.
fn folder(owner: &str) -> String {
    match owner {
        "" | "." | ".." => "_".to_owned(),
        owner => owner.replace(is_not_in_name, "_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_its_folder_is_refused() {
        for path in ["a", "u/a/PRO/a+c+n.properties", "u\\a\\app.metadata", "u/ä b/x"] {
            assert!(is_path_of_export(path), "{path}");
        }
        let long = "x".repeat(PATH + 1);
        for path in
            ["", "/a", "../a", "a/../b", "a//b", "a\\..\\b", "C:\\x", "a/./b", "a\0", "a\n", &long]
        {
            assert!(!is_path_of_export(path), "{path}");
        }
    }

    fn place(namespace: &str) -> EntryNames {
        EntryNames {
            app_id: "a".into(),
            env: "PRO".into(),
            cluster: "c".into(),
            namespace: namespace.into(),
        }
    }

    #[test]
    fn only_properties_get_a_suffix() {
        assert_eq!(
            of_namespace("o", &place("n.x"), Format::Properties),
            "o/a/PRO/a+c+n.x.properties"
        );
        assert_eq!(of_namespace_in_cluster(&place("n.yml"), Format::Yml), "a/PRO/a+c+n.yml");
        for (namespace, file) in
            [("n", "n.properties"), ("n.json", "n.json"), ("TEST1.pub", "TEST1.pub.properties")]
        {
            assert_eq!(file_name(namespace), file);
        }
    }

    #[test]
    fn paths_of_exports_are_parsed_again() {
        let definition = of_app_namespace("a", "n.yml");
        let expected = EntryKind::AppNamespace { app_id: "a".into(), name: "n.yml".into() };
        assert_eq!(parse(&definition), Ok(expected));
        assert_eq!(parse(&of_app("o", "a")), Ok(EntryKind::App { app_id: "a".into() }));
        let cluster = EntryKind::Cluster { place: place("") };
        assert_eq!(parse(&of_cluster("o", &place(""))), Ok(cluster));
        for (name, format) in [("n", Format::Properties), ("n.yml", Format::Yml)] {
            let items = EntryKind::Namespace { place: place(name) };
            assert_eq!(parse(&of_namespace("o", &place(name), format)), Ok(items));
            let path = of_namespace_in_cluster(&place(name), format);
            assert_eq!(parse_in_cluster(&path, &place(""), str::to_owned), Ok(Some(place(name))));
        }
    }

    #[test]
    fn a_path_of_something_else_is_refused() {
        for path in
            ["x", "a/b", "o/a/x", "o/a/PRO/a+c", "o/a/PRO/b+c+n.yml", "o/a/PRO/a+c+n", "a/b/c/d/e"]
        {
            assert!(parse(path).is_err(), "{path}");
        }
        for path in ["a/PRO/a+d+n.yml", "b/PRO/b+c+n.yml", "a/DEV/a+c+n.yml", "a+c+n.yml"] {
            assert!(parse_in_cluster(path, &place(""), str::to_owned).is_err(), "{path}");
        }
    }

    #[test]
    fn the_name_of_an_owner_is_one_step_of_a_path() {
        for owner in ["a/b", "..", "", "C:\\x", "../../etc", "a\tb\u{85}"] {
            assert_eq!(of_app(owner, "a").split('/').count(), 3, "{owner}");
            assert!(is_path_of_export(&of_app(owner, "a")), "{owner}");
        }
    }
}

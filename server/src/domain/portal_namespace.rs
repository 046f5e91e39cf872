//! Definitions of namespaces in the portal: public names are unique over all apps, and each
//! definition has roles. The admin role manages the namespaces themselves.

mod deletion;

pub use castalia_store::namespace::AppNamespace;

pub use self::deletion::{check_deletable, delete, find_in_any_case, is_present};

use std::collections::{HashMap, HashSet};

use castalia_core::protocol::namespace::{Format, is_valid_name};
use castalia_store::namespace::AppNamespaceRow;
use castalia_store::{Authorship, Connection, Deletion, Store, Transaction, namespace};

use crate::domain::constraint::check_members;
use crate::domain::page::{Page, Paged};
use crate::domain::permission::grant;
use crate::domain::{portal_app, unique};
use crate::error::{Code, Error, Result};

/// Widths of the columns, in characters.
const NAME: usize = 32;
const COMMENT: usize = 64;
/// Suffixes that must not be part of the name. As in Apollo, `.txt` may be, whatever the format.
const SUFFIXES: [&str; 5] = [".json", ".yml", ".yaml", ".xml", ".properties"];

/// A request to create a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDefinition {
    /// App that the definition belongs to.
    pub app_id: String,
    /// Name without prefix and suffix.
    pub name: String,
    /// Name of the format; blank for properties.
    pub format: String,
    /// Whether all apps may read it.
    pub is_public: bool,
    /// Whether the department's prefix is added to a public name.
    pub append_prefix: bool,
    /// Description for users.
    pub comment: String,
}

/// Replaces the name of a new definition by its full name: with the prefix of the department, and
/// the suffix of the format.
///
/// # Errors
/// Fails if the name is invalid, or if the app or format is unknown.
pub async fn complete(store: &Store, new: NewDefinition) -> Result<NewDefinition> {
    let app = portal_app::find(store, &new.app_id).await?;
    let format = match new.format.trim() {
        "" => Format::Properties,
        name => Format::from_name(name).ok_or_else(|| {
            Error::bad_request(format!("{name} can not map enum")).with_code(Code::UnknownFormat)
        })?,
    };
    let new = NewDefinition {
        name: full_name(&new, &app.org_id, format)?,
        format: format.name().to_owned(),
        ..new
    };
    check_members([("comment", Some(&*new.comment), COMMENT)])?;
    Ok(new)
}

/// Creates a definition under its full name, with its roles; `editor` may edit and publish it in
/// all environments.
///
/// # Errors
/// Fails if the name is in use.
pub async fn create(
    store: &Store,
    new: NewDefinition,
    envs: &[String],
    editor: Option<&str>,
    operator: &str,
) -> Result<AppNamespace> {
    let input = (new, envs.to_vec(), editor.map(str::to_owned), operator.to_owned());
    unique::write(store, input, |tx, (new, envs, editor, operator)| {
        Box::pin(create_in(tx, new, envs, editor.as_deref(), operator))
    })
    .await
}

/// Creates a definition under its full name, as an archive contains it.
///
/// # Errors
/// Fails if the name is in use.
pub async fn restore(
    store: &Store,
    new: NewDefinition,
    envs: &[String],
    operator: &str,
) -> Result<AppNamespace> {
    check_full(&new)?;
    check_suffix(&new)?;
    let input = (new, envs.to_vec(), operator.to_owned());
    unique::write(store, input, |tx, (new, envs, operator)| {
        Box::pin(create_in(tx, new, envs, None, operator))
    })
    .await
}

/// Rejects a definition under its full name that the tables or clients would reject.
///
/// # Errors
/// Names the first invalid member.
pub fn check_full(new: &NewDefinition) -> Result<()> {
    let NewDefinition { name, format, comment, .. } = new;
    if !is_valid_name(name) {
        let message = format!("the name `{name}` of the namespace is invalid");
        return Err(Error::bad_request(message).with_code(Code::InvalidName));
    }
    if Format::from_name(format).is_none() {
        let message = format!("{format} can not map enum");
        return Err(Error::bad_request(message).with_code(Code::UnknownFormat));
    }
    check_members([("name", Some(name.as_str()), NAME), ("comment", Some(comment), COMMENT)])
}

/// Requires that the full name of a new definition ends with its format and with no other one.
///
/// # Errors
/// Fails if clients would take the name for that of another format.
pub fn check_suffix(new: &NewDefinition) -> Result<()> {
    let base = match Format::from_name(&new.format) {
        Some(format) if format.is_document() => {
            new.name.strip_suffix(&format!(".{}", format.name()))
        }
        _ => Some(new.name.as_str()),
    };
    if base.is_some_and(|base| !base.is_empty() && !ends_with_format(base)) {
        return Ok(());
    }
    let message =
        format!("the name `{}` does not end as a namespace of the format {}", new.name, new.format);
    Err(Error::bad_request(message).with_code(Code::InvalidName))
}

/// The definition with this name in an app.
///
/// # Errors
/// Fails if there is no such definition.
pub async fn find(store: &Store, app_id: &str, name: &str) -> Result<AppNamespace> {
    stored(store.read(), app_id, name).await?.ok_or_else(|| {
        // Apollo's command line recognizes a missing definition by this message.
        let message = format!("appNamespace not exist for appId:{app_id} namespaceName:{name}");
        Error::bad_request(message).with_code(Code::UnknownAppNamespace)
    })
}

async fn stored(db: &impl Connection, app_id: &str, name: &str) -> Result<Option<AppNamespace>> {
    let found = namespace::app_namespace(db, app_id, name).await?;
    Ok(found.filter(|row| row.name == name))
}

/// The definitions of the namespaces of an app, by name: its own, or the public ones with these
/// names.
pub async fn definitions_of(
    store: &Store,
    app_id: &str,
    names: &[String],
) -> Result<HashMap<String, AppNamespace>> {
    let names: HashSet<&str> = names.iter().map(String::as_str).collect();
    let own = of_app(store, app_id).await?.into_iter();
    let mut found: HashMap<_, _> = own
        .filter(|row| names.contains(row.name.as_str()))
        .map(|row| (row.name.clone(), row))
        .collect();
    let others: Vec<_> = names.into_iter().filter(|name| !found.contains_key(*name)).collect();
    let mut public = HashMap::new();
    for row in namespace::public_app_namespaces_named(store.read(), &others).await? {
        // MySQL compares names without case.
        public.entry(row.name.to_lowercase()).or_insert(row);
    }
    let of_others = others
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), public.get(&name.to_lowercase())?.clone())));
    found.extend(of_others);
    Ok(found)
}

/// The format of a namespace: that of its definition, of its app or a public one, because Apollo
/// accepts names such as `x.txt` for every format. One without a definition has that of its suffix.
///
/// # Errors
/// Fails if the database does.
pub async fn format_of(store: &Store, app_id: &str, name: &str) -> Result<Format> {
    let db = store.read();
    let definition = match namespace::app_namespace(db, app_id, name).await? {
        None => namespace::public_app_namespace(db, name).await?,
        own => own,
    };
    let format = definition.and_then(|row| Format::from_name(&row.format));
    Ok(format.unwrap_or_else(|| Format::of(name)))
}

/// The definitions of an app.
pub async fn of_app(store: &Store, app_id: &str) -> Result<Vec<AppNamespace>> {
    Ok(namespace::app_namespaces(store.read(), app_id).await?)
}

/// The definitions of all apps.
pub async fn all(store: &Store) -> Result<Vec<AppNamespace>> {
    Ok(namespace::all_app_namespaces(store.read()).await?)
}

/// The public definitions of all apps.
pub async fn public(store: &Store) -> Result<Vec<AppNamespace>> {
    Ok(namespace::public_app_namespaces(store.read()).await?)
}

/// Definitions of all apps whose name contains a text.
pub async fn search(store: &Store, text: &str, page: &Page) -> Result<Paged<AppNamespace>> {
    Ok(namespace::search_app_namespaces(store.read(), text, page).await?)
}

/// Permits the operator to edit and publish a namespace of an app in all environments.
pub async fn open(store: &Store, app_id: &str, name: &str, operator: &str) -> Result<()> {
    let input = (app_id.to_owned(), name.to_owned(), operator.to_owned());
    unique::write(store, input, |tx, (app_id, name, operator)| {
        Box::pin(async move {
            portal_app::lock(tx, app_id).await?;
            grant::open_namespace(tx, (app_id, name), &[], Some(operator), operator).await
        })
    })
    .await
}

async fn create_in(
    tx: &Transaction,
    new: &NewDefinition,
    envs: &[String],
    editor: Option<&str>,
    operator: &str,
) -> Result<AppNamespace> {
    portal_app::lock(tx, &new.app_id).await?;
    // No unique key ensures that a public name belongs to one app only.
    grant::lock_portal(tx).await?;
    check_unique(tx, new).await?;
    let row = AppNamespaceRow {
        name: new.name.clone(),
        app_id: new.app_id.clone(),
        format: new.format.clone(),
        is_public: new.is_public,
        comment: new.comment.clone(),
    };
    let created = namespace::insert_app_namespace(tx, row, Authorship::of(operator)).await?;
    let place = (new.app_id.as_str(), new.name.as_str());
    grant::delete_left_of_namespace(tx, place, envs, &Deletion::by(operator)).await?;
    grant::open_namespace(tx, place, envs, editor, operator).await?;
    Ok(created)
}

/// A public name belongs to one app only; a private one may be used by several apps, unless it is
/// public in one of them. Names that differ only in case are equal, because clients reach a
/// namespace by either.
async fn check_unique(tx: &Transaction, new: &NewDefinition) -> Result<()> {
    let others = namespace::app_namespaces_named(tx, &[&new.name]).await?;
    check_name_free((&new.app_id, &new.name, new.is_public), &others)
}

/// The same for definitions that are to be restored.
pub(super) async fn check_free(db: &impl Connection, deleted: &[&AppNamespace]) -> Result<()> {
    let names: Vec<&str> = deleted.iter().map(|one| one.name.as_str()).collect();
    let others = namespace::app_namespaces_named(db, &names).await?;
    deleted
        .iter()
        .try_for_each(|one| check_name_free((&one.app_id, &one.name, one.is_public), &others))
}

fn check_name_free(
    (app_id, name, is_public): (&str, &str, bool),
    others: &[AppNamespace],
) -> Result<()> {
    let mut named = others.iter().filter(|other| other.name.eq_ignore_ascii_case(name));
    match named.find(|other| is_public || other.is_public || other.app_id == app_id) {
        None => Ok(()),
        Some(taken) if taken.is_public => {
            let message = format!(
                "Public AppNamespace {} already exists in appId: {}!",
                taken.name, taken.app_id
            );
            Err(Error::bad_request(message).with_code(Code::AppNamespaceExists))
        }
        Some(taken) => {
            let message =
                format!("AppNamespace {} already exists in appId: {}!", taken.name, taken.app_id);
            Err(Error::bad_request(message).with_code(Code::AppNamespaceExists))
        }
    }
}

fn full_name(new: &NewDefinition, org_id: &str, format: Format) -> Result<String> {
    let prefix =
        if new.is_public && new.append_prefix { format!("{org_id}.") } else { String::new() };
    // With the prefix, because the name may be a bare suffix.
    let base = format!("{prefix}{}", new.name);
    if !is_valid_name(&new.name) || ends_with_format(&base) {
        let message = "Invalid Namespace format: Only digits, alphabets and symbol - _ . (except single .) are allowed & \
                       not allowed to end with .json, .yml, .yaml, .xml, .properties";
        return Err(Error::bad_request(message).with_code(Code::InvalidName));
    }
    let suffix = if format.is_document() { format!(".{}", format.name()) } else { String::new() };
    let name = format!("{base}{suffix}");
    // With what is added to it.
    check_members([("name", Some(&*name), NAME)])?;
    Ok(name)
}

fn ends_with_format(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SUFFIXES.iter().any(|suffix| lower.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, is_public: bool) -> NewDefinition {
        NewDefinition {
            app_id: "a".into(),
            name: name.into(),
            format: String::new(),
            is_public,
            append_prefix: true,
            comment: String::new(),
        }
    }

    #[test]
    fn names_get_the_prefix_of_the_department_and_the_suffix_of_the_format() {
        assert_eq!(full_name(&new("sample", false), "TEST1", Format::Yml).unwrap(), "sample.yml");
        assert_eq!(full_name(&new("pub", true), "TEST1", Format::Properties).unwrap(), "TEST1.pub");
        let plain = NewDefinition { append_prefix: false, ..new("pub", true) };
        assert_eq!(full_name(&plain, "TEST1", Format::Properties).unwrap(), "pub");
    }

    #[test]
    fn a_prefix_makes_no_suffix_of_the_name() {
        for name in ["json", "properties", "YML"] {
            assert!(full_name(&new(name, true), "TEST1", Format::Properties).is_err(), "{name}");
            assert!(full_name(&new(name, true), "TEST1", Format::Json).is_err(), "{name}");
            assert_eq!(full_name(&new(name, false), "TEST1", Format::Properties).unwrap(), name);
        }
    }

    #[test]
    fn a_full_name_ends_with_its_format_only() {
        for (name, format, is_valid) in [
            ("w", "properties", true),
            ("json", "properties", true),
            ("w.json", "json", true),
            ("w.json", "properties", false),
            ("w.properties", "properties", false),
            ("w.txt", "properties", true),
            ("w", "json", false),
            ("w.yml", "json", false),
            ("w.yml.json", "json", false),
        ] {
            let definition = NewDefinition { format: format.into(), ..new(name, false) };
            assert_eq!(check_suffix(&definition).is_ok(), is_valid, "{name} {format}");
        }
    }

    #[test]
    fn a_suffix_in_the_name_is_refused() {
        for name in ["x.yml", "x.PROPERTIES", ".x", "x y", ""] {
            assert!(full_name(&new(name, false), "TEST1", Format::Properties).is_err(), "{name}");
        }
        assert!(full_name(&new(&"x".repeat(30), false), "TEST1", Format::Json).is_err());
    }
}

//! A database URL: its dialect, and a form of it that may be logged. Opens no connection.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;

use crate::error::StoreError;

/// Options of a MySQL URL that the driver knows, besides those that [`check_option`] refuses.
const MYSQL_OPTIONS: &[&str] = &[
    "ssl-mode",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "socket",
    "charset",
    "collation",
    "statement-cache-capacity",
    "sslmode",
    "sslca",
    "sslcert",
    "sslkey",
];
/// The same for PostgreSQL, besides `options[NAME]`. None of the server's parameters that they may
/// set damages values: the driver sets encoding and time zone after them.
const POSTGRES_OPTIONS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
    "ssl-mode",
    "ssl-root-cert",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
];

/// The SQL dialect of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    Sqlite,
    /// MySQL and MariaDB.
    MySql,
    Postgres,
}

/// A database URL. `Debug` and `Display` hide the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    text: String,
    dialect: Dialect,
}

impl DatabaseUrl {
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The whole URL with its password, only for the driver.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether its options include this one.
    pub(super) fn has_option(&self, name: &str) -> bool {
        options(&self.text).any(|(other, _)| other == name)
    }

    /// Whether it names a SQLite database that exists only in memory.
    pub fn is_memory(&self) -> bool {
        self.dialect == Dialect::Sqlite
            && (self.text.contains(":memory:") || self.text.contains("mode=memory"))
    }

    /// The file of a SQLite database; `None` for other databases.
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        if self.dialect != Dialect::Sqlite || self.is_memory() {
            return None;
        }
        let options: SqliteConnectOptions = self.text.parse().ok()?;
        Some(options.get_filename().to_owned()).filter(|path| !path.as_os_str().is_empty())
    }

    /// An error about this URL; `setting` is the name under which the user set it.
    pub(super) fn error(&self, setting: &str, problem: impl fmt::Display) -> StoreError {
        let problem = problem.to_string();
        // The driver quotes a URL that it cannot parse, with its password.
        if self.dialect != Dialect::Sqlite && problem.contains(&self.text) {
            let problem = "the URL cannot be parsed; write # / ? % and blanks of user and password as %23 %2F %3F %25 %20";
            return StoreError::setting(setting, format!("{self}: {problem}"));
        }
        StoreError::setting(setting, format!("{self}: {problem}"))
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORMS: &str = "use sqlite://FILE, mysql://USER:PASSWORD@HOST/DATABASE or \
                             postgres://USER:PASSWORD@HOST/DATABASE";
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(format!("not a database URL; {FORMS}"));
        };
        let (dialect, scheme) = match scheme {
            "sqlite" => (Dialect::Sqlite, "sqlite"),
            "mysql" | "mariadb" => (Dialect::MySql, "mysql"),
            "postgres" | "postgresql" => (Dialect::Postgres, "postgres"),
            "jdbc" => return Err(format!("remove the prefix `jdbc:`; {FORMS}")),
            _ => return Err(format!("unknown database type `{scheme}`; {FORMS}")),
        };
        if dialect != Dialect::Sqlite && !rest.starts_with("//") {
            return Err(format!("not a database URL; {FORMS}"));
        }
        for (index, (name, value)) in options(rest).enumerate() {
            check_option(dialect, index + 1, name, value)?;
        }
        Ok(Self { text: format!("{scheme}:{rest}"), dialect })
    }
}

/// The options of a URL, as they are written: a name that is known contains nothing to decode.
fn options(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let options = url.split_once('?').map_or("", |(_, options)| options);
    let options = options.split('&').filter(|option| !option.is_empty());
    options.map(|option| option.split_once('=').unwrap_or((option, "")))
}

/// Refuses an option that would damage what is read and written, and one that the driver would
/// ignore, such as a misspelled `sslmode`: it would also log the value, which may be a password. An
/// error quotes neither, because they may be a part of a password with a `?`.
fn check_option(dialect: Dialect, position: usize, name: &str, value: &str) -> Result<(), String> {
    let known = match dialect {
        // The driver refuses others.
        Dialect::Sqlite => return Ok(()),
        Dialect::MySql => MYSQL_OPTIONS,
        Dialect::Postgres => POSTGRES_OPTIONS,
    };
    match (dialect, name) {
        // Times are exchanged in UTC.
        (Dialect::MySql, "timezone" | "time-zone") => {
            Err(format!("remove `{name}=`, which would shift every time that is read"))
        }
        (Dialect::MySql, "charset") if !value.eq_ignore_ascii_case("utf8mb4") => Err(
            "remove `charset=`, or write `charset=utf8mb4`: another character set would damage values".into(),
        ),
        (Dialect::MySql, "collation") if !value.to_ascii_lowercase().starts_with("utf8mb4_") => {
            Err("remove `collation=`, or write one of utf8mb4, such as `collation=utf8mb4_bin`: another character \
                 set would damage values"
                .into())
        }
        _ if known.contains(&name) || dialect == Dialect::Postgres && is_parameter(name) => Ok(()),
        _ => Err(format!(
            "option {position} after the `?` is unknown: remove or correct it, and write a ? of the password as %3F; \
             the options are {}",
            known.join(", ")
        )),
    }
}

/// Whether this option sets a parameter of a PostgreSQL server, as in `options[search_path]`.
fn is_parameter(name: &str) -> bool {
    ["options[", "options%5B", "options%5b"].iter().any(|prefix| name.starts_with(prefix))
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.text.split_once(':').unwrap_or_default();
        let (address, options) = match rest.split_once('?') {
            Some((address, options)) => (address, Some(options)),
            None => (rest, None),
        };
        write!(f, "{scheme}:")?;
        // This `@` is a part of an option, or it ends a password that contains a `?`.
        if options.is_some_and(|options| options.contains('@')) {
            let authority = address.strip_prefix("//").unwrap_or_default();
            let start = authority.split([':', '/', '@']).next().unwrap_or_default();
            return write!(f, "//{start}:***");
        }
        // The last `@` ends the password, even one that contains other reserved characters.
        match address.rsplit_once('@') {
            Some((credentials, database)) => {
                let user = credentials.split(':').next().unwrap_or_default();
                write!(f, "{user}:***@{database}")?;
            }
            None => f.write_str(address)?,
        }
        // Options may contain key files and passwords; the database is identified without them.
        if options.is_some() { f.write_str("?...") } else { Ok(()) }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> DatabaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn printing_a_url_hides_its_password() {
        for text in [
            "mysql://u:secret@db:3306/Apollo",
            "mysql://u:sec@ret@db:3306/Apollo",
            "mysql://u:secret@db:3306/Apollo?ssl-key=secret",
            "postgres://db:5432/Apollo?user=u&password=secret",
            "postgres://db:5432/Apollo?user=u&password=sec@ret",
            "postgres://u:secret@db/Apollo?password=@secret",
            "postgres://db?password=@secret",
            "postgres://u:se@cret?user=u@db/Apollo",
            "postgres://u:secret?user=@db/Apollo",
            "postgres://u:secret/?user=@db/Apollo",
        ] {
            let url = url(text);
            for shown in [format!("{url}"), format!("{url:?}")] {
                assert!(!shown.contains("se") && !shown.contains("cret"), "{shown}");
            }
        }
        assert_eq!(
            url("postgres://db:5432/Apollo?user=u&password=secret").to_string(),
            "postgres://db:5432/Apollo?..."
        );
        assert_eq!(
            url("mysql://u:secret@db:3306/Apollo").to_string(),
            "mysql://u:***@db:3306/Apollo"
        );
        assert_eq!(url("sqlite:///var/lib/config.db").to_string(), "sqlite:///var/lib/config.db");
    }

    #[test]
    fn an_option_is_found_by_its_whole_name() {
        let url = url("mysql://u:p@db/Apollo?ssl-mode=REQUIRED&statement-cache-capacity=20");
        assert!(url.has_option("statement-cache-capacity") && url.has_option("ssl-mode"));
        assert!(!url.has_option("ssl") && !url.has_option("REQUIRED"));
    }

    #[test]
    fn scheme_names_the_dialect() {
        assert_eq!(url("sqlite::memory:").dialect(), Dialect::Sqlite);
        assert!(url("sqlite::memory:").is_memory());
        assert_eq!(url("mariadb://h/d").dialect(), Dialect::MySql);
        assert_eq!(url("postgresql://h/d").dialect(), Dialect::Postgres);
    }

    #[test]
    fn refusal_says_what_to_write_instead() {
        for (text, part) in [
            ("jdbc:mysql://h/d", "jdbc:"),
            ("oracle://h/d", "oracle"),
            ("/var/lib/config.db", "sqlite://FILE"),
            ("mysql:h/d", "mysql://"),
        ] {
            let problem = text.parse::<DatabaseUrl>().unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }

    /// S80, S81
    #[test]
    fn options_that_would_damage_values_are_refused() {
        for (option, part) in [
            ("timezone=%2B08:00", "remove `timezone=`"),
            ("ssl-mode=REQUIRED&time-zone=%2B08:00", "remove `time-zone=`"),
            ("time%2Dzone=%2B08:00", "option 1 "),
            ("time\tzone=%2B08:00", "option 1 "),
            ("charset=utf8", "charset=utf8mb4"),
            ("charset=latin1", "charset=utf8mb4"),
            ("charset=utf8mb4&&charset=latin1", "charset=utf8mb4"),
            ("ch%61rset=latin1", "option 1 "),
            ("collation=utf8_general_ci", "collation=utf8mb4_"),
            ("collation=latin1_swedish_ci", "collation=utf8mb4_"),
        ] {
            let problem = format!("mysql://h/d?{option}").parse::<DatabaseUrl>().unwrap_err();
            assert!(problem.contains(part), "{option}: {problem}");
        }
        url("mysql://h/d?charset=utf8mb4&collation=utf8mb4_unicode_ci");
        url("mysql://h/d?charset=UTF8MB4");
    }

    /// S82: the driver logs the names and values of options that it does not know.
    #[test]
    fn an_unknown_option_is_refused_without_its_text() {
        for text in [
            "postgres://db/Apollo?passwd=secret",
            "postgres://db/Apollo?sslmode=require&secret=secret",
            "postgres://db/Apollo?password=x&secret",
            "postgres://db/Apollo?optionssecret=secret",
            "postgres://u:12?secret@db/Apollo",
            "postgres://u:secret?@db/Apollo",
            "postgres://u:secret?secret@db/Apollo",
            "mysql://db/Apollo?useSSL=secret",
            "mysql://u:12?secret@db/Apollo",
        ] {
            let problem = text.parse::<DatabaseUrl>().unwrap_err();
            assert!(problem.contains("%3F") && problem.contains("sslmode"), "{text}: {problem}");
            assert!(!problem.contains("secret"), "{text}: {problem}");
        }
    }

    #[test]
    fn options_of_other_drivers_are_refused_with_those_to_write_instead() {
        for (text, instead) in [
            ("mysql://h/d?useSSL=true", "ssl-mode"),
            ("mysql://h/d?sslMode=REQUIRED", "ssl-mode"),
            ("mysql://h/d?serverTimezone=UTC", "ssl-mode"),
            ("mysql://h/d?connect_timeout=10", "ssl-mode"),
            ("postgres://h/d?ssl=true", "sslmode"),
            ("postgres://h/d?sslmode=require&channel_binding=require", "sslmode"),
            ("postgres://h/d?connect_timeout=10", "sslmode"),
            ("postgres://h/d?target_session_attrs=read-write", "sslmode"),
            ("postgres://h/d?currentSchema=portal", "options"),
        ] {
            let problem = text.parse::<DatabaseUrl>().unwrap_err();
            assert!(problem.contains(instead), "{text}: {problem}");
        }
    }

    #[test]
    fn options_of_the_driver_are_accepted() {
        for name in MYSQL_OPTIONS.iter().filter(|name| !["charset", "collation"].contains(name)) {
            url(&format!("mysql://h/d?{name}=1"));
        }
        for name in POSTGRES_OPTIONS {
            url(&format!("postgres://h/d?{name}=1"));
        }
        url("postgres://h/d?options[search_path]=portal");
        url("postgres://h/d?options%5Bsearch_path%5D=portal&options%5bx%5d=y");
    }
}

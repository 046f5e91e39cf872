//! A database URL: its dialect, and a form of it that may be logged. Opens no connection.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;

use crate::error::StoreError;

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
        let options = self.text.split_once('?').map_or("", |(_, options)| options);
        options.split('&').any(|option| option.split('=').next() == Some(name))
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
        // Times are exchanged in UTC; another time zone of the session would shift every time that
        // is read.
        if dialect == Dialect::MySql && rest.contains("timezone=") {
            return Err("remove `timezone=`, which would shift every time that is read".into());
        }
        Ok(Self { text: format!("{scheme}:{rest}"), dialect })
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.text.split_once(':').unwrap_or_default();
        write!(f, "{scheme}:")?;
        // The last `@` ends the password, even one that contains other reserved characters.
        let rest = match rest.rsplit_once('@') {
            Some((credentials, host)) => {
                let user = credentials.split([':', '?']).next().unwrap_or_default();
                write!(f, "{user}:***@")?;
                host
            }
            None => rest,
        };
        match rest.split_once('?') {
            // Options may contain key files and passwords; the database is identified without them.
            Some((database, _)) => write!(f, "{database}?..."),
            None => f.write_str(rest),
        }
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
            "mysql://u:secret@db:3306/Apollo?password=secret",
            "postgres://u:secret?@db/Apollo",
        ] {
            let url = url(text);
            for shown in [format!("{url}"), format!("{url:?}")] {
                assert!(!shown.contains("sec"), "{shown}");
            }
        }
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
            ("mysql://h/d?timezone=%2B08:00", "timezone="),
        ] {
            let problem = text.parse::<DatabaseUrl>().unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }
}

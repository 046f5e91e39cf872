//! What a setting is called, and its default. Does not know where values come from or how they are
//! used.

mod discovery;
mod node;
mod sign_in;

/// One setting. Its name has three spellings by rule: `security.require_access_key` in the file,
/// `CASTALIA_SECURITY_REQUIRE_ACCESS_KEY` in the environment, `--security-require-access-key` as a
/// flag.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// Name in the file.
    pub name: &'static str,
    /// Text used when no layer sets the setting; `None` means that it remains unset.
    pub default: Option<&'static str>,
    /// Placeholder for the value in the help text.
    pub value: &'static str,
    /// Description in the help text.
    pub doc: &'static str,
}

const fn define(
    name: &'static str,
    default: Option<&'static str>,
    value: &'static str,
    doc: &'static str,
) -> Definition {
    Definition { name, default, value, doc }
}

/// Every setting, in the order of the help text.
pub fn all() -> impl Iterator<Item = &'static Definition> {
    [node::SETTINGS, sign_in::SETTINGS, discovery::SETTINGS].into_iter().flatten()
}

impl Definition {
    /// Spelling as a flag, without the leading dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }

    /// Spelling as an environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("CASTALIA_{}", self.name.replace('.', "_").to_uppercase())
    }
}

/// The definition with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Definition> {
    all().find(|definition| definition.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_follow_the_rule() {
        let definition = find("security.require_access_key").unwrap();
        assert_eq!(definition.flag(), "security-require-access-key");
        assert_eq!(definition.variable(), "CASTALIA_SECURITY_REQUIRE_ACCESS_KEY");
    }

    #[test]
    fn the_readme_lists_every_setting_as_it_is() {
        let readme = include_str!("../../README.md");
        for Definition { name, default, doc, .. } in all() {
            let default = default
                .filter(|text| !text.is_empty())
                .map(|text| format!("`{text}`"))
                .unwrap_or_default();
            let row = format!("| `{name}` | {default} | {doc} |");
            assert!(readme.contains(&row), "server/README.md lacks this row:\n{row}");
        }
        let rows = readme.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, all().count());
    }

    #[test]
    fn no_two_settings_share_a_spelling() {
        let mut flags: Vec<_> = all().map(Definition::flag).collect();
        let mut variables: Vec<_> = all().map(Definition::variable).collect();
        flags.sort();
        flags.dedup();
        variables.sort();
        variables.dedup();
        assert_eq!((flags.len(), variables.len()), (all().count(), all().count()));
    }
}

//! Names of environments (pure).

/// The normalised name of an environment, as used in roles, permissions and answers: upper case,
/// without the old aliases.
#[must_use]
pub fn normalise(name: &str) -> String {
    let upper = name.trim().to_ascii_uppercase();
    match upper.as_str() {
        "PROD" => "PRO".to_owned(),
        "FWS" => "FAT".to_owned(),
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn aliases_become_one_name() {
        assert_eq!([" dev ", "prod", "Fws", "x1"].map(normalise), ["DEV", "PRO", "FAT", "X1"]);
    }
}

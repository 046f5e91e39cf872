//! Names as clients and rows spell them.

use super::*;

fn row(id: i64, app_id: &str, name: &str, is_public: bool) -> AppNamespace {
    AppNamespace { id, app_id: app_id.into(), name: name.into(), is_public }
}

fn names(folds: bool, rows: Vec<AppNamespace>) -> Names {
    let names = Names::new(folds);
    let clusters = vec![Cluster { id: 3, app_id: "demo".into(), name: "bj".into() }];
    names.replace(rows, clusters, Vec::new());
    names
}

fn is(found: Option<Arc<str>>, expected: Option<&str>) -> bool {
    found.map_or(expected.is_none(), |found| Some(&*found) == expected)
}

#[test]
fn an_own_spelling_wins_over_a_public_one() {
    let names = names(
        false,
        vec![row(1, "lib", "Team.common", true), row(2, "demo", "TEAM.Common", false)],
    );
    assert!(is(names.namespace("demo", "team.common"), Some("TEAM.Common")));
    assert!(is(names.namespace("other", "TEAM.COMMON"), Some("Team.common")));
    assert!(is(names.namespace("other", "Unknown"), None));
    let public = names.public("team.common").unwrap();
    assert_eq!((&*public.owner, &*public.name), ("lib", "Team.common"));
    assert!(
        names.own("lib", "team.common").is_some() && names.own("other", "team.common").is_none()
    );
}

#[test]
fn apps_and_clusters_fold_only_where_the_installation_says_so() {
    let rows = || vec![row(1, "demo", "application", false)];
    let (exact, folding) = (names(false, rows()), names(true, rows()));
    assert!(is(exact.app("demo"), Some("demo")) && is(exact.app("DEMO"), None));
    assert!(is(folding.app("DEMO"), Some("demo")));
    assert!(is(exact.cluster("demo", "BJ"), None) && is(folding.cluster("demo", "BJ"), Some("bj")));
    assert!(is(exact.namespace("DEMO", "application"), None));
}

#[test]
fn only_ascii_letters_fold() {
    let names = names(true, vec![row(1, "kiss", "kiss", true)]);
    for other in ["\u{212a}iss", "kiſs", "ｋiss", "kiss ", "kïss", "kiss\u{301}"] {
        assert!(names.app(other).is_none() && names.public(other).is_none(), "{other}");
    }
}

#[test]
fn an_app_that_could_be_two_is_none_unless_it_is_exact() {
    let names = names(true, vec![row(1, "App", "x", false), row(2, "app", "y", false)]);
    assert!(is(names.app("app"), Some("app")) && is(names.app("APP"), None));
}

#[test]
fn new_rows_are_added_to_the_old_ones() {
    let names = names(false, vec![row(1, "a", "x", false)]);
    assert!(!names.add(vec![row(5, "a", "Y", false)], Vec::new()));
    assert!(is(names.namespace("a", "X"), Some("x")) && is(names.namespace("a", "y"), Some("Y")));
    assert_eq!(names.last_ids(), (5, 3));
}

#[test]
fn a_row_that_comes_late_is_added_and_known_ones_change_nothing() {
    let rows = || vec![row(1, "a", "x", true), row(4, "b", "x", true)];
    let names = names(false, rows());
    assert!(!names.add(vec![row(1, "a", "x", true), row(3, "c", "late", true)], Vec::new()));
    assert_eq!(&*names.public("X").unwrap().owner, "a", "the older row still wins");
    assert_eq!(&*names.public("LATE").unwrap().owner, "c");
    assert_eq!(names.last_ids(), (4, 3));
}

/// The former row is removed by a restoration, and is in no list of deleted ones.
#[test]
fn a_name_in_another_row_of_its_app_is_new_and_everything_is_read_again() {
    let names = names(false, vec![row(1, "a", "x", true)]);
    let restored = || vec![row(5, "a", "x", true)];
    assert!(names.add(restored(), Vec::new()));
    assert!(names.add(restored(), Vec::new()), "it is known now, but not everything was read");
    assert_eq!(names.last_ids(), (5, 3));
    assert!(names.replace(restored(), Vec::new(), Vec::new()).is_empty());
    assert!(!names.add(restored(), Vec::new()));
    names.forget(HashSet::from([5]));
    assert!(names.own("a", "x").is_none() && names.public("x").is_none());
}

#[test]
fn a_public_name_stays_with_the_app_that_declared_it_first() {
    let names = names(false, vec![row(5, "lib", "common.mysql", true)]);
    assert!(names.add(vec![row(7, "mallory", "COMMON.mysql", true)], Vec::new()));
    for spelling in ["common.mysql", "COMMON.mysql"] {
        assert_eq!(&*names.public(spelling).unwrap().owner, "lib", "{spelling}");
    }
    assert!(is(names.own("mallory", "common.mysql"), Some("COMMON.mysql")));
    // A row that was committed late still has the older id.
    assert!(names.add(vec![row(3, "first", "Common.mysql", true)], Vec::new()));
    assert_eq!(&*names.public("common.mysql").unwrap().owner, "first");
    let contests = names.replace(
        vec![row(7, "mallory", "COMMON.mysql", true), row(5, "lib", "common.mysql", true)],
        Vec::new(),
        Vec::new(),
    );
    assert_eq!((contests.len(), &*contests[0].owner, &*contests[0].loser), (1, "lib", "mallory"));
    // Rows are read again each second; known ones are not new.
    assert!(!names.add(vec![row(7, "mallory", "COMMON.mysql", true)], Vec::new()));
    assert_eq!(&*names.public("common.mysql").unwrap().owner, "lib");
}

/// A name that cannot be decoded may be any: an absent public namespace would be 404, which
/// clients take for one that does not exist, so no undeclared name may be answered. Only the
/// namespaces that the app has limit that.
#[test]
fn a_damaged_definition_concerns_the_names_that_it_may_declare() {
    let of = |app_id: Option<&str>, names: Option<&[&str]>| {
        let damaged = UndecodableNamespace {
            app_id: app_id.map(str::to_owned),
            names: names.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
            is_public: None,
        };
        let names = Names::new(false);
        names.replace(vec![row(1, "demo", "own", false)], Vec::new(), vec![damaged]);
        ["lib.common", "other", "own"].map(|name| names.may_be_declared(Some("demo"), name))
    };
    assert_eq!(of(Some("lib"), Some(&["Lib.Common"])), [true, false, false]);
    assert_eq!(of(Some("lib"), Some(&[])), [false; 3]);
    assert_eq!(of(None, None), [true, true, false]);
}

#[test]
fn of_two_spellings_in_one_app_the_older_one_is_served() {
    let names = names(false, vec![row(1, "a", "x", true)]);
    assert!(
        !names.add(vec![row(2, "a", "X", true)], Vec::new()),
        "an app contests nothing of its own"
    );
    assert!(is(names.own("a", "X"), Some("x")) && is(names.namespace("b", "X"), Some("x")));
}

#[test]
fn forgotten_rows_leave_what_their_names_then_lead_to() {
    let rows = vec![
        row(1, "lib", "shared", true),
        row(2, "demo", "shared", false),
        row(4, "other", "Shared", true),
        row(5, "other", "x", false),
    ];
    let names = names(false, rows);
    names.forget(HashSet::from([2, 99]));
    assert!(names.own("demo", "shared").is_none() && names.app("demo").is_none());
    assert!(is(names.namespace("demo", "SHARED"), Some("shared")));
    assert!(is(names.cluster("demo", "BJ"), None) && names.last_ids() == (5, 3));
    names.forget(HashSet::from([1]));
    assert_eq!(&*names.public("shared").unwrap().owner, "other", "the next oldest row");
    names.forget(HashSet::from([4]));
    assert!(names.public("shared").is_none() && names.app("other").is_some());
    assert!(!names.add(vec![row(6, "new", "shared", true)], Vec::new()), "no contest");
}

/// S96: the deletion was read after them, and arrived first. Clients that it woke ask at once.
#[test]
fn rows_that_were_read_before_their_deletion_are_not_added_after_it() {
    let read = || vec![row(1, "lib", "shared", true), row(2, "demo", "shared", false)];
    let names = names(false, read());
    let leads_to_the_public_one = || names.own("demo", "shared").is_none();
    names.forget(HashSet::from([2, 3]));
    let added = read().into_iter().chain([row(3, "demo", "late", false)]).collect();
    assert!(!names.add(added, Vec::new()));
    assert!(leads_to_the_public_one() && names.own("demo", "late").is_none());
    names.replace(read(), Vec::new(), Vec::new());
    assert!(leads_to_the_public_one());
    // Somebody restored the row itself.
    names.forget(HashSet::new());
    assert!(!names.add(read(), Vec::new()));
    assert!(is(names.own("demo", "shared"), Some("shared")));
}

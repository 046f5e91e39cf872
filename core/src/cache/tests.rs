use std::time::Duration;

use super::directory::STALE_AFTER;
use super::*;

fn identity(namespace: &str) -> NamespaceKey {
    NamespaceKey { app_id: "order".into(), cluster: "default".into(), namespace: namespace.into() }
}

fn content(pairs: &[(&str, &str)]) -> Configurations {
    let pairs = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()));
    pairs.collect()
}

fn cache() -> (tempfile::TempDir, FileCache, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let cache = cache_below(root.path());
    let directory = root.path().join("order/config-cache");
    (root, cache, directory)
}

fn cache_below(root: &Path) -> FileCache {
    FileCache::new(&CacheSettings {
        root: root.into(),
        fallback: None,
        file_mode: 0o600,
        seed_dir: None,
        import_dir: None,
        is_local: false,
    })
}

fn store(cache: &FileCache, namespace: &str, content: &Configurations) -> Result<()> {
    cache.store(LoadNumber::default(), &identity(namespace), content)
}

fn load(cache: &FileCache, namespace: &str) -> Result<Option<Configurations>> {
    Ok(cache.load(&identity(namespace))?.map(|stored| stored.content))
}

/// A forked child uses temporary names of its own.
#[test]
fn temporary_files_name_their_process() {
    let identity = identity("application");
    let process = format!(".{}.", std::process::id());
    assert!(temporary_name(&identity).contains(&process));
    assert_ne!(temporary_name(&identity), temporary_name(&identity));
}

#[test]
fn the_file_has_javas_place_name_and_head() {
    let (_root, cache, directory) = cache();
    let values = content(&[("a b", "  x y "), ("é", "😀~\u{7f}"), ("", "x"), ("e", "")]);
    store(&cache, "application", &values).unwrap();
    let text = fs::read_to_string(directory.join("order+default+application.properties"));
    let text = text.unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("#Persisted by DefaultConfig"));
    assert!(lines.next().unwrap().starts_with("#Checksum: "));
    assert!(lines.next().unwrap().starts_with('#'));
    let rest: Vec<_> = lines.collect();
    let expected = ["a\\ b=\\  x y ", "\\u00E9=\\uD83D\\uDE00~\\u007F", "=x", "e="];
    assert_eq!(rest, expected);
    assert_eq!(load(&cache, "application").unwrap(), Some(values));
}

#[test]
fn a_file_of_the_jdk_gives_the_same_content() {
    // The output of java.util.Properties.store, in its own order.
    let (_root, cache, directory) = cache();
    fs::create_dir_all(&directory).unwrap();
    let text = concat!(
        "#Persisted by DefaultConfig\n#Fri Nov 20 10:17:25 UTC 2026\n=x\n",
        r"a\ b=\  x y ",
        "\n",
        r"tab\t=\r\n\f\\",
        "\ne=\n",
        r"k\=\:\#\!=v\=\:\#\!",
        "\n",
        r"\u00E9=\uD83D\uDE00~\u007F",
        "\n",
        r#"content=line one\n  line two\: {"k"\: "\u4E2D\u6587"}\n"#,
        "\n",
    );
    fs::write(directory.join("order+default+a.properties"), text).unwrap();
    let expected = content(&[
        ("", "x"),
        ("a b", "  x y "),
        ("tab\t", "\r\n\u{c}\\"),
        ("e", ""),
        ("k=:#!", "v=:#!"),
        ("é", "😀~\u{7f}"),
        ("content", "line one\n  line two: {\"k\": \"中文\"}\n"),
    ]);
    assert_eq!(load(&cache, "a").unwrap(), Some(expected));
}

#[test]
fn unchanged_content_is_not_written_again() {
    let (_root, cache, directory) = cache();
    let path = directory.join("order+default+a.properties");
    store(&cache, "a", &content(&[("a", "1"), ("b", "2")])).unwrap();
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    store(&cache, "a", &content(&[("b", "2"), ("a", "1")])).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
}

#[test]
fn damaged_empty_and_foreign_files_are_told_apart() {
    let (_root, cache, directory) = cache();
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("order+default+a.properties");
    let written = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        load(&cache, "a")
    };
    assert_eq!(written("k=中文\n".as_bytes()).unwrap(), Some(content(&[("k", "中文")])));
    assert_eq!(written(b"k=\xE9\n").unwrap(), Some(content(&[("k", "é")])));
    assert_eq!(written(b"").unwrap(), None);
    assert_eq!(written(b"#only\n!comments\n").unwrap(), Some(content(&[])));
    let error = written(b"good=1\nk=\\u12G4\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parse);
    assert!(error.to_string().contains("order+default+a.properties"));
    let cut = b"#Persisted by DefaultConfig\n#Mon Nov 23 08:00:00 UTC 2026\nlimit=10";
    for damaged in [&cut[..], &cut[..40], &cut[..9], b"\0\0\0\0", b"a=1\n\0\0", b"\x8f\x01\n"] {
        let error = written(damaged).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parse, "{damaged:?}");
    }
    assert_eq!(written(b"by=hand").unwrap(), Some(content(&[("by", "hand")])));
}

/// Whatever bit of a file changes, and wherever it is cut (REL-33).
#[test]
fn a_damaged_file_never_has_other_content() {
    let (_root, cache, directory) = cache();
    let values = content(&[("limit", "10"), ("é", "😀"), ("list", "a,b\nc")]);
    store(&cache, "a", &values).unwrap();
    let path = directory.join("order+default+a.properties");
    let whole = fs::read(&path).unwrap();
    let mut refused = 0;
    let mut check = |damaged: &[u8]| {
        fs::write(&path, damaged).unwrap();
        match load(&cache, "a") {
            Ok(found) => {
                assert!(found.is_none() || found.as_ref() == Some(&values), "{found:?}")
            }
            Err(_) => refused += 1,
        }
    };
    for length in 0..whole.len() {
        check(&whole[..length]);
    }
    for (at, bit) in (0..whole.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << bit;
        check(&damaged);
    }
    // Not the empty file, and the word before the checksum may have any letters.
    assert!(refused > whole.len() * 8, "{refused} of {}", whole.len() * 9);
}

/// As an operator would do while no server can be reached.
#[test]
fn a_file_that_was_changed_on_purpose_is_read_without_its_checksum() {
    let (_root, mut cache, directory) = cache();
    store(&cache, "a", &content(&[("limit", "10")])).unwrap();
    let path = directory.join("order+default+a.properties");
    let changed = fs::read_to_string(&path).unwrap().replace("limit=10", "limit=20");
    fs::write(&path, &changed).unwrap();
    let error = load(&cache, "a").unwrap_err();
    assert!(error.to_string().contains("#Checksum"), "{error}");
    let expected = Some(content(&[("limit", "20")]));
    cache.expected = Expected::Edited;
    assert_eq!(load(&cache, "a").unwrap(), expected, "local mode");
    cache.expected = Expected::Written;
    cache.seed_dir = Some(directory);
    let seed = cache.load_seed(&identity("a")).unwrap();
    assert_eq!(seed.map(|found| found.content), expected, "a seed that was made of a cache file");
    let lines = changed.split_inclusive('\n').filter(|line| !line.starts_with("#Checksum"));
    fs::write(&path, lines.collect::<String>()).unwrap();
    assert_eq!(load(&cache, "a").unwrap(), expected);
}

/// As version control may do to a file that it moves to another system.
#[test]
fn other_line_ends_are_no_damage() {
    let (_root, cache, directory) = cache();
    let values = content(&[("a", "1\r\n2"), ("b", "3")]);
    store(&cache, "a", &values).unwrap();
    let path = directory.join("order+default+a.properties");
    let text = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    for end in ["\n", "\r\n"] {
        fs::write(&path, text.replace('\n', end)).unwrap();
        assert_eq!(load(&cache, "a").unwrap(), Some(values.clone()));
    }
}

#[test]
fn the_file_of_a_suffixed_name_is_read_second() {
    let (_root, cache, directory) = cache();
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("order+default+a.properties.properties"), "k=old\n").unwrap();
    assert_eq!(load(&cache, "a").unwrap(), Some(content(&[("k", "old")])));
    store(&cache, "a", &content(&[("k", "new")])).unwrap();
    assert_eq!(load(&cache, "a").unwrap(), Some(content(&[("k", "new")])));
}

/// Also a process that only writes removes stale files, but none that may be in use.
#[test]
fn the_first_use_removes_stale_temporary_files() {
    let (_root, cache, directory) = cache();
    fs::create_dir_all(&directory).unwrap();
    let laid_down = |name: &str, age: Duration| {
        let path = directory.join(name);
        File::create(&path).unwrap().set_modified(SystemTime::now() - age).unwrap();
        path
    };
    let old = STALE_AFTER * 2;
    let stale =
        [laid_down(".order+default+a.properties.7.0.tmp", old), laid_down(".probe.7.1.tmp", old)];
    let kept = [
        laid_down(".order+default+a.properties.8.0.tmp", Duration::ZERO),
        laid_down(".stock+default+a.properties.7.0.tmp", old),
        laid_down("order+default+b.properties", old),
    ];
    store(&cache, "a", &content(&[("a", "1")])).unwrap();
    assert!(stale.iter().all(|path| !path.exists()));
    assert!(kept.iter().all(|path| path.exists()));
}

/// Values that were imported are used even if they cannot be stored.
#[test]
fn an_import_outlives_a_failed_write() {
    let (root, mut cache, directory) = cache();
    let json = r#"{"configurations":{"a":"go"}}"#;
    fs::write(root.path().join("order-a.json"), json).unwrap();
    cache.import_dir = Some(root.path().into());
    cache.directory("order");
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "in the way").unwrap();
    assert_eq!(load(&cache, "a").unwrap(), Some(content(&[("a", "go")])));
}

/// The error contains no value.
#[test]
fn a_damaged_import_is_told_without_its_values() {
    let (root, mut cache, _) = cache();
    fs::write(root.path().join("order-a.json"), r#"{"configurations":"secret"}"#).unwrap();
    cache.import_dir = Some(root.path().into());
    let error = load(&cache, "a").unwrap_err();
    assert!(!format!("{error}").contains("secret"), "{error}");
}

/// B89: as after a namespace, or its client, was closed and opened again.
#[test]
fn the_values_of_an_earlier_load_do_not_replace_those_of_a_later_one() {
    let (root, cache, _) = cache();
    let again = cache_below(root.path());
    let [first, second] = [(); 2].map(|()| LoadNumber::next());
    for (cache, load, value) in [
        (&cache, first, "1"),
        (&again, second, "2"),
        (&cache, first, "3"),
        (&cache, LoadNumber::default(), "4"),
    ] {
        cache.store(load, &identity("a"), &content(&[("k", value)])).unwrap();
    }
    assert_eq!(load(&cache, "a").unwrap(), Some(content(&[("k", "2")])));
    // B99: however many other clients there have been.
    cache.store(LoadNumber::next(), &identity("a"), &content(&[("k", "5")])).unwrap();
    assert_eq!(load(&cache, "a").unwrap(), Some(content(&[("k", "5")])));
}

#[test]
fn a_failed_write_leaves_the_old_file() {
    // The directory was replaced by a file.
    let (_root, cache, directory) = cache();
    store(&cache, "a", &content(&[("a", "1")])).unwrap();
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "in the way").unwrap();
    let error = store(&cache, "a", &content(&[("a", "2")])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    fs::remove_file(&directory).unwrap();
    store(&cache, "a", &content(&[("a", "2")])).unwrap();
    assert_eq!(load(&cache, "a").unwrap(), Some(content(&[("a", "2")])));
}

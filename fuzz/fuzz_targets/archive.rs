//! Archives that somebody sends to be imported: whatever their bytes, no more is held than the
//! limits allow, and what was read survives being written and read again. Paths that are parsed are
//! rebuilt to the same paths.
#![no_main]

use std::collections::HashSet;
use std::io::Write as _;

use allocation_counter::measure;
use castalia_archive::path::{self, EntryKind, EntryNames, is_path_of_export};
use castalia_archive::{Limits, Reader, Writer};
use castalia_core::protocol::namespace::{Format, is_valid_name};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { entries: 4, entry: 1 << 10, total: 2 << 10 };
/// Memory for the list of entries beside its paths, and for the state of decompression.
const WORKING: u64 = 256 << 10;
/// Maximum length of a path, of which the list and the set of known paths have a copy each.
const PATH: u64 = 1024;
/// Maximum length of a name that the server accepts.
const NAME: usize = 64;

/// Maximum length of a content that is repeated: with all repetitions it has a megabyte.
const REPEATED: usize = 16;

/// Maximum number of entries that are written: more than an archive may have.
const WRITTEN: usize = 8;

type Entries = Vec<(String, String)>;

// The input is an archive, or text from which one is written: for each entry its path, its content
// and how often the content is repeated, each on a line; then a zero and what to change.
fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"PK") {
        return check_accepted(read(bytes));
    }
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let Ok(text) = std::str::from_utf8(parts.next().unwrap_or_default()) else { return };
    text.lines().for_each(check_path);
    text.lines().for_each(check_names);
    let lines: Vec<_> = text.split('\n').collect();
    let entry = |lines: &[&str]| {
        let times = if lines[1].len() > REPEATED { None } else { lines[2].parse::<u16>().ok() };
        (lines[0].to_owned(), lines[1].repeat(times.unwrap_or(1).into()))
    };
    // The writer is only called with paths of the server.
    let is_writable = |path: &str| is_path_of_export(path) && !path.contains('\\');
    let entries: Entries = lines
        .chunks_exact(3)
        .take(WRITTEN)
        .map(entry)
        .filter(|(path, _)| is_writable(path))
        .collect();
    let mut archive = written(&entries);
    let Some(damage) = parts.next() else {
        assert_eq!(read(&archive), is_within_limits(&entries).then_some(entries));
        return;
    };
    for change in damage.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % archive.len();
        archive[at] = change[2];
    }
    check_accepted(read(&archive));
});

/// Checks that entries that were read can be written and read again.
fn check_accepted(entries: Option<Entries>) {
    let Some(entries) = entries else { return };
    assert!(is_within_limits(&entries));
    entries.iter().for_each(|(path, _)| check_path(path));
    assert_eq!(read(&written(&entries)), Some(entries));
}

fn is_within_limits(entries: &Entries) -> bool {
    let sizes = || entries.iter().map(|(_, text)| text.len() as u64);
    let paths: HashSet<_> = entries.iter().map(|(path, _)| path).collect();
    entries.len() as u64 <= LIMITS.entries
        && paths.len() == entries.len()
        && sizes().all(|size| size <= LIMITS.entry)
        && sizes().sum::<u64>() <= LIMITS.total
}

fn written(entries: &Entries) -> Vec<u8> {
    let mut writer = Writer::new(tempfile::tempfile().expect("a temporary file"));
    for (path, text) in entries {
        writer.add(path, text.as_bytes()).expect("every entry can be written");
    }
    let (mut file, length) = writer.finish().expect("every archive can be completed");
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut bytes).expect("the file can be read");
    assert_eq!(bytes.len() as u64, length);
    bytes
}

/// The entries of an archive, or nothing if it or one of them is refused. Requires that memory stays
/// within the limits.
fn read(bytes: &[u8]) -> Option<Entries> {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("the file can be written");
    let mut opened = None;
    let memory = measure(|| opened = Reader::open(file, LIMITS).ok()).bytes_max;
    assert!(memory <= LIMITS.entries * 2 * PATH + WORKING, "{memory} bytes to open an archive");
    let reader = opened?;
    let paths: Vec<_> = reader.paths().map(str::to_owned).collect();
    assert!(
        paths.len() as u64 <= LIMITS.entries && paths.iter().all(|path| is_path_of_export(path))
    );
    let mut texts = Vec::new();
    let mut total = 0;
    for position in 0..paths.len() {
        let mut text = None;
        let memory = measure(|| text = Some(reader.read(position))).bytes_max;
        // A text that grows is copied to twice the memory.
        assert!(memory <= LIMITS.entry * 3 + WORKING, "{memory} bytes to read an entry");
        let text = text.and_then(Result::ok);
        total += text.as_ref().map_or(0, String::len) as u64;
        texts.push(text);
    }
    assert!(total <= LIMITS.total, "{total} bytes in the entries");
    paths.into_iter().zip(texts).map(|(path, text)| Some((path, text?))).collect()
}

/// Checks that a path that is parsed is rebuilt to the same path.
fn check_path(path: &str) {
    if !is_path_of_export(path) || path.contains('\\') {
        return;
    }
    let owner = path.split('/').next().unwrap_or_default();
    if let Ok(kind) = path::parse(path) {
        let built = match &kind {
            EntryKind::AppNamespace { app_id, name } => path::of_app_namespace(app_id, name),
            EntryKind::App { app_id } => path::of_app(owner, app_id),
            EntryKind::Cluster { place } => path::of_cluster(owner, place),
            EntryKind::Namespace { place } => path::of_namespace(owner, place, Format::of(path)),
        };
        assert_eq!(built, canonical(path, &kind));
        assert_eq!(path::parse(&built), Ok(kind));
    }
    let steps: Vec<_> = path.split('/').collect();
    let [app_id, env, file] = steps[..] else { return };
    let Some(name) = file.split('+').nth(1) else { return };
    let cluster = EntryNames {
        app_id: app_id.to_owned(),
        env: env.to_owned(),
        cluster: name.to_owned(),
        namespace: String::new(),
    };
    if let Ok(Some(place)) = path::parse_in_cluster(path, &cluster, str::to_owned) {
        let built = path::of_namespace_in_cluster(&place, Format::of(path));
        assert_eq!(built, canonical(path, &EntryKind::Namespace { place }));
    }
}

/// Checks that names of the server, separated by tabs, make paths that an import accepts.
fn check_names(line: &str) {
    let mut fields = line.split('\t');
    let [owner, app_id, env, cluster, namespace] =
        ["o", "a", "DEV", "default", "n"].map(|default| fields.next().unwrap_or(default));
    let is_name = |name: &&str| is_valid_name(name) && name.len() <= NAME;
    if owner.chars().count() > NAME || ![app_id, env, cluster, namespace].iter().all(is_name) {
        return;
    }
    let place = EntryNames {
        app_id: app_id.to_owned(),
        env: env.to_owned(),
        cluster: cluster.to_owned(),
        namespace: namespace.to_owned(),
    };
    let of_cluster = EntryNames { namespace: String::new(), ..place.clone() };
    let items = path::of_namespace(owner, &place, Format::of(namespace));
    let kinds = [
        (path::of_app(owner, app_id), EntryKind::App { app_id: app_id.to_owned() }),
        (path::of_cluster(owner, &of_cluster), EntryKind::Cluster { place: of_cluster }),
        (items, EntryKind::Namespace { place }),
    ];
    for (path, kind) in kinds {
        assert!(is_path_of_export(&path), "{path:?}");
        assert_eq!(path::parse(&path), Ok(kind));
    }
}

/// A path as an export spells it: the suffix of properties is in lower case.
fn canonical(path: &str, kind: &EntryKind) -> String {
    let stem = path.len() - ".properties".len().min(path.len());
    match kind {
        EntryKind::Namespace { .. } if Format::of(path) == Format::Properties => {
            format!("{}.properties", &path[..stem])
        }
        _ => path.to_owned(),
    }
}

//! Reads and writes archives for the tests of exports and imports.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveWriter};
use serde_json::Value;

/// The texts of an archive by path.
pub(super) fn entries(archive: &[u8]) -> BTreeMap<String, String> {
    let archive = ZipArchive::from_slice(archive).unwrap();
    let mut found = BTreeMap::new();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().unwrap() {
        let path = std::str::from_utf8(entry.file_path().as_bytes()).unwrap().to_owned();
        let data = archive.get_entry(entry.wayfinder()).unwrap();
        let mut text = String::new();
        let decoder = DeflateDecoder::new(data.data());
        data.verifying_reader(decoder).read_to_string(&mut text).unwrap();
        assert!(found.insert(path, text).is_none());
    }
    found
}

/// The JSON of an entry.
pub(super) fn json_of(entries: &BTreeMap<String, String>, path: &str) -> Value {
    let known = || entries.keys().cloned().collect::<Vec<_>>().join(" ");
    let text = entries.get(path).unwrap_or_else(|| panic!("{path} is not in {}", known()));
    serde_json::from_str(text).unwrap()
}

/// An archive with these paths and contents.
pub(super) fn archive<P: AsRef<str>, C: AsRef<[u8]>>(entries: &[(P, C)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut zip = ZipArchiveWriter::new(&mut bytes);
    for (path, content) in entries {
        let path = rawzip::path::EntryPath::verbatim(path.as_ref().as_bytes());
        let file = zip.new_file(path).compression_method(CompressionMethod::DEFLATE);
        let (mut entry, config) = file.start().unwrap();
        let encoder = DeflateEncoder::new(&mut entry, flate2::Compression::fast());
        let mut data = config.wrap(encoder);
        data.write_all(content.as_ref()).unwrap();
        let (encoder, descriptor) = data.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    zip.finish().unwrap();
    bytes
}

//! Reads an archive that somebody sent. Its list of entries is checked against the limits before
//! anything is decompressed; an entry is decompressed when it is asked for, never beyond the size
//! that the list states, and compared with its checksum.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;

use flate2::read::DeflateDecoder;
use rawzip::{
    CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder,
    ZipFileHeaderRecord,
};

use crate::Refused;
use crate::path::is_path_of_export;

type Result<T> = std::result::Result<T, Refused>;

/// Limits on an archive.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum number of entries.
    pub entries: u64,
    /// Maximum size of one decompressed entry, in bytes.
    pub entry: u64,
    /// Maximum size of all decompressed entries together, in bytes.
    pub total: u64,
}

/// An archive whose list of entries was checked.
#[derive(Debug)]
pub struct Reader {
    zip: ZipArchive<FileReader>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    path: String,
    method: CompressionMethod,
    place: ZipArchiveEntryWayfinder,
    size: u64,
}

impl Reader {
    /// Reads the list of entries.
    ///
    /// # Errors
    /// Fails if the file is not an archive, if a limit is exceeded, or if a path occurs twice or is
    /// not one of an export.
    pub fn open(file: File, limits: Limits) -> Result<Self> {
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let zip = ZipArchive::from_file(file, &mut buffer).map_err(|error| {
            refused(format!("The file is not a complete zip archive: {error}."))
        })?;
        let entries = list(&zip, &mut buffer, limits)?;
        Ok(Self { zip, entries })
    }

    /// The paths of the entries, in their order, with `/` as separator.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.path.as_str())
    }

    /// The text of an entry, by its position among the paths.
    ///
    /// # Errors
    /// Fails if the entry is damaged, larger than the list of entries states, or not UTF-8.
    pub fn read(&self, position: usize) -> Result<String> {
        let entry = self.entries.get(position);
        self.text(entry.ok_or_else(|| refused("There is no such entry.".to_owned()))?)
    }

    fn text(&self, entry: &Entry) -> Result<String> {
        let damaged = |problem: String| refused(format!("{}: {problem}", entry.path));
        let data = self.zip.get_entry(entry.place).map_err(|error| damaged(error.to_string()))?;
        let raw = data.reader();
        let decoded: Box<dyn Read> = match entry.method {
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(raw)),
            _ => Box::new(raw),
        };
        let mut text = Vec::new();
        // One byte more than stated, which the comparison of sizes refuses.
        let limited = decoded.take(entry.size.saturating_add(1));
        data.verifying_reader(limited)
            .read_to_end(&mut text)
            .map_err(|error| damaged(format!("the entry is damaged: {error}")))?;
        if text.len() as u64 != entry.size {
            return Err(damaged("the entry has another size than the archive states".to_owned()));
        }
        String::from_utf8(text).map_err(|_| damaged("the entry is not UTF-8".to_owned()))
    }
}

fn list(zip: &ZipArchive<FileReader>, buffer: &mut [u8], limits: Limits) -> Result<Vec<Entry>> {
    let too_many = || refused(format!("The archive has more than {} entries.", limits.entries));
    if zip.entries_hint() > limits.entries {
        return Err(too_many());
    }
    let (mut found, mut seen, mut count, mut total) = (Vec::new(), HashSet::new(), 0, 0_u64);
    let mut entries = zip.entries(buffer);
    while let Some(record) = entries.next_entry().map_err(|error| {
        refused(format!("The list of entries of the archive is damaged: {error}."))
    })? {
        count += 1;
        if count > limits.entries {
            return Err(too_many());
        }
        if record.is_dir() {
            continue;
        }
        let entry = entry(&record)?;
        if entry.size > limits.entry {
            let Entry { path, size, .. } = entry;
            let most = limits.entry;
            let message = format!("{path}: {size} bytes are more than {most} for one entry");
            return Err(refused(message));
        }
        total = total.saturating_add(entry.size);
        if total > limits.total {
            let message = format!("The entries have more than {} bytes together.", limits.total);
            return Err(refused(message));
        }
        if !seen.insert(entry.path.clone()) {
            return Err(refused(format!("{}: the archive has this entry twice", entry.path)));
        }
        found.push(entry);
    }
    if count != zip.entries_hint() {
        return Err(refused("The list of entries of the archive is incomplete.".to_owned()));
    }
    Ok(found)
}

fn entry(record: &ZipFileHeaderRecord<'_>) -> Result<Entry> {
    let raw = record.file_path();
    let raw = raw.as_bytes();
    let path = std::str::from_utf8(raw).ok().filter(|path| is_path_of_export(path));
    let Some(path) = path else {
        let shown: String = String::from_utf8_lossy(raw).chars().take(100).collect();
        return Err(refused(format!("{shown:?} is not a path of an export")));
    };
    let path = path.replace('\\', "/");
    if record.flags().is_encrypted() || record.mode().is_symlink() {
        return Err(refused(format!("{path}: encrypted entries and links cannot be imported")));
    }
    let method = record.compression_method();
    if ![CompressionMethod::STORE, CompressionMethod::DEFLATE].contains(&method) {
        return Err(refused(format!("{path}: {method} is not supported; use deflate")));
    }
    let size = record.uncompressed_size_hint();
    Ok(Entry { path, method, place: record.wayfinder(), size })
}

fn refused(message: String) -> Refused {
    Refused(message)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::Writer;

    /// Whatever bytes are changed or missing, nothing panics, and no more text than the limits
    /// allow is returned.
    #[test]
    fn a_damaged_archive_is_refused_or_stays_within_its_limits() {
        const LIMITS: Limits = Limits { entries: 4, entry: 600, total: 900 };
        let mut writer = Writer::new(tempfile::tempfile().unwrap());
        for (path, length) in [("u/a/app.metadata", 20), ("u/a/x.json", 500), ("u/b", 300)] {
            writer.add(path, "é".repeat(length / 2).as_bytes()).unwrap();
        }
        let (mut file, _) = writer.finish().unwrap();
        let mut whole = Vec::new();
        file.read_to_end(&mut whole).unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        let (mut opened, mut refused) = (0, 0);
        for _ in 0..4000 {
            let mut bytes = whole.clone();
            for _ in 0..random.usize(1..6) {
                let position = random.usize(..bytes.len());
                bytes[position] = if random.bool() { random.u8(..) } else { 0xff };
            }
            if random.u8(..8) == 0 {
                bytes.truncate(random.usize(..bytes.len()));
            }
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let Ok(reader) = Reader::open(file, LIMITS) else {
                refused += 1;
                continue;
            };
            opened += 1;
            let count = reader.paths().count();
            let mut total = 0;
            for position in 0..count {
                let text = reader.read(position).unwrap_or_default();
                assert!(text.len() as u64 <= LIMITS.entry);
                total += text.len() as u64;
            }
            assert!(count as u64 <= LIMITS.entries && total <= LIMITS.total);
        }
        assert!(opened > 500 && refused > 500, "{opened} were opened, {refused} were refused");
    }
}

//! `archive`: an app with many namespaces is imported into an empty server and exported again. The
//! reference reads and writes the same entries with the library for archives alone.

use std::io::{Read as _, Write as _};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveWriter};
use serde_json::{Value, json};

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::process::Cores;
use crate::product::Product;
use crate::seed::APP;

const NAMESPACES: usize = 200;
const ITEMS: usize = 25;
/// Length of a value.
const VALUE: usize = 40;
/// The user that every portal has.
const OWNER: &str = "apollo";
const IMPORT: &str = "/openapi/v1/configs/import?envs=DEV";
const EXPORT: &str = "/openapi/v1/configs/export?envs=DEV";
const LIBRARY: &str = "library alone";

type Entries = Vec<(String, String)>;

/// Times of one round, in seconds.
struct Times {
    import: f64,
    export: f64,
}

pub(super) fn run(plan: &Plan) -> Result<Report> {
    // What the product writes has more members than what it needs, so that its own export is used.
    let (_, archive) = transfer(plan, &write(&entries())?)?;
    let content = read(&archive)?;
    let (product, library) = plan.alternate(
        || transfer(plan, &archive).map(|(times, _)| times),
        || {
            let (import, found) = timed(|| read(&archive))?;
            ensure!(found == content, "the library read something else");
            let (export, _) = timed(|| write(&content))?;
            Ok(Times { import, export })
        },
    )?;
    let figure = |name, pick: fn(&Times) -> f64| {
        Figure::new(name, Unit::Seconds, product.iter().map(pick))
            .against(LIBRARY, library.iter().map(pick))
    };
    let size = Unit::Bytes.show(crate::measure::number(archive.len()));
    Ok(Report {
        setting: format!(
            "{NAMESPACES} namespaces, {} items, {size}, {} rounds",
            NAMESPACES * ITEMS,
            plan.rounds
        ),
        figures: vec![
            figure("import", |times| times.import),
            figure("export", |times| times.export),
        ],
        notes: vec!["an import also writes the rows, an export also reads them".to_owned()],
    })
}

/// Imports an archive into an empty server and exports it again.
fn transfer(plan: &Plan, archive: &[u8]) -> Result<(Times, Vec<u8>)> {
    let data = plan.directory()?;
    let product = Product::start(&plan.program, data.path(), Cores::All)?;
    let mut session = product.sign_in(OWNER)?;
    let (import, answer) = timed(|| session.upload(IMPORT, archive))?;
    let report: Value = serde_json::from_slice(&answer.body)?;
    let done = report["entries"].as_array().context("the answer lists no entries")?;
    let is_items = |entry: &&Value| entry["items"] == ITEMS;
    let filled = done.iter().filter(is_items).count();
    ensure!(filled == NAMESPACES, "{filled} namespaces were filled instead of {NAMESPACES}");
    let (export, answer) = timed(|| session.get(EXPORT))?;
    product.stop()?;
    Ok((Times { import, export }, answer.body))
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let began = Instant::now();
    let done = work()?;
    Ok((began.elapsed().as_secs_f64(), done))
}

/// The smallest entries that an import accepts.
fn entries() -> Entries {
    let app = json!({
        "appId": APP, "name": APP, "orgId": "bench", "orgName": "Bench", "ownerName": OWNER,
    });
    let cluster = json!({ "appId": APP, "name": "default" });
    let items: Vec<_> = (0..ITEMS)
        .map(|number| {
            json!({ "key": format!("setting.{number:02}"), "value": "v".repeat(VALUE), "type": 0 })
        })
        .collect();
    let items = json!(items).to_string();
    let folder = format!("{OWNER}/{APP}");
    let mut entries = vec![
        (format!("{folder}/app.metadata"), app.to_string()),
        (format!("{folder}/DEV/default.cluster.metadata"), cluster.to_string()),
    ];
    for number in 0..NAMESPACES {
        // Every app has this one.
        let name = if number == 0 { "application".to_owned() } else { format!("part-{number}") };
        let definition =
            json!({ "appId": APP, "name": name, "format": "properties", "isPublic": false });
        entries.push((format!("{APP}+{name}.appnamespace.metadata"), definition.to_string()));
        let path = format!("{folder}/DEV/{APP}+default+{name}.properties");
        entries.push((path, items.clone()));
    }
    entries
}

fn write(entries: &Entries) -> Result<Vec<u8>> {
    let mut zip = ZipArchiveWriter::new(Vec::new());
    for (path, text) in entries {
        let file = zip.new_file(path.as_str()).compression_method(CompressionMethod::DEFLATE);
        let (mut entry, config) = file.start()?;
        let mut data = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
        data.write_all(text.as_bytes())?;
        let (encoder, descriptor) = data.finish()?;
        encoder.finish()?;
        entry.finish(descriptor)?;
    }
    Ok(zip.finish()?)
}

fn read(archive: &[u8]) -> Result<Entries> {
    let archive = ZipArchive::from_slice(archive)?;
    let mut found = Vec::new();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry()? {
        let path = std::str::from_utf8(entry.file_path().as_bytes())?.to_owned();
        let data = archive.get_entry(entry.wayfinder())?;
        let mut text = String::new();
        let decoder = DeflateDecoder::new(data.data());
        data.verifying_reader(decoder).read_to_string(&mut text)?;
        found.push((path, text));
    }
    Ok(found)
}

//! Writes an archive.

use std::fs::File;
use std::io::{BufWriter, Seek as _, Write as _};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchiveWriter};

use super::blocking;
use crate::error::{Error, Result};

/// An archive that is being written.
#[derive(Debug)]
pub struct ArchiveWriter {
    zip: ZipArchiveWriter<BufWriter<File>>,
}

impl ArchiveWriter {
    /// Starts an empty archive.
    ///
    /// # Errors
    /// Fails if the folder for temporary files cannot be written.
    pub async fn new() -> Result<Self> {
        blocking(|| {
            let file = tempfile::tempfile().map_err(|error| {
                Error::internal("cannot create a temporary file for an archive", error)
            })?;
            Ok(Self { zip: ZipArchiveWriter::new(BufWriter::new(file)) })
        })
        .await
    }

    /// Appends an entry. `path` has `/` as separator.
    ///
    /// # Errors
    /// Fails if the temporary file cannot be written, for example because the disk is full.
    pub async fn add(mut self, path: String, content: String) -> Result<Self> {
        blocking(move || {
            self.write(&path, content.as_bytes())?;
            Ok(self)
        })
        .await
    }

    /// Completes the archive and returns it with its length, ready to be read from its start.
    ///
    /// # Errors
    /// Same as [`Self::add`].
    pub async fn finish(self) -> Result<(File, u64)> {
        blocking(move || {
            let buffered = self.zip.finish().map_err(invalid)?;
            let mut file = buffered.into_inner().map_err(|error| failed(error.into_error()))?;
            let length = file.stream_position().map_err(failed)?;
            file.rewind().map_err(failed)?;
            Ok((file, length))
        })
        .await
    }

    fn write(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let file = self.zip.new_file(path).compression_method(CompressionMethod::DEFLATE);
        let (mut entry, config) = file.start().map_err(invalid)?;
        let mut data = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
        data.write_all(content).map_err(failed)?;
        let (encoder, descriptor) = data.finish().map_err(invalid)?;
        encoder.finish().map_err(failed)?;
        entry.finish(descriptor).map_err(invalid)?;
        Ok(())
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::internal("cannot write an archive to the temporary files", error)
}

fn invalid(error: rawzip::Error) -> Error {
    Error::internal("cannot write an entry of an archive", error)
}

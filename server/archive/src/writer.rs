//! Writes an archive.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write as _};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchiveWriter};

/// An archive that is being written to a file.
#[derive(Debug)]
pub struct Writer {
    zip: ZipArchiveWriter<BufWriter<File>>,
}

impl Writer {
    /// Starts an archive in an empty file.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self { zip: ZipArchiveWriter::new(BufWriter::new(file)) }
    }

    /// Appends an entry. `path` has `/` as separator.
    ///
    /// # Errors
    /// Fails if the file cannot be written, for example because the disk is full.
    pub fn add(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let file = self.zip.new_file(path).compression_method(CompressionMethod::DEFLATE);
        let (mut entry, config) = file.start().map_err(io::Error::other)?;
        let mut data = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
        data.write_all(content)?;
        let (encoder, descriptor) = data.finish().map_err(io::Error::other)?;
        encoder.finish()?;
        entry.finish(descriptor).map_err(io::Error::other)?;
        Ok(())
    }

    /// Completes the archive and returns the file with its length, ready to be read from its start.
    ///
    /// # Errors
    /// Same as [`Self::add`].
    pub fn finish(self) -> io::Result<(File, u64)> {
        let buffered = self.zip.finish().map_err(io::Error::other)?;
        let mut file = buffered.into_inner().map_err(|error| error.into_error())?;
        let length = file.stream_position()?;
        file.rewind()?;
        Ok((file, length))
    }
}

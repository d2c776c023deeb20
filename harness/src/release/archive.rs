//! Archives that are the same whoever makes them, wherever and whenever.

use std::io::{self, Read, Write};

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

/// Returns the digest of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a file of an archive is a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Program,
}

/// Writes a tar archive of these files, which belong to nobody and were made at no time.
pub(super) fn tar(files: &[(&str, &[u8])]) -> io::Result<Vec<u8>> {
    tar_of_kinds(&files.iter().map(|(name, content)| (*name, *content, Kind::Data)).collect::<Vec<_>>())
}

/// Writes one in which programs may be run.
pub(super) fn tar_of_kinds(files: &[(&str, &[u8], Kind)]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content, kind) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len().try_into().map_err(io::Error::other)?);
        header.set_mode(if *kind == Kind::Program { 0o755 } else { 0o644 });
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, name, *content)?;
    }
    archive.into_inner()
}

/// Reads the files of a tar archive.
///
/// # Errors
/// When it is none.
pub fn untar(archive: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.push((entry.path()?.display().to_string(), content));
    }
    Ok(files)
}

pub(super) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    writer.write_all(bytes)?;
    writer.finish()
}

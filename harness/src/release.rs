//! What a release consists of: the module, its digest, a bill of materials, two images that proxies pull, and one of the tool.
//!
//! Everything depends on what is built, the lock file and the commit alone, so that two builds of one commit are the same
//! byte for byte.

mod about;
mod archive;
mod oci;
mod roots;
mod sbom;

use std::path::{Path, PathBuf};
use std::{fs, io};

pub use about::About;
pub use archive::{sha256, untar};
pub use sbom::Cargo;

/// Writes the two image archives of a module and returns their paths: the image that has it as `/plugin.wasm`, and the
/// artifact that is nothing but the module.
///
/// # Errors
/// When a file cannot be read or written.
pub fn write_images(module: &Path, about: &About, directory: &Path) -> io::Result<[PathBuf; 2]> {
    let wasm = fs::read(module)?;
    fs::create_dir_all(directory)?;
    let write = |kind: &str, bytes: Vec<u8>| {
        let path = directory.join(format!("{}.{kind}.tar", about.stem()));
        fs::write(&path, bytes).map(|()| path)
    };
    Ok([write("image", oci::image(&wasm, about)?)?, write("artifact", oci::artifact(&wasm, about)?)?])
}

/// Writes the image archive of the tool, which is a static program, and returns its path.
///
/// # Errors
/// When a file cannot be read or written.
pub fn write_tool_image(program: &Path, about: &About, directory: &Path) -> io::Result<PathBuf> {
    let program = fs::read(program)?;
    fs::create_dir_all(directory)?;
    let path = directory.join(format!("{}.twilio-webhook.tar", about.stem()));
    fs::write(&path, oci::program(&program, roots::pem().as_bytes(), about)?).map(|()| path)
}

/// Writes the module, its digest as `sha256sum --check` reads it, the bill of materials and the images.
///
/// # Errors
/// When a file cannot be read or written, or cargo's words are not as it writes them.
pub fn write(module: &Path, cargo: &Cargo, about: &About, directory: &Path) -> io::Result<()> {
    write_images(module, about, directory)?;
    let wasm = fs::read(module)?;
    let name = format!("{}.wasm", about.stem());
    fs::write(directory.join(format!("{name}.sha256")), format!("{}  {name}\n", sha256(&wasm)))?;
    let bill = sbom::of_module(cargo, &wasm, about)?;
    fs::write(directory.join(format!("{}.cdx.json", about.stem())), bill)?;
    fs::write(directory.join(name), wasm)
}

//! A bill of materials: the crates that are in the module, in CycloneDX.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use cargo_metadata::{DependencyKind, Metadata, Package, PackageId};
use cyclonedx_bom::external_models::date_time::DateTime;
use cyclonedx_bom::external_models::spdx::SpdxExpression;
use cyclonedx_bom::models::component::{Classification, Component, Components, Scope};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::prelude::{Bom, Purl, SpecVersion, Validate as _};
use serde::Deserialize;

use super::about::About;
use super::archive::sha256;

/// What cargo says of the module.
#[derive(Clone, Debug)]
pub struct Cargo {
    /// `cargo metadata`: what crates are, and by whom they are needed.
    pub metadata: Metadata,
    /// `cargo tree`, a crate a line: those that the module needs, by the features that it needs them with.
    pub needed: String,
    /// The same without macros and what these need, which runs while the module is built and is not in it.
    pub contained: String,
    /// `Cargo.lock`
    pub lock: String,
}

/// Writes the bill of the module's crates, with the digests of `Cargo.lock`.
pub(super) fn of_module(cargo: &Cargo, wasm: &[u8], about: &About) -> io::Result<Vec<u8>> {
    let packages: BTreeMap<&PackageId, &Package> =
        cargo.metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let resolve =
        cargo.metadata.resolve.as_ref().ok_or_else(|| io::Error::other("cargo metadata: no graph"))?;
    let (needed, contained) = (references(&cargo.needed), references(&cargo.contained));
    let checksums = checksums(&cargo.lock)?;
    let mut components = Vec::new();
    let mut edges = Vec::new();
    let mut module = None;
    for node in &resolve.nodes {
        let package = packages[&node.id];
        let reference = reference(package);
        if !needed.contains(&reference) {
            continue;
        }
        let in_the_module = node
            .deps
            .iter()
            .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        let dependencies: BTreeSet<String> = in_the_module
            .map(|dependency| self::reference(packages[&dependency.pkg]))
            .filter(|reference| needed.contains(reference))
            .collect();
        edges.push(Dependency {
            dependency_ref: reference.clone(),
            dependencies: dependencies.into_iter().collect(),
        });
        if resolve.root.as_ref() == Some(&node.id) {
            let digest = Some(sha256(wasm));
            module = Some(component(Classification::Application, package, digest)?);
            continue;
        }
        let checksum = checksums.get(&(package.name.to_string(), package.version.to_string()));
        let mut component = component(Classification::Library, package, checksum.cloned())?;
        component.scope =
            Some(if contained.contains(&reference) { Scope::Required } else { Scope::Excluded });
        components.push(component);
    }
    if edges.len() != needed.len() {
        return Err(io::Error::other("cargo metadata and cargo tree do not name the same crates"));
    }
    let metadata = cyclonedx_bom::models::metadata::Metadata {
        timestamp: Some(DateTime::try_from(about.timestamp()?).map_err(io::Error::other)?),
        component: module,
        ..Default::default()
    };
    let bill = Bom {
        // A serial number is another one each time.
        serial_number: None,
        metadata: Some(metadata),
        components: Some(Components(components)),
        dependencies: Some(Dependencies(edges)),
        ..Bom::default()
    };
    let validation = bill.validate_version(SpecVersion::V1_5);
    if !validation.passed() {
        return Err(io::Error::other(format!("the bill of materials is not CycloneDX: {validation:?}")));
    }
    let mut bytes = Vec::new();
    bill.output_as_json_v1_5(&mut bytes).map_err(io::Error::other)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn component(kind: Classification, package: &Package, sha256: Option<String>) -> io::Result<Component> {
    let (name, version) = (package.name.as_str(), package.version.to_string());
    let mut component = Component::new(kind, name, &version, Some(reference(package)));
    let license = package.license.clone().unwrap_or_default();
    let license = SpdxExpression::parse_lax(license)
        .map_err(|error| io::Error::other(format!("the licence of {name}: {error}")))?;
    component.licenses = Some(Licenses(vec![LicenseChoice::Expression(license)]));
    component.purl = Some(Purl::new("cargo", name, &version).map_err(io::Error::other)?);
    component.hashes =
        sha256.map(|digest| Hashes(vec![Hash { alg: HashAlgorithm::SHA_256, content: HashValue(digest) }]));
    Ok(component)
}

fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

/// Returns the crates in the output of `cargo tree`, of which each line begins with a name and a version.
fn references(tree: &str) -> BTreeSet<String> {
    let reference = |line: &str| {
        let mut words = line.split_whitespace();
        Some(format!("pkg:cargo/{}@{}", words.next()?, words.next()?.strip_prefix('v')?))
    };
    tree.lines().filter_map(reference).collect()
}

/// Returns the digests of the crates' archives, by name and version.
fn checksums(lock: &str) -> io::Result<BTreeMap<(String, String), String>> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
        checksum: Option<String>,
    }
    let lock: Lock = toml::from_str(lock).map_err(io::Error::other)?;
    let locked = lock.package.into_iter();
    Ok(locked.filter_map(|Locked { name, version, checksum }| Some(((name, version), checksum?))).collect())
}

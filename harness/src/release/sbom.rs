//! A bill of materials: the crates that are in the module, in CycloneDX.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::{Value, json};

use super::About;
use super::archive::sha256;
use super::oci::timestamp;

/// What cargo says of the module.
#[derive(Clone, Debug)]
pub struct Cargo {
    /// `cargo metadata`: what crates are, and by whom they are needed.
    pub metadata: String,
    /// `cargo tree`, a crate a line: those that the module needs, by the features that it needs them with.
    pub needed: String,
    /// The same without macros and what these need, which runs while the module is built and is not in it.
    pub contained: String,
    /// `Cargo.lock`
    pub lock: String,
}

/// The crates of the module, with the digests of `Cargo.lock`.
pub(super) fn of_module(cargo: &Cargo, wasm: &[u8], about: &About) -> io::Result<String> {
    let metadata: Value = serde_json::from_str(&cargo.metadata)?;
    let packages: BTreeMap<&str, &Value> =
        array(&metadata["packages"]).iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<&str, &Value> =
        array(&metadata["resolve"]["nodes"]).iter().map(|node| (text(&node["id"]), node)).collect();
    let root = text(&metadata["resolve"]["root"]);
    let (needed, inside) = (references(&cargo.needed), references(&cargo.contained));
    let all: Vec<&str> =
        packages.keys().copied().filter(|id| needed.contains(&reference(packages[id]))).collect();
    if all.len() != needed.len() {
        return Err(io::Error::other("cargo metadata and cargo tree do not name the same crates"));
    }
    let needs = |id: &str| -> BTreeSet<String> {
        let of_the_module =
            |dependency: &&Value| array(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        let found = array(&nodes[id]["deps"]).iter().filter(of_the_module);
        let found = found.map(|dependency| reference(packages[text(&dependency["pkg"])]));
        found.filter(|reference| needed.contains(reference)).collect()
    };
    let checksums = checksums(&cargo.lock);
    let component = |id: &&str| {
        let package = packages[id];
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        let mut component = json!({
            "type": "library",
            "bom-ref": reference(package),
            "name": name,
            "version": version,
            "scope": if inside.contains(&reference(package)) { "required" } else { "excluded" },
            "licenses": [{ "expression": text(&package["license"]).replace('/', " OR ") }],
            "purl": reference(package),
        });
        if let Some(checksum) = checksums.get(&(name.to_owned(), version.to_owned())) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        component
    };
    let edges = all.iter().map(|id| json!({ "ref": reference(packages[id]), "dependsOn": needs(id) }));
    let bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": timestamp(about.created),
            "component": {
                "type": "application",
                "bom-ref": reference(packages[root]),
                "name": text(&packages[root]["name"]),
                "version": about.version,
                "hashes": [{ "alg": "SHA-256", "content": sha256(wasm) }],
                "licenses": [{ "expression": text(&packages[root]["license"]) }],
                "purl": reference(packages[root]),
            },
        },
        "components": all.iter().filter(|id| **id != root).map(component).collect::<Vec<_>>(),
        "dependencies": edges.collect::<Vec<_>>(),
    });
    Ok(format!("{bill:#}\n"))
}

fn reference(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text(&package["name"]), text(&package["version"]))
}

/// The crates in the output of `cargo tree`, of which each line begins with a name and a version.
fn references(tree: &str) -> BTreeSet<String> {
    let reference = |line: &str| {
        let mut words = line.split_whitespace();
        Some(format!("pkg:cargo/{}@{}", words.next()?, words.next()?.strip_prefix('v')?))
    };
    tree.lines().filter_map(reference).collect()
}

/// The digests of the crates' archives, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let field = |package: &str, name: &str| {
        let value = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
        value.and_then(|value| value.strip_suffix('"')).map(str::to_owned)
    };
    let packages = lock.split("[[package]]").skip(1);
    let checksum =
        |package| Some(((field(package, "name")?, field(package, "version")?), field(package, "checksum")?));
    packages.filter_map(checksum).collect()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

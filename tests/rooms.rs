//! The order of the rooms: a module of the core imports only modules above it in `src/lib.rs`, and no two files of a crate
//! need each other, directly or in a circle, so that each can be read with nothing in mind but what it imports.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test fails at once"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use syn::visit::{self, Visit};
use syn::{Item, ItemMod, ItemUse, Meta, UseTree};
use twilio_proxy_wasm_harness::scratch::Scratch;

/// The path of a module, or of something in it, from the root of its crate.
type Name = Vec<String>;

/// What one file refers to, and by which names it knows what it imports.
#[derive(Default)]
struct File {
    path: PathBuf,
    refers_to: Vec<Name>,
    imports: BTreeMap<String, Name>,
}

/// The files of a crate, by the module that each is.
type Files = BTreeMap<Name, File>;

/// Reads a file of a crate, and those of the modules that it declares.
fn read(path: &Path, module: Name, children: &Path, files: &mut Files) {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for item in &syntax.items {
        let Item::Mod(ItemMod { ident, attrs, content: None, .. }) = item else { continue };
        let name = ident.to_string();
        let flat = children.join(format!("{name}.rs"));
        let elsewhere = attrs.iter().find_map(|attribute| match &attribute.meta {
            Meta::NameValue(meta) if meta.path.is_ident("path") => match &meta.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(file), .. }) => {
                    Some(path.with_file_name(file.value()))
                }
                _ => None,
            },
            _ => None,
        });
        let file = elsewhere
            .unwrap_or_else(|| if flat.exists() { flat } else { children.join(&name).join("mod.rs") });
        let is_directory = file.ends_with("mod.rs");
        let below = if is_directory { file.with_file_name("") } else { file.with_extension("") };
        read(&file, [module.clone(), vec![name]].concat(), &below, files);
    }
    let mut references =
        References { scope: module.clone(), siblings: modules(&syntax.items), file: File::default() };
    references.visit_file(&syntax);
    files.insert(module, File { path: path.to_owned(), ..references.file });
}

fn modules(items: &[Item]) -> BTreeSet<String> {
    let name = |item: &Item| if let Item::Mod(module) = item { Some(module.ident.to_string()) } else { None };
    items.iter().filter_map(name).collect()
}

/// Collects the paths in a file.
struct References {
    scope: Name,
    /// The modules that the scope declares.
    siblings: BTreeSet<String>,
    file: File,
}

impl References {
    /// Returns a path from the root of the crate; `None` if it leads out of the crate, or stays in the scope.
    fn absolute(&self, path: &[String]) -> Option<Name> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([self.scope.as_slice(), rest].concat()),
            "super" => {
                let above = path.iter().take_while(|step| *step == "super").count();
                let scope = &self.scope[..self.scope.len().checked_sub(above)?];
                Some([scope, &path[above..]].concat())
            }
            _ if self.siblings.contains(first) => Some([self.scope.as_slice(), path].concat()),
            _ => None,
        }
    }

    fn import(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: String| [before, &[name]].concat();
        let (path, alias) = match tree {
            UseTree::Path(path) => return self.import(&with(path.ident.to_string()), &path.tree),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(before, tree));
            }
            UseTree::Name(name) if name.ident == "self" => {
                (before.to_vec(), before.last().cloned().unwrap_or_default())
            }
            UseTree::Name(name) => (with(name.ident.to_string()), name.ident.to_string()),
            UseTree::Rename(rename) => (with(rename.ident.to_string()), rename.rename.to_string()),
            _ => (before.to_vec(), String::new()),
        };
        let Some(name) = self.absolute(&path) else { return };
        self.file.imports.insert(alias, name.clone());
        self.file.refers_to.push(name);
    }
}

impl<'ast> Visit<'ast> for References {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let Some((_, items)) = &module.content else { return };
        let outside = std::mem::replace(&mut self.siblings, modules(items));
        self.scope.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.scope.pop();
        self.siblings = outside;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.import(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let steps: Name = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if steps.len() > 1 {
            self.file.refers_to.extend(self.absolute(&steps));
        }
        visit::visit_path(self, path);
    }
}

/// Returns the module in whose file a name is defined, and not only imported.
fn home(files: &Files, name: &[String], most_steps: usize) -> Name {
    let length = (0..=name.len()).rev().find(|length| files.contains_key(&name[..*length])).unwrap_or(0);
    let (module, rest) = name.split_at(length);
    let passed_on = rest.first().and_then(|first| files[module].imports.get(first));
    match passed_on {
        Some(target) if most_steps > 0 => {
            home(files, &[target.as_slice(), &rest[1..]].concat(), most_steps - 1)
        }
        _ => module.to_vec(),
    }
}

/// Returns a way from a file back to itself.
fn circle<'a>(needed: &'a BTreeMap<Name, BTreeSet<Name>>, from: &'a Name) -> Option<Vec<&'a Name>> {
    let mut ways = vec![vec![from]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in &needed[way[way.len() - 1]] {
            if next == from {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push([way.as_slice(), &[next]].concat());
            }
        }
    }
    None
}

/// Reads the files of the crate with this root, and returns with them the modules that each needs.
fn crate_of(root: &Path) -> (Files, BTreeMap<Name, BTreeSet<Name>>) {
    let mut files = Files::new();
    read(root, Name::new(), root.parent().expect("a directory"), &mut files);
    let needs = |(module, file): (&Name, &File)| {
        let homes = file.refers_to.iter().map(|name| home(&files, name, 8));
        (module.clone(), homes.filter(|home| home != module).collect())
    };
    let needed = files.iter().map(needs).collect();
    (files, needed)
}

/// Returns the root files of all targets of a workspace.
fn roots(manifest: &str) -> BTreeSet<PathBuf> {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path", manifest])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let metadata: Value = serde_json::from_slice(&cargo.stdout).expect("JSON");
    let targets = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|package| package["targets"].as_array().unwrap());
    targets.map(|target| PathBuf::from(target["src_path"].as_str().unwrap())).collect()
}

#[test]
fn a_room_imports_only_rooms_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let syntax = syn::parse_file(&fs::read_to_string(&root).expect("the root of the crate")).expect("Rust");
    let order: Vec<String> = syntax
        .items
        .iter()
        .filter_map(|item| if let Item::Mod(module) = item { Some(module.ident.to_string()) } else { None })
        .collect();
    assert!(
        order.contains(&"exchange".to_owned()) && order.last().is_some_and(|room| room == "host"),
        "{order:?}"
    );
    let place = |module: &Name| order.iter().position(|room| Some(room) == module.first());
    let (_, needed) = crate_of(&root);
    let mut wrong = Vec::new();
    for (module, needed) in needed.iter().filter(|(module, _)| !module.is_empty()) {
        let own = place(module).unwrap_or_else(|| panic!("{module:?} is not in src/lib.rs"));
        let is_below = |other: &&Name| place(other).is_none_or(|place| place > own);
        wrong.extend(needed.iter().filter(is_below).map(|other| format!("{module:?} imports {other:?}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_files_need_each_other_in_a_circle() {
    let mut circles = BTreeSet::new();
    for root in ["Cargo.toml", "fuzz/Cargo.toml"].into_iter().flat_map(roots) {
        let (files, needed) = crate_of(&root);
        for mut way in files.keys().filter_map(|module| circle(&needed, module)) {
            // Each circle once, whichever of its files it was found from.
            way.sort();
            let shown = |module: &&Name| {
                let path = files[*module].path.strip_prefix(env!("CARGO_MANIFEST_DIR"));
                path.expect("a file of the repository").display().to_string()
            };
            circles.insert(way.iter().map(shown).collect::<Vec<_>>().join(", "));
        }
    }
    let circles: Vec<String> = circles.into_iter().collect();
    assert!(circles.is_empty(), "these files need each other:\n{}", circles.join("\n"));
}

#[test]
fn imports_are_found_in_every_form() {
    let directory = Scratch::new("rooms");
    let root = directory.write(
        "lib.rs",
        "mod a; mod b; mod c; mod d; pub use crate::b::{B, Other as Bee};\n\
         mod inside { use super::d::D; }",
    );
    directory.write("a.rs", "use crate::{b::{self, B}, c::C as Sea};");
    directory.write("b.rs", "fn f() -> crate::c::C { super::d::g::<super::a::A>() }");
    directory.write("c.rs", "#[cfg(test)] mod tests { use super::*; use crate::Bee; }");
    directory.write("d.rs", "mod e; use e::E; use std::fmt;");
    fs::create_dir(directory.join("d")).expect("a directory");
    directory.write("d/e.rs", "impl super::super::a::Trait for E {}");
    let (_, needed) = crate_of(&root);
    let shown = |modules: &BTreeSet<Name>| {
        modules.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" ")
    };
    let found: Vec<(String, String)> =
        needed.iter().map(|(module, needed)| (module.join("::"), shown(needed))).collect();
    let expected = [("", "b d"), ("a", "b c"), ("b", "a c d"), ("c", "b"), ("d", "d::e"), ("d::e", "a")];
    assert_eq!(found, expected.map(|(module, needed)| (module.to_owned(), needed.to_owned())));
}

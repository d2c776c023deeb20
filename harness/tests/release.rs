//! What a release consists of: images that proxies take and registries keep, the same for every build.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::Value;
use twilio_proxy_wasm_harness::client::{Request, Target, h1};
use twilio_proxy_wasm_harness::release::{self, About, sha256, untar};
use twilio_proxy_wasm_harness::sample::{module, repository};
use twilio_proxy_wasm_harness::scratch::Scratch;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn about() -> About {
    About { version: VERSION.to_owned(), revision: "0123abc".to_owned(), created: 1_767_225_599 }
}

/// The files of an image layout, and the manifest in it.
fn layout(archive: &Path) -> (BTreeMap<String, Vec<u8>>, Value) {
    let bytes = fs::read(archive).expect("the archive");
    let files: BTreeMap<_, _> = untar(&bytes).expect("a tar archive").into_iter().collect();
    let index: Value = serde_json::from_slice(&files["index.json"]).expect("JSON");
    assert_eq!(index["manifests"].as_array().expect("manifests").len(), 1);
    let manifest = serde_json::from_slice(blob(&files, &index["manifests"][0])).expect("JSON");
    (files, manifest)
}

/// What a descriptor stands for. The bytes must be those that it says.
fn blob<'a>(files: &'a BTreeMap<String, Vec<u8>>, descriptor: &Value) -> &'a [u8] {
    let digest = descriptor["digest"].as_str().expect("a digest").strip_prefix("sha256:").expect("SHA-256");
    let bytes = &files[&format!("blobs/sha256/{digest}")];
    assert_eq!(sha256(bytes), digest);
    assert_eq!(descriptor["size"], bytes.len());
    bytes
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
    plain
}

#[test]
fn the_image_is_one_layer_with_one_file() {
    let scratch = Scratch::new("image");
    let [image, _] = release::write_images(&module(), &about(), scratch.path()).expect("the images");
    let (files, manifest) = layout(&image);
    assert_eq!(files["oci-layout"], br#"{"imageLayoutVersion":"1.0.0"}"#);
    let [layer] = manifest["layers"].as_array().expect("layers").as_slice() else { panic!("{manifest}") };
    assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
    let archive = gunzip(blob(&files, layer));
    let inside = untar(&archive).expect("a tar archive");
    assert_eq!(inside, [("plugin.wasm".to_owned(), fs::read(module()).expect("the module"))]);
    let config: Value = serde_json::from_slice(blob(&files, &manifest["config"])).expect("JSON");
    assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", sha256(&archive)));
    assert_eq!(config["config"]["Labels"], manifest["annotations"]);
    let said = |name: &str| manifest["annotations"][format!("org.opencontainers.image.{name}")].clone();
    assert_eq!(
        ["title", "version", "revision", "created", "licenses"].map(said),
        ["twilio-proxy-wasm", VERSION, "0123abc", "2025-12-31T23:59:59Z", "Apache-2.0"]
    );
}

/// Istio takes an artifact of exactly two layers, and of these the one of this type, as it is.
#[test]
fn the_artifact_is_the_module_as_it_is() {
    let scratch = Scratch::new("artifact");
    let [_, artifact] = release::write_images(&module(), &about(), scratch.path()).expect("the images");
    let (files, manifest) = layout(&artifact);
    let layers = manifest["layers"].as_array().expect("layers");
    assert_eq!(layers.len(), 2);
    let of_module =
        |layer: &&Value| layer["mediaType"] == "application/vnd.module.wasm.content.layer.v1+wasm";
    let found: Vec<&Value> = layers.iter().filter(of_module).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(blob(&files, found[0]), fs::read(module()).expect("the module"));
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.module.wasm.config.v1+json");
    blob(&files, &manifest["config"]);
}

/// Returns the tool as `tools/static` builds it.
fn static_program() -> PathBuf {
    let built = Command::new(repository().join("tools/static")).stderr(Stdio::inherit()).output();
    let built = built.expect("tools/static");
    assert!(built.status.success(), "expected tools/static to build the tool");
    repository().join(String::from_utf8(built.stdout).expect("a path").trim())
}

/// Nobody's user, one layer, one program, and certificates where the program looks for them.
#[test]
fn the_tools_image_runs_with_nothing_else_in_it() {
    let scratch = Scratch::new("tool");
    let program = static_program();
    let image = release::write_tool_image(&program, &about(), scratch.path()).expect("the image");
    assert_eq!(image.file_name().unwrap(), &*format!("twilio-proxy-wasm-{VERSION}.twilio-webhook.tar"));
    let (files, manifest) = layout(&image);
    let config: Value = serde_json::from_slice(blob(&files, &manifest["config"])).expect("JSON");
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"], serde_json::json!(["/twilio-webhook"]));
    assert_eq!(config["architecture"], if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" });
    assert_eq!(manifest["annotations"]["org.opencontainers.image.title"], "twilio-webhook");
    let [layer] = manifest["layers"].as_array().expect("layers").as_slice() else { panic!("{manifest}") };
    let archive = gunzip(blob(&files, layer));
    assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", sha256(&archive)));

    let root = scratch.join("root");
    tar::Archive::new(archive.as_slice()).unpack(&root).expect("the files");
    let names: Vec<String> = untar(&archive).expect("an archive").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["etc/ssl/certs/ca-certificates.crt", "twilio-webhook"]);
    let roots = fs::read_to_string(root.join(&names[0])).expect("the certificates");
    assert!(roots.matches("-----BEGIN CERTIFICATE-----\n").count() > 100);
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "chroot"])
        .arg(&root)
        .args(["/twilio-webhook", "probe", "https://hooks.example.com/", "--dry-run"])
        .output()
        .expect("unshare");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("unsigned form\n"), "{run:?}");

    let again = release::write_tool_image(&program, &about(), &scratch.join("again")).expect("the image");
    assert_eq!(fs::read(&image).unwrap(), fs::read(again).unwrap());
}

/// Runs what `make release` runs, and returns the names and digests of what it leaves.
fn released(directory: &Path) -> BTreeMap<String, String> {
    let status = Command::new(env!("CARGO"))
        .args([
            "run",
            "-q",
            "--locked",
            "-p",
            "twilio-proxy-wasm-harness",
            "--features",
            "release",
            "--bin",
            "release",
        ])
        .arg("all")
        .arg(directory)
        .env("REVISION", "0123abc")
        .env("SOURCE_DATE_EPOCH", "1767225599")
        .current_dir(repository())
        .status();
    assert!(status.expect("cargo").success());
    let files = fs::read_dir(directory).expect("the directory").flatten();
    files
        .map(|file| {
            (file.file_name().into_string().unwrap(), sha256(&fs::read(file.path()).expect("a file")))
        })
        .collect()
}

#[test]
fn two_releases_are_the_same_byte_for_byte() {
    let scratch = Scratch::new("release");
    let first = released(&scratch.join("first"));
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    let expected = ["artifact.tar", "cdx.json", "image.tar", "wasm", "wasm.sha256"]
        .map(|kind| format!("twilio-proxy-wasm-{VERSION}.{kind}"));
    assert_eq!(names, expected);
    assert_eq!(first, released(&scratch.join("second")));
    let check = Command::new("sha256sum")
        .args(["--check", "--strict", &expected[4]])
        .current_dir(scratch.join("first"))
        .output();
    assert!(check.expect("sha256sum").status.success());
    bill_of_materials(&scratch.join("first").join(&expected[1]));
}

/// What is in the module is what cargo says is in it.
fn bill_of_materials(file: &Path) {
    let bill: Value = serde_json::from_slice(&fs::read(file).expect("the bill")).expect("JSON");
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let module = sha256(&fs::read(module()).expect("the module"));
    assert_eq!(bill["metadata"]["component"]["hashes"][0]["content"], module);
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--target", "wasm32-wasip1", "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}", "-p", "twilio-proxy-wasm"])
        .current_dir(repository())
        .output()
        .expect("cargo");
    let tree = String::from_utf8(tree.stdout).expect("text");
    let name_and_version = |line: &str| {
        let mut words = line.split_whitespace();
        format!("pkg:cargo/{}@{}", words.next().unwrap(), words.next().unwrap().trim_start_matches('v'))
    };
    let root = format!("pkg:cargo/twilio-proxy-wasm@{VERSION}");
    let expected: BTreeSet<String> =
        tree.lines().map(name_and_version).filter(|name| *name != root).collect();
    let components = bill["components"].as_array().expect("components");
    let required = components.iter().filter(|component| component["scope"] == "required");
    let found: BTreeSet<String> =
        required.map(|component| component["purl"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, expected);
    for component in components {
        assert_eq!(component["hashes"][0]["content"].as_str().map(str::len), Some(64), "{component}");
        assert_ne!(component["licenses"][0]["expression"], "", "{component}");
    }
    let mut known: Vec<&Value> = components.iter().map(|component| &component["bom-ref"]).collect();
    known.push(&bill["metadata"]["component"]["bom-ref"]);
    let edges = bill["dependencies"].as_array().expect("dependencies");
    assert_eq!(edges.len(), known.len());
    // Of a crate that needs none, nothing more is said (CycloneDX 1.5, `dependsOn`).
    let needed: Vec<&Value> =
        edges.iter().filter_map(|edge| edge["dependsOn"].as_array()).flatten().collect();
    assert!(!needed.is_empty() && needed.iter().all(|to| known.contains(to)), "{needed:?}");
}

/// A registry on a port of its own.
struct Registry {
    process: Child,
    port: u16,
}

impl Registry {
    fn start(scratch: &Scratch) -> Registry {
        let storage = scratch.join("registry").display().to_string();
        let config = format!(
            "version: 0.1\nlog: {{ level: info }}\nstorage: {{ filesystem: {{ rootdirectory: {storage} }} }}\n\
             http: {{ addr: '127.0.0.1:0' }}\n"
        );
        let config = scratch.write("registry.yml", config);
        let log = scratch.join("registry.log");
        let file = fs::File::create(&log).expect("a log");
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(config)
            .stdout(file.try_clone().expect("the log"))
            .stderr(file)
            .spawn();
        let mut registry =
            Registry { process: process.expect("docker-registry: run tools/registry"), port: 0 };
        let started = Instant::now();
        // It says which port it was given; until then there is nobody to ask.
        while registry.port == 0 {
            let said = fs::read_to_string(&log).expect("its log");
            assert!(started.elapsed() < Duration::from_secs(30), "the registry does not come up: {said}");
            thread::sleep(Duration::from_millis(10));
            let address = said.split("listening on 127.0.0.1:").nth(1).unwrap_or_default();
            let digits: String = address.chars().take_while(char::is_ascii_digit).collect();
            if digits.len() < address.len() {
                registry.port = digits.parse().expect("a port");
            }
        }
        registry
    }

    /// The answer to a GET, as a proxy's control plane would ask.
    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let accept = "application/vnd.oci.image.manifest.v1+json";
        let request = Request::new("GET", "localhost", path).header("accept", accept);
        let mut connection = h1::Connection::open(&Target::plain(self.port)).ok()?;
        connection
            .request(&request)
            .ok()
            .filter(|response| response.status == 200)
            .map(|response| response.body)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn skopeo(arguments: &[&str]) -> String {
    // Nobody has signed what the tests push, and a machine may ask for that.
    let skopeo = Command::new("skopeo").arg("--insecure-policy").args(arguments).output();
    let output = skopeo.expect("skopeo: run tools/registry");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

#[test]
fn a_registry_takes_both_images_and_gives_them_back() {
    let scratch = Scratch::new("registry");
    let archives = release::write_images(&module(), &about(), scratch.path()).expect("the images");
    let registry = Registry::start(&scratch);
    for (archive, name) in archives.iter().zip(["image", "artifact"]) {
        let local = format!("oci-archive:{}", archive.display());
        let remote = format!("docker://127.0.0.1:{}/twilio-proxy-wasm/{name}:{VERSION}", registry.port);
        skopeo(&["copy", "--dest-tls-verify=false", &local, &remote]);
        // The manifest that comes back, and every blob of it, is what was sent.
        let path = format!("/v2/twilio-proxy-wasm/{name}");
        let received = registry.get(&format!("{path}/manifests/{VERSION}")).expect("the manifest");
        let (files, sent) = layout(archive);
        assert_eq!(serde_json::from_slice::<Value>(&received).expect("JSON"), sent);
        assert!(files.contains_key(&format!("blobs/sha256/{}", sha256(&received))), "another digest");
        for descriptor in sent["layers"].as_array().expect("layers").iter().chain([&sent["config"]]) {
            let digest = descriptor["digest"].as_str().expect("a digest");
            let received = registry.get(&format!("{path}/blobs/{digest}")).expect("the blob");
            assert_eq!(received, blob(&files, descriptor));
        }
        let copied = scratch.join(&format!("copied-{name}"));
        skopeo(&["copy", "--src-tls-verify=false", &remote, &format!("oci:{}:{VERSION}", copied.display())]);
        let index: Value = serde_json::from_slice(&fs::read(copied.join("index.json")).unwrap()).unwrap();
        assert_eq!(index["manifests"][0]["digest"], format!("sha256:{}", sha256(&received)));
    }
}

/// The images are used by the digests that are printed, and these are what a registry knows them by.
#[test]
fn images_are_pushed_and_told_by_digest() {
    let scratch = Scratch::new("pushed");
    let images = scratch.join("images");
    let archives = release::write_images(&module(), &about(), &images).expect("the images");
    let registry = Registry::start(&scratch);
    let remote = format!("127.0.0.1:{}/team/twilio-proxy-wasm", registry.port);
    let pushed = Command::new(repository().join("tools/push-images"))
        .arg(&remote)
        .arg(&images)
        .env("REGISTRY_INSECURE", "1")
        .output()
        .expect("tools/push-images");
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    let mut expected: Vec<String> = archives
        .iter()
        .zip(["image", "artifact"])
        .map(|(archive, kind)| {
            let index: Value = serde_json::from_slice(&layout(archive).0["index.json"]).expect("JSON");
            let digest = index["manifests"][0]["digest"].as_str().expect("a digest").to_owned();
            let manifest = registry.get(&format!("/v2/team/twilio-proxy-wasm/{kind}/manifests/{digest}"));
            assert_eq!(format!("sha256:{}", sha256(&manifest.expect("the manifest"))), digest);
            assert!(
                registry.get(&format!("/v2/team/twilio-proxy-wasm/{kind}/manifests/{VERSION}")).is_some()
            );
            format!("{remote}/{kind}@{digest}")
        })
        .collect();
    expected.sort();
    let said = String::from_utf8(pushed.stdout).expect("text");
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

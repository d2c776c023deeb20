//! Images by the OCI's specification, each as the archive of an image layout.

use std::collections::HashMap;
use std::io;
use std::str::FromStr as _;

use oci_spec::OciSpecError;
use oci_spec::image::{
    ANNOTATION_CREATED, ANNOTATION_DESCRIPTION, ANNOTATION_LICENSES, ANNOTATION_REF_NAME,
    ANNOTATION_REVISION, ANNOTATION_TITLE, ANNOTATION_VERSION, Arch, ConfigBuilder, Descriptor,
    HistoryBuilder, ImageConfigurationBuilder, ImageIndexBuilder, ImageManifestBuilder, MediaType,
    OciLayoutBuilder, Os, RootFsBuilder, SCHEMA_VERSION, Sha256Digest,
};
use serde::Serialize;
use serde_json::json;

use super::about::About;
use super::archive::{Kind, gzip, sha256, tar, tar_of_kinds};

/// What an image says that it is.
struct Subject {
    title: &'static str,
    description: &'static str,
}

const FILTER: Subject = Subject {
    title: "twilio-proxy-wasm",
    description: "A proxy-wasm HTTP filter that verifies Twilio webhooks inside Envoy",
};
const TOOL: Subject = Subject {
    title: "twilio-webhook",
    description: "Plays Twilio against a webhook, and proves from outside that it is verified",
};

/// Nobody's user and group, as in other images without a shell.
const NOBODY: &str = "65532:65532";

/// A blob of an image, and what other documents say of it.
struct Blob {
    descriptor: Descriptor,
    bytes: Vec<u8>,
}

impl Blob {
    fn new(media_type: MediaType, bytes: Vec<u8>) -> io::Result<Self> {
        let digest = Sha256Digest::from_str(&sha256(&bytes)).map_err(io::Error::other)?;
        let size = u64::try_from(bytes.len()).map_err(io::Error::other)?;
        Ok(Self { descriptor: Descriptor::new(media_type, size, digest), bytes })
    }

    fn of_json(media_type: MediaType, document: &impl Serialize) -> io::Result<Self> {
        Self::new(media_type, text(document)?.into_bytes())
    }

    /// Adds the name of the file that the blob is, as `oras pull` writes it.
    fn titled(mut self, title: &str) -> Self {
        self.descriptor.set_annotations(Some([(ANNOTATION_TITLE.to_owned(), title.to_owned())].into()));
        self
    }
}

/// Writes the archive of what `FROM scratch` and `COPY plugin.wasm /` make: one layer with one file.
pub(super) fn image(wasm: &[u8], about: &About) -> io::Result<Vec<u8>> {
    let files = tar(&[("plugin.wasm", wasm)])?;
    // Those who pull a plugin do not look at the architecture. Whoever does finds the most usual.
    one_layer(&files, "COPY plugin.wasm /", ConfigBuilder::default(), Arch::Amd64, &FILTER, about)
}

/// Writes the archive of an image that runs a static program of this machine's processor, and trusts these certificates.
pub(super) fn program(program: &[u8], roots: &[u8], about: &About) -> io::Result<Vec<u8>> {
    let files = tar_of_kinds(&[
        ("etc/ssl/certs/ca-certificates.crt", roots, Kind::Data),
        ("twilio-webhook", program, Kind::Program),
    ])?;
    let config = ConfigBuilder::default().user(NOBODY).entrypoint(vec!["/twilio-webhook".to_owned()]);
    let arch = match std::env::consts::ARCH {
        "aarch64" => Arch::ARM64,
        _ => Arch::Amd64,
    };
    one_layer(&files, "COPY etc twilio-webhook /", config, arch, &TOOL, about)
}

/// Writes the archive of an image whose one layer is this tar archive.
fn one_layer(
    files: &[u8],
    made_by: &str,
    config: ConfigBuilder,
    architecture: Arch,
    subject: &Subject,
    about: &About,
) -> io::Result<Vec<u8>> {
    let created = about.timestamp()?;
    let history = HistoryBuilder::default().created(created.clone()).created_by(made_by);
    let layers =
        RootFsBuilder::default().typ("layers").diff_ids(vec![format!("sha256:{}", sha256(files))]).build();
    let config = config.labels(annotations(subject, about)?).build();
    let config = ImageConfigurationBuilder::default()
        .created(created)
        .architecture(architecture)
        .os(Os::Linux)
        .config(config.map_err(other)?)
        .rootfs(layers.map_err(other)?)
        .history(vec![history.build().map_err(other)?])
        .build()
        .map_err(other)?;
    let layer = Blob::new(MediaType::ImageLayerGzip, gzip(files)?)?;
    layout(&Blob::of_json(MediaType::ImageConfig, &config)?, &[layer], subject, about)
}

/// Writes the archive of the module as it is. Istio takes an artifact of exactly two layers, of which one is the module.
pub(super) fn artifact(wasm: &[u8], about: &About) -> io::Result<Vec<u8>> {
    let kind = MediaType::from("application/vnd.module.wasm.config.v1+json");
    let config = json!({ "type": "envoy_proxy", "abi_versions": ["v0-2-1"] });
    let runtime = Blob::of_json(kind.clone(), &config)?.titled("runtime-config.json");
    let module =
        Blob::new(MediaType::from("application/vnd.module.wasm.content.layer.v1+wasm"), wasm.to_vec())?;
    layout(&Blob::of_json(kind, &config)?, &[runtime, module.titled("plugin.wasm")], &FILTER, about)
}

/// Writes an image layout with one manifest, tagged with the version.
fn layout(config: &Blob, layers: &[Blob], subject: &Subject, about: &About) -> io::Result<Vec<u8>> {
    let manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageManifest)
        .config(config.descriptor.clone())
        .layers(layers.iter().map(|layer| layer.descriptor.clone()).collect::<Vec<_>>())
        .annotations(annotations(subject, about)?)
        .build()
        .map_err(other)?;
    let manifest = Blob::of_json(MediaType::ImageManifest, &manifest)?;
    let mut tagged = manifest.descriptor.clone();
    tagged.set_annotations(Some([(ANNOTATION_REF_NAME.to_owned(), about.version.clone())].into()));
    let index = ImageIndexBuilder::default().schema_version(SCHEMA_VERSION).manifests(vec![tagged]).build();
    let index = text(&index.map_err(other)?)?;
    let marker = OciLayoutBuilder::default().image_layout_version("1.0.0").build();
    let marker = text(&marker.map_err(other)?)?;
    let mut blobs: Vec<(String, &[u8])> = std::iter::once(config)
        .chain(layers)
        .chain([&manifest])
        .map(|blob| (format!("blobs/sha256/{}", blob.descriptor.digest().digest()), blob.bytes.as_slice()))
        .collect();
    blobs.sort();
    blobs.dedup();
    let head = [("oci-layout", marker.as_bytes()), ("index.json", index.as_bytes())];
    let blobs = blobs.iter().map(|(name, bytes)| (name.as_str(), *bytes));
    tar(&head.into_iter().chain(blobs).collect::<Vec<_>>())
}

fn annotations(subject: &Subject, about: &About) -> io::Result<HashMap<String, String>> {
    let annotations = [
        (ANNOTATION_TITLE, subject.title.to_owned()),
        (ANNOTATION_DESCRIPTION, subject.description.to_owned()),
        (ANNOTATION_VERSION, about.version.clone()),
        (ANNOTATION_REVISION, about.revision.clone()),
        (ANNOTATION_CREATED, about.timestamp()?),
        (ANNOTATION_LICENSES, "Apache-2.0".to_owned()),
    ];
    Ok(annotations.map(|(name, value)| (name.to_owned(), value)).into())
}

/// Writes a document as JSON with its fields sorted by name: a hash map would write them in another order each time.
fn text(document: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_value(document)?.to_string())
}

fn other(error: OciSpecError) -> io::Error {
    io::Error::other(error)
}

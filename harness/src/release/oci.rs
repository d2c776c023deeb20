//! Images by the OCI's specification, each as the archive of an image layout.

use std::io;

use serde_json::{Value, json};

use super::About;
use super::archive::{gzip, sha256, tar};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A blob and what a manifest says of it.
struct Blob {
    media_type: &'static str,
    bytes: Vec<u8>,
    title: Option<&'static str>,
}

impl Blob {
    fn of_json(media_type: &'static str, value: &Value) -> Blob {
        Blob { media_type, bytes: value.to_string().into_bytes(), title: None }
    }

    fn descriptor(&self) -> Value {
        let mut descriptor = json!({
            "mediaType": self.media_type,
            "digest": format!("sha256:{}", sha256(&self.bytes)),
            "size": self.bytes.len(),
        });
        if let Some(title) = self.title {
            descriptor["annotations"] = json!({ "org.opencontainers.image.title": title });
        }
        descriptor
    }
}

/// What `FROM scratch` and `COPY plugin.wasm /` make: one layer with one file.
pub(super) fn image(wasm: &[u8], about: &About) -> io::Result<Vec<u8>> {
    let files = tar(&[("plugin.wasm", wasm)])?;
    let config = json!({
        "created": timestamp(about.created),
        // Those who pull a plugin do not look at this. Whoever does finds the most usual.
        "architecture": "amd64",
        "os": "linux",
        "config": { "Labels": annotations(about) },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", sha256(&files))] },
        "history": [{ "created": timestamp(about.created), "created_by": "COPY plugin.wasm /" }],
    });
    let layer =
        Blob { media_type: "application/vnd.oci.image.layer.v1.tar+gzip", bytes: gzip(&files)?, title: None };
    layout(&Blob::of_json("application/vnd.oci.image.config.v1+json", &config), &[layer], about)
}

/// The module as it is. Istio takes an artifact of exactly two layers, of which one is the module.
pub(super) fn artifact(wasm: &[u8], about: &About) -> io::Result<Vec<u8>> {
    const CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
    let module = Blob {
        media_type: "application/vnd.module.wasm.content.layer.v1+wasm",
        bytes: wasm.to_vec(),
        title: Some("plugin.wasm"),
    };
    let config = json!({ "type": "envoy_proxy", "abi_versions": ["v0-2-1"] });
    let mut runtime = Blob::of_json(CONFIG, &config);
    runtime.title = Some("runtime-config.json");
    layout(&Blob::of_json(CONFIG, &config), &[runtime, module], about)
}

/// An image layout with one manifest, tagged with the version.
fn layout(config: &Blob, layers: &[Blob], about: &About) -> io::Result<Vec<u8>> {
    let manifest = Blob::of_json(
        MANIFEST,
        &json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(),
            "layers": layers.iter().map(Blob::descriptor).collect::<Vec<_>>(),
            "annotations": annotations(about),
        }),
    );
    let mut entry = manifest.descriptor();
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": about.version });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();
    let mut blobs: Vec<(String, &[u8])> = std::iter::once(config)
        .chain(layers)
        .chain([&manifest])
        .map(|blob| (format!("blobs/sha256/{}", sha256(&blob.bytes)), blob.bytes.as_slice()))
        .collect();
    blobs.sort();
    blobs.dedup();
    let head: [(&str, &[u8]); 2] =
        [("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#), ("index.json", index.as_bytes())];
    let blobs = blobs.iter().map(|(name, bytes)| (name.as_str(), *bytes));
    tar(&head.into_iter().chain(blobs).collect::<Vec<_>>())
}

fn annotations(about: &About) -> Value {
    json!({
        "org.opencontainers.image.title": "twilio-proxy-wasm",
        "org.opencontainers.image.description": "A proxy-wasm HTTP filter that verifies Twilio webhooks inside Envoy",
        "org.opencontainers.image.version": about.version,
        "org.opencontainers.image.revision": about.revision,
        "org.opencontainers.image.created": timestamp(about.created),
        "org.opencontainers.image.licenses": "Apache-2.0",
    })
}

/// Seconds since 1970 as RFC 3339 has them, in UTC.
pub(super) fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // The civil date of a day, with years that begin in March, so that a leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn a_moment_is_written_as_rfc_3339_has_it() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(timestamp(1_767_225_599), "2025-12-31T23:59:59Z");
    }
}

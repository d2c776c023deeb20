//! Objects of Kubernetes, wherever in a file they are.

use serde_json::Value;

use super::place::text;

/// An object of Kubernetes.
#[derive(Debug, Clone)]
pub struct Object {
    /// `VirtualService`
    pub kind: String,
    /// Its name; empty if it has none.
    pub name: String,
    /// Its namespace, where the file tells: Kustomize or a command's `--namespace` may add it.
    pub namespace: Option<String>,
    /// All of it.
    pub document: Value,
}

impl Object {
    /// Returns what it is in words: `VirtualService shop`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{} {}", self.kind, self.name).trim_end().to_owned()
    }

    /// Returns whether it may be in a namespace.
    #[must_use]
    pub fn may_be_in(&self, namespace: Option<&str>) -> bool {
        self.namespace.as_deref().is_none_or(|own| namespace.is_none_or(|other| own == other))
    }

    /// Returns its `spec`.
    #[must_use]
    pub fn spec(&self) -> &Value {
        &self.document["spec"]
    }
}

/// Returns the objects among documents, those of lists too.
pub(super) fn objects(documents: &[Value]) -> Vec<Object> {
    documents.iter().flat_map(of).collect()
}

fn of(document: &Value) -> Vec<Object> {
    let Some(kind) = document["kind"].as_str() else { return Vec::new() };
    if kind.ends_with("List") {
        return document["items"].as_array().into_iter().flatten().flat_map(of).collect();
    }
    let metadata = &document["metadata"];
    vec![Object {
        kind: kind.to_owned(),
        name: text(&metadata["name"]).unwrap_or_default(),
        namespace: text(&metadata["namespace"]),
        document: document.clone(),
    }]
}

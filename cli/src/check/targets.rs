//! What objects of control planes are for: whether it is in the files, and in the right namespace.

use serde_json::{Map, Value};

use super::fault::{Fault, Level};
use super::near::did_you_mean;
use super::words::{or_hidden, plain};
use crate::plugin::{Around, Object};

/// The namespace whose objects istiod takes for all others.
const ROOT: &str = "istio-system";

pub(super) fn faults(around: &Around, faults: &mut Vec<Fault>) {
    for object in &around.objects {
        let mut says = |level, text: String| {
            faults.push(Fault { level, place: plain(&object.place()), text: plain(&text) });
        };
        selector(object, &around.objects, &mut says);
        references(object, &around.objects, &mut says);
    }
}

type Says<'a> = &'a mut dyn FnMut(Level, String);

/// Returns the labels by which an object selects pods, and whether it does so in its own namespace alone.
fn labels(object: &Object) -> Option<(&Map<String, Value>, bool)> {
    let spec = object.spec();
    let (labels, is_limited) = match object.kind.as_str() {
        "WasmPlugin" | "TrafficExtension" | "Telemetry" => (&spec["selector"]["matchLabels"], true),
        "EnvoyFilter" => (&spec["workloadSelector"]["labels"], true),
        "Gateway" if !is_of_gateway_api(object) => (&spec["selector"], false),
        _ => return None,
    };
    labels.as_object().map(|labels| (labels, is_limited && object.namespace.as_deref() != Some(ROOT)))
}

fn is_of_gateway_api(object: &Object) -> bool {
    object.document["apiVersion"]
        .as_str()
        .is_some_and(|version| version.starts_with("gateway.networking.k8s.io"))
}

/// Returns the labels of the pods that an object makes.
fn pods(object: &Object) -> Option<Map<String, Value>> {
    let spec = object.spec();
    match object.kind.as_str() {
        "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" => {
            Some(spec["template"]["metadata"]["labels"].as_object().cloned().unwrap_or_default())
        }
        "Pod" => object.document["metadata"]["labels"].as_object().cloned(),
        "Gateway" if is_of_gateway_api(object) => {
            let mut labels = spec["infrastructure"]["labels"].as_object().cloned().unwrap_or_default();
            labels.insert("gateway.networking.k8s.io/gateway-name".to_owned(), object.name.clone().into());
            Some(labels)
        }
        _ => None,
    }
}

fn selector(object: &Object, objects: &[Object], says: Says<'_>) {
    let Some((labels, is_limited)) = labels(object).filter(|(labels, _)| !labels.is_empty()) else { return };
    let workloads: Vec<(&Object, Map<String, Value>)> =
        objects.iter().filter_map(|other| Some((other, pods(other)?))).collect();
    let selected: Vec<&Object> = workloads
        .iter()
        .filter(|(_, own)| labels.iter().all(|(name, value)| own.get(name) == Some(value)))
        .map(|(workload, _)| *workload)
        .collect();
    if let Some(workload) = selected.first() {
        let is_near = |workload: &&Object| workload.may_be_in(object.namespace.as_deref());
        if is_limited && !selected.iter().any(is_near) {
            says(
                Level::Warning,
                format!(
                    "selects {}, which is in namespace {}, and acts in its own namespace {} alone: it is in no proxy, and \
                     nothing says so; put it into that namespace",
                    workload.place(),
                    workload.namespace.as_deref().unwrap_or_default(),
                    object.namespace.as_deref().unwrap_or_default()
                ),
            );
        }
        return;
    }
    if workloads.is_empty() {
        return;
    }
    let shown: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default()))
        .collect();
    let values = workloads.iter().flat_map(|(_, own)| {
        labels.keys().filter_map(|name| own.get(name)).filter_map(Value::as_str).collect::<Vec<_>>()
    });
    let values: Vec<&str> = values.collect();
    let near: String = labels
        .values()
        .filter_map(Value::as_str)
        .map(|value| did_you_mean(value, values.iter().copied()))
        .find(|near| !near.is_empty())
        .unwrap_or_default();
    // Where pods have the same label with another value, they are of the kind that it selects.
    let level = if values.is_empty() { Level::Note } else { Level::Warning };
    says(level, format!("selects no pods of the files ({}){near}", or_hidden(&shown.join(", "))));
}

/// A reference to another object: where it stands, and the kind, namespace and name that it asks for.
struct Reference {
    at: String,
    kind: String,
    namespace: Option<String>,
    name: String,
    section: Option<String>,
}

fn references(object: &Object, objects: &[Object], says: Says<'_>) {
    for reference in of(object) {
        let same_kind: Vec<&Object> = objects
            .iter()
            .filter(|other| other.kind == reference.kind)
            .filter(|other| other.kind != "Gateway" || is_of_gateway_api(other) != is_istio_gateway(object))
            .collect();
        if same_kind.is_empty() {
            continue;
        }
        let Reference { at, kind, namespace, name, section } = reference;
        let named: Vec<&&Object> = same_kind.iter().filter(|other| other.name == name).collect();
        let here = named.iter().find(|other| other.may_be_in(namespace.as_deref()));
        let shown = or_hidden(&name);
        match (here, named.first()) {
            (Some(other), _) => listener(&at, shown, other, section.as_deref(), says),
            (None, Some(other)) => says(
                Level::Warning,
                format!(
                    "{at}: {kind} {shown} is in namespace {}, and is looked for in {}: it is not found",
                    other.namespace.as_deref().unwrap_or_default(),
                    namespace.as_deref().unwrap_or_default()
                ),
            ),
            (None, None) => {
                let near = did_you_mean(&name, same_kind.iter().map(|other| other.name.as_str()));
                says(Level::Warning, format!("{at}: the files have no {kind} {shown}{near}"));
            }
        }
    }
}

fn listener(at: &str, gateway: &str, object: &Object, section: Option<&str>, says: Says<'_>) {
    let Some(section) = section else { return };
    let listeners: Vec<&str> = object.spec()["listeners"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|listener| listener["name"].as_str())
        .collect();
    if !listeners.is_empty() && !listeners.contains(&section) {
        let near = did_you_mean(section, listeners);
        says(Level::Warning, format!("{at}: Gateway {gateway} has no listener {}{near}", or_hidden(section)));
    }
}

fn is_istio_gateway(object: &Object) -> bool {
    object.kind == "VirtualService"
}

fn of(object: &Object) -> Vec<Reference> {
    let spec = object.spec();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let own = object.namespace.clone();
    match object.kind.as_str() {
        "HTTPRoute" => list(&spec["parentRefs"])
            .iter()
            .enumerate()
            .map(|(index, parent)| Reference {
                at: format!("parentRefs[{index}]"),
                kind: text(&parent["kind"]).unwrap_or_else(|| "Gateway".to_owned()),
                namespace: text(&parent["namespace"]).or_else(|| own.clone()),
                name: text(&parent["name"]).unwrap_or_default(),
                section: text(&parent["sectionName"]),
            })
            .collect(),
        "VirtualService" => list(&spec["gateways"])
            .iter()
            .enumerate()
            .filter_map(|(index, gateway)| Some((index, gateway.as_str()?)))
            .filter(|(_, gateway)| *gateway != "mesh")
            .map(|(index, gateway)| {
                let (namespace, name) = match gateway.split_once('/') {
                    Some((namespace, name)) => (Some(namespace.to_owned()), name),
                    None => (own.clone(), gateway),
                };
                let at = format!("gateways[{index}]");
                Reference { at, kind: "Gateway".to_owned(), namespace, name: name.to_owned(), section: None }
            })
            .collect(),
        _ => {
            let single =
                (!spec["targetRef"].is_null()).then(|| ("targetRef".to_owned(), spec["targetRef"].clone()));
            let several = list(&spec["targetRefs"]).into_iter().enumerate();
            let several = several.map(|(index, target)| (format!("targetRefs[{index}]"), target));
            single
                .into_iter()
                .chain(several)
                .map(|(at, target)| Reference {
                    at,
                    kind: text(&target["kind"]).unwrap_or_default(),
                    namespace: text(&target["namespace"]).or_else(|| own.clone()),
                    name: text(&target["name"]).unwrap_or_default(),
                    section: text(&target["sectionName"]).filter(|_| target["kind"] == "Gateway"),
                })
                .collect()
        }
    }
}

//! What istiod makes of a Gateway and its HTTPRoutes.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::manifests;

/// The routes of the proxy. The name of a rule is made of its place.
pub fn routes(objects: &[Value]) -> Vec<Value> {
    let mut routes: Vec<&Value> = objects.iter().filter(|object| object["kind"] == "HTTPRoute").collect();
    // Of two matches of one path, the one with more headers comes first.
    routes.sort_by_key(|route| route["spec"]["rules"][0]["matches"][0]["headers"].is_null());
    routes.into_iter().map(route).collect()
}

fn route(object: &Value) -> Value {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let (metadata, rules) = (&object["metadata"], object["spec"]["rules"].as_array().expect("rules"));
    assert_eq!(rules.len(), 1);
    let matched = &rules[0]["matches"][0];
    assert_eq!(matched["path"]["type"], "PathPrefix");
    let mut route = json!({
        "name": format!("{}.{}.0", text(&metadata["namespace"]), text(&metadata["name"])),
        "match": { "path_separated_prefix": matched["path"]["value"], "case_sensitive": true },
        "route": { "cluster": "upstream", "timeout": "0s" },
    });
    for header in matched["headers"].as_array().into_iter().flatten() {
        assert_eq!(header["type"], "RegularExpression");
        route["match"]["headers"] = json!([
            { "name": header["name"], "string_match": { "safe_regex": { "regex": header["value"] } } }
        ]);
    }
    route
}

/// The Deployment that a Gateway becomes, as far as its ConfigMap has a say in it.
pub fn deployment(objects: &[Value]) -> Option<Value> {
    let gateway = objects.iter().find(|object| object["kind"] == "Gateway")?;
    let parameters = &gateway["spec"]["infrastructure"]["parametersRef"];
    let is_meant =
        |object: &&Value| object["kind"] == "ConfigMap" && object["metadata"]["name"] == parameters["name"];
    let patch = objects.iter().find(is_meant)?["data"]["deployment"].as_str()?;
    Some(manifests::parse(patch).expect("YAML").remove(0))
}

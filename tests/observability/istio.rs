//! Istio's values say what the tested parts say.

use serde_json::json;
use twilio_proxy_wasm_harness::manifests;

#[test]
fn istio_gets_the_labels_and_the_access_log_that_are_tested() {
    let values = manifests::read("deploy/observability/istio-values.yaml").remove(0);
    let mesh = &values["meshConfig"];
    assert_eq!(mesh["defaultConfig"], json!({ "extraStatTags": ["route", "verdict", "reason"] }));
    let provider = &mesh["extensionProviders"][0]["envoyFileAccessLog"];
    let tested = manifests::read("deploy/observability/access-log-json.yaml").remove(0);
    let tested = &tested["access_log"][0]["typed_config"]["log_format"]["json_format"];
    assert!(tested.is_object());
    assert_eq!(provider["logFormat"]["labels"], *tested);
}

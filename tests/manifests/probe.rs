//! The manifests that run the probe: they ask what the gateway's manifests serve, as the tool can be asked, and need no
//! right on the machine.

use clap::Parser as _;
use serde_json::{Value, json};
use twilio_proxy_wasm_harness::manifests;
use twilio_webhook::args::{Cli, Command, Probe};

const FILES: [&str; 4] = [
    "deploy/probe/service.yaml",
    "deploy/probe/job.yaml",
    "deploy/probe/post-sync.yaml",
    "deploy/probe/cron-job.yaml",
];

fn object(file: &str) -> Value {
    let objects = manifests::read(file);
    let [object] = objects.as_slice() else { panic!("{file}: one object is expected") };
    object.clone()
}

/// The templates of the pods of the three, the Job's first.
fn templates() -> [Value; 3] {
    let [_, job, post_sync, cron_job] = FILES.map(object);
    let of_job = |job: &Value| job["spec"]["template"].clone();
    [of_job(&job), of_job(&post_sync), of_job(&cron_job["spec"]["jobTemplate"])]
}

/// What the tool makes of a container's arguments.
fn asked(template: &Value) -> Probe {
    let container = &template["spec"]["containers"][0];
    let arguments = container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap());
    let cli = Cli::try_parse_from(std::iter::once("twilio-webhook").chain(arguments)).unwrap();
    let Command::Probe(probe) = cli.command else { panic!("{cli:?}") };
    probe
}

#[cfg(feature = "e2e")]
#[test]
fn each_is_of_its_published_api() {
    let inputs = FILES.map(|file| json!({ "where": file, "object": object(file) }));
    assert_eq!(crate::types::problems(&inputs), "");
}

#[test]
fn the_tool_takes_their_arguments() {
    for template in templates() {
        let probe = asked(&template);
        assert_eq!(probe.urls, ["https://hooks.example.com/twilio/sms"]);
        assert_eq!(probe.reach.connect.as_deref(), Some("twilio-webhook-probe:8443"));
        assert!(probe.every_address && probe.strict);
        let container = &template["spec"]["containers"][0];
        let image =
            format!("registry.example.com/twilio-proxy-wasm/twilio-webhook:{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(container["image"], image);
        // A token comes from the environment, which has it from the gateway's own Secret.
        let variable = container["env"][0].clone();
        assert_eq!(variable["name"].as_str(), probe.token_env.as_deref());
        if probe.token_env.is_some() {
            assert_eq!(
                variable["valueFrom"]["secretKeyRef"],
                json!({ "name": "twilio-webhook", "key": "TWILIO_AUTH_TOKEN" })
            );
        }
    }
}

/// The alerts take what is signed for webhooks that arrive, and more than five forged requests for a wrong token.
#[test]
fn the_one_that_comes_again_and_again_does_not_mislead_the_alerts() {
    let [job, post_sync, cron_job] = templates();
    assert_eq!(job, post_sync);
    assert_eq!(asked(&job).token_env.as_deref(), Some("TWILIO_AUTH_TOKEN"));
    let again = asked(&cron_job);
    assert!(again.source().is_none() && again.wait.is_zero());
    assert_eq!(again.skip.len(), 4);
    let mut cron_job = cron_job;
    let container = &mut cron_job["spec"]["containers"][0];
    container["args"] = job["spec"]["containers"][0]["args"].clone();
    container["env"] = job["spec"]["containers"][0]["env"].clone();
    assert_eq!(cron_job, job, "all else is the same");
}

#[test]
fn the_service_is_that_of_the_gateways_pods() {
    let service = object(FILES[0]);
    let gateway = manifests::read("deploy/istio/base/gateway.yaml");
    let kind = |kind: &str| gateway.iter().find(|object| object["kind"] == kind).unwrap();
    assert_eq!(service["spec"]["clusterIP"], "None");
    assert_eq!(service["spec"]["selector"], kind("Deployment")["spec"]["selector"]["matchLabels"]);
    let ports = kind("Service")["spec"]["ports"].as_array().unwrap();
    let https = ports.iter().find(|port| port["name"] == "https").unwrap();
    assert_eq!(service["spec"]["ports"][0]["port"], https["targetPort"]);
    assert_eq!(service["metadata"]["name"], "twilio-webhook-probe");
}

/// Pod Security's profile `restricted` takes them.
#[test]
fn they_need_no_right_on_the_machine() {
    for template in templates() {
        let pod = &template["spec"];
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(
            pod["securityContext"],
            json!({
                "runAsNonRoot": true,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "seccompProfile": { "type": "RuntimeDefault" },
            })
        );
        assert_eq!(
            pod["containers"][0]["securityContext"],
            json!({
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            })
        );
        assert_eq!(template["metadata"]["labels"]["sidecar.istio.io/inject"], "false");
    }
}

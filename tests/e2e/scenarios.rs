//! Every row of `scenarios/webhooks.toml`, in the set-up of the compose harness without its containers.

use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::sample::{module, pass_through};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::world::{World, scenarios};
use twilio_webhook::report;

#[test]
fn every_scenario_is_as_expected() {
    let suite = scenarios();
    for binary in versions() {
        let world = World::start(&binary, &module());
        let rows = world.play(&suite).expect("rows that can be sent");
        let failed = rows.iter().filter(|row| !row.passed).count();
        assert_eq!(failed, 0, "Envoy {}\n{}{}", binary.version, world.log(), report::table(&rows));
    }
}

#[test]
fn the_scenarios_see_through_a_module_that_lets_everything_pass() {
    let suite = scenarios();
    let scratch = Scratch::new("pass-through");
    let module = scratch.write("pass-through.wasm", pass_through());
    let binary = versions().pop().expect("an Envoy");
    let rows = World::start(&binary, &module).play(&suite).expect("rows that can be sent");
    for (row, scenario) in rows.iter().zip(&suite.scenarios) {
        if scenario.expect.verdict.as_deref() == Some("denied") {
            assert!(!row.passed, "{}: {} {}", row.name, row.got, row.detail);
            // Behind a gate nothing gets through all the same. Elsewhere everything does: by the answer
            // alone, whatever the access log has.
            let is_shut = ["envoy", "gateway"].contains(&scenario.target.as_str());
            let expected =
                if is_shut { "403 blocked".to_owned() } else { scenario.expect.status.to_string() };
            assert_eq!(row.got.starts_with(&expected), is_shut, "{}: {} {}", row.name, row.got, row.detail);
        }
    }
}

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
            // By the answer alone, whatever the access log has.
            let answer = scenario.expect.status.to_string();
            assert!(!row.passed && !row.got.starts_with(&answer), "{}: {} {}", row.name, row.got, row.detail);
        }
    }
}

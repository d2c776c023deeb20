#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| twilio_proxy_wasm_fuzz::route::run(data));

//! What the README tells a newcomer to type, typed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use twilio_proxy_wasm_harness::sample::repository;

fn readme_block(language: &str, beginning: &str) -> String {
    let text = std::fs::read_to_string(repository().join("README.md")).expect("the README");
    let fence = format!("\n```{language}\n");
    let blocks =
        text.split(fence.as_str()).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned());
    blocks.into_iter().find(|block| block.starts_with(beginning)).expect("the block in the README")
}

fn demo(argument: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "-q", "--locked", "-p", "twilio-proxy-wasm-harness", "--bin", "demo", "--"]);
    command.args(argument).current_dir(repository()).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Enter, which ends it together with its Envoy; a kill would leave that behind.
        let _ = self.0.stdin.take().map(|mut input| input.write_all(b"\n"));
        let _ = self.0.wait();
    }
}

#[test]
fn the_demo_prints_what_the_readme_shows() {
    let output = demo(None).output().expect("the demo");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let printed: Vec<String> = text.lines().map(squeeze).collect();
    for line in readme_block("text", "request").lines() {
        assert!(printed.contains(&squeeze(line)), "the demo does not print {line:?}:\n{text}");
    }
}

#[test]
fn the_send_command_of_the_readme_gets_a_200_and_a_forged_one_a_403() {
    let mut served = Running(demo(Some("serve")).spawn().expect("the demo"));
    let output = BufReader::new(served.0.stdout.take().expect("its output"));
    let ready = output.lines().map_while(Result::ok).any(|line| line.starts_with("Press Enter"));
    assert!(ready, "the demo did not come up");
    let send = |more: &str| {
        let script = readme_block("sh", "export TWILIO_AUTH_TOKEN") + more;
        let output =
            Command::new("bash").args(["-c", &script]).current_dir(repository()).output().expect("bash");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = send("");
    assert!(code == Some(0) && text.contains("200"), "{code:?} {text}");
    let (code, text) = send(" --forge signature");
    assert!(code == Some(0) && text.contains("403"), "{code:?} {text}");
}

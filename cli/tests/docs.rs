//! What docs/troubleshooting.md says: the line of the log, and commands that print what is shown.

use std::path::{Path, PathBuf};
use std::process::Command;

use twilio_proxy_wasm::explain::Cause;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text() -> String {
    std::fs::read_to_string(repository().join("docs/troubleshooting.md")).unwrap()
}

#[test]
fn the_line_of_the_log_is_one_that_is_written() {
    let line = text().lines().find(|line| line.starts_with("twilio_webhook: denied ")).unwrap().to_owned();
    let cause = Cause::Scheme;
    let expected = format!(
        "twilio_webhook: denied route=sms reason=signature_mismatch cause=scheme setting={} key=TWILIO_SMS_AUTH_TOKEN: the \
         signature fits {}; {}",
        cause.setting().label(),
        cause.text(),
        cause.setting().remedy()
    );
    assert_eq!(line, expected);
}

#[test]
fn the_commands_print_what_is_shown() {
    let text = text();
    let mut run = 0;
    for part in text.split("\n```sh\n").skip(1) {
        let (script, rest) = part.split_once("\n```").unwrap();
        let tool = env!("CARGO_BIN_EXE_twilio-webhook");
        let script = script.replace("cargo run -q --locked -p twilio-webhook --", tool);
        let output = Command::new("bash").args(["-c", &script]).current_dir(repository()).output().unwrap();
        let (stdout, stderr) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(stderr, "", "{script}");
        let shown =
            rest.trim_start().strip_prefix("```text\n").map(|shown| shown.split("\n```").next().unwrap());
        match shown {
            Some(shown) => assert_eq!(stdout.trim_end(), shown, "{script}"),
            None => assert!(output.status.success(), "{script}\n{stdout}"),
        }
        run += 1;
    }
    assert_eq!(run, 3);
}

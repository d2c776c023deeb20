//! What docs/troubleshooting.md says: every reason, every cause with its setting, and commands that print what is shown.

use std::path::{Path, PathBuf};
use std::process::Command;

use twilio_proxy_wasm::explain::Cause;
use twilio_proxy_wasm::verdict::Reason;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text() -> String {
    std::fs::read_to_string(repository().join("docs/troubleshooting.md")).unwrap()
}

/// The cells of the rows that begin with a name in code.
fn rows(text: &str) -> Vec<Vec<String>> {
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_reason_and_every_cause_has_its_row() {
    let text = text();
    let rows = rows(&text);
    let row = |label: &str| {
        let named: Vec<_> = rows.iter().filter(|cells| cells[0] == format!("`{label}`")).collect();
        assert_eq!(named.len(), 1, "{label}");
        named[0].clone()
    };
    for reason in Reason::ALL {
        assert_eq!(row(reason.label()).len(), 4, "{reason}");
    }
    for cause in Cause::ALL {
        let cells = row(cause.label());
        let setting = format!("`{}`", cause.setting().label());
        assert_eq!(cells.len(), 3, "{cells:?}");
        assert!(cells[2].starts_with(&setting), "{cells:?} and not {setting}");
    }
    let shown = Reason::ALL.len() + Cause::ALL.len();
    assert_eq!(
        rows.iter().filter(|cells| !cells[0].contains("request_") && !cells[0].contains("via_")).count(),
        shown + 1
    );
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

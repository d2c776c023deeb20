//! `twilio-webhook check` on what stands around a plugin: routes, objects, gates and buffers. Each file in `around` begins
//! with the lines that are said of it, behind `#> `; `RECORD=1` writes them anew.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The lines of faults that are said of a file, and the exit codes without and with `--strict`.
fn said(text: &str) -> (Vec<String>, [i32; 2]) {
    let run = |arguments: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_twilio-webhook"));
        command.arg("check").args(arguments).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let (plain, strict) = (run(&["-"]), run(&["--strict", "-"]));
    assert_eq!(String::from_utf8(plain.stderr).unwrap(), "");
    let is_fault =
        |line: &&str| ["error: ", "warning: ", "note: "].iter().any(|level| line.starts_with(level));
    let stdout = String::from_utf8(plain.stdout).unwrap();
    let lines = stdout.lines().filter(is_fault).map(str::to_owned).collect();
    (lines, [plain.status.code().unwrap(), strict.status.code().unwrap()])
}

#[test]
fn what_is_said_of_each_file_stands_at_its_beginning() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/around");
    let mut read = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let (expected, input): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| line.starts_with("#> "));
        let expected: Vec<&str> = expected.iter().map(|line| &line[3..]).collect();
        let input = input.join("\n") + "\n";
        let (lines, codes) = said(&input);
        if std::env::var_os("RECORD").is_some() {
            let head: String = lines.iter().map(|line| format!("#> {line}\n")).collect();
            fs::write(&path, head + &input).unwrap();
        } else {
            assert_eq!(lines, expected, "{}", path.display());
        }
        let has = |level: &str| lines.iter().any(|line| line.starts_with(level));
        let fails = [has("error: "), has("error: ") || has("warning: ")].map(i32::from);
        assert_eq!(codes, fails, "{}", path.display());
        read += 1;
    }
    assert_eq!(read, 33);
}

/// The order of objects in a file, and whether they are in one file or in a list, changes nothing.
#[test]
fn objects_are_found_in_lists_and_in_any_order() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/around/canary-route.yaml");
    let text = fs::read_to_string(path).unwrap();
    let expected = said(&text);
    assert!(
        expected.0.iter().any(|line| line.contains("route set-header-1 takes requests of")),
        "{expected:?}"
    );
    let mut objects: Vec<&str> = text.split("---\n").collect();
    let items: Vec<serde_json::Value> =
        objects.iter().map(|object| serde_yaml_ng::from_str(object).unwrap()).collect();
    let list = serde_json::json!({ "kind": "List", "items": items });
    assert_eq!(said(&list.to_string()), expected);
    objects.reverse();
    assert_eq!(said(&objects.join("\n---\n")), expected);
}

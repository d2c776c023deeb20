//! A Prometheus server of Debian, started by hand and stopped again.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{self, Request, Target};
use twilio_proxy_wasm_harness::sample::repository;
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::Protocol;

/// How often targets are scraped and rules evaluated.
pub const INTERVAL: &str = "250ms";
const WAIT: Duration = Duration::from_secs(20);

/// A series with its value.
pub type Sample = (BTreeMap<String, String>, f64);

/// Killed when dropped.
pub struct Prometheus {
    child: Child,
    scratch: Scratch,
    port: u16,
}

/// Where `tools/prometheus` has a program.
pub fn program(name: &str) -> PathBuf {
    let output = Command::new(repository().join("tools/prometheus")).stderr(Stdio::inherit()).output();
    let output = output.expect("to run tools/prometheus");
    assert!(output.status.success(), "expected tools/prometheus to find Prometheus");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).join(name)
}

impl Prometheus {
    /// Scrapes each of these ports as a job of this name, and evaluates the alert rules.
    pub fn start(targets: &[(String, u16)]) -> Prometheus {
        let scratch = Scratch::new("prometheus");
        let job = |(name, port): &(String, u16)| {
            json!({ "job_name": name, "metrics_path": "/stats/prometheus",
                    "static_configs": [{ "targets": [format!("127.0.0.1:{port}")] }] })
        };
        let config = json!({
            "global": { "scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL },
            "rule_files": [repository().join("deploy/observability/alerts.yaml")],
            "scrape_configs": targets.iter().map(job).collect::<Vec<_>>(),
        });
        let child = Command::new(program("prometheus"))
            .arg("--config.file")
            .arg(scratch.write("prometheus.yaml", config.to_string()))
            .arg("--storage.tsdb.path")
            .arg(scratch.join("data"))
            .args(["--web.listen-address", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(scratch.join("log")).expect("a log file"))
            .spawn()
            .expect("to run prometheus");
        let mut prometheus = Prometheus { child, scratch, port: 0 };
        prometheus.port = poll(|| prometheus.listens_on())
            .unwrap_or_else(|| panic!("Prometheus does not listen:\n{}", prometheus.log()));
        poll(|| prometheus.get("/-/ready").ok().filter(|response| response.status == 200))
            .unwrap_or_else(|| panic!("Prometheus is not ready:\n{}", prometheus.log()));
        prometheus
    }

    /// The port that it chose, as its log tells.
    fn listens_on(&self) -> Option<u16> {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("msg=\"Listening on\""))?;
        line.rsplit_once("address=127.0.0.1:")?.1.split_whitespace().next()?.parse().ok()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.scratch.join("log")).unwrap_or_default()
    }

    fn get(&self, path: &str) -> Result<client::Response, client::Failure> {
        client::send(&Target::plain(self.port), Protocol::Http1, &Request::new("GET", "localhost", path))
    }

    /// The `data` of an answer of the API.
    pub fn api(&self, path: &str) -> Value {
        let response = self.get(&format!("/api/v1/{path}")).expect("an answer of Prometheus");
        let answer: Value = serde_json::from_str(&response.text()).expect("JSON");
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].clone()
    }

    /// What an expression comes to, now or so much later.
    pub fn query(&self, expression: &str, later: Duration) -> Vec<Sample> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time");
        let encoded: String = form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let data = self.api(&format!("query?query={encoded}&time={:.3}", (now + later).as_secs_f64()));
        assert_eq!(data["resultType"], "vector", "{expression}");
        data["result"].as_array().expect("a vector").iter().map(sample).collect()
    }

    /// Asks again until the expression returns something.
    #[track_caller]
    pub fn wait_for(&self, expression: &str) -> Vec<Sample> {
        self.wait_for_later(expression, Duration::ZERO)
    }

    /// The same, for the state of things so much later.
    #[track_caller]
    pub fn wait_for_later(&self, expression: &str, later: Duration) -> Vec<Sample> {
        poll(|| Some(self.query(expression, later)).filter(|samples| !samples.is_empty()))
            .unwrap_or_else(|| panic!("nothing comes of {expression}"))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sample(series: &Value) -> Sample {
    let labels = series["metric"].as_object().expect("labels");
    let labels = labels.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    let value = series["value"][1].as_str().expect("a value");
    (labels.collect(), value.parse().expect("a number"))
}

/// Asks again and again until there is an answer.
pub fn poll<T>(mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + WAIT;
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

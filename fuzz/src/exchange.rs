//! A request with its head, its body and any cuts, through the state machine: it is let in if and only if the naive verifier
//! lets it in, whatever the cuts, and nothing that comes out holds a key, a signature or a part of the body.

use std::rc::Rc;

use twilio_proxy_wasm::exchange::{Exchange, Step};
use twilio_proxy_wasm::explain::Explanation;
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::reason::Reason;
use twilio_proxy_wasm::record;
use twilio_proxy_wasm::reply::Reply;
use twilio_proxy_wasm::verdict::{Decision, Verdict};

use crate::input::Input;
use crate::naive::{self, Keys};
use crate::support::{self, End, FakeProxy, sign};

const KEYS: Keys = Keys {
    auth_token: "canary-auth-token-0123456789",
    shared: ("webhooks_sharedkey_01", "canary-shared-key-0123456789"),
    max_body_bytes: 4096,
};

/// The names by which operators know the keys, in their order.
const LABELS: [&str; 2] = ["auth_tokens[0]", KEYS.shared.0];

const METHODS: [&str; 6] = ["POST", "GET", "PUT", "CONNECT", "HEAD", ""];
const SCHEMES: [&str; 4] = ["https", "http", "ftp", ""];
const AUTHORITIES: [&str; 8] =
    ["hooks.example.com", "Hooks.Example.com:8443", "[::1]:443", "[::1]", "a:80", ":1", "a,b", "user@a:b"];
const CONTENT_TYPES: [&str; 7] = [
    "application/x-www-form-urlencoded",
    "Application/X-WWW-Form-Urlencoded; charset=\"UTF-8\"",
    "application/x-www-form-urlencoded;charset=latin1",
    "application/json",
    "application/x-www-form-urlencoded,application/json",
    "multipart/form-data; boundary=x",
    "",
];
const EXTRAS: [(&str, &str); 16] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("upgrade", "h2c"),
    ("content-length", "0"),
    ("content-length", "4097"),
    ("transfer-encoding", "chunked"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-proto", "HTTP , https"),
    ("x-forwarded-proto", "gopher"),
    ("x-forwarded-host", "elsewhere.example.com"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("x-twilio-webhooks-signature-settings", "key=webhooks_sharedkey_01,algorithm=HMAC_SHA256"),
    ("x-twilio-webhooks-signature-settings", "key=webhooks_sharedkey_01,algorithm=HMAC_SHA1"),
    ("x-twilio-webhooks-signature-settings", "key=webhooks_sharedkey_02,algorithm=HMAC_SHA256"),
    (":path", "/other"),
    (":authority", "elsewhere.example.com"),
];

/// Each way of holding a request, and of not holding it.
const WAYS: [&str; 3] = [r#""hold": "self""#, r#""hold": "buffer_after""#, r#""mode": "report""#];

thread_local! {
    static POLICIES: [Rc<Policy>; 3] = WAYS.map(|way| {
        let json = format!(
            r#"{{ "auth_tokens": [{{ "value": "{}" }}], "max_body_bytes": {}, {way},
                 "shared_keys": [{{ "id": "{}", "algorithm": "HMAC_SHA256", "value": "{}" }}] }}"#,
            KEYS.auth_token, KEYS.max_body_bytes, KEYS.shared.0, KEYS.shared.1,
        );
        support::policy(&json)
    });
}

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (mut request, cuts) = build(&mut input);
    let naive = |request: &support::Request| {
        let headers = &request.headers;
        naive::Request { headers, body: &request.body, listener_port: None }.is_allowed(&KEYS)
    };
    tamper(&mut request, &mut input);
    let allowed = naive(&request);
    let way = input.below(WAYS.len());
    POLICIES.with(|policies| {
        let policy = &policies[way];
        let (mut steps, mut verdicts) = (Vec::new(), Vec::new());
        // The fake proxy never ends a request that bears `upgrade` with its headers.
        let may_end = !request.headers.iter().any(|(name, _)| name == "upgrade") || !request.body.is_empty();
        let ends = [End::Body, End::Trailers, if may_end { End::Headers } else { End::Body }];
        for (end, cuts) in ends.into_iter().flat_map(|end| [(end, &[][..]), (end, &cuts[..])]) {
            let (step, verdict) = request.send(policy, cuts, end);
            let verdict = verdict.unwrap_or_else(|| panic!("no verdict on {request:?}"));
            verdicts.push(verdict);
            steps.push(step);
        }
        assert!(verdicts.windows(2).all(|two| two[0] == two[1]), "{verdicts:?} of {request:?}");
        silent(policy, &request, &steps, verdicts[0]);
        let words = support::words(verdicts.pop());
        assert_eq!(words.starts_with("allowed "), allowed, "{words}, {request:?}");
        let denies = |step: &Step| matches!(step, Step::Reply(_));
        assert!(steps.iter().all(|step| denies(step) == words.starts_with("denied ")), "{words}, {steps:?}");
        assert!(way < 2 || !words.starts_with("denied "), "{words} in report mode");
    });
}

/// A request as the input says, rightly signed over one of the messages that the rules allow.
fn build(input: &mut Input<'_>) -> (support::Request, Vec<usize>) {
    let method = METHODS[input.below(METHODS.len())];
    let scheme = SCHEMES[input.below(SCHEMES.len())];
    let known = input.below(AUTHORITIES.len() + 1);
    let content_type = CONTENT_TYPES[input.below(CONTENT_TYPES.len())];
    let (is_hashed, which) = (input.below(4) == 1, input.below(256));
    let extras: Vec<_> = (0..input.below(4)).map(|_| EXTRAS[input.below(EXTRAS.len())]).collect();
    let cuts = (0..input.below(6)).map(|_| input.below(40)).collect();
    let authority = AUTHORITIES.get(known).map_or_else(|| input.text(), |known| known.as_bytes());
    let mut target = [if input.below(16) == 1 { b"" } else { &b"/"[..] }, input.text()].concat();
    let body = input.text().to_vec();
    if is_hashed {
        let mark = if target.contains(&b'?') { "&" } else { "?" };
        target.extend(format!("{mark}bodySHA256={}", sign::sha256_hex(&body)).bytes());
    }
    let mut request = support::Request { headers: Vec::new(), body };
    for (name, value) in [
        (":method", method.as_bytes()),
        (":scheme", scheme.as_bytes()),
        (":authority", authority),
        (":path", &target),
    ] {
        request = request.header(name, value);
    }
    if !content_type.is_empty() {
        request = request.header("content-type", content_type);
    }
    for (name, value) in extras {
        request = request.header(name, value);
    }
    let seen = naive::Request { headers: &request.headers, body: &request.body, listener_port: None };
    let messages = seen.messages().unwrap_or_default();
    let (key, is_sha256) = seen.key(&KEYS).unwrap_or((KEYS.auth_token, false));
    let none = Vec::new();
    let message = messages.get(which % messages.len().max(1)).unwrap_or(&none);
    let signature = naive::signature(key, is_sha256, message);
    (request.header("x-twilio-signature", signature), cuts)
}

/// Changes something of a signed request, or nothing.
fn tamper(request: &mut support::Request, input: &mut Input<'_>) {
    let flip = |bytes: &mut Vec<u8>, at: usize, bit: usize| {
        if let Some(byte) = bytes.len().checked_sub(1).and_then(|last| bytes.get_mut(at.min(last))) {
            *byte ^= 1 << bit;
        }
    };
    let (what, at, bit) = (input.below(8), input.below(256), input.below(8));
    let place =
        |request: &support::Request, name: &str| request.headers.iter().position(|(own, _)| own == name);
    match what {
        1 => flip(&mut request.body, at, bit),
        2 => request.body.extend(input.text()),
        3 | 4 | 5 => {
            let name = ["x-twilio-signature", ":path", ":authority"][what - 3];
            if let Some(place) = place(request, name) {
                flip(&mut request.headers[place].1, at, bit);
            }
        }
        6 => {
            let (name, value) = request.headers[at % request.headers.len()].clone();
            request.headers.push((name, value));
        }
        7 => drop(request.headers.remove(at % request.headers.len())),
        _ => {}
    }
}

/// What operators and clients read is of words from closed lists alone, and the configured names of keys.
fn silent(policy: &Rc<Policy>, request: &support::Request, steps: &[Step], verdict: Verdict) {
    let (label, reason) = (verdict.decision.label(), verdict.reason());
    // Without one host and path it is on no route.
    let route = if verdict.route.is_some() { "default" } else { "unmatched" };
    let state = record::filter_state(policy, verdict);
    let begin = format!("verdict={label} route={route} reason={}", reason.map_or("none", Reason::label));
    let key = if let Decision::Allowed { key } = verdict.decision {
        format!(" key={}", LABELS[key.position])
    } else {
        String::new()
    };
    assert_eq!(state, begin + &key);
    for step in steps {
        assert!(!matches!(step, Step::Reply(reply) if Some(*reply) != reason.map(Reply::to)), "{step:?}");
    }
    let explanation = explanation(policy, request);
    let line = record::log_line(policy, verdict, explanation.as_ref(), 3);
    assert_eq!(line.is_some(), reason.is_some());
    if let (Some(line), Some(reason)) = (line, reason) {
        let rest = explanation.map_or_else(
            || format!(": {}", reason.hint()),
            |explanation| format!(" {}", told_of(&explanation)),
        );
        let end = "(3 lines like this were held back)";
        assert_eq!(line, format!("twilio_webhook: {label} route={route} reason={reason}{rest} {end}"));
    }
}

/// An explanation in words from closed lists.
fn told_of(explanation: &Explanation) -> String {
    let (cause, setting) = (explanation.cause(), explanation.cause().setting());
    let (mut names, mut fits) = (String::new(), "");
    if let Some(key) = explanation.key() {
        assert!(LABELS.contains(&key), "{key}");
        (names, fits) = (format!(" key={key}"), "the signature fits ");
    }
    for (name, value) in explanation.detail().iter().flat_map(|detail| detail.fields()) {
        names += &format!(" {name}={value}");
    }
    let scheme = if explanation.other_scheme() { " and the other scheme" } else { "" };
    let told = format!(
        "cause={} setting={}{names}: {fits}{}{scheme}; {}",
        cause.label(),
        setting.label(),
        cause.text(),
        setting.remedy()
    );
    assert_eq!(format!("{explanation:?}"), format!("Explanation({told})"));
    told
}

/// What the filter finds out about a denial.
fn explanation(policy: &Rc<Policy>, request: &support::Request) -> Option<Explanation> {
    let proxy = FakeProxy::of(request);
    let mut exchange = Exchange::new(Rc::clone(policy), Rc::default(), false);
    exchange.on_headers(false, &proxy);
    if exchange.verdict().is_none() {
        proxy.body.borrow_mut().extend_from_slice(&request.body);
        exchange.on_body(request.body.len(), true, &proxy);
    }
    exchange.take_verdict()?.1?.explain(policy, &proxy)
}

//! A client for the Express application that has Twilio's middleware in front.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use crate::case::{Case, Signer};

/// So many requests are sent before their responses are read.
const AT_ONCE: usize = 32;

pub struct Express {
    stream: BufReader<TcpStream>,
}

impl Express {
    pub fn connect(port: u16) -> Express {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the Express application");
        stream.set_nodelay(true).expect("a socket");
        Express { stream: BufReader::new(stream) }
    }

    /// Whether the middleware lets each request through; `None` for those that it is not asked about.
    pub fn judge(&mut self, cases: &[Case]) -> Vec<Option<bool>> {
        let mut verdicts = vec![None; cases.len()];
        let asked: Vec<usize> = (0..cases.len()).filter(|at| is_asked(&cases[*at])).collect();
        for some in asked.chunks(AT_ONCE) {
            let requests: Vec<u8> = some.iter().flat_map(|at| request(&cases[*at])).collect();
            self.stream.get_mut().write_all(&requests).expect("Express reads");
            for at in some {
                verdicts[*at] = Some(self.status() == 200);
            }
        }
        verdicts
    }

    /// Reads one response, and gives its status.
    fn status(&mut self) -> u16 {
        let line = self.line();
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no HTTP: {line:?}"));
        let mut length = 0;
        loop {
            let header = self.line().to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if header.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the body");
        status
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let size = self.stream.read_line(&mut line).expect("a response");
        assert_ne!(size, 0, "Express has closed the connection");
        line.trim_end().to_owned()
    }
}

/// The middleware knows neither WebSockets nor shared keys, and Node's HTTP server no bytes beyond ASCII in a URL.
fn is_asked(case: &Case) -> bool {
    let has_key = case.signed.signer != Signer::Shared256 && case.signed.settings.may_be_twilios();
    has_key && !case.is_socket() && case.url.target().bytes().all(|byte| byte.is_ascii_graphic())
}

/// As the application behind a proxy gets it: the dialled host as `Host`, and the dialled scheme by configuration.
fn request(case: &Case) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", case.method, case.url.target());
    let mut add = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
    add("Host", &case.url.authority());
    add("X-Oracle-Protocol", case.url.scheme);
    add("X-Oracle-Token", case.signed.signer.secret());
    if let Some(signature) = &case.signature {
        add("X-Twilio-Signature", signature);
    }
    if let Some(content_type) = case.content_type {
        add("Content-Type", content_type);
    }
    if case.method != "GET" || !case.body.is_empty() {
        add("Content-Length", &case.body.len().to_string());
    }
    head.push_str("\r\n");
    let mut request = head.into_bytes();
    request.extend(&case.body);
    request
}

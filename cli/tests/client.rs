//! What goes on the wire, and what is made of what comes back.

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;
use std::time::Duration;

use common::{HOST, Server};
use twilio_webhook::client::{Answer, Client, Dial, Options, Version};
use twilio_webhook::failure::Failure;
use twilio_webhook::fixtures::Kind;
use twilio_webhook::key::{Key, Secret};
use twilio_webhook::parts::Parts;
use twilio_webhook::request::{Request, SIGNATURE};
use twilio_webhook::url::Url;
use twilio_webhook::webhook::Webhook;

fn signed(url: &str, kind: Kind) -> Request {
    let parts = Parts { kind: Some(kind), ..Parts::default() };
    Webhook::build(Url::parse(url).unwrap(), parts).unwrap().sign(&Key::AuthToken(Secret::new("token")))
}

fn client(server: &Server) -> Client {
    Client::new(&Options { cacert: Some(server.cacert.clone()), timeout: Duration::from_secs(5) }).unwrap()
}

fn dial(address: &dyn ToString, http: Version) -> Dial {
    Dial { connect: Some(address.to_string()), http }
}

/// A server for one connection that reads as much as `enough` wants, answers with fixed bytes, and returns what it read.
fn scripted(
    answer: &'static [u8],
    enough: impl Fn(&[u8]) -> bool + Send + 'static,
) -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        while !enough(&seen) {
            let length = stream.read(&mut buffer).unwrap();
            seen.extend_from_slice(&buffer[..length]);
        }
        stream.write_all(answer).unwrap();
        seen
    });
    (address, thread)
}

fn send_to_scripted(answer: &'static [u8]) -> Result<Answer, Failure> {
    let (address, _thread) = scripted(answer, |seen| seen.windows(4).any(|four| four == b"\r\n\r\n"));
    let client = Client::new(&Options::default()).unwrap();
    client.send(&signed("http://hooks.example.com/", Kind::Get), &dial(&address, Version::Http1))
}

/// Every spelling that a URL library would tidy up.
const ODD_TARGETS: [&str; 7] = [
    "//double//slash/../up/./dot",
    "/%7Etilde/%2fslash/lower%2b?a=%20+b&a=1",
    "/quote'(paren)*!~;:@$,?x='&y=[1]{2}|3",
    "/empty?",
    "/a?b=1&&c&=d&",
    "/caf\u{e9}?q=\u{1f600}",
    "/trailing/?next=https://x.example/?y",
];

#[test]
fn http1_sends_the_url_byte_for_byte() {
    for target in ODD_TARGETS {
        let (address, thread) =
            scripted(b"HTTP/1.1 204 No Content\r\n\r\n", |seen| seen.ends_with(b"\r\n\r\n"));
        let request = signed(&format!("http://HOOKS.Example.com:80{target}"), Kind::Empty);
        let answer =
            Client::new(&Options::default()).unwrap().send(&request, &dial(&address, Version::Http1));
        assert_eq!(answer.unwrap().status, 204);
        let seen = String::from_utf8(thread.join().unwrap()).unwrap();
        let start = format!("POST {target} HTTP/1.1\r\nHost: HOOKS.Example.com:80\r\nContent-Length: 0\r\n");
        assert!(seen.starts_with(&start), "{seen}");
        let signature = format!("\r\n{SIGNATURE}: {}\r\n", request.header(SIGNATURE).unwrap());
        assert!(seen.contains(&signature), "{seen}");
    }
}

#[test]
fn http2_sends_the_url_byte_for_byte() {
    let server = Server::start();
    for target in ODD_TARGETS {
        let request = signed(&format!("https://{HOST}{target}"), Kind::Sms);
        let answer = client(&server).send(&request, &dial(&server.tls, Version::Http2)).unwrap();
        assert_eq!(answer.status, 200);
        let received = server.received.lock().unwrap().pop().unwrap();
        assert_eq!(received.path, target);
        assert_eq!(Some(received.body), request.body);
    }
}

#[test]
fn every_version_over_tls_and_in_the_clear() {
    let server = Server::start();
    for http in [Version::Http1, Version::Http2] {
        for (scheme, address) in [("https", server.tls), ("http", server.clear)] {
            let request = signed(&format!("{scheme}://{HOST}/sms"), Kind::Sms);
            let answer = client(&server).send(&request, &dial(&address, http)).unwrap();
            assert_eq!((answer.status, answer.body.as_slice()), (200, b"ok".as_slice()), "{scheme} {http:?}");
            let received = server.received.lock().unwrap().pop().unwrap();
            assert_eq!(Some(received.body), request.body, "{scheme} {http:?}");
        }
    }
}

#[test]
fn a_websocket_opens_and_echoes() {
    let server = Server::start();
    for (http, status) in [(Version::Http1, 101), (Version::Http2, 200)] {
        let mut request = signed(&format!("wss://{HOST}/stream"), Kind::Websocket);
        // The three ways in which a frame tells its length.
        request.frames = vec!["{\"event\":\"connected\"}".into(), "x".repeat(300), "y".repeat(70_000)];
        let answer = client(&server).send(&request, &dial(&server.tls, http)).unwrap();
        assert_eq!((answer.status, &answer.echoes), (status, &request.frames), "{http:?}");
    }
}

#[test]
fn a_refused_websocket_is_an_answer() {
    let server = Server::start();
    for http in [Version::Http1, Version::Http2] {
        let mut request = signed(&format!("wss://{HOST}/stream"), Kind::Websocket);
        request.headers.push(("X-Answer".into(), "403".into()));
        let answer = client(&server).send(&request, &dial(&server.tls, http)).unwrap();
        assert_eq!(answer.status, 403, "{http:?}");
        assert_eq!(answer.body, b"Twilio Request Validation Failed.", "{http:?}");
    }
}

#[test]
fn an_answer_that_comes_before_the_body_has_gone_is_read() {
    // Far more than the buffers between hold, so that the writing must fail when the server closes.
    let mut request = signed("http://hooks.example.com/", Kind::Sms);
    request.body = Some(vec![b'x'; 16 << 20]);
    let refusal = b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig";
    let (address, thread) = scripted(refusal, |seen| seen.len() > 1_000);
    let answer =
        Client::new(&Options::default()).unwrap().send(&request, &dial(&address, Version::Http1)).unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (413, b"big".as_slice()));
    assert!(thread.join().unwrap().len() < 16 << 20);
}

#[test]
fn bodies_end_where_they_end() {
    let body = |answer: &'static [u8]| send_to_scripted(answer).map(|answer| answer.body);
    assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore").unwrap(), b"ok");
    assert_eq!(body(b"HTTP/1.1 200 OK\r\n\r\nto the end").unwrap(), b"to the end");
    let chunked = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
    assert_eq!(body(chunked).unwrap(), b"abcde");
    for broken in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort".as_slice(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"",
    ] {
        let failure = body(broken).unwrap_err();
        assert!(matches!(failure, Failure::Protocol(_)), "{failure:?}");
    }
}

#[test]
fn an_untrusted_certificate_is_refused() {
    let (server, other) = (Server::start(), Server::start());
    let request = signed(&format!("https://{HOST}/"), Kind::Sms);
    let failure = client(&other).send(&request, &dial(&server.tls, Version::Http1)).unwrap_err();
    assert!(matches!(&failure, Failure::Tls(text) if text.contains("certificate is refused")), "{failure:?}");
    let request = signed("https://another.example.com/", Kind::Sms);
    let failure = client(&server).send(&request, &dial(&server.tls, Version::Http1)).unwrap_err();
    assert!(matches!(&failure, Failure::Tls(text) if text.contains("another name")), "{failure:?}");
    let request = signed(&format!("https://{HOST}/"), Kind::Sms);
    // A certificate that `openssl req -x509` makes by default.
    let authority = Server::start_with(rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
    let failure = client(&authority).send(&request, &dial(&authority.tls, Version::Http1)).unwrap_err();
    assert!(matches!(&failure, Failure::Tls(text) if text.contains("CA:TRUE")), "{failure:?}");
    let failure = client(&server).send(&request, &dial(&server.clear, Version::Http1)).unwrap_err();
    assert!(matches!(failure, Failure::Tls(_)), "{failure:?}");
}

#[test]
fn a_server_that_never_answers_is_a_timeout() {
    let server = Server::start();
    for http in [Version::Http1, Version::Http2] {
        let options = Options { cacert: Some(server.cacert.clone()), timeout: Duration::from_millis(200) };
        let request = signed(&format!("https://{HOST}/never"), Kind::Sms);
        let failure = Client::new(&options).unwrap().send(&request, &dial(&server.tls, http)).unwrap_err();
        assert!(matches!(failure, Failure::Timeout(_)), "{failure:?}");
    }
}

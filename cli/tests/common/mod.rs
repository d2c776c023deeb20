//! A server that stands for the proxy and the application behind it: it answers with what the header `X-Answer` asks
//! for, remembers what it would have forwarded (every answer below 400), echoes WebSocket messages, and keeps an
//! access log whose reason is the header `X-Reason`. Over TLS and in the clear, HTTP/1.1 and HTTP/2.

#![allow(dead_code, reason = "every test file uses a part of it")]

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::ext::Protocol;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use twilio_webhook::scenario::Received;

/// The host that the certificate is for.
pub(crate) const HOST: &str = "hooks.example.com";

pub(crate) struct Server {
    pub(crate) tls: SocketAddr,
    pub(crate) clear: SocketAddr,
    pub(crate) cacert: PathBuf,
    pub(crate) access_log: PathBuf,
    pub(crate) received: Arc<Mutex<Vec<Received>>>,
}

/// What the handlers share.
#[derive(Clone)]
struct State {
    access_log: PathBuf,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(rcgen::IsCa::NoCa)
    }

    /// The same with a certificate that may be one for an authority.
    pub(crate) fn start_with(is_ca: rcgen::IsCa) -> Self {
        let mut params = rcgen::CertificateParams::new([HOST.to_owned()]).unwrap();
        params.is_ca = is_ca;
        let signing_key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&signing_key).unwrap();
        let cacert = temporary("ca.pem");
        std::fs::write(&cacert, certificate.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let state = State { access_log: temporary("access.jsonl"), received: Arc::default() };
        let (access_log, received) = (state.access_log.clone(), Arc::clone(&state.received));
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let tls = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let clear = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send((tls.local_addr().unwrap(), clear.local_addr().unwrap())).unwrap();
                let acceptor = TlsAcceptor::from(Arc::new(config));
                tokio::spawn(accept(clear, None, state.clone()));
                accept(tls, Some(acceptor), state).await;
            });
        });
        let (tls, clear) = told.recv().unwrap();
        Self { tls, clear, cacert, access_log, received }
    }
}

/// A path in cargo's directory for tests, unique in this process and among others.
pub(crate) fn temporary(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{count}-{name}", std::process::id()))
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: State) {
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let (tls, state) = (tls.clone(), state.clone());
        tokio::spawn(async move {
            match tls {
                // In the clear only prior knowledge tells: the preface of HTTP/2 begins with PRI.
                None => {
                    let mut start = [0; 3];
                    while tcp.peek(&mut start).await.is_ok_and(|length| (1..3).contains(&length)) {}
                    serve(tcp, &start == b"PRI", state).await;
                }
                Some(tls) => {
                    if let Ok(stream) = tls.accept(tcp).await {
                        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        serve(stream, http2, state).await;
                    }
                }
            }
        });
    }
}

async fn serve<S>(stream: S, http2: bool, state: State)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| handle(request, state.clone()));
    let io = TokioIo::new(stream);
    if http2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ = builder.enable_connect_protocol().serve_connection(io, service).await;
    } else {
        let builder = hyper::server::conn::http1::Builder::new();
        let _ = builder.serve_connection(io, service).with_upgrades().await;
    }
}

async fn handle(mut request: Request<Incoming>, state: State) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path_and_query().unwrap().to_string();
    if let Some(token) = path.strip_prefix("/requests/") {
        return Ok(Response::new(Full::from(recorded(&state, token))));
    }
    if path == "/never" {
        std::future::pending::<()>().await;
    }
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let asked = header("x-answer").map(|status| status.parse::<u16>().unwrap());
    let details = header("x-reason").map_or(String::new(), |reason| {
        let verdict = if reason == "none" { "allowed" } else { "denied" };
        format!("verdict={verdict} route=test reason={reason}")
    });
    let token = header("i-twilio-idempotency-token").unwrap();
    let refused = asked.is_some_and(|status| status >= 400);
    let extended =
        request.extensions().get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket");
    let upgrade = extended || header("upgrade").is_some_and(|upgrade| upgrade == "websocket");

    let mut response =
        Response::new(Full::from(if refused { "Twilio Request Validation Failed." } else { "ok" }));
    *response.status_mut() = asked.unwrap_or(200).try_into().unwrap();
    let mut received = Received {
        method: if extended { Method::GET.to_string() } else { request.method().to_string() },
        path,
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: Vec::new(),
        complete: false,
    };
    if upgrade && !refused {
        response = Response::new(Full::default());
        if let Some(key) = header("sec-websocket-key") {
            let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
            let accept = STANDARD.encode(Sha1::digest(text));
            *response.status_mut() = hyper::StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert("upgrade", "websocket".parse().unwrap());
            response.headers_mut().insert("connection", "upgrade".parse().unwrap());
            response.headers_mut().insert("sec-websocket-accept", accept.parse().unwrap());
        }
        tokio::spawn(async move { echo(hyper::upgrade::on(&mut request).await.unwrap()).await });
    } else {
        received.body = request.into_body().collect().await.unwrap().to_bytes().to_vec();
        received.complete = true;
    }
    if !refused {
        state.received.lock().unwrap().push(received);
    }
    let mut log = std::fs::OpenOptions::new().create(true).append(true).open(&state.access_log).unwrap();
    let line = serde_json::json!({
        "idempotency_token": token,
        "response_code": response.status().as_u16(),
        "response_code_details": "via_upstream",
        "twilio_webhook": details,
    });
    writeln!(log, "{line}").unwrap();
    Ok(response)
}

async fn echo(upgraded: hyper::upgrade::Upgraded) {
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            socket.send(message).await.unwrap();
        }
    }
}

/// What a recorder's control port says.
fn recorded(state: &State, token: &str) -> String {
    let received = state.received.lock().unwrap();
    let found: Vec<_> = received
        .iter()
        .filter(|request| request.headers.iter().any(|(_, value)| value == token))
        .map(|request| {
            serde_json::json!({
                "method": request.method, "path": request.path, "headers": request.headers,
                "body_base64": STANDARD.encode(&request.body), "complete": request.complete,
            })
        })
        .collect();
    serde_json::json!(found).to_string()
}

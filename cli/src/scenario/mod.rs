//! Tables of requests with what is expected of each, as TOML.
//!
//! ```toml
//! [[scenario]]
//! name = "SMS, signature altered"             # says what it shows; the table's first column
//! target = "envoy"                            # a name that --target gives HOST:PORT for; this is the default
//! webhook = "sms"                             # sms, voice, status, get, events, websocket, empty; or none
//! params = { Body = "hi", Tag = ["a", "b"] }  # added to the webhook's, or instead of those of the same name
//! json = '{"a": 1}'                           # a JSON body instead
//! method = "POST"
//! url = "https://hooks.example.com/twilio/sms" # what Twilio was given, dials and signs
//! path = "/rewritten?x=1"                     # path and query on the wire, where they differ from the URL's
//! request_url = "https://other.example.com/"  # or the whole URL on the wire
//! headers = { X-Extra = "1" }
//! http = "2"                                  # default 1.1
//! key = { env = "TWILIO_AUTH_TOKEN" }         # the default; or { file = "PATH" }
//! shared_key = { id = "webhooks_sharedkey_01h", algorithm = "HMAC_SHA256", env = "TWILIO_SHARED_KEY" }
//! forge = "signature"                         # breaks one thing: see `twilio-webhook send --help`
//! too_large_bytes = 262144                    # what the forgery `too-large` goes beyond
//! query_in_url = true                         # sign a WebSocket's query as part of the URL, not as parameters
//! frames = ["hello"]                          # messages for an open WebSocket, each expected back
//!
//! [scenario.expect]
//! status = 403
//! reason = "signature_mismatch"               # `none` for a request that is allowed; checked against the access log
//! verdict = "denied"                          # allowed, denied, reported, passed, incomplete, or - for none; likewise
//! upstream = "nothing"                        # or "received": whether the application saw it; checked when recorded
//! ```
//!
//! Everything but `name`, `url` and `expect.status` may be left out.

pub mod lookup;
mod prepare;
mod row;
mod run;
mod suite;

pub use lookup::{Logged, Received};
pub use row::Row;
pub use run::{Env, ReasonLookup, Setup, UpstreamLookup, run};
pub use suite::{Expect, KeySource, Scenario, SharedKey, Suite, Upstream, Values};

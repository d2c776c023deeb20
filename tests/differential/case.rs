//! One request with all that is known of how it came to be.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use twilio_webhook::key::Algorithm;
use twilio_webhook::sign;

use crate::url::Url;

/// What is sent, and what of it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Form(Form),
    /// Neither parameters nor a body beside the query.
    Empty(EmptyHash),
    Body(BodyHash),
    Socket(Query),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Plain,
    /// With a `bodySHA256` in the query, and parameters signed all the same.
    BesideHash,
    /// With its right `bodySHA256`, and the URL alone signed.
    ByHash,
    /// `&` or `=`: no parameter that adds to what is signed.
    AddsNothing,
    /// Some value is not UTF-8; what the libraries read instead is signed.
    NotUtf8,
}

/// The `bodySHA256` of a request without a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyHash {
    None,
    OfNothing,
    /// Of `{}`, which the Express middleware takes an empty body for.
    OfBraces,
    Wrong,
    Twice,
}

/// The `bodySHA256` of a body that is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyHash {
    Right,
    /// `body%53HA256`: the name, but not as text in the URL.
    EscapedName,
    /// Right, and the body is no text.
    OfBytes,
    Missing,
    /// Missing, and the members of the JSON body are signed like parameters.
    Members,
    Wrong,
    UpperCase,
    Blank,
    /// The right one, twice.
    TwiceRight,
    TwiceRightFirst,
    TwiceWrongFirst,
}

impl BodyHash {
    /// Whether the body is bound by it.
    pub fn is_right(self) -> bool {
        matches!(self, BodyHash::Right | BodyHash::EscapedName | BodyHash::OfBytes | BodyHash::TwiceRight)
    }
}

/// How the query of a WebSocket handshake is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    InUrl,
    AsParams,
    /// As parameters, but of several values of a name the first alone.
    FirstOfEach,
}

/// How the signed URL is spelled, compared with the one on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    AsGiven,
    LowerHost,
    Apostrophe,
    Sip,
    Legacy,
    /// As `new URL()` writes path and query.
    Normalised,
    /// Without an empty query or an empty `;`, as `urlparse` gives it back.
    Parsed,
}

/// The port in the signed URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    None,
    Default,
    AsGiven,
    Listener,
    /// `:80` although the scheme is wss.
    Insecure,
}

/// Where the proxy gets the dialled URL from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Plain,
    /// `url.base` at this position of [`crate::ours::BASES`].
    Base(usize),
    /// `url.trust_forwarded_host`.
    Forwarded,
}

/// The one thing that is wrong with a forged request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    Key,
    Signature(BadSignature),
    Scheme,
    Host,
    Port,
    Path,
    Query,
    ParamChanged,
    ParamAdded,
    ParamRemoved,
    Body,
    ContentType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSignature {
    Missing,
    Empty,
    OneCharacter,
    Unpadded,
    Longer,
    Hex,
    SpareBits,
}

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub const SHARED_256: (&str, &str) =
    ("webhooks_sharedkey_01kay2w4c8ecbsmrznk9hzsha2", "the-secret-of-a-shared-key");
pub const SHARED_1: (&str, &str) =
    ("webhooks_sharedkey_01kay2w4c8ecbsmrznk9hzsha1", "the-secret-of-another-shared-key");

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    AuthToken,
    Shared256,
    Shared1,
}

impl Signer {
    pub fn secret(self) -> &'static str {
        match self {
            Signer::AuthToken => TOKEN,
            Signer::Shared256 => SHARED_256.1,
            Signer::Shared1 => SHARED_1.1,
        }
    }

    pub fn algorithm(self) -> Algorithm {
        match self {
            Signer::Shared256 => Algorithm::HmacSha256,
            Signer::AuthToken | Signer::Shared1 => Algorithm::HmacSha1,
        }
    }

    pub fn id(self) -> Option<&'static str> {
        match self {
            Signer::AuthToken => None,
            Signer::Shared256 => Some(SHARED_256.0),
            Signer::Shared1 => Some(SHARED_1.0),
        }
    }
}

/// What `X-Twilio-Webhooks-Signature-Settings` says of the algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings {
    /// The one that the key is for.
    Right,
    /// Nothing.
    Silent,
    /// The other one, and that is what signed.
    Other,
    /// The other one, though the right one signed.
    Misnamed,
}

impl Settings {
    /// Whether the header does not contradict the key.
    pub fn may_be_twilios(self) -> bool {
        matches!(self, Settings::Right | Settings::Silent)
    }
}

/// What is signed.
#[derive(Clone, Debug)]
pub struct Signed {
    pub url: Url,
    pub params: Vec<(String, String)>,
    pub spelling: Spelling,
    pub port: Port,
    /// In the order of UTF-16 units, where that differs from the order by byte.
    pub in_utf16_order: bool,
    pub signer: Signer,
    pub settings: Settings,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub number: u64,
    pub shape: Shape,
    pub view: View,
    pub method: &'static str,
    /// As dialled, so far as the request tells.
    pub url: Url,
    pub listener_port: u16,
    pub content_type: Option<&'static str>,
    pub body: Vec<u8>,
    /// The parameters of a form, or of a WebSocket's query, as meant.
    pub params: Vec<(String, String)>,
    pub signed: Signed,
    pub signature: Option<String>,
    pub forgery: Option<Forgery>,
    /// How the body arrives, and whether the proxy has `:scheme` or `X-Forwarded-Proto` to tell TLS by.
    pub delivery: u64,
}

impl Case {
    pub fn is_honest(&self) -> bool {
        self.forgery.is_none()
    }

    pub fn is_socket(&self) -> bool {
        matches!(self.shape, Shape::Socket(_))
    }

    pub fn is_form(&self) -> bool {
        self.content_type.is_some_and(|media_type| {
            media_type.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
        })
    }

    /// Whether Twilio signs and sends such a request, as documented or as its libraries allow for: what the
    /// filter is to accept, and nothing else.
    pub fn is_genuine(&self) -> bool {
        let shape = match self.shape {
            Shape::Form(form) => matches!(form, Form::Plain | Form::BesideHash | Form::ByHash),
            // Of a GET no hash is looked at.
            Shape::Empty(hash) => {
                self.method == "GET" || matches!(hash, EmptyHash::None | EmptyHash::OfNothing)
            }
            Shape::Body(hash) => hash.is_right(),
            Shape::Socket(query) => query != Query::FirstOfEach,
        };
        let url = !matches!(self.signed.spelling, Spelling::Normalised | Spelling::Parsed)
            && self.signed.port != Port::Insecure;
        shape && url && self.signed.settings.may_be_twilios() && self.is_honest()
    }

    /// The header that names a shared key.
    pub fn settings(&self) -> Option<String> {
        let signer = self.signed.signer;
        let id = signer.id()?;
        Some(match self.signed.settings {
            Settings::Right => format!("key={id},algorithm={}", signer.algorithm().name()),
            Settings::Silent => format!("key={id}"),
            Settings::Other | Settings::Misnamed => {
                format!("key={id},algorithm={}", signer.algorithm().other().name())
            }
        })
    }
}

impl Signed {
    /// The value of `X-Twilio-Signature`.
    pub fn signature(&self) -> String {
        let algorithm = match self.settings {
            Settings::Other => self.signer.algorithm().other(),
            Settings::Right | Settings::Silent | Settings::Misnamed => self.signer.algorithm(),
        };
        sign::signature(algorithm, self.signer.secret().as_bytes(), &self.text(), &[])
    }

    /// What the HMAC runs over.
    pub fn text(&self) -> String {
        let url = self.url.to_string();
        if self.in_utf16_order {
            utf16_text(url, &self.params)
        } else {
            sign::signed_text(&url, &self.params)
        }
    }
}

/// Whether the order by UTF-16 unit differs from the order by byte for these parameters.
pub fn order_matters(params: &[(String, String)]) -> bool {
    utf16_text(String::new(), params) != sign::signed_text("", params)
}

fn utf16_text(mut text: String, params: &[(String, String)]) -> String {
    let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
    let mut sorted: Vec<_> = params.iter().map(|pair| (units(&pair.0), units(&pair.1), pair)).collect();
    sorted.sort();
    sorted.dedup();
    for (_, _, (name, value)) in sorted {
        text.push_str(name);
        text.push_str(value);
    }
    text
}

/// The signature, spoiled.
pub fn spoil(signature: &str, how: BadSignature) -> Option<String> {
    let trimmed = signature.trim_end_matches('=');
    let (head, last) = trimmed.split_at(trimmed.len() - 1);
    Some(match how {
        BadSignature::Missing => return None,
        BadSignature::Empty => String::new(),
        BadSignature::OneCharacter => {
            let other = if signature.starts_with('A') { "B" } else { "A" };
            format!("{other}{}", &signature[1..])
        }
        BadSignature::Unpadded => trimmed.to_owned(),
        BadSignature::Longer => format!("{signature}A"),
        BadSignature::Hex => {
            let bytes = STANDARD.decode(signature).expect("a signature");
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        // The last character has bits to spare: another one there decodes to the same bytes, if one is lenient.
        BadSignature::SpareBits => {
            let next = char::from(last.bytes().next().expect("a character") + 1);
            let next = if next.is_ascii_alphanumeric() { next } else { '/' };
            format!("{head}{next}{}", &signature[trimmed.len()..])
        }
    })
}

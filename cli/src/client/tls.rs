//! Why TLS failed, in words that say what to do.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use crate::failure::Failure;

/// Returns the failure that an error of a TLS handshake is.
pub(super) fn failure(host: &str, error: &io::Error) -> Failure {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    Failure::Tls(match cause {
        Some(Error::InvalidCertificate(problem)) => {
            format!("{host}'s certificate is refused: {}", certificate(problem))
        }
        Some(problem) => format!("no TLS with {host}: {}", handshake(problem)),
        None if is_end(error) => format!(
            "no TLS with {host}: the connection was closed before TLS was agreed on; is there a listener for this host \
             and port, and does it speak TLS?"
        ),
        None => format!("no TLS with {host}: {error}"),
    })
}

fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    [UnexpectedEof, ConnectionReset, ConnectionAborted, BrokenPipe].contains(&error.kind())
}

/// Says what is wrong with a certificate.
fn certificate(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "its issuer is not trusted, or an intermediate certificate is missing; name the issuer's certificate with \
             --cacert, and have the server send its whole chain"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; is the clock right?"
        }
        CertificateError::Revoked => "it has been revoked",
        CertificateError::BadEncoding => "it is no certificate that can be read",
        CertificateError::BadSignature => {
            "its signature does not fit its issuer; is --cacert the certificate of the issuer that is used now?"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not meant for a server (its extended key usage lacks serverAuth)"
        }
        CertificateError::Other(other) => return other_problem(&format!("{other:?}")),
        other => return format!("it cannot be verified ({other:?})"),
    }
    .to_owned()
}

/// What the library has no variant of its own for.
fn other_problem(name: &str) -> String {
    for (part, words) in [
        (
            "CaUsedAsEndEntity",
            "it is a certificate for an authority (CA:TRUE), which `openssl req -x509` makes unless it is told otherwise; \
             make one with `-addext basicConstraints=critical,CA:FALSE`",
        ),
        (
            "EndEntityUsedAsCa",
            "what issued it is no authority (CA:FALSE): sign it with a certificate that is CA:TRUE, and name that with \
             --cacert",
        ),
        ("PathLenConstraintViolated", "its chain has more authorities than one of them allows (pathlen)"),
        ("UnsupportedCertVersion", "it is of X.509 version 1; make one of version 3, with subjectAltName"),
        ("NameConstraintViolation", "its issuer may not make certificates for this name"),
        ("MaximumPathDepthExceeded", "its chain is too long, or leads back to itself"),
    ] {
        if name.contains(part) {
            return words.to_owned();
        }
    }
    format!("it cannot be verified ({name})")
}

/// Says why there is no TLS.
fn handshake(problem: &Error) -> String {
    match problem {
        Error::InvalidMessage(_) => "the port does not speak TLS".to_owned(),
        Error::AlertReceived(alert) => match alert {
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity => NOTHING_IN_COMMON.to_owned(),
            AlertDescription::UnrecognisedName => {
                "the server has no certificate for this name; does --connect lead to the right one?"
                    .to_owned()
            }
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate => {
                "the server asks for a certificate of the client, and this tool has none".to_owned()
            }
            AlertDescription::NoApplicationProtocol => {
                "the server does not speak this version of HTTP".to_owned()
            }
            other => format!("the server refuses it ({other:?})"),
        },
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoKxGroupsInCommon,
        ) => NOTHING_IN_COMMON.to_owned(),
        Error::NoCertificatesPresented => "the server shows no certificate".to_owned(),
        other => other.to_string(),
    }
}

const NOTHING_IN_COMMON: &str =
    "server and client have no version or cipher in common; let the server offer TLS 1.2 or 1.3";

#[cfg(test)]
mod tests {
    use super::{AlertDescription, CertificateError, Error, failure};
    use crate::failure::Failure;
    use std::io;

    #[test]
    fn each_error_is_said_in_words() {
        let refused = |problem: CertificateError| Error::InvalidCertificate(problem);
        for (error, expected) in [
            (refused(CertificateError::Expired), "a's certificate is refused: it has expired"),
            (
                refused(CertificateError::NotValidYet),
                "a's certificate is refused: it is not valid yet; is the clock right?",
            ),
            (
                refused(CertificateError::BadEncoding),
                "a's certificate is refused: it is no certificate that can be read",
            ),
            (
                Error::AlertReceived(AlertDescription::ProtocolVersion),
                "no TLS with a: server and client have no version or cipher in common; let the server offer TLS 1.2 or 1.3",
            ),
            (
                Error::AlertReceived(AlertDescription::CertificateRequired),
                "no TLS with a: the server asks for a certificate of the client, and this tool has none",
            ),
            (
                Error::AlertReceived(AlertDescription::UnrecognisedName),
                "no TLS with a: the server has no certificate for this name; does --connect lead to the right one?",
            ),
        ] {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            assert_eq!(failure("a", &error), Failure::Tls(expected.to_owned()));
        }
        let end = io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof");
        let said = "no TLS with a: the connection was closed before TLS was agreed on; is there a listener for this host and \
                    port, and does it speak TLS?";
        assert_eq!(failure("a", &end), Failure::Tls(said.to_owned()));
    }

    #[test]
    fn what_the_library_has_no_variant_for_is_known_by_its_name() {
        for (name, beginning) in [
            ("CaUsedAsEndEntity", "it is a certificate for an authority (CA:TRUE)"),
            ("EndEntityUsedAsCa", "what issued it is no authority (CA:FALSE)"),
            ("UnsupportedCertVersion", "it is of X.509 version 1"),
            ("SomethingNew", "it cannot be verified (SomethingNew)"),
        ] {
            assert!(super::other_problem(name).starts_with(beginning), "{name}");
        }
    }
}

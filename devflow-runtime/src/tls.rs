//! libpq's `sslmode` on rustls: what is verified, and against what.

use crate::error::{Error, ErrorKind, Result};
use crate::target::{TlsMode, TlsWishes};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The ALPN name that `sslnegotiation=direct` demands.
const ALPN: &[u8] = b"postgresql";

/// Makes the connector for these wishes; reads `sslrootcert`, if one is named.
///
/// # Errors
/// `tls_root_unreadable` when the file cannot be read or holds no certificate.
pub(crate) fn connector(wishes: &TlsWishes) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    let roots = wishes.root.as_deref().map(Roots::read).transpose()?;
    let verifier = Verifier {
        checks: checks(wishes.mode, roots.is_some()),
        roots: roots.unwrap_or_default(),
        provider: Arc::clone(&provider),
    };
    // `builder()` would panic in a program that enables two providers.
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("no TLS version is available").caused_by(error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    if wishes.direct {
        config.alpn_protocols = vec![ALPN.to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

/// What of the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checks {
    Nothing,
    Chain,
    ChainAndName,
}

/// As libpq reads `sslmode`: below `verify-ca` the chain is checked only where a root is given.
/// <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-SSLMODE-STATEMENTS>
fn checks(mode: TlsMode, has_root: bool) -> Checks {
    match mode {
        TlsMode::VerifyFull => Checks::ChainAndName,
        TlsMode::VerifyCa => Checks::Chain,
        TlsMode::Disable | TlsMode::Allow | TlsMode::Prefer | TlsMode::Require => match has_root {
            true => Checks::Chain,
            false => Checks::Nothing,
        },
    }
}

#[derive(Debug)]
struct Roots {
    store: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            store: RootCertStore::empty(),
            certificates: Vec::new(),
        }
    }
}

impl Roots {
    fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let pem = std::fs::read(path).map_err(|error| {
            unusable(&format!("sslrootcert {shown} cannot be read")).caused_by(error)
        })?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| unusable(&format!("sslrootcert {shown} is not in PEM form")))?;
        if certificates.is_empty() {
            return Err(unusable(&format!(
                "sslrootcert {shown} holds no certificate"
            )));
        }
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates.iter().cloned());
        Ok(Self {
            store,
            certificates,
        })
    }
}

fn unusable(message: &str) -> Error {
    Error::new(ErrorKind::Usage, "tls_root_unreadable", message)
}

#[derive(Debug)]
struct Verifier {
    checks: Checks,
    roots: Roots,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn verify_chain(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> std::result::Result<(), rustls::Error> {
        // A self-signed server certificate that is its own root: OpenSSL accepts it, webpki calls it a misused CA.
        if self.roots.certificates.iter().any(|root| root == leaf) {
            return Ok(());
        }
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(leaf)?,
            &self.roots.store,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        if self.checks != Checks::Nothing {
            self.verify_chain(leaf, intermediates, now)?;
        }
        if self.checks == Checks::ChainAndName {
            verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Says in a user's words why the handshake failed, where rustls knows.
pub(crate) fn explain(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(found) = inner.or_else(|| error.downcast_ref::<rustls::Error>()) {
            return explain_rustls(found);
        }
        cause = error.source();
    }
    None
}

fn explain_rustls(error: &rustls::Error) -> Option<&'static str> {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return None;
    };
    Some(match certificate {
        CertificateError::UnknownIssuer => {
            "the server's certificate is not signed by a root in sslrootcert"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is for another host name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired"
        }
        _ => "the server's certificate is not acceptable",
    })
}

//! Certificates made in the test that uses them.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate with its key, both as PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// A new authority.
    ///
    /// # Panics
    /// When no key can be made.
    #[must_use]
    pub fn create(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key can be made");
        let pem = params
            .self_signed(&key)
            .expect("an authority signs itself")
            .pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Its own certificate, as PEM: what `sslrootcert` names.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's certificate for these host names and addresses.
    ///
    /// # Panics
    /// When a name is not one.
    #[must_use]
    pub fn issue(&self, hosts: &[&str]) -> Certificate {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params("server", hosts).signed_by(&key, &self.issuer);
        Certificate {
            certificate: certificate.expect("the authority signs").pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Certificate {
    /// A certificate that stands for itself, marked as an authority as openssl's default is.
    ///
    /// # Panics
    /// When a name is not one.
    #[must_use]
    pub fn self_signed(hosts: &[&str]) -> Self {
        let mut params = params("server", hosts);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        Self {
            certificate: params.self_signed(&key).expect("a key signs").pem(),
            key: key.serialize_pem(),
        }
    }
}

fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("the names are host names or addresses");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

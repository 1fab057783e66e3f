//! TLS from the settings' PEM texts. Faults are found when the store is opened, not when it is
//! first reached.

use redis::{ClientTlsConfig, TlsCertificates};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::store::options::Tls;
use crate::store::state::OpenError;

/// Checks the PEM texts and hands them on in the crate's form. Chooses `ring` for the process,
/// unless a provider was chosen before.
pub(super) fn certificates(tls: &Tls) -> Result<TlsCertificates, OpenError> {
    // An error says that one is installed, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if let Some(ca) = &tls.ca {
        check_chain(ca, "store CA")?;
    }
    let client_tls = match (&tls.cert, &tls.key) {
        (None, None) => None,
        (Some(cert), Some(key)) => {
            check_chain(cert, "store certificate")?;
            PrivateKeyDer::from_pem_slice(key.reveal().as_bytes()).map_err(|_| {
                OpenError::Config("store key holds no private key in PEM form".to_owned())
            })?;
            Some(ClientTlsConfig {
                client_cert: cert.clone(),
                client_key: key.reveal().as_bytes().to_vec(),
            })
        }
        (Some(_), None) => return Err(lone("certificate", "key")),
        (None, Some(_)) => return Err(lone("key", "certificate")),
    };
    Ok(TlsCertificates { client_tls, root_cert: tls.ca.clone() })
}

fn check_chain(pem: &[u8], name: &str) -> Result<(), OpenError> {
    let mut chain = CertificateDer::pem_slice_iter(pem).peekable();
    if chain.peek().is_none() || chain.any(|certificate| certificate.is_err()) {
        return Err(OpenError::Config(format!("{name} holds no certificate in PEM form")));
    }
    Ok(())
}

fn lone(given: &str, missing: &str) -> OpenError {
    OpenError::Config(format!("store {given} without a store {missing}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::secret::Secret;

    #[test]
    fn pem_texts_that_are_none_are_named() {
        for (tls, named) in [
            (Tls { ca: Some(b"x".to_vec()), ..Tls::default() }, "store CA"),
            (Tls { cert: Some(b"x".to_vec()), ..Tls::default() }, "without a store key"),
            (Tls { key: Some(Secret::new("x")), ..Tls::default() }, "without a store certificate"),
        ] {
            let error = certificates(&tls).expect_err("not PEM").to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}

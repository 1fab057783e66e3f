//! TLS settings from PEM texts. Errors are found when the store is opened, not when the server is
//! first reached.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::store::options::Tls;
use crate::store::state::OpenError;

/// The `rustls` configuration, with `ring` for cryptography.
pub(crate) fn config(tls: &Tls) -> Result<ClientConfig, OpenError> {
    // An error means that a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = ClientConfig::builder().with_root_certificates(roots(tls)?);
    let built = match (&tls.cert, &tls.key) {
        (None, None) => return Ok(builder.with_no_client_auth()),
        (Some(cert), Some(key)) => {
            let chain = chain(cert, "store certificate")?;
            let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes()).map_err(|_| {
                OpenError::Config("store key holds no private key in PEM form".to_owned())
            })?;
            builder.with_client_auth_cert(chain, key)
        }
        (Some(_), None) => return Err(lone("certificate", "key")),
        (None, Some(_)) => return Err(lone("key", "certificate")),
    };
    built.map_err(|error| OpenError::Config(format!("store certificate and key: {error}")))
}

/// The certificate authorities that may sign the server's certificate: the given ones, or the
/// system's.
fn roots(tls: &Tls) -> Result<RootCertStore, OpenError> {
    let mut roots = RootCertStore::empty();
    match &tls.ca {
        Some(ca) => {
            for certificate in chain(ca, "store CA")? {
                roots.add(certificate).map_err(|error| {
                    OpenError::Config(format!("store CA cannot be used: {error}"))
                })?;
            }
        }
        // Entries of the system's list that cannot be read are left out.
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}

fn chain(pem: &[u8], name: &str) -> Result<Vec<CertificateDer<'static>>, OpenError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    chain
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| OpenError::Config(format!("{name} holds no certificate in PEM form")))
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
            let error = config(&tls).expect_err("not PEM").to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}

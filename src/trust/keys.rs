//! Private keys of publishers, in the file format that other programs read too.
//!
//! A key file is PEM (RFC 7468) of a PKCS#8 key (RFC 5958), encrypted with a passphrase by PBES2 (RFC 8018): scrypt (RFC 7914)
//! makes a key of the passphrase, and AES-256-CBC encrypts with it. `openssl pkey -in FILE` reads it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use pkcs8::pkcs5::pbes2;
use pkcs8::{EncryptedPrivateKeyInfo, LineEnding, PrivateKeyInfo, SecretDocument};
use zeroize::Zeroizing;

use crate::model::PublicKey;

/// The algorithm of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Ed25519 (RFC 8032)
    Ed25519,
    /// ECDSA on the curve P-256 with SHA-256 (FIPS 186-5)
    EcdsaP256,
}

/// A private key, out of its file. What it holds is wiped when it is dropped.
pub struct PrivateKey {
    pair: Pair,
    pkcs8: SecretDocument,
    public: PublicKey,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    EcdsaP256(EcdsaKeyPair),
}

/// A key file as read, not yet decrypted.
pub struct KeyFile {
    path: PathBuf,
    document: SecretDocument,
    encrypted: bool,
}

/// A private key that cannot be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot read the private key {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is not a private key in PEM: {reason}\n  hint: `rvp keygen` makes one", path.display())]
    NotPem { path: PathBuf, reason: &'static str },
    #[error(
        "{} holds `{label}`, and rvp reads `PRIVATE KEY` and `ENCRYPTED PRIVATE KEY` (PKCS#8){}",
        path.display(),
        label_hint(label)
    )]
    Label { path: PathBuf, label: String },
    #[error("{} is damaged, or no PKCS#8 key: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} is encrypted in a way that rvp does not decrypt: {reason}\n  hint: `openssl pkcs8 -topk8 -in FILE -out NEW` encrypts it anew", path.display())]
    Encryption { path: PathBuf, reason: &'static str },
    #[error("{} is encrypted, and no passphrase was given", path.display())]
    PassphraseNeeded { path: PathBuf },
    #[error("the passphrase does not open {}", path.display())]
    WrongPassphrase { path: PathBuf },
    #[error(
        "the key in {} is neither Ed25519 nor ECDSA P-256\n  hint: `rvp keygen` makes a key of these kinds",
        path.display()
    )]
    Algorithm { path: PathBuf },
    #[error("cannot {action}: the cryptographic library failed")]
    Library { action: &'static str },
}

fn label_hint(label: &str) -> &'static str {
    match label {
        "EC PRIVATE KEY" => "\n  hint: `openssl pkcs8 -topk8 -in FILE -out NEW` converts it",
        "PUBLIC KEY" => "\n  hint: name the private key: the file beside it, without `.pub`",
        _ => "",
    }
}

const PLAIN: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
/// No key file of these kinds is longer.
const MAX_FILE: u64 = 64 * 1024;

/// scrypt's N, r and p of files that are written: 16 MiB of memory, five times over. It is one of the settings that OWASP's
/// "Password Storage Cheat Sheet" calls equal, and the one that stays within the 32 MiB to which OpenSSL limits itself.
const SCRYPT: (u64, u16, u16) = (1 << 14, 8, 5);
/// Of files that are read: the memory, `128 * N * r` bytes, and p. More would only stop whoever opens the file.
const MAX_SCRYPT: (u64, u16) = (1 << 30, 16);
const MAX_PBKDF2_ITERATIONS: u32 = 20_000_000;

impl PrivateKey {
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let failed = KeyError::Library { action: "make a key" };
        let pkcs8 = match kind {
            KeyKind::Ed25519 => Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()),
            KeyKind::EcdsaP256 => {
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).and_then(|pair| pair.to_pkcs8v1())
            }
        };
        let pkcs8 = pkcs8.ok().and_then(|pkcs8| SecretDocument::try_from(pkcs8.as_ref()).ok());
        pkcs8.and_then(Self::from_pkcs8).ok_or(failed)
    }

    /// Reads a key file. The passphrase is not used where the file is not encrypted.
    pub fn read(path: &Path, passphrase: Option<&str>) -> Result<Self, KeyError> {
        KeyFile::read(path)?.open(passphrase)
    }

    fn from_pkcs8(pkcs8: SecretDocument) -> Option<Self> {
        let der = pkcs8.as_bytes();
        // Other programs write Ed25519 keys without the public half, which `from_pkcs8` would insist on.
        let (pair, public) = if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            let public = pair.public_key().as_der().ok()?;
            (Pair::Ed25519(pair), public)
        } else {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der).ok()?;
            let public = pair.public_key().as_der().ok()?;
            (Pair::EcdsaP256(pair), public)
        };
        let public = PublicKey::from_der(public.as_ref()).ok()?;
        Some(Self { pair, pkcs8, public })
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The text of a key file, which is a secret even where it is encrypted: a passphrase can be guessed.
    pub fn to_pem(&self, passphrase: Option<&str>) -> Result<Zeroizing<String>, KeyError> {
        let failed = |_| KeyError::Library { action: "encrypt the key" };
        let Some(passphrase) = passphrase else {
            return self.pkcs8.to_pem(PLAIN, LineEnding::LF).map_err(|error| failed(error.into()));
        };
        let (mut salt, mut iv) = ([0; 16], [0; 16]);
        for bytes in [&mut salt, &mut iv] {
            aws_lc_rs::rand::fill(bytes).map_err(|_| KeyError::Library { action: "draw a random number" })?;
        }
        let (cost_parameter, block_size, parallelization) = SCRYPT;
        let kdf = pbes2::ScryptParams {
            salt: &salt,
            cost_parameter,
            block_size,
            parallelization,
            key_length: None,
        };
        let parameters = pbes2::Parameters {
            kdf: pbes2::Kdf::Scrypt(kdf),
            encryption: pbes2::EncryptionScheme::Aes256Cbc { iv: &iv },
        };
        let encrypted = PrivateKeyInfo::try_from(self.pkcs8.as_bytes())
            .and_then(|key| key.encrypt_with_params(parameters, passphrase))
            .map_err(failed)?;
        encrypted.to_pem(ENCRYPTED, LineEnding::LF).map_err(|error| failed(error.into()))
    }

    /// Signs a message: with Ed25519 the message itself, 64 bytes; with ECDSA its SHA-256, in DER.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = match &self.pair {
            Pair::Ed25519(pair) => pair.try_sign(message),
            Pair::EcdsaP256(pair) => pair.sign(&SystemRandom::new(), message),
        };
        Ok(signature.map_err(|_| KeyError::Library { action: "sign" })?.as_ref().to_owned())
    }
}

impl KeyFile {
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::Read { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(failed)?;
        let not_pem = |reason| KeyError::NotPem { path: path.to_owned(), reason };
        if text.len() as u64 > MAX_FILE {
            return Err(not_pem("it is longer than 64 KiB"));
        }
        if !text.contains("-----BEGIN ") {
            return Err(not_pem("no line of it is `-----BEGIN ENCRYPTED PRIVATE KEY-----`"));
        }
        let (label, document) = SecretDocument::from_pem(&text)
            .map_err(|_| not_pem("what follows `-----BEGIN` is damaged or cut off"))?;
        let encrypted = match label {
            PLAIN => false,
            ENCRYPTED => true,
            label => return Err(KeyError::Label { path: path.to_owned(), label: label.to_owned() }),
        };
        Ok(Self { path: path.to_owned(), document, encrypted })
    }

    /// Whether a passphrase is needed to open it.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    pub fn open(self, passphrase: Option<&str>) -> Result<PrivateKey, KeyError> {
        let pkcs8 = if self.encrypted {
            let passphrase =
                passphrase.ok_or_else(|| KeyError::PassphraseNeeded { path: self.path.clone() })?;
            self.decrypt(passphrase)?
        } else {
            self.document
        };
        if let Err(error) = PrivateKeyInfo::try_from(pkcs8.as_bytes()) {
            return Err(KeyError::Damaged { path: self.path, reason: error.to_string() });
        }
        PrivateKey::from_pkcs8(pkcs8).ok_or(KeyError::Algorithm { path: self.path })
    }

    fn decrypt(&self, passphrase: &str) -> Result<SecretDocument, KeyError> {
        let path = || self.path.clone();
        let info = EncryptedPrivateKeyInfo::try_from(self.document.as_bytes())
            .map_err(|error| KeyError::Damaged { path: path(), reason: error.to_string() })?;
        let refused = |reason| Err(KeyError::Encryption { path: path(), reason });
        match info.encryption_algorithm.pbes2().map(|parameters| &parameters.kdf) {
            None => return refused("it is not PBES2"),
            Some(pbes2::Kdf::Scrypt(scrypt)) => {
                let memory = scrypt.cost_parameter.saturating_mul(128 * u64::from(scrypt.block_size));
                let known = scrypt.cost_parameter.is_power_of_two() && scrypt.cost_parameter > 1;
                if !known || memory > MAX_SCRYPT.0 || scrypt.parallelization > MAX_SCRYPT.1 {
                    return refused("its scrypt wants more than 1 GiB of memory, or is none");
                }
            }
            Some(pbes2::Kdf::Pbkdf2(pbkdf2)) if pbkdf2.iteration_count <= MAX_PBKDF2_ITERATIONS => {}
            Some(_) => return refused("its key derivation takes too long, or is an unknown one"),
        }
        // A wrong passphrase gives wrong padding, or with luck right padding and a wrong document.
        info.decrypt(passphrase).map_err(|_| KeyError::WrongPassphrase { path: path() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_key_reads_back_with_its_passphrase_only() {
        for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256] {
            let key = PrivateKey::generate(kind).unwrap();
            let file = write(&key.to_pem(Some("correct horse")).unwrap());
            let read = PrivateKey::read(file.path(), Some("correct horse")).unwrap();
            assert_eq!(read.public(), key.public());
            assert_eq!(read.public().is_ed25519(), kind == KeyKind::Ed25519);
            assert!(matches!(
                PrivateKey::read(file.path(), Some("battery")),
                Err(KeyError::WrongPassphrase { .. })
            ));
            assert!(matches!(PrivateKey::read(file.path(), None), Err(KeyError::PassphraseNeeded { .. })));
            let plain = write(&key.to_pem(None).unwrap());
            assert_eq!(PrivateKey::read(plain.path(), None).unwrap().public(), key.public());
        }
    }

    #[test]
    fn a_file_cut_short_is_an_error() {
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        let pem = key.to_pem(None).unwrap();
        for end in 0..pem.trim_end().len() {
            assert!(PrivateKey::read(write(&pem[..end]).path(), None).is_err(), "{end}");
        }
    }

    #[test]
    fn a_file_that_would_take_all_memory_or_time_is_refused() {
        let scrypt = |cost_parameter, block_size, parallelization| {
            pbes2::Kdf::Scrypt(pbes2::ScryptParams {
                salt: &[1; 16],
                cost_parameter,
                block_size,
                parallelization,
                key_length: None,
            })
        };
        let pbkdf2 = |iterations| {
            pbes2::Kdf::Pbkdf2(pbes2::Pbkdf2Params::hmac_with_sha256(iterations, &[1; 16]).unwrap())
        };
        for kdf in [
            scrypt(1 << 40, 8, 1),
            scrypt(1 << 14, u16::MAX, 1),
            scrypt(1 << 14, 8, u16::MAX),
            scrypt(0, 8, 1),
            scrypt(3, 8, 1),
            pbkdf2(50_000_000),
        ] {
            let parameters =
                pbes2::Parameters { kdf, encryption: pbes2::EncryptionScheme::Aes256Cbc { iv: &[2; 16] } };
            let info =
                EncryptedPrivateKeyInfo { encryption_algorithm: parameters.into(), encrypted_data: &[3; 64] };
            let pem = SecretDocument::try_from(&info).unwrap().to_pem(ENCRYPTED, LineEnding::LF).unwrap();
            let read = PrivateKey::read(write(&pem).path(), Some("x"));
            assert!(matches!(read, Err(KeyError::Encryption { .. })));
        }
    }
}

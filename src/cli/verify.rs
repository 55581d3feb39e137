//! `rvp verify`: who signed a file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context as _, bail};
use clap::ArgGroup;
use rvp::model::{PublicKey, Sha256, Signer, matches_pattern};
use rvp::trust::{Artifact, Bundle, TrustedRoot, Verified, Verifier};

use super::context::Context;
use super::output;

/// Verify who signed a file
///
/// The bundle is what signers of Sigstore write. No server is asked.
#[derive(clap::Args)]
#[command(
    override_usage = "rvp verify [OPTIONS] FILE-or-sha256:HEX {--identity NAME --issuer URL | --key FILE}"
)]
pub struct Arguments {
    /// The file, or its digest as sha256:HEX or sha512:HEX
    #[arg(value_name = "FILE-or-sha256:HEX")]
    file: File,
    /// The bundle of the signature [default: FILE.sigstore.json]
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    who: Who,
    /// The authorities to believe, as a trusted_root.json
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
}

/// Who is to have signed.
#[derive(clap::Args)]
#[group(skip)]
#[command(group = ArgGroup::new("signer").required(true).args(["identity", "identity_pattern", "key"]))]
#[command(group = ArgGroup::new("knower").args(["issuer", "issuer_pattern"]))]
struct Who {
    /// The e-mail address, or the URI of a workflow, that is to have signed
    #[arg(long, requires = "knower")]
    identity: Option<String>,
    /// The same as a pattern: * stands for anything but /, ** for anything
    #[arg(long, requires = "knower", value_name = "PATTERN")]
    identity_pattern: Option<String>,
    /// The OIDC issuer that knew the signer
    #[arg(long, conflicts_with = "key", value_name = "URL")]
    issuer: Option<String>,
    /// The same as a pattern
    #[arg(long, conflicts_with = "key", value_name = "PATTERN")]
    issuer_pattern: Option<String>,
    /// The public key of the signer, as PEM
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

#[derive(Clone)]
enum File {
    Path(PathBuf),
    Sha256(Sha256),
    Sha512([u8; 64]),
}

impl FromStr for File {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(hex) = text.strip_prefix("sha256:") {
            return hex.parse().map(Self::Sha256).map_err(|error: rvp::model::DigestError| error.to_string());
        }
        if let Some(hex) = text.strip_prefix("sha512:") {
            let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok();
            let digest = bytes.and_then(|bytes| bytes.try_into().ok()).map(Self::Sha512);
            return digest.ok_or_else(|| {
                format!("`{hex}` is not a SHA-512 digest: expected 128 lowercase hexadecimal digits")
            });
        }
        Ok(Self::Path(PathBuf::from(text)))
    }
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let path = arguments.bundle_path()?;
    let bundle = Bundle::read(&path).with_context(|| format!("cannot verify with {}", path.display()))?;
    let root = match &arguments.trusted_root {
        Some(path) => TrustedRoot::read(path)?,
        None => context.trusted_root()?,
    };
    let keys = arguments.who.keys()?;
    let verifier = Verifier::new(&root)?;
    let verified = match &arguments.file {
        File::Path(file) => verifier.verify_file(&bundle, file, &keys),
        File::Sha256(digest) => verifier.verify_artifact(&bundle, *digest, &keys),
        File::Sha512(digest) => verifier.verify(&bundle, Artifact::Sha512(*digest), &keys),
    };
    let file = &arguments.file;
    let verified = verified.with_context(|| format!("{file} is not verified"))?;
    arguments.who.check(&verified.signer).with_context(|| format!("{file} is not verified"))?;
    print(context, file, &verified)?;
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn bundle_path(&self) -> anyhow::Result<PathBuf> {
        match (&self.bundle, &self.file) {
            (Some(path), _) => Ok(path.clone()),
            (None, File::Path(file)) => {
                let mut path = file.clone().into_os_string();
                path.push(".sigstore.json");
                Ok(path.into())
            }
            (None, _) => bail!("a digest does not say where its bundle is\n  hint: add --bundle FILE"),
        }
    }
}

impl Who {
    fn keys(&self) -> anyhow::Result<Vec<PublicKey>> {
        self.key.iter().map(|path| read_key(path)).collect()
    }

    fn check(&self, signer: &Signer) -> anyhow::Result<()> {
        let Signer::Identity { identity, issuer } = signer else {
            // A bundle signed with a key verifies only with the one that was given.
            return match self.key {
                Some(_) => Ok(()),
                None => bail!("it is signed by {signer}, and {self} was expected"),
            };
        };
        let fits = |exact: &Option<String>, pattern: &Option<String>, text: &str| match (exact, pattern) {
            (Some(exact), _) => exact == text,
            (None, Some(pattern)) => matches_pattern(pattern, text),
            (None, None) => false,
        };
        if !fits(&self.identity, &self.identity_pattern, identity)
            || !fits(&self.issuer, &self.issuer_pattern, issuer)
        {
            bail!("it is signed by {signer}, and {self} was expected");
        }
        Ok(())
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |exact: &Option<String>, pattern: &Option<String>| {
            let pattern = pattern.as_ref().map(|pattern| format!("one like {pattern}"));
            exact.clone().or(pattern).unwrap_or_default()
        };
        match &self.key {
            Some(path) => write!(f, "the key in {}", path.display()),
            None => {
                let issuer = text(&self.issuer, &self.issuer_pattern);
                write!(f, "{} (of {issuer})", text(&self.identity, &self.identity_pattern))
            }
        }
    }
}

impl std::fmt::Display for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Sha256(digest) => write!(f, "sha256:{digest}"),
            Self::Sha512(digest) => write!(f, "sha512:{}", data_encoding::HEXLOWER.encode(digest)),
        }
    }
}

fn read_key(path: &Path) -> anyhow::Result<PublicKey> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    PublicKey::parse(&text).with_context(|| format!("cannot use {}", path.display()))
}

fn print(context: &Context, file: &File, verified: &Verified) -> anyhow::Result<()> {
    if context.global.json {
        let logs = verified
            .logs
            .iter()
            .map(|entry| serde_json::json!({ "log": entry.log, "index": entry.index, "time": entry.time }));
        return output::json(&serde_json::json!({
            "verified": file.to_string(),
            "signer": verified.signer,
            "times": verified.times,
            "logs": logs.collect::<Vec<_>>(),
        }));
    }
    output::line(&format!("{file} is verified"))?;
    output::line(&format!("signed by {}", verified.signer))?;
    for time in &verified.times {
        output::line(&format!("signed at {time}"))?;
    }
    for entry in &verified.logs {
        let index = entry.index.map(|index| format!(", entry {index}")).unwrap_or_default();
        output::line(&format!("in the log {}{index}", entry.log))?;
    }
    if !verified.logged() {
        context.say("note: no log has this signature, so nobody else would notice if the key were misused");
    }
    Ok(())
}

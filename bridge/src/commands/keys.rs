//! How does one get keys that sign tokens?

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};

/// File of the private key, which only its owner may read.
const PRIVATE_FILE: &str = "private.pem";
/// File of the public key, for the bridge's JWKS_FILE.
const PUBLIC_FILE: &str = "jwks.json";

/// Commands about keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Writes a new ES256 key pair: private.pem signs tokens, jwks.json is what the bridge checks them with.
    Generate(GenerateArgs),
}

impl KeysCommand {
    pub(crate) fn run(&self) -> Result<()> {
        match self {
            Self::Generate(args) => generate(args),
        }
    }
}

/// Where the keys go.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Folder to write to; made if it does not exist. Nothing in it is overwritten.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes a new key pair.
fn generate(args: &GenerateArgs) -> Result<()> {
    let (private, public) = (args.out.join(PRIVATE_FILE), args.out.join(PUBLIC_FILE));
    for file in [&private, &public] {
        ensure!(
            !file.exists(),
            "{} exists and is not overwritten; name another folder (--out)",
            file.display()
        );
    }
    fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {} (--out)", args.out.display()))?;

    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| anyhow!("this machine cannot make a key"))?;
    let key = EncodingKey::from_ec_der(document.as_ref());
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).context("cannot make the public key")?;
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256).context("cannot name the key")?);
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    let set =
        serde_json::to_string_pretty(&JwkSet { keys: vec![jwk] }).context("cannot write the key set")?;

    write_new(&private, pem(document.as_ref()).as_bytes(), 0o600)?;
    write_new(&public, format!("{set}\n").as_bytes(), 0o644)?;
    let (private, public) = (private.display(), public.display());
    let said = format!(
        "{private}: signs tokens (bridge token mint --key {private}); keep it secret\n\
         {public}: checks them (JWKS_FILE={public})"
    );
    writeln!(io::stdout(), "{said}").context("the keys are written, but this cannot be printed")
}

/// Writes a file that must not exist yet; `mode` is its Unix permissions, from the first byte on.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write {} (--out)", path.display()))
}

/// A PKCS #8 key as PEM (RFC 7468).
fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_lines_have_64_characters() {
        for n_bytes in [0, 48, 49, 138] {
            let pem = pem(&vec![7; n_bytes]);
            let lines: Vec<&str> = pem.lines().collect();
            let inner = &lines[1..lines.len() - 1];
            assert!(inner.iter().all(|line| line.len() <= 64 && !line.is_empty()), "{pem}");
            assert_eq!(STANDARD.decode(inner.concat()).ok(), Some(vec![7; n_bytes]));
        }
    }
}

//! How does one get a token for trying things out?

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use purple_sector_codec::UserId;
use serde::Serialize;

use super::revoke::{RevokeArgs, revoke};
use crate::auth::{KeySet, Rules, Secret};
use crate::config::values;
use crate::time::unix_s;

/// Commands about tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Prints a token for one user. Anyone who has it sees that user's data until it expires.
    Mint(MintArgs),
    /// Ends tokens before their time, on all bridges: one, or all that a user has up to now.
    Revoke(Box<RevokeArgs>),
}

impl TokenCommand {
    pub(crate) fn run(&self) -> Result<()> {
        match self {
            Self::Mint(args) => mint(args),
            Self::Revoke(args) => revoke(args),
        }
    }
}

/// What to put into a token, and what to sign it with.
#[derive(Debug, Args)]
pub struct MintArgs {
    /// Whose data the token shows.
    #[arg(long, value_name = "ID")]
    user: String,

    /// Secret to sign with (HS256), the bridge's JWT_SECRET. Prefer the environment: flags show in process lists.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true, value_name = "KEY")]
    secret: Option<Secret>,

    /// Private key to sign with instead (ES256, PEM), as `bridge keys generate` makes it.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// How long the token is valid.
    #[arg(long, default_value = "1h", value_parser = values::duration, value_name = "TIME")]
    ttl: Duration,

    /// The token's `iss`.
    #[arg(long, env = "JWT_ISSUER", default_value = Rules::DEFAULT_ISSUER, value_name = "TEXT")]
    issuer: String,

    /// The token's `aud`.
    #[arg(long, env = "JWT_AUDIENCE", default_value = Rules::DEFAULT_AUDIENCE, value_name = "TEXT")]
    audience: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
    jti: String,
}

/// Prints a token, and nothing else, on standard output.
fn mint(args: &MintArgs) -> Result<()> {
    let user = UserId::parse(&args.user)
        .with_context(|| format!("--user \"{}\" is not a user id", args.user.escape_debug()))?;
    ensure!(!args.ttl.is_zero(), "--ttl is zero; the token would never be valid");
    let secret = args.secret.as_ref().filter(|secret| !secret.expose().is_empty());
    let (header, key) = match (&args.key, secret) {
        (Some(file), _) => private_key(file)?,
        (None, Some(secret)) => {
            KeySet::from_secret(secret).context("--secret (JWT_SECRET)")?;
            (Header::new(Algorithm::HS256), EncodingKey::from_secret(secret.expose().as_bytes()))
        }
        (None, None) => bail!("nothing to sign with: set JWT_SECRET (or --secret), or --key FILE"),
    };
    let now_s = unix_s();
    let claims = Claims {
        iss: &args.issuer,
        aud: &args.audience,
        sub: user.as_str(),
        iat: now_s,
        exp: now_s + args.ttl.as_secs().max(1),
        jti: new_id()?,
    };
    let token = jsonwebtoken::encode(&header, &claims, &key).context("cannot sign the token")?;
    writeln!(io::stdout(), "{token}").context("cannot print the token")
}

/// An id that no other token has: 128 random bits.
fn new_id() -> Result<String> {
    let mut bits = [0; 16];
    aws_lc_rs::rand::fill(&mut bits).map_err(|_| anyhow!("this machine has no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bits))
}

/// The private key in `file`, and a header that names it by its thumbprint, as `bridge keys generate` does.
fn private_key(file: &Path) -> Result<(Header, EncodingKey)> {
    let pem =
        std::fs::read(file).with_context(|| format!("cannot read the key {} (--key)", file.display()))?;
    let context = || format!("{} is not a private key for ES256 in PKCS #8 PEM (--key)", file.display());
    let key = EncodingKey::from_ec_pem(&pem).with_context(context)?;
    let jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).with_context(context)?;
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(jwk.thumbprint(ThumbprintHash::SHA256).with_context(context)?);
    Ok((header, key))
}

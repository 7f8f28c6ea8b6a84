//! How does the collector connect and log in to Kafka? The settings are named as Kafka's own and as the bridge's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::property::{Property, PropertyError};
use crate::secret::Secret;
use crate::token_file::TokenFile;

/// How a connection to Kafka is secured, by Kafka's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SecurityProtocol {
    /// Not at all.
    #[value(name = "PLAINTEXT")]
    Plaintext,
    /// TLS; the collector's certificate is its log-in.
    #[value(name = "SSL")]
    Ssl,
    /// A log-in without encryption.
    #[value(name = "SASL_PLAINTEXT")]
    SaslPlaintext,
    /// TLS and a log-in.
    #[value(name = "SASL_SSL")]
    SaslSsl,
}

/// How the collector logs in, by SASL's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SaslMechanism {
    /// With the user's own token.
    #[value(name = "OAUTHBEARER")]
    OauthBearer,
    /// The password is proved.
    #[value(name = "SCRAM-SHA-512")]
    ScramSha512,
    /// The password is proved.
    #[value(name = "SCRAM-SHA-256")]
    ScramSha256,
    /// The password is sent.
    #[value(name = "PLAIN")]
    Plain,
}

/// The settings as given, before [`SecurityConfig::check`].
#[derive(Debug, Clone, Args)]
pub struct SecurityConfig {
    /// How to connect to Kafka.
    #[arg(long = "kafka-security-protocol", env = "KAFKA_SECURITY_PROTOCOL", global = true, value_enum,
        ignore_case = true, default_value_t = SecurityProtocol::Plaintext)]
    pub protocol: SecurityProtocol,
    /// How to log in, with SASL_PLAINTEXT and SASL_SSL.
    #[arg(
        long = "kafka-sasl-mechanism",
        env = "KAFKA_SASL_MECHANISM",
        global = true,
        value_enum,
        ignore_case = true
    )]
    pub sasl_mechanism: Option<SaslMechanism>,
    /// File with the user's token, with OAUTHBEARER; read again when it changes.
    #[arg(long = "kafka-token-file", env = "KAFKA_TOKEN_FILE", global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Name with which to log in.
    #[arg(long = "kafka-sasl-username", env = "KAFKA_SASL_USERNAME", global = true, value_name = "NAME")]
    pub sasl_username: Option<String>,
    /// File with the password that belongs to it.
    #[arg(
        long = "kafka-sasl-password-file",
        env = "KAFKA_SASL_PASSWORD_FILE",
        global = true,
        value_name = "FILE"
    )]
    pub sasl_password_file: Option<PathBuf>,
    /// File with the certificates of the authorities that Kafka's certificates must come from (PEM).
    #[arg(long = "kafka-ssl-ca-location", env = "KAFKA_SSL_CA_LOCATION", global = true, value_name = "FILE")]
    pub ssl_ca_location: Option<PathBuf>,
    /// File with the collector's own certificate and its chain (PEM).
    #[arg(
        long = "kafka-ssl-certificate-location",
        env = "KAFKA_SSL_CERTIFICATE_LOCATION",
        global = true,
        value_name = "FILE"
    )]
    pub ssl_certificate_location: Option<PathBuf>,
    /// File with the private key that belongs to it (PEM).
    #[arg(
        long = "kafka-ssl-key-location",
        env = "KAFKA_SSL_KEY_LOCATION",
        global = true,
        value_name = "FILE"
    )]
    pub ssl_key_location: Option<PathBuf>,
    /// Any other setting of Kafka's client (librdkafka), such as `compression.type=zstd`; can be given several times.
    #[arg(long = "kafka-property", global = true, value_name = "KEY=VALUE", value_parser = Property::parse)]
    pub properties: Vec<Property>,
}

/// Settings for Kafka's client that do not fit together, or a file of theirs that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecurityError {
    /// TLS without authorities.
    #[error(
        "KAFKA_SECURITY_PROTOCOL asks for TLS: set KAFKA_SSL_CA_LOCATION to the authorities to trust, such as \
         /etc/ssl/certs/ca-certificates.crt"
    )]
    NoAuthorities,
    /// A certificate without its key, or the other way round.
    #[error("KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION belong together; set both or none")]
    HalfAnIdentity,
    /// TLS settings without TLS.
    #[error(
        "KAFKA_SSL_… settings are of use with KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL only; set that, or leave them out"
    )]
    NoTls,
    /// Log-in settings without a log-in.
    #[error(
        "KAFKA_SASL_… settings and KAFKA_TOKEN_FILE are of use with KAFKA_SECURITY_PROTOCOL=SASL_SSL or SASL_PLAINTEXT \
         only; set that, or leave them out"
    )]
    NoSasl,
    /// A log-in without what it needs.
    #[error("KAFKA_SECURITY_PROTOCOL asks for a log-in: set {setting}")]
    Missing {
        /// The setting, and what it may be.
        setting: &'static str,
    },
    /// A token without the mechanism that shows it, or the other way round.
    #[error(
        "KAFKA_SASL_MECHANISM=OAUTHBEARER logs in with a token, the other mechanisms with a name and a password: leave \
         {setting} out, or set another mechanism"
    )]
    OtherMechanism {
        /// The setting that is of no use.
        setting: &'static str,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {error} ({setting})", path.display())]
    File {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A password file without a password.
    #[error("there is no password in {} (KAFKA_SASL_PASSWORD_FILE)", path.display())]
    NoPassword {
        /// The file.
        path: PathBuf,
    },
    /// A token file without a token.
    #[error("{reason} (KAFKA_TOKEN_FILE)")]
    Token {
        /// One sentence with the file's path.
        reason: String,
    },
    /// A setting of librdkafka's that this program relies on.
    #[error(transparent)]
    Property(#[from] PropertyError),
}

/// Settings that fit together, by librdkafka's names, and the token where a log-in needs one.
#[derive(Debug, Clone)]
pub struct Security {
    properties: Vec<(String, Secret)>,
    token: Option<TokenFile>,
    sends_secrets_in_the_clear: bool,
}

impl Security {
    /// Settings by librdkafka's names. Those by `--kafka-property` come last.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.properties.iter().map(|(name, value)| (name.as_str(), value.expose()))
    }

    /// The user's token, if that is the log-in.
    pub fn token(&self) -> Option<&TokenFile> {
        self.token.as_ref()
    }

    /// Whether anyone on the way to Kafka can read the log-in.
    pub fn sends_secrets_in_the_clear(&self) -> bool {
        self.sends_secrets_in_the_clear
    }
}

impl SecurityConfig {
    /// Checks that the settings fit together, and reads their files.
    ///
    /// # Errors
    /// [`SecurityError`]: one sentence that names the setting.
    pub fn check(&self) -> Result<Security, SecurityError> {
        let (name, has_tls, has_sasl) = match self.protocol {
            SecurityProtocol::Plaintext => ("plaintext", false, false),
            SecurityProtocol::Ssl => ("ssl", true, false),
            SecurityProtocol::SaslPlaintext => ("sasl_plaintext", false, true),
            SecurityProtocol::SaslSsl => ("sasl_ssl", true, true),
        };
        let mut security = Security {
            properties: vec![("security.protocol".to_owned(), Secret::new(name))],
            token: None,
            sends_secrets_in_the_clear: has_sasl && !has_tls,
        };
        if has_tls {
            self.add_tls(&mut security)?
        } else {
            self.has_no_tls()?
        }
        if has_sasl {
            self.add_sasl(&mut security)?
        } else {
            self.has_no_sasl()?
        }
        for property in &self.properties {
            let (name, value) = property.check()?;
            security.properties.push((name.to_owned(), Secret::new(value)));
        }
        Ok(security)
    }

    fn add_tls(&self, security: &mut Security) -> Result<(), SecurityError> {
        if self.ssl_ca_location.is_none() {
            return Err(SecurityError::NoAuthorities);
        }
        if self.ssl_certificate_location.is_some() != self.ssl_key_location.is_some() {
            return Err(SecurityError::HalfAnIdentity);
        }
        for (name, setting, path) in [
            ("ssl.ca.location", "KAFKA_SSL_CA_LOCATION", &self.ssl_ca_location),
            ("ssl.certificate.location", "KAFKA_SSL_CERTIFICATE_LOCATION", &self.ssl_certificate_location),
            ("ssl.key.location", "KAFKA_SSL_KEY_LOCATION", &self.ssl_key_location),
        ] {
            let Some(path) = path else { continue };
            // librdkafka reads it; the content is its business.
            read(setting, path)?;
            security.properties.push((name.to_owned(), Secret::new(path.to_string_lossy())));
        }
        Ok(())
    }

    fn has_no_tls(&self) -> Result<(), SecurityError> {
        let files = [&self.ssl_ca_location, &self.ssl_certificate_location, &self.ssl_key_location];
        if files.iter().all(|file| file.is_none()) { Ok(()) } else { Err(SecurityError::NoTls) }
    }

    fn add_sasl(&self, security: &mut Security) -> Result<(), SecurityError> {
        let mechanism = self.sasl_mechanism.ok_or(SecurityError::Missing {
            setting: "KAFKA_SASL_MECHANISM (OAUTHBEARER, SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN)",
        })?;
        let name = match mechanism {
            SaslMechanism::OauthBearer => "OAUTHBEARER",
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::Plain => "PLAIN",
        };
        security.properties.push(("sasl.mechanisms".to_owned(), Secret::new(name)));
        if mechanism == SaslMechanism::OauthBearer {
            self.add_token(security)
        } else {
            self.add_password(security)
        }
    }

    fn add_token(&self, security: &mut Security) -> Result<(), SecurityError> {
        for (setting, is_set) in [
            ("KAFKA_SASL_USERNAME", self.sasl_username.is_some()),
            ("KAFKA_SASL_PASSWORD_FILE", self.sasl_password_file.is_some()),
        ] {
            if is_set {
                return Err(SecurityError::OtherMechanism { setting });
            }
        }
        let setting = "KAFKA_TOKEN_FILE to a file with the user's token";
        let path = self.token_file.as_ref().ok_or(SecurityError::Missing { setting })?;
        let token = TokenFile::read(path).map_err(|reason| SecurityError::Token { reason })?;
        security.token = Some(token);
        Ok(())
    }

    fn add_password(&self, security: &mut Security) -> Result<(), SecurityError> {
        if self.token_file.is_some() {
            return Err(SecurityError::OtherMechanism { setting: "KAFKA_TOKEN_FILE" });
        }
        let missing = |setting| SecurityError::Missing { setting };
        let username = self.sasl_username.as_deref().ok_or_else(|| missing("KAFKA_SASL_USERNAME"))?;
        let path = self.sasl_password_file.as_ref().ok_or_else(|| missing("KAFKA_SASL_PASSWORD_FILE"))?;
        let text = read("KAFKA_SASL_PASSWORD_FILE", path)?;
        // Editors end a file with an empty line, passwords do not.
        let password = text.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            return Err(SecurityError::NoPassword { path: path.clone() });
        }
        security.properties.push(("sasl.username".to_owned(), Secret::new(username)));
        security.properties.push(("sasl.password".to_owned(), Secret::new(password)));
        Ok(())
    }

    fn has_no_sasl(&self) -> Result<(), SecurityError> {
        let is_set = self.sasl_mechanism.is_some()
            || self.token_file.is_some()
            || self.sasl_username.is_some()
            || self.sasl_password_file.is_some();
        if is_set { Err(SecurityError::NoSasl) } else { Ok(()) }
    }
}

fn read(setting: &'static str, path: &Path) -> Result<String, SecurityError> {
    fs::read_to_string(path).map_err(|error| SecurityError::File { setting, path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::token::tests::token_of;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        security: SecurityConfig,
    }

    /// What the settings say; a word that begins with `@` is a file with the rest as its content.
    fn security(folder: &Path, words: &str) -> Result<Security, SecurityError> {
        let words = words.split_whitespace().enumerate().map(|(n, word)| match word.strip_prefix('@') {
            Some(content) => {
                let file = folder.join(n.to_string());
                fs::write(&file, content).expect("a temporary file");
                file.display().to_string()
            }
            None if word.contains('=') || n % 2 == 1 => word.to_owned(),
            None => format!("--kafka-{word}"),
        });
        let alone = Alone::try_parse_from(std::iter::once("alone".to_owned()).chain(words));
        alone.unwrap_or_else(|error| panic!("{error}")).security.check()
    }

    /// A folder of one test, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder =
                std::env::temp_dir().join(format!("collector-security-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).expect("a temporary folder");
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn settings_that_fit_become_librdkafkas() {
        let folder = Folder::new("fit");
        let token = token_of(r#"{"sub":"alice"}"#);
        let by_token = format!(
            "security-protocol sasl_ssl sasl-mechanism OAUTHBEARER ssl-ca-location @ca token-file @{token} property \
             compression.type=zstd"
        );
        for (words, expected) in [
            ("", "security.protocol=plaintext"),
            (
                "security-protocol SSL ssl-ca-location @ca ssl-certificate-location @cert ssl-key-location @key",
                "security.protocol=ssl ssl.ca.location=F/3 ssl.certificate.location=F/5 ssl.key.location=F/7",
            ),
            (
                "security-protocol SASL_PLAINTEXT sasl-mechanism scram-sha-512 sasl-username u sasl-password-file @p",
                "security.protocol=sasl_plaintext sasl.mechanisms=SCRAM-SHA-512 sasl.username=u sasl.password=p",
            ),
            (
                &by_token,
                "security.protocol=sasl_ssl ssl.ca.location=F/5 sasl.mechanisms=OAUTHBEARER compression.type=zstd",
            ),
        ] {
            let security = security(&folder.0, words).unwrap_or_else(|error| panic!("{words}: {error}"));
            let properties = security.properties().map(|(name, value)| format!("{name}={value}"));
            let properties = properties.collect::<Vec<_>>().join(" ");
            assert_eq!(properties.replace(&folder.0.display().to_string(), "F"), expected, "{words}");
            assert_eq!(security.token().is_some(), words == by_token);
            assert_eq!(security.sends_secrets_in_the_clear(), words.contains("SASL_PLAINTEXT"));
            let printed = format!("{security:?}");
            assert!(!printed.contains(&token), "{printed}");
        }
    }

    #[test]
    fn settings_that_do_not_fit_are_refused_by_name() {
        let folder = Folder::new("unfit");
        let login = "security-protocol SASL_PLAINTEXT sasl-mechanism";
        for (words, says) in [
            ("security-protocol SSL", "set KAFKA_SSL_CA_LOCATION"),
            ("security-protocol SSL ssl-ca-location @ca ssl-key-location @k", "set both or none"),
            ("security-protocol SSL ssl-ca-location /no/such", "cannot read /no/such"),
            ("ssl-ca-location @ca", "KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL only"),
            ("token-file @t", "KAFKA_TOKEN_FILE are of use with"),
            ("security-protocol SSL ssl-ca-location @ca sasl-username u", "KAFKA_SASL_… settings"),
            ("security-protocol SASL_PLAINTEXT", "set KAFKA_SASL_MECHANISM"),
            (&format!("{login} OAUTHBEARER"), "set KAFKA_TOKEN_FILE"),
            (&format!("{login} OAUTHBEARER token-file @alice"), "there is no token in"),
            (&format!("{login} OAUTHBEARER token-file /no/such"), "cannot read the token in /no/such"),
            (&format!("{login} OAUTHBEARER token-file @t sasl-username u"), "leave KAFKA_SASL_USERNAME out"),
            (&format!("{login} PLAIN token-file @t"), "leave KAFKA_TOKEN_FILE out"),
            (&format!("{login} PLAIN sasl-password-file @p"), "set KAFKA_SASL_USERNAME"),
            (&format!("{login} PLAIN sasl-username u"), "set KAFKA_SASL_PASSWORD_FILE"),
            (&format!("{login} PLAIN sasl-username u sasl-password-file @"), "there is no password in"),
            (&format!("{login} PLAIN sasl-username u sasl-password-file /no/such"), "cannot read /no/such"),
            ("property acks=0", "acks"),
        ] {
            let error = security(&folder.0, words).map(|_| ()).expect_err(words).to_string();
            assert!(error.contains(says), "{words}: {error}");
        }
    }
}

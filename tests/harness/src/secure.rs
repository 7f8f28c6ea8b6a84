//! How does a test get an Apache Kafka that admits nobody without a name and allows nobody more than they were granted?
//!
//! Services come with a certificate of the [`Authority`], users with a token of the [`Issuer`]; [`principal`] says what both
//! are called, and [`acl`] what each may do. `docs/operations.md` explains the broker's settings.

pub mod acl;
mod authority;
mod files;
mod issuer;
pub mod principal;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use purple_sector_codec::{Topic, UserId};

use self::acl::Acl;
pub use self::authority::{Authority, Identity};
pub use self::issuer::{Issuer, SigningKey, jws};
use self::principal::{ADMIN, Access, BROKER};
use crate::kafka::{self, Kafka, Place, Settings, ToolLogin};
use crate::process;

/// The certificate of the authority, in the broker's folder.
const CA: &str = "ca.pem";
/// The keys that check tokens.
const JWKS: &str = "jwks.json";
/// The settings with which Kafka's own tools log in.
const ADMIN_LOGIN: &str = "admin.properties";
/// The little that a broker with a few topics needs: it starts in 4 s and takes 360 MB.
const JAVA: [&str; 3] = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// One secured broker of its own, on 127.0.0.1, with its authority and its issuer. Dropping it ends it and removes its
/// data and keys, unless its folder was named.
#[derive(Debug)]
pub struct SecureKafka {
    broker: Kafka,
    users_port: u16,
    authority: Authority,
    issuer: Issuer,
    /// So that two threads do not write certificate and key of one service by turns.
    making_identity: Mutex<()>,
}

impl SecureKafka {
    /// Starts a broker and waits until it answers. `svc-admin` may do everything; nobody else may do anything yet.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// As [`SecureKafka::start`], with further lines for `server.properties`, which win over those of
    /// `tests/kafka/secure.properties`.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_with(settings: &[&str]) -> Result<Self> {
        Self::start_at(&Place::default(), settings)
    }

    /// As [`SecureKafka::start_with`], at a place that is named. Its port is that of the services.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_at(place: &Place, settings: &[&str]) -> Result<Self> {
        let (broker, (users_port, authority, issuer)) = Kafka::launch(place, |port, folder| {
            // A person who chose a port finds the users' next to it.
            let users_port = place.port.and_then(|port| port.checked_add(1));
            let users_port = users_port.map_or_else(process::free_port, Ok)?;
            let (authority, issuer) = make_keys(folder)?;
            let properties = properties(port, users_port, process::free_port()?, settings);
            let settings = Settings {
                properties: in_folder(&properties, folder),
                java: JAVA.into_iter().map(str::to_owned).chain([allowed_url(&folder.join(JWKS))]).collect(),
                login: Some(ToolLogin { file: folder.join(ADMIN_LOGIN), java: Vec::new() }),
            };
            Ok((settings, (users_port, authority, issuer)))
        })?;
        Ok(Self { broker, users_port, authority, issuer, making_identity: Mutex::new(()) })
    }

    /// The one secured broker that all tests of this process share: started by the first call, ended with the process.
    /// Use users of your own; don't stop it, and don't change its keys.
    ///
    /// # Errors
    /// As [`Kafka::start`]. A later call tries again.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: Mutex<Option<&'static SecureKafka>> = Mutex::new(None);
        kafka::share(&SHARED, Self::start, |secure| &secure.broker)
    }

    /// Where services connect, with a certificate (`security.protocol=SSL`).
    pub fn services(&self) -> String {
        self.broker.brokers()
    }

    /// Where users connect, with a token (`security.protocol=SASL_SSL`, `sasl.mechanism=OAUTHBEARER`).
    pub fn users(&self) -> String {
        format!("127.0.0.1:{}", self.users_port)
    }

    /// The certificate of the authority, which clients must trust.
    pub fn ca(&self) -> PathBuf {
        self.folder().join(CA)
    }

    /// Certificate and key with which the service `name` logs in; made where it has none yet.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn service(&self, name: &str) -> Result<IdentityFiles> {
        let _making = self.making_identity.lock().unwrap_or_else(PoisonError::into_inner);
        let files = IdentityFiles::in_folder(self.folder(), name);
        if files.certificate.exists() && files.key.exists() {
            return Ok(files);
        }
        self.write_identity(name, &self.authority.service(name)?)
    }

    /// Writes an identity, such as one that the broker must refuse, where its files can be named.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn write_identity(&self, name: &str, identity: &Identity) -> Result<IdentityFiles> {
        write_identity(self.folder(), name, identity)
    }

    /// Makes the topic of `user` and grants what a user may do, by Kafka's own tools, which takes seconds.
    ///
    /// # Errors
    /// Where Kafka refuses.
    pub fn provision(&self, user: &UserId) -> Result<()> {
        let (topic, partitions) = (user.topic(), Topic::PARTITIONS.to_string());
        let mut args =
            vec!["--create", "--if-not-exists", "--topic", topic.as_str(), "--partitions", &partitions];
        let settings = Topic::SETTINGS.map(|(name, value)| format!("{name}={value}"));
        args.extend(settings.iter().flat_map(|setting| ["--config", setting.as_str()]));
        self.broker.tool("org.apache.kafka.tools.TopicCommand", &args)?;
        self.grant(&Acl::of_user(user))
    }

    /// Grants rights by Kafka's own tool, which takes seconds.
    ///
    /// # Errors
    /// Where Kafka refuses.
    pub fn grant(&self, acls: &[Acl]) -> Result<()> {
        thread::scope(|scope| {
            let calls = acl::grants(acls).into_iter().map(|args| {
                scope.spawn(move || {
                    let args: Vec<&str> = args.iter().map(String::as_str).collect();
                    self.broker.tool("org.apache.kafka.tools.AclCommand", &args)
                })
            });
            let calls: Vec<_> = calls.collect();
            calls
                .into_iter()
                .try_for_each(|call| call.join().ok().context("granting a right panicked")?.map(drop))
        })
    }

    /// Writes a token with which `user` writes or reads for `life` to a file that only its owner may read, and names it.
    /// Beside it are the settings with which Kafka's own tools log in with that token (`….properties`).
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn write_token(&self, user: &UserId, access: Access, life: Duration) -> Result<PathBuf> {
        let token = self.issuer.token(user, access, life)?;
        let file = self.folder().join(format!("tokens/{}.jwt", file_name(&principal::of_user(user, access))));
        files::write_secret(&file, &token)?;
        files::write(&tool_settings(&file), &user_login(&self.ca(), &file))?;
        Ok(file)
    }

    /// Runs one of Kafka's command-line tools as the user of a token that [`SecureKafka::write_token`] wrote, and returns
    /// what it printed.
    ///
    /// # Errors
    /// As [`Kafka::tool`].
    pub fn tool_as_user(&self, token: &Path, class: &str, args: &[&str]) -> Result<String> {
        let login = ToolLogin { file: tool_settings(token), java: vec![allowed_url(token)] };
        self.broker.tool_at(&self.users(), &login, class, args)
    }

    /// The settings with which Kafka's own tools log in as `svc-admin`.
    pub fn admin_login(&self) -> PathBuf {
        self.folder().join(ADMIN_LOGIN)
    }

    /// Who signs the certificates.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Who signs the tokens.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Who signs the tokens, to change the keys.
    pub fn issuer_mut(&mut self) -> &mut Issuer {
        &mut self.issuer
    }

    /// The broker itself, for its log and for Kafka's tools, which run as `svc-admin`.
    pub fn broker(&self) -> &Kafka {
        &self.broker
    }

    /// The broker itself, to stop it and start it again.
    pub fn broker_mut(&mut self) -> &mut Kafka {
        &mut self.broker
    }

    /// The folder with everything: settings, keys, data.
    pub fn folder(&self) -> &Path {
        self.broker.folder()
    }
}

/// The file of the settings with which Kafka's own tools use the token in the file `token`.
fn tool_settings(token: &Path) -> PathBuf {
    token.with_extension("properties")
}

/// The settings with which a Java client logs in with the token in a file.
fn user_login(ca: &Path, token: &Path) -> String {
    let package = "org.apache.kafka.common.security.oauthbearer";
    format!(
        "security.protocol=SASL_SSL\n\
         ssl.truststore.type=PEM\n\
         ssl.truststore.location={}\n\
         sasl.mechanism=OAUTHBEARER\n\
         sasl.jaas.config={package}.OAuthBearerLoginModule required;\n\
         sasl.login.callback.handler.class={package}.OAuthBearerLoginCallbackHandler\n\
         sasl.oauthbearer.token.endpoint.url=file://{}\n\
         sasl.oauthbearer.sub.claim.name=kafka_principal\n",
        ca.display(),
        token.display()
    )
}

/// `name` as it can stand in a file's name: what is not a letter, a digit, `-` or `.` as `%` and its bytes in hexadecimal.
fn file_name(name: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let written = |byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") };
    name.bytes().map(written).collect()
}

/// Where a certificate and its key lie, both as PEM.
#[derive(Debug, Clone)]
pub struct IdentityFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key (PKCS #8), which only its owner may read.
    pub key: PathBuf,
}

impl IdentityFiles {
    fn in_folder(folder: &Path, name: &str) -> Self {
        let services = folder.join("services");
        Self { certificate: services.join(format!("{name}.pem")), key: services.join(format!("{name}.key")) }
    }
}

fn write_identity(folder: &Path, name: &str, identity: &Identity) -> Result<IdentityFiles> {
    let files = IdentityFiles::in_folder(folder, name);
    files::write(&files.certificate, &identity.certificate)?;
    files::write_secret(&files.key, &identity.key)?;
    Ok(files)
}

/// Makes authority and issuer, and writes what the broker and Kafka's own tools need of them.
fn make_keys(folder: &Path) -> Result<(Authority, Issuer)> {
    let authority = Authority::new("Purple Sector tests")?;
    files::write(&folder.join(CA), &authority.certificate())?;
    let write_keystore = |name: &str, identity: &Identity| {
        let file = folder.join(format!("services/{name}.keystore.pem"));
        files::write_secret(&file, &identity.keystore(&authority)).map(|()| file)
    };
    write_keystore(BROKER, &authority.broker(BROKER)?)?;
    let admin = authority.service(ADMIN)?;
    write_identity(folder, ADMIN, &admin)?;
    let login = format!(
        "security.protocol=SSL\n\
         ssl.keystore.type=PEM\n\
         ssl.keystore.location={}\n\
         ssl.truststore.type=PEM\n\
         ssl.truststore.location={}\n",
        write_keystore(ADMIN, &admin)?.display(),
        folder.join(CA).display()
    );
    files::write_secret(&folder.join(ADMIN_LOGIN), &login)?;
    let issuer = Issuer::new(&folder.join(JWKS))?;
    Ok((authority, issuer))
}

/// The settings of a broker; `{folder}` and `{data}` are still open.
fn properties(port: u16, users_port: u16, controller_port: u16, settings: &[&str]) -> String {
    let secure = include_str!("../../kafka/secure.properties")
        .replace("{users_port}", &users_port.to_string())
        .replace("{issuer}", Issuer::NAME)
        .replace("{audience}", Issuer::KAFKA_AUDIENCE);
    let settings: Vec<&str> = [secure.as_str()].into_iter().chain(settings.iter().copied()).collect();
    kafka::properties(port, controller_port, &settings)
}

fn in_folder(properties: &str, folder: &Path) -> String {
    let data = folder.join("data").display().to_string();
    properties.replace("{data}", &data).replace("{folder}", &folder.display().to_string())
}

/// Kafka reads keys and tokens only from where its command line allows it; a broker does not start without this.
fn allowed_url(file: &Path) -> String {
    format!("-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://{}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_have_no_open_places_and_end_with_the_extra_settings() {
        let text = in_folder(&properties(1000, 1001, 2000, &["a=b"]), Path::new("/secure"));
        assert!(!text.lines().any(|line| !line.starts_with('#') && line.contains('{')), "{text}");
        assert!(text.contains(
            "listeners=SERVICES://127.0.0.1:1000,USERS://127.0.0.1:1001,CONTROLLER://127.0.0.1:2000"
        ));
        assert!(text.contains("jwks.endpoint.url=file:///secure/jwks.json\n"));
        assert!(text.ends_with("a=b\n"));
    }

    #[test]
    fn operations_md_explains_every_setting() {
        let (settings, explained) =
            (include_str!("../../kafka/secure.properties"), include_str!("../../../docs/operations.md"));
        let names =
            settings.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
        let missing: Vec<&str> =
            names.map(|(name, _)| name).filter(|name| !explained.contains(&format!("`{name}`"))).collect();
        assert!(missing.is_empty(), "docs/operations.md does not explain {missing:?}");
    }

    #[test]
    fn no_user_names_a_file_elsewhere() {
        assert_eq!(file_name("u-alice"), "u-alice");
        assert_eq!(file_name("u-../a b"), "u-..%2fa%20b");
    }

    #[test]
    fn keys_are_readable_by_their_owner_only_and_go_with_the_broker() {
        use std::os::unix::fs::PermissionsExt;

        let kafka = SecureKafka::start().unwrap();
        let folder = kafka.folder().to_path_buf();
        let key = kafka.service("svc-bridge").unwrap().key;
        let alice = UserId::parse("alice").unwrap();
        let token = kafka.write_token(&alice, Access::Read, Duration::from_secs(60)).unwrap();
        for secret in
            [key, token, folder.join("services/svc-broker.keystore.pem"), folder.join("admin.properties")]
        {
            let mode = secret.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", secret.display());
        }
        kafka.provision(&alice).unwrap();
        let rights = kafka.broker().tool("org.apache.kafka.tools.AclCommand", &["--list"]).unwrap();
        let right = "(principal=User:u-alice, host=*, operation=WRITE, permissionType=ALLOW)";
        assert!(rights.contains(right), "{rights}");
        drop(kafka);
        assert!(!folder.exists());
    }
}

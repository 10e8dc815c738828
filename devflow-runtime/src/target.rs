//! Where to connect: a URL taken apart, with nothing in it that Debug or an error could show.

mod host;
#[cfg(test)]
mod tests;

pub(crate) use host::{Address, HostPort};

use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;
use host::{DEFAULT_PORT, address, host_port, parse_hosts, parse_port, set_addresses, set_ports};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::config::{ChannelBinding, Host, SslMode, SslNegotiation, TargetSessionAttrs};

/// Where to connect, and as whom.
///
/// `Debug` shows hosts and the database's name only.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) hosts: Vec<HostPort>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: Option<String>,
    pub(crate) options: Option<String>,
    pub(crate) tls: TlsWishes,
    pub(crate) channel_binding: ChannelBinding,
    pub(crate) attributes: SessionAttributes,
    pub(crate) connect_timeout: Option<Duration>,
}

/// libpq's words about TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsWishes {
    pub(crate) mode: TlsMode,
    pub(crate) root: Option<PathBuf>,
    pub(crate) direct: bool,
}

/// libpq's `sslmode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TlsMode {
    Disable,
    Allow,
    #[default]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// libpq's `target_session_attrs`, without `prefer-standby`, which no migration wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SessionAttributes {
    #[default]
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
}

impl Target {
    /// Takes a `postgres://` or `postgresql://` URL apart.
    ///
    /// # Errors
    /// `invalid_url`, naming the part that cannot be read and never what stands there.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        // Editors and secret stores end a value with a newline.
        let url = url.trim();
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or_else(|| {
                invalid("it does not begin with postgres:// or postgresql://, in lower case")
            })?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, database) = match rest.split_once('/') {
            Some((authority, database)) => (authority, Some(database)),
            None => (rest, None),
        };
        refuse_stray_password(database, query)?;
        let mut target = Self::from_authority(authority)?;
        if let Some(database) = database.filter(|database| !database.is_empty()) {
            target.database = Some(decode("the database's name", database)?);
        }
        target.read_parameters(query.unwrap_or(""))?;
        target.finish()
    }

    fn from_authority(authority: &str) -> Result<Self> {
        let (user_info, hosts) = match authority.rsplit_once('@') {
            Some((user_info, hosts)) => (Some(user_info), hosts),
            None => (None, authority),
        };
        let (user, password) = match user_info.map(|info| info.split_once(':').ok_or(info)) {
            None => (None, None),
            Some(Ok((user, password))) => (Some(user), Some(password)),
            Some(Err(user)) => (Some(user), None),
        };
        let user = user.filter(|user| !user.is_empty());
        let password = password.filter(|password| !password.is_empty());
        Ok(Self {
            hosts: parse_hosts(hosts)?,
            user: user.map(|user| decode("the user", user)).transpose()?,
            password: password
                .map(|password| decode("the password", password))
                .transpose()?
                .map(Secret::new),
            database: None,
            options: None,
            tls: TlsWishes::default(),
            channel_binding: ChannelBinding::Prefer,
            attributes: SessionAttributes::Any,
            connect_timeout: None,
        })
    }

    fn read_parameters(&mut self, query: &str) -> Result<()> {
        let mut names = None;
        let mut ports = None;
        let mut addresses = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| invalid("a parameter after the ? has no value"))?;
            let value = decode("a parameter's value", value)?;
            match key {
                "host" => names = Some(value),
                "port" => ports = Some(value),
                "hostaddr" => addresses = Some(value),
                _ => self.read_parameter(key, value)?,
            }
        }
        self.override_hosts(names, ports, addresses)
    }

    fn read_parameter(&mut self, key: &str, value: String) -> Result<()> {
        match key {
            "user" => self.user = Some(value),
            "password" => self.password = Some(Secret::new(value)),
            "dbname" => self.database = Some(value),
            "options" => self.options = Some(value),
            "sslmode" => self.tls.mode = word(key, &value, &TLS_MODES)?,
            "sslrootcert" => self.tls.root = Some(PathBuf::from(value)),
            "sslnegotiation" => {
                self.tls.direct = word(key, &value, &[("postgres", false), ("direct", true)])?;
            }
            "channel_binding" => self.channel_binding = word(key, &value, &CHANNEL_BINDINGS)?,
            "target_session_attrs" => self.attributes = word(key, &value, &ATTRIBUTES)?,
            "connect_timeout" => self.connect_timeout = seconds(key, &value)?,
            // The run's own name and keepalives take the place of these; none changes what a migration does.
            "application_name"
            | "fallback_application_name"
            | "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_count"
            | "keepalives_retries"
            | "tcp_user_timeout"
            | "load_balance_hosts"
            | "gssencmode"
            | "client_encoding"
            // A pool of sqlx's adds it to the URL that it gives back.
            | "statement-cache-capacity" => {}
            _ => return Err(unknown_parameter(key)),
        }
        Ok(())
    }

    fn override_hosts(
        &mut self,
        names: Option<String>,
        ports: Option<String>,
        addresses: Option<String>,
    ) -> Result<()> {
        if let Some(names) = names {
            self.hosts = names
                .split(',')
                .map(|name| HostPort {
                    host: address(name),
                    port: DEFAULT_PORT,
                })
                .collect();
        }
        if let Some(ports) = ports {
            let ports: Vec<_> = ports.split(',').map(parse_port).collect::<Result<_>>()?;
            set_ports(&mut self.hosts, &ports)?;
        }
        if let Some(addresses) = addresses {
            let parsed: Result<Vec<IpAddr>> = addresses
                .split(',')
                .map(|text| {
                    text.parse()
                        .map_err(|_| invalid("hostaddr is not an IP address"))
                })
                .collect();
            set_addresses(&mut self.hosts, &parsed?)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Self> {
        if self.hosts.is_empty() {
            return Err(invalid("it names no host"));
        }
        let verifies = matches!(self.tls.mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
        if verifies && self.tls.root.is_none() {
            return Err(
                invalid("sslmode=verify-ca and verify-full need sslrootcert")
                    .help("add sslrootcert=FILE with the certificates that you trust, in PEM form"),
            );
        }
        if self
            .tls
            .root
            .as_deref()
            .is_some_and(|root| root.as_os_str() == "system")
        {
            return Err(invalid("sslrootcert=system is not supported").help(
                "name the system's bundle itself, for example sslrootcert=/etc/ssl/certs/ca-certificates.crt",
            ));
        }
        if self.tls.direct && !self.tls.mode.is_compulsory() {
            return Err(invalid(
                "sslnegotiation=direct needs sslmode=require or stronger",
            ));
        }
        Ok(self)
    }

    /// Takes what a caller's own configuration holds.
    ///
    /// # Errors
    /// `invalid_url` when it names no host.
    pub(crate) fn from_config(config: &tokio_postgres::Config) -> Result<Self> {
        let mut hosts: Vec<_> = config.get_hosts().iter().map(host_of).collect();
        let addresses = config.get_hostaddrs();
        if hosts.is_empty() {
            hosts = addresses
                .iter()
                .map(|ip| host_port(address(&ip.to_string())))
                .collect();
        }
        match config.get_ports() {
            [] => {}
            ports => set_ports(&mut hosts, ports)?,
        }
        if !addresses.is_empty() {
            set_addresses(&mut hosts, addresses)?;
        }
        let password = config
            .get_password()
            .map(|bytes| String::from_utf8_lossy(bytes));
        Self {
            hosts,
            user: config.get_user().map(str::to_owned),
            password: password.map(|password| Secret::new(password.into_owned())),
            database: config.get_dbname().map(str::to_owned),
            options: config.get_options().map(str::to_owned),
            tls: TlsWishes {
                mode: tls_mode_of(config.get_ssl_mode()),
                root: None,
                direct: config.get_ssl_negotiation() == SslNegotiation::Direct,
            },
            channel_binding: config.get_channel_binding(),
            attributes: attributes_of(config.get_target_session_attrs()),
            connect_timeout: config.get_connect_timeout().copied(),
        }
        .finish()
    }
}

impl TlsMode {
    /// Whether plain text is out of the question.
    pub(crate) fn is_compulsory(self) -> bool {
        matches!(self, Self::Require | Self::VerifyCa | Self::VerifyFull)
    }

    /// libpq's word.
    pub(crate) fn as_str(self) -> &'static str {
        let known = TLS_MODES.iter().find(|(_, mode)| *mode == self);
        known.map_or("prefer", |(word, _)| word)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("hosts", &self.hosts)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

const TLS_MODES: [(&str, TlsMode); 6] = [
    ("disable", TlsMode::Disable),
    ("allow", TlsMode::Allow),
    ("prefer", TlsMode::Prefer),
    ("require", TlsMode::Require),
    ("verify-ca", TlsMode::VerifyCa),
    ("verify-full", TlsMode::VerifyFull),
];

const CHANNEL_BINDINGS: [(&str, ChannelBinding); 3] = [
    ("disable", ChannelBinding::Disable),
    ("prefer", ChannelBinding::Prefer),
    ("require", ChannelBinding::Require),
];

const ATTRIBUTES: [(&str, SessionAttributes); 5] = [
    ("any", SessionAttributes::Any),
    ("read-write", SessionAttributes::ReadWrite),
    ("read-only", SessionAttributes::ReadOnly),
    ("primary", SessionAttributes::Primary),
    ("standby", SessionAttributes::Standby),
];

fn invalid(what: &str) -> Error {
    Error::new(
        ErrorKind::Usage,
        "invalid_url",
        format!("the database URL cannot be read: {what}"),
    )
    .help("expected postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…, with :/?#[]@% in the password percent-encoded")
}

fn unknown_parameter(key: &str) -> Error {
    // A parameter's name is shown only where it looks like one: an unescaped & in a password could end up here.
    let looks_like_a_name = key.len() <= 32
        && key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        && (key.contains('_') || key.starts_with("ssl") || KNOWN_ELSEWHERE.contains(&key));
    match looks_like_a_name {
        true if key == "ssl" => {
            invalid("parameter ssl is not known here; sslmode=require asks for TLS")
        }
        true => invalid(&format!("parameter {key} is not known here")),
        false => invalid("a parameter after the ? is not known here"),
    }
}

/// Parameters of other drivers' URLs.
const KNOWN_ELSEWHERE: [&str; 4] = ["pgbouncer", "schema", "sslcert", "passfile"];

/// What follows an unescaped `/` or `?` in a password looks like a database or parameter with an `@` in it.
fn refuse_stray_password(database: Option<&str>, query: Option<&str>) -> Result<()> {
    let stray = |part: Option<&str>| part.is_some_and(|part| part.contains('@'));
    if stray(database) || stray(query) {
        return Err(invalid(
            "an @ stands after the host; a password that contains / or ? must be percent-encoded",
        ));
    }
    Ok(())
}

fn word<T: Copy>(key: &str, value: &str, words: &[(&str, T)]) -> Result<T> {
    let known = || {
        words
            .iter()
            .map(|(word, _)| *word)
            .collect::<Vec<_>>()
            .join(", ")
    };
    words
        .iter()
        .find(|(word, _)| *word == value)
        .map(|(_, meaning)| *meaning)
        .ok_or_else(|| invalid(&format!("{key} is none of {}", known())))
}

fn seconds(key: &str, value: &str) -> Result<Option<Duration>> {
    let seconds: u32 = value
        .parse()
        .map_err(|_| invalid(&format!("{key} is not a number of seconds")))?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds.into())))
}

fn host_of(host: &Host) -> HostPort {
    host_port(match host {
        Host::Tcp(name) => address(name),
        #[cfg(unix)]
        Host::Unix(directory) => Address::Unix(directory.clone()),
    })
}

fn tls_mode_of(mode: SslMode) -> TlsMode {
    match mode {
        SslMode::Disable => TlsMode::Disable,
        SslMode::Require => TlsMode::Require,
        _ => TlsMode::Prefer,
    }
}

fn attributes_of(attributes: TargetSessionAttrs) -> SessionAttributes {
    match attributes {
        TargetSessionAttrs::ReadWrite => SessionAttributes::ReadWrite,
        TargetSessionAttrs::ReadOnly => SessionAttributes::ReadOnly,
        _ => SessionAttributes::Any,
    }
}

fn decode(what: &str, text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let (Some(high), Some(low)) = (digit(high), digit(low)) else {
                    return Err(invalid(&format!("{what} has a % without two hex digits")));
                };
                bytes.push((high * 16 + low) as u8);
                rest = after;
            }
            (b'%', _) => {
                return Err(invalid(&format!("{what} has a % without two hex digits")));
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| invalid(&format!("{what} is not UTF-8")))?;
    if text.contains('\0') {
        return Err(invalid(&format!("{what} contains a NUL character")));
    }
    Ok(text)
}

//! The servers of a URL.

use super::{decode, invalid};
use crate::error::Result;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// One server to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPort {
    pub(crate) host: Address,
    pub(crate) port: u16,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A name or address, and an address that saves the look-up of the name.
    Tcp {
        name: String,
        address: Option<IpAddr>,
    },
    /// The directory of a Unix-domain socket.
    Unix(PathBuf),
}

pub(super) const DEFAULT_PORT: u16 = 5432;

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Address::Tcp { name, .. } if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            Address::Tcp { name, .. } => write!(f, "{name}:{}", self.port),
            Address::Unix(directory) => {
                write!(f, "{}/.s.PGSQL.{}", directory.display(), self.port)
            }
        }
    }
}

pub(super) fn parse_hosts(text: &str) -> Result<Vec<HostPort>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(parse_host).collect()
}

fn parse_host(text: &str) -> Result<HostPort> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, after) = rest
                .split_once(']')
                .ok_or_else(|| invalid("an IPv6 address is not closed with ]"))?;
            if name.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(invalid(
                    "what stands between [ and ] is not an IPv6 address",
                ));
            }
            let port = match after {
                "" => None,
                _ => Some(
                    after
                        .strip_prefix(':')
                        .ok_or_else(|| invalid("the port is not a number from 1 to 65535"))?,
                ),
            };
            (name, port)
        }
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    let name = decode("the host", name)?;
    if name.is_empty() {
        return Err(invalid("a host is empty"));
    }
    let port = port
        .filter(|port| !port.is_empty())
        .map(parse_port)
        .transpose()?;
    Ok(HostPort {
        host: address(&name),
        port: port.unwrap_or(DEFAULT_PORT),
    })
}

pub(super) fn address(name: &str) -> Address {
    match name.starts_with('/') {
        true => Address::Unix(PathBuf::from(name)),
        false => Address::Tcp {
            name: name.to_owned(),
            address: None,
        },
    }
}

pub(super) fn parse_port(text: &str) -> Result<u16> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(invalid("the port is not a number from 1 to 65535")),
    }
}

pub(super) fn set_ports(hosts: &mut [HostPort], ports: &[u16]) -> Result<()> {
    match ports {
        [port] => hosts.iter_mut().for_each(|host| host.port = *port),
        _ if ports.len() == hosts.len() => {
            hosts
                .iter_mut()
                .zip(ports)
                .for_each(|(host, port)| host.port = *port);
        }
        _ => return Err(invalid("it has another number of ports than of hosts")),
    }
    Ok(())
}

pub(super) fn set_addresses(hosts: &mut Vec<HostPort>, addresses: &[IpAddr]) -> Result<()> {
    if hosts.is_empty() {
        *hosts = addresses
            .iter()
            .map(|ip| host_port(address(&ip.to_string())))
            .collect();
    }
    if hosts.len() != addresses.len() {
        return Err(invalid("it has another number of addresses than of hosts"));
    }
    for (host, ip) in hosts.iter_mut().zip(addresses) {
        if let Address::Tcp { address, .. } = &mut host.host {
            *address = Some(*ip);
        }
    }
    Ok(())
}

pub(super) fn host_port(host: Address) -> HostPort {
    HostPort {
        host,
        port: DEFAULT_PORT,
    }
}

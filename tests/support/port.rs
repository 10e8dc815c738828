//! Ports.

use std::net::TcpListener;

/// A port of 127.0.0.1 that nobody listens on at this moment.
pub(crate) fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

//! Who may ask: a token where one is set, and on loopback only who means this server.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{AUTHORIZATION, HOST, HeaderMap};
use hyper::{StatusCode, Uri};
use subtle::ConstantTimeEq as _;

use crate::digest::Digest;

/// The scheme by which a token is given, whatever the case.
const BEARER: &[u8] = b"Bearer ";

/// Who may ask.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// The hash of the token.
    token: Option<Digest>,
    /// Names that a request may call this server by; none for any.
    hosts: Option<Vec<String>>,
}

/// A server that anybody could ask by mistake.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// It is not on loopback and has no token.
    #[error("{0} can be reached from other machines, and there is no token")]
    NoToken(SocketAddr),
    /// The token cannot be one.
    #[error("a token is a word of at least 16 visible ASCII characters")]
    BadToken,
}

impl GuardError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoToken(_) => "Set RAGCTL_TOKEN or --token-file, or say --no-token.",
            Self::BadToken => "Such as `openssl rand -hex 32` makes.",
        }
    }
}

impl Guard {
    /// The guard of a server that listens on an address. `open` is whether it may go without a token anywhere. Without a
    /// token and on loopback, requests must name loopback or one of `hosts`: a page in somebody's browser may have a name
    /// that leads here, but cannot say another one.
    pub fn of(
        listen: SocketAddr,
        token: Option<&str>,
        hosts: &[String],
        open: bool,
    ) -> Result<Self, GuardError> {
        let is_word =
            |token: &str| token.len() >= 16 && token.bytes().all(|byte| byte.is_ascii_graphic());
        match token {
            Some(token) if !is_word(token) => return Err(GuardError::BadToken),
            None if !open && !listen.ip().is_loopback() => return Err(GuardError::NoToken(listen)),
            _ => {}
        }
        let named = token.is_none() && (listen.ip().is_loopback() || !hosts.is_empty());
        Ok(Self {
            token: token.map(Digest::of),
            hosts: named.then(|| hosts.to_vec()),
        })
    }

    /// The guard of a socket for whoever runs the server: no page of a browser, whatever it calls this machine.
    pub(super) fn of_admin() -> Self {
        Self {
            token: None,
            hosts: Some(Vec::new()),
        }
    }

    /// Whether a request may be answered, or why not.
    pub(super) fn check(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), (StatusCode, &'static str)> {
        // Probes come from whoever keeps the process alive.
        if matches!(uri.path(), "/livez" | "/readyz" | "/metrics")
            || uri.path().starts_with("/grpc.health.")
        {
            return Ok(());
        }
        if let Some(expected) = &self.token {
            let given = headers
                .get(AUTHORIZATION)
                .and_then(|value| value.as_bytes().split_at_checked(BEARER.len()))
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BEARER))
                .map(|(_, token)| token);
            // Hashes are of one length, and comparing them takes the same time whatever they are.
            let given = Digest::of(given.unwrap_or_default());
            if !bool::from(given.as_bytes().ct_eq(expected.as_bytes())) {
                return Err((StatusCode::UNAUTHORIZED, "the token is missing or wrong"));
            }
        }
        let Some(hosts) = &self.hosts else {
            return Ok(());
        };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = uri.host().or(host.map(without_port)).unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_loopback = bare.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if is_loopback || hosts.iter().any(|known| known.eq_ignore_ascii_case(bare)) {
            return Ok(());
        }
        Err((
            StatusCode::FORBIDDEN,
            "the Host header names another server; --allow-host lets it in",
        ))
    }
}

/// A host without its port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn asks(guard: &Guard, path: &str, pairs: &[(&'static str, &str)]) -> u16 {
        let uri: Uri = path.parse().unwrap();
        guard
            .check(&uri, &headers(pairs))
            .map_or_else(|(code, _)| code.as_u16(), |()| 200)
    }

    #[test]
    fn who_may_ask_is_decided_by_address_token_and_host() {
        let loopback: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let everywhere: SocketAddr = "0.0.0.0:8080".parse().unwrap();
        let token = "0123456789abcdef";
        assert!(matches!(
            Guard::of(everywhere, None, &[], false),
            Err(GuardError::NoToken(_))
        ));
        assert!(matches!(
            Guard::of(loopback, Some("short"), &[], false),
            Err(GuardError::BadToken)
        ));

        let guard = Guard::of(everywhere, Some(token), &[], false).unwrap();
        for (given, code) in [
            ("Bearer 0123456789abcdef", 200),
            ("Bearer 0123456789abcdeF", 401),
            ("Bearer 0123456789abcdef0", 401),
            ("Bearer ", 401),
            ("0123456789abcdef", 401),
            ("bearer 0123456789abcdef", 200),
            ("Basic 0123456789abcdef", 401),
        ] {
            assert_eq!(
                asks(&guard, "/v1/search", &[("authorization", given)]),
                code,
                "{given}"
            );
        }
        assert_eq!(asks(&guard, "/v1/search", &[]), 401);
        assert_eq!(asks(&guard, "/readyz", &[]), 200);

        let guard = Guard::of(loopback, None, &["search.local".into()], false).unwrap();
        for (host, code) in [
            ("localhost:8080", 200),
            ("LOCALHOST", 200),
            ("127.0.0.1:8080", 200),
            ("127.9.9.9", 200),
            ("[::1]:8080", 200),
            ("search.local:8080", 200),
            ("evil.example", 403),
            ("127.0.0.1.evil.example", 403),
            ("localhost.evil.example:8080", 403),
            ("192.168.0.7", 403),
            ("", 403),
        ] {
            assert_eq!(
                asks(&guard, "/v1/search", &[("host", host)]),
                code,
                "{host}"
            );
        }
        let open = Guard::of(everywhere, None, &[], true).unwrap();
        assert_eq!(asks(&open, "/v1/search", &[("host", "anything")]), 200);
    }
}

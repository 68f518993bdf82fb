//! Which servers may be spoken to: by default only such that everybody on the internet can reach. A page that somebody
//! else wrote must not make this machine ask its own network for something.
//!
//! Every address is judged where it is about to be used: those of names as they are resolved, since the connection goes
//! only to what the resolver hands over, and those in URLs before each request, since they are connected to unresolved.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::thread;

use futures::channel::oneshot;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::ranges::{Private, embedded, not_public};

/// Last labels of names that mean something else in every network.
const LOCAL_LABELS: [&str; 5] = ["internal", "local", "localhost", "localdomain", "lan"];

/// A server that is not spoken to, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Only http and https lead to documents.
    #[error("its scheme is {0}, and only http and https are read")]
    Scheme(String),
    /// The URL names no host.
    #[error("it names no host")]
    NoHost,
    /// The name means something else in every network.
    #[error("`{0}` is a name of a private network; --allow-host {0} opens it")]
    Name(String),
    /// The address is not public.
    #[error("{ip} is {what} address{}; {remedy} opens it", of(host))]
    Address {
        /// The address.
        ip: IpAddr,
        /// What kind of address it is, with its article.
        what: &'static str,
        /// The name that led to it.
        host: Option<String>,
        /// The option that opens it.
        remedy: String,
    },
    /// The other end of a connection is not known.
    #[error("the server's address cannot be told")]
    NoPeer,
}

fn of(host: &Option<String>) -> String {
    host.as_ref()
        .map_or_else(String::new, |host| format!(" of {host}"))
}

/// The name has no address now.
#[derive(Debug, thiserror::Error)]
#[error("{host} has no address: {reason}")]
pub(super) struct Unresolved {
    host: String,
    reason: String,
}

/// What was opened on purpose.
#[derive(Debug, Default)]
pub(super) struct Guard {
    hosts: BTreeSet<String>,
    nets: Vec<IpNet>,
}

/// Reads an address range; an address alone is a range of one.
pub(crate) fn parse_cidr(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let alone = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or_else(|_| alone())
        .map_err(|_| format!("`{text}` is no address range such as 10.1.0.0/16"))
}

impl Guard {
    /// Opens hosts, whose addresses then may be private, and ranges of addresses.
    pub(super) fn new(hosts: &[String], nets: &[IpNet]) -> Self {
        let mut guard = Self {
            hosts: BTreeSet::new(),
            nets: nets.to_vec(),
        };
        for host in hosts {
            let bare = host.trim().trim_start_matches('[').trim_end_matches(']');
            match (bare.parse::<IpAddr>(), Host::parse(bare)) {
                (Ok(ip), _) => guard.nets.push(IpNet::from(ip.to_canonical())),
                (_, Ok(Host::Ipv4(ip))) => guard.nets.push(IpNet::from(IpAddr::V4(ip))),
                (_, Ok(Host::Domain(name))) => {
                    guard.hosts.insert(tidy(&name));
                }
                // What is no host opens none.
                (_, Ok(Host::Ipv6(_)) | Err(_)) => {}
            }
        }
        guard
    }

    /// Judges all of a URL that can be judged without looking up its host.
    pub(super) fn check(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme(url.scheme().to_owned()));
        }
        match url.host().ok_or(Refused::NoHost)? {
            Host::Domain(name) => self.check_name(name),
            Host::Ipv4(ip) => self.check_address(None, ip.into()),
            Host::Ipv6(ip) => self.check_address(None, ip.into()),
        }
    }

    /// Judges an address that `host` led to.
    pub(super) fn check_address(&self, host: Option<&str>, ip: IpAddr) -> Result<(), Refused> {
        // A mapped address is connected to as what it maps.
        let ip = ip.to_canonical();
        let Some((what, private)) = not_public(ip) else {
            return Ok(());
        };
        let host = host.map(tidy);
        let named = host.as_ref().is_some_and(|host| self.hosts.contains(host));
        // Opening a gateway's range must not open the networks behind the gateway.
        let opened = self.nets.iter().any(|net| net.contains(&ip))
            && embedded(ip).all(|inner| self.check_address(None, inner.into()).is_ok());
        if named && private == Private::Yes || opened {
            return Ok(());
        }
        let remedy = match &host {
            Some(host) if private == Private::Yes => format!("--allow-host {host}"),
            _ => format!("--allow-cidr {}", IpNet::from(ip)),
        };
        Err(Refused::Address {
            ip,
            what,
            host,
            remedy,
        })
    }

    fn check_name(&self, name: &str) -> Result<(), Refused> {
        let name = tidy(name);
        let local = match name.rsplit_once('.') {
            Some((_, last)) => LOCAL_LABELS.contains(&last),
            None => true,
        };
        match local && !self.hosts.contains(&name) {
            true => Err(Refused::Name(name)),
            false => Ok(()),
        }
    }

    /// Looks a name up, and hands over only what may be connected to.
    fn look_up(
        &self,
        host: &str,
    ) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        self.check_name(host)?;
        let unresolved = |reason: String| Unresolved {
            host: host.to_owned(),
            reason,
        };
        let all = (host, 0)
            .to_socket_addrs()
            .map_err(|e| unresolved(e.to_string()))?;
        let mut refused = None;
        let mut vetted = Vec::new();
        for address in all {
            match self.check_address(Some(host), address.ip()) {
                Ok(()) => vetted.push(address),
                Err(e) => refused = Some(e),
            }
        }
        match (vetted.is_empty(), refused) {
            (false, _) => Ok(vetted),
            (true, Some(refused)) => Err(refused.into()),
            (true, None) => Err(unresolved("the answer is empty".into()).into()),
        }
    }
}

/// Says whether an address belongs to nobody's public server.
pub(super) fn is_private(ip: IpAddr) -> bool {
    not_public(ip.to_canonical()).is_some()
}

fn tidy(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Resolves names to what a guard lets pass.
pub(super) struct Resolver(pub(super) Arc<Guard>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let (tell, told) = oneshot::channel();
            // A look-up cannot be stopped. On a thread of its own nobody has to wait for it.
            thread::Builder::new()
                .name("resolve".into())
                .spawn(move || tell.send(guard.look_up(&host)))?;
            let vetted = told.await??;
            Ok(Box::new(vetted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(hosts: &[&str], nets: &[&str]) -> Guard {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let nets: Vec<IpNet> = nets.iter().map(|net| parse_cidr(net).unwrap()).collect();
        Guard::new(&hosts, &nets)
    }

    /// What a URL is refused for: as it stands, or by the resolver.
    fn verdict(guard: &Guard, url: &str) -> Result<(), String> {
        let url = Url::parse(url).map_err(|e| e.to_string())?;
        guard.check(&url).map_err(|e| e.to_string())
    }

    const REFUSED: &str = include_str!("../../../tests/faults/refused.txt");

    #[test]
    fn no_form_of_a_private_address_passes() {
        let guard = Guard::default();
        let urls: Vec<&str> = REFUSED
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect();
        assert!(urls.len() >= 120, "only {}", urls.len());
        for url in urls {
            assert!(verdict(&guard, url).is_err(), "{url} passes");
        }
    }

    #[test]
    fn public_servers_pass() {
        for url in [
            "http://example.com/",
            "https://example.com:8443/a",
            "http://example.com./",
            "http://8.8.8.8/",
            "http://134744072/",
            "http://0x08080808/",
            "http://172.15.0.1/",
            "http://172.32.0.1/",
            "http://100.63.0.1/",
            "http://100.128.0.1/",
            "http://192.0.1.1/",
            "http://198.17.0.1/",
            "http://198.20.0.1/",
            "http://169.253.0.1/",
            "http://223.255.255.255/",
            "http://[2606:4700::1111]/",
            "http://[2001:4860:4860::8888]/",
            "http://[::ffff:8.8.8.8]/",
            "http://xn--bcher-kva.example/",
            "http://internal.example.com/",
        ] {
            assert_eq!(verdict(&Guard::default(), url), Ok(()), "{url}");
        }
    }

    #[test]
    fn only_what_was_opened_is_open() {
        let open = guard(
            &["wiki", "Docs.Internal.", "10.9.9.9", "[fd00::9]"],
            &["10.1.0.0/16", "127.0.0.1", "64:ff9b::/96", "2002::/16"],
        );
        for url in [
            "http://wiki/",
            "http://WIKI./",
            "http://docs.internal/",
            "http://10.9.9.9/",
            "http://[fd00::9]/",
            "http://10.1.2.3/",
            "http://0x7f.1/",
            "http://[::ffff:10.1.2.3]/",
            "http://[64:ff9b::8.8.8.8]/",
            "http://[64:ff9b::10.1.2.3]/",
        ] {
            assert_eq!(verdict(&open, url), Ok(()), "{url}");
        }
        for url in [
            "http://wiki2/",
            "http://a.docs.internal/",
            "http://localhost/",
            "http://10.2.0.1/",
            "http://127.0.0.2/",
            "http://[64:ff9b::169.254.169.254]/",
            "http://[2002:7f00:2::]/",
            "http://[2002:a9fe:a9fe::]/",
        ] {
            assert!(verdict(&open, url).is_err(), "{url}");
        }
        let named = |ip: &str| open.check_address(Some("wiki"), ip.parse().unwrap());
        assert_eq!((named("10.7.7.7"), named("fd12::1")), (Ok(()), Ok(())));
        assert!(named("169.254.169.254").is_err());
        assert!(named("fe80::1").is_err());
    }

    #[test]
    fn a_name_leads_only_to_vetted_addresses() {
        let found = guard(&["localhost"], &[]).look_up("localhost").unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        let refused = guard(&[], &[]).look_up("localhost").unwrap_err();
        assert!(refused.is::<Refused>());
        let absent = guard(&[], &[]).look_up("nothing.invalid").unwrap_err();
        assert!(absent.is::<Unresolved>());
        let error = guard(&[], &[])
            .check_address(Some("a.example"), "127.0.0.1".parse().unwrap())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "127.0.0.1 is a loopback address of a.example; --allow-host a.example opens it"
        );
    }
}

//! Ranges of addresses that belong to nobody's public server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Why an address is not public, and whether that is because it belongs to a private network.
type Range<N> = (N, &'static str, Private);

/// Whether an address belongs to a private network, which may be opened by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Private {
    Yes,
    No,
}

/// Ranges of IPv4 that are not globally routable.
const V4: [Range<Ipv4Net>; 16] = [
    (v4(0, 0, 0, 0, 8), "an unspecified", Private::No),
    (v4(10, 0, 0, 0, 8), "a private", Private::Yes),
    (v4(100, 64, 0, 0, 10), "a carrier's private", Private::Yes),
    (v4(127, 0, 0, 0, 8), "a loopback", Private::Yes),
    // The platform's own services of a large cloud, within a public range.
    (v4(168, 63, 129, 16, 32), "a cloud platform's", Private::No),
    (v4(169, 254, 0, 0, 16), "a link-local", Private::No),
    (v4(172, 16, 0, 0, 12), "a private", Private::Yes),
    (v4(192, 0, 0, 0, 24), "a reserved", Private::No),
    (v4(192, 0, 2, 0, 24), "a documentation", Private::No),
    (v4(192, 88, 99, 0, 24), "a reserved", Private::No),
    (v4(192, 168, 0, 0, 16), "a private", Private::Yes),
    (v4(198, 18, 0, 0, 15), "a benchmarking", Private::No),
    (v4(198, 51, 100, 0, 24), "a documentation", Private::No),
    (v4(203, 0, 113, 0, 24), "a documentation", Private::No),
    (v4(224, 0, 0, 0, 4), "a multicast", Private::No),
    (v4(240, 0, 0, 0, 4), "a reserved", Private::No),
];

/// Ranges of IPv6 that are not globally routable, the narrower before the wider.
const V6: [Range<Ipv6Net>; 17] = [
    (v6([0; 8], 128), "an unspecified", Private::No),
    (
        v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
        "a loopback",
        Private::Yes,
    ),
    (v6([0; 8], 96), "an IPv4-compatible", Private::No),
    (
        v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96),
        "a NAT64",
        Private::No,
    ),
    (
        v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
        "a local NAT64",
        Private::No,
    ),
    (
        v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64),
        "a discard",
        Private::No,
    ),
    (
        v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32),
        "a Teredo",
        Private::No,
    ),
    (
        v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48),
        "a benchmarking",
        Private::No,
    ),
    (
        v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
        "a reserved",
        Private::No,
    ),
    (
        v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
        "a documentation",
        Private::No,
    ),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "a 6to4", Private::No),
    (
        v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
        "a documentation",
        Private::No,
    ),
    (
        v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16),
        "a segment routing",
        Private::No,
    ),
    (
        v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
        "a private",
        Private::Yes,
    ),
    (
        v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
        "a link-local",
        Private::No,
    ),
    (
        v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
        "a site-local",
        Private::Yes,
    ),
    (
        v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
        "a multicast",
        Private::No,
    ),
];
/// Only from here are IPv6 addresses given to anybody.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(s: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = s;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// Says what kind of address that is no public server's this is, with its article.
pub(super) fn not_public(ip: IpAddr) -> Option<(&'static str, Private)> {
    match ip {
        IpAddr::V4(ip) => V4
            .iter()
            .find(|(net, ..)| net.contains(&ip))
            .map(|(_, what, private)| (*what, *private)),
        IpAddr::V6(ip) => V6
            .iter()
            .find(|(net, ..)| net.contains(&ip))
            .map(|(_, what, private)| (*what, *private))
            .or_else(|| (!GLOBAL_V6.contains(&ip)).then_some(("a reserved", Private::No))),
    }
}

/// The IPv4 addresses that a packet to an IPv6 address may be carried on to.
pub(super) fn embedded(ip: IpAddr) -> impl Iterator<Item = Ipv4Addr> {
    let (first, last) = match ip {
        IpAddr::V4(_) => (None, None),
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h] = ip.segments();
            let of = |high: u16, low: u16| {
                Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
            };
            match (a, b) {
                (0x2002, _) => (of(b, c), None),
                // The server's address, and the client's with its bits turned over.
                (0x2001, 0) => (of(c, d), of(!g, !h)),
                // The local prefix is divided as its owner likes.
                (0x64, 0xff9b) => (of(g, h), of(e, f).filter(|_| c == 1 && e != 0)),
                (0, 0) if (c, d, e, f) == (0, 0, 0, 0) && (g, h) != (0, 1) && (g, h) != (0, 0) => {
                    (of(g, h), None)
                }
                _ => (None, None),
            }
        }
    };
    first.into_iter().chain(last)
}

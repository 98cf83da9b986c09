use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::url::CallbackUrlError;

/// Why a host is not public, so that LipDub cannot deliver to it.
///
/// Addresses are judged by IANA's registries of special purposes as they were in 2025, for
/// [IPv4](https://www.iana.org/assignments/iana-ipv4-special-registry) and
/// [IPv6](https://www.iana.org/assignments/iana-ipv6-special-registry); names by its registry of
/// [special-use domain names](https://www.iana.org/assignments/special-use-domain-names), by
/// [RFC 6762, appendix G](https://www.rfc-editor.org/rfc/rfc6762#appendix-G), and by custom (`localdomain`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonPublicHost {
    /// The machine itself: `127.0.0.0/8`, `::1`, `localhost` and names under it.
    Loopback,
    /// An address of a private network: `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16`, `fc00::/7`.
    Private,
    /// An address of the link, as is that of a cloud's metadata: `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// An address that a carrier shares among its customers: `100.64.0.0/10`.
    Shared,
    /// An address of "this network": `0.0.0.0/8`.
    ThisNetwork,
    /// The address that stands for none or for all: `0.0.0.0`, `::`.
    Unspecified,
    /// The address of many receivers: `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// The address of everybody on the link: `255.255.255.255`.
    Broadcast,
    /// An address for documentation: `192.0.2.0/24`, `198.51.100.0/24`, `203.0.113.0/24`, `2001:db8::/32`,
    /// `3fff::/20`.
    Documentation,
    /// An address for measurements: `198.18.0.0/15`, `2001:2::/48`.
    Benchmarking,
    /// An address that is kept for protocols, for the future, or for nobody any more: `192.0.0.0/24`,
    /// `192.88.99.0/24`, `240.0.0.0/4`, `2001::/23`, and any IPv6 address outside `2000::/3`.
    Reserved,
    /// An IPv6 address that holds an IPv4 address: `::/96`, `::ffff:0:0/96`, `64:ff9b::/96`,
    /// `64:ff9b:1::/48`, `2001::/32` and `2002::/16`.
    EmbedsIpv4,
    /// A name without a dot, such as `receiver`.
    BareName,
    /// A name that means something within a network only: under `local`, `internal`, `arpa` (such as
    /// `home.arpa`), `lan`, `home`, `corp`, `intranet`, `private` or `localdomain`.
    LocalName,
    /// A name that the public DNS never resolves: under `test`, `example`, `invalid`, `onion` or `alt`.
    ReservedName,
}

impl fmt::Display for NonPublicHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Loopback => "the machine itself (loopback)",
            Self::Private => "an address of a private network",
            Self::LinkLocal => "a link-local address",
            Self::Shared => "an address that a carrier shares among its customers (100.64.0.0/10)",
            Self::ThisNetwork => "an address of \"this network\" (0.0.0.0/8)",
            Self::Unspecified => "the unspecified address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Documentation => "an address for documentation",
            Self::Benchmarking => "an address for benchmarks",
            Self::Reserved => "a reserved address",
            Self::EmbedsIpv4 => "an IPv6 address that holds an IPv4 address",
            Self::BareName => "a name without a dot",
            Self::LocalName => "a name that is known in a local network only",
            Self::ReservedName => "under a name that the public DNS never resolves",
        })
    }
}

/// Whether a host is a name or an address that every parser reads alike, and public.
pub(super) fn check(host: &str) -> Result<(), CallbackUrlError> {
    match non_public(host)? {
        Some(kind) => Err(CallbackUrlError::NotPublic(kind)),
        None => Ok(()),
    }
}

fn non_public(host: &str) -> Result<Option<NonPublicHost>, CallbackUrlError> {
    if host.is_empty() {
        Err(CallbackUrlError::NoHost)
    } else if host.starts_with('[') {
        parse_ipv6(host).map(of_ipv6).ok_or(CallbackUrlError::Address)
    } else if may_be_address(host) {
        host.parse().map(of_ipv4).map_err(|_| CallbackUrlError::Address)
    } else if is_name(host) {
        Ok(of_name(host))
    } else {
        Err(CallbackUrlError::HostName)
    }
}

fn parse_ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// Whether a host has a colon, as IPv6 has, or ends in a label that begins with a digit.
///
/// Browsers, and whoever follows them, take `127.1`, `0x7f000001`, `2130706433` and `017700000001` for
/// `127.0.0.1`, by the last label alone (<https://url.spec.whatwg.org/#ends-in-a-number-checker>). No top-level
/// domain begins with a digit.
fn may_be_address(host: &str) -> bool {
    host.contains(':') || last_label(host).starts_with(|first: char| first.is_ascii_digit())
}

/// A name of a host by RFC 1123, section 2.1, with the lengths of RFC 1035, section 2.3.4.
fn is_name(host: &str) -> bool {
    host.len() <= 253 && host.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn of_name(name: &str) -> Option<NonPublicHost> {
    match last_label(name).to_ascii_lowercase().as_str() {
        "localhost" => Some(NonPublicHost::Loopback),
        // Under `arpa` are local names (`home.arpa`, `service.arpa`, `resolver.arpa`) and the machinery of the DNS.
        "local" | "internal" | "arpa" | "lan" | "home" | "corp" | "intranet" | "private" | "localdomain" => {
            Some(NonPublicHost::LocalName)
        }
        "test" | "example" | "invalid" | "onion" | "alt" => Some(NonPublicHost::ReservedName),
        _ if !name.contains('.') => Some(NonPublicHost::BareName),
        _ => None,
    }
}

fn last_label(host: &str) -> &str {
    host.rsplit('.').next().unwrap_or_default()
}

fn of_ipv4(address: Ipv4Addr) -> Option<NonPublicHost> {
    let address = u32::from(address);
    let is_in = |block: Ipv4Addr, length: u32| (address ^ u32::from(block)) >> (32 - length) == 0;
    IPV4.into_iter().find(|&(block, length, _)| is_in(block, length)).map(|(_, _, kind)| kind)
}

fn of_ipv6(address: Ipv6Addr) -> Option<NonPublicHost> {
    let address = u128::from(address);
    let is_in = |block: Ipv6Addr, length: u32| (address ^ u128::from(block)) >> (128 - length) == 0;
    let kind = IPV6.into_iter().find(|&(block, length, _)| is_in(block, length)).map(|(_, _, kind)| kind);
    kind.or((!is_in(GLOBAL_UNICAST, 3)).then_some(NonPublicHost::Reserved))
}

/// The blocks that are not globally reachable; the first that fits counts.
const IPV4: [(Ipv4Addr, u32, NonPublicHost); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 32, NonPublicHost::Unspecified),
    (Ipv4Addr::new(0, 0, 0, 0), 8, NonPublicHost::ThisNetwork),
    (Ipv4Addr::new(10, 0, 0, 0), 8, NonPublicHost::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, NonPublicHost::Shared),
    (Ipv4Addr::new(127, 0, 0, 0), 8, NonPublicHost::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, NonPublicHost::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, NonPublicHost::Private),
    // Two addresses in it can be reached, 192.0.0.9 and 192.0.0.10; they are anycast for PCP and TURN.
    (Ipv4Addr::new(192, 0, 0, 0), 24, NonPublicHost::Reserved),
    (Ipv4Addr::new(192, 0, 2, 0), 24, NonPublicHost::Documentation),
    // The relays of 6to4, given up by RFC 7526.
    (Ipv4Addr::new(192, 88, 99, 0), 24, NonPublicHost::Reserved),
    (Ipv4Addr::new(192, 168, 0, 0), 16, NonPublicHost::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, NonPublicHost::Benchmarking),
    (Ipv4Addr::new(198, 51, 100, 0), 24, NonPublicHost::Documentation),
    (Ipv4Addr::new(203, 0, 113, 0), 24, NonPublicHost::Documentation),
    (Ipv4Addr::new(224, 0, 0, 0), 4, NonPublicHost::Multicast),
    (Ipv4Addr::new(255, 255, 255, 255), 32, NonPublicHost::Broadcast),
    (Ipv4Addr::new(240, 0, 0, 0), 4, NonPublicHost::Reserved),
];

/// The same for IPv6, as far as it lies within [`GLOBAL_UNICAST`] or has a name.
///
/// An address that holds an IPv4 address is refused whatever it holds. A translator or relay stands between,
/// and LipDub's network may have none or one that leads elsewhere; and a public IPv4 address can be written as it is.
const IPV6: [(Ipv6Addr, u32, NonPublicHost); 15] = [
    (Ipv6Addr::UNSPECIFIED, 128, NonPublicHost::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, NonPublicHost::Loopback),
    // "IPv4-compatible", given up by RFC 4291.
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 96, NonPublicHost::EmbedsIpv4),
    // "IPv4-mapped".
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, NonPublicHost::EmbedsIpv4),
    // NAT64, by RFC 6052 and RFC 8215.
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, NonPublicHost::EmbedsIpv4),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, NonPublicHost::EmbedsIpv4),
    // Teredo.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, NonPublicHost::EmbedsIpv4),
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, NonPublicHost::Benchmarking),
    // Some of it can be reached (2001:1::1, AMT, AS112, ORCHID…), all of it by protocols other than HTTPS.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, NonPublicHost::Reserved),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, NonPublicHost::Documentation),
    // 6to4.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, NonPublicHost::EmbedsIpv4),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, NonPublicHost::Documentation),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, NonPublicHost::Private),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, NonPublicHost::LinkLocal),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, NonPublicHost::Multicast),
];

/// `2000::/3`, all that IANA has given out for general use
/// (<https://www.iana.org/assignments/ipv6-address-space>). Outside are, among others, `100::/64`,
/// `100:0:0:1::/64`, `5f00::/16` and `fec0::/10`.
const GLOBAL_UNICAST: Ipv6Addr = Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0);

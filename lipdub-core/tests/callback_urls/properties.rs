//! What holds for every text: it is refused, or leads where it seems to.

use std::net::{Ipv4Addr, Ipv6Addr};

use lipdub_core::CallbackUrl;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use url::{Host, Url};

use crate::addresses::{IPV4, IPV6};

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spoiled_url_is_refused_or_leads_where_it_seems_to(url in spoiled()) {
        hold_to_a_browsers_parser(&url);
    }

    #[test]
    fn a_concocted_url_is_refused_or_leads_where_it_seems_to(url in concocted()) {
        hold_to_a_browsers_parser(&url);
    }

    #[test]
    fn any_text_is_refused_or_leads_where_it_seems_to(text in any::<String>()) {
        hold_to_a_browsers_parser(&text);
        hold_to_a_browsers_parser(&format!("https://{text}"));
        hold_to_a_browsers_parser(&format!("https://example.com/{text}"));
    }

    #[test]
    fn an_ipv4_address_is_accepted_if_it_is_public(address in ipv4()) {
        let accepted = CallbackUrl::parse(&format!("https://{address}/")).is_ok();
        prop_assert_eq!(accepted, is_public_ipv4(address));
    }

    #[test]
    fn an_ipv6_address_is_accepted_if_it_is_public(address in ipv6()) {
        let accepted = CallbackUrl::parse(&format!("https://[{address}]/")).is_ok();
        prop_assert_eq!(accepted, is_public_ipv6(address));
    }
}

#[test]
fn the_properties_see_enough_of_both() {
    let mut runner = TestRunner::deterministic();
    let mut accepted = |urls: &dyn Fn(&mut TestRunner) -> String| {
        (0..1000).filter(|_| CallbackUrl::parse(&urls(&mut runner)).is_ok()).count()
    };
    let spoiled = accepted(&|runner| spoiled().new_tree(runner).unwrap().current());
    let concocted = accepted(&|runner| concocted().new_tree(runner).unwrap().current());
    assert!((100..900).contains(&spoiled), "{spoiled} of 1000");
    assert!((20..900).contains(&concocted), "{concocted} of 1000");
}

/// In the path, query or user's name of every URL of the properties.
pub(crate) const SECRET: &str = "s3cret";

/// URLs that are accepted, to be spoiled.
pub(crate) const GOOD: &[&str] = &[
    "https://example.com/s3cret?key=s3cret",
    "https://dub.example.com:8443/hook/s3cret",
    "https://8.8.8.8/s3cret",
    "https://[2606:4700::8.8.8.8]:443/s3cret",
    "https://xn--bcher-kva.example.com?s3cret",
    "HTTPS://A.B.Example.Com/a@s3cret:b",
];

/// What parsers are known to differ on.
const NASTY_CHARACTERS: &str =
    "._-019aX@:/?#\\%[]* \t\n\r\0\u{3002}\u{ff0e}\u{ff11}\u{2460}\u{ff0f}\u{ff20}\u{ad}\u{200d}\u{df}\u{130}";
const NASTY_WORDS: &str = "xn-- xn--a xn--a- XN--zca s3cret@ u:s3cret@ \\@ :: :0 :443 :65536 :+1 :08 // .. %2 %2e %2F %40 %00 \
     [::1] [::] 127.0.0.1 127.1 10. 0x7f 0177. 2130706433 169.254.169.254 localhost .local .internal https: http://";

/// One of them, or nothing.
fn nasty() -> impl Strategy<Value = String> {
    let characters = NASTY_CHARACTERS.chars().map(String::from).collect::<Vec<_>>();
    let words = NASTY_WORDS.split_ascii_whitespace().map(String::from).collect::<Vec<_>>();
    prop_oneof![4 => select(characters), 4 => select(words), 1 => Just(String::new())]
}

/// A good URL with up to five places spoiled, most of them before the path.
fn spoiled() -> impl Strategy<Value = String> {
    let place = prop_oneof![4 => 0..32_usize, 1 => 0..64_usize];
    let spoil = (place, 0..4_usize, nasty());
    (select(GOOD), vec(spoil, 0..=5)).prop_map(|(good, spoils)| {
        spoils.into_iter().fold(good.to_owned(), |url, (place, length, nasty)| {
            let characters: Vec<char> = url.chars().collect();
            let (start, end) = (place.min(characters.len()), (place + length).min(characters.len()));
            let part = |range: &[char]| range.iter().collect::<String>();
            part(&characters[..start]) + &nasty + &part(&characters[end..])
        })
    })
}

/// Something that looks like an authority to somebody.
fn concocted() -> impl Strategy<Value = String> {
    let pieces = select(b"0123456789abcdefxXn.-:[]@/%".as_slice()).prop_map(char::from);
    let host = vec(pieces, 1..24).prop_map(|pieces| pieces.into_iter().collect::<String>());
    (host, select(&["", ".com", ".de/", ":443/"][..]))
        .prop_map(|(host, end)| format!("https://{host}{end}?{SECRET}"))
}

/// Addresses around those where a block begins or ends, and any other.
fn ipv4() -> impl Strategy<Value = Ipv4Addr> {
    let bound = (any::<Index>(), -2..=2_i64).prop_map(|(index, away)| {
        let bound: Ipv4Addr = index.get(IPV4).0.parse().unwrap();
        u32::try_from(i64::from(u32::from(bound)) + away).map_or(bound, Ipv4Addr::from)
    });
    prop_oneof![bound, any::<u32>().prop_map(Ipv4Addr::from)]
}

fn ipv6() -> impl Strategy<Value = Ipv6Addr> {
    let bound = (any::<Index>(), -2..=2_i128).prop_map(|(index, away)| {
        let bound: Ipv6Addr = index.get(IPV6).0.parse().unwrap();
        Ipv6Addr::from(u128::from(bound).saturating_add_signed(away))
    });
    let segment = prop_oneof![
        select(&[0, 1, 2, 0x64, 0xff9b, 0xffff, 0x2001, 0x2002, 0xdb8, 0x1ff, 0x200, 0x3fff, 0xfff][..]),
        any::<u16>(),
        0x2000..0x4000_u16,
    ];
    prop_oneof![
        bound,
        vec(segment, 8).prop_map(|segments| { Ipv6Addr::from(<[u16; 8]>::try_from(segments).unwrap()) })
    ]
}

/// The same judgement as the core's, written by octets and by what `std` knows.
fn is_public_ipv4(address: Ipv4Addr) -> bool {
    let by_octets = matches!(
        address.octets(),
        [0 | 240..=255, ..] | [100, 64..=127, ..] | [192, 0, 0, _] | [192, 88, 99, _] | [198, 18 | 19, ..]
    );
    !(by_octets
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

fn is_public_ipv6(address: Ipv6Addr) -> bool {
    let given_out = matches!(address.segments(), [0x2000..=0x3fff, ..]);
    let special = matches!(
        address.segments(),
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..]
    );
    given_out && !special
}

fn is_public_name(name: &str) -> bool {
    let not = "localhost local internal arpa lan home corp intranet private localdomain test example invalid onion alt";
    name.rsplit_once('.').is_some_and(|(_, top)| !not.split(' ').any(|name| name == top))
}

/// What stands between `https://` and the path or query of a URL that was accepted.
pub(crate) fn written_host_and_port(url: &str) -> (&str, &str) {
    let authority = url[8..].split(['/', '?']).next().unwrap();
    match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => (&authority[..colon], &authority[colon + 1..]),
        _ => (authority, "443"),
    }
}

/// Holds a verdict to what the `url` crate, a browser's parser, makes of the same text.
fn hold_to_a_browsers_parser(text: &str) {
    match CallbackUrl::parse(text) {
        Ok(url) => is_what_it_seems(&url),
        Err(error) => {
            for said in [format!("{error}"), format!("{error:?}")] {
                assert!(!said.contains(SECRET), "{said}");
            }
        }
    }
}

fn is_what_it_seems(url: &CallbackUrl) {
    let text = url.as_str();
    let (host, port) = written_host_and_port(text);
    assert_eq!(format!("{url:?}"), format!("CallbackUrl(https://{host}[REDACTED])"));

    let parsed = match Url::parse(text) {
        Ok(parsed) => parsed,
        // The core does not decode punycode.
        Err(url::ParseError::IdnaError) if host.to_ascii_lowercase().contains("xn--") => return,
        Err(error) => panic!("{text:?}: {error}"),
    };
    assert_eq!(
        (parsed.scheme(), parsed.username(), parsed.password(), parsed.fragment()),
        ("https", "", None, None),
        "{text:?}",
    );
    assert_eq!(parsed.port_or_known_default().unwrap().to_string(), port, "{text:?}");
    match parsed.host().unwrap() {
        Host::Domain(name) => assert!(name == host.to_ascii_lowercase() && is_public_name(name), "{text:?}"),
        Host::Ipv4(address) => assert!(address.to_string() == host && is_public_ipv4(address), "{text:?}"),
        Host::Ipv6(address) => {
            let written: Ipv6Addr = host[1..host.len() - 1].parse().unwrap();
            assert!(address == written && is_public_ipv6(address), "{text:?}");
        }
    }
}

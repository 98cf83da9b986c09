//! Which URLs can be a `callback_url`, which cannot and by what rule, and that no other parser sees another host
//! in those that can.

#![allow(clippy::unwrap_used, reason = "in a test that is the message")]

mod addresses;
mod properties;

use std::fmt::Write as _;

use lipdub_core::{CallbackUrl, CallbackUrlError, NonPublicHost};
use serde_json::json;

use CallbackUrlError::{
    Address, Character, Credentials, Fragment, HostName, NoHost, NotHttps, NotPublic, Port, TooLong,
};
use NonPublicHost::{BareName, LocalName, Loopback, ReservedName};
use properties::{GOOD, SECRET, written_host_and_port};

#[track_caller]
fn accepted(urls: &[&str]) {
    for url in urls {
        assert_eq!(CallbackUrl::parse(url).map(String::from).as_deref(), Ok(*url), "{url}");
    }
}

#[track_caller]
fn refused(rule: CallbackUrlError, urls: &[&str]) {
    for url in urls {
        assert_eq!(CallbackUrl::parse(url), Err(rule), "{url}");
    }
}

#[test]
fn a_url_to_a_public_host_is_accepted_as_it_is_written() {
    accepted(&[
        "https://example.com",
        "https://example.com/",
        "https://example.com?job=7",
        "https://dub.example.com/webhooks/lipdub",
        "HTTPS://example.com/",
        "hTTpS://Dub.Example.COM/Path",
        "https://a.b.c.d.e.f.example.com/",
        "https://a.io/",
        "https://a-b--c.example.com/",
        "https://7.example.com/",
        "https://7.7.7.example.com/",
        "https://127.0.0.1.nip.io/",
        "https://0x7f.example.com/",
        "https://xn--bcher-kva.example.com/",
        "https://XN--BCHER-KVA.example.com/",
        "https://example.xn--p1ai/",
        "https://localhost.example.com/",
        "https://local.example.com/",
        "https://example.com/a@b:c",
        "https://example.com/https://localhost/",
        "https://example.com/?next=https://user:password@127.0.0.1/",
        "https://example.com//",
        "https://example.com/../..",
        "https://example.com/%00%ff%2F%c3%BC",
        "https://example.com/-._~!$&'()*+,;=:@/?/?",
    ]);
}

#[test]
fn only_https_is_accepted() {
    refused(
        NotHttps,
        &[
            "",
            "https",
            "https:",
            "https:/",
            "https:example.com",
            "https:/example.com",
            "http://example.com/",
            "HTTP://example.com/",
            "httpss://example.com/",
            "https+http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:,https://example.com/",
            "//example.com/",
            "://example.com/",
            "/webhooks/lipdub",
            "example.com",
            "example.com/https://example.com/",
            "view-source:https://example.com/",
            "http://localhost/",
        ],
    );
}

#[test]
fn there_is_a_host() {
    refused(
        NoHost,
        &[
            "https://",
            "https:///",
            "https:///example.com/",
            "https://?",
            "https://:443/",
            "https:////example.com/",
        ],
    );
}

#[test]
fn user_names_and_passwords_are_refused_wherever_they_lead() {
    refused(
        Credentials,
        &[
            "https://user@example.com/",
            "https://user:password@example.com/",
            "https://:password@example.com/",
            "https://@example.com/",
            "https://:@example.com/",
            "https://good.com@127.0.0.1/",
            "https://good.com:443@127.0.0.1/",
            "https://good.com%2F@127.0.0.1/",
            "https://127.0.0.1@good.com/",
            "https://[::1]@good.com/",
            "https://good.com@[::1]/",
            "https://a@b@example.com/",
            "https://good.com@",
            "https://good.com@?",
        ],
    );
}

#[test]
fn a_fragment_is_refused() {
    refused(
        Fragment,
        &[
            "https://example.com#",
            "https://example.com/#top",
            "https://example.com/?a#b?c",
            "https://good.com#@127.0.0.1/",
            "https://127.0.0.1#.good.com/",
        ],
    );
}

#[test]
fn what_is_no_character_of_a_uri_is_pointed_at() {
    for (index, url) in [
        (0, " https://example.com/"),
        (0, "\u{feff}https://example.com/"),
        (20, "https://example.com/ "),
        (20, "https://example.com/\n"),
        (20, "https://example.com/\0"),
        (20, "https://example.com/\u{7f}"),
        (3, "htt\tps://example.com/"),
        (6, "https:\n//example.com/"),
        (6, "https:\\\\example.com/"),
        (8, "https://\texample.com/"),
        (12, "https://exam\tple.com/"),
        (12, "https://exam\nple.com/"),
        (12, "https://exam\rple.com/"),
        (12, "https://exam ple.com/"),
        (12, "https://exam\u{ad}ple.com/"),
        (12, "https://exam\u{200b}ple.com/"),
        (17, "https://127.0.0.1\\@good.com/"),
        (16, "https://good.com\\@127.0.0.1/"),
        (16, "https://good.com\\.example.com/"),
        (9, "https://b\u{fc}cher.example.com/"),
        (8, "https://\u{645}\u{62b}\u{627}\u{644}.example.com/"),
        // A full stop of another script, which IDNA reads as a dot.
        (15, "https://example\u{3002}com/"),
        (15, "https://example\u{ff0e}com/"),
        (15, "https://example\u{ff61}com/"),
        (11, "https://127\u{3002}0\u{3002}0\u{3002}1/"),
        // Digits of other shapes, which IDNA reads as digits.
        (8, "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/"),
        (8, "https://\u{2460}27.0.0.1/"),
        (8, "https://\u{1d7cf}27.0.0.1/"),
        (8, "https://\u{2111}ocalhost/"),
        (11, "https://loc\u{ff41}lhost/"),
        (9, "https://l\u{3bf}calhost/"),
        // A slash, a colon, an at sign and a percent sign that are none.
        (16, "https://good.com\u{2215}.example.com/"),
        (16, "https://good.com\u{ff0f}@127.0.0.1/"),
        (16, "https://good.com\u{ff1a}443/"),
        (4, "http\u{17f}://example.com/"),
        (20, "https://example.com/\u{fc}"),
        (22, "https://example.com/?a\u{fc}"),
        (20, "https://example.com/<"),
        (20, "https://example.com/\""),
        (20, "https://example.com/^"),
        (20, "https://example.com/`"),
        (20, "https://example.com/{job}"),
        (20, "https://example.com/|"),
        (20, "https://example.com/%"),
        (20, "https://example.com/%2"),
        (20, "https://example.com/%zz"),
        (20, "https://example.com/%2g"),
        (20, "https://example.com/%%20"),
        (20, "https://example.com/%u0041"),
        (8, "https://%/"),
        (13, "https://[fe80%eth0]/"),
        (20, "https://example.com/[1]"),
        (22, "https://example.com/?a[]=1"),
        (21, "https://example.com/?]"),
    ] {
        assert_eq!(CallbackUrl::parse(url), Err(Character { index }), "{url:?}");
    }
}

#[test]
fn a_name_is_of_letters_digits_and_hyphens() {
    refused(
        HostName,
        &[
            "https://example.com./",
            "https://example.com../",
            "https://localhost./",
            "https://127.0.0.1./",
            "https://./",
            "https://../",
            "https://.example.com/",
            "https://example..com/",
            "https://a_b.example.com/",
            "https://_dmarc.example.com/",
            "https://-example.com/",
            "https://example-.com/",
            "https://example.-com/",
            "https://example.com-/",
            "https://*.example.com/",
            "https://example.com,example.org/",
            "https://example.com;a/",
            "https://ex%61mple.com/",
            "https://example%2Ecom/",
            "https://%31%32%37.0.0.1.example.com/",
            "https://localhos%74/",
            "https://example.com%00/",
            "https://example.com%2f/",
            "https://b%C3%BCcher.example.com/",
            "https://~example.com/",
            "https://!example.com/",
            "https://(example.com)/",
            "https://example.com=/",
            "https://a].com/",
            "https://example.com]:443/",
        ],
    );
}

#[test]
fn a_label_has_63_characters_at_most_and_a_name_253() {
    let label = |length: usize| "a".repeat(length);
    let name = |last: usize| format!("{0}.{0}.{0}.{1}.com", label(61), label(last));
    assert_eq!(name(63).len(), 253);
    accepted(&[&format!("https://{}.com/", label(63)), &format!("https://{}/", name(63))]);
    let too_long = format!("{0}.{0}.{0}.{1}.a.com", label(61), label(62));
    assert_eq!(too_long.len(), 254);
    refused(HostName, &[&format!("https://{}.com/", label(64)), &format!("https://{too_long}/")]);
}

#[test]
fn a_url_of_2048_characters_fits_and_a_longer_one_does_not() {
    let of = |length: usize, filler: &str| {
        let start = "https://example.com/";
        format!("{start}{}", filler.repeat(length - start.len()))
    };
    accepted(&[&of(2048, "a")]);
    refused(TooLong { length: 2049 }, &[&of(2049, "a"), &of(2049, "\u{fc}")]);
    refused(TooLong { length: 100_000 }, &[&of(100_000, "a")]);
    refused(Character { index: 20 }, &[&of(2048, "\u{fc}")]);
    assert_eq!(CallbackUrl::MAX_LENGTH, 2048);
}

#[test]
fn a_port_is_a_number_from_1_to_65535() {
    accepted(&[
        "https://example.com:1/",
        "https://example.com:443",
        "https://example.com:8443?job",
        "https://example.com:65535/",
        "https://8.8.8.8:8443/",
        "https://[2606:4700::1]:8443/",
    ]);
    refused(
        Port,
        &[
            "https://example.com:/",
            "https://example.com:0/",
            "https://example.com:00/",
            "https://example.com:0443/",
            "https://example.com:65536/",
            "https://example.com:4294967739/",
            "https://example.com:99999999999999999999/",
            "https://example.com:-1/",
            "https://example.com:+443/",
            "https://example.com:443a/",
            "https://example.com:0x1bb/",
            "https://example.com:http/",
            "https://example.com:%34%34%33/",
            "https://example.com:good.com/",
            "https://8.8.8.8:/",
            "https://[2606:4700::1]:/",
            "https://[2606:4700::1]:0/",
        ],
    );
}

#[test]
fn what_another_parser_may_take_for_an_address_is_refused() {
    refused(
        Address,
        &[
            "https://127.1/",
            "https://127.0.1/",
            "https://0/",
            "https://2130706433/",
            "https://4294967296/",
            "https://0x7f000001/",
            "https://0X7F000001/",
            "https://0x7f.0.0.0x1/",
            "https://0x7f.1/",
            "https://0x/",
            "https://0177.0.0.01/",
            "https://0177.0.0.1/",
            "https://017700000001/",
            "https://127.0.0.01/",
            "https://127.000.000.001/",
            "https://008.8.8.8/",
            "https://8.8.8.08/",
            "https://8.8.8/",
            "https://8.8.8.8.8/",
            "https://256.0.0.1/",
            "https://8.8.8.256/",
            "https://8.8.8.-8.8/",
            "https://1.2.3.4.5.6.7.8/",
            "https://8..8.8/",
            "https://.8.8.8.8/",
            "https://%38.8.8.8/",
            "https://127%2e0%2e0%2e1/",
            "https://example.1/",
            "https://example.0x7f/",
            "https://example.0xz/",
            "https://example.7up/",
            "https://2606:4700::1/",
            "https://::1/",
            "https://fe80::1/",
            "https://example.com:443:443/",
            "https://[]/",
            "https://[/",
            "https://[::1/",
            "https://[::1]]/",
            "https://[[::1]]/",
            "https://[2606:4700::1].example.com/",
            "https://[2606:4700::1]443/",
            "https://[2606:4700::1%25eth0]/",
            "https://[fe80::1%251]/",
            "https://[2606:4700:::1]/",
            "https://[2606::4700::1]/",
            "https://[2606:4700:1]/",
            "https://[1:2:3:4:5:6:7:8:9]/",
            "https://[2606:4700::12345]/",
            "https://[2606:4700::g]/",
            "https://[v1.2606:4700::1]/",
            "https://[8.8.8.8]/",
            "https://[::ffff:127.1]/",
            "https://[::ffff:127.0.0.01]/",
            "https://[example.com]/",
        ],
    );
}

#[test]
fn a_name_is_public_if_the_public_dns_can_know_it() {
    refused(
        NotPublic(Loopback),
        &[
            "https://localhost/",
            "https://LOCALHOST:8443/",
            "https://app.localhost/",
            "https://a.b.LocalHost/",
        ],
    );
    refused(
        NotPublic(LocalName),
        &[
            "https://printer.local/",
            "https://local/",
            "https://receiver.LOCAL/",
            "https://metadata.google.internal/",
            "https://host.docker.internal/",
            "https://nas.home.arpa/",
            "https://1.0.0.127.in-addr.arpa/",
            "https://ipv4only.arpa/",
            "https://default.service.arpa/",
            "https://router.lan/",
            "https://nas.home/",
            "https://wiki.corp/",
            "https://wiki.intranet/",
            "https://wiki.private/",
            "https://localhost.localdomain/",
        ],
    );
    refused(
        NotPublic(ReservedName),
        &[
            "https://receiver.test/",
            "https://receiver.example/",
            "https://receiver.invalid/",
            "https://receiver.onion/",
            "https://receiver.alt/",
            "https://a.b.Example:443/",
        ],
    );
    refused(
        NotPublic(BareName),
        &[
            "https://receiver/",
            "https://receiver:8443/hook",
            "https://db-1?",
            "https://xn--bcher-kva/",
            "https://com/",
        ],
    );
}

#[test]
fn all_ways_in_are_one() {
    let text = "https://example.com/hook";
    let url = CallbackUrl::parse(text).unwrap();
    assert_eq!(text.parse(), Ok(url.clone()));
    assert_eq!(CallbackUrl::try_from(text), Ok(url.clone()));
    assert_eq!(CallbackUrl::try_from(text.to_owned()), Ok(url.clone()));
    assert_eq!(serde_json::from_value::<CallbackUrl>(json!(text)).unwrap(), url);
    assert_eq!(json!({ "callback_url": url }), json!({ "callback_url": text }));
    assert_eq!((url.as_str(), url.as_ref()), (text, text));

    let (text, refused) = ("http://example.com/hook", Err(NotHttps));
    assert_eq!(text.parse::<CallbackUrl>(), refused);
    assert_eq!(CallbackUrl::try_from(text), refused);
    assert_eq!(CallbackUrl::try_from(text.to_owned()), refused);
    let error = serde_json::from_value::<CallbackUrl>(json!(text)).unwrap_err();
    assert_eq!(error.to_string(), NotHttps.to_string());
}

#[test]
fn a_refusal_says_what_to_do() {
    for (url, advice) in [
        ("http://example.com/", "begin it with https://"),
        ("https://b\u{fc}cher.example.com/", "in punycode (xn--…)"),
        (
            "https://localhost/",
            "the machine itself (loopback), where LipDub cannot reach you: use a public host name",
        ),
        ("https://example.com./", "none at the end"),
        ("https://[fe80::1%25eth0]/", "IPv6 in square brackets without a zone"),
    ] {
        let said = CallbackUrl::parse(url).unwrap_err().to_string();
        assert!(said.contains(advice), "{url}: {said}");
    }
    let long = format!("https://example.com/{}", "a".repeat(3000));
    let said = CallbackUrl::parse(&long).unwrap_err().to_string();
    assert!(said.contains("it has 3020 characters, and at most 2048 are allowed: shorten"), "{said}");
}

#[test]
fn nothing_but_the_host_is_shown() {
    for url in GOOD {
        let url = CallbackUrl::parse(url).unwrap();
        let shown = format!("{url:?} {url:#?}");
        assert!(!shown.contains(SECRET) && shown.contains(written_host_and_port(url.as_str()).0), "{shown}");
    }
    let mut said = String::new();
    for start in [
        "http://s3cret/",
        "https://s3cret@",
        "https://localhost/",
        "https://example.com:s3cret/",
        "https://[s3cret]/",
    ] {
        for end in ["s3cret", "?s3cret", "#s3cret", "s3cret\u{fc}", &"s3cret".repeat(500)] {
            let url = format!("{start}{end}");
            let error = CallbackUrl::parse(&url).unwrap_err();
            let of_serde = serde_json::from_value::<CallbackUrl>(json!(url)).unwrap_err();
            write!(said, "{error} {error:?} {error:#?} {of_serde} {of_serde:?}").unwrap();
        }
    }
    assert!(!said.contains(SECRET), "{said}");
}

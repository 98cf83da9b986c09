//! Which signatures are right, and what becomes of a delivery whose is not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

mod support;

use std::convert::Infallible;
use std::slice;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lipdub_core::{
    Answer, ConfigError, Event, Head, HmacSha256, JobLinks, SignatureCounts, SignatureEncoding,
    SignatureError, SignatureMode, Signed, SigningKey, Source, StandardWebhooks, Verifier, Webhook,
    WebhookBuilder,
};
use proptest::collection::vec;
use proptest::prelude::*;
use sha2::Sha256;

use support::{KEY, Output};

use SignatureError::{Malformed, Mismatch, Missing, TooNew, TooOld};

const NOW: u64 = 1_700_000_000;
const BODY: &[u8] = br#"{"event_type":"X"}"#;
const SECRET: &str = "It's a Secret to Everybody";
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn at(seconds: u64) -> impl Fn() -> SystemTime + Send + Sync + 'static {
    move || UNIX_EPOCH + Duration::from_secs(seconds)
}

fn mac(secret: &[u8], content: &[&[u8]]) -> [u8; 32] {
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    content.iter().for_each(|piece| hmac.update(piece));
    hmac.finalize().into_bytes().into()
}

fn hex(secret: &[u8], content: &[&[u8]]) -> String {
    mac(secret, content).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(secret: &[u8], content: &[&[u8]]) -> String {
    BASE64_STANDARD.encode(mac(secret, content))
}

/// `v1,…` by a secret of Standard Webhooks.
fn v1(whsec: &str, id: &str, time: u64, body: &[u8]) -> String {
    let secret = BASE64_STANDARD.decode(whsec.trim_start_matches("whsec_")).unwrap();
    format!("v1,{}", base64(&secret, &[format!("{id}.{time}.").as_bytes(), body]))
}

fn verdict(
    verifier: &impl Verifier,
    headers: &[(&str, impl AsRef<[u8]>)],
    body: &[u8],
) -> Result<(), SignatureError> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    verifier.verify(&Signed::new(&headers, body))
}

/// The three headers of Standard Webhooks.
fn standard<'a>(id: &'a str, time: &'a str, signature: &'a str) -> [(&'static str, &'a str); 3] {
    [("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)]
}

/// A delivery of `BODY` that is signed at this time.
fn signed_at(time: u64) -> [(&'static str, String); 3] {
    [
        ("webhook-id", "m".to_owned()),
        ("webhook-timestamp", time.to_string()),
        ("webhook-signature", v1(WHSEC, "m", time, BODY)),
    ]
}

#[test]
fn the_vectors_of_standard_webhooks_are_right() {
    let long = format!("whsec_{}", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo".repeat(4));
    let table = [
        // From the tests of the specification's own libraries: the first for Rust, the second for all others.
        (
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1_649_367_553,
            r#"{"email":"test@example.com","username":"test_user"}"#,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
        (
            WHSEC,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        // Made with the crate `standardwebhooks` 1.0.1.
        ("whsec_AA==", "msg_1", 0, "", "v1,b+SXZMJEVpLSiGYYsGgI4SMVyZQr9Y1FbkdGklQZKWE="),
        (
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            "a b",
            1,
            " ",
            "v1,gHkpEBaa6KGafz14WxjwR9F+SUIaHhN2ZnWmoeBWDsM=",
        ),
        (
            "whsec_//79/Pv6+fj39vX08/Lx8O/u7ezr6uno",
            "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
            1_674_087_231,
            "{\n  \"type\": \"contact.created\",\n  \"data\": \"Köln 🎬\"\n}\n",
            "v1,ABSGnrUptA0ix/nja7RjxILAXAw6Ql6YfrXN7Im7xzY=",
        ),
        (&long, "x", 4_102_444_800, "\u{feff}{}", "v1,1xNBjr4mGyf5i4jR3RS30AfVBmyyf3toKvoD+0xQ2Yc="),
    ];
    for (secret, id, time, body, signature) in table {
        let verifier = StandardWebhooks::new(secret).unwrap().clock(at(time));
        let headers = |time: u64| {
            standard(id, &time.to_string(), signature).map(|(name, value)| (name, value.to_owned()))
        };
        assert_eq!(verdict(&verifier, &headers(time), body.as_bytes()), Ok(()), "{signature}");
        assert_eq!(verdict(&verifier, &headers(time + 1), body.as_bytes()), Err(Mismatch), "{signature}");
    }
}

#[test]
fn the_vectors_of_others_are_right() {
    // From GitHub's documentation on validating deliveries, and test cases 2, 3 and 6 of RFC 4231.
    let table: [(&[u8], &[u8], &str); 4] = [
        (
            SECRET.as_bytes(),
            b"Hello, World!",
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        ),
        (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ];
    for (secret, body, signature) in table {
        let verifier = HmacSha256::new("x-signature", secret).unwrap();
        assert_eq!(verdict(&verifier, &[("x-signature", signature)], body), Ok(()), "{signature}");
        assert_eq!(
            verdict(&verifier, &[("x-signature", signature.to_uppercase())], body),
            Ok(()),
            "{signature}"
        );
    }
}

#[test]
fn a_signature_in_hex_is_a_whole_one_after_its_prefix() {
    let verifier = HmacSha256::new("X-Signature", SECRET).unwrap().prefix("sha256=");
    let right = hex(SECRET.as_bytes(), &[BODY]);
    let wrong = hex(b"another", &[BODY]);
    let utf8 = "é".repeat(16);
    let table = [
        (format!("sha256={right}"), Ok(())),
        (format!("sha256={}", right.to_uppercase()), Ok(())),
        (format!("sha256={wrong}"), Err(Mismatch)),
        (format!("sha256={}", hex(SECRET.as_bytes(), &[b" ", BODY])), Err(Mismatch)),
        (right.clone(), Err(Malformed)),
        (format!("SHA256={right}"), Err(Malformed)),
        (format!("sha1={right}"), Err(Malformed)),
        (format!("sha256= {right}"), Err(Malformed)),
        (format!("sha256={}", &right[..62]), Err(Malformed)),
        (format!("sha256={}", &right[..63]), Err(Malformed)),
        (format!("sha256={right}0"), Err(Malformed)),
        (format!("sha256={right}00"), Err(Malformed)),
        (format!("sha256={right}{right}"), Err(Malformed)),
        (format!("sha256=+{}", &right[1..]), Err(Malformed)),
        (format!("sha256=0x{}", &right[2..]), Err(Malformed)),
        (format!("sha256=g{}", &right[1..]), Err(Malformed)),
        (format!("sha256={utf8}{utf8}"), Err(Malformed)),
        (format!("sha256={}", base64(SECRET.as_bytes(), &[BODY])), Err(Malformed)),
        ("sha256=".to_owned(), Err(Malformed)),
        (String::new(), Err(Malformed)),
        // Several: one that is right is enough, and nobody can make one without a secret.
        (format!("sha256={wrong},sha256={right}"), Ok(())),
        (format!("sha256={right}, sha256={wrong}"), Ok(())),
        (format!("sha1=abc  sha256={right}"), Ok(())),
        (format!("sha256={},sha256={right}", &right[..62]), Ok(())),
        (format!("sha256={wrong},{right}"), Err(Mismatch)),
        (format!("sha256={wrong},sha256={}", &right[..62]), Err(Mismatch)),
    ];
    for (value, expected) in table {
        assert_eq!(verdict(&verifier, &[("x-signature", &value)], BODY), expected, "{value:?}");
    }
    assert_eq!(verdict(&verifier, &[("x-signature", b"sha256=\xff\xfe")], BODY), Err(Malformed));
    assert_eq!(verdict(&verifier, &[("x-signature2", format!("sha256={right}"))], BODY), Err(Missing));
    assert_eq!(verdict(&verifier, &[] as &[(&str, &str)], BODY), Err(Missing));
    let twice = |first, second| {
        [("x-signature", format!("sha256={first}")), ("x-signature", format!("sha256={second}"))]
    };
    assert_eq!(verdict(&verifier, &twice(&wrong, &right), BODY), Ok(()));
    assert_eq!(verdict(&verifier, &twice(&right, &wrong), BODY), Ok(()));
    assert_eq!(verdict(&verifier, &twice(&wrong, &wrong), BODY), Err(Mismatch));
}

#[test]
fn a_prefix_may_have_a_comma_or_a_space_in_it() {
    let right = hex(SECRET.as_bytes(), &[BODY]);
    for prefix in ["v1,", "HMAC-SHA256 ", "t=1, v1="] {
        let verifier = HmacSha256::new("x-signature", SECRET).unwrap().prefix(prefix);
        assert_eq!(verdict(&verifier, &[("x-signature", format!("{prefix}{right}"))], BODY), Ok(()));
        let several = format!("v0,abc {prefix}{right}");
        assert_eq!(verdict(&verifier, &[("x-signature", several)], BODY), Ok(()));
    }
}

#[test]
fn a_signature_in_base64_has_the_standard_alphabet_and_padding() {
    let verifier = HmacSha256::new("x-signature", SECRET).unwrap().encoding(SignatureEncoding::Base64);
    // A body whose signature has both digits in which the alphabets differ.
    let numbers = 0_u32..;
    let body = numbers.map(|number| number.to_string()).find(|body| {
        let signature = base64(SECRET.as_bytes(), &[body.as_bytes()]);
        signature.contains('+') && signature.contains('/')
    });
    let body = body.unwrap();
    let right = base64(SECRET.as_bytes(), &[body.as_bytes()]);
    let table = [
        (right.clone(), Ok(())),
        (format!(" {right} "), Ok(())),
        (right.replace('+', "-"), Err(Malformed)),
        (right.replace('/', "_"), Err(Malformed)),
        (right.replace('=', ""), Err(Malformed)),
        (format!("{right}="), Err(Malformed)),
        (format!("{right}{right}"), Err(Malformed)),
        (right[..40].to_owned(), Err(Malformed)),
        (right.to_lowercase(), Err(Mismatch)),
        (hex(SECRET.as_bytes(), &[body.as_bytes()]), Err(Malformed)),
    ];
    for (value, expected) in table {
        let verdict = verdict(&verifier, &[("x-signature", &value)], body.as_bytes());
        // In lower case its last digit may have bits that mean nothing.
        let is_as_expected = verdict == expected || expected == Err(Mismatch) && verdict == Err(Malformed);
        assert!(is_as_expected, "{value:?}: {verdict:?}");
    }
}

#[test]
fn a_timestamp_is_signed_and_near() {
    let minute = Duration::from_secs(60);
    let verifier = HmacSha256::new("x-signature", SECRET).unwrap().timestamp("X-Time", minute).clock(at(NOW));
    let signed = |time: &str| {
        [("x-time", time.to_owned()), ("x-signature", hex(SECRET.as_bytes(), &[time.as_bytes(), b".", BODY]))]
    };
    let table = [
        (NOW.to_string(), Ok(())),
        ((NOW - 60).to_string(), Ok(())),
        ((NOW + 60).to_string(), Ok(())),
        ((NOW - 61).to_string(), Err(TooOld)),
        ((NOW + 61).to_string(), Err(TooNew)),
        ("0".to_owned(), Err(TooOld)),
        (u64::MAX.to_string(), Err(TooNew)),
        (format!("{}0", u64::MAX), Err(Malformed)),
        (format!("{NOW}000"), Err(TooNew)),
        (format!("+{NOW}"), Err(Malformed)),
        (format!("-{NOW}"), Err(Malformed)),
        (format!("{NOW}.0"), Err(Malformed)),
        (format!("{NOW} "), Err(Malformed)),
        (format!("{NOW}, {NOW}"), Err(Malformed)),
        ("2023-11-14T22:13:20Z".to_owned(), Err(Malformed)),
        ("١٧".to_owned(), Err(Malformed)),
        (String::new(), Err(Malformed)),
    ];
    for (time, expected) in table {
        assert_eq!(verdict(&verifier, &signed(&time), BODY), expected, "{time:?}");
    }
    let [time, signature] = signed(&NOW.to_string());
    for one_alone in [&time, &signature] {
        assert_eq!(verdict(&verifier, slice::from_ref(one_alone), BODY), Err(Missing));
    }
    assert_eq!(verdict(&verifier, &[time.clone(), time.clone(), signature.clone()], BODY), Err(Malformed));
    let later = ("x-time", (NOW + 1).to_string());
    assert_eq!(verdict(&verifier, &[later, signature], BODY), Err(Mismatch));
    // A signature of the body alone says nothing of the time.
    assert_eq!(
        verdict(&verifier, &[time, ("x-signature", hex(SECRET.as_bytes(), &[BODY]))], BODY),
        Err(Mismatch)
    );
}

#[test]
fn a_clock_before_1970_finds_everything_too_new() {
    let verifier = StandardWebhooks::new(WHSEC).unwrap().clock(|| UNIX_EPOCH - Duration::from_secs(1));
    assert_eq!(verdict(&verifier, &signed_at(NOW), BODY), Err(TooNew));
}

#[test]
fn without_another_clock_it_is_the_systems() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let verifier = StandardWebhooks::new(WHSEC).unwrap();
    for (time, expected) in [(now, Ok(())), (now - 3600, Err(TooOld)), (now + 3600, Err(TooNew))] {
        assert_eq!(verdict(&verifier, &signed_at(time), BODY), expected, "{time}");
    }
}

#[test]
fn standard_webhooks_are_as_the_specification_has_them() {
    let verifier = StandardWebhooks::new(WHSEC).unwrap().clock(at(NOW));
    let now = NOW.to_string();
    let right = v1(WHSEC, "msg_1", NOW, BODY);
    let wrong = v1("whsec_AAAA", "msg_1", NOW, BODY);
    let table = [
        (right.clone(), Ok(())),
        (format!("{wrong} {right}"), Ok(())),
        (format!("{right} {wrong}"), Ok(())),
        (
            format!(
                "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg== {right}"
            ),
            Ok(()),
        ),
        (format!("{right}, {wrong}"), Ok(())),
        (wrong.clone(), Err(Mismatch)),
        (format!("{wrong} {wrong}"), Err(Mismatch)),
        (right.replace("v1,", "v1a,"), Err(Malformed)),
        (right.replace("v1,", "v2,"), Err(Malformed)),
        (right.replace("v1,", "V1,"), Err(Malformed)),
        (right.replace("v1,", "v1="), Err(Malformed)),
        (right.replace("v1,", ""), Err(Malformed)),
        (right.replace("v1,", "v1,v1,"), Err(Malformed)),
        (right[..8].to_owned(), Err(Malformed)),
        (right.trim_end_matches('=').to_owned(), Err(Malformed)),
        ("v1,".to_owned(), Err(Malformed)),
        (String::new(), Err(Malformed)),
    ];
    for (signature, expected) in table {
        assert_eq!(verdict(&verifier, &standard("msg_1", &now, &signature), BODY), expected, "{signature:?}");
    }
    let [id, time, signature] = standard("msg_1", &now, &right);
    for incomplete in [[id, time], [time, signature], [id, signature]] {
        assert_eq!(verdict(&verifier, &incomplete, BODY), Err(Missing), "{incomplete:?}");
    }
    for doubled in [id, time] {
        assert_eq!(verdict(&verifier, &[id, time, signature, doubled], BODY), Err(Malformed), "{doubled:?}");
    }
    let wrong = ("webhook-signature", &*wrong);
    assert_eq!(verdict(&verifier, &[id, time, wrong, signature], BODY), Ok(()));
    let not_utf8 = [id, time].map(|(name, value)| (name, value.as_bytes()));
    let not_utf8 = [&not_utf8[..], &[("webhook-signature", b"v1,\xff")]].concat();
    assert_eq!(verdict(&verifier, &not_utf8, BODY), Err(Malformed));
}

#[test]
fn an_id_cannot_pretend_to_be_the_beginning_of_a_body() {
    let verifier = StandardWebhooks::new(WHSEC).unwrap().clock(at(NOW));
    let now = NOW.to_string();
    for id in ["", ".", "a.b", "1.1700000000"] {
        let signature = v1(WHSEC, id, NOW, BODY);
        assert_eq!(verdict(&verifier, &standard(id, &now, &signature), BODY), Err(Malformed), "{id:?}");
    }
}

#[test]
fn five_minutes_are_tolerated_unless_something_else_is_said() {
    let usual = || StandardWebhooks::new(WHSEC).unwrap().clock(at(NOW));
    for (verifier, tolerance) in [
        (usual(), 300),
        (usual().tolerance(Duration::ZERO), 0),
        (usual().tolerance(Duration::from_millis(1500)), 1),
    ] {
        let table = [
            (NOW - tolerance, Ok(())),
            (NOW + tolerance, Ok(())),
            (NOW - tolerance - 1, Err(TooOld)),
            (NOW + tolerance + 1, Err(TooNew)),
        ];
        for (time, expected) in table {
            assert_eq!(verdict(&verifier, &signed_at(time), BODY), expected, "{time} of {tolerance}");
        }
    }
}

#[test]
fn the_secret_can_be_rotated() {
    let by = |secret: &str| [("x-signature", hex(secret.as_bytes(), &[BODY]))];
    let verifier = HmacSha256::new("x-signature", "new").unwrap().also("old").unwrap().also("older").unwrap();
    let verdicts = ["new", "old", "older", "other"].map(|secret| verdict(&verifier, &by(secret), BODY));
    assert_eq!(verdicts, [Ok(()), Ok(()), Ok(()), Err(Mismatch)]);

    let (new, old) = ("whsec_bmV3bmV3", "b2xkb2xk");
    let verifier = StandardWebhooks::new(new).unwrap().also(old).unwrap().clock(at(NOW));
    let now = NOW.to_string();
    let verdicts = [new, old, WHSEC]
        .map(|secret| verdict(&verifier, &standard("m", &now, &v1(secret, "m", NOW, BODY)), BODY));
    assert_eq!(verdicts, [Ok(()), Ok(()), Err(Mismatch)]);
}

#[test]
fn a_secret_that_cannot_be_one_is_a_fault() {
    let is_fault = |made: Result<_, ConfigError>| matches!(made, Err(ConfigError::UnusableSecret(_)));
    for unusable in ["", " ", "\n", "secret\n", " secret", "secret\u{a0}"] {
        assert!(is_fault(HmacSha256::new("x", unusable).map(drop)), "{unusable:?}");
        assert!(is_fault(HmacSha256::new("x", "secret").unwrap().also(unusable).map(drop)), "{unusable:?}");
    }
    for unusable in ["", "whsec_", "AAA", "AAAA\n", "AA-_", "whpk_AAAA", "whsk_AAAA", "whsec_whsec_AAAA"] {
        assert!(is_fault(StandardWebhooks::new(unusable).map(drop)), "{unusable:?}");
        let also = StandardWebhooks::new(WHSEC).unwrap().also(unusable);
        assert!(is_fault(also.map(drop)), "{unusable:?}");
    }
    // Bytes at random need not be text.
    assert!(HmacSha256::new("x", b"\xff\n").is_ok());
}

/// Which bit to flip; taken modulo the number of bits.
fn flip(bytes: &mut [u8], bit: usize) {
    let bit = bit % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_signed_is_right_and_no_bit_of_it_can_be_another(
        secret in vec(any::<u8>(), 1..100),
        id in "[!-\\-/-~]{1,40}",
        body in vec(any::<u8>(), 0..300),
        what in 0..4,
        bit in any::<usize>(),
    ) {
        let whsec = format!("whsec_{}", BASE64_STANDARD.encode(&secret));
        let verifier = StandardWebhooks::new(&whsec).unwrap().clock(at(NOW)).tolerance(Duration::MAX);
        let (mut id, mut time, mut body) = (id.into_bytes(), NOW.to_string().into_bytes(), body);
        let mut signature = mac(&secret, &[&id, b".", &time, b".", &body]);
        let check = |id: &[u8], time: &[u8], signature: &[u8], body: &[u8]| {
            let signature = format!("v1,{}", BASE64_STANDARD.encode(signature)).into_bytes();
            let headers = [("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", &*signature)];
            verdict(&verifier, &headers, body)
        };
        prop_assert_eq!(check(&id, &time, &signature, &body), Ok(()));
        match what {
            0 => flip(&mut id, bit),
            1 => flip(&mut time, bit),
            2 => flip(&mut signature, bit),
            _ if body.is_empty() => body.push(b'x'),
            _ => flip(&mut body, bit),
        }
        prop_assert!(check(&id, &time, &signature, &body).is_err());
    }

    #[test]
    fn an_hmac_is_right_of_its_body_and_of_no_other(
        secret in vec(any::<u8>(), 1..100),
        body in vec(any::<u8>(), 1..300),
        bit in any::<usize>(),
        is_timed in any::<bool>(),
    ) {
        prop_assume!(HmacSha256::new("x-signature", &secret).is_ok());
        let verifier = HmacSha256::new("x-signature", &secret).unwrap();
        let verifier = if is_timed { verifier.timestamp("x-time", Duration::MAX) } else { verifier };
        let time = NOW.to_string();
        let content: &[&[u8]] = if is_timed { &[time.as_bytes(), b".", &body] } else { &[&body] };
        let headers = [("x-signature", hex(&secret, content)), ("x-time", time.clone())];
        prop_assert_eq!(verdict(&verifier, &headers, &body), Ok(()));
        let mut other = body.clone();
        flip(&mut other, bit);
        prop_assert_eq!(verdict(&verifier, &headers, &other), Err(Mismatch));
    }

    #[test]
    fn no_header_makes_a_verifier_panic(values in vec(vec(any::<u8>(), 0..80), 3), body in vec(any::<u8>(), 0..80)) {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers: Vec<_> = names.into_iter().zip(values).collect();
        prop_assert!(verdict(&StandardWebhooks::new(WHSEC).unwrap(), &headers, &body).is_err());
        for encoding in [SignatureEncoding::Hex, SignatureEncoding::Base64] {
            let verifier = HmacSha256::new("webhook-signature", SECRET).unwrap().encoding(encoding);
            prop_assert!(verdict(&verifier, &headers, &body).is_err());
        }
    }
}

// From here on through a webhook.

fn bare() -> WebhookBuilder {
    Webhook::builder().fallback(|_event| async { Ok(()) })
}

fn hmac() -> HmacSha256 {
    HmacSha256::new("x-signature", SECRET).unwrap()
}

async fn deliver(webhook: &Webhook, headers: &[(&str, &str)], chunks: &[&[u8]]) -> Answer {
    let delivery = match webhook.begin(&Head::new("POST", &headers.to_vec())) {
        Ok(delivery) => delivery,
        Err(answer) => return answer,
    };
    let mut chunks = chunks.iter().map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk)));
    match delivery.read(|_| Poll::Ready(chunks.next())).await {
        Ok(body) => delivery.run(body, |task| drop(tokio::spawn(task))).await,
        Err(answer) => answer,
    }
}

/// The word of the answer to a delivery of `BODY`.
async fn status(webhook: &Webhook, headers: &[(&str, &str)]) -> &'static str {
    deliver(webhook, headers, &[BODY]).await.status().as_str()
}

fn counts(webhook: &Webhook) -> (u64, u64, u64) {
    let SignatureCounts { right, missing, wrong, .. } = webhook.signatures();
    (right, missing, wrong)
}

#[tokio::test]
async fn an_enforced_signature_must_be_right() {
    let webhook = bare().signature(hmac(), SignatureMode::Enforce).build().unwrap();
    assert_eq!(status(&webhook, &[]).await, "unauthorized");
    assert_eq!(status(&webhook, &[("x-signature", &hex(b"another", &[BODY]))]).await, "unauthorized");
    assert_eq!(status(&webhook, &[("x-signature", "?")]).await, "unauthorized");
    assert_eq!(counts(&webhook), (0, 1, 2));
    assert_eq!(status(&webhook, &[("X-Signature", &hex(SECRET.as_bytes(), &[BODY]))]).await, "processed");
    assert_eq!(counts(&webhook), (1, 1, 2));
}

#[tokio::test]
async fn an_observed_signature_is_only_counted() {
    let webhook = bare().api_key(KEY).signature(hmac(), SignatureMode::Observe).build().unwrap();
    let key = ("x-api-key", KEY);
    assert_eq!(status(&webhook, &[key]).await, "processed");
    assert_eq!(status(&webhook, &[key, ("x-signature", &hex(b"another", &[BODY]))]).await, "duplicate");
    assert_eq!(status(&webhook, &[key, ("x-signature", "?")]).await, "duplicate");
    assert_eq!(
        status(&webhook, &[key, ("x-signature", &hex(SECRET.as_bytes(), &[BODY]))]).await,
        "duplicate"
    );
    assert_eq!(counts(&webhook), (1, 1, 2));
}

#[tokio::test]
async fn without_a_verifier_nothing_is_counted() {
    let webhook = bare().api_key(KEY).build().unwrap();
    assert_eq!(status(&webhook, &[("x-api-key", KEY)]).await, "processed");
    assert_eq!(webhook.signatures(), SignatureCounts::default());
}

#[tokio::test]
async fn nothing_is_made_of_a_body_that_is_not_signed() {
    let webhook = bare().signature(hmac(), SignatureMode::Enforce).build().unwrap();
    for body in [b"not JSON".as_slice(), b"", b"\xff"] {
        assert_eq!(deliver(&webhook, &[], &[body]).await.status().as_str(), "unauthorized");
        let signature = hex(SECRET.as_bytes(), &[body]);
        let answer = deliver(&webhook, &[("x-signature", &signature)], &[body]).await;
        assert_eq!(answer.status().as_str(), "malformed");
    }
}

#[tokio::test]
async fn a_wrong_signature_is_answered_as_a_wrong_key() {
    let webhook = bare().api_key(KEY).signature(hmac(), SignatureMode::Enforce).build().unwrap();
    let bytes = async |headers: &[(&str, &str)]| {
        let answer = deliver(&webhook, headers, &[BODY]).await;
        (answer.code(), answer.headers().collect::<Vec<_>>(), answer.body())
    };
    let wrong_key = bytes(&[("x-api-key", "wrong")]).await;
    assert_eq!(wrong_key.0, 401);
    assert_eq!(bytes(&[("x-api-key", KEY)]).await, wrong_key);
    assert_eq!(bytes(&[("x-api-key", KEY), ("x-signature", "wrong")]).await, wrong_key);
}

#[tokio::test]
async fn a_body_is_read_under_its_limit_before_it_is_verified() {
    let webhook = bare().signature(hmac(), SignatureMode::Enforce).body_limit(10).build().unwrap();
    assert_eq!(deliver(&webhook, &[], &[b"12345", b"123456"]).await.status().as_str(), "too_large");
    assert_eq!(counts(&webhook), (0, 0, 0));
}

#[tokio::test]
async fn a_receiver_without_handlers_verifies_too() {
    let receiver = Webhook::builder().signature(hmac(), SignatureMode::Enforce).build_receiver().unwrap();
    let right = [("x-signature", hex(SECRET.as_bytes(), &[BODY]))];
    let received = |headers: &[(&'static str, String)]| {
        receiver.begin(&Head::new("POST", &headers.to_vec())).and_then(|inbound| inbound.receive(BODY.into()))
    };
    assert!(received(&right).is_ok());
    assert_eq!(received(&[]).unwrap_err().code(), 401);
    assert_eq!((receiver.signatures().right, receiver.signatures().missing), (1, 1));
}

#[tokio::test]
async fn keys_and_signatures_go_together_as_documented() {
    let right = hex(SECRET.as_bytes(), &[BODY]);
    let key = ("x-api-key", KEY);
    let wrong_key = ("x-api-key", "wrong");
    let signature = ("x-signature", &*right);
    let wrong_signature = ("x-signature", "wrong");
    let all: [&[(&str, &str)]; 7] = [
        &[],
        &[key],
        &[signature],
        &[key, signature],
        &[wrong_key, signature],
        &[key, wrong_signature],
        &[wrong_signature],
    ];
    let let_in = async |builder: WebhookBuilder| {
        let webhook = builder.build().unwrap();
        let mut codes = Vec::new();
        for headers in all {
            codes.push(deliver(&webhook, headers, &[BODY]).await.code() == 200);
        }
        <[bool; 7]>::try_from(codes).unwrap()
    };
    use SignatureMode::{Enforce, Observe};
    let table = [
        (bare().api_key(KEY).signature(hmac(), Observe), [false, true, false, true, false, true, false]),
        (bare().api_key(KEY).signature(hmac(), Enforce), [false, false, false, true, false, false, false]),
        (bare().signature(hmac(), Enforce), [false, false, true, true, true, false, false]),
        (bare().allow_unauthenticated().signature(hmac(), Observe), [true; 7]),
    ];
    for (row, (builder, expected)) in table.into_iter().enumerate() {
        assert_eq!(let_in(builder).await, expected, "row {row}");
    }
    let fault = |builder: WebhookBuilder| builder.build().unwrap_err();
    assert_eq!(fault(bare().signature(hmac(), Observe)), ConfigError::NoCredential);
    let contradiction = bare().allow_unauthenticated().signature(hmac(), Enforce);
    assert_eq!(fault(contradiction), ConfigError::AmbiguousCredentials);
    let contradiction = bare().api_key(KEY).allow_unauthenticated().signature(hmac(), Enforce);
    assert_eq!(fault(contradiction), ConfigError::AmbiguousCredentials);
}

#[tokio::test]
async fn a_jobs_link_spares_no_signature() {
    let key = SigningKey::new("a signing key of at least 32 bytes").unwrap();
    let links = JobLinks::new("https://hooks.acme.com/webhooks/lipdub", key).unwrap();
    let link = links.mint("order 7").unwrap();
    let path = link.as_str().strip_prefix("https://hooks.acme.com").unwrap();
    let sources = Arc::new(Mutex::new(Vec::new()));
    let sees = Arc::clone(&sources);
    let webhook = Webhook::builder()
        .job_links(links)
        .signature(hmac(), SignatureMode::Enforce)
        .fallback(move |event: Event| {
            sees.lock().unwrap().push(event.source);
            async { Ok(()) }
        })
        .build()
        .unwrap();
    let code = async |path: &str, signature: &str, body: &'static [u8]| {
        let headers = [("x-signature", signature)];
        match webhook.begin(&Head::new("POST", &headers).path(path)) {
            Ok(delivery) => delivery.run(body.into(), |task| drop(tokio::spawn(task))).await.code(),
            Err(answer) => answer.code(),
        }
    };
    let right = hex(SECRET.as_bytes(), &[BODY]);
    assert_eq!(code(path, "wrong", BODY).await, 401);
    assert_eq!(code("/webhooks/lipdub/jobs/other/token", &right, BODY).await, 401);
    assert_eq!(code(path, &right, BODY).await, 200);
    // To the tenant's webhook the signature alone is a way in.
    let other = br#"{"event_type":"Y"}"#;
    assert_eq!(code("/webhooks/lipdub", &hex(SECRET.as_bytes(), &[other]), other).await, 200);
    assert_eq!(*sources.lock().unwrap(), [Source::Job("order 7".into()), Source::Tenant]);
}

#[test]
fn what_cannot_work_is_a_fault() {
    let twice = bare().signature(hmac(), SignatureMode::Observe).signature(hmac(), SignatureMode::Enforce);
    let fault = twice.build().unwrap_err();
    assert!(fault.to_string().contains("twice"), "{fault}");
    for name in ["", "x signature", "x-signature:", "x-sígnature", "x\n"] {
        let verifier = HmacSha256::new(name, SECRET).unwrap();
        let fault = bare().signature(verifier, SignatureMode::Enforce).build().unwrap_err();
        assert!(matches!(fault, ConfigError::UnusableSetting(_)), "{name:?}: {fault}");
    }
    let verifier = hmac().timestamp("x time", Duration::ZERO);
    assert!(bare().signature(verifier, SignatureMode::Enforce).build().is_err());
}

/// Sees what it is shown, and says what it is told.
struct Own {
    /// The values of its headers, and then the body.
    seen: Mutex<Vec<Vec<u8>>>,
    verdict: fn() -> Result<(), SignatureError>,
}

impl Own {
    fn saying(verdict: fn() -> Result<(), SignatureError>) -> Arc<Self> {
        Arc::new(Self { seen: Mutex::default(), verdict })
    }
}

impl Verifier for Own {
    fn headers(&self) -> Vec<&str> {
        vec!["X-Own", "x-own", "X-OWN-2"]
    }

    fn verify(&self, signed: &Signed<'_>) -> Result<(), SignatureError> {
        let values = ["x-own", "X-Own-2", "x-api-key"].into_iter().flat_map(|name| signed.values(name));
        self.seen.lock().unwrap().extend(values.chain([signed.body()]).map(<[u8]>::to_vec));
        (self.verdict)()
    }
}

#[tokio::test]
async fn a_verifier_sees_the_bytes_as_they_came_and_all_values_of_its_headers() {
    let own = Own::saying(|| Ok(()));
    let webhook = bare().api_key(KEY).signature(Arc::clone(&own), SignatureMode::Enforce).build().unwrap();
    let headers = [("x-api-key", KEY), ("x-own", "1"), ("X-Own", "2"), ("x-other", "3"), ("x-own-2", "4")];
    let chunks: [&[u8]; 5] = [b"\xef\xbb\xbf \r\n\t{\"event_", b"", b"type\" :\"X\"", b"}", b"\n \0\xff"];
    deliver(&webhook, &headers, &chunks).await;
    let body = chunks.concat();
    assert_eq!(*own.seen.lock().unwrap(), [b"1", b"2", b"4", &*body]);
}

#[tokio::test]
async fn a_verifier_that_panics_lets_nobody_in_and_harms_nothing() {
    let panics = || Own::saying(|| panic!("the verifier is broken"));
    let enforced = bare().signature(panics(), SignatureMode::Enforce).build().unwrap();
    for _ in 0..2 {
        let answer = deliver(&enforced, &[], &[BODY]).await;
        assert_eq!((answer.code(), answer.status().as_str()), (500, "failed"));
    }
    assert_eq!(counts(&enforced), (0, 0, 2));
    let observed = bare().api_key(KEY).signature(panics(), SignatureMode::Observe).build().unwrap();
    assert_eq!(status(&observed, &[("x-api-key", KEY)]).await, "processed");
    assert_eq!(counts(&observed), (0, 0, 1));
}

/// For a change from one scheme to another.
struct Either(HmacSha256, StandardWebhooks);

impl Verifier for Either {
    fn headers(&self) -> Vec<&str> {
        [self.0.headers(), self.1.headers()].concat()
    }

    fn verify(&self, signed: &Signed<'_>) -> Result<(), SignatureError> {
        self.0.verify(signed).or_else(|_| self.1.verify(signed))
    }
}

#[tokio::test]
async fn a_verifier_can_be_made_of_others() {
    let either = Either(hmac(), StandardWebhooks::new(WHSEC).unwrap().clock(at(NOW)));
    let webhook = bare().signature(either, SignatureMode::Enforce).build().unwrap();
    let (old, new, now) = (hex(SECRET.as_bytes(), &[BODY]), v1(WHSEC, "m", NOW, BODY), NOW.to_string());
    assert_eq!(status(&webhook, &[("x-signature", &old)]).await, "processed");
    assert_eq!(status(&webhook, &standard("m", &now, &new)).await, "duplicate");
    assert_eq!(status(&webhook, &standard("m", &now, &old)).await, "unauthorized");
}

#[tokio::test]
async fn what_is_observed_floods_no_log() {
    let output = Output::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(output.clone());
    let _guard = tracing::subscriber::set_default(subscriber.with_ansi(false).finish());
    let observed = bare().api_key(KEY).signature(hmac(), SignatureMode::Observe).build().unwrap();

    status(&observed, &[("x-api-key", KEY)]).await;
    status(&observed, &[("x-api-key", KEY), ("x-signature", &hex(SECRET.as_bytes(), &[BODY]))]).await;
    assert_eq!(output.text(), "");

    status(&observed, &[("x-api-key", KEY), ("x-signature", "wrong")]).await;
    assert!(output.text().contains("WARN"), "{}", output.text());
    assert!(output.text().contains("was let in although its signature cannot be read"), "{}", output.text());
    let enforced = bare().signature(hmac(), SignatureMode::Enforce).build().unwrap();
    status(&enforced, &[]).await;
    assert!(output.text().contains("was refused: it is not signed"), "{}", output.text());
}

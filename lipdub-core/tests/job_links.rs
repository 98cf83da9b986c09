//! What a job's link can hold, and that nobody can change it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use std::time::{Duration, SystemTime};

use lipdub_core::{CallbackUrlError, ConfigError, JobLinks, LinkError, SigningKey};
use proptest::prelude::*;

const BASE: &str = "https://hooks.example.com/webhooks/lipdub";

fn signing_key(secret: u8) -> SigningKey {
    SigningKey::new([secret; 32]).unwrap()
}

fn links() -> JobLinks {
    JobLinks::new(BASE, signing_key(1)).unwrap()
}

/// Links as they are seen after this time.
fn later(time: Duration) -> JobLinks {
    links().clock(move || SystemTime::now() + time)
}

fn mint(job: &str) -> String {
    links().mint(job).unwrap().as_str().to_owned()
}

proptest! {
    #[test]
    fn every_job_comes_back_as_it_was(job in ".{0,60}") {
        prop_assert_eq!(links().open(&mint(&job)), Ok(job));
    }

    #[test]
    fn a_link_goes_through_another_s_url_parser_unchanged(job in "[./%\\\\~ ?#:@\u{0}-\u{1f}é日a]{0,12}") {
        let link = mint(&job);
        let parsed = url::Url::parse(&link).unwrap();
        prop_assert_eq!(parsed.as_str(), &link);
    }

    #[test]
    fn any_flipped_bit_in_job_or_token_is_refused(job in "[ -~]{1,20}", at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let link = mint(&job);
        let mut changed = link.clone().into_bytes();
        let first = format!("{BASE}/jobs/").len();
        changed[first + at.index(link.len() - first)] ^= 1_u8 << bit;
        // What is no text any more never comes in through a router.
        if let Ok(changed) = String::from_utf8(changed) {
            prop_assert!(links().open(&changed).is_err(), "{}", changed);
        }
    }

    #[test]
    fn any_flipped_bit_of_what_the_token_holds_is_refused(at in 0..45_usize, bit in 0..8_u8) {
        use base64::Engine as _;
        use base64::prelude::BASE64_URL_SAFE_NO_PAD;
        let link = mint("order-7");
        let (before, token) = link.rsplit_once('/').unwrap();
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(token).unwrap();
        // Version, key id, expiry, signature: all of it counts.
        prop_assert_eq!(bytes.len(), 45);
        bytes[at] ^= 1_u8 << bit;
        let changed = format!("{before}/{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
        prop_assert_eq!(links().open(&changed), Err(LinkError::NotGenuine));
    }

    #[test]
    fn no_text_at_all_harms(text in any::<String>(), job in any::<String>(), token in any::<String>()) {
        let _ = links().open(&text);
        let made_up = format!("/jobs/{job}/{token}");
        prop_assert!(links().open(&made_up).is_err());
        let _ = JobLinks::redact(&text);
    }

    #[test]
    fn the_token_of_a_link_can_be_hidden(job in ".{0,20}") {
        let link = mint(&job);
        let (before, token) = link.rsplit_once('/').unwrap();
        for spelling in [link.clone(), format!("{link}?a=b")] {
            let redacted = JobLinks::redact(&spelling);
            prop_assert_eq!(&redacted, &format!("{before}/[REDACTED]"));
            prop_assert!(!redacted.contains(token));
        }
    }
}

#[test]
fn a_link_is_valid_for_29_days_unless_told_otherwise() {
    let day = Duration::from_secs(24 * 60 * 60);
    let link = mint("order-7");
    assert_eq!(later(day * 29 - Duration::from_secs(10)).open(&link), Ok("order-7".to_owned()));
    assert_eq!(later(day * 29).open(&link), Err(LinkError::Expired));
    let brief = links().validity(Duration::from_secs(60)).mint("order-7").unwrap();
    assert_eq!(later(Duration::from_secs(50)).open(brief.as_str()), Ok("order-7".to_owned()));
    assert_eq!(later(Duration::from_secs(60)).open(brief.as_str()), Err(LinkError::Expired));
    let endless = links().validity(Duration::MAX).mint("order-7").unwrap();
    assert_eq!(later(day * 365_000).open(endless.as_str()), Ok("order-7".to_owned()));
}

#[test]
fn a_forged_link_is_not_genuine_whether_it_has_expired_or_not() {
    let forged = mint("order-7").replace("order-7", "order-8");
    assert_eq!(later(Duration::from_secs(1 << 40)).open(&forged), Err(LinkError::NotGenuine));
}

#[test]
fn signing_keys_are_changed_without_a_link_that_is_refused() {
    let (old, new) = (signing_key(1), signing_key(2));
    let before = JobLinks::new(BASE, old.clone()).unwrap();
    let prepared = JobLinks::new(BASE, old.clone()).unwrap().also_accept(new.clone());
    let switched = JobLinks::new(BASE, new.clone()).unwrap().also_accept(old);
    let after = JobLinks::new(BASE, new).unwrap();
    let of_old = before.mint("order-7").unwrap();
    let of_new = switched.mint("order-7").unwrap();
    for links in [&prepared, &switched] {
        assert!(links.open(of_old.as_str()).is_ok() && links.open(of_new.as_str()).is_ok());
    }
    assert!(prepared.mint("order-7").is_ok_and(|link| before.open(link.as_str()).is_ok()));
    assert_eq!(before.open(of_new.as_str()), Err(LinkError::NotGenuine));
    assert_eq!(after.open(of_old.as_str()), Err(LinkError::NotGenuine));
    assert!(after.open(of_new.as_str()).is_ok());
}

#[test]
fn a_path_that_does_not_end_like_a_link_is_none() {
    let link = mint("order-7");
    for path in ["", "/", "/webhooks/lipdub", "/jobs", "/jobs/a", "jobs/a", "//", &format!("{link}/")] {
        assert_eq!(links().open(path), Err(LinkError::NotALink), "{path}");
        assert_eq!(JobLinks::redact(path), path);
    }
}

#[test]
fn a_job_that_is_too_long_for_lipdub_is_told() {
    let room = 2048 - mint("").len() + 1;
    assert!(links().mint("x".repeat(room)).is_ok());
    let too_long = links().mint("x".repeat(room + 1));
    assert!(matches!(too_long, Err(CallbackUrlError::TooLong { .. })), "{too_long:?}");
}

#[test]
fn links_are_made_below_a_url_that_lipdub_calls() {
    for base in
        ["http://hooks.example.com/x", "https://localhost/x", "https://10.0.0.1/x", "", "hooks.example.com"]
    {
        let error = JobLinks::new(base, signing_key(1)).unwrap_err();
        assert!(matches!(error, ConfigError::UnusableLinkBase(_)), "{base}: {error:?}");
    }
    let query = JobLinks::new("https://hooks.example.com/x?a=b", signing_key(1)).unwrap_err();
    assert!(matches!(query, ConfigError::UnusableSetting(_)), "{query:?}");
    let slash = JobLinks::new("https://hooks.example.com/x/", signing_key(1)).unwrap();
    assert!(slash.mint("order-7").unwrap().as_str().starts_with("https://hooks.example.com/x/jobs/order-7/"));
}

#[test]
fn a_signing_key_that_could_be_guessed_is_refused() {
    assert_eq!(SigningKey::new("").unwrap_err(), ConfigError::ShortSigningKey);
    assert_eq!(SigningKey::new([7; 31]).unwrap_err(), ConfigError::ShortSigningKey);
    assert!(SigningKey::new([7; 32]).is_ok() && SigningKey::new([7; 200]).is_ok());
}

#[test]
fn neither_key_nor_token_is_shown() {
    let links = links();
    let link = links.mint("order-7").unwrap();
    let (_, token) = link.as_str().rsplit_once('/').unwrap();
    let shown = format!("{links:?} {link:?} {:?}", signing_key(b'k'));
    assert!(!shown.contains(token) && !shown.contains("kkkk"), "{shown}");
}

//! What cannot be built, and what the fault is called.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

mod support;

use std::time::Duration;

use lipdub_core::{ApiKey, ApiKeys, ConfigError, EventType, Webhook, WebhookBuilder};

use support::{KEY, block_on, status};

fn complete() -> WebhookBuilder {
    Webhook::builder().api_key(KEY).fallback(|_event| async { Ok(()) })
}

fn fault(builder: WebhookBuilder) -> ConfigError {
    builder.build().expect_err("a fault")
}

#[test]
fn a_receiver_without_credentials_must_be_wanted() {
    let bare = || Webhook::builder().fallback(|_event| async { Ok(()) });
    assert_eq!(fault(bare()), ConfigError::NoCredential);
    assert!(bare().allow_unauthenticated().build().is_ok());
    assert_eq!(fault(complete().allow_unauthenticated()), ConfigError::AmbiguousCredentials);
    let keys = ApiKeys::new([ApiKey::new("other").unwrap()]).unwrap();
    assert_eq!(fault(complete().api_keys(keys)), ConfigError::AmbiguousCredentials);
}

#[test]
fn a_key_that_can_never_match_is_a_fault() {
    assert_eq!(fault(complete().api_key("")), ConfigError::EmptyApiKey);
    for unusable in ["key\n", " key", "key\t", "a\u{0}b", " "] {
        assert_eq!(fault(complete().api_key(unusable)), ConfigError::UnusableApiKey);
    }
    assert_eq!(ApiKeys::new([]).unwrap_err(), ConfigError::NoCredential);
}

#[test]
fn a_type_has_one_handler() {
    assert_eq!(fault(Webhook::builder().api_key(KEY)), ConfigError::NoHandler);
    let double = complete().on_render_complete(|_event| async { Ok(()) });
    let double =
        double.on::<u64>(EventType::Other("VIDEO_RENDER_COMPLETE".into()), |_event| async { Ok(()) });
    assert_eq!(fault(double), ConfigError::DoubleHandler("VIDEO_RENDER_COMPLETE".into()));
    let double = complete().fallback(|_event| async { Ok(()) });
    assert_eq!(fault(double), ConfigError::DoubleHandler("the fallback".into()));
}

#[test]
fn a_setting_that_cannot_work_is_a_fault() {
    let second = Duration::from_secs(1);
    for builder in [
        complete().body_limit(0),
        complete().in_flight_limit(0),
        complete().in_flight_limit(usize::MAX),
        complete().read_timeout(Duration::ZERO),
        complete().read_timeout(Duration::MAX),
        complete().answer_deadline(Duration::ZERO),
        complete().answer_deadline(Duration::MAX),
        complete().retry_after(Duration::MAX),
        complete().store_timeout(Duration::ZERO),
        complete().store_timeout(Duration::MAX),
        complete().lease(Duration::ZERO),
        complete().lease(second * 2).retention(second),
        complete().retention(Duration::MAX),
    ] {
        assert!(matches!(fault(builder), ConfigError::UnusableSetting(_)));
    }
}

#[test]
fn the_types_that_have_a_handler_can_be_listed() {
    let webhook = complete().on_render_complete(|_event| async { Ok(()) }).build().unwrap();
    assert_eq!(webhook.event_types().collect::<Vec<_>>(), [&EventType::RenderComplete]);
}

#[test]
fn an_event_key_that_panics_is_a_failure() {
    let webhook = complete().event_key(|_event| panic!("no key")).build().unwrap();
    assert_eq!(block_on(status(&webhook, r#"{"event_type":"X"}"#)), "failed");
}

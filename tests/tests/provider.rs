//! LipDub in a box delivers over HTTP what it delivers without a socket.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails here fails the test")]

use std::time::Duration;

use lipdub_core::testing::{
    Fate, Fault, Faults, HttpTarget, InvalidUrl, LipDub, LipDubBuilder, Outcome, Request, Target as _, sample,
};
use lipdub_tests::{Framework, KEY, Server, on_each_framework, receiver};
use serde_json::json;

fn provider(server: &Server) -> LipDubBuilder {
    let target = HttpTarget::new(format!("http://{}/webhooks/lipdub", server.address)).unwrap();
    LipDub::builder(target)
        .api_key(KEY)
        .cut_off(Duration::from_secs(3))
        .retry_delay(Duration::from_millis(20))
}

fn outcomes(lipdub: &LipDub, event: &sample::Sample) -> Vec<String> {
    let say = |outcome: &Outcome| match outcome {
        Outcome::Answered(reply) => reply.to_string(),
        Outcome::Unseen(reply) => format!("unseen {reply}"),
        Outcome::NoAnswer(_) => "no answer".to_owned(),
        other => format!("{other:?}"),
    };
    lipdub.story(event).tries().map(|tried| say(&tried.outcome)).collect()
}

on_each_framework! {
    async fn a_fault_over_http_is_what_it_says(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        let expected: [(Fault, &[&str]); 8] = [
            (Fault::Duplicate, &["200 processed", "200 duplicate"]),
            (Fault::LostAnswer, &["unseen 200 processed", "200 duplicate"]),
            (Fault::SlowAnswer, &["unseen 200 processed", "200 duplicate"]),
            (Fault::TruncatedBody, &["no answer", "200 processed"]),
            (Fault::ShuffledFields, &["200 processed"]),
            (Fault::FreshLinks, &["200 processed"]),
            (Fault::UnknownType, &["200 processed"]),
            (Fault::OldKey, &["401 unauthorized", "200 processed"]),
        ];
        let lipdub = provider(&server).cut_off(Duration::from_secs(2)).build();
        for (number, (fault, expected)) in expected.into_iter().enumerate() {
            let event = sample::render_complete().set("data.id", number);
            assert_eq!(lipdub.deliver_with(&event, [fault]).await, Fate::Delivered, "{fault:?}");
            assert_eq!(outcomes(&lipdub, &event), expected, "{fault:?}\n{}", lipdub.story(&event));
        }
        lipdub.assert_each_handled_once();
        assert_eq!(attempts.log().len(), 2 * 8, "a start and an end for each: {:?}", attempts.log());
    }

    async fn whatever_goes_wrong_over_http_each_event_is_handled_once(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        let faults = Faults::seeded(11).rate(0.7);
        let lipdub = provider(&server).faults(faults).cut_off(Duration::from_millis(500)).consumers(20).build();
        let event = |id: u32| sample::render_complete().set("data.id", id).job(format!("job {}", id % 25));
        lipdub.deliver_all((0..100).map(event)).await;
        for _ in 0..20 {
            lipdub.replay_all().await;
        }
        lipdub.assert_nothing_dead();
        lipdub.assert_each_handled_once();
        let mut done: Vec<_> = attempts.log().into_iter().filter(|line| line.starts_with("done")).collect();
        done.sort_unstable();
        done.dedup();
        assert_eq!((done.len(), attempts.log().len()), (100, 200));
    }

    async fn lipdub_hangs_up_at_the_cut_off_and_finds_the_event_handled(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        let lipdub = provider(&server).cut_off(Duration::from_millis(200)).tries(1).build();
        let event = sample::render_complete().data(json!({ "id": 1, "do": "wait" }));
        assert_eq!(lipdub.deliver(&event).await, Fate::Dead);
        assert_eq!(outcomes(&lipdub, &event), ["CutOff"]);
        attempts.open_gate();
        attempts.reach(2).await;
        let lipdub = provider(&server).build();
        assert_eq!(lipdub.deliver(&event).await, Fate::Delivered);
        lipdub.assert_handled_once(&event);
        assert_eq!(attempts.log(), ["start 1 1", "done 1 1"]);
    }
}

#[tokio::test]
async fn nobody_there_is_no_answer() {
    // A port that was free a moment ago, on an address that no test listens at.
    let listener = std::net::TcpListener::bind("127.0.0.9:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let target = HttpTarget::new(format!("http://{address}/secret-path")).unwrap();
    let lipdub = LipDub::builder(target).tries(1).build();
    let event = sample::render_complete();
    assert_eq!(lipdub.deliver(&event).await, Fate::Dead);
    let story = lipdub.story(&event).to_string();
    assert!(story.contains("no answer: "), "{story}");
    assert!(story.contains("refused"), "the cause is told: {story}");
    assert!(!story.contains("secret-path"), "the URL may be a secret: {story}");
}

#[test]
fn only_an_http_url_is_a_target() {
    let refused = |url: &str| HttpTarget::new(url).err();
    assert_eq!(refused("localhost"), Some(InvalidUrl::NotAUrl));
    assert_eq!(refused("http://"), Some(InvalidUrl::NotAUrl));
    assert_eq!(refused("ftp://h/"), Some(InvalidUrl::Scheme));
    assert_eq!(refused("http://h"), None);
    let shown = format!("{:?}", HttpTarget::new("http://h/secret-path").unwrap());
    assert!(!shown.contains("secret-path"), "{shown}");
}

#[tokio::test]
async fn of_a_huge_answer_no_more_than_a_mebibyte_is_read() {
    let huge = axum::Router::new().fallback(|| async {
        let chunks = std::iter::repeat_n(bytes::Bytes::from_static(&[b'x'; 65_536]), 1_000);
        axum::body::Body::new(http_body_util::Full::new(bytes::Bytes::from(
            chunks.collect::<Vec<_>>().concat(),
        )))
    });
    let server = Server::axum(huge);
    let target = HttpTarget::new(format!("http://{}/", server.address)).unwrap();
    let reply = target.deliver(Request::new("")).await.unwrap();
    assert_eq!(reply.body.len(), 1024 * 1024);
}

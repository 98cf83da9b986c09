//! LipDub in a box: it delivers as LipDub does, what goes wrong is what was asked for, and it tells of it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lipdub_core::testing::sample::{self, Sample};
use lipdub_core::testing::{Fate, Fault, Faults, LipDub, LipDubBuilder, NoAnswer, Outcome, Reply, Request};
use lipdub_core::{
    EventType, HandlerError, Id, JobLinks, RenderComplete, SigningKey, Source, StageEvent, Webhook,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const KEY: &str = "whk_123";

/// A receiver that notes what comes, and answers by a rule from the number of the delivery, from 1.
#[derive(Clone, Default)]
struct Receiver {
    received: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    fn provider(&self, answer: impl Fn(usize) -> u16 + Send + Sync + 'static) -> LipDubBuilder {
        let received = Arc::clone(&self.received);
        LipDub::builder(move |request: Request| {
            let mut received = received.lock().unwrap();
            received.push(request);
            let code = answer(received.len());
            async move { Ok(Reply::new(code)) }
        })
    }

    fn header(&self, name: &str) -> Vec<Option<String>> {
        let of = |request: &Request| {
            let mut values =
                request.headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value);
            values.next().cloned()
        };
        self.received.lock().unwrap().iter().map(of).collect()
    }

    fn bodies(&self) -> Vec<Value> {
        self.received.lock().unwrap().iter().map(|request| parse(&request.body)).collect()
    }
}

fn parse(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

/// A real receiver whose handler succeeds, and how often it ran.
fn webhook() -> (Webhook, Arc<Mutex<Vec<Option<Id>>>>) {
    let runs: Arc<Mutex<Vec<Option<Id>>>> = Arc::default();
    let noted = Arc::clone(&runs);
    let webhook = Webhook::builder().api_key(KEY).on_render_complete(move |event| {
        noted.lock().unwrap().push(event.data.generate_id);
        async { Ok(()) }
    });
    (webhook.build().unwrap(), runs)
}

fn outcomes(lipdub: &LipDub, event: &Sample) -> Vec<String> {
    let say = |outcome: &Outcome| match outcome {
        Outcome::Answered(reply) => reply.to_string(),
        Outcome::Unseen(reply) => format!("unseen {reply}"),
        other => format!("{other:?}"),
    };
    lipdub.story(event).tries().map(|tried| say(&tried.outcome)).collect()
}

#[track_caller]
fn panics(with: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(with)).expect_err("it should have panicked");
    *panic.downcast::<String>().expect("a message")
}

#[test]
fn each_documented_type_has_a_sample_whose_data_are_typed() {
    for event_type in EventType::DOCUMENTED {
        let event = sample::of(&event_type);
        assert_eq!(event.event_type(), event_type.as_str());
        let data = event.field("data").unwrap().clone();
        if event.event_type().contains("RENDER") {
            let data = RenderComplete::from(data);
            assert!(data.generate_id.is_some() && data.shot_id.is_some() && data.video_id.is_some());
            assert!(data.audio_id.is_some() && data.tracking_id.is_some());
            assert_eq!(data.download_url.is_some(), event_type == EventType::RenderComplete);
        } else {
            let data = StageEvent::from(data);
            assert!(data.stage.is_some() && data.shot_id.is_some() && data.tracking_id.is_some());
        }
    }
    let named = [
        sample::render_complete(),
        sample::render_failed(),
        sample::preprocessing_complete(),
        sample::training_complete(),
        sample::file_upload_complete(),
        sample::file_upload_failed(),
        sample::video_validation_complete(),
        sample::video_validation_failed(),
        sample::begin_training_failure(),
    ];
    assert!(named.iter().map(Sample::event_type).eq(EventType::DOCUMENTED.iter().map(EventType::as_str)));
}

#[test]
fn each_sample_is_another_event() {
    let keys: HashSet<_> = (0..100).map(|_| sample::render_complete().key()).collect();
    assert_eq!(keys.len(), 100);
    assert_ne!(sample::event("X").key(), sample::event("X").key());
}

#[test]
fn every_field_of_a_sample_can_be_set_and_taken_out() {
    let event = sample::render_complete()
        .generate_id(7)
        .shot_id("8")
        .video_id(9)
        .audio_id("a")
        .tracking_id("t")
        .download_url("https://h/1")
        .stage("s")
        .created_at("2026-05-06T07:08:09")
        .set("attempt", 2)
        .set("data.error.code", 5)
        .set("data.error.text", "no");
    let data = json!({
        "generate_id": 7, "shot_id": "8", "video_id": 9, "audio_id": "a", "tracking_id": "t",
        "download_url": "https://h/1", "stage": "s", "error": { "code": 5, "text": "no" },
    });
    let whole = json!({
        "event_type": "VIDEO_RENDER_COMPLETE", "created_at": "2026-05-06T07:08:09", "attempt": 2, "data": data,
    });
    assert_eq!(parse(&event.body()), whole);
    let less = event.without("data.error.code").without("attempt").without("data.nothing.here").without("no");
    assert_eq!(less.field("data.error"), Some(&json!({ "text": "no" })));
    assert_eq!(less.field("attempt"), None);
    assert_eq!(less.clone().data(json!([1])).field("data"), Some(&json!([1])));
    assert_eq!(less.set("data.shot_id.inner", 1).field("data.shot_id"), Some(&json!({ "inner": 1 })));
}

#[test]
fn a_captured_event_is_sent_to_the_letter_until_it_is_changed() {
    let text = "{ \"data\": {\"n\": 1.50},\n\"event_type\":\"X\" }";
    let event = Sample::parse(text).unwrap();
    assert_eq!(event.body(), text);
    assert_eq!(event.clone().without("nothing").body(), text);
    assert_eq!(parse(&event.set("data.n", 2).body()), json!({ "event_type": "X", "data": { "n": 2 } }));
    for no_event in ["", "[]", "{}", r#"{"event_type": 7}"#, r#"{"event_type": "X""#] {
        assert!(Sample::parse(no_event).is_err(), "{no_event}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_sends_what_lipdub_sends() {
    let receiver = Receiver::default();
    let event = sample::training_complete();
    receiver.provider(|_| 200).api_key(KEY).build().deliver(&event).await;
    receiver.provider(|_| 200).x_api_key(KEY).build().deliver(&event).await;
    receiver.provider(|_| 200).build().deliver(&event).await;
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(receiver.header("authorization"), [some("Bearer whk_123"), None, None]);
    assert_eq!(receiver.header("x-api-key"), [None, some("whk_123"), None]);
    assert_eq!(receiver.header("x-lipdub-event"), vec![some("TRAINING_COMPLETE"); 3]);
    assert_eq!(receiver.header("content-type"), vec![some("application/json"); 3]);
    assert_eq!(receiver.bodies(), vec![parse(&event.body()); 3]);
}

#[tokio::test(start_paused = true)]
async fn it_tries_three_times_and_then_the_event_is_dead() {
    let receiver = Receiver::default();
    let lipdub = receiver.provider(|number| if number == 6 { 204 } else { 500 }).build();
    let event = sample::render_complete();
    assert_eq!(lipdub.deliver(&event).await, Fate::Dead);
    let at: Vec<_> = lipdub.story(&event).tries().map(|tried| tried.at.as_secs()).collect();
    assert_eq!(at, [0, 5, 10], "as far from each other as the retry delay");
    assert_eq!(lipdub.dead_letters(), std::slice::from_ref(&event));
    lipdub.assert_dead(&event);

    lipdub.days_pass(13).await;
    assert_eq!(lipdub.replay(&event).await, Fate::Delivered, "at the third try of the replay");
    assert_eq!(outcomes(&lipdub, &event), ["500", "500", "500", "500", "500", "204"]);
    assert_eq!(lipdub.story(&event).tries().last().unwrap().number, 6);
    lipdub.assert_nothing_dead();
}

#[tokio::test(start_paused = true)]
async fn it_takes_nothing_but_2xx_for_an_answer() {
    for (code, fate) in [(200, Fate::Delivered), (299, Fate::Delivered), (302, Fate::Dead), (404, Fate::Dead)]
    {
        let lipdub = Receiver::default().provider(move |_| code).build();
        assert_eq!(lipdub.deliver(&sample::render_complete()).await, fate, "{code}");
    }
    let lipdub = LipDub::builder(|_request| async { Err(NoAnswer::new("nobody is there")) }).build();
    let event = sample::render_complete();
    assert_eq!(lipdub.deliver(&event).await, Fate::Dead);
    assert_eq!(outcomes(&lipdub, &event), [r#"NoAnswer("nobody is there")"#; 3]);
}

#[tokio::test(start_paused = true)]
async fn it_hangs_up_on_a_receiver_that_is_slower_than_5_s() {
    let finished: Arc<Mutex<u32>> = Arc::default();
    let finishes = Arc::clone(&finished);
    let lipdub = LipDub::builder(move |_request| {
        let finishes = Arc::clone(&finishes);
        async move {
            sleep(Duration::from_millis(5_001)).await;
            *finishes.lock().unwrap() += 1;
            Ok(Reply::new(200))
        }
    });
    let (lipdub, event) = (lipdub.tries(2).build(), sample::render_complete());
    assert_eq!(lipdub.deliver(&event).await, Fate::Dead);
    assert_eq!(outcomes(&lipdub, &event), ["CutOff", "CutOff"]);
    lipdub.days_pass(1).await;
    assert_eq!(*finished.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn events_of_a_job_come_one_after_the_other_and_jobs_at_the_same_time() {
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = Arc::clone(&log);
    let lipdub = LipDub::builder(move |request: Request| {
        let (notes, body) = (Arc::clone(&notes), parse(&request.body));
        async move {
            let id = format!("{}{}", body["data"]["job"].as_str().unwrap(), body["data"]["number"]);
            notes.lock().unwrap().push(format!("begin {id}"));
            sleep(Duration::from_secs(1)).await;
            notes.lock().unwrap().push(format!("end {id}"));
            Ok(Reply::new(if body["data"]["number"] == 1 { 500 } else { 200 }))
        }
    });
    let lipdub = lipdub.tries(2).build();
    let event =
        |job: &str, number: u32| sample::event("X").set("data.job", job).set("data.number", number).job(job);
    let began = Instant::now();
    lipdub.deliver_all([event("a", 1), event("b", 1), event("a", 2), event("b", 2)]).await;
    assert_eq!(began.elapsed(), Duration::from_secs(1 + 5 + 1 + 1), "both jobs at once");
    for job in ["a", "b"] {
        let lines: Vec<_> =
            log.lock().unwrap().iter().filter(|line| line.contains(&format!(" {job}"))).cloned().collect();
        let expected = ["begin _1", "end _1", "begin _1", "end _1", "begin _2", "end _2"];
        assert_eq!(lines, expected.map(|line| line.replace('_', job)), "a retry holds the job up");
    }
    let twice = event("c", 2);
    let began = Instant::now();
    tokio::join!(lipdub.deliver(&twice), lipdub.deliver_with(&twice, [None]), lipdub.deliver(&twice));
    assert_eq!(began.elapsed(), Duration::from_secs(3), "one waits for the other");
    let began = Instant::now();
    let late = async {
        sleep(Duration::from_millis(1_500)).await;
        lipdub.deliver(&twice).await
    };
    tokio::join!(lipdub.deliver(&twice), lipdub.deliver(&twice), late);
    assert_eq!(began.elapsed(), Duration::from_secs(3), "one that comes when the first is gone waits, too");
}

#[tokio::test(start_paused = true)]
async fn no_more_jobs_are_delivered_at_the_same_time_than_there_are_consumers() {
    let lipdub = LipDub::builder(|_request| async {
        sleep(Duration::from_secs(1)).await;
        Ok(Reply::new(200))
    });
    let lipdub = lipdub.consumers(4).build();
    let began = Instant::now();
    lipdub.deliver_all((0..12).map(|_| sample::render_complete())).await;
    assert_eq!(began.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_what_it_says() {
    let expected: [(Fault, &[&str]); 10] = [
        (Fault::Duplicate, &["200 processed", "200 duplicate"]),
        (Fault::Twin, &["200 processed", "200 duplicate"]),
        (Fault::LostAnswer, &["unseen 200 processed", "200 duplicate"]),
        (Fault::SlowAnswer, &["unseen 200 processed", "200 duplicate"]),
        (Fault::TruncatedBody, &["400 malformed", "200 processed"]),
        (Fault::ShuffledFields, &["200 processed"]),
        (Fault::FreshLinks, &["200 processed"]),
        (Fault::UnknownType, &["200 processed"]),
        (Fault::OldKey, &["401 unauthorized", "200 processed"]),
        (Fault::Reordered, &["200 processed"]),
    ];
    for (fault, expected) in expected {
        let (webhook, runs) = webhook();
        let lipdub = LipDub::builder(webhook).api_key(KEY).build();
        let event = sample::render_complete();
        assert_eq!(lipdub.deliver_with(&event, [fault]).await, Fate::Delivered, "{fault:?}");
        let mut outcomes = outcomes(&lipdub, &event);
        if fault == Fault::Twin {
            // Which of the two makes the attempt is left to chance.
            outcomes.sort_unstable_by(|left, right| right.cmp(left));
        }
        assert_eq!(outcomes, expected, "{fault:?}");
        lipdub.assert_each_handled_once();
        assert_eq!(runs.lock().unwrap().len(), 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_takes_until_lipdub_has_given_up() {
    let lipdub = Receiver::default().provider(|_| 200).build();
    let event = sample::render_complete();
    lipdub.deliver_with(&event, [Fault::SlowAnswer]).await;
    let first = lipdub.story(&event).tries().next().unwrap().clone();
    assert_eq!(first.took, Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_type_comes_first_with_the_same_data() {
    let receiver = Receiver::default();
    let lipdub = receiver.provider(|_| 200).build();
    let event = sample::render_complete();
    lipdub.deliver_with(&event, [Fault::UnknownType]).await;
    let unknown = event.clone().set("event_type", "TYPE_OF_THE_FUTURE");
    assert_eq!(receiver.bodies(), [parse(&unknown.body()), parse(&event.body())]);
    assert_eq!(outcomes(&lipdub, &unknown), ["200"]);
    assert_eq!(lipdub.stories().len(), 1, "the other one is nobody's event");
}

#[tokio::test(start_paused = true)]
async fn an_event_in_other_words_is_the_same_event() {
    let text = r#"{"event_type":"VIDEO_RENDER_COMPLETE","created_at":"c","data":{"n":[1.50,1e40,true,null],"u":"https://h/1?s=0","é":{"x":"ü\n","y":[]}}}"#;
    for fault in [Fault::ShuffledFields, Fault::FreshLinks] {
        let receiver = Receiver::default();
        let lipdub = receiver.provider(|number| if number < 100 { 500 } else { 200 }).tries(100).build();
        let event = Sample::parse(text).unwrap();
        lipdub.deliver_with(&event, [fault; 100]).await;
        let bodies: HashSet<_> =
            receiver.received.lock().unwrap().iter().map(|request| request.body.clone()).collect();
        assert!(bodies.len() > 50, "{fault:?} gives {} different bodies", bodies.len());
        let first_fields: HashSet<_> =
            bodies.iter().map(|body| body.split(|byte| *byte == b':').next()).collect();
        assert_eq!(first_fields.len() > 2, fault == Fault::ShuffledFields, "{first_fields:?}");
        for body in bodies {
            assert_eq!(Sample::parse(body.clone()).unwrap().key(), event.key(), "{body:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reordered_event_overtakes_the_one_before_it() {
    let receiver = Receiver::default();
    let faults = Faults::seeded(7).rate(0.5).only([Fault::Reordered]);
    let lipdub = receiver.provider(|_| 200).faults(faults).build();
    let events: Vec<_> =
        (0..40).map(|number| sample::event("X").data(json!({ "n": number })).job("a")).collect();
    lipdub.deliver_all(events.clone()).await;
    let order: Vec<_> = receiver.bodies().iter().map(|body| body["data"]["n"].as_u64().unwrap()).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..40).collect::<Vec<_>>(), "each comes once");
    assert!(order.windows(2).filter(|pair| pair[0] > pair[1]).count() > 5, "{order:?}");
    let told = |event: &&Sample| lipdub.story(event).to_string().contains("out of order");
    let overtook = |number: &usize| order.iter().position(|n| n == &(*number as u64)).unwrap() < *number;
    assert!(events.iter().filter(told).count() > 5);
    assert!((0..40).filter(overtook).all(|number| told(&&events[number])));
}

#[tokio::test(start_paused = true)]
async fn a_run_can_be_repeated_with_its_seed() {
    let run = |seed: u64| async move {
        let (webhook, _) = webhook();
        let lipdub = LipDub::builder(webhook).api_key(KEY).faults(Faults::seeded(seed).rate(0.6)).build();
        let event =
            |number: u32| sample::render_complete().data(json!({ "generate_id": number })).created_at("c");
        lipdub.deliver_all((0..60).map(event)).await;
        let faults =
            |number| lipdub.story(&event(number)).tries().map(|tried| tried.fault).collect::<Vec<_>>();
        (0..60).map(faults).collect::<Vec<_>>()
    };
    let first = run(1).await;
    let drawn: HashSet<_> = first.iter().flatten().flatten().copied().collect();
    assert!(drawn.len() > 8, "{drawn:?}");
    assert_eq!(first, run(1).await);
    assert_ne!(first, run(2).await);
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_each_event_is_handled_once() {
    for seed in 0..20 {
        let runs: Arc<Mutex<Vec<u64>>> = Arc::default();
        let noted = Arc::clone(&runs);
        let webhook = Webhook::builder().api_key(KEY).on_render_complete(move |event| {
            let noted = Arc::clone(&noted);
            async move {
                let id = event.data.generate_id.and_then(|id| id.as_u64()).unwrap();
                sleep(Duration::from_millis(id * 977 % 9_000)).await;
                if event.attempt == 1 && id % 5 == 0 {
                    return Err(HandlerError::retry("not at the first time"));
                }
                assert!(event.attempt > 1 || id % 7 > 0, "nor here");
                noted.lock().unwrap().push(id);
                Ok(())
            }
        });
        let faults = Faults::seeded(seed).rate(0.4);
        let lipdub =
            LipDub::builder(webhook.build().unwrap()).api_key(KEY).faults(faults).consumers(20).build();
        let event = |id: u32| sample::render_complete().generate_id(id).job(format!("job {}", id % 30));
        lipdub.deliver_all((0..100).map(event)).await;
        for _ in 0..20 {
            lipdub.days_pass(1).await;
            lipdub.replay_all().await;
        }
        lipdub.assert_nothing_dead();
        lipdub.assert_each_handled_once();
        let mut runs = runs.lock().unwrap().clone();
        runs.sort_unstable();
        assert_eq!(runs, (0..100).collect::<Vec<_>>(), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_after_27_days_is_a_duplicate_and_one_after_31_days_is_told_on() {
    let (webhook, runs) = webhook();
    let lipdub = LipDub::builder(webhook).api_key(KEY).build();
    let event = sample::render_complete().generate_id(7).created_at("c").job("seven");
    assert_eq!(lipdub.deliver_with(&event, [Fault::LostAnswer; 3]).await, Fate::Dead);
    lipdub.assert_handled_once(&event);
    lipdub.days_pass(27).await;
    assert_eq!(lipdub.replay(&event).await, Fate::Delivered);
    lipdub.assert_handled_once(&event);
    assert_eq!(runs.lock().unwrap().len(), 1);

    lipdub.days_pass(31).await;
    lipdub.deliver(&event).await;
    let told = panics(|| lipdub.assert_handled_once(&event));
    for line in [
        "the event should have been handled once, and was handled 2 times",
        "The story of VIDEO_RENDER_COMPLETE of job seven (v1-",
        "  00:00:00.000 try 1 (the answer was lost): 200 processed, which LipDub did not see",
        "  00:00:10.000 try 3 (the answer was lost): 200 duplicate, which LipDub did not see",
        "  00:00:10.000 given up on: it is in the dead letter queue",
        "  27 d 00:00:10.000 try 4: 200 duplicate",
        "  58 d 00:00:10.000 try 5: 200 processed",
        "  58 d 00:00:10.000 delivered",
    ] {
        assert!(told.contains(line), "{line:?} is missing in:\n{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_assertion_that_does_not_hold_tells_the_story() {
    let webhook = Webhook::builder()
        .api_key(KEY)
        .on_render_complete(|_event| async { Err(HandlerError::permanent("never")) })
        .on_render_failed(|_event| async { Err("not now".into()) });
    let lipdub = LipDub::builder(webhook.build().unwrap()).api_key(KEY).tries(1).build();
    let [rejected, failing, ignored, unsent] =
        [sample::render_complete(), sample::render_failed(), sample::training_complete(), sample::event("X")];
    for event in [&rejected, &failing, &ignored] {
        lipdub.deliver(event).await;
    }
    lipdub.assert_rejected(&rejected);
    lipdub.assert_ignored(&ignored);
    lipdub.assert_dead(&failing);
    for told in [
        panics(|| lipdub.assert_handled_once(&failing)),
        panics(|| lipdub.assert_ignored(&failing)),
        panics(|| lipdub.assert_rejected(&failing)),
        panics(|| lipdub.assert_nothing_dead()),
    ] {
        assert!(told.contains("try 1: 500 failed"), "{told}");
        assert!(told.contains("given up on"), "{told}");
    }
    assert!(panics(|| lipdub.assert_handled_once(&ignored)).contains("never"));
    assert!(panics(|| lipdub.assert_handled_once(&rejected)).contains("200 rejected"));
    assert!(panics(|| lipdub.assert_each_handled_once()).contains("200 rejected"));
    assert!(panics(|| lipdub.assert_dead(&rejected)).contains("delivered"));
    assert!(panics(|| lipdub.assert_handled_once(&unsent)).contains("it was never sent"));
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "only an event in the dead letter queue can be replayed")]
async fn what_is_not_dead_cannot_be_replayed() {
    let lipdub = Receiver::default().provider(|_| 200).build();
    let event = sample::render_complete();
    lipdub.deliver(&event).await;
    lipdub.replay(&event).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_handled_unseen_was_handled() {
    let webhook = Webhook::builder().api_key(KEY).on_render_complete(|_event| async {
        sleep(Duration::from_secs(7)).await;
        Ok(())
    });
    let lipdub = LipDub::builder(webhook.build().unwrap()).api_key(KEY).build();
    let event = sample::render_complete();
    assert_eq!(lipdub.deliver(&event).await, Fate::Delivered);
    assert_eq!(outcomes(&lipdub, &event), ["503 pending", "200 duplicate"]);
    lipdub.assert_handled_once(&event);
}

#[tokio::test(start_paused = true)]
async fn no_debug_output_shows_a_key_or_a_body() {
    let request = Request::new("a body").header("authorization", "a key");
    let lipdub = Receiver::default().provider(|_| 200).api_key("a key");
    let shown = format!(
        "{request:?} {lipdub:?} {:?}",
        Receiver::default().provider(|_| 200).api_key("a key").build()
    );
    assert!(!shown.contains("a key") && !shown.contains("a body"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn of_twins_it_takes_one_to_be_answered() {
    for right in [1, 2] {
        let lipdub = Receiver::default().provider(move |number| if number == right { 200 } else { 500 });
        let (lipdub, event) = (lipdub.tries(1).build(), sample::render_complete());
        assert_eq!(lipdub.deliver_with(&event, [Fault::Twin]).await, Fate::Delivered);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_event_that_comes_again_and_is_answered_is_dead_no_more() {
    let lipdub = Receiver::default().provider(|number| if number == 1 { 500 } else { 200 }).tries(1).build();
    let event = sample::render_complete();
    assert_eq!(lipdub.deliver(&event).await, Fate::Dead);
    assert_eq!(lipdub.deliver(&event).await, Fate::Delivered);
    lipdub.assert_nothing_dead();
}

#[tokio::test(start_paused = true)]
async fn a_callback_url_is_called_for_a_day_and_the_tenant_s_webhook_then() {
    let sources = Arc::<Mutex<Vec<Source>>>::default();
    let links = JobLinks::new("https://hooks.example.com/hooks", SigningKey::new([7; 32]).unwrap()).unwrap();
    let seen = Arc::clone(&sources);
    let webhook = Webhook::builder()
        .api_key(KEY)
        .job_links(links.clone())
        .fallback(move |event| {
            seen.lock().unwrap().push(event.source);
            async { Err("not this time".into()) }
        })
        .build()
        .unwrap();
    let lipdub = LipDub::builder(webhook).api_key(KEY).tries(1).build();
    let event = sample::render_complete().callback_url(links.mint("order 7").unwrap());
    lipdub.deliver(&event).await;
    sleep(Duration::from_secs(24 * 60 * 60 - 10)).await;
    lipdub.replay(&event).await;
    sleep(Duration::from_secs(20)).await;
    lipdub.replay(&event).await;
    let job = || Source::Job("order 7".to_owned());
    assert_eq!(*sources.lock().unwrap(), [job(), job(), Source::Tenant]);
}

//! No key, no body and no inside of an error in any answer, `Debug`, error or log line.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

mod support;

use std::time::Duration;

use lipdub_core::dedupe::{Claim, ClaimRequest, Transition};
use lipdub_core::{
    ApiKey, ApiKeys, DedupeStore, HandlerError, Head, HmacSha256, JobLinks, Rejection, RenderComplete,
    SignatureMode, Signed, SigningKey, StandardWebhooks, StoreError, Webhook, async_trait,
};
use serde_json::{Value, json};

use support::{KEY, Output, deliver};

/// Each of these is somewhere in what goes in, and must be nowhere in what comes out.
const SECRETS: [&str; 10] = [
    KEY,
    "whk_wrong",
    "customer@example.com",
    "signature=abc",
    "inside-of-an-error",
    "inside-of-a-store",
    "signing-secret",
    "d2hzZWNfMDEyMzQ1Njc4OQ==",
    "757107ea0eb2509f",
    SIGNING_KEY,
];
const SIGNING_KEY: &str = "a signing key of at least 32 bytes";

/// A store that fails with an error that tells too much.
#[derive(Debug)]
struct Indiscreet;

#[async_trait]
impl DedupeStore for Indiscreet {
    async fn claim(&self, _: &ClaimRequest) -> Result<Claim, StoreError> {
        Err(StoreError::new("it is broken", "inside-of-a-store"))
    }
    async fn renew(&self, _: &ClaimRequest, _: u32) -> Result<Transition, StoreError> {
        Err(StoreError::new("it is broken", "inside-of-a-store"))
    }
    async fn done(&self, _: &ClaimRequest, _: u32) -> Result<Transition, StoreError> {
        Err(StoreError::new("it is broken", "inside-of-a-store"))
    }
    async fn fail(&self, _: &ClaimRequest, _: u32) -> Result<Transition, StoreError> {
        Err(StoreError::new("it is broken", "inside-of-a-store"))
    }
    async fn release(&self, _: &ClaimRequest, _: u32) -> Result<Transition, StoreError> {
        Ok(Transition::Refused)
    }
}

fn webhook(output: &Output) -> lipdub_core::WebhookBuilder {
    let (said, heard, other) = (output.clone(), output.clone(), output.clone());
    Webhook::builder()
        .api_key(KEY)
        .answer_deadline(Duration::from_millis(200))
        .on_render_complete(move |event| {
            said.say(&event);
            said.say(&event.data);
            said.say(event.data.clone().download_url);
            async move {
                match event.data.tracking_id.as_deref() {
                    Some("panic") => panic!("inside-of-an-error"),
                    Some("permanent") => Err(HandlerError::permanent("inside-of-an-error")),
                    Some("ignore") => Err(HandlerError::ignore("inside-of-an-error")),
                    Some("ok") => Ok(()),
                    _ => Err("inside-of-an-error".into()),
                }
            }
        })
        .on::<u64>("X".into(), |_event| async { Ok(()) })
        .fallback(move |event| {
            other.say(&event);
            async { Ok(()) }
        })
        .on_failure(move |failure| {
            heard.say(failure);
            heard.say(failure.error.to_string());
        })
}

#[tokio::test]
async fn nothing_that_comes_out_tells_what_went_in() {
    let output = Output::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(output.clone());
    let _guard = tracing::subscriber::set_default(subscriber.with_ansi(false).finish());

    for webhook in [
        webhook(&output).build().unwrap(),
        webhook(&output).dedupe(Indiscreet).build().unwrap(),
        webhook(&output).dedupe(Indiscreet).fail_open().build().unwrap(),
    ] {
        output.say(&webhook);
        for what in ["ok", "fail", "panic", "permanent", "ignore"] {
            let data = json!({
                "tracking_id": what,
                "generate_id": 7,
                "download_url": "https://host/film.mp4?signature=abc",
                "email": "customer@example.com",
            });
            let body = json!({ "event_type": "VIDEO_RENDER_COMPLETE", "created_at": "c", "data": data });
            let answer = deliver(&webhook, body.to_string()).await;
            output.say(answer);
            output.say(answer.body());
            output.say(answer.headers().collect::<Vec<_>>());
        }
        let other = json!({ "event_type": "SOMETHING_NEW", "data": "customer@example.com" });
        for body in [
            other.to_string(),
            "customer@example.com".to_owned(),
            r#"{"event_type":"X","data":"customer@example.com"}"#.to_owned(),
        ] {
            let answer = deliver(&webhook, body).await;
            output.say(answer);
            output.say(answer.body());
        }
        let headers = [("authorization", "Bearer whk_wrong"), ("x-lipdub-event", "customer@example.com")];
        let head = Head::new("POST", &headers);
        output.say(head);
        output.say(webhook.begin(&head).unwrap_err());
        let headers = [("x-api-key", KEY), ("x-lipdub-event", "customer@example.com")];
        let delivery = webhook.begin(&Head::new("POST", &headers)).unwrap();
        output.say(&delivery);
        delivery
            .run(r#"{"event_type":"VIDEO_RENDER_COMPLETE"}"#.into(), |task| drop(tokio::spawn(task)))
            .await;
    }
    let token = say_all_about_links(&output);
    say_all_about_signatures(&output).await;
    let key = ApiKey::new(KEY).unwrap();
    output.say(&key);
    output.say(ApiKeys::new([key]).unwrap());
    output.say(ApiKey::new(format!("{KEY}\n")).unwrap_err());
    output.say(ApiKey::new(format!("{KEY}\n")).unwrap_err().to_string());
    output.say(webhook(&output));
    output.say(webhook(&output).api_key(format!("{KEY} ")).build().unwrap_err());
    output.say(RenderComplete::from(
        json!({ "email": "customer@example.com", "download_url": "signature=abc" }),
    ));
    output.say(HandlerError::retry("inside-of-an-error"));
    output.say(StoreError::new("it is broken", "inside-of-a-store"));
    output.say(StoreError::new("it is broken", "inside-of-a-store").to_string());

    let output = output.text();
    for expected in [
        "the handler failed and asks for the event again",
        "it is broken",
        "its API key is wrong",
        "link is not genuine",
        "its signature is wrong",
        "it is not signed",
        "no HTTP header can have",
    ] {
        assert!(output.contains(expected), "nothing was captured of {expected:?}:\n{output}");
    }
    for secret in SECRETS.into_iter().chain([&*token]) {
        let line = output.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} came out");
    }
}

/// Lets deliveries come over links, good and bad; gives the token of them that must not be seen.
fn say_all_about_links(output: &Output) -> String {
    let key = SigningKey::new(SIGNING_KEY).unwrap();
    let links = JobLinks::new("https://hooks.example.com/lipdub", key.clone()).unwrap();
    let link = links.mint("order-7").unwrap();
    output.say((&key, &links, &link, JobLinks::redact(link.as_str())));
    let receiver = Webhook::builder().job_links(links).build_receiver().unwrap();
    let forged = link.as_str().replace("order-7", "order-8");
    for path in [link.as_str(), &forged, "/lipdub"] {
        let headers = [("", ""); 0];
        let head = Head::new("POST", &headers).path(path);
        output.say(head);
        match receiver.begin(&head) {
            Err(answer) => output.say(Rejection::from(answer)),
            Ok(inbound) => {
                output.say(&inbound);
                let received =
                    inbound.receive(r#"{"event_type":"X","data":"customer@example.com"}"#.into()).unwrap();
                output.say(&received);
                output.say(received.event::<Value>().unwrap());
                let error = Rejection::from(received.event::<u64>().unwrap_err());
                output.say(&error);
                output.say(error.to_string());
            }
        }
    }
    output.say(receiver);
    link.as_str().rsplit_once('/').unwrap().1.to_owned()
}

/// Lets deliveries come with signatures that are missing, unreadable and wrong.
async fn say_all_about_signatures(output: &Output) {
    for mode in [SignatureMode::Observe, SignatureMode::Enforce] {
        let hmac =
            HmacSha256::new("x-signature", "signing-secret").unwrap().also("signing-secret 2").unwrap();
        let standard = StandardWebhooks::new("whsec_d2hzZWNfMDEyMzQ1Njc4OQ==").unwrap();
        output.say((&hmac, &standard));
        let [hmac, standard] =
            [webhook(output).signature(hmac, mode), webhook(output).signature(standard, mode)];
        output.say((&hmac, &standard));
        for webhook in [hmac.build().unwrap(), standard.build().unwrap()] {
            let headers = [
                ("x-api-key", KEY),
                ("x-signature", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
                ("webhook-id", "customer@example.com"),
                ("webhook-timestamp", "1"),
                ("webhook-signature", "v1,d2hzZWNfMDEyMzQ1Njc4OQ=="),
            ];
            for count in 1..=headers.len() {
                let headers = headers[..count].to_vec();
                let head = Head::new("POST", &headers);
                let delivery = webhook.begin(&head).unwrap();
                output.say((&head, &delivery));
                output
                    .say(delivery.run("customer@example.com".into(), |task| drop(tokio::spawn(task))).await);
            }
            output.say((&webhook, webhook.signatures()));
        }
    }
    let headers = [("x-signature", b"757107ea0eb2509f".as_slice())];
    output.say(Signed::new(&headers, b"customer@example.com"));
    output.say(HmacSha256::new("x-signature", "signing-secret\n").unwrap_err().to_string());
    output.say(StandardWebhooks::new("whsec_signing-secret").unwrap_err().to_string());
    // The arguments the wrong way round.
    let swapped = HmacSha256::new("signing-secret", "x-signature").unwrap().prefix("signing-secret");
    output
        .say((&swapped, webhook(output).signature(swapped.clone(), SignatureMode::Enforce).build().unwrap()));
    let unusable = HmacSha256::new("signing-secret:", "x-signature").unwrap();
    output.say(webhook(output).signature(unusable, SignatureMode::Enforce).build().unwrap_err().to_string());
}

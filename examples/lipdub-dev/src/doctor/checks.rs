//! The checks, in their order.

use std::time::Duration;

use lipdub_core::EventType;
use lipdub_core::testing::sample::Sample;
use lipdub_core::testing::{Fault, LipDub, Outcome, Reply, Request, Try};

use super::finding::{Check, Finding, Verdict};
use crate::address::Address;
use crate::answers::millis;
use crate::event::happening_now;
use crate::receiver::Receiver;

/// Said once of a receiver that is slow from the first event on.
const TOO_SLOW: &str = "there was no answer in time";
/// From here on LipDub's patience is in danger.
const SLOW: Duration = Duration::from_secs(2);

/// The receiver that is examined.
pub(super) struct Patient {
    pub(super) address: Address,
    pub(super) has_key: bool,
    pub(super) receiver: Receiver,
    pub(super) event_type: EventType,
}

impl Patient {
    /// Makes all checks, and tells what each found.
    pub(super) async fn examine(&self, tell: &mut impl FnMut(Finding)) {
        tell(self.url());
        let event = self.event();
        let first = self.deliver(&event, None).await;
        let reachable = reachable(&first);
        let is_reachable = reachable.verdict != Verdict::Failed;
        tell(reachable);
        if !is_reachable {
            Self::skip(&Self::AFTER_REACHABLE, "it cannot be reached", tell);
            return Self::skip(&Self::AFTER_ACCEPTED, "it cannot be reached", tell);
        }
        tell(in_time(&first));
        tell(self.accepts_key(&first));
        tell(self.wants_key(&event, &first).await);
        tell(self.refuses_wrong_key(&event, &first).await);
        if !first.outcome.is_accepted() {
            let is_slow = matches!(first.outcome, Outcome::CutOff);
            let why = if is_slow { TOO_SLOW } else { "no event is accepted" };
            return Self::skip(&Self::AFTER_ACCEPTED, why, tell);
        }
        tell(self.x_api_key().await);
        tell(self.get().await);
        tell(self.unknown_type().await);
        tell(self.malformed().await);
        tell(self.size().await);
        tell(self.again().await);
        tell(self.in_other_words().await);
        tell(self.at_once().await);
    }

    const AFTER_REACHABLE: [Check; 4] =
        [Check("in-time"), Check("accepts-key"), Check("wants-key"), Check("refuses-wrong-key")];
    const AFTER_ACCEPTED: [Check; 8] = [
        Check("x-api-key"),
        Check("get"),
        Check("unknown-type"),
        Check("malformed"),
        Check("size"),
        Check("same-event-again"),
        Check("fresh-link"),
        Check("same-event-at-once"),
    ];

    fn skip(checks: &[Check], why: &str, tell: &mut impl FnMut(Finding)) {
        checks.iter().for_each(|check| tell(check.skipped(why)));
    }

    fn url(&self) -> Finding {
        let check = Check("url");
        let found = match (self.address.is_https(), self.address.is_public()) {
            (true, true) => return check.passed("https"),
            (true, false) => "https, to a host that is not public",
            (false, true) => "plain http",
            (false, false) => "plain http, to a host that is not public",
        };
        check.warns(
            found,
            "fine for a test; LipDub delivers to public https URLs only, and over http the key would be read on the way",
        )
    }

    fn accepts_key(&self, first: &Try) -> Finding {
        let check = Check("accepts-key");
        let Some(reply) = first.outcome.reply() else {
            return check.skipped(TOO_SLOW);
        };
        match reply.code {
            200..=299 if self.has_key => check.passed(format!("an event with the key is answered {reply}")),
            200..=299 => check.passed(format!("an event without a key is answered {reply}")),
            401 | 403 if !self.has_key => {
                check.failed(reply.to_string(), "give the key with --api-key or LIPDUB_WEBHOOK_API_KEY")
            }
            401 | 403 => check.failed(
                reply.to_string(),
                "compare the key given here with the receiver's; it comes as `Authorization: Bearer KEY`, the scheme in any case",
            ),
            404 | 405 => check.failed(reply.to_string(), "check the path, and that it takes POST"),
            300..=399 => check.failed(reply.to_string(), "LipDub follows no redirect: configure the URL that it leads to"),
            _ => check.failed(
                reply.to_string(),
                "see the receiver's log; LipDub takes anything but 2xx for a failure and tries again",
            ),
        }
    }

    /// With an event that was delivered before: whoever asks for no key shall not handle another one for this.
    async fn wants_key(&self, event: &Sample, first: &Try) -> Finding {
        let stranger = self.receiver.stranger().build();
        let tried = deliver(&stranger, event, None).await;
        let todo = "check the API key before anything else, or anybody can invent events";
        self.refusal(Check("wants-key"), [first, &tried], "without a key", todo)
    }

    async fn refuses_wrong_key(&self, event: &Sample, first: &Try) -> Finding {
        let stranger = self.receiver.stranger().api_key("wrong-key-of-lipdub-dev-doctor").build();
        let tried = deliver(&stranger, event, None).await;
        let todo = "compare the whole key, in constant time";
        self.refusal(Check("refuses-wrong-key"), [first, &tried], "with a wrong key", todo)
    }

    /// Whether the event that was delivered first is refused to whoever has not the key.
    fn refusal(&self, check: Check, [first, tried]: [&Try; 2], how: &str, todo: &'static str) -> Finding {
        if [first, tried].iter().all(|tried| matches!(tried.outcome, Outcome::CutOff)) {
            return check.skipped(TOO_SLOW);
        }
        let found = format!("an event {how} is answered {}", said(tried));
        match tried.outcome.reply().map(|reply| reply.code) {
            Some(401) => check.passed(found),
            Some(403) => check.passed(format!("{found} (401 says it best)")),
            Some(200..=299) if !self.has_key => check.warns(found, todo),
            Some(200..=299) => check.failed(found, todo),
            _ => check.failed(found, "answer 401 to whoever has not the key, whatever else may be wrong"),
        }
    }

    async fn x_api_key(&self) -> Finding {
        let check = Check("x-api-key");
        let Some(older) = self.receiver.lipdub_of_older_tenants() else {
            return check.skipped("no key was given");
        };
        let tried = deliver(&older, &self.event(), None).await;
        match tried.outcome.is_accepted() {
            true => check.passed("the key is accepted in either header"),
            false => check.warns(
                said(&tried),
                "older tenants of LipDub send the key as `X-Api-Key`: accept that too, unless yours never will",
            ),
        }
    }

    async fn get(&self) -> Finding {
        let check = Check("get");
        let request = self.receiver.authorize(Request::new("").method("GET"));
        let (outcome, _took) = self.receiver.try_once(request).await;
        let Some(reply) = outcome.reply() else {
            return check.warns(
                "a GET is not answered",
                "answer it with 405 and `Allow: POST`, and do not fail on it",
            );
        };
        let found = format!("a GET is answered {reply}");
        let has_allow = reply.headers.iter().any(|(name, _)| name == "allow");
        match reply.code {
            405 if has_allow => check.passed(found),
            404 => check.passed(found),
            405 => check.passed(format!("{found} (`Allow: POST` belongs to it)")),
            300..=499 => check.passed(format!("{found} (405 with `Allow: POST` says it best)")),
            200..=299 => check.failed(
                found,
                "answer all but POST with 405 and `Allow: POST`: a probe or a browser is no delivery, and a 2xx says that it was one",
            ),
            _ => check.warns(found, "answer it with 405 and `Allow: POST`, and do not fail on it"),
        }
    }

    async fn unknown_type(&self) -> Finding {
        let check = Check("unknown-type");
        let event = marked(happening_now(&EventType::from("LIPDUB_DEV_DOCTOR")));
        let tried = self.deliver(&event, None).await;
        match tried.outcome.is_accepted() {
            true => check.passed(said(&tried)),
            false => check.failed(
                said(&tried),
                "answer types that you do not know with 200: LipDub will add some, and tries three times on anything else",
            ),
        }
    }

    async fn malformed(&self) -> Finding {
        let check = Check("malformed");
        let mut answers = Vec::new();
        for body in NO_EVENTS {
            let request = Request::new(body.text).header("content-type", "application/json");
            let (outcome, _took) = self.receiver.try_once(self.receiver.authorize(request)).await;
            answers.push((body, outcome.reply().cloned()));
        }
        let found = together(&answers);
        let code = |reply: &Option<Reply>| reply.as_ref().map_or(0, |reply| reply.code);
        if answers.iter().any(|(_, reply)| !matches!(code(reply), 200..=299 | 400..=499)) {
            return check.failed(found, "answer a body that is no event with 400, and do not fail on it");
        }
        let mut taken =
            answers.iter().filter(|(_, reply)| code(reply) < 300).map(|(body, _)| body).peekable();
        if taken.peek().is_some() {
            let todo = "answer a body that is no event with 400: with 2xx LipDub believes it was handled, and it is lost";
            // JSON of another kind would have to come from LipDub; what is no JSON may be half of an event.
            return match taken.all(|body| body.is_json) {
                true => check.warns(found, todo),
                false => check.failed(found, todo),
            };
        }
        match answers.iter().all(|(_, reply)| code(reply) == 400) {
            true => check.passed(found),
            false => check.passed(format!("{found} (400 says it best)")),
        }
    }

    async fn size(&self) -> Finding {
        let check = Check("size");
        let large = self.deliver(&self.event_of(100_000), None).await;
        let found = format!("100 KB are answered {}", said(&large));
        if large.outcome.is_accepted() {
            return check.passed(found);
        }
        let small = self.deliver(&self.event_of(16_000), None).await;
        let todo = "LipDub does not say how large events become: let the limit be 256 KiB or so";
        match small.outcome.is_accepted() {
            true => check.warns(found, todo),
            false => check.failed(format!("16 KB are answered {}", said(&small)), todo),
        }
    }

    async fn again(&self) -> Finding {
        let event = self.event();
        let first = self.deliver(&event, None).await;
        let again = self.deliver(&event, None).await;
        handled_once(Check("same-event-again"), Order::OneByOne, &[first, again])
    }

    async fn in_other_words(&self) -> Finding {
        let event = self.event();
        let first = self.deliver(&event, None).await;
        let signed = self.deliver(&event, Some(Fault::FreshLinks)).await;
        let shuffled = self.deliver(&event, Some(Fault::ShuffledFields)).await;
        handled_once(Check("fresh-link"), Order::OneByOne, &[first, signed, shuffled])
    }

    async fn at_once(&self) -> Finding {
        let (lipdub, event) = (self.receiver.lipdub(), self.event());
        lipdub.deliver_with(&event, [Fault::Twin]).await;
        let tries: Vec<Try> = lipdub.story(&event).tries().cloned().collect();
        handled_once(Check("same-event-at-once"), Order::AtOnce, &tries)
    }

    async fn deliver(&self, event: &Sample, fault: Option<Fault>) -> Try {
        deliver(&self.receiver.lipdub(), event, fault).await
    }

    /// One with so many bytes that mean nothing.
    fn event_of(&self, bytes: usize) -> Sample {
        self.event().set("data.padding", "x".repeat(bytes))
    }

    fn event(&self) -> Sample {
        marked(happening_now(&self.event_type))
    }
}

/// A body that is no event.
#[derive(Clone, Copy)]
struct NoEvent {
    name: &'static str,
    text: &'static str,
    is_json: bool,
}

const NO_EVENTS: [NoEvent; 4] = [
    NoEvent { name: "no JSON", text: "{ this is no event", is_json: false },
    NoEvent { name: "nothing", text: "", is_json: false },
    NoEvent { name: "JSON without event_type", text: r#"{"data":{}}"#, is_json: true },
    NoEvent { name: "an array", text: "[]", is_json: true },
];

/// What was answered: once, if it was always the same.
fn together(answers: &[(NoEvent, Option<Reply>)]) -> String {
    let said = |reply: &Option<Reply>| reply.as_ref().map_or("no answer".to_owned(), Reply::to_string);
    match answers {
        [(_, first), rest @ ..] if rest.iter().all(|(_, reply)| said(reply) == said(first)) => said(first),
        _ => answers
            .iter()
            .map(|(body, reply)| format!("{}: {}", body.name, said(reply)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// With ids that no render has.
fn marked(event: Sample) -> Sample {
    event
        .generate_id(0)
        .shot_id(0)
        .video_id(0)
        .tracking_id("lipdub-dev doctor")
        .download_url("https://lipdub-dev.invalid/doctor.mp4?signature=1")
}

async fn deliver(lipdub: &LipDub, event: &Sample, fault: Option<Fault>) -> Try {
    lipdub.deliver_with(event, [fault]).await;
    let story = lipdub.story(event);
    let last = story.tries().last().cloned();
    last.unwrap_or_else(|| unreachable!("a delivery is at least one try"))
}

fn reachable(first: &Try) -> Finding {
    let check = Check("reachable");
    match &first.outcome {
        Outcome::NoAnswer(error) => check.failed(
            error.clone(),
            "see that the receiver runs and listens at this host and port, and that nothing between blocks it",
        ),
        _ => check.passed("it answers"),
    }
}

fn in_time(first: &Try) -> Finding {
    let (check, took) = (Check("in-time"), millis(first.took));
    let todo = "answer first and work later, or answer 503 in time and let the work go on; a 200 before it is safe loses events";
    match &first.outcome {
        Outcome::CutOff => check.failed(format!("no answer within {took}"), todo),
        _ if first.took > SLOW => check.warns(took, todo),
        _ => check.passed(took),
    }
}

/// Whether of several deliveries of one event one was handled, as far as the answers tell.
fn handled_once(check: Check, order: Order, tries: &[Try]) -> Finding {
    let statuses: Vec<_> =
        tries.iter().filter_map(|tried| tried.outcome.reply().and_then(Reply::status)).collect();
    let count = |status: &str| statuses.iter().filter(|said| *said == status).count();
    let found = tries.iter().map(said).collect::<Vec<_>>().join(", ");
    if let Some(problem) = problem(order, tries) {
        return check.failed(found, problem);
    }
    match (count("processed"), count("duplicate"), count("ignored")) {
        (1, duplicates, _) if duplicates + 1 == tries.len() => check.passed(found),
        (0 | 1, _, ignored) if ignored > 0 => check.unseen(
            found,
            "nothing handles this type, so this cannot be seen: name one that is handled with --event",
        ),
        (2.., ..) => check.failed(
            found,
            "remember the events that succeeded by type, time and data, without the query of links, and handle none of them again",
        ),
        _ => check.unseen(
            found,
            "the answers do not tell whether it was handled once: look for \"lipdub-dev doctor\" in what the handler did",
        ),
    }
}

/// How several deliveries of one event follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    OneByOne,
    AtOnce,
}

/// What is wrong with one of the answers by itself.
fn problem(order: Order, tries: &[Try]) -> Option<&'static str> {
    let is_unavailable = |tried: &Try| tried.outcome.reply().is_some_and(|reply| reply.code == 503);
    let mut was_accepted = false;
    for tried in tries {
        if tried.outcome.is_accepted() {
            was_accepted = true;
        } else if !is_unavailable(tried) {
            return Some("answer an event that was handled before with 200, or LipDub tries it again");
        } else if was_accepted && order == Order::OneByOne {
            return Some(
                "it was answered before and is answered 503 now: answer it with 200, or LipDub tries it again",
            );
        }
        // One that is still running, or was refused in a crowd, is no fault: LipDub comes again.
    }
    None
}

fn said(tried: &Try) -> String {
    match &tried.outcome {
        Outcome::Answered(reply) | Outcome::Unseen(reply) => reply.to_string(),
        Outcome::CutOff => "not in time".to_owned(),
        _ => "nothing".to_owned(),
    }
}

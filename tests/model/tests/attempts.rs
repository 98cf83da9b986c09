//! What an attempt says to a store, whatever befalls its calls, a claimer of the model may say.

#![allow(clippy::unwrap_used, reason = "in a test that is the message")]

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lipdub_core::dedupe::{Claim, ClaimRequest, ClaimToken, Transition};
use lipdub_core::{DedupeStore, Head, MemoryStore, StoreError, Webhook, async_trait};
use lipdub_model::claimer::{Claimer, Reply};
use lipdub_model::store::{Answer, Call};
use tokio::time::sleep;

const EVENT: &str = r#"{"event_type":"VIDEO_RENDER_COMPLETE","data":{"generate_id":1}}"#;
const HEAD: [(&str, &str); 1] = [("authorization", "Bearer whk_secret_0123456789")];
const LEASE: Duration = Duration::from_secs(15);
const RETENTION: Duration = Duration::from_secs(3600);

/// What befalls one call to the store.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    NotMade,
    MadeAllTheSame,
}

/// What became of the event before.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    Failed,
    Done,
    /// Its holder has died; the lease lapses after so long.
    Died(Duration),
}

/// What the handler does.
#[derive(Clone, Copy, Debug)]
enum Handler {
    Succeeds,
    Fails,
    /// After several renewals.
    SucceedsLate,
}

/// One way in which a delivery may go.
#[derive(Clone, Debug)]
struct Course {
    before: Before,
    /// Of the first calls. None befall the others.
    faults: [Fault; 4],
    handler: Handler,
    fail_open: bool,
    /// When the process shuts down, if it does before all is over.
    shutdown: Option<Duration>,
}

/// A call, and the answer if it was heard.
type Said = (ClaimToken, Call, Option<Answer>);

#[tokio::test(start_paused = true)]
async fn an_attempt_says_nothing_that_a_claimer_of_the_model_may_not_say() {
    let mut said_at_all = HashSet::new();
    let mut courses = 0;
    for course in courses_of_a_delivery() {
        let said = run(&course).await;
        assert_allowed(&said, &course);
        said_at_all.extend(said.into_iter().map(|(_, call, _)| call));
        courses += 1;
    }
    eprintln!("{courses} courses");
    let all = [
        Call::Claim,
        Call::Renew(1),
        Call::Renew(2),
        Call::Done(1),
        Call::Done(2),
        Call::Fail(1),
        Call::Fail(2),
        Call::Release(0),
        Call::Release(1),
        Call::Release(2),
    ];
    assert_eq!(said_at_all, HashSet::from(all));
}

fn courses_of_a_delivery() -> impl Iterator<Item = Course> {
    const FAULTS: [Fault; 3] = [Fault::None, Fault::NotMade, Fault::MadeAllTheSame];
    let befores = [
        Before::Nothing,
        Before::Failed,
        Before::Done,
        Before::Died(Duration::from_secs(1)),
        Before::Died(LEASE),
    ];
    let shutdowns = [None, Some(Duration::from_millis(100)), Some(Duration::from_secs(2))];
    let handlers = [Handler::Succeeds, Handler::Fails, Handler::SucceedsLate];
    (0..81).flat_map(move |number| {
        let faults = [1, 3, 9, 27].map(|place| FAULTS[number / place % 3]);
        befores.into_iter().flat_map(move |before| {
            handlers.into_iter().flat_map(move |handler| {
                [false, true].into_iter().flat_map(move |fail_open| {
                    shutdowns.map(|shutdown| Course { before, faults, handler, fail_open, shutdown })
                })
            })
        })
    })
}

async fn run(course: &Course) -> Vec<Said> {
    let store = Recording::new(course);
    let handler = course.handler;
    let builder = Webhook::builder().api_key("whk_secret_0123456789").dedupe(store.clone()).lease(LEASE);
    let builder = builder.retention(RETENTION).on_render_complete(move |_event| async move {
        match handler {
            Handler::Succeeds => Ok(()),
            Handler::Fails => Err("no".into()),
            Handler::SucceedsLate => {
                sleep(LEASE).await;
                Ok(())
            }
        }
    });
    let webhook = if course.fail_open { builder.fail_open() } else { builder }.build().unwrap();
    let delivery = webhook.begin(&Head::new("POST", &HEAD)).unwrap();
    let delivered =
        tokio::spawn(async move { delivery.run(EVENT.into(), |task| drop(tokio::spawn(task))).await });
    if let Some(after) = course.shutdown {
        sleep(after).await;
        webhook.drain(Duration::ZERO).await;
    }
    delivered.await.unwrap();
    webhook.drain(LEASE * 4).await;
    store.said()
}

/// Follows each token through everything that a claimer of the model may do.
fn assert_allowed(said: &[Said], course: &Course) {
    let mut claimers: HashMap<ClaimToken, Vec<Claimer>> = HashMap::new();
    for (token, call, heard) in said {
        let may_be = claimers.entry(*token).or_insert_with(|| vec![Claimer::NEW]);
        *may_be = after_saying(may_be, *call, *heard, course.fail_open);
        assert!(
            !may_be.is_empty(),
            "the model's claimer does not say {call:?} at the end of {said:?} in {course:?}"
        );
    }
}

fn after_saying(may_be: &[Claimer], call: Call, heard: Option<Answer>, fail_open: bool) -> Vec<Claimer> {
    let mut after = HashSet::new();
    for claimer in whatever_they_do(may_be, fail_open) {
        if !claimer.calls().any(|may_say| may_say == call) {
            continue;
        }
        match heard {
            None => {
                after.insert(claimer);
            }
            Some(answer) => claimer.hears(answer, |reply, next| {
                // What is heard is not lost, unless it makes no difference.
                if reply != Reply::Lost || !matches!(answer, Answer::Granted(_) | Answer::AlreadyDone) {
                    after.insert(next);
                }
            }),
        }
    }
    after.into_iter().collect()
}

/// The claimers after any number of things that they do of themselves.
fn whatever_they_do(claimers: &[Claimer], fail_open: bool) -> Vec<Claimer> {
    let mut all = claimers.to_vec();
    let mut next = 0;
    while let Some(&claimer) = all.get(next) {
        claimer.acts(fail_open, |_, after| all.push(after));
        next += 1;
    }
    all
}

/// A memory store that is slow, suffers faults, and remembers what was said to it.
#[derive(Clone, Debug)]
struct Recording {
    store: Arc<MemoryStore>,
    course: Arc<Course>,
    said: Arc<Mutex<Vec<Said>>>,
}

impl Recording {
    fn new(course: &Course) -> Self {
        Self {
            store: Arc::new(MemoryStore::with_capacity(1)),
            course: Arc::new(course.clone()),
            said: Arc::default(),
        }
    }

    fn said(&self) -> Vec<Said> {
        self.said.lock().unwrap().clone()
    }

    async fn suffer<T: Copy>(
        &self,
        request: &ClaimRequest,
        call: Call,
        made: impl Future<Output = Result<T, StoreError>>,
        answer: impl Fn(T) -> Answer,
    ) -> Result<T, StoreError> {
        let number = {
            let mut said = self.said.lock().unwrap();
            said.push((request.token, call, None));
            said.len() - 1
        };
        if number == 0 {
            self.make_what_was_before(request).await;
        }
        sleep(Duration::from_millis(200)).await;
        match self.course.faults.get(number) {
            Some(Fault::NotMade) => return Err(StoreError::new("a fault", "injected")),
            Some(Fault::MadeAllTheSame) => {
                made.await?;
                return Err(StoreError::new("a fault", "injected"));
            }
            Some(Fault::None) | None => {}
        }
        let heard = made.await?;
        self.said.lock().unwrap()[number].2 = Some(answer(heard));
        Ok(heard)
    }

    async fn make_what_was_before(&self, request: &ClaimRequest) {
        let lease = if let Before::Died(lease) = self.course.before { lease } else { LEASE };
        let before = ClaimRequest::new(request.key, lease, RETENTION).unwrap();
        if !matches!(self.course.before, Before::Nothing) {
            assert_eq!(self.store.claim(&before).await.unwrap(), Claim::Granted { attempt: 1 });
        }
        let settled = match self.course.before {
            Before::Failed => self.store.fail(&before, 1).await,
            Before::Done => self.store.done(&before, 1).await,
            Before::Nothing | Before::Died(_) => return,
        };
        assert_eq!(settled.unwrap(), Transition::Applied);
    }
}

#[async_trait]
impl DedupeStore for Recording {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        self.suffer(request, Call::Claim, self.store.claim(request), |claim| match claim {
            Claim::Granted { attempt } => Answer::Granted(small(attempt)),
            Claim::Done => Answer::AlreadyDone,
            // It makes no difference to what is said for how long.
            _ => Answer::Busy(1),
        })
        .await
    }

    async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.suffer(request, Call::Renew(small(attempt)), self.store.renew(request, attempt), transition)
            .await
    }

    async fn done(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.suffer(request, Call::Done(small(attempt)), self.store.done(request, attempt), transition).await
    }

    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.suffer(request, Call::Fail(small(attempt)), self.store.fail(request, attempt), transition).await
    }

    async fn release(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.suffer(request, Call::Release(small(attempt)), self.store.release(request, attempt), transition)
            .await
    }
}

fn transition(transition: Transition) -> Answer {
    match transition {
        Transition::Applied => Answer::Applied,
        Transition::Refused => Answer::Refused,
    }
}

fn small(attempt: u32) -> u8 {
    attempt.try_into().unwrap()
}

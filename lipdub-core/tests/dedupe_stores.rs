//! The stores that come with the crate and with its docs, held to the conformance suite.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

#[path = "../examples/custom_store.rs"]
pub mod custom_store;

mod memory {
    lipdub_core::dedupe_store_conformance!(lipdub_core::MemoryStore::new());
}

mod custom {
    lipdub_core::dedupe_store_conformance!(crate::custom_store::CustomStore::default(), without_expiry);
}

/// What only the memory store promises.
mod memory_bounds {
    use std::time::Duration;

    use lipdub_core::dedupe::{Claim, ClaimRequest, Transition};
    use lipdub_core::{DedupeStore, EventKey, EventType, MemoryStore};
    use tokio::time::advance;

    const LEASE: Duration = Duration::from_secs(15);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[tokio::test]
    async fn no_more_events_are_kept_than_the_capacity() {
        let store = MemoryStore::with_capacity(10);
        for number in 0..1_000 {
            handle(&store, number).await;
            assert!(events(&store) <= 10, "{} events are kept", events(&store));
        }
    }

    #[tokio::test]
    async fn a_large_store_keeps_about_its_capacity() {
        let store = MemoryStore::with_capacity(6_400);
        for number in 0..20_000 {
            handle(&store, number).await;
        }
        assert!((6_000..=6_400).contains(&events(&store)), "{} events are kept", events(&store));
    }

    #[tokio::test]
    async fn the_oldest_settled_events_are_forgotten_first() {
        let store = MemoryStore::with_capacity(10);
        for number in 0..25 {
            handle(&store, number).await;
        }
        for number in 15..25 {
            assert_eq!(claim(&store, number).await, Claim::Done, "event {number}");
        }
        assert_eq!(claim(&store, 14).await, Claim::Granted { attempt: 1 });
    }

    #[tokio::test]
    async fn running_events_are_never_forgotten() {
        let store = MemoryStore::with_capacity(4);
        for number in 0..10 {
            assert_eq!(claim(&store, number).await, Claim::Granted { attempt: 1 });
        }
        for number in 10..100 {
            handle(&store, number).await;
        }
        for number in 0..10 {
            assert!(matches!(claim(&store, number).await, Claim::Busy { .. }), "event {number}");
        }
    }

    #[tokio::test]
    async fn a_known_event_makes_a_full_store_forget_nothing() {
        for capacity in [0, 1, 3] {
            let store = MemoryStore::with_capacity(capacity);
            for _ in 0..3 {
                handle(&store, 0).await;
                assert_eq!(claim(&store, 0).await, Claim::Done, "with capacity {capacity}");
            }
        }
    }

    #[tokio::test]
    async fn a_claim_given_back_again_and_again_takes_one_place() {
        let store = MemoryStore::with_capacity(3);
        handle(&store, 0).await;
        handle(&store, 1).await;
        for _ in 0..20 {
            let request = request(2);
            assert_eq!(store.claim(&request).await.unwrap(), Claim::Granted { attempt: 1 });
            assert_eq!(store.release(&request, 1).await.unwrap(), Transition::Applied);
        }
        assert_eq!(claim(&store, 0).await, Claim::Done);
        assert_eq!(claim(&store, 1).await, Claim::Done);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_is_remembered_for_29_days_and_forgotten_after_31() {
        let store = MemoryStore::new();
        handle(&store, 0).await;
        advance(DAY * 29).await;
        assert_eq!(claim(&store, 0).await, Claim::Done);
        advance(DAY * 2).await;
        assert_eq!(claim(&store, 0).await, Claim::Granted { attempt: 1 });
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_of_forgotten_events_is_used_again() {
        let store = MemoryStore::with_capacity(1_000);
        for number in 0..100 {
            handle(&store, number).await;
        }
        advance(DAY * 29).await;
        for number in 100..125 {
            handle(&store, number).await;
        }
        assert_eq!(events(&store), 125);
        advance(DAY * 3).await;
        for number in 125..150 {
            handle(&store, number).await;
        }
        assert_eq!(events(&store), 50, "25 of the last day and 25 of three days before");
    }

    async fn handle(store: &MemoryStore, number: u32) {
        let request = request(number);
        if let Claim::Granted { attempt } = store.claim(&request).await.unwrap() {
            assert_eq!(store.done(&request, attempt).await.unwrap(), Transition::Applied);
        }
    }

    async fn claim(store: &MemoryStore, number: u32) -> Claim {
        store.claim(&request(number)).await.unwrap()
    }

    fn request(number: u32) -> ClaimRequest {
        let key = EventKey::custom(&EventType::RenderComplete, &number.to_string());
        ClaimRequest::new(key, LEASE, DAY * 30).unwrap()
    }

    fn events(store: &MemoryStore) -> usize {
        let shown = format!("{store:?}");
        let number = shown.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        number.trim_end_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap()
    }
}

/// Stores that break a promise, to show that the suite notices.
mod broken {
    use std::collections::HashSet;
    use std::future::Future;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use lipdub_core::dedupe::{Claim, ClaimRequest, ClaimToken, Transition};
    use lipdub_core::testing::dedupe as promises;
    use lipdub_core::{DedupeStore, EventKey, MemoryStore, StoreError, async_trait};

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Fault {
        Sound,
        DedupesOnSeen,
        ReadsThenWrites,
        RepeatedClaimIsBusy,
        LapsedIsNeverTakenOver,
        DoneByAnybody,
        FailForgets,
        RenewByAnybody,
        ReleaseCounts,
        NeverForgets,
    }

    #[derive(Debug)]
    struct Broken {
        inner: MemoryStore,
        fault: Fault,
        seen: Mutex<HashSet<EventKey>>,
        tokens: Mutex<HashSet<ClaimToken>>,
    }

    impl Broken {
        fn new(fault: Fault) -> Self {
            Self { inner: MemoryStore::new(), fault, seen: Mutex::default(), tokens: Mutex::default() }
        }

        fn is_first(&self, key: EventKey) -> bool {
            self.seen.lock().unwrap().insert(key)
        }

        fn has_seen(&self, key: &EventKey) -> bool {
            self.seen.lock().unwrap().contains(key)
        }
    }

    #[async_trait]
    impl DedupeStore for Broken {
        async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
            let mut request = request.clone();
            let lapses_in = request.lease;
            match self.fault {
                Fault::DedupesOnSeen if !self.is_first(request.key) => return Ok(Claim::Done),
                Fault::DoneByAnybody if self.has_seen(&request.key) => return Ok(Claim::Done),
                Fault::RepeatedClaimIsBusy if !self.tokens.lock().unwrap().insert(request.token) => {
                    return Ok(Claim::Busy { lapses_in });
                }
                Fault::ReadsThenWrites => {
                    let was_seen = self.has_seen(&request.key);
                    tokio::task::yield_now().await;
                    self.is_first(request.key);
                    return Ok(if was_seen {
                        Claim::Busy { lapses_in }
                    } else {
                        Claim::Granted { attempt: 1 }
                    });
                }
                Fault::LapsedIsNeverTakenOver => request.lease = Duration::from_secs(60),
                Fault::NeverForgets => request.retention = Duration::from_secs(60),
                _ => {}
            }
            self.inner.claim(&request).await
        }

        async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
            let transition = self.inner.renew(request, attempt).await?;
            Ok(if self.fault == Fault::RenewByAnybody { Transition::Applied } else { transition })
        }

        async fn done(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
            let mut request = request.clone();
            match self.fault {
                Fault::DoneByAnybody => {
                    self.is_first(request.key);
                    return Ok(Transition::Applied);
                }
                Fault::NeverForgets => request.retention = Duration::from_secs(60),
                _ => {}
            }
            self.inner.done(&request, attempt).await
        }

        async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
            match self.fault {
                Fault::FailForgets => self.inner.release(request, attempt).await,
                _ => self.inner.fail(request, attempt).await,
            }
        }

        async fn release(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
            match self.fault {
                Fault::ReleaseCounts => self.inner.fail(request, attempt).await,
                _ => self.inner.release(request, attempt).await,
            }
        }
    }

    /// Each test also keeps the promise with the same store without the fault: else the suite would prove nothing.
    async fn is_noticed<F>(fault: Fault, promise: fn(Arc<dyn DedupeStore>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let sound = tokio::spawn(promise(Arc::new(Broken::new(Fault::Sound))));
        let broken = tokio::spawn(promise(Arc::new(Broken::new(fault))));
        assert!(sound.await.is_ok(), "the promise is broken without a fault");
        let panic = broken.await.expect_err("the fault is not noticed").into_panic();
        let message = panic.downcast_ref::<String>().expect("a panic message");
        assert!(message.starts_with("rule "), "it does not say which rule is broken: {message}");
    }

    macro_rules! noticed {
        ($($test:ident: $fault:ident breaks $promise:ident;)*) => {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    is_noticed(Fault::$fault, promises::$promise).await;
                }
            )*
        };
    }

    noticed! {
        deduping_on_seen: DedupesOnSeen breaks a_failed_event_is_granted_with_the_next_attempt;
        reading_and_then_writing: ReadsThenWrites breaks one_of_many_claims_on_a_new_event_is_granted;
        a_claim_that_cannot_be_repeated: RepeatedClaimIsBusy breaks a_repeated_claim_is_granted_the_same_attempt;
        a_lapsed_lease_that_stands: LapsedIsNeverTakenOver breaks a_lapsed_claim_is_taken_over_with_the_next_attempt;
        a_zombie_that_finishes: DoneByAnybody breaks a_replaced_holder_changes_nothing_while_its_successor_runs;
        a_failure_that_is_forgotten: FailForgets breaks a_failed_event_is_granted_with_the_next_attempt;
        a_stranger_that_renews: RenewByAnybody breaks a_stranger_changes_nothing_about_a_running_event;
        a_release_that_counts: ReleaseCounts breaks a_released_later_claim_leaves_the_failure_before_it;
        a_store_that_never_forgets: NeverForgets breaks a_done_event_is_forgotten_after_its_retention;
    }
}

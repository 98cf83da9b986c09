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

    #[tokio::test]
    async fn an_event_that_failed_is_as_young_as_its_last_transition() {
        let store = MemoryStore::with_capacity(4);
        handle(&store, 0).await;
        let failing = request(1);
        assert_eq!(store.claim(&failing).await.unwrap(), Claim::Granted { attempt: 1 });
        assert_eq!(store.fail(&failing, 1).await.unwrap(), Transition::Applied);
        for number in [2, 1, 3, 4, 5] {
            handle(&store, number).await;
        }
        assert_eq!(events(&store), 4);
        for number in [1, 3, 4, 5] {
            assert_eq!(claim(&store, number).await, Claim::Done, "event {number}");
        }
    }

    #[tokio::test]
    async fn an_event_that_fails_again_and_again_takes_one_place() {
        let store = MemoryStore::with_capacity(3);
        handle(&store, 0).await;
        handle(&store, 1).await;
        for attempt in 1..20 {
            let request = request(2);
            assert_eq!(store.claim(&request).await.unwrap(), Claim::Granted { attempt });
            assert_eq!(store.fail(&request, attempt).await.unwrap(), Transition::Applied);
        }
        assert_eq!(events(&store), 3);
        assert_eq!(claim(&store, 0).await, Claim::Done);
    }

    #[tokio::test(start_paused = true)]
    async fn claims_that_nobody_settles_make_room_when_their_leases_have_lapsed() {
        let store = MemoryStore::with_capacity(4);
        for number in 0..10 {
            assert_eq!(claim(&store, number).await, Claim::Granted { attempt: 1 });
        }
        advance(LEASE).await;
        for number in 10..20 {
            handle(&store, number).await;
        }
        assert_eq!(events(&store), 4);
        for number in 16..20 {
            assert_eq!(claim(&store, number).await, Claim::Done, "event {number}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_lease_keeps_no_room_for_claims_that_have_lapsed() {
        let store = MemoryStore::with_capacity(4);
        let long = ClaimRequest::new(key(0), DAY, DAY * 30).unwrap();
        assert_eq!(store.claim(&long).await.unwrap(), Claim::Granted { attempt: 1 });
        for number in 1..10 {
            assert_eq!(claim(&store, number).await, Claim::Granted { attempt: 1 });
        }
        advance(LEASE).await;
        for number in 10..20 {
            handle(&store, number).await;
        }
        assert_eq!(events(&store), 4);
        assert!(matches!(claim(&store, 0).await, Claim::Busy { .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn leases_and_retentions_may_be_as_long_as_they_like() {
        let store = MemoryStore::new();
        let endless = ClaimRequest::new(key(0), Duration::MAX, Duration::MAX).unwrap();
        assert_eq!(store.claim(&endless).await.unwrap(), Claim::Granted { attempt: 1 });
        advance(DAY * 365).await;
        assert!(matches!(claim(&store, 0).await, Claim::Busy { .. }));
        assert_eq!(store.done(&endless, 1).await.unwrap(), Transition::Applied);
        advance(DAY * 365).await;
        assert_eq!(claim(&store, 0).await, Claim::Done);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_stands_before_the_store_was_made_is_right_all_the_same() {
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(20) {
            std::thread::yield_now();
        }
        let store = std::thread::spawn(MemoryStore::new).join().unwrap();
        let brief = ClaimRequest::new(key(0), Duration::from_millis(2), DAY).unwrap();
        assert_eq!(store.claim(&brief).await.unwrap(), Claim::Granted { attempt: 1 });
        advance(Duration::from_millis(1)).await;
        assert_eq!(claim(&store, 0).await, Claim::Busy { lapses_in: Duration::from_millis(1) });
        advance(Duration::from_millis(1)).await;
        assert_eq!(claim(&store, 0).await, Claim::Granted { attempt: 2 });
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
        ClaimRequest::new(key(number), LEASE, DAY * 30).unwrap()
    }

    fn key(number: u32) -> EventKey {
        EventKey::custom(&EventType::RenderComplete, &number.to_string())
    }

    fn events(store: &MemoryStore) -> usize {
        let shown = format!("{store:?}");
        let number = shown.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        number.trim_end_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap()
    }
}

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

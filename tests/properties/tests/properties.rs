//! The properties, held to by bytes at random and by the seeds of the fuzzer.
//!
//! Run twice: as it is, and with `serde_json`'s `preserve_order` and `arbitrary_precision` switched on by somebody
//! else in the build.

#![allow(clippy::unwrap_used, reason = "in a test that is the message")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use lipdub_core::EventType;
use lipdub_core::testing::sample::{self, Sample};
use lipdub_properties::{begin, envelope, event_key, timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

/// That many bytes or fewer, shown as text.
fn at_most(length: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..=length).prop_map(Bytes::from)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_what_is_in_order_is_admitted(bytes in at_most(128)) {
        begin(&bytes);
    }

    #[test]
    fn an_event_arrives_whole_and_anything_else_is_malformed(bytes in at_most(512)) {
        envelope(&bytes);
    }

    #[test]
    fn two_spellings_share_a_key_and_two_values_never_do(bytes in at_most(512)) {
        event_key(&bytes);
    }

    #[test]
    fn a_timestamp_is_the_time_that_it_says(bytes in at_most(64)) {
        timestamp(&bytes);
    }
}

#[test]
fn the_seeds_of_the_fuzzer_hold() {
    type Property = fn(&[u8]);
    let properties: [(&str, Property); 4] =
        [("begin", begin), ("envelope", envelope), ("event_key", event_key), ("timestamp", timestamp)];
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, property) in properties {
        let seeds: Vec<_> = fs::read_dir(corpus.join(name)).unwrap().collect();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            property(&fs::read(seed.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn the_sample_of_each_type_is_a_seed() {
    for event_type in EventType::DOCUMENTED {
        let seed = format!("../../fuzz/corpus/envelope/{}.json", event_type.as_str().to_lowercase());
        let seed = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(seed)).unwrap();
        let (seed, sample) = (Sample::parse(seed).unwrap(), sample::of(&event_type));
        assert_eq!(seed.event_type(), sample.event_type());
        let fields = |event: &Sample| -> BTreeSet<String> {
            event.field("data").unwrap().as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(fields(&seed), fields(&sample), "make it anew: lipdub-dev send {event_type} --dry-run");
    }
}

//! Stores of claims: one claim and its success for each event, in memory, one after the other.

use std::time::Duration;

use idempotency_kit::IdempotencyStore as _;
use idempotent::fingerprint::{DefaultFingerprintStrategy, FingerprintStrategy as _};
use idempotent::store::IdempotencyStore as _;
use lipdub_core::dedupe::{Claim, ClaimRequest};
use lipdub_core::{DedupeStore as _, EventKey, EventType};

use crate::BoxError;

const EVENTS: u64 = 200_000;
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// Prints what each store took in each round: its name, and the microseconds of processor time for each event.
pub(crate) async fn measure(rounds: usize) -> Result<(), BoxError> {
    for _ in 0..rounds {
        for store in ["lipdub", "idempotent", "idempotency-kit"] {
            let before = processor_time()?;
            match store {
                "lipdub" => lipdub().await?,
                "idempotent" => idempotent().await?,
                _ => idempotency_kit().await?,
            }
            let used = processor_time()? - before;
            println!("{store} {}", used.as_secs_f64() * 1e6 / EVENTS as f64);
        }
    }
    Ok(())
}

/// What all of them have to do first, as a receiver would: to make a key of what came.
fn body(number: u64) -> Vec<u8> {
    format!("{:0430}", number).into_bytes()
}

async fn lipdub() -> Result<(), BoxError> {
    let store = lipdub_core::MemoryStore::new();
    for number in 0..EVENTS {
        let body = String::from_utf8(body(number))?;
        let key = EventKey::custom(&EventType::RenderComplete, &body);
        let request = ClaimRequest::new(key, Duration::from_secs(15), RETENTION)?;
        if !matches!(store.claim(&request).await?, Claim::Granted { .. }) {
            return Err("lipdub granted no claim".into());
        }
        let _ = store.done(&request, 1).await?;
    }
    Ok(())
}

async fn idempotent() -> Result<(), BoxError> {
    use idempotent::store::InsertResult;
    use idempotent::{CachedResponse, IdempotencyEntry, IdempotencyKey, Metadata};
    let store = idempotent::store::memory::MemoryStore::new(1024, Duration::from_secs(60));
    for number in 0..EVENTS {
        let fingerprint = DefaultFingerprintStrategy.compute("render", &body(number));
        let key = IdempotencyKey::new(format!("render-{number}"))?;
        let entry = IdempotencyEntry::new(fingerprint, RETENTION);
        match store.try_insert(&key, entry.clone()).await? {
            InsertResult::Claimed { fencing_token } => {
                let completed = entry.complete(CachedResponse {
                    status_code: 200,
                    metadata: Metadata::default(),
                    body: Vec::new().into(),
                });
                store.complete(&key, completed, fencing_token).await?;
            }
            _ => return Err("idempotent granted no claim".into()),
        }
    }
    Ok(())
}

async fn idempotency_kit() -> Result<(), BoxError> {
    use idempotency_kit::{Claim, IdempotencyKey};
    let store = idempotency_kit::MemoryStore::with_capacity(1_000_000);
    for number in 0..EVENTS {
        let key = IdempotencyKey::derive("render", &body(number))?;
        if !matches!(store.claim(&key, RETENTION).await?, Claim::First) {
            return Err("idempotency-kit granted no claim".into());
        }
        store.complete(&key, Vec::new()).await?;
    }
    Ok(())
}

/// Of all threads that live.
fn processor_time() -> Result<Duration, BoxError> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let statistics = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += statistics.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

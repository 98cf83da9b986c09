use super::partitions::{Argument, Partitions, all};
use super::reply::{self, LeaseReply};
use super::script::{BURY, LEASE};
use super::{micros, text};
use crate::dedupe::StoreError;
use crate::inbox::{LeaseRequest, Leased, Order};

impl Partitions {
    /// Leases in one partition after the other. Those that cannot be asked do not keep the events of the others.
    pub(super) async fn lease(&self, request: &LeaseRequest) -> Result<Vec<Leased>, StoreError> {
        let way = self.turns.way(request.token);
        let _going = way.going.lock().await;
        let round = self.round(way.first);
        let mut taking = Taking::default();
        let mut partitions = Vec::new();
        for (partition, held) in round.iter().zip(self.held(&round, request).await) {
            if let Some(held) = taking.add(held) {
                partitions.push((*partition, held));
            }
        }
        // A share of each at first, for one may have enough for all. What they lack is then taken where there is more.
        for is_shared in [true, false] {
            let asked = std::mem::take(&mut partitions);
            for (number, (partition, held)) in asked.iter().copied().enumerate() {
                let missing = request.limit.saturating_sub(taking.leased.len());
                let share = if is_shared { missing.div_ceil(asked.len() - number) } else { missing };
                if share == 0 {
                    break;
                }
                let taken = taking.add(self.lease_in(partition, request, held, Some(held + share)).await);
                if taken.is_some_and(|taken| taken > 0) {
                    self.has_had_its_turn(partition);
                }
                if let Some(taken) = taken.filter(|taken| *taken >= share) {
                    partitions.push((partition, held + taken));
                }
            }
        }
        let leased = taking.end(request.limit)?;
        self.turns.end(request.token);
        Ok(leased)
    }

    /// What the token holds in each partition of the round, by an earlier call whose answer was lost.
    async fn held(&self, round: &[usize], request: &LeaseRequest) -> Vec<Result<Vec<Leased>, StoreError>> {
        if self.count == 1 {
            // Leasing tells.
            return vec![Ok(Vec::new())];
        }
        all(round.iter().map(|partition| self.lease_in(*partition, request, 0, None))).await
    }

    /// Gives up on what was leased and is no text. If that fails, it is leased anew when the lease has lapsed.
    async fn set_aside(&self, partition: usize, key: Argument, request: &LeaseRequest) {
        const WHY: &str = "what is stored of it cannot be read: somebody has edited it";
        tell_unreadable(&key);
        let burial = [key, text(request.token), text(WHY), text("words")];
        let _ = self.call::<String>(partition, &BURY, &burial).await;
    }

    /// What the token holds in a partition, from a number on, topped up to the limit if there is one.
    async fn lease_in(
        &self,
        partition: usize,
        request: &LeaseRequest,
        from: usize,
        limit: Option<usize>,
    ) -> Result<Vec<Leased>, StoreError> {
        // How often to ask for more while there is nothing of these types among what is let in.
        const ROUNDS: usize = 10;
        let mut leased = Vec::new();
        for round in 1.. {
            let arguments = lease_arguments(request, from + leased.len(), limit.unwrap_or(0));
            let (more, rows, aside): LeaseReply = self.call(partition, &LEASE, &arguments).await?;
            for key in aside {
                tell_unreadable(&key);
            }
            for row in rows {
                match reply::leased(row, request.token) {
                    Ok(event) => leased.push(event),
                    Err(key) => self.set_aside(partition, key, request).await,
                }
            }
            let is_enough = limit.is_some_and(|limit| from + leased.len() >= limit);
            let may_be_more = match more.as_str() {
                "full" => true,
                "outside" => limit.is_some() && leased.is_empty() && round < ROUNDS,
                _ => false,
            };
            if is_enough || !may_be_more {
                break;
            }
        }
        Ok(leased)
    }
}

/// Without what is in it. The key is of its own kind, or somebody's.
fn tell_unreadable(key: &[u8]) {
    let key = reply::parsed(key).map(tracing::field::display);
    tracing::error!(key, "what is stored of an event cannot be read: it is a dead letter");
}

/// What was leased so far, and what went wrong at last.
#[derive(Default)]
struct Taking {
    leased: Vec<Leased>,
    failure: Option<StoreError>,
}

impl Taking {
    /// Says how many a partition gave, if it could be asked.
    fn add(&mut self, answer: Result<Vec<Leased>, StoreError>) -> Option<usize> {
        match answer {
            Ok(events) => {
                let count = events.len();
                self.leased.extend(events);
                Some(count)
            }
            Err(error) => {
                self.failure = Some(error);
                None
            }
        }
    }

    fn end(mut self, limit: usize) -> Result<Vec<Leased>, StoreError> {
        self.leased.truncate(limit);
        match self.failure {
            Some(error) if self.leased.is_empty() => Err(error),
            _ => Ok(self.leased),
        }
    }
}

fn lease_arguments(request: &LeaseRequest, from: usize, limit: usize) -> Vec<Argument> {
    let order = match request.order {
        Order::Any => "any",
        Order::PerJob { behind_dead: false } => "per_job",
        Order::PerJob { behind_dead: true } => "behind_dead",
    };
    // Lua's numbers hold it exactly.
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let mut arguments = vec![
        text(request.token),
        text(micros(request.lease)),
        text(order),
        text(limit),
        text(from),
        text(if request.event_types.is_some() { "=" } else { "*" }),
    ];
    arguments.extend(request.event_types.iter().flat_map(|types| types.iter().map(text)));
    arguments
}

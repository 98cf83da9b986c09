//! Inboxes that do in several commands what must be done in one.

use std::time::{Duration, Instant};

use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{Accepted, InboxEvent, InboxState, LeaseRequest, Leased};
use lipdub_core::{EventKey, async_trait};

use crate::inbox::{Broken, Call, Kind, Right, Steps, right};
use crate::table::{Database, Table};

/// What reads, decides, and then writes what it has decided.
#[derive(Debug)]
pub(crate) enum ReadsThenWrites {
    Accept,
    Lease,
    /// Only what is its own already.
    LeaseAgain,
    Tell(Kind),
    Replay,
    Discard,
}

#[async_trait]
impl Steps for ReadsThenWrites {
    async fn accept(&self, database: &Database, event: &InboxEvent) -> Accepted {
        if !matches!(self, Self::Accept) {
            return Right.accept(database, event).await;
        }
        let mut table = database.read().await;
        let accepted = right::accepted(self, &mut table, event, Instant::now());
        database.write(table.row(event.key).cloned()).await;
        accepted
    }

    async fn lease(&self, database: &Database, request: &LeaseRequest) -> Vec<Leased> {
        let mut table = database.read().await;
        let holds_any = table.rows.iter().any(|row| row.is_held_by(request.token));
        match self {
            Self::Lease => {}
            Self::LeaseAgain if holds_any => {}
            _ => return Right.lease(database, request).await,
        }
        let leased = right::leased(self, &mut table, request, Instant::now());
        database.write_leased(table, &leased).await;
        leased
    }

    async fn tell(&self, database: &Database, call: &Call) -> Transition {
        if !matches!(self, Self::Tell(kind) if *kind == call.kind) {
            return Right.tell(database, call).await;
        }
        let mut table = database.read().await;
        let transition = right::told_of(self, &mut table, call, Instant::now());
        if transition == Transition::Applied {
            database.write(table.row(call.holder.key).cloned()).await;
        }
        transition
    }

    async fn replay(&self, database: &Database, key: EventKey) -> Transition {
        if !matches!(self, Self::Replay) {
            return Right.replay(database, key).await;
        }
        let mut table = database.read().await;
        let Some(row) = table.row(key) else { return Transition::Refused };
        let transition = right::replayed(self, row, Instant::now());
        if transition == Transition::Applied {
            database.write(Some(row.clone())).await;
        }
        transition
    }

    async fn discard(&self, database: &Database, key: EventKey) -> Transition {
        if !matches!(self, Self::Discard) {
            return Right.discard(database, key).await;
        }
        let mut table = database.read().await;
        let transition = right::discarded_of(self, &mut table, key, Instant::now());
        if transition == Transition::Applied {
            database.write(table.row(key).cloned()).await;
        }
        transition
    }
}

/// What is done in two commands, of which the second may never come.
#[derive(Debug)]
pub(crate) enum InTwoCommands {
    /// First the key, then the event is queued.
    Accept,
    /// First the token, then the attempt is counted.
    Lease,
    /// First the state, then who said so.
    Tell(Kind),
}

#[async_trait]
impl Steps for InTwoCommands {
    async fn accept(&self, database: &Database, event: &InboxEvent) -> Accepted {
        if !matches!(self, Self::Accept) {
            return Right.accept(database, event).await;
        }
        let half = |table: &mut Table, now| {
            let accepted = right::accepted(self, table, event, now);
            if let Some(row) = table.row(event.key).filter(|_| accepted == Accepted::New) {
                row.state = InboxState::Leased;
                row.until = now + Duration::from_secs(3600);
            }
            accepted
        };
        let accepted = database.script(half).await;
        let other_half = |table: &mut Table, now| {
            if let Some(row) = table.row(event.key).filter(|_| accepted == Accepted::New) {
                row.state = InboxState::Queued;
                row.until = now;
            }
        };
        database.script(other_half).await;
        accepted
    }

    async fn lease(&self, database: &Database, request: &LeaseRequest) -> Vec<Leased> {
        if !matches!(self, Self::Lease) {
            return Right.lease(database, request).await;
        }
        let half = |table: &mut Table, now| {
            let held: Vec<_> = table
                .rows
                .iter()
                .filter(|row| row.is_held_by(request.token))
                .map(|row| row.event.key)
                .collect();
            let leased = right::leased(self, table, request, now);
            let new: Vec<_> =
                leased.iter().map(|leased| leased.event.key).filter(|key| !held.contains(key)).collect();
            for key in &new {
                if let Some(row) = table.row(*key) {
                    row.attempt -= 1;
                    row.tries -= 1;
                }
            }
            (leased, new)
        };
        let (leased, new) = database.script(half).await;
        let other_half = |table: &mut Table, _| {
            for key in &new {
                if let Some(row) = table.row(*key) {
                    row.attempt += 1;
                    row.tries += 1;
                }
            }
        };
        database.script(other_half).await;
        leased
    }

    async fn tell(&self, database: &Database, call: &Call) -> Transition {
        if !matches!(self, Self::Tell(kind) if *kind == call.kind) {
            return Right.tell(database, call).await;
        }
        let half = |table: &mut Table, now| {
            let is_held = table.row(call.holder.key).is_some_and(|row| row.is_held_by(call.holder.token));
            let transition = right::told_of(self, table, call, now);
            if let Some(row) = table.row(call.holder.key).filter(|_| is_held) {
                row.said = None;
            }
            (transition, is_held)
        };
        let (transition, is_held) = database.script(half).await;
        let other_half = |table: &mut Table, _| {
            if let Some(row) = table.row(call.holder.key).filter(|_| is_held) {
                row.said = Some(call.kind);
            }
        };
        database.script(other_half).await;
        transition
    }
}

broken! {
    accepts_by_reading_then_writing: Broken::new(ReadsThenWrites::Accept), breaks
        one_of_many_accepts_of_a_new_event_is_new,
        one_of_many_accepts_of_a_dead_event_revives_it
        and more of 10;

    leases_by_reading_then_writing: Broken::new(ReadsThenWrites::Lease), breaks
        an_event_is_leased_by_one_of_many_workers,
        a_lapsed_event_is_leased_by_one_of_many_workers,
        many_workers_handle_each_job_in_order,
        many_workers_finish_each_event_once
        and more of 3, 9;

    leases_again_by_reading_then_writing: Broken::new(ReadsThenWrites::LeaseAgain), breaks
        a_lapsed_holder_that_leases_again_and_its_successor_do_not_both_win;

    renews_by_reading_then_writing: Broken::new(ReadsThenWrites::Tell(Kind::Renew)), breaks
        a_lapsed_holder_that_renews_and_its_successor_do_not_both_win;

    finishes_by_reading_then_writing: Broken::new(ReadsThenWrites::Tell(Kind::Done)), breaks
        a_lapsed_holder_that_finishes_and_its_successor_do_not_both_win,
        of_two_settlements_at_once_one_is_applied;

    retries_by_reading_then_writing: Broken::new(ReadsThenWrites::Tell(Kind::Retry)), breaks
        a_lapsed_holder_that_retries_and_its_successor_do_not_both_win,
        of_two_settlements_at_once_one_is_applied;

    buries_by_reading_then_writing: Broken::new(ReadsThenWrites::Tell(Kind::Bury)), breaks
        a_lapsed_holder_that_buries_and_its_successor_do_not_both_win,
        of_two_settlements_at_once_one_is_applied
        and more of 6, 13, 14;

    gives_back_by_reading_then_writing: Broken::new(ReadsThenWrites::Tell(Kind::GiveBack)), breaks
        a_lapsed_holder_that_gives_back_takes_nothing_from_its_successor,
        of_two_settlements_at_once_one_is_applied;

    replays_by_reading_then_writing: Broken::new(ReadsThenWrites::Replay), breaks
        one_of_many_replays_is_applied,
        either_a_replay_or_a_discard_is_applied;

    discards_by_reading_then_writing: Broken::new(ReadsThenWrites::Discard), breaks
        either_a_replay_or_a_discard_is_applied;

    accepts_in_two_commands: Broken::new(InTwoCommands::Accept), breaks
        an_accept_that_was_dropped_half_way_is_stored_once;

    leases_in_two_commands: Broken::new(InTwoCommands::Lease), breaks
        a_lease_that_was_dropped_half_way_is_the_same_when_repeated,
        a_lease_that_is_asked_for_twice_at_once_is_one;

    finishes_in_two_commands: Broken::new(InTwoCommands::Tell(Kind::Done)), breaks
        a_settlement_that_was_dropped_half_way_is_applied_when_said_again;

    retries_in_two_commands: Broken::new(InTwoCommands::Tell(Kind::Retry)), breaks
        a_settlement_that_was_dropped_half_way_is_applied_when_said_again;

    buries_in_two_commands: Broken::new(InTwoCommands::Tell(Kind::Bury)), breaks
        a_settlement_that_was_dropped_half_way_is_applied_when_said_again;

    gives_back_in_two_commands: Broken::new(InTwoCommands::Tell(Kind::GiveBack)), breaks
        a_settlement_that_was_dropped_half_way_is_applied_when_said_again;
}

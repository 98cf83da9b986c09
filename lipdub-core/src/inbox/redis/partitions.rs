use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use redis::FromRedisValue;
use sha2::{Digest as _, Sha256};

use super::script::PARTITIONS;
use super::turns::Turns;
use crate::dedupe::{StoreError, in_time};
use crate::event::EventKey;
use crate::inbox::Job;
use crate::redis::{Script, Server};

/// The parts of an inbox, each with keys of its own that are on one node of a cluster.
///
/// All events of a job are in one of them, so that their order can be kept; which one has an event is not to be seen
/// from its key.
pub(super) struct Partitions {
    pub(super) server: Server,
    pub(super) prefix: String,
    pub(super) count: usize,
    pub(super) turns: Turns,
}

pub(super) type Argument = Vec<u8>;

impl Partitions {
    pub(super) fn new(server: Server, prefix: String, count: u8) -> Self {
        Self { server, prefix, count: usize::from(count), turns: Turns::default() }
    }

    /// Refuses to have fewer than there were.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        if self.remembered(self.count).await? > self.count {
            return Err(StoreError::bare(
                "the inbox was made with more partitions, and events in them would be lost: set as many",
            ));
        }
        Ok(())
    }

    /// Has as many as there are, and refuses to if there are none.
    pub(super) async fn take_all_there_are(&mut self) -> Result<(), StoreError> {
        match self.remembered(0).await? {
            0 => Err(StoreError::bare(
                "there is no inbox under this prefix: it must be the one that the application sets",
            )),
            count => {
                self.count = count;
                Ok(())
            }
        }
    }

    /// How many the inbox has, or how many it has to remember if it had fewer.
    async fn remembered(&self, count: usize) -> Result<usize, StoreError> {
        self.call(0, &PARTITIONS, &[count.to_string().into_bytes()]).await
    }

    pub(super) fn of_job(&self, job: &Job) -> usize {
        let digest = Sha256::digest(job.as_str());
        usize::from(u16::from_be_bytes([digest[0], digest[1]])) % self.count
    }

    pub(super) fn of_key(&self, key: EventKey) -> usize {
        usize::from(key.spread()) % self.count
    }

    /// All of them, from this one on.
    pub(super) fn round(&self, first: usize) -> Vec<usize> {
        (0..self.count).map(|number| (first + number) % self.count).collect()
    }

    /// Makes it the turn of the next one.
    pub(super) fn has_had_its_turn(&self, partition: usize) {
        self.turns.go_on_with((partition + 1) % self.count);
    }

    pub(super) async fn call<T: FromRedisValue>(
        &self,
        partition: usize,
        script: &Script,
        arguments: &[Argument],
    ) -> Result<T, StoreError> {
        let key = format!("{}:{{{partition}}}", self.prefix);
        let call = self.server.call(script, &key, arguments);
        in_time(self.patience(), call).await
    }

    /// A node that does not answer must leave time to ask the others.
    fn patience(&self) -> Duration {
        if self.count == 1 { self.server.timeout } else { self.server.timeout / 3 }
    }

    /// What every partition answers, in their order.
    pub(super) async fn everywhere<T: FromRedisValue>(
        &self,
        script: &Script,
        arguments: &[Argument],
    ) -> Vec<Result<T, StoreError>> {
        all((0..self.count).map(|partition| self.call(partition, script, arguments))).await
    }

    /// What the partition that knows an event says of it.
    pub(super) async fn whoever_knows<T: FromRedisValue, U>(
        &self,
        script: &Script,
        arguments: &[Argument],
        known: impl Fn(T) -> Option<U>,
    ) -> Result<Option<U>, StoreError> {
        let mut failure = None;
        for answer in self.everywhere(script, arguments).await {
            match answer.map(&known) {
                Ok(Some(answer)) => return Ok(Some(answer)),
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(None), Err)
    }
}

/// Waits for all of them at the same time.
pub(super) async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        for (future, output) in running.iter_mut().filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(ready) = future.as_mut().poll(context) {
                *output = Some(ready);
            }
        }
        let are_all_ready = running.iter().all(|(_, output)| output.is_some());
        if are_all_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}

use super::partitions::{Argument, Partitions, all};
use super::reply::{self, DeadRow};
use super::script::{DEAD, DIED};
use super::text;
use crate::dedupe::StoreError;
use crate::event::{EventKey, EventType};
use crate::inbox::{DeadFilter, DeadLetter, Job};

impl Partitions {
    pub(super) async fn dead(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>, StoreError> {
        let after = match filter.after {
            None => None,
            Some(key) => match self.died(key).await? {
                Some(died) => Some((died, key.to_string())),
                // It is forgotten, and what died before it is, too.
                None => return Ok(Vec::new()),
            },
        };
        let lists = all((0..self.count).map(|partition| self.dead_in(partition, filter, after.clone())));
        let mut rows = Vec::new();
        for list in lists.await {
            rows.extend(list?);
        }
        rows.sort_by(|one, other| when_and_key(other).cmp(&when_and_key(one)));
        rows.truncate(filter.limit);
        rows.into_iter().map(reply::dead_letter).collect()
    }

    /// When an event died last, whatever has become of it since.
    async fn died(&self, key: EventKey) -> Result<Option<u64>, StoreError> {
        self.whoever_knows(&DIED, &[text(key)], |died: Option<u64>| died).await
    }

    async fn dead_in(
        &self,
        partition: usize,
        filter: &DeadFilter,
        mut after: Option<(u64, String)>,
    ) -> Result<Vec<DeadRow>, StoreError> {
        const PAGE: usize = 100;
        let mut letters: Vec<DeadRow> = Vec::new();
        while letters.len() < filter.limit {
            let page = PAGE.min(filter.limit - letters.len());
            let rows: Vec<DeadRow> =
                self.call(partition, &DEAD, &dead_arguments(filter, page, after.as_ref())).await?;
            let is_last = rows.len() < page;
            letters.extend(rows);
            if is_last {
                break;
            }
            after = letters.last().map(|(key, .., died)| (*died, key.clone()));
        }
        Ok(letters)
    }
}

fn dead_arguments(filter: &DeadFilter, limit: usize, after: Option<&(u64, String)>) -> Vec<Argument> {
    let chosen = |word: Option<&str>| match word {
        Some(word) => [text("="), text(word)],
        None => [text("*"), text("")],
    };
    let mut arguments = vec![text(limit)];
    arguments.extend(chosen(filter.event_type.as_ref().map(EventType::as_str)));
    arguments.extend(chosen(filter.job.as_ref().map(Job::as_str)));
    if let Some((died, key)) = after {
        arguments.extend([text(died), text(key)]);
    }
    arguments
}

fn when_and_key(row: &DeadRow) -> (u64, &str) {
    let (key, .., died) = row;
    (*died, key)
}

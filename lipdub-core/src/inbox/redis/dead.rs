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
                Some(died) => Some((died, text(key))),
                // It is forgotten, and what died before it is, too.
                None => return Ok(Vec::new()),
            },
        };
        let lists = all((0..self.count).map(|partition| self.dead_in(partition, filter, after.clone())));
        let mut rows = Vec::new();
        for list in lists.await {
            rows.extend(list?);
        }
        rows.sort_by(|(_, one), (_, other)| other.cmp(one));
        rows.truncate(filter.limit);
        Ok(rows.into_iter().map(|(letter, _)| letter).collect())
    }

    /// When an event died last, whatever has become of it since.
    async fn died(&self, key: EventKey) -> Result<Option<u64>, StoreError> {
        self.whoever_knows(&DIED, &[text(key)], |died: Option<u64>| died).await
    }

    async fn dead_in(
        &self,
        partition: usize,
        filter: &DeadFilter,
        mut after: Option<End>,
    ) -> Result<Vec<(DeadLetter, End)>, StoreError> {
        const PAGE: usize = 100;
        let mut letters = Vec::new();
        while letters.len() < filter.limit {
            let page = PAGE.min(filter.limit - letters.len());
            let rows: Vec<DeadRow> =
                self.call(partition, &DEAD, &dead_arguments(filter, page, after.as_ref())).await?;
            let is_last = rows.len() < page;
            after = rows.last().map(end);
            letters.extend(rows.iter().filter_map(|row| Some((reply::dead_letter(row)?, end(row)))));
            if is_last {
                break;
            }
        }
        Ok(letters)
    }
}

fn dead_arguments(filter: &DeadFilter, limit: usize, after: Option<&End>) -> Vec<Argument> {
    let chosen = |word: Option<&str>| match word {
        Some(word) => [text("="), text(word)],
        None => [text("*"), text("")],
    };
    let mut arguments = vec![text(limit)];
    arguments.extend(chosen(filter.event_type.as_ref().map(EventType::as_str)));
    arguments.extend(chosen(filter.job.as_ref().map(Job::as_str)));
    if let Some((died, key)) = after {
        arguments.extend([text(died), key.clone()]);
    }
    arguments
}

/// When a letter died, and where it stands among those that died then.
type End = (u64, Argument);

fn end(row: &DeadRow) -> End {
    let (standing, .., died) = row;
    (*died, standing.clone())
}

//! What Redis wrote down: its append-only file, in which every claim and every mark is to be found in order.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::BoxError;

/// The records that each event had, one after the other.
pub(crate) struct Journal {
    records: HashMap<String, Vec<Record>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Running { attempt: u32 },
    Done,
    Failed,
}

impl Journal {
    pub(crate) fn read(directory: &Path) -> Result<Self, BoxError> {
        let mut journal = Self { records: HashMap::new() };
        for file in files(&directory.join("appendonlydir"))? {
            journal.add(&std::fs::read(file)?);
        }
        Ok(journal)
    }

    /// The records of an event, by its [`name`](lipdub_core::RedisStore::name_of).
    pub(crate) fn of(&self, name: &str) -> &[Record] {
        self.records.get(name).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, mut file: &[u8]) {
        // What a crash cut off at the end is not a command, and Redis leaves it out as well.
        while let Some((command, rest)) = command(file) {
            file = rest;
            let [name, key, value, ..] = command.as_slice() else { continue };
            let key = key.strip_prefix("lipdub:").filter(|_| name.eq_ignore_ascii_case("SET"));
            if let (Some(key), Some(record)) = (key, Record::read(value)) {
                self.records.entry(key.to_owned()).or_default().push(record);
            }
        }
    }
}

impl Record {
    fn read(value: &str) -> Option<Self> {
        let mut parts = value.split(':');
        match parts.next()? {
            "R" => Some(Self::Running { attempt: parts.next()?.parse().ok()? }),
            "F" => Some(Self::Failed),
            // Who has done it, and nothing else.
            holder => holder.parse::<u64>().ok().map(|_| Self::Done),
        }
    }
}

/// In the order in which they were written.
fn files(directory: &Path) -> Result<Vec<PathBuf>, BoxError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "aof") {
            files.push(path);
        }
    }
    // There is one, for it is told not to be rewritten.
    files.sort();
    Ok(files)
}

/// The first command (an array of strings in RESP), and what comes after it.
fn command(file: &[u8]) -> Option<(Vec<String>, &[u8])> {
    let (count, mut rest) = number(file, b'*')?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, after) = number(rest, b'$')?;
        let (word, after) = after.split_at_checked(length)?;
        words.push(String::from_utf8_lossy(word).into_owned());
        rest = after.strip_prefix(b"\r\n")?;
    }
    Some((words, rest))
}

fn number(file: &[u8], kind: u8) -> Option<(usize, &[u8])> {
    let rest = file.strip_prefix(&[kind])?;
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let digits = std::str::from_utf8(&rest[..end]).ok()?;
    Some((digits.parse().ok()?, &rest[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_in_order_up_to_where_a_crash_cut_them_off() {
        let set = |value: &str| {
            format!(
                "*5\r\n$3\r\nSET\r\n$8\r\nlipdub:k\r\n${}\r\n{value}\r\n$4\r\nPXAT\r\n$1\r\n9\r\n",
                value.len()
            )
        };
        let file = [
            "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n",
            &set("R:1:5:4611686018427387904"),
            &set("F:1:4611686018427387904"),
            &set("R:2:5:4611686018427387905"),
            &set("4611686018427387905"),
        ];
        let mut journal = Journal { records: HashMap::new() };
        journal.add(file.concat().as_bytes());
        journal.add(&set("R:3:5:6").as_bytes()[..30]);
        let running = |attempt| Record::Running { attempt };
        assert_eq!(journal.of("k"), [running(1), Record::Failed, running(2), Record::Done]);
        assert_eq!(journal.of("lipdub:k"), []);
    }
}

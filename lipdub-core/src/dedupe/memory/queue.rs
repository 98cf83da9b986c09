use std::num::NonZeroU32;

use hashbrown::HashTable;

use super::super::fingerprint::Fingerprint;

/// Entries by their key, and in the order in which they came.
///
/// It is made for many small entries. The table holds places only, so that it is small, and what it grows by is soon
/// copied. The entries are in blocks that never move, and know their neighbours in the order, so that any of them
/// can go and leaves a place for another.
pub(super) struct Queue<T> {
    table: HashTable<Place>,
    nodes: Nodes<T>,
    oldest: Option<Place>,
    newest: Option<Place>,
}

impl<T: Copy> Queue<T> {
    pub(super) const fn new() -> Self {
        Self { table: HashTable::new(), nodes: Nodes::new(), oldest: None, newest: None }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn find(&self, key: Fingerprint) -> Option<T> {
        if self.table.is_empty() {
            return None;
        }
        let place = self.table.find(key.hash(), |place| self.nodes.at(*place).key == key)?;
        Some(self.nodes.at(*place).entry)
    }

    pub(super) fn oldest(&self) -> Option<(Fingerprint, T)> {
        let node = self.nodes.at(self.oldest?);
        Some((node.key, node.entry))
    }

    /// Adds an entry whose key is not in the queue, as the newest.
    pub(super) fn push(&mut self, key: Fingerprint, entry: T) {
        let place = self.nodes.insert(Node { key, entry, older: self.newest, newer: None });
        match self.newest.replace(place) {
            Some(older) => self.nodes.at_mut(older).newer = Some(place),
            None => self.oldest = Some(place),
        }
        let nodes = &self.nodes;
        self.table.insert_unique(key.hash(), place, |place| nodes.at(*place).key.hash());
    }

    pub(super) fn remove(&mut self, key: Fingerprint) -> Option<T> {
        let nodes = &self.nodes;
        let found = self.table.find_entry(key.hash(), |place| nodes.at(*place).key == key).ok()?;
        let (place, _) = found.remove();
        let Node { entry, older, newer, .. } = *self.nodes.at(place);
        match older {
            Some(older) => self.nodes.at_mut(older).newer = newer,
            None => self.oldest = newer,
        }
        match newer {
            Some(newer) => self.nodes.at_mut(newer).older = older,
            None => self.newest = older,
        }
        self.nodes.remove(place);
        Some(entry)
    }
}

#[derive(Clone, Copy)]
struct Node<T> {
    key: Fingerprint,
    entry: T,
    older: Option<Place>,
    /// Of a node that is free: the next one that is.
    newer: Option<Place>,
}

/// Where a node is, counted from 1: so `Option<Place>` takes no more space.
#[derive(Clone, Copy)]
struct Place(NonZeroU32);

impl Place {
    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

struct Nodes<T> {
    blocks: Vec<Vec<Node<T>>>,
    last: Option<Place>,
    free: Option<Place>,
}

impl<T: Copy> Nodes<T> {
    /// So few blocks that a processor's cache has room for where they are, and so small that those not full yet waste
    /// little.
    const BLOCK: usize = 512;

    const fn new() -> Self {
        Self { blocks: Vec::new(), last: None, free: None }
    }

    fn at(&self, place: Place) -> &Node<T> {
        &self.blocks[place.index() / Self::BLOCK][place.index() % Self::BLOCK]
    }

    fn at_mut(&mut self, place: Place) -> &mut Node<T> {
        &mut self.blocks[place.index() / Self::BLOCK][place.index() % Self::BLOCK]
    }

    fn insert(&mut self, node: Node<T>) -> Place {
        if let Some(place) = self.free {
            self.free = self.at(place).newer;
            *self.at_mut(place) = node;
            return place;
        }
        let place = self.last.map_or(Place(NonZeroU32::MIN), |last| Place(last.0.saturating_add(1)));
        self.last = Some(place);
        if place.index() / Self::BLOCK == self.blocks.len() {
            self.blocks.push(Vec::with_capacity(Self::BLOCK));
        }
        self.blocks[place.index() / Self::BLOCK].push(node);
        place
    }

    fn remove(&mut self, place: Place) {
        self.at_mut(place).newer = self.free.replace(place);
    }
}

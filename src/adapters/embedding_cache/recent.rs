//! The vectors of the newest questions, in memory.

use std::collections::HashMap;
use std::sync::Arc;

use super::record_file::Key;

/// Questions of one generation.
const GENERATION: usize = 256;

/// Two generations: when the young one is full it becomes the old one, which is
/// forgotten. So the newest 256 questions are always there, and never more than 512.
#[derive(Default)]
pub(super) struct Recent {
    young: HashMap<Key, Arc<[f32]>>,
    old: HashMap<Key, Arc<[f32]>>,
}

impl Recent {
    pub(super) fn get(&self, key: &Key) -> Option<Arc<[f32]>> {
        self.young.get(key).or_else(|| self.old.get(key)).cloned()
    }

    pub(super) fn insert(&mut self, key: Key, vector: Arc<[f32]>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, vector);
    }
}

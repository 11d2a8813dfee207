//! A bounded map that forgets what was not asked for lately.

use std::collections::HashMap;
use std::hash::Hash;

/// Two maps: when the young one is full, it becomes the old one and the old one is forgotten. What is found in the old one moves to the
/// young one, so at least the last `bound` entries in use are kept, at most twice as many, and every operation is a look-up or two.
#[derive(Debug)]
pub struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    bound: usize,
}

impl<K: Eq + Hash, V: Clone> Generations<K, V> {
    /// An empty map that keeps at least `bound` entries and at most `2 * bound`.
    pub fn new(bound: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), bound: bound.max(1) }
    }

    /// The value for `key`, which counts as use.
    pub fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.insert(key, value.clone());
        Some(value)
    }

    /// Puts a value in.
    pub fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.bound && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Takes out every entry that `keep` does not want.
    pub fn retain(&mut self, keep: impl Fn(&K, &V) -> bool) {
        self.young.retain(|key, value| keep(key, value));
        self.old.retain(|key, value| keep(key, value));
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_size_is_bounded() {
        let mut map = Generations::new(4);
        map.insert(0, 'a');
        for key in 1..100 {
            assert_eq!(map.get(&0), Some('a'), "after {key}");
            map.insert(key, 'b');
            assert!(map.len() <= 8);
        }
        assert_eq!(map.get(&50), None);
        map.remove(&0);
        assert_eq!(map.get(&0), None);
        map.retain(|key, _| *key == 99);
        assert_eq!((map.len(), map.get(&99)), (1, Some('b')));
    }
}

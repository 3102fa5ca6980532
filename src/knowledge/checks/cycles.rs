//! Objects that lead to each other: cycles, and the longest way.

use std::collections::BTreeMap;

use crate::diagnostic::Place;

/// What each object leads to, with the place that says so.
pub(super) type Graph<'e> = BTreeMap<&'e str, Vec<(&'e str, &'e Place)>>;

/// A cycle: its objects in order, the first one again at the end.
pub(super) struct Cycle<'e> {
    /// The objects.
    pub objects: Vec<&'e str>,
    /// The reference that closes it.
    pub place: &'e Place,
}

impl Cycle<'_> {
    /// As people read it: `` `a` → `b` → `a` ``.
    pub(super) fn shown(&self) -> String {
        self.objects.iter().map(|object| format!("`{object}`")).collect::<Vec<_>>().join(" → ")
    }
}

/// Cycles of a graph, and for each object how many objects the longest way from
/// it has, itself counted; ways around a cycle end where it closes.
pub(super) fn walk<'e>(graph: &Graph<'e>) -> (Vec<Cycle<'e>>, BTreeMap<&'e str, usize>) {
    let mut cycles = Vec::new();
    let mut lengths: BTreeMap<&str, usize> = BTreeMap::new();
    for start in graph.keys().copied() {
        if lengths.contains_key(start) {
            continue;
        }
        // The objects on the way, each with the number of the next reference.
        let mut way: Vec<(&str, usize)> = vec![(start, 0)];
        let mut on_way: BTreeMap<&str, usize> = [(start, 0)].into();
        while let Some((object, next)) = way.last_mut() {
            let object = *object;
            let references = graph.get(object).map(Vec::as_slice).unwrap_or_default();
            match references.get(*next) {
                Some((target, place)) => {
                    *next += 1;
                    if let Some(from) = on_way.get(target) {
                        let objects = way[*from..].iter().map(|(object, _)| *object).chain([*target]).collect();
                        cycles.push(Cycle { objects, place });
                    } else if !lengths.contains_key(target) {
                        on_way.insert(target, way.len());
                        way.push((target, 0));
                    }
                }
                None => {
                    let longest = references.iter().filter_map(|(target, _)| lengths.get(target)).max();
                    lengths.insert(object, longest.copied().unwrap_or(0) + 1);
                    on_way.remove(object);
                    way.pop();
                }
            }
        }
    }
    (cycles, lengths)
}

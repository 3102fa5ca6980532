//! Measures of a ranked list, as `trec_eval` and BEIR define them.

use std::collections::BTreeMap;

/// Normalized discounted cumulative gain of the first `k`: the gain of each
/// document over log2(rank + 1), over what the best order would give.
pub fn ndcg_at<S: AsRef<str>>(ranked: &[S], relevant: &BTreeMap<String, u32>, k: usize) -> f64 {
    let gain = |gains: &mut dyn Iterator<Item = u32>| -> f64 {
        (1_u32..).zip(gains).map(|(rank, gain)| f64::from(gain) / f64::from(rank + 1).log2()).sum()
    };
    let mut ideal: Vec<u32> = relevant.values().copied().collect();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let best = gain(&mut ideal.into_iter().take(k));
    let own = gain(&mut ranked.iter().take(k).map(|id| relevant.get(id.as_ref()).copied().unwrap_or(0)));
    if best > 0.0 { own / best } else { 0.0 }
}

/// Share of the relevant documents that are among the first `k`.
pub fn recall_at<S: AsRef<str>>(ranked: &[S], relevant: &BTreeMap<String, u32>, k: usize) -> f64 {
    ratio(hits(ranked, relevant, k), relevant.len())
}

/// Share of the first `k` that are relevant; missing ones count as wrong.
pub fn precision_at<S: AsRef<str>>(ranked: &[S], relevant: &BTreeMap<String, u32>, k: usize) -> f64 {
    ratio(hits(ranked, relevant, k), k)
}

/// One over the rank of the first relevant document among the first `k`, else 0.
pub fn reciprocal_rank_at<S: AsRef<str>>(ranked: &[S], relevant: &BTreeMap<String, u32>, k: usize) -> f64 {
    let first = ranked.iter().take(k).position(|id| relevant.contains_key(id.as_ref()));
    first.map_or(0.0, |at| ratio(1, at + 1))
}

/// Value below which a share `q` of the sorted `values` lies (nearest rank); 0 without values.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank between 0 and the length")]
    let rank = (q.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// How well confidences tell two groups apart: the probability that one of
/// `inside` lies above one of `outside`, half for ties (AUROC), and the share of
/// `outside` at or above what 95 of 100 of `inside` reach (FPR95); 0 without both.
pub fn separation(inside: &[f64], outside: &[f64]) -> (f64, f64) {
    if inside.is_empty() || outside.is_empty() {
        return (0.0, 0.0);
    }
    let mut all: Vec<(f64, bool)> = inside.iter().map(|value| (*value, true)).collect();
    all.extend(outside.iter().map(|value| (*value, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut wins) = (0.0, 0.0);
    for ties in all.chunk_by(|a, b| a.0 == b.0) {
        let in_ties = ties.iter().filter(|(_, is_inside)| *is_inside).count() as f64;
        let out_ties = ties.len() as f64 - in_ties;
        wins += in_ties * (below + out_ties / 2.0);
        below += out_ties;
    }
    let bar = quantile(inside, 0.05);
    let above = outside.iter().filter(|value| **value >= bar).count();
    (wins / (inside.len() * outside.len()) as f64, ratio(above, outside.len()))
}

fn hits<S: AsRef<str>>(ranked: &[S], relevant: &BTreeMap<String, u32>, k: usize) -> usize {
    ranked.iter().take(k).filter(|id| relevant.contains_key(id.as_ref())).count()
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relevant(pairs: &[(&str, u32)]) -> BTreeMap<String, u32> {
        pairs.iter().map(|(id, degree)| ((*id).to_owned(), *degree)).collect()
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} for {b}");
    }

    #[test]
    fn ndcg_by_hand() {
        let two = relevant(&[("a", 1), ("b", 1)]);
        close(ndcg_at(&["a", "b", "c"], &two, 10), 1.0);
        // (1/log2(2) + 1/log2(4)) / (1/log2(2) + 1/log2(3)) = 1.5 / 1.6309297535714573
        close(ndcg_at(&["a", "c", "b"], &two, 10), 1.5 / (1.0 + 1.0 / 3_f64.log2()));
        close(ndcg_at(&["c", "a"], &relevant(&[("a", 1)]), 1), 0.0);
        // Degrees: 1/log2(2) + 3/log2(3) over 3/log2(2) + 1/log2(3).
        let graded = relevant(&[("a", 3), ("b", 1)]);
        close(ndcg_at(&["b", "a"], &graded, 10), (1.0 + 3.0 / 3_f64.log2()) / (3.0 + 1.0 / 3_f64.log2()));
        close(ndcg_at::<&str>(&[], &two, 10), 0.0);
        close(ndcg_at(&["a"], &relevant(&[]), 10), 0.0);
    }

    #[test]
    fn recall_precision_and_rank_by_hand() {
        let two = relevant(&[("a", 1), ("b", 1)]);
        let ranked = ["c", "a", "d", "b"];
        close(recall_at(&ranked, &two, 3), 0.5);
        close(recall_at(&ranked, &two, 4), 1.0);
        close(precision_at(&ranked, &two, 3), 1.0 / 3.0);
        close(precision_at(&["a"], &two, 3), 1.0 / 3.0);
        close(reciprocal_rank_at(&ranked, &two, 10), 0.5);
        close(reciprocal_rank_at(&ranked, &two, 1), 0.0);
    }

    #[test]
    fn separation_by_hand() {
        // Of 2 x 2 pairs: 3 above 1 and 2, 2 above 1 and level with 2.
        let (auroc, fpr95) = separation(&[3.0, 2.0], &[1.0, 2.0]);
        close(auroc, 3.5 / 4.0);
        close(fpr95, 0.5);
        assert_eq!(separation(&[], &[1.0]), (0.0, 0.0));
    }

    #[test]
    fn quantiles_are_values_of_the_list() {
        let values = [3.0, 1.0, 2.0, 4.0];
        for (q, value) in [(0.0, 1.0), (0.5, 2.0), (0.75, 3.0), (0.99, 4.0), (1.0, 4.0)] {
            close(quantile(&values, q), value);
        }
        close(quantile(&[], 0.5), 0.0);
    }
}

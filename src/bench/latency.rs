//! Latencies and their percentiles.

use std::time::Duration;

/// A collection of latencies, kept in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    micros: Vec<u64>,
    sorted: bool,
}

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, latency: Duration) {
        self.micros.push(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        self.sorted = false;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.micros.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.micros.is_empty()
    }

    /// The smallest latency that `percent` of all do not exceed (nearest rank),
    /// in microseconds; 0 when there are none.
    pub fn percentile(&mut self, percent: f64) -> u64 {
        if !self.sorted {
            self.micros.sort_unstable();
            self.sorted = true;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank between 0 and the number of latencies"
        )]
        let rank = (percent / 100.0 * self.micros.len() as f64).ceil().max(1.0) as usize;
        self.micros.get(rank - 1).or(self.micros.last()).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(50.0), 0);
        for micros in (1..=100).rev() {
            latencies.add(Duration::from_micros(micros));
        }
        assert_eq!(
            (latencies.percentile(50.0), latencies.percentile(99.0), latencies.percentile(100.0)),
            (50, 99, 100)
        );
    }
}

//! The table of rows, one for each token, as bytes in the binary.

use std::sync::LazyLock;

use super::word_piece::Vocabulary;

/// Components of a row.
pub const DIMENSION: usize = 256;

const VOCABULARY: &str = include_str!("vocab.txt");
static ROWS: &[u8] = include_bytes!("embeddings.i8");
const SCALES: &[u8] = include_bytes!("scales.f32");

/// Token rows of int8 with one scale each.
#[derive(Debug)]
pub struct Table {
    vocabulary: Vocabulary,
    scales: Vec<f32>,
}

static BUILT_IN: LazyLock<Table> = LazyLock::new(|| {
    let (scales, _) = SCALES.as_chunks::<4>();
    Table {
        vocabulary: Vocabulary::new(VOCABULARY),
        scales: scales.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
    }
});

impl Table {
    /// The table in the binary.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// The tokens that have a row.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Adds the row of a token to `sum`; nothing for an id without a row.
    #[inline]
    pub fn add_row(&self, id: u32, sum: &mut [f32]) {
        let id = id as usize;
        let (Some(scale), Some(row)) = (self.scales.get(id), ROWS.get(id * DIMENSION..(id + 1) * DIMENSION)) else {
            return;
        };
        for (sum, byte) in sum.iter_mut().zip(row) {
            *sum += f32::from(byte.cast_signed()) * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_the_table_fit() {
        let table = Table::built_in();
        assert_eq!(table.scales.len(), VOCABULARY.lines().count());
        assert_eq!(ROWS.len(), table.scales.len() * DIMENSION);
        let mut sum = vec![0.0; DIMENSION];
        for id in [0, 1, 1_000_000] {
            table.add_row(id, &mut sum);
        }
        assert!(sum.iter().all(|value| *value == 0.0));
    }
}

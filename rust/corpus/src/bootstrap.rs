//! What a bootstrap over documents draws from: the sums of each document while these are few, and the sums of
//! [`UNITS`] parts of the corpus when they are more.
//!
//! A document belongs to its part by a hash of its position, so which documents a part has does not depend on their
//! order nor on the worker. Since the parts are made at random, the variance between them estimates the same as the
//! variance between documents, at a relative error of the standard error of about 1/sqrt(2 UNITS), 2 %; and memory is
//! bounded whatever is read.

/// Up to so many documents are kept one by one, and so many parts more are divided into.
pub const UNITS: usize = 1024;

/// The position of a document: its file in the list of inputs, and where it is in that, as a number.
pub(crate) type DocumentId = (u32, u64);

/// Rows of sums, each of a document or of a part of the corpus.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct BootstrapUnits {
    /// The positions of documents that are kept one by one; empty once they are divided into parts.
    ids: Vec<DocumentId>,
    values: Vec<u64>,
    columns: usize,
    divided: bool,
}

impl PartialEq for BootstrapUnits {
    /// The order in which documents came does not matter.
    fn eq(&self, other: &BootstrapUnits) -> bool {
        self.divided == other.divided && self.values() == other.values()
    }
}

impl Eq for BootstrapUnits {}

impl BootstrapUnits {
    /// The numbers in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The rows, one after the other, of documents in the order of their positions.
    pub fn values(&self) -> Vec<u64> {
        if self.divided {
            return self.values.clone();
        }
        let mut order: Vec<usize> = (0..self.ids.len()).collect();
        order
            .sort_unstable_by(|&i, &j| (self.ids[i], self.row(i)).cmp(&(self.ids[j], self.row(j))));
        order.into_iter().flat_map(|i| self.row(i)).copied().collect()
    }

    /// Whether the rows are parts of the corpus instead of documents.
    pub fn is_divided(&self) -> bool {
        self.divided
    }

    fn row(&self, i: usize) -> &[u64] {
        &self.values[i * self.columns..][..self.columns]
    }

    /// Adds a document.
    pub(crate) fn add_document(&mut self, id: DocumentId, values: impl Iterator<Item = u64>) {
        if self.divided {
            let part = part_of(id) * self.columns;
            self.values[part..].iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            return;
        }
        if self.ids.last() == Some(&id) {
            // Another text of one record: what is drawn are records, for its texts are not independent.
            let last = self.values.len() - self.columns;
            self.values[last..].iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            return;
        }
        self.ids.push(id);
        self.values.extend(values);
        self.columns = self.values.len() / self.ids.len();
        if self.ids.len() > UNITS {
            self.divide();
        }
    }

    /// Adds the documents of `other`.
    pub(crate) fn add(&mut self, other: &BootstrapUnits) {
        if other.columns == 0 {
            return;
        }
        if other.divided {
            self.columns = other.columns;
            if !self.divided {
                self.divide();
            }
            self.values.iter_mut().zip(&other.values).for_each(|(sum, value)| *sum += value);
        } else {
            for (i, &id) in other.ids.iter().enumerate() {
                self.add_document(id, other.row(i).iter().copied());
            }
        }
    }

    fn divide(&mut self) {
        let documents = std::mem::take(self);
        let columns = documents.columns;
        let values = vec![0; UNITS * columns];
        *self = BootstrapUnits { ids: Vec::new(), values, columns, divided: true };
        for (i, &id) in documents.ids.iter().enumerate() {
            self.add_document(id, documents.row(i).iter().copied());
        }
    }
}

/// The finalizer of MurmurHash3, over both numbers.
fn part_of((file, line): DocumentId) -> usize {
    let mut hash = line ^ u64::from(file).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for factor in [0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53] {
        hash ^= hash >> 33;
        hash = hash.wrapping_mul(factor);
    }
    hash ^= hash >> 33;
    (hash % UNITS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use fasttok_testing::Random;

    #[test]
    fn texts_of_one_record_are_one_unit() {
        let (mut one, mut other) = (BootstrapUnits::default(), BootstrapUnits::default());
        for (id, values) in
            [((0, 1), [1, 2]), ((0, 1), [10, 20]), ((0, 2), [3, 4]), ((1, 2), [5, 6])]
        {
            one.add_document(id, values.into_iter());
        }
        for (id, values) in [((1, 2), [5, 6]), ((0, 2), [3, 4]), ((0, 1), [11, 22])] {
            other.add_document(id, values.into_iter());
        }
        assert_eq!(one.values(), [11, 22, 3, 4, 5, 6]);
        assert!(one == other);
    }

    fn documents(n: usize) -> Vec<(DocumentId, [u64; 2])> {
        let mut random = Random::new(7);
        (0..n).map(|i| (((i % 5) as u32, i as u64), [random.below(100) as u64, 1])).collect()
    }

    fn sum(documents: &[(DocumentId, [u64; 2])]) -> BootstrapUnits {
        let mut units = BootstrapUnits::default();
        for (id, values) in documents {
            units.add_document(*id, values.iter().copied());
        }
        units
    }

    #[test]
    fn neither_order_nor_workers_matter() {
        for n in [0, 1, UNITS - 1, UNITS, UNITS + 1, 5 * UNITS] {
            let documents = documents(n);
            let whole = sum(&documents);
            assert_eq!(whole.is_divided(), n > UNITS);
            for cut in [0, 1, n / 2, n.saturating_sub(1), n] {
                let (left, right) = documents.split_at(cut.min(n));
                let mut other = sum(right);
                other.add(&sum(left));
                assert_eq!(other.values(), whole.values(), "{n} {cut}");
                assert_eq!(other.is_divided(), whole.is_divided());
            }
        }
    }

    #[test]
    fn nothing_is_lost() {
        for n in [3, 5 * UNITS] {
            let documents = documents(n);
            let values = sum(&documents).values();
            let total: u64 = documents.iter().map(|(_, v)| v[0]).sum();
            assert_eq!(values.iter().step_by(2).sum::<u64>(), total);
            assert_eq!(values.iter().skip(1).step_by(2).sum::<u64>(), n as u64);
        }
    }

    #[test]
    fn parts_are_of_about_one_size() {
        let documents = documents(100 * UNITS);
        let values = sum(&documents).values();
        let sizes: Vec<u64> = values.iter().skip(1).step_by(2).copied().collect();
        assert!(sizes.iter().all(|&size| (50..160).contains(&size)), "{sizes:?}");
    }
}

//! The sums of many groups, in as few bytes as hold them: a table of numbers for all groups instead of an object for
//! each.
//!
//! A million groups of one encoding take about 160 bytes each beyond their keys, and some 80 more where histograms are
//! asked for. A [`Tally`] is made of a row when it is asked for.

mod keys;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use crate::bootstrap::{BootstrapUnits, DocumentId};
use crate::statistics::Histograms;
use crate::{Error, Merge, Scripts, Tally};

pub use keys::Key;
pub(crate) use keys::{GroupKeys, TurnOf, values_of};

/// So many numbers come first in a row; those of each encoding are after them.
const FIXED: usize = Tally::NUMBERS.len();

/// The sums of documents by group.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Table {
    /// Keys, end to end, and where each ends.
    keys: Vec<u8>,
    ends: Vec<usize>,
    /// [`Table::width`] numbers a group.
    numbers: Vec<u64>,
    /// How many encodings have each of [`Tally::BY_ENCODING`]. Known from the first document.
    columns: [usize; Tally::BY_ENCODING.len()],
    scripts: Vec<Scripts>,
    /// One a group where a bootstrap is asked for, or none at all.
    bootstrap: Vec<BootstrapUnits>,
    /// One a group where histograms are kept, or none at all.
    histograms: Vec<Histograms>,
    /// The group that was added to.
    #[serde(skip)]
    last: usize,
    /// Groups by their keys.
    #[serde(skip)]
    index: HashTable<u32>,
    #[serde(skip)]
    hasher: RandomState,
}

/// There are more groups than the run may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Table {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The key of group `i`.
    pub fn key(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.keys[start..self.ends[i]]
    }

    /// The sums of group `i`.
    pub fn tally(&self, i: usize) -> Tally {
        let (numbers, mut rest) = self.row(i).split_first_chunk().expect("of this width");
        let by_encoding = self.columns.map(|len| {
            let (list, others) = rest.split_at(len);
            rest = others;
            list.to_vec()
        });
        let bootstrap = self.bootstrap.get(i).cloned().unwrap_or_default();
        let histograms = self.histograms.get(i).cloned().unwrap_or_default();
        Tally::of(*numbers, by_encoding, self.scripts[i].clone(), bootstrap, histograms)
    }

    /// Makes a table that was kept one that can be added to.
    pub fn restore(&mut self) {
        let mut index = HashTable::with_capacity(self.len());
        for i in 0..self.len() {
            let hash = self.hasher.hash_one(self.key(i));
            index.insert_unique(hash, i as u32, |&i| self.hasher.hash_one(self.key(i as usize)));
        }
        self.index = index;
    }

    /// Adds a document, or the sums of several, to the group of `key`. With a `document` it is one document, of which a
    /// bootstrap keeps the sums.
    pub fn add(
        &mut self,
        key: &[u8],
        tally: &Tally,
        document: Option<DocumentId>,
        most: usize,
    ) -> Result<(), TooMany> {
        let i = self.group(key, most)?;
        let lists = tally.by_encoding();
        if lists.iter().zip(self.columns).any(|(list, columns)| list.len() > columns) {
            self.widen(tally);
        }
        let columns = self.columns;
        let (numbers, mut rest) = self.row_mut(i).split_at_mut(FIXED);
        add_to(numbers, &tally.numbers());
        for (list, len) in lists.into_iter().zip(columns) {
            let (sums, others) = rest.split_at_mut(len);
            add_to(sums, list);
            rest = others;
        }
        self.scripts[i].merge(&tally.scripts);
        if !tally.histograms.is_empty() {
            self.histograms.resize_with(self.len(), Histograms::default);
            self.histograms[i].merge(&tally.histograms);
        }
        if document.is_some() || tally.bootstrap.columns() > 0 {
            self.bootstrap.resize_with(self.len(), BootstrapUnits::default);
            match document {
                Some(document) => {
                    self.bootstrap[i].add_document(document, tally.bootstrap_values())
                }
                None => self.bootstrap[i].merge(&tally.bootstrap),
            }
        }
        Ok(())
    }

    /// Adds all groups of `other`. Ends early where `cancel` is set.
    pub fn merge(&mut self, other: Table, most: usize, cancel: &AtomicBool) -> Result<(), TooMany> {
        if self.len() == 0 && other.len() <= most {
            *self = other;
            return Ok(());
        }
        for i in 0..other.len() {
            if i % CHECKED == 0 && cancel.load(Relaxed) {
                break;
            }
            self.add(other.key(i), &other.tally(i), None, most)?;
        }
        Ok(())
    }

    /// The same sums, those of answers of batches in the turn that `turn_of` gives for an id. Ends early where `cancel` is
    /// set.
    pub fn with_turns(self, keys: &GroupKeys, turn_of: &TurnOf, cancel: &AtomicBool) -> Table {
        let mut key = Vec::new();
        if !(0..self.len()).any(|i| keys.with_turn(self.key(i), turn_of, &mut key)) {
            return self;
        }
        let mut table = Table::default();
        for i in 0..self.len() {
            if i % CHECKED == 0 && cancel.load(Relaxed) {
                break;
            }
            let is_answer = keys.with_turn(self.key(i), turn_of, &mut key);
            let key = if is_answer { &key } else { self.key(i) };
            table.add(key, &self.tally(i), None, usize::MAX).expect("no more groups than before");
        }
        table
    }

    /// The groups in the order of their keys, which `keys` knows. Ends early, in no order, where `cancel` is set.
    pub fn finish(mut self, keys: &GroupKeys, cancel: &AtomicBool) -> Groups {
        self.index = HashTable::new();
        let mut ordered = Vec::with_capacity(self.keys.len());
        let mut ends = Vec::with_capacity(self.ends.len());
        for i in 0..self.len() {
            keys.put_in_order(self.key(i), &mut ordered);
            ends.push(ordered.len());
        }
        (self.keys, self.ends) = (ordered, ends);

        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        let turn = keys.turn();
        let by_key = |&a: &u32, &b: &u32| compare(self.key(a as usize), self.key(b as usize), turn);
        // Runs, then pairs of runs, of which each is little work: a sort of all cannot be ended.
        let mut run = CHECKED;
        for run in order.chunks_mut(run) {
            if !cancel.load(Relaxed) {
                run.sort_by(by_key);
            }
        }
        while run < order.len() && !cancel.load(Relaxed) {
            run *= 2;
            // The sort of the library finds the two runs and merges them.
            order.chunks_mut(run).for_each(|pair| pair.sort_by(by_key));
        }
        Groups { table: self, order }
    }

    /// The group of `key`, with sums of zero if it is new.
    fn group(&mut self, key: &[u8], most: usize) -> Result<usize, TooMany> {
        // Without groups all keys are empty, and glibc 2.36 takes 130 ns to compare two of no bytes.
        let is_it = |own: &[u8]| own.len() == key.len() && (key.is_empty() || own == key);
        // Most documents are of the group of the one before.
        if self.last < self.len() && is_it(self.key(self.last)) {
            return Ok(self.last);
        }
        let hash = self.hasher.hash_one(key);
        if let Some(&i) = self.index.find(hash, |&i| is_it(self.key(i as usize))) {
            self.last = i as usize;
            return Ok(self.last);
        }
        let i = self.len();
        if i >= most.min(u32::MAX as usize) {
            return Err(TooMany);
        }
        self.keys.extend_from_slice(key);
        self.ends.push(self.keys.len());
        self.numbers.resize(self.numbers.len() + self.width(), 0);
        self.scripts.push(Scripts::default());
        let Table { keys, ends, index, hasher, .. } = self;
        index.insert_unique(hash, i as u32, |&i| {
            let i = i as usize;
            hasher.hash_one(&keys[if i == 0 { 0 } else { ends[i - 1] }..ends[i]])
        });
        Ok(i)
    }

    fn width(&self) -> usize {
        FIXED + self.columns.iter().sum::<usize>()
    }

    fn row(&self, i: usize) -> &[u64] {
        &self.numbers[i * self.width()..][..self.width()]
    }

    fn row_mut(&mut self, i: usize) -> &mut [u64] {
        let width = self.width();
        &mut self.numbers[i * width..][..width]
    }

    /// Gives rows the columns that `tally` has. Happens with the first document, when there is one group.
    fn widen(&mut self, tally: &Tally) {
        let tallies: Vec<Tally> = (0..self.len()).map(|i| self.tally(i)).collect();
        for (columns, list) in self.columns.iter_mut().zip(tally.by_encoding()) {
            *columns = list.len().max(*columns);
        }
        self.numbers.clear();
        for old in tallies {
            self.numbers.extend(old.numbers());
            for (list, len) in old.by_encoding().into_iter().zip(self.columns) {
                let missing = len - list.len();
                self.numbers.extend(list.iter().copied().chain(std::iter::repeat_n(0, missing)));
            }
        }
    }
}

fn add_to(sums: &mut [u64], numbers: &[u64]) {
    sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
}

/// So many groups are sorted or merged between two looks at whether the run was cancelled: some milliseconds.
const CHECKED: usize = 1 << 15;

/// The order of two keys that were put in order: value by value, a missing one last. The values at `turn` are numbers,
/// which come before what are none.
fn compare(a: &[u8], b: &[u8], turn: Option<usize>) -> Ordering {
    // False comes first, and a value that is there is not missing.
    let missing_last = |value: Option<&[u8]>| value.is_none();
    let number = |value: &[u8]| value.iter().all(u8::is_ascii_digit).then_some(value.len());
    let as_number = |value: Option<&[u8]>| {
        let digits = value.and_then(number);
        (digits.is_none(), digits)
    };
    let (mut a, mut b) = (values_of(a), values_of(b));
    for i in 0.. {
        match (a.next(), b.next()) {
            (Some(a), Some(b)) => {
                let by_number = || match turn == Some(i) {
                    true => as_number(a).cmp(&as_number(b)),
                    false => Ordering::Equal,
                };
                let order = missing_last(a).cmp(&missing_last(b));
                let order = order.then_with(by_number).then_with(|| a.cmp(&b));
                if order.is_ne() {
                    return order;
                }
            }
            _ => break,
        }
    }
    Ordering::Equal
}

/// The sums of the documents that agree in all keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// One value a key, in the order of [`Job::by`](crate::Job::by); `None` where a document has none.
    pub key: Vec<Option<String>>,
    /// The sums.
    pub tally: Tally,
}

/// The groups of a run, sorted by key (a missing value last). Each is made when it is asked for.
#[derive(Clone, Default)]
pub struct Groups {
    table: Table,
    order: Vec<u32>,
}

impl Groups {
    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is none, as where nothing was grouped by.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Group `i`, counted from 0, in the order of the keys.
    ///
    /// # Panics
    ///
    /// Where there is no such group.
    pub fn get(&self, i: usize) -> Group {
        let row = self.order[i] as usize;
        let value = |value: Option<&[u8]>| value.map(|v| String::from_utf8_lossy(v).into_owned());
        Group {
            key: values_of(self.table.key(row)).map(value).collect(),
            tally: self.table.tally(row),
        }
    }

    /// The groups in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = Group> + '_ {
        (0..self.len()).map(|i| self.get(i))
    }

    /// The number `name`, one of [`Tally::NUMBERS`], or of [`Tally::BY_ENCODING`] that of the encoding at an index, of
    /// all groups in their order. `None` where groups have no such number.
    pub fn column(&self, name: &str, encoding: usize) -> Option<impl Iterator<Item = u64> + '_> {
        let Table { columns, .. } = self.table;
        let number = Tally::NUMBERS.iter().position(|&number| number == name);
        let at = match number {
            Some(at) => at,
            None => {
                let list = Tally::BY_ENCODING.iter().position(|&list| list == name)?;
                if encoding >= columns[list] && !self.is_empty() {
                    return None;
                }
                FIXED + columns[..list].iter().sum::<usize>() + encoding
            }
        };
        Some(self.order.iter().map(move |&row| self.table.row(row as usize)[at]))
    }

    /// The indices of the groups by their number of that name, or by its ratio to the number `divisor`, both of the
    /// first encoding: the largest first, or the smallest if `ascending`. Equal ones stay as they are; a group without
    /// a ratio is smaller than any other. `None` where there is no number of that name.
    pub fn ranked(&self, name: &str, divisor: Option<&str>, ascending: bool) -> Option<Vec<u32>> {
        let numbers: Vec<u64> = self.column(name, 0)?.collect();
        let divisors: Option<Vec<u64>> = match divisor {
            Some(name) => Some(self.column(name, 0)?.collect()),
            None => None,
        };
        let ratio = |i: u32, divisors: &[u64]| match divisors[i as usize] {
            0 => -1.0,
            divisor => numbers[i as usize] as f64 / divisor as f64,
        };
        let mut ranked: Vec<u32> = (0..self.len() as u32).collect();
        ranked.sort_by(|&a, &b| {
            let order = match &divisors {
                None => numbers[a as usize].cmp(&numbers[b as usize]),
                Some(divisors) => ratio(a, divisors).total_cmp(&ratio(b, divisors)),
            };
            if ascending { order } else { order.reverse() }
        });
        Some(ranked)
    }
}

/// Groups whose sums are known already: those of other runs, say. The groups of a run over all that these counted.
pub struct GroupSums {
    by: Vec<String>,
    keys: GroupKeys,
    table: Table,
    max_groups: usize,
    encoded: Vec<u8>,
}

impl GroupSums {
    /// No group yet, by the keys of these names.
    pub fn new(by: &[String], max_groups: usize) -> GroupSums {
        let keys: Vec<Key> = by.iter().cloned().map(Key::Field).collect();
        let keys = GroupKeys::new(&keys);
        let (by, table) = (by.to_vec(), Table::default());
        GroupSums { by, keys, table, max_groups, encoded: Vec::new() }
    }

    /// Adds sums to the group that has these values, one for each key.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyGroups`].
    pub fn add(&mut self, key: &[Option<String>], tally: &Tally) -> Result<(), Error> {
        self.keys.encode("", 0, None, key, &mut self.encoded);
        let added = self.table.add(&self.encoded, tally, None, self.max_groups);
        added.map_err(|TooMany| Error::TooManyGroups { by: self.by.clone(), most: self.max_groups })
    }

    /// All of them, in the order of their keys.
    pub fn finish(self) -> Groups {
        self.table.finish(&self.keys, &AtomicBool::new(false))
    }
}

impl PartialEq for Groups {
    fn eq(&self, other: &Groups) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Groups {}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fasttok_testing::Random;

    fn tally(n: u64) -> Tally {
        Tally { documents: 1, bytes: n, chars: n, tokens: vec![n, 2 * n], ..Tally::default() }
    }

    fn key(value: Option<&str>) -> Vec<u8> {
        let mut to = Vec::new();
        keys().encode("", 0, None, &[value.map(str::to_owned)], &mut to);
        to
    }

    fn keys() -> GroupKeys {
        GroupKeys::new(&[Key::Field("a".into())])
    }

    #[test]
    fn sums_are_those_of_a_map() {
        let mut random = Random::new(3);
        let mut expected = std::collections::BTreeMap::<String, Tally>::new();
        let mut tables = [Table::default(), Table::default(), Table::default()];
        for i in 0..200_000 {
            let value = format!("{}", random.below(90_000));
            let n = random.below(50) as u64;
            tables[i % 3].add(&key(Some(&value)), &tally(n), None, usize::MAX).unwrap();
            expected.entry(value).or_default().merge(&tally(n));
        }
        let go_on = AtomicBool::new(false);
        let mut all = Table::default();
        for table in tables {
            all.merge(table, usize::MAX, &go_on).unwrap();
        }
        let groups = all.finish(&keys(), &go_on);
        assert!(groups.len() > 2 * CHECKED, "several runs are sorted");
        assert_eq!(groups.len(), expected.len());
        for (group, (value, tally)) in groups.iter().zip(&expected) {
            assert_eq!((group.key, &group.tally), (vec![Some(value.clone())], tally));
        }
        let tokens: Vec<u64> = groups.column("tokens", 1).unwrap().collect();
        assert_eq!(tokens, expected.values().map(|t| t.tokens[1]).collect::<Vec<_>>());
    }

    #[test]
    fn a_missing_value_is_last_and_none_is_mixed_up() {
        let mut table = Table::default();
        for value in [None, Some("b"), Some(""), Some("a"), Some("ab"), None, Some("")] {
            table.add(&key(value), &tally(1), None, usize::MAX).unwrap();
        }
        let groups = table.finish(&keys(), &AtomicBool::new(false));
        let found: Vec<_> = groups.iter().map(|g| (g.key[0].clone(), g.tally.documents)).collect();
        let expected = [(Some(""), 2), (Some("a"), 1), (Some("ab"), 1), (Some("b"), 1), (None, 2)];
        assert_eq!(found, expected.map(|(value, n)| (value.map(str::to_owned), n)));
    }

    #[test]
    fn more_than_allowed_are_refused_at_once() {
        let mut table = Table::default();
        table.add(&key(Some("a")), &tally(1), None, 2).unwrap();
        table.add(&key(Some("b")), &tally(1), None, 2).unwrap();
        assert_eq!(table.add(&key(Some("c")), &tally(1), None, 2), Err(TooMany));
        table.add(&key(Some("a")), &tally(1), None, 2).unwrap();
        assert_eq!(table.len(), 2);
    }

    /// What a group takes beyond its key: the promise of at most 300 bytes.
    #[test]
    fn a_group_is_small() {
        let mut table = Table::default();
        let text = "Some words, 12 of them. Слово 中文";
        let scripts = crate::scripts_of([text]);
        let mut held = 0;
        for i in 0..100_000 {
            let histograms = Histograms::of_document(&[i]);
            let tally = Tally { scripts: scripts.clone(), tokens: vec![9], histograms, ..tally(i) };
            table
                .add(
                    &key(Some(&format!("{i}"))),
                    &Tally { tokens: vec![1], ..tally },
                    None,
                    usize::MAX,
                )
                .unwrap();
        }
        held += table.ends.len() * size_of::<usize>();
        held += table.numbers.len() * size_of::<u64>();
        held += table.scripts.iter().map(Scripts::bytes).sum::<usize>();
        held += table.index.allocation_size();
        held += table.histograms.iter().map(Histograms::bytes).sum::<usize>();
        assert!(held / table.len() <= 300, "{} bytes a group", held / table.len());
    }
}

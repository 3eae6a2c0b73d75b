//! What records of conversations a run met: how many of each shape, what in them is no text, and which requests and
//! answers of batches belong together. Sums, whose merging is commutative. Knows no format.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What records of messages were met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagesMet {
    /// Records by their shape.
    pub records: BTreeMap<String, u64>,
    /// What is in them and no text, by kind: images, audio. Of kinds beyond the first 100 that a run meets, and of names
    /// longer than 100 bytes, there is but one.
    pub not_counted: BTreeMap<String, u64>,
    /// Requests and answers of batches.
    pub batch: BatchMet,
}

impl MessagesMet {
    const KINDS: usize = 100;
    /// A kind is what a record says, which may be anything.
    const KIND_BYTES: usize = 100;

    pub(crate) fn add_record(&mut self, shape: &str, not_counted: &[Cow<'_, str>]) {
        add(&mut self.records, shape, 1);
        not_counted.iter().for_each(|kind| self.add_kind(kind, 1));
    }

    fn add_kind(&mut self, kind: &str, many: u64) {
        let is_new = self.not_counted.len() < Self::KINDS && kind.len() <= Self::KIND_BYTES;
        let is_told = is_new || self.not_counted.contains_key(kind);
        add(&mut self.not_counted, if is_told { kind } else { "other" }, many);
    }

    pub(crate) fn add_all(&mut self, other: MessagesMet) {
        other.records.iter().for_each(|(shape, many)| add(&mut self.records, shape, *many));
        other.not_counted.iter().for_each(|(kind, many)| self.add_kind(kind, *many));
        self.batch.add_all(other.batch);
    }
}

fn add(to: &mut BTreeMap<String, u64>, name: &str, many: u64) {
    match to.get_mut(name) {
        Some(sum) => *sum += many,
        None => {
            to.insert(name.to_owned(), many);
        }
    }
}

/// Which side of a batch a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchSide {
    Request,
    Answer,
    /// An answer that says that the request failed, and has no text.
    Failure,
}

/// What the key of an answer has for its turn, which its request says: met before it, after it, or not at all.
pub(crate) fn turn_to_come(custom_id: &str) -> String {
    format!("{ANSWER}{custom_id}")
}

/// The id that [`turn_to_come`] was given; `None` for a turn that is known. Of conversations only.
pub(crate) fn answered(turn: &[u8]) -> Option<&str> {
    std::str::from_utf8(turn).ok()?.strip_prefix(ANSWER)
}

/// No turn begins so: it is a number.
const ANSWER: char = '#';

/// The records of batches by their `custom_id`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchMet {
    /// How many there are of each [`BatchSide`], and the last turns of the requests, added up.
    ids: BTreeMap<String, [u32; 4]>,
    /// Of the ids together.
    bytes: usize,
    /// There were more than are kept, and none is.
    is_beyond: bool,
}

/// How requests and answers of batches go together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchJoin {
    /// Requests that have one answer.
    pub joined: u64,
    /// Requests whose answer is that they failed.
    pub failed: u64,
    /// Requests of which there is no answer.
    pub without_answer: u64,
    /// Answers of which there is no request.
    pub without_request: u64,
    /// Requests and answers whose id several requests or several answers have, so that nobody knows which belong together.
    pub ambiguous: u64,
    /// The first ids, in the order of their bytes, of the last three kinds, by the names above; nothing where there were
    /// requests alone, or answers alone.
    pub named: BTreeMap<&'static str, Vec<String>>,
}

impl BatchMet {
    /// So many ids are kept, of so many bytes together: some 100 MB.
    const IDS: usize = 1 << 20;
    const BYTES: usize = 64 << 20;
    /// So many are named of a kind.
    pub const NAMED: usize = 10;

    /// Adds a record. `turn` is the last one of a request.
    pub(crate) fn add(&mut self, custom_id: &str, side: BatchSide, turn: u32) {
        let mut many = [0, 0, 0, turn];
        many[side as usize] = 1;
        self.add_many(custom_id.into(), many);
    }

    /// The turn that the answer of this id is in: the last one of its request, where these two belong together and to no
    /// other.
    pub fn turn_of_answer(&self, custom_id: &str) -> Option<u32> {
        match self.ids.get(custom_id)? {
            [1, 1, _, turn] => Some(*turn),
            _ => None,
        }
    }

    fn add_many(&mut self, custom_id: Cow<'_, str>, many: [u32; 4]) {
        if self.is_beyond {
            return;
        }
        if let Some(sums) = self.ids.get_mut(&*custom_id) {
            sums.iter_mut().zip(many).for_each(|(sum, many)| *sum = sum.saturating_add(many));
            return;
        }
        self.bytes += custom_id.len();
        self.ids.insert(custom_id.into_owned(), many);
        if self.ids.len() > Self::IDS || self.bytes > Self::BYTES {
            *self = BatchMet { is_beyond: true, ..BatchMet::default() };
        }
    }

    fn add_all(&mut self, other: BatchMet) {
        if other.is_beyond {
            *self = other;
            return;
        }
        other.ids.into_iter().for_each(|(id, many)| self.add_many(id.into(), many));
    }

    /// Which belong together; `None` where there were no batches, or more ids than are kept.
    pub fn join(&self) -> Option<BatchJoin> {
        if self.ids.is_empty() {
            return None;
        }
        let mut join = BatchJoin::default();
        let sums = self.ids.values();
        let [asked, answered] = sums.fold([false; 2], |[asked, answered], [a, b, c, _]| {
            [asked || *a > 0, answered || *b + *c > 0]
        });
        for (id, &[asks, answers, failures, _]) in &self.ids {
            let (asks, answers, failures) = (asks.into(), answers.into(), u64::from(failures));
            let (kind, sum, many) = match (asks, answers) {
                (1, 1) => (None, &mut join.joined, 1),
                (1, 0) if failures > 0 => (None, &mut join.failed, 1),
                (1, 0) => (Some("without_answer"), &mut join.without_answer, 1),
                (0, 0) => (Some("without_request"), &mut join.without_request, failures),
                (0, 1) => (Some("without_request"), &mut join.without_request, 1),
                _ => (Some("ambiguous"), &mut join.ambiguous, asks + answers),
            };
            *sum += many;
            if let Some(kind) = kind.filter(|_| asked && answered) {
                let named: &mut Vec<String> = join.named.entry(kind).or_default();
                if named.len() < Self::NAMED {
                    named.push(id.clone());
                }
            }
        }
        Some(join)
    }

    /// Whether there were more ids than are kept, so that nothing is known.
    pub fn is_beyond(&self) -> bool {
        self.is_beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(records: &[(&str, BatchSide)]) -> BatchMet {
        let mut met = BatchMet::default();
        records
            .iter()
            .for_each(|(id, side)| met.add(id, *side, 3 * u32::from(*side == BatchSide::Request)));
        met
    }

    #[test]
    fn what_belongs_together() {
        use BatchSide::{Answer, Failure, Request};
        assert_eq!(BatchMet::default().join(), None);
        let records = [
            ("a", Request),
            ("a", Answer),
            // It failed, and was asked and answered once more under the same id by the API.
            ("b", Request),
            ("b", Failure),
            ("b", Answer),
            ("c", Request),
            ("c", Failure),
            ("d", Request),
            ("e", Answer),
            ("f", Failure),
            ("g", Request),
            ("g", Request),
            ("h", Request),
            ("h", Answer),
            ("h", Answer),
        ];
        let named = [
            ("ambiguous", vec!["g".to_owned(), "h".to_owned()]),
            ("without_answer", vec!["d".to_owned()]),
            ("without_request", vec!["e".to_owned(), "f".to_owned()]),
        ];
        let expected = BatchJoin {
            joined: 2,
            failed: 1,
            without_answer: 1,
            without_request: 2,
            ambiguous: 5,
            named: named.into(),
        };
        // In whatever order, and in whatever parts.
        for cut in 0..records.len() {
            let mut one = MessagesMet { batch: met(&records[cut..]), ..MessagesMet::default() };
            let rest = MessagesMet { batch: met(&records[..cut]), ..MessagesMet::default() };
            one.add_all(rest);
            assert_eq!(one.batch.join().as_ref(), Some(&expected), "{cut}");
            assert_eq!(one.batch, met(&records));
            for (id, turn) in
                [("a", Some(3)), ("b", Some(3)), ("c", None), ("e", None), ("h", None)]
            {
                assert_eq!(one.batch.turn_of_answer(id), turn, "{id}");
            }
        }
        let alone = met(&[("a", Request), ("b", Request)]).join().unwrap();
        assert_eq!((alone.without_answer, alone.named.len()), (2, 0));
    }

    #[test]
    fn ids_are_bounded() {
        let long = "x".repeat(BatchMet::BYTES / 2);
        let (mut one, other) = (met(&[(&long, BatchSide::Request)]), format!("{long}y"));
        one.add(&long, BatchSide::Answer, 0);
        assert_eq!(one.join().unwrap().joined, 1);
        one.add_all(met(&[(&other, BatchSide::Request)]));
        one.add("a", BatchSide::Request, 1);
        assert_eq!((one.join(), one.is_beyond()), (None, true));
        let mut few = met(&[("a", BatchSide::Request)]);
        few.add_all(one.clone());
        assert_eq!(few, one);
    }

    #[test]
    fn kinds_are_few_and_short() {
        let mut met = MessagesMet::default();
        for i in 0..200 {
            met.add_record("messages", &[format!("kind {i}").into()]);
        }
        assert_eq!((met.not_counted.len(), met.not_counted["other"]), (101, 100));
        let mut met = MessagesMet::default();
        met.add_record("messages", &["x".repeat(1000).into(), "image".into()]);
        let kinds: Vec<_> = met.not_counted.into_keys().collect();
        assert_eq!(kinds, ["image", "other"]);
    }
}

//! A document that is counted in parts, maybe by several workers at once.
//!
//! Its sums count only when every part was counted and its end was read: a document is counted whole or not at all.
//! When parts fail, the failure at the lowest byte is the document's, whichever worker was first.

use std::sync::{Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use crate::position::Position;
use crate::skip_reason::SkipReason;
use crate::{Merge, Tally};

/// The account of a document while its parts are counted.
pub(crate) struct LongDocument {
    /// The index of the file in the list of inputs.
    pub file: usize,
    /// Where it is in it.
    pub position: Position,
    /// The group that it belongs to; its language is missing if the document is not labelled.
    pub group: Group,
    state: Mutex<State>,
}

/// A document that is half counted, at rest.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SavedDocument {
    position: Position,
    group: Group,
    state: State,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct State {
    tally: Tally,
    parts: usize,
    complete: bool,
    settled: bool,
    failure: Option<(u64, SkipReason)>,
    language: Option<String>,
    /// Its group, where that is not known from the beginning.
    group: Option<Group>,
}

/// The key of a group, and whether there is all of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    pub key: Box<[u8]>,
    /// False where a detector must still say the language.
    pub is_labelled: bool,
    /// The id of the document, where one is asked for and its record has one.
    pub id: Option<Box<str>>,
}

/// What became of a document: its sums, or why it is not counted.
pub(crate) type Settled = Result<Tally, SkipReason>;

impl LongDocument {
    pub fn new(file: usize, position: Position, group: Group) -> LongDocument {
        LongDocument { file, position, group, state: Mutex::default() }
    }

    /// What a checkpoint keeps of it while no part of it is being counted.
    pub fn save(&self) -> SavedDocument {
        SavedDocument {
            position: self.position.clone(),
            group: self.group.clone(),
            state: self.state().clone(),
        }
    }

    /// The document in `file` that was kept.
    pub fn resume(file: usize, saved: SavedDocument) -> LongDocument {
        let SavedDocument { position, group, state } = saved;
        LongDocument { file, position, group, state: Mutex::new(state) }
    }

    /// One more part will be counted.
    pub fn begin_part(&self) {
        self.state().parts += 1;
    }

    /// Says to which group it belongs, before its end is read, in place of the group that it was made with.
    pub fn set_group(&self, group: Group) {
        self.state().group = Some(group);
    }

    /// The group that it belongs to, once it has settled.
    pub fn settled_group(&self) -> Group {
        self.state().group.clone().unwrap_or_else(|| self.group.clone())
    }

    /// The language was found.
    pub fn set_language(&self, language: String) {
        self.state().language = Some(language);
    }

    /// The language that was found, once.
    pub fn take_language(&self) -> Option<String> {
        self.state().language.take()
    }

    /// Whether a part at `offset` can still matter.
    pub fn is_wanted(&self, offset: u64) -> bool {
        self.state().failure.as_ref().is_none_or(|(failed, _)| offset < *failed)
    }

    /// The part that is at `offset` was counted, or was found bad at the byte that comes with the reason. Says
    /// what became of the document if this was all of it.
    pub fn end_part(&self, result: Result<Tally, (u64, SkipReason)>) -> Option<Settled> {
        let mut state = self.state();
        state.parts -= 1;
        match result {
            Ok(tally) => state.tally.merge(&tally),
            Err((offset, bad)) => state.fail(offset, bad),
        }
        state.settle()
    }

    /// The end was read, or the reading failed at a byte; no part will follow.
    pub fn end(&self, failure: Option<(u64, SkipReason)>) -> Option<Settled> {
        let mut state = self.state();
        state.complete = true;
        if let Some((offset, bad)) = failure {
            state.fail(offset, bad);
        }
        state.settle()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    fn fail(&mut self, offset: u64, bad: SkipReason) {
        if self.failure.as_ref().is_none_or(|(failed, _)| offset < *failed) {
            self.failure = Some((offset, bad));
        }
    }

    fn settle(&mut self) -> Option<Settled> {
        if !self.complete || self.parts > 0 || self.settled {
            return None;
        }
        self.settled = true;
        Some(match self.failure.take() {
            Some((_, bad)) => Err(bad),
            None => {
                self.tally.finish_document();
                Ok(std::mem::take(&mut self.tally))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skip_reason::Reason;

    fn group() -> Group {
        Group { key: [].into(), is_labelled: true, id: None }
    }

    fn part() -> Result<Tally, (u64, SkipReason)> {
        Ok(Tally { bytes: 2, chars: 2, tokens: vec![3], ..Tally::default() })
    }

    #[test]
    fn settles_once_when_complete_and_all_parts_are_in() {
        let document = LongDocument::new(0, Position::default(), group());
        document.begin_part();
        document.begin_part();
        assert!(document.end_part(part()).is_none());
        assert!(document.end(None).is_none());
        let tally = document.end_part(part()).unwrap().unwrap();
        assert_eq!((tally.documents, tally.bytes, tally.tokens), (1, 4, vec![6]));
    }

    #[test]
    fn the_first_failure_in_the_text_is_the_reason() {
        let bad = |n: u64| (n, SkipReason::new(Reason::SpecialToken, n.to_string()));
        let document = LongDocument::new(0, Position::default(), group());
        (0..3).for_each(|_| document.begin_part());
        assert!(document.end(Some(bad(9))).is_none());
        assert!(document.end_part(Err(bad(7))).is_none());
        assert!(document.is_wanted(3) && !document.is_wanted(8));
        assert!(document.end_part(Err(bad(3))).is_none());
        assert_eq!(document.end_part(part()).unwrap().unwrap_err().detail, "3");
    }
}

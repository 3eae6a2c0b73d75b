//! A document that is counted in parts, maybe by several workers at once.
//!
//! Its sums count only when every part was counted and its end was read: a document is counted whole or not at all.
//! When parts fail, the failure at the lowest byte is the document's, whichever worker was first.

use std::sync::{Mutex, MutexGuard};

use fasttok_engine::{Encoding, Special};

use crate::Tally;
use crate::ledger::Bad;

/// After a place to cut there must be this much text: a cut is proven by what stands around it, and text that has
/// not been read yet (the rest of a special token, say) must not change the proof.
pub(crate) const CUT_MARGIN: usize = 1024;

/// The first place at or after `from` where all `encodings` may cut `text`. `from` need not be on a character.
pub(crate) fn find_cut(
    encodings: &[std::sync::Arc<Encoding>],
    special: Special,
    text: &str,
    from: usize,
) -> Option<usize> {
    let mut at = from.max(1);
    loop {
        while at < text.len() && !text.is_char_boundary(at) {
            at += 1;
        }
        let before = at;
        for encoding in encodings {
            if at >= text.len() {
                return None;
            }
            at = encoding.cut(text, at, special)?;
        }
        // All agree only if nobody moved the place that the first one found.
        if at == before {
            return (at < text.len()).then_some(at);
        }
    }
}

/// The account of a document while its parts are counted.
pub(crate) struct LongDocument {
    /// The place of the file in the list of inputs.
    pub file: usize,
    /// The line where it stands; `None` where it is the whole file.
    pub line: Option<u64>,
    /// The group that it belongs to.
    pub group: Box<[u8]>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tally: Tally,
    parts: usize,
    complete: bool,
    settled: bool,
    failure: Option<(u64, Bad)>,
}

/// What became of a document: its sums, or why it is not counted.
pub(crate) type Settled = Result<Tally, Bad>;

impl LongDocument {
    pub fn new(file: usize, line: Option<u64>, group: Box<[u8]>) -> LongDocument {
        LongDocument {
            file,
            line,
            group,
            state: Mutex::default(),
        }
    }

    /// One more part will be counted.
    pub fn begin_part(&self) {
        self.state().parts += 1;
    }

    /// Whether a part at `offset` can still matter.
    pub fn is_wanted(&self, offset: u64) -> bool {
        self.state()
            .failure
            .as_ref()
            .is_none_or(|(failed, _)| offset < *failed)
    }

    /// The part that stands at `offset` was counted, or was found bad at the byte that comes with the reason. Says
    /// what became of the document if this was all of it.
    pub fn end_part(&self, result: Result<Tally, (u64, Bad)>) -> Option<Settled> {
        let mut state = self.state();
        state.parts -= 1;
        match result {
            Ok(tally) => state.tally.add(&tally),
            Err((offset, bad)) => state.fail(offset, bad),
        }
        state.settle()
    }

    /// The end was read, or the reading failed at a byte; no part will follow.
    pub fn end(&self, failure: Option<(u64, Bad)>) -> Option<Settled> {
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
    fn fail(&mut self, offset: u64, bad: Bad) {
        if self
            .failure
            .as_ref()
            .is_none_or(|(failed, _)| offset < *failed)
        {
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
                self.tally.documents = 1;
                Ok(std::mem::take(&mut self.tally))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Reason;

    fn part() -> Result<Tally, (u64, Bad)> {
        Ok(Tally::of_text("ab", &[3]))
    }

    #[test]
    fn settles_once_when_complete_and_all_parts_are_in() {
        let document = LongDocument::new(0, None, [].into());
        document.begin_part();
        document.begin_part();
        assert!(document.end_part(part()).is_none());
        assert!(document.end(None).is_none());
        let tally = document.end_part(part()).unwrap().unwrap();
        assert_eq!(
            (tally.documents, tally.bytes, tally.tokens),
            (1, 4, vec![6])
        );
    }

    #[test]
    fn the_first_failure_in_the_text_is_the_reason() {
        let bad = |n: u64| (n, Bad::new(Reason::SpecialToken, n.to_string()));
        let document = LongDocument::new(0, None, [].into());
        (0..3).for_each(|_| document.begin_part());
        assert!(document.end(Some(bad(9))).is_none());
        assert!(document.end_part(Err(bad(7))).is_none());
        assert!(document.is_wanted(3) && !document.is_wanted(8));
        assert!(document.end_part(Err(bad(3))).is_none());
        assert_eq!(document.end_part(part()).unwrap().unwrap_err().detail, "3");
    }

    #[test]
    fn a_cut_is_one_for_every_encoding() {
        let encodings = ["cl100k_base", "r50k_base"].map(|name| Encoding::embedded(name).unwrap());
        let text = "one two\nthree äöü four\nfive".repeat(20);
        let mut from = 0;
        while let Some(at) = find_cut(&encodings, Special::Text, &text, from) {
            for encoding in &encodings {
                assert_eq!(encoding.cut(&text, at, Special::Text), Some(at));
            }
            from = at + 1;
        }
        assert!(from > 0);
        for from in [0, 1, 2, 9] {
            assert_eq!(find_cut(&encodings, Special::Text, "ä", from), None);
        }
    }
}

//! A document that is counted in parts, maybe by several workers at once.
//!
//! Its sums count only when every part was counted and its end was read: a document is counted whole or not at all.
//! When parts fail, the failure at the lowest byte is the document's, whichever worker was first.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard};

use fasttok_engine::{Encoding, Special};
use unicode_segmentation::UnicodeSegmentation;

use crate::Tally;
use crate::ledger::Bad;

/// After a place to cut there must be this much text: a cut is proven by what stands around it, and text that has
/// not been read yet (the rest of a special token, say) must not change the proof.
pub(crate) const CUT_MARGIN: usize = 1024;

/// The first place at or after `from` where all `encodings` may cut `text`, and, with `whole_words`, where no word and
/// no grapheme cluster of UAX #29 is cut. `from` need not be on a character.
pub(crate) fn find_cut(
    encodings: &[Arc<Encoding>],
    special: Special,
    whole_words: bool,
    text: &str,
    from: usize,
) -> Option<usize> {
    // A defect of the engine costs the document that it is met in, where that is counted; not the file.
    let cut = || find_cut_unguarded(encodings, special, whole_words, text, from);
    catch_unwind(AssertUnwindSafe(cut)).unwrap_or_default()
}

fn find_cut_unguarded(
    encodings: &[Arc<Encoding>],
    special: Special,
    whole_words: bool,
    text: &str,
    from: usize,
) -> Option<usize> {
    #[cfg(test)]
    assert!(!text.contains(crate::measure::PANIC), "an injected panic");
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
        if at == before && at < text.len() && whole_words && !ends_word(text, at) {
            at += 1;
        } else if at == before {
            return (at < text.len()).then_some(at);
        }
    }
}

/// Whether a word and a grapheme cluster are known to end at `at`: before a space or a line end that follows a letter
/// or a number.
fn ends_word(text: &str, at: usize) -> bool {
    let Some(before) = text[..at].chars().next_back() else { return false };
    // A few letters (the Prepend of UAX #29) are one cluster with what follows.
    let mut pair = [0; 5];
    let len = before.encode_utf8(&mut pair).len();
    pair[len] = b' ';
    matches!(text.as_bytes()[at], b' ' | b'\n')
        && before.is_alphanumeric()
        && std::str::from_utf8(&pair[..=len]).is_ok_and(|pair| pair.graphemes(true).count() == 2)
}

/// The account of a document while its parts are counted.
pub(crate) struct LongDocument {
    /// The place of the file in the list of inputs.
    pub file: usize,
    /// The line where it stands; `None` where it is the whole file.
    pub line: Option<u64>,
    /// The group that it belongs to; its language is missing if the document is not labelled.
    pub group: Group,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tally: Tally,
    parts: usize,
    complete: bool,
    settled: bool,
    failure: Option<(u64, Bad)>,
    language: Option<String>,
}

/// The key of a group, and whether there is all of it.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub key: Box<[u8]>,
    /// False where a detector must still say the language.
    pub is_labelled: bool,
}

/// What became of a document: its sums, or why it is not counted.
pub(crate) type Settled = Result<Tally, Bad>;

impl LongDocument {
    pub fn new(file: usize, line: Option<u64>, group: Group) -> LongDocument {
        LongDocument { file, line, group, state: Mutex::default() }
    }

    /// One more part will be counted.
    pub fn begin_part(&self) {
        self.state().parts += 1;
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
    use crate::ledger::Reason;

    fn group() -> Group {
        Group { key: [].into(), is_labelled: true }
    }

    fn part() -> Result<Tally, (u64, Bad)> {
        Ok(Tally { bytes: 2, chars: 2, tokens: vec![3], ..Tally::default() })
    }

    #[test]
    fn settles_once_when_complete_and_all_parts_are_in() {
        let document = LongDocument::new(0, None, group());
        document.begin_part();
        document.begin_part();
        assert!(document.end_part(part()).is_none());
        assert!(document.end(None).is_none());
        let tally = document.end_part(part()).unwrap().unwrap();
        assert_eq!((tally.documents, tally.bytes, tally.tokens), (1, 4, vec![6]));
    }

    #[test]
    fn the_first_failure_in_the_text_is_the_reason() {
        let bad = |n: u64| (n, Bad::new(Reason::SpecialToken, n.to_string()));
        let document = LongDocument::new(0, None, group());
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
        while let Some(at) = find_cut(&encodings, Special::Text, false, &text, from) {
            for encoding in &encodings {
                assert_eq!(encoding.cut(&text, at, Special::Text), Some(at));
            }
            from = at + 1;
        }
        assert!(from > 0);
        for from in [0, 1, 2, 9] {
            assert_eq!(find_cut(&encodings, Special::Text, false, "ä", from), None);
        }
    }

    #[test]
    fn words_and_clusters_of_parts_add_up() {
        let encodings = [Encoding::embedded("o200k_base").unwrap()];
        let text =
            "can't stop.now e.g. 3,5 \u{D4E} x \u{D4E}\nнет да\u{301} 中文 字 ไทย a\u{200D} b "
                .repeat(9);
        let mut from = 0;
        let mut cuts = 0;
        while let Some(at) = find_cut(&encodings, Special::Text, true, &text, from) {
            let (left, right) = text.split_at(at);
            let graphemes = |text: &str| text.graphemes(true).count();
            let words = |text: &str| text.unicode_words().count();
            assert_eq!(graphemes(left) + graphemes(right), graphemes(&text), "{right:?}");
            assert_eq!(words(left) + words(right), words(&text), "{right:?}");
            from = at + 1;
            cuts += 1;
        }
        assert!(cuts > 50);
    }
}

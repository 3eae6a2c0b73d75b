//! Where a long text may be cut: the one file of the workspace that decides it.
//!
//! The parts of a text may be counted apart only if their counts add up. [`Encoding::split_point`] knows where that is
//! proven for one encoding; here several agree, and text is looked at through a window, for a long one need not be in
//! UTF-8 nor read to its end.
//!
//! ```text
//! "one two\nthree …"      cl100k_base may cut after "one", o200k_base too: 6F 6E 65 | 20 74 77 6F 0A
//! "x中文字符没有标点…"      no letter is followed by white space: nowhere, and the text is one part
//! ```
//!
//! What a cut needs around it is bounded by [`MARGIN`]: text that is not in the window, or was not read yet (the rest
//! of a special token, say), could change the proof.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fasttok_engine::{Encoding, Special, Utf8Errors, is_interrupted};
use unicode_segmentation::UnicodeSegmentation;

use crate::text::StoredText;

/// What must be known of the text around a cut, in bytes and in units, unless the text begins or ends there.
const MARGIN: usize = 1024;
/// Units of text that a part begins to look for its end with.
const WINDOW: usize = 1 << 12;
/// How far before the end of what was read [`Splitter::last_split_point`] looks first, in bytes.
const LAST: usize = 64 << 10;

/// Where texts may be cut, for some encodings at once.
pub struct Splitter<'e> {
    /// Those whose counts must add up.
    pub encodings: &'e [Arc<Encoding>],
    /// How they treat special tokens.
    pub special: Special,
    /// Neither a word nor a grapheme cluster (UAX #29) may be cut.
    pub whole_words: bool,
}

impl Splitter<'_> {
    /// The first offset at or after `from` where `text` may be cut; `None` where none is known. `from` need not be
    /// between characters.
    ///
    /// ```
    /// use fasttok_engine::{Encoding, Special};
    /// use fasttok_parallel::Splitter;
    ///
    /// let encodings = [Encoding::embedded("cl100k_base")?, Encoding::embedded("o200k_base")?];
    /// let splitter = Splitter { encodings: &encodings, special: Special::Text, whole_words: false };
    /// assert_eq!(splitter.split_point("one two three", 4), Some(7));
    /// assert_eq!(splitter.split_point("indivisible", 4), None);
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn split_point(&self, text: &str, from: usize) -> Option<usize> {
        // A defect of the engine costs the part that it is in, where that is counted; not what is around it.
        catch_unwind(AssertUnwindSafe(|| self.split_point_unguarded(text, from)))
            .unwrap_or_default()
    }

    fn split_point_unguarded(&self, text: &str, from: usize) -> Option<usize> {
        #[cfg(test)]
        assert!(!text.contains(PANIC), "an injected panic");
        let mut at = from.max(1);
        loop {
            while at < text.len() && !text.is_char_boundary(at) {
                at += 1;
            }
            let before = at;
            for encoding in self.encodings {
                if at >= text.len() {
                    return None;
                }
                at = encoding.split_point(text, at, self.special)?;
            }
            // All agree only if nobody moved the offset that the first one found.
            if at == before && at < text.len() && self.whole_words && !ends_word(text, at) {
                at += 1;
            } else if at == before {
                return (at < text.len()).then_some(at);
            }
        }
    }

    /// An offset where `text` may be cut, near its end if there is one there: what is after `text` is not known yet.
    /// There is none before `searched`.
    ///
    /// ```
    /// # use fasttok_engine::{Encoding, Special};
    /// # use fasttok_parallel::Splitter;
    /// let encodings = [Encoding::embedded("o200k_base")?];
    /// let splitter = Splitter { encodings: &encodings, special: Special::Text, whole_words: true };
    /// // What was read so far of a long text.
    /// let text = "one two ".repeat(1_000);
    /// let at = splitter.last_split_point(&text, 0).expect("words end");
    /// assert!(text[at..].starts_with(' ') && at <= text.len() - 1024);
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn last_split_point(&self, text: &str, searched: usize) -> Option<usize> {
        let limit = text.len().checked_sub(MARGIN)?;
        let first = searched.saturating_sub(2 * MARGIN);
        [limit.saturating_sub(LAST), limit / 2, first]
            .into_iter()
            .find_map(|from| self.split_point(text, from.max(first)).filter(|&cut| cut <= limit))
    }

    /// Where the part of `text` that begins at the unit `start` ends: about `size` units later, if it may be cut
    /// there, and else wherever it next may be. Only windows of the text are decoded.
    ///
    /// ```
    /// # use fasttok_engine::{Encoding, Special, Utf8Errors};
    /// # use fasttok_parallel::Splitter;
    /// let encodings = [Encoding::embedded("o200k_base")?];
    /// let splitter = Splitter { encodings: &encodings, special: Special::Text, whole_words: false };
    /// let text = "one two ".repeat(100_000);
    /// let end = splitter.part_end(&*text, 0, 10_000, Utf8Errors::Strict, &mut Vec::new());
    /// assert!((10_000..10_010).contains(&end) && text[end..].starts_with(' '));
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn part_end<T: StoredText + ?Sized>(
        &self,
        text: &T,
        start: usize,
        size: usize,
        errors: Utf8Errors,
        scratch: &mut Vec<u8>,
    ) -> usize {
        let len = text.units();
        let mut window = WINDOW;
        let mut from = start + size;
        while from + size / 2 < len && !is_interrupted() {
            let begin = text.reading_start(from.max(start + MARGIN) - MARGIN).max(start);
            let end = text.reading_start((from + window).min(len));
            let Ok(decoded) = text.decode(begin..end, errors, scratch) else {
                // The part fails anyway.
                return end;
            };
            let target = decoded.len() * (from - begin) / (end - begin);
            match self.split_point(&decoded, target) {
                // Too near the end a special token could begin of which the window shows a part.
                Some(cut) if cut + MARGIN <= decoded.len() || end == len => {
                    return begin + text.units_of(begin, cut);
                }
                _ => {
                    from = end.saturating_sub(2 * MARGIN).max(from + 1);
                    window = (window * 4).min(size);
                }
            }
        }
        len
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

/// A window of text that holds this makes the tests' engine panic where it looks for a split point.
#[cfg(test)]
pub(crate) const PANIC: &str = "\u{10fffe}\u{10ffff}";

#[cfg(test)]
mod tests {
    use super::*;

    fn encodings() -> [Arc<Encoding>; 2] {
        ["cl100k_base", "r50k_base"].map(|name| Encoding::embedded(name).unwrap())
    }

    #[test]
    fn a_cut_is_one_for_every_encoding() {
        let encodings = encodings();
        let splitter =
            Splitter { encodings: &encodings, special: Special::Text, whole_words: false };
        let text = "one two\nthree äöü four\nfive".repeat(20);
        let mut from = 0;
        while let Some(at) = splitter.split_point(&text, from) {
            for encoding in &encodings {
                assert_eq!(encoding.split_point(&text, at, Special::Text), Some(at));
            }
            from = at + 1;
        }
        assert!(from > 0);
        for from in [0, 1, 2, 9] {
            assert_eq!(splitter.split_point("ä", from), None);
        }
    }

    #[test]
    fn words_and_clusters_of_parts_add_up() {
        let encodings = [Encoding::embedded("o200k_base").unwrap()];
        let splitter =
            Splitter { encodings: &encodings, special: Special::Text, whole_words: true };
        let text =
            "can't stop.now e.g. 3,5 \u{D4E} x \u{D4E}\nнет да\u{301} 中文 字 ไทย a\u{200D} b "
                .repeat(9);
        let mut from = 0;
        let mut cuts = 0;
        while let Some(at) = splitter.split_point(&text, from) {
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

    /// The counts of the parts add up, wherever a window happens to begin and end.
    #[test]
    fn parts_add_up() {
        let encodings = encodings();
        let text = "one two\nthree äöü four 中文字 five😀 six's   \n\n".repeat(400)
            + &"x".repeat(9000)
            + &" after it".repeat(900);
        let mut scratch = Vec::new();
        let mut most = 0;
        for (special, size) in
            [Special::Text, Special::Token].into_iter().zip([300, 999, 5000].into_iter().cycle())
        {
            let splitter = Splitter { encodings: &encodings, special, whole_words: false };
            let mut counters = encodings.clone().map(fasttok_engine::Counter::new);
            let mut counts = [0; 2];
            let (mut start, mut parts) = (0, 0);
            while start < text.len() {
                let errors = Utf8Errors::Strict;
                let end = splitter.part_end(&text, start, size, errors, &mut scratch);
                assert!(end > start && text.is_char_boundary(end));
                for (count, counter) in counts.iter_mut().zip(&mut counters) {
                    *count += counter.count(&text[start..end], special).unwrap();
                }
                (start, parts) = (end, parts + 1);
            }
            let whole = counters.each_mut().map(|counter| counter.count(&text, special).unwrap());
            assert_eq!(counts, whole);
            most = most.max(parts);
        }
        assert!(most > 50);
    }

    /// A defect that is met while a text is cut is none of counting it: there is no split point, that is all.
    #[test]
    fn a_panic_is_no_split_point() {
        let encodings = encodings();
        let splitter =
            Splitter { encodings: &encodings, special: Special::Text, whole_words: false };
        assert_eq!(splitter.split_point(&format!("one two {PANIC}"), 0), None);
        let text = format!("{}{PANIC}{}", "one two ".repeat(40_000), " three four".repeat(40_000));
        let defect = text.find(PANIC).unwrap();
        let (mut start, mut ends, mut scratch) = (0, Vec::new(), Vec::new());
        while start < text.len() {
            start = splitter.part_end(&*text, start, 20_000, Utf8Errors::Strict, &mut scratch);
            ends.push(start);
        }
        // Both sides are cut all the same, and one part holds what cannot be looked at.
        assert!(ends.iter().filter(|&&end| end < defect).count() > 5, "{ends:?}");
        assert!(ends.iter().filter(|&&end| end > defect).count() > 5, "{ends:?}");
    }

    #[test]
    fn the_last_cut_leaves_a_margin() {
        let encodings = encodings();
        let splitter =
            Splitter { encodings: &encodings, special: Special::Text, whole_words: false };
        let text = "word ".repeat(1000);
        let cut = splitter.last_split_point(&text, 0).unwrap();
        assert!(splitter.split_point(&text, cut) == Some(cut) && cut + MARGIN <= text.len());
        assert_eq!(splitter.last_split_point(&text[..MARGIN - 1], 0), None);
        assert_eq!(splitter.last_split_point(&"x".repeat(10_000), 0), None);
    }
}

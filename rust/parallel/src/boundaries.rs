//! Where a part of a text may end: at characters, words, sentences, lines or paragraphs. Knows no tokens.

use std::cell::RefCell;
use std::ops::Range;

use memchr::{memchr, memrchr};
use unicode_segmentation::UnicodeSegmentation;

/// What a part of a text may not cut. Each ends where the next finer one does: a line end ends a sentence, too (UAX #29).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// Characters, as `char`.
    Char,
    /// Words, and what is between them (UAX #29).
    Word,
    /// Sentences, with the white space after them (UAX #29).
    Sentence,
    /// Lines, with their line ends: `\n`, `\r\n`, `\r`, VT, FF, U+0085, U+2028 and U+2029.
    Line,
    /// Lines up to and with the blank ones that follow.
    Paragraph,
}

impl Boundary {
    /// All of them, the finest first, and what they are called.
    pub const NAMES: [(&'static str, Boundary); 5] = [
        ("char", Boundary::Char),
        ("word", Boundary::Word),
        ("sentence", Boundary::Sentence),
        ("line", Boundary::Line),
        ("paragraph", Boundary::Paragraph),
    ];

    /// Whether what comes after a newline is cut as if nothing were before it, and what is before as if nothing came after.
    fn ends_at_newlines(self) -> bool {
        self != Boundary::Paragraph
    }

    /// Marks where they end in `range` of `text`.
    fn mark(self, text: &str, range: Range<usize>, ends: &mut Marks) {
        let first = range.start;
        let text = &text[range];
        let mut mark = |at: usize| ends.mark(first + at);
        match self {
            // Told by the text itself.
            Boundary::Char => {}
            Boundary::Word => text.split_word_bound_indices().for_each(|(at, _)| mark(at)),
            Boundary::Sentence => text.split_sentence_bound_indices().for_each(|(at, _)| mark(at)),
            Boundary::Line => lines(text, |at, _| mark(at)),
            Boundary::Paragraph => {
                let mut after_blank = true;
                lines(text, |at, line| {
                    let blank = line.trim().is_empty();
                    if after_blank && !blank {
                        mark(at);
                    }
                    after_blank = blank;
                });
            }
        }
    }
}

/// Gives every line with its end to `then`, and where it begins.
fn lines(text: &str, mut then: impl FnMut(usize, &str)) {
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let ends = match c {
            '\r' => chars.peek().is_none_or(|&(_, next)| next != '\n'),
            '\n' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => true,
            _ => false,
        };
        if ends {
            let end = at + c.len_utf8();
            then(start, &text[start..end]);
            start = end;
        }
    }
    if start < text.len() {
        then(start, &text[start..]);
    }
}

/// A bit for each offset.
struct Marks(Vec<u64>);

impl Marks {
    /// None, of a text of so many bytes.
    fn new(bytes: usize) -> Marks {
        Marks(vec![0; bytes / 64 + 1])
    }

    fn mark(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn has(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 != 0
    }
}

/// Where the parts of one kind end, as far as was asked for.
struct Known {
    ends: Marks,
    /// The lines of which that is known, by the offsets at which they begin.
    lines: Marks,
    /// The last one that was asked for.
    line: Range<usize>,
}

impl Known {
    fn new(bytes: usize) -> Known {
        Known { ends: Marks::new(bytes), lines: Marks::new(bytes), line: 0..0 }
    }

    /// Whether a part of that kind ends at `at`, within `text`.
    fn allow(&mut self, boundary: Boundary, text: &str, at: usize) -> bool {
        if !self.line.contains(&at) {
            self.line = if boundary.ends_at_newlines() {
                let start = memrchr(b'\n', &text.as_bytes()[..at]).map_or(0, |before| before + 1);
                let end = memchr(b'\n', &text.as_bytes()[at..]);
                start..end.map_or(text.len(), |end| at + end + 1)
            } else {
                0..text.len()
            };
            if !self.lines.has(self.line.start) {
                self.lines.mark(self.line.start);
                boundary.mark(text, self.line.clone(), &mut self.ends);
            }
        }
        self.ends.has(at)
    }
}

/// Where parts of a text may end or begin, at the boundary that is wanted and at all finer ones. Looked for when first
/// asked for: words, sentences and lines line by line, since a newline ends them all whatever is around it (UAX #29).
///
/// ```
/// use fasttok_parallel::{Boundary, Ends};
///
/// let ends = Ends::new("One two. Three\n", Boundary::Sentence);
/// // Sentences, words, characters.
/// assert_eq!(ends.levels(), 3);
/// let at = |level| (1..=15).filter(|&at| ends.allow(level, at)).collect::<Vec<_>>();
/// assert_eq!(at(0), [9, 15]);
/// assert_eq!(at(1), [3, 4, 7, 8, 9, 14, 15]);
/// ```
pub struct Ends<'t> {
    text: &'t str,
    /// The boundaries, the coarsest first.
    levels: Vec<(Boundary, RefCell<Option<Known>>)>,
}

impl<'t> Ends<'t> {
    /// Those of `text`, `wanted` first.
    pub fn new(text: &'t str, wanted: Boundary) -> Ends<'t> {
        let all = Boundary::NAMES.iter().map(|&(_, boundary)| boundary);
        let coarser = all.skip_while(|&boundary| boundary != wanted).count() - 1;
        let levels = Boundary::NAMES.iter().rev().skip(coarser);
        Ends { text, levels: levels.map(|&(_, boundary)| (boundary, RefCell::default())).collect() }
    }

    /// How many boundaries there are.
    pub fn levels(&self) -> usize {
        self.levels.len()
    }

    /// Whether a part may end, and another begin, at the byte `at` by the boundary `level`, 0 being the one that was wanted.
    pub fn allow(&self, level: usize, at: usize) -> bool {
        let (boundary, known) = &self.levels[level];
        if at == 0 || at == self.text.len() {
            return true;
        }
        if *boundary == Boundary::Char {
            return self.text.is_char_boundary(at);
        }
        let mut known = known.borrow_mut();
        let known = known.get_or_insert_with(|| Known::new(self.text.len()));
        known.allow(*boundary, self.text, at)
    }
}

#[cfg(test)]
mod tests {
    use fasttok_testing::Random;

    use super::*;

    fn parts(text: &str, boundary: Boundary) -> Vec<&str> {
        let ends = Ends::new(text, boundary);
        let mut start = 0;
        let mut parts = Vec::new();
        for end in (1..=text.len()).filter(|&end| ends.allow(0, end)) {
            parts.push(&text[start..end]);
            start = end;
        }
        parts
    }

    /// What is found line by line, in whatever order, is what the whole text has.
    #[test]
    fn lines_are_apart() {
        let parts = [
            "one", "Two", ".", "?", "!", " ", "  ", "\n", "\r\n", "\r", "\u{B}", "\u{C}", "\u{85}",
            "\u{2028}", "'", "\"", ")", "3", "e.g. ", "\u{301}", "\u{200D}", "👩", "🇩", "ア", "中",
            "א", "。", "_", ",", "\u{AD}", "\t",
        ];
        let mut random = Random::new(0x9E37_79B9_7F4A_7C15);
        for _ in 0..3000 {
            let number = 1 + random.below(30);
            let text: String = (0..number).map(|_| parts[random.below(parts.len())]).collect();
            for (level, boundary) in
                [Boundary::Line, Boundary::Sentence, Boundary::Word].iter().enumerate()
            {
                let mut whole = Marks::new(text.len());
                boundary.mark(&text, 0..text.len(), &mut whole);
                let ends = Ends::new(&text, Boundary::Line);
                let mut offsets: Vec<usize> = (1..text.len()).collect();
                if random.below(2) == 0 {
                    offsets.reverse();
                }
                for at in offsets {
                    assert_eq!(ends.allow(level, at), whole.has(at), "{boundary:?} {text:?} {at}");
                }
            }
        }
    }

    #[test]
    fn what_parts_are() {
        let text = "One é. Two\r\nthree\n \n\nfour\rfive";
        assert_eq!(parts(text, Boundary::Char).len(), text.chars().count());
        assert_eq!(parts("a-b cd", Boundary::Word), ["a", "-", "b", " ", "cd"]);
        assert_eq!(
            parts(text, Boundary::Sentence),
            ["One é. ", "Two\r\n", "three\n", " \n", "\n", "four\r", "five"]
        );
        assert_eq!(
            parts(text, Boundary::Line),
            ["One é. Two\r\n", "three\n", " \n", "\n", "four\r", "five"]
        );
        assert_eq!(parts(text, Boundary::Paragraph), ["One é. Two\r\nthree\n \n\n", "four\rfive"]);
    }
}

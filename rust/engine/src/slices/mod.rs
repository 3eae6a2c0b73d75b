//! Parts of a text by their own counts: the longest prefix or suffix of at most so many tokens, a text split into such
//! parts, the count of any part ([`TextIndex`]), and of a text that is still being written ([`GrowingText`]).
//!
//! All rests on cuts: offsets at which the counts of both sides add up, whatever is around them
//! ([`Encoding::split_point`]). A prefix that ends after the cut `p` costs the tokens before `p` and those that the rest of it has
//! by itself, so no prefix beyond a cut is cheaper than the prefix up to it. The longest one that fits is therefore between two
//! neighbouring cuts, however much a prefix may cost more than the whole. Between them every end is tried, the longest
//! first. Where there are no cuts, the ends of pieces that no longer change do the same for prefixes, a suffix is its first
//! piece and the suffix after it ([`stretch`]), and within a long piece all prefixes or suffixes are counted at once ([`piece`]).
//!
//! Special tokens are text here. Knows no Python, and no words, lines or sentences: where a part may end is asked of the caller.

mod growing;
mod index;
mod piece;
mod stretch;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

pub use growing::GrowingText;
pub use index::TextIndex;

use self::piece::Side;
use self::stretch::Stretch;
use crate::encoding::Encoding;
use crate::interrupt::Watch;
use crate::pretokenize::{ByRuns, CONTRACTION};
use crate::{Counter, Error, Special, interrupt};

/// How far a cut is looked for at once, in bytes, and the longest text without one in which all ends are tried where pieces
/// are not told by runs.
pub(crate) const LOOK: usize = 1 << 14;
/// Texts of fewer bytes are not worth a look at cuts.
const FINE: usize = 48;
/// Cuts that are nearer to one another are all looked at.
const FINEST: usize = 8;
/// What lies between two cuts that are not farther apart is counted up to every end where a part may end.
const NEAR: usize = 96;
/// Parts that are counted at once.
const FANOUT: usize = 8;
/// Bytes in which pieces are looked for first.
const VIEW: usize = 1 << 8;

/// A part of a text and its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it is, in bytes.
    pub range: Range<usize>,
    /// The tokens that it has by itself.
    pub tokens: u64,
}

/// A text of which parts are wanted by their counts.
///
/// ```
/// use fasttok_engine::{Counter, Encoding, Slices};
///
/// let mut counter = Counter::new(Encoding::embedded("o200k_base")?);
/// let mut slices = Slices::new(&mut counter, "one two three");
/// assert_eq!(slices.longest_prefix(0, 2, &mut |_| true)?.range, 0..7);
/// assert_eq!(slices.longest_suffix(13, 0, 1, &mut |_| true)?.range, 7..13);
/// # Ok::<(), fasttok_engine::Error>(())
/// ```
pub struct Slices<'c, 't> {
    counter: &'c mut Counter,
    encoding: Arc<Encoding>,
    text: &'t str,
    /// No part of the text holds an added token.
    plain: bool,
    /// What finds the pieces of every part, where that can be told.
    by_runs: Option<ByRuns>,
    /// Bytes and tokens of what was counted: an estimate of what comes.
    seen: (usize, u64),
    watch: Watch,
}

/// Where the tokens of every longer prefix are those up to `at` and those of the rest by itself.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: usize,
    tokens: u64,
    /// How long "longer" is, as an offset.
    from: usize,
}

/// Parts from the same start on, which have at most so many tokens each.
struct Prefixes {
    start: usize,
    most: u64,
    marks: Vec<Mark>,
    stretch: Option<Stretch>,
    /// Where the longest one may end.
    last: usize,
}

/// Tokens of the suffixes of a part of the text.
struct Suffixes {
    /// Where the longest one begins.
    start: usize,
    /// By their bytes.
    counts: Vec<u64>,
}

impl Suffixes {
    /// Where all of them end.
    fn end(&self) -> usize {
        self.start + self.counts.len() - 1
    }

    /// Tokens of the one that begins at `begin`.
    fn count(&self, begin: usize) -> u64 {
        self.counts[self.end() - begin]
    }
}

/// The last offset between characters that is not after `at`.
fn boundary_before(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The first offset between characters that is not before `at`.
fn boundary_after(text: &str, at: usize) -> usize {
    (at..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

impl<'c, 't> Slices<'c, 't> {
    /// The parts of `text`, counted by `counter` with special tokens as text.
    pub fn new(counter: &'c mut Counter, text: &'t str) -> Slices<'c, 't> {
        let encoding = Arc::clone(counter.encoding());
        let plain = encoding.holds_no_added(text, Special::Text);
        let by_runs = encoding.pieces_by_runs().filter(|_| plain);
        Slices { counter, encoding, text, plain, by_runs, seen: (3, 1), watch: Watch::new() }
    }

    /// Tokens of a part of the text by itself.
    pub fn count(&mut self, range: Range<usize>) -> Result<u64, Error> {
        if range.is_empty() {
            return Ok(0);
        }
        let (bytes, seen) = (range.len(), &mut self.seen);
        self.watch.go_on(bytes)?;
        let tokens = self.counter.count(&self.text[range], Special::Text)?;
        if bytes >= FINE {
            *seen = (bytes, tokens.max(1));
        }
        Ok(tokens)
    }

    /// The first cut at or after `from`, if there is one in the next [`LOOK`] bytes.
    fn cut(&self, from: usize) -> Option<usize> {
        let view = boundary_before(self.text, from.saturating_add(LOOK));
        self.encoding.split_point_of(&self.text[..view], from, Special::Text, self.plain)
    }

    /// The last cut in `after + 1..before`, `after` where there is none; an error where a text longer than [`LOOK`] has none, if
    /// pieces are not told by runs.
    fn cut_before(&self, before: usize, after: usize) -> Result<usize, Error> {
        let (mut window, mut known) = (FINE, before);
        loop {
            let from = before.saturating_sub(window).max(after + 1);
            let mut last = None;
            let mut at = from;
            while at < before.min(known) {
                match self.cut(at) {
                    Some(cut) if cut < before => {
                        last = Some(cut);
                        at = cut + 1;
                    }
                    _ => at += LOOK,
                }
            }
            interrupt::check()?;
            known = from;
            let reached = from == after + 1;
            match last {
                Some(cut) => return Ok(cut),
                None if reached && (before - after <= LOOK || self.by_runs.is_some()) => {
                    return Ok(after);
                }
                None if window > LOOK && self.by_runs.is_none() => return Err(self.no_cut(from)),
                None => window = window.saturating_mul(4),
            }
        }
    }

    fn no_cut(&self, offset: usize) -> Error {
        Error::NoCut { offset, limit: LOOK }
    }

    /// So many sixteenths of the bytes that `tokens` are if they are as those before.
    fn estimate(&self, tokens: u64, sixteenths: u128) -> usize {
        let bytes = u128::from(tokens) * self.seen.0 as u128 * sixteenths / 16;
        usize::try_from(bytes / u128::from(self.seen.1)).unwrap_or(usize::MAX)
    }

    /// The longest part from `start` on that has at most `most` tokens by itself and ends between characters where
    /// `allowed` says so; empty where none has.
    pub fn longest_prefix(
        &mut self,
        start: usize,
        most: u64,
        allowed: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Part, Error> {
        let mut prefixes = self.prefixes(start, most)?;
        self.longest_of(&mut prefixes, allowed)
    }

    /// Learns of the parts from `start` on, up to an end beyond which none has at most `most` tokens.
    ///
    /// As much as is likely to have more is counted in [`FANOUT`] parts at once, then the first of them that is too much, until
    /// that is what lies between two neighbouring cuts.
    fn prefixes(&mut self, start: usize, most: u64) -> Result<Prefixes, Error> {
        let len = self.text.len();
        let mut marks = vec![Mark { at: start, tokens: 0, from: start }];
        let mut stretch = None;
        let (mut at, mut tokens) = (start, 0);
        // A cut up to which it is too much; and how far from one another cuts are looked for.
        let (mut beyond, mut spacing) = (None, usize::MAX);
        let last = loop {
            if at == len {
                break len;
            }
            let likely = || at.saturating_add(self.estimate(most - tokens, 17).max(1)).min(len);
            let reach = beyond.unwrap_or_else(likely);
            spacing = spacing.min(reach - at) / FANOUT;
            if spacing < FINEST {
                spacing = 1;
            }
            let ends = self.cuts(at, reach, spacing, beyond);
            let next = ends.first().copied();
            let far = next.is_none_or(|next| spacing == 1 && next - at > NEAR);
            if let (true, Some(by_runs)) = (far, self.by_runs) {
                let stretch = stretch.insert(Stretch::new(&self.encoding, by_runs, at));
                break self.last_end(stretch, (at, tokens), most, &mut marks)?;
            }
            if spacing == 1 && next.is_none_or(|next| next - at > LOOK) {
                return Err(self.no_cut(at));
            }
            if next.is_none() {
                spacing = 1;
                continue;
            }
            if next == beyond {
                if spacing == 1 {
                    // Up to that one it is too much.
                    break next.map_or(len, |next| next - 1);
                }
                continue;
            }
            let parts = self.count_parts(at, &ends)?;
            beyond = None;
            for (&end, &more) in ends.iter().zip(parts) {
                if tokens + more > most {
                    beyond = Some(end);
                    break;
                }
                (at, tokens) = (end, tokens + more);
                marks.push(Mark { at, tokens, from: at });
            }
            if beyond.is_none() {
                spacing = usize::MAX;
            }
            if at - start >= FINE {
                self.seen = (at - start, tokens.max(1));
            }
        };
        Ok(Prefixes { start, most, marks, stretch, last })
    }

    /// The first cuts that are at least `spacing` bytes from `at` and from one another, up to about `reach`, or up to the cut
    /// `beyond`. The end of the text is one.
    fn cuts(&self, at: usize, reach: usize, spacing: usize, beyond: Option<usize>) -> Vec<usize> {
        let mut cuts = Vec::with_capacity(FANOUT + 1);
        let mut from = at + spacing;
        while from < reach || cuts.is_empty() {
            let cut = match self.cut(from) {
                None if beyond.is_none() && self.text.len().saturating_sub(from) > LOOK => break,
                cut => cut.or(beyond).unwrap_or(self.text.len()),
            };
            cuts.push(cut);
            from = cut + spacing;
        }
        let last = cuts.last().copied();
        cuts.extend(beyond.filter(|_| last != beyond));
        cuts
    }

    /// Tokens of the parts that end at `ends`, the first of which begins at `start`, each by itself.
    fn count_parts(&mut self, mut start: usize, ends: &[usize]) -> Result<&[u64], Error> {
        self.watch.go_on(ends.last().map_or(0, |end| end - start))?;
        let mut batch = self.counter.batch();
        for &end in ends {
            batch.add(&self.text[start..end], Special::Text)?;
            start = end;
        }
        Ok(batch.finish())
    }

    /// The longest of the parts that ends where `allowed` says so.
    fn longest_of(
        &mut self,
        prefixes: &mut Prefixes,
        allowed: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Part, Error> {
        let Prefixes { start, most, marks, stretch, last } = prefixes;
        for end in (*start + 1..=*last).rev() {
            if !self.text.is_char_boundary(end) || !allowed(end) {
                continue;
            }
            let tokens = self.tokens_up_to(end, marks, stretch)?;
            if tokens <= *most {
                if end - *start >= FINE {
                    self.seen = (end - *start, tokens.max(1));
                }
                return Ok(Part { range: *start..end, tokens });
            }
        }
        Ok(Part { range: *start..*start, tokens: 0 })
    }

    /// Tokens of the prefix that ends at `end`.
    fn tokens_up_to(
        &mut self,
        end: usize,
        marks: &[Mark],
        stretch: &mut Option<Stretch>,
    ) -> Result<u64, Error> {
        let Mark { mut at, mut tokens, .. } =
            marks[marks.partition_point(|mark| mark.from <= end) - 1];
        if let Some(stretch) = stretch.as_mut().filter(|stretch| stretch.start() <= at) {
            // Where the first pieces are short, they are counted with what comes after them.
            while stretch.is_long(end - at) {
                let next = stretch.piece_end(&self.text.as_bytes()[..end], at).at;
                tokens += self.count_piece(stretch, at..next, Side::Begin)?;
                at = next;
            }
        }
        Ok(tokens + self.count(at..end)?)
    }

    /// Tokens of a piece, of which other parts from that side will be asked for.
    fn count_piece(
        &mut self,
        stretch: &mut Stretch,
        piece: Range<usize>,
        side: Side,
    ) -> Result<u64, Error> {
        if stretch.is_long(piece.len()) {
            let ends = (piece.start, piece.end);
            let known = stretch.count(&self.encoding, self.text.as_bytes(), ends, side)?;
            if let Some(count) = known {
                return Ok(count);
            }
        }
        self.count(piece)
    }

    /// An offset such that no prefix beyond it has at most `most` tokens; those up to `at` are `tokens`. Adds to
    /// `marks` and `stretch` what it learns.
    fn last_end(
        &mut self,
        stretch: &mut Stretch,
        (at, tokens): (usize, u64),
        most: u64,
        marks: &mut Vec<Mark>,
    ) -> Result<usize, Error> {
        let len = self.text.len();
        let known = marks.len();
        let mut size = VIEW;
        loop {
            let view = boundary_before(self.text, at.saturating_add(size));
            marks.truncate(known);
            stretch.extend(&self.text.as_bytes()[..view]);
            interrupt::check()?;
            if let Some(last) = self.last_end_in(stretch, view, (at, tokens), most, marks)? {
                return Ok(last.min(view));
            }
            if view == len {
                return Ok(len);
            }
            size = size.saturating_mul(4);
        }
    }

    /// The same, where it is known from the text up to `view`.
    fn last_end_in(
        &mut self,
        stretch: &mut Stretch,
        view: usize,
        (mut at, mut tokens): (usize, u64),
        most: u64,
        marks: &mut Vec<Mark>,
    ) -> Result<Option<usize>, Error> {
        let mut from = at;
        while at < view {
            let end = stretch.piece_end(&self.text.as_bytes()[..view], at);
            if stretch.is_long(end.at - at) {
                let most = most.saturating_sub(tokens);
                let last = stretch.last_end(&self.encoding, self.text, (at, end.at), most)?;
                if let Some(last) = last {
                    let last = last.max(from.saturating_sub(1));
                    return Ok((last <= view).then_some(last));
                }
            }
            tokens += self.count_piece(stretch, at..end.at, Side::Begin)?;
            (at, from) = (end.at, from.max(end.settled));
            if from > view {
                continue;
            }
            if tokens > most {
                return Ok(Some(from.saturating_sub(1)));
            }
            marks.push(Mark { at, tokens, from });
        }
        Ok(None)
    }

    /// The longest part that ends at `end`, does not begin before `start`, has at most `most` tokens by itself and begins
    /// between characters where `allowed` says so; empty where none has.
    pub fn longest_suffix(
        &mut self,
        end: usize,
        start: usize,
        most: u64,
        allowed: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Part, Error> {
        // Offsets up to which every suffix costs what it has by itself, and the tokens from there on.
        let mut marks = vec![(end, 0)];
        let (mut at, mut tokens) = (end, 0);
        let mut limit = usize::MAX;
        let first = loop {
            if at == start {
                break start;
            }
            let step = self.estimate(most - tokens, 15).min(limit);
            let fine = step < FINE;
            let cut = if fine {
                self.cut_before(at, start)?
            } else if step >= at - start {
                start
            } else {
                match self.cut(at - step).filter(|&cut| cut < at) {
                    Some(cut) => cut,
                    None => self.cut_before(at, start)?,
                }
            };
            let more = self.count(cut..at)?;
            if tokens + more > most {
                if fine || self.cut(cut + 1).is_none_or(|next| next >= at) {
                    break cut;
                }
                limit = (at - cut).min(step) / 2;
                continue;
            }
            (at, tokens) = (cut, tokens + more);
            marks.push((at, tokens));
            limit = limit.saturating_mul(2);
        };
        let suffixes = match self.by_runs {
            Some(by_runs) if at - first > FINE => {
                Some(self.suffixes(by_runs, first..at, most - tokens)?)
            }
            _ => None,
        };
        let first = suffixes.as_ref().map_or(first, |suffixes| suffixes.start);
        for begin in first..end {
            if !self.text.is_char_boundary(begin) || !allowed(begin) {
                continue;
            }
            let (at, tokens) = marks[marks.partition_point(|&(at, _)| at >= begin) - 1];
            let tokens = tokens
                + match &suffixes {
                    Some(suffixes) if begin < suffixes.end() => suffixes.count(begin),
                    _ => self.count(begin..at)?,
                };
            if tokens <= most {
                return Ok(Part { range: begin..end, tokens });
            }
        }
        Ok(Part { range: end..end, tokens: 0 })
    }

    /// The tokens of the suffixes of a part without cuts, but of none that is shorter only than those that are known to have
    /// more than `most`.
    ///
    /// No suffix of more tokens than `most` times the longest one's bytes has at most `most`. And where all suffixes that begin within
    /// the length of the longest token have more than `most`, and their first pieces have the same end, so have all longer
    /// ones: a piece that begins before ends there, too, and has a token that begins among them, or it ends among them.
    fn suffixes(
        &mut self,
        by_runs: ByRuns,
        part: Range<usize>,
        most: u64,
    ) -> Result<Suffixes, Error> {
        let longest = self.encoding.longest_token();
        let enough = usize::try_from(most + 1).unwrap_or(usize::MAX).saturating_mul(longest);
        let end = part.end;
        let start = boundary_before(self.text, part.start.max(end.saturating_sub(enough)));
        let mut stretch = Stretch::new(&self.encoding, by_runs, start);
        let text = &self.text.as_bytes()[..end];
        stretch.extend(text);
        interrupt::check()?;
        // Backwards: of the empty suffix first.
        let mut counts = vec![0];
        let mut begin = end;
        // Where the first piece ends, and from where on back that and the tokens are so.
        let mut over = (end, end);
        while begin > start && over.1 - begin <= longest + CONTRACTION {
            begin = boundary_before(self.text, begin - 1);
            let next = stretch.piece_end(text, begin).at;
            let tokens =
                self.count_piece(&mut stretch, begin..next, Side::End)? + counts[end - next];
            counts.resize(end - begin + 1, tokens);
            if tokens <= most || over.0 != next || next - begin <= 2 * longest + CONTRACTION {
                over = (next, begin);
            }
        }
        Ok(Suffixes { start: begin, counts })
    }

    /// The whole text in parts of at most `most` tokens each: each the longest that ends where `allowed(level, offset)`
    /// says, `level` being the first of `0..levels` that has such an end. A part begins with what the one before ends
    /// with, as much as has at most `overlap` tokens by itself, and less where that leaves no room for anything new.
    pub fn split(
        &mut self,
        most: u64,
        overlap: u64,
        levels: usize,
        allowed: &dyn Fn(usize, usize) -> bool,
    ) -> Result<Vec<Part>, Error> {
        let len = self.text.len();
        let mut parts = Vec::new();
        let (mut start, mut done) = (0, 0);
        while done < len {
            let mut part = Part { range: start..start, tokens: 0 };
            let mut prefixes = self.prefixes(start, most)?;
            for level in 0..levels {
                let allowed = &mut |end| end > done && allowed(level, end);
                part = self.longest_of(&mut prefixes, allowed)?;
                if !part.range.is_empty() {
                    break;
                }
            }
            if part.range.is_empty() {
                if start == done {
                    let next =
                        self.text[done..].chars().next().map_or(len, |c| done + c.len_utf8());
                    let tokens = self.count(done..next)?;
                    return Err(Error::CharacterTooLong { offset: done, tokens });
                }
                // Less overlap.
                let next = boundary_after(self.text, start + 1);
                let less = self.count(start..done)?.saturating_sub(1);
                start = self.longest_suffix(done, next, less, &mut |_| true)?.range.start;
                continue;
            }
            done = part.range.end;
            // What is new to the next part comes after this, but it does not begin where this one did.
            let next = boundary_after(self.text, part.range.start + 1);
            start = done;
            for level in 0..levels {
                if overlap == 0 || start < done {
                    break;
                }
                let allowed = &mut |begin| allowed(level, begin);
                start = self.longest_suffix(done, next, overlap, allowed)?.range.start;
            }
            parts.push(part);
        }
        Ok(parts)
    }

    /// The number of tokens of the text, or `None` as soon as it is known to be greater than `limit`.
    pub fn count_up_to(&mut self, limit: u64) -> Result<Option<u64>, Error> {
        let len = self.text.len();
        let (mut at, mut tokens, mut size) = (0, 0, LOOK);
        while at < len {
            let mut from = at + size;
            let end = loop {
                if from >= len {
                    break len;
                }
                match self.cut(from) {
                    Some(cut) => break cut,
                    None => from += LOOK,
                }
            };
            tokens += self.count(at..end)?;
            if tokens > limit {
                return Ok(None);
            }
            at = end;
            size = (2 * size).min(1 << 20);
        }
        Ok(Some(tokens))
    }
}

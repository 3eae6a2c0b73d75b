//! Counting where there is no pretokenizer: between the boundaries that the vocabulary has.

use super::{BLOCK, Characters as EastAsianCharacters, Counter, SLACK, Scan, WAITING, outlined};
use crate::Error;
use crate::bpe::east_asian::low_bits;
use crate::characters::Characters;
use crate::pretokenize::Pretokenizer;
use crate::pretokenize::simd::{Simd, Task};

/// Longest first piece that is copied to put a blank before it; behind a longer one the text is copied.
const HEAD: usize = 1 << 12;

impl Counter {
    /// Counts a part of a document between added tokens. `at_start`: the part begins the document.
    pub(super) fn count_characters(
        &mut self,
        characters: &Characters,
        text: &str,
        at_start: bool,
    ) -> Result<u64, Error> {
        let general = matches!(self.encoding.pretokenizer(), Pretokenizer::General(_));
        if general || !characters.counts() {
            let mut ids = Vec::new();
            let window = &mut self.known.window;
            self.encoding.encode_characters(window, text, at_start, &mut ids)?;
            return Ok(ids.len() as u64);
        }
        Ok(self.count_by_boundaries(characters, text, at_start))
    }

    fn count_by_boundaries(&mut self, characters: &Characters, text: &str, at_start: bool) -> u64 {
        let rules = &characters.rules;
        let user_blanks = characters.boundaries.user().is_some_and(|user| user.begin_with_blank());
        if !rules.leave_alone(text) || rules.prefixes(text, at_start) && user_blanks {
            return self.count_prepared(characters, &rules.apply(text, at_start));
        }
        if !rules.prefixes(text, at_start) {
            return self.count_prepared(characters, text);
        }
        if characters.has_whole() {
            return self.count_prepared(characters, &rules.apply(text, at_start));
        }
        // Only the first piece knows of the blank before it.
        let (head, _) = characters.boundaries.piece_end(text.as_bytes(), 0);
        if head > HEAD {
            return self.count_prepared(characters, &[" ", text].concat());
        }
        let (head, rest) = text.split_at(head);
        let surplus = characters.surplus(self.encoding.pairs(), text.as_bytes());
        let total = self.count_merged(characters, [" ", head].concat().as_bytes())
            + self.count_merged(characters, rest.as_bytes());
        total.wrapping_add_signed(surplus)
    }

    /// Counts a text to which the rules have been applied.
    fn count_prepared(&mut self, characters: &Characters, text: &str) -> u64 {
        if characters.whole(text).is_some() {
            return 1;
        }
        let surplus = characters.surplus(self.encoding.pairs(), text.as_bytes());
        self.count_merged(characters, text.as_bytes()).wrapping_add_signed(surplus)
    }

    /// The number of parts that merging leaves of `text`, less the surplus of user-defined pieces.
    fn count_merged(&mut self, characters: &Characters, text: &[u8]) -> u64 {
        let Counter { encoding, level, known } = self;
        let scan = Scan { encoding, known };
        outlined(*level, Merged { scan, characters, text })
    }
}

/// See [`Counter::count_merged`].
struct Merged<'a> {
    scan: Scan<'a>,
    characters: &'a Characters,
    text: &'a [u8],
}

impl Task for Merged<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(mut self) -> u64 {
        let text = self.text;
        let mut total = 0u64;
        let mut at = 0;
        while at + BLOCK + SLACK <= text.len() {
            at += self.block::<S>(text, at, BLOCK, text.len(), &mut total);
        }
        // The rest, where blocks and keys may be read beyond the end.
        let mut rest = [0; 2 * (BLOCK + SLACK)];
        let len = text.len().saturating_sub(at);
        rest[..len].copy_from_slice(&text[text.len() - len..]);
        let mut at = 0;
        while at < len {
            at += self.block::<S>(&rest, at, BLOCK.min(len - at), len, &mut total);
        }
        total + self.scan.known.drain::<S>(self.scan.encoding.pairs(), 0)
    }
}

impl Merged<'_> {
    /// Counts the pieces that begin in the `len` bytes at `at` and are certain to end there; at least
    /// one. Returns their bytes. The text ends at `end`, but more can be read.
    #[inline(always)]
    fn block<S: Simd>(
        &mut self,
        text: &[u8],
        at: usize,
        len: usize,
        end: usize,
        total: &mut u64,
    ) -> usize {
        let pieces = self.characters.boundaries.pieces::<S>(text, at, len, end);
        let mut last = 0;
        let mut rest = pieces.starts & (pieces.starts - 1);
        let mut east_asian = 0;
        while rest != 0 {
            let next = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let len = next - last;
            let piece = low_bits(len) << last;
            if pieces.user >> last & 1 != 0 {
                *total = total.wrapping_add(self.user::<S>(&text[at + last..at + next]));
            } else if pieces.east_asian & piece != 0 {
                east_asian |= piece;
            } else if len < 32 {
                self.scan.known.look_up(text, at + last, len);
            } else {
                *total += self.scan.outlined_long::<S>(&text[at + last..at + next]);
            }
            last = next;
        }
        // The piece that is not finished: as far as its characters never merge.
        let open = pieces.user >> last & 1 == 0 && pieces.east_asian >> last != 0 && at + len < end;
        let chars = pieces.chars & (east_asian | if open { u64::MAX << last } else { 0 });
        if chars != 0 {
            // A character may go on behind the block.
            let whole = |chars: u64| {
                let final_char = 63 - chars.leading_zeros() as usize;
                let first = text[at + final_char];
                let length = (usize::from(first >= 0xC0) + usize::from(first >= 0xE0))
                    + usize::from(first >= 0xF0)
                    + 1;
                if final_char + length > len { chars & !(1 << final_char) } else { chars }
            };
            let chars = if open { whole(chars) } else { chars };
            let open = open && chars >> last != 0;
            let (count, bytes) = S::outlined(EastAsianCharacters {
                encoding: self.scan.encoding,
                known: self.scan.known,
                text,
                at,
                chars,
                starts: pieces.starts,
                on: open,
            });
            *total += count;
            if open {
                last = chars.trailing_zeros() as usize + bytes;
            }
        }
        if last == 0 {
            let (piece_end, user) = self.characters.boundaries.piece_end(&text[..end], at);
            last = piece_end - at;
            if user {
                *total = total.wrapping_add(self.user::<S>(&text[at..piece_end]));
            } else if last < 32 {
                self.scan.known.look_up(text, at, last);
            } else {
                *total += self.scan.outlined_long::<S>(&text[at..piece_end]);
            }
        }
        *total += self.scan.known.drain::<S>(self.scan.encoding.pairs(), WAITING);
        last
    }

    /// One token for a user-defined piece, less what it will be found to lack.
    #[inline(always)]
    fn user<S: Simd>(&self, piece: &[u8]) -> u64 {
        if piece.is_ascii() {
            return 1;
        }
        1u64.wrapping_add_signed(-self.characters.surplus(self.scan.encoding.pairs(), piece))
    }
}

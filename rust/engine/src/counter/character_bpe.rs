//! Counting where there is no pretokenizer: between the boundaries that the vocabulary has.

use fasttok_simd::{Simd, Task};

use super::Counter;
use super::caches::WAITING;
use super::scan::{Characters as EastAsianCharacters, Scan};
use crate::Error;
use crate::bits::low_bits;
use crate::character_bpe::CharacterBpe;
use crate::interrupt::{STRIDE, Watch};
use crate::pretokenize::Pretokenizer;
use crate::pretokenize::block::{BLOCK, SLACK};

/// Longest first piece that is copied to put a blank before it; after a longer one the text is copied.
const HEAD: usize = 1 << 12;

impl Counter {
    /// Counts a part of a document between added tokens. The first `start` bytes begin the document.
    pub(super) fn count_character_bpe(
        &mut self,
        character_bpe: &CharacterBpe,
        text: &str,
        start: usize,
    ) -> Result<u64, Error> {
        let general = matches!(self.encoding.pretokenizer(), Pretokenizer::General(_));
        if general || !character_bpe.counts() {
            let mut ids = Vec::new();
            let window = &mut self.caches.window;
            self.encoding.encode_character_bpe(window, text, start, &mut ids)?;
            return Ok(ids.len() as u64);
        }
        self.count_by_boundaries(character_bpe, text, start > 0)
    }

    fn count_by_boundaries(
        &mut self,
        character_bpe: &CharacterBpe,
        text: &str,
        at_start: bool,
    ) -> Result<u64, Error> {
        let rules = &character_bpe.rules;
        let user_blanks =
            character_bpe.boundaries.user().is_some_and(|user| user.begin_with_blank());
        if !rules.leave_alone(text) || rules.prefixes(text, at_start) && user_blanks {
            return Ok(self.count_prepared(character_bpe, &rules.apply(text, at_start)?));
        }
        if !rules.prefixes(text, at_start) {
            return Ok(self.count_prepared(character_bpe, text));
        }
        // An unknown blank may be one token with what follows.
        if character_bpe.has_whole() || !character_bpe.symbols.knows(u32::from(' ')) {
            return Ok(self.count_prepared(character_bpe, &rules.apply(text, at_start)?));
        }
        // Only the first piece knows of the blank before it.
        let (head, _) = character_bpe.boundaries.piece_end(text.as_bytes(), 0);
        if head > HEAD {
            return Ok(self.count_prepared(character_bpe, &[" ", text].concat()));
        }
        let (head, rest) = text.split_at(head);
        let surplus = character_bpe.surplus(self.encoding.pairs(), text.as_bytes());
        let total = self.count_merged(character_bpe, [" ", head].concat().as_bytes());
        let total = total.wrapping_add(self.count_merged(character_bpe, rest.as_bytes()));
        Ok(total.wrapping_add_signed(surplus))
    }

    /// Counts a text to which the rules have been applied.
    fn count_prepared(&mut self, character_bpe: &CharacterBpe, text: &str) -> u64 {
        if character_bpe.whole(text).is_some() {
            return 1;
        }
        let surplus = character_bpe.surplus(self.encoding.pairs(), text.as_bytes());
        self.count_merged(character_bpe, text.as_bytes()).wrapping_add_signed(surplus)
    }

    /// The number of parts that merging leaves of `text`, less the surplus of user-defined pieces.
    fn count_merged(&mut self, character_bpe: &CharacterBpe, text: &[u8]) -> u64 {
        let Counter { encoding, level, caches } = self;
        let scan = Scan { encoding, caches };
        level.run(Merged { scan, character_bpe, text })
    }
}

/// See [`Counter::count_merged`].
struct Merged<'a> {
    scan: Scan<'a>,
    character_bpe: &'a CharacterBpe,
    text: &'a [u8],
}

impl Task for Merged<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) -> u64 {
        let text = self.text;
        let mut total = 0u64;
        let mut at = 0;
        let mut watch = Watch::new();
        while at + BLOCK + SLACK <= text.len() {
            let start = at;
            let stride = text.len().min(start + STRIDE);
            while at + BLOCK + SLACK <= stride || at == start {
                at += self.block(simd, text, at, BLOCK, text.len(), &mut total);
            }
            if watch.stops(at - start) {
                return 0;
            }
        }
        // The rest, where blocks and keys may be read beyond the end.
        let mut rest = [0; 2 * (BLOCK + SLACK)];
        let len = text.len().saturating_sub(at);
        rest[..len].copy_from_slice(&text[text.len() - len..]);
        let mut at = 0;
        while at < len {
            at += self.block(simd, &rest, at, BLOCK.min(len - at), len, &mut total);
        }
        total
    }
}

impl Merged<'_> {
    /// Counts the pieces that begin in the `len` bytes at `at` and are certain to end there; at least
    /// one. Returns their bytes. The text ends at `end`, but more can be read.
    #[inline(always)]
    fn block<S: Simd>(
        &mut self,
        simd: S,
        text: &[u8],
        at: usize,
        len: usize,
        end: usize,
        total: &mut u64,
    ) -> usize {
        let pieces = self.character_bpe.boundaries.pieces(simd, text, at, len, end);
        let mut last = 0;
        let mut rest = pieces.starts & (pieces.starts - 1);
        let mut east_asian = 0;
        while rest != 0 {
            let next = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let len = next - last;
            let piece = low_bits(len) << last;
            if pieces.user >> last & 1 != 0 {
                *total = total.wrapping_add(self.user(&text[at + last..at + next]));
            } else if pieces.east_asian & piece != 0 {
                east_asian |= piece;
            } else if len < 32 {
                self.scan.caches.look_up(text, at + last, len);
            } else {
                let count = self.scan.outlined_long(simd, text, at + last, at + next);
                *total = total.wrapping_add(count);
            }
            last = next;
        }
        // The piece that is not finished: as far as its characters never merge.
        let open = pieces.user >> last & 1 == 0 && pieces.east_asian >> last != 0 && at + len < end;
        let chars = pieces.chars & (east_asian | if open { u64::MAX << last } else { 0 });
        if chars != 0 {
            // A character may go on after the block.
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
            let (count, counted) = simd.outlined(EastAsianCharacters {
                encoding: self.scan.encoding,
                caches: self.scan.caches,
                text,
                at,
                chars,
                starts: pieces.starts,
                cuts: if open { u64::MAX } else { 0 },
            });
            *total = total.wrapping_add(count);
            if open {
                last = counted;
            }
        }
        if last == 0 {
            let (piece_end, user) = self.character_bpe.boundaries.piece_end(&text[..end], at);
            last = piece_end - at;
            if user {
                *total = total.wrapping_add(self.user(&text[at..piece_end]));
            } else if last < 32 {
                self.scan.caches.look_up(text, at, last);
            } else {
                let count = self.scan.outlined_long(simd, text, at, piece_end);
                *total = total.wrapping_add(count);
            }
        }
        self.scan.caches.drain(simd, self.scan.encoding.pairs(), WAITING);
        last
    }

    /// One token for a user-defined piece, less what it will be found to lack.
    #[inline(always)]
    fn user(&self, piece: &[u8]) -> u64 {
        if piece.is_ascii() {
            return 1;
        }
        1u64.wrapping_add_signed(-self.character_bpe.surplus(self.scan.encoding.pairs(), piece))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::{PARTS, at_every_level, nasty_text, shrink};
    use super::*;
    use crate::character_bpe::rules::{META, Prefix, Rules};
    use crate::character_bpe::symbols::Order;
    use crate::character_bpe::{Definition, Unknown};
    use crate::{Encoding, Special};
    use fasttok_testing::Random;

    /// A vocabulary of the beginnings of words, and of characters that many of them lack.
    fn definition(rules: Rules, unknown: Unknown, user: &[&str]) -> Definition {
        let mut texts: Vec<String> = vec![META.to_owned()];
        let words = PARTS.iter().flat_map(|part| [part.to_string(), format!(" {part}")]);
        for word in words.chain((2..9).map(|n| " ".repeat(n))) {
            let word = word.replace(' ', META);
            let ends = word.char_indices().map(|(at, c)| at + c.len_utf8());
            texts.extend(ends.map(|end| word[..end].to_owned()));
        }
        texts.extend("abcdefghijklmnopqrstuvwxyz的国日本語ไทยнрив".chars().map(String::from));
        texts.sort_by_key(|text| std::cmp::Reverse(text.len() * 7 % 31));
        let mut seen = std::collections::HashSet::new();
        texts.retain(|text| {
            let unknown = text.contains(['퓨', '认', 'ж', '½', '\n', 'ǅ']);
            !unknown && !user.contains(&&**text) && seen.insert(text.clone())
        });
        let scores = (0..texts.len()).map(|at| -(at as f32)).collect();
        let tokens: Vec<(String, u32)> = texts.into_iter().zip(300..).collect();
        Definition {
            rules,
            tokens,
            order: Order::Scores(scores),
            user: user.iter().map(|piece| piece.to_string()).zip(100_000..).collect(),
            unknown,
            plain: None,
            decoder: None,
            split_at_blanks: false,
            whole_texts: false,
        }
    }

    fn encodings() -> Vec<Arc<Encoding>> {
        let bytes = || Unknown::Bytes(Box::new(std::array::from_fn(|byte| byte as u32)));
        let rules = |prefix| Rules { escape: true, prefix, ..Rules::none() };
        let user = ["\n", "\n\n", "▁▁", "▁▁▁", "퓨", "认识", "//", "<|", "中"];
        let definitions = [
            definition(rules(Prefix::Never), bytes(), &[]),
            definition(rules(Prefix::Always), bytes(), &[]),
            definition(rules(Prefix::UnlessBlank), bytes(), &user[..2]),
            definition(rules(Prefix::Always), bytes(), &user),
            definition(rules(Prefix::Never), bytes(), &user),
            definition(rules(Prefix::Never), Unknown::Token { id: 0, fused: true }, &["\n", "//"]),
            definition(rules(Prefix::Always), Unknown::Token { id: 0, fused: false }, &[]),
            definition(rules(Prefix::Never), Unknown::Token { id: 0, fused: true }, &user),
            definition(Rules { remove_extra: true, ..rules(Prefix::Always) }, bytes(), &user),
            definition(Rules { suffix: true, ..rules(Prefix::Always) }, bytes(), &[]),
            definition(Rules::none(), Unknown::Nothing, &[]),
        ];
        definitions
            .into_iter()
            .map(|definition| {
                let name = (String::new(), String::new());
                let pretokenizer = Pretokenizer::CharacterLevel;
                let encoding = Encoding::of_character_bpe(
                    name,
                    Default::default(),
                    pretokenizer,
                    definition,
                    Vec::new(),
                );
                Arc::new(encoding.unwrap())
            })
            .collect()
    }

    fn encode(encoding: &Encoding, text: &str) -> usize {
        let mut ids = Vec::new();
        encoding.encode(text, Special::Text, &mut ids).unwrap();
        ids.len()
    }

    #[test]
    fn counts_what_encode_gives_at_every_level() {
        let mut random = Random::new(0x51DE_57A2_9E37_79B9);
        for (kind, encoding) in encodings().into_iter().enumerate() {
            let mut counters = at_every_level(&encoding);
            for _ in 0..2_000 {
                let mut text = nasty_text(&mut random);
                if random.below(8) == 0 {
                    text = text.replace('x', META);
                }
                let expected = encode(&encoding, &text);
                for counter in &mut counters {
                    let mut count =
                        |text: &str| counter.count(text, Special::Text).unwrap() as usize;
                    if count(&text) != expected {
                        let small = shrink(&text, |text| count(text) != encode(&encoding, text));
                        panic!("{kind} {:?}: {small:?}", counter.level);
                    }
                }
            }
        }
    }

    #[test]
    fn counts_of_cut_texts_add_up() {
        let mut random = Random::new(0x0DDB_A115_EED5_1234);
        let mut cuts = 0;
        for (kind, encoding) in encodings().into_iter().enumerate() {
            for _ in 0..300 {
                let text = nasty_text(&mut random);
                let whole = encode(&encoding, &text);
                let mut from = 0;
                while let Some(at) = encoding.split_point(&text, from, Special::Text) {
                    let (left, right) = text.split_at(at);
                    let parts = encode(&encoding, left) + encode(&encoding, right);
                    assert_eq!(parts, whole, "{kind} {left:?} | {right:?}");
                    from = at + 1;
                    cuts += 1;
                }
            }
        }
        assert!(cuts > 1_000);
    }
}

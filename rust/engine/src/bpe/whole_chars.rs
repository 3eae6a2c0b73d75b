//! Characters that are one token before anything else happens to them.
//!
//! The bytes of a character merge with one another before one of them merges with a neighbour, unless
//! there is such a merge of a rank not above those inside the character. Where there is none, merging may
//! begin with the whole character: one step less for two bytes, two steps less for three. Some vocabularies
//! have a merge of a character with a neighbour that comes before the merge that completes the character:
//! beginning with that one would let it happen too early.
//!
//! In full: be r the highest rank of the merges that make the character c of its bytes. What could
//! interfere before r is a merge of an end of c with what is after it, of a beginning of c with what is
//! before it, and, if c is whole too early, a merge of c itself. Where a merge of an end, or of c, has a
//! rank not above r, c is no beginning; where one of a beginning has, c is none after the characters
//! whose last byte that merge's left side ends with. 大行 (E5 A4 A7 E8 A1 8C): if `A7 E8 A1 8C` is made
//! before `E5 A4 A7`, A7 tears the end from 大. All that begins with those merges is excluded with them: the
//! first merge across a boundary of c has a part of c, or c, on one side.

use fasttok_simd::Table;
use hashbrown::HashMap;

use super::pairs::{NONE, Pairs};
use super::scripts::{ASCII, SCRIPTS, Scripts};

/// See the module.
pub(crate) struct WholeChars {
    /// The token of a character of the Basic Multilingual Plane, plus one; 0 where merging cannot begin
    /// with it.
    tokens: Table<u32>,
    /// A bit for the low six bits of the byte before: set where it may merge with the beginning of the
    /// character before the character is complete.
    blocked_by_previous: Table<u64>,
}

/// Tokens that are a part of a character.
#[derive(Clone, Copy)]
enum Part {
    /// Its first byte, or first two of three.
    Beginning([u8; 2]),
    /// Its last byte, or last two of three.
    End([u8; 2]),
}

/// A set of tokens.
struct Marks(Vec<bool>);

impl Marks {
    fn new(pairs: &Pairs) -> Marks {
        Marks(vec![false; pairs.ids()])
    }

    fn add(&mut self, token: u32) {
        if let Some(mark) = self.0.get_mut(token as usize) {
            *mark = true;
        }
    }

    /// Whether the token is one of them; so is each that no merge makes and whose id is above all that one does.
    fn has(&self, token: u32) -> bool {
        self.0.get(token as usize).copied().unwrap_or(true)
    }
}

impl WholeChars {
    pub fn new(pairs: &Pairs) -> WholeChars {
        let mut parts: HashMap<u32, Part, foldhash::fast::FixedState> = HashMap::default();
        for first in 0x80..=0xFF {
            let beginning = first >= 0xC0;
            let part = |bytes| if beginning { Part::Beginning(bytes) } else { Part::End(bytes) };
            parts.insert(pairs.single(first), part([first, 0]));
            for second in 0x80..=0xBF {
                let token = pairs.of_bytes(first, second);
                if token != NONE && (!beginning || first >= 0xE0) {
                    parts.insert(token, part([first, second]));
                }
            }
        }
        // Most tokens are no parts, and asking a map for each takes milliseconds.
        let mut is_part = Marks::new(pairs);
        parts.keys().for_each(|&token| is_part.add(token));
        // The lowest ranks of merges of a part with what is outside: of an end, and of a beginning by
        // the last byte before it.
        let mut after_end: HashMap<[u8; 2], u32, foldhash::fast::FixedState> = HashMap::default();
        let mut before_beginning: HashMap<[u8; 2], [u32; 64], foldhash::fast::FixedState> =
            HashMap::default();
        let mut three = Vec::new();
        for (left, right, merged) in pairs.all() {
            if !is_part.has(left) && !is_part.has(right) {
                continue;
            }
            let (left_part, right_part) = (parts.get(&left), parts.get(&right));
            match (left_part, right_part) {
                // Inside a character: of two bytes, which are looked up below, of three, or of four.
                (Some(&Part::Beginning([a, b])), Some(&Part::End([c, d]))) => match (a, b, d) {
                    (0xE0..=0xEF, 0, 1..) => three.push(([a, c, d], false, merged)),
                    (0xE0..=0xEF, 1.., 0) => three.push(([a, b, c], true, merged)),
                    _ => {}
                },
                (Some(Part::End(_)), Some(Part::End(_))) => {}
                (Some(Part::Beginning(_)), _) => {}
                _ => {
                    if let Some(&Part::End(end)) = left_part {
                        let lowest = after_end.entry(end).or_insert(NONE);
                        *lowest = merged.min(*lowest);
                    }
                    if let Some(&Part::Beginning(beginning)) = right_part {
                        let lowest = before_beginning.entry(beginning).or_insert([NONE; 64]);
                        let lowest = &mut lowest[usize::from(pairs.last_byte(left) & 63)];
                        *lowest = merged.min(*lowest);
                    }
                }
            }
        }
        let mut chars =
            WholeChars { tokens: Table::new(1 << 16), blocked_by_previous: Table::new(1 << 16) };
        let mut begun: HashMap<u32, (usize, u32), foldhash::fast::FixedState> = HashMap::default();
        let rank_after = |end: [u8; 2]| after_end.get(&end).copied().unwrap_or(NONE);
        let mut add = |c: usize, token: u32, rank: u32, beginnings: &[[u8; 2]]| {
            chars.tokens[c] = token + 1;
            begun.insert(token, (c, rank));
            for beginning in beginnings {
                if let Some(lowest) = before_beginning.get(beginning) {
                    for (i, &lowest) in lowest.iter().enumerate() {
                        chars.blocked_by_previous[c] |= u64::from(lowest <= rank) << i;
                    }
                }
            }
        };
        for first in 0xC2..=0xDFu8 {
            for second in 0x80..=0xBFu8 {
                let token = pairs.of_bytes(first, second);
                if token != NONE && rank_after([second, 0]) > token {
                    let c = usize::from(first & 0x1F) << 6 | usize::from(second & 0x3F);
                    add(c, token, token, &[[first, 0]]);
                }
            }
        }
        for ([a, b, c], first_two, token) in three {
            // The order in which the three merge when nothing else does.
            let (left, right) = (pairs.of_bytes(a, b), pairs.of_bytes(b, c));
            let rank = token.max(left.min(right));
            let overlong = a == 0xE0 && b < 0xA0;
            if !overlong
                && (left < right) == first_two
                && rank_after([c, 0]).min(rank_after([b, c])) > rank
            {
                let c = usize::from(a & 15) << 12 | usize::from(b & 63) << 6 | usize::from(c & 63);
                add(c, token, rank, &[[a, 0], [a, b]]);
            }
        }
        let mut is_begun = Marks::new(pairs);
        begun.keys().for_each(|&token| is_begun.add(token));
        for (left, right, merged) in pairs.all() {
            for part in [left, right] {
                if is_begun.has(part)
                    && let Some(&(c, rank)) = begun.get(&part)
                    && merged <= rank
                {
                    chars.tokens[c] = 0;
                }
            }
        }
        chars
    }

    /// Splits `text` (UTF-8, no longer than `parts`) into what merging may begin with: characters, and
    /// bytes where a character is no beginning. Returns the number of parts and the text's scripts.
    #[inline(always)]
    pub fn split(&self, pairs: &Pairs, text: &[u8], parts: &mut [u32]) -> (usize, Scripts) {
        let (mut at, mut len) = (0, 0);
        let (mut scripts, mut ascii) = (0, 0);
        while at < text.len() {
            let first = text[at];
            let script = SCRIPTS[usize::from(first)];
            // ASCII counts where it has company.
            scripts |= script & (ascii | !ASCII);
            ascii = script & ASCII;
            let (c, size) = match first {
                0..0x80 => {
                    parts[len] = pairs.single(first);
                    len += 1;
                    at += 1;
                    continue;
                }
                0x80..0xE0 => (usize::from(first & 0x1F) << 6 | usize::from(text[at + 1] & 63), 2),
                0xE0..0xF0 => {
                    let low = usize::from(text[at + 1] & 63) << 6 | usize::from(text[at + 2] & 63);
                    (usize::from(first & 15) << 12 | low, 3)
                }
                // Never known.
                0xF0.. => (0, 4),
            };
            let before =
                if at == 0 { 0 } else { self.blocked_by_previous[c] >> (text[at - 1] & 63) & 1 };
            let token = self.tokens[c];
            if token != 0 && before == 0 {
                parts[len] = token - 1;
                len += 1;
            } else {
                for &byte in &text[at..at + size] {
                    parts[len] = pairs.single(byte);
                    len += 1;
                }
            }
            at += size;
        }
        (len, scripts)
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};

    use crate::{Counter, Encoding, FileOptions, Special};

    /// A character that merges with the byte before it earlier than it is complete itself.
    #[test]
    fn a_merge_before_the_character() {
        let [large, go] = ["大", "行"].map(str::as_bytes);
        let mut tokens: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
        tokens.push(go[..2].to_vec());
        tokens.push([&large[2..], go].concat());
        tokens.push(large[..2].to_vec());
        tokens.extend([large.to_vec(), go.to_vec(), [large, go].concat()]);
        let lines = tokens.iter().enumerate();
        let file: String = lines
            .map(|(rank, token)| format!("{} {rank}\n", BASE64_STANDARD.encode(token)))
            .collect();
        let options = FileOptions { pattern: Some("cl100k".to_owned()), ..FileOptions::default() };
        let encoding =
            std::sync::Arc::new(Encoding::from_file_bytes(file.as_bytes(), options).unwrap());
        let mut counter = Counter::new(encoding.clone());
        for (text, tokens) in [("大行", 1), ("大行大", 2), ("行大行行", 3)] {
            let mut ids = Vec::new();
            encoding.encode(text, Special::Text, &mut ids).unwrap();
            assert_eq!(ids.len(), tokens, "{text}");
            assert_eq!(counter.count(text, Special::Text).unwrap(), tokens as u64, "{text}");
        }
    }
}

//! Han, kana, Hangul and their punctuation: most neighbours never merge.
//!
//! The boundary between two characters is *safe* when no token holds the end of the one followed by
//! the beginning of the other: no merge can cross it, so both sides merge by themselves. In running
//! Chinese two of three boundaries are safe. What is between safe boundaries is a *segment*: one
//! character (its count is in a table), two (the table of joins says how many tokens the joining
//! saves), or more (merged like a piece).
//!
//! `我们在北京工作。` in o200k_base: there are tokens 我们, 北京 and 工作, and one that begins with the last byte of 北 and
//! goes on with 京; none that spans 们在, 在北, 京工 or 作。. So the text falls into 我们|在|北京|工作|。: two characters
//! whose joining saves one token, one of one token, and so on: five tokens, of which none was merged.
//!
//! What a token shows of the two characters at a boundary is, on the left, a whole character or its last one
//! or two bytes, on the right a whole one or its first one or two. Whole ones are in the table of joins.
//! Parts are in a filter as every pair of characters of the table that has them (`97 E4 BA AC`: 1,024 characters
//! on the left, 北 E5 8C 97 among them, and 京 alone on the right), but for a single
//! first byte on the right, which goes by the last byte on the left. What collides in a table only makes
//! a boundary unsafe; a character that no table knows (of two or four bytes) is never at a safe one.

use fasttok_simd::{Level, Simd, Table, Task, is_continuation};

use super::model::BpeModel;
use super::pairs::NONE;
use super::registers::count_in_registers;
use super::scripts::SCRIPTS;
use crate::bits::low_bits;
use crate::vocab::Vocab;

/// The table's characters: all others are never at a safe boundary.
fn is_east_asian(c: u32) -> bool {
    matches!(
        c,
        0x3000..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFF00..=0xFF3F
    )
}

/// Characters that have a known boundary with an East Asian neighbour.
fn is_neighbour(c: u32) -> bool {
    c < 0x80 || matches!(c, 0x2000..=0x206F) || is_east_asian(c)
}

/// Bits of a hash that are an index of the table of joins; the others are in the entry, so that both
/// together are the whole hash, which is a permutation of the pairs.
const JOIN_BITS: u32 = 15;
/// Of an entry: 0 where there is none, [`UNKNOWN`], or 1 + the tokens that joining saves.
const VALUE: u32 = 0x07;
/// Of an entry: there are more pairs than it says anything of.
const MORE: u32 = 0x08;
/// Of an entry: where the low bits of the hash of a second pair are, if there is one.
const SECOND_SHIFT: u32 = 4;
const SECOND: u32 = 0x7FF;
const _: () = assert!(SECOND << SECOND_SHIFT < 1 << JOIN_BITS, "beside the hash");

/// The safe boundaries of a vocabulary.
///
/// Of the boundaries that are not safe nearly all that a text has are between two characters that are side by
/// side, both whole, in some token. These are few, and their tables fit into the fastest memory. Boundaries
/// that only a token spans which begins or ends inside a character have a filter of their own, asked
/// where a flag of the right character says so.
pub(crate) struct EastAsian {
    /// Tokens of a character of the Basic Multilingual Plane by itself ([`COUNT`]), the [`group`]s of
    /// characters on its left that tokens of parts of characters may join it with, and [`EAST_ASIAN`]; 0
    /// for characters that the table does not know.
    singles: Table<u32>,
    /// Two characters that are in a token, by their hash. The pair of the lowest token has the entry;
    /// others of its entry are [`UNKNOWN`].
    joins: Table<u32>,
    /// A bit a hash: clear where no token of parts of two characters may join them.
    parts: Table<u8>,
    parts_shift: u32,
    /// By the last byte of the left character: the first bytes E0-EF that some token continues it with
    /// without completing the right character.
    leads: [u16; 256],
}

/// Of a character's entry: the number of its tokens.
const COUNT: u8 = 0x03;
const EAST_ASIAN: u8 = 0x80;

/// The bit for a left character that ends with the byte `last`: ASCII, or one of four groups.
#[inline(always)]
fn group(last: u8) -> u8 {
    match last {
        0..0x80 => 0x40,
        _ if last & 3 == 0 => 0x04,
        _ if last & 3 == 1 => 0x08,
        _ if last & 3 == 2 => 0x10,
        _ => 0x20,
    }
}

/// The last byte of a character of the table.
#[inline(always)]
fn last_byte(c: u16) -> u8 {
    if c < 0x80 { c as u8 } else { 0x80 | c as u8 & 0x3F }
}

/// The entry of the table of singles for a character.
#[inline(always)]
fn single(singles: &[u32], c: u16) -> u8 {
    (singles[usize::from(c >> 2)] >> (8 * (c & 3))) as u8
}

/// Adds bits to it.
fn add_single(singles: &mut [u32], c: u32, bits: u8) {
    singles[(c >> 2) as usize] |= u32::from(bits) << (8 * (c & 3));
}

/// A filter of `count` hashes, and how far a hash is to be shifted.
fn filter(count: usize) -> (Table<u8>, u32) {
    let bits = (count * 12).next_power_of_two().trailing_zeros().clamp(10, 26);
    (Table::new(1 << (bits - 3)), 32 - bits)
}

/// Characters of a block, each at one more than its number, and as many after them as [`Segments::few`] may read.
pub(crate) const CHARACTERS: usize = 1 + 64 + 3;

/// What counts the segments that the tables have no answer for.
pub(crate) trait Segments {
    /// Counts, now or later, segments of up to three characters of the table. They begin at the bits of `first`, and go
    /// on from each character at whose bit `on` has one.
    fn few(&mut self, characters: &[u16; CHARACTERS], first: u64, on: u64);
    /// Counts a segment of any kind, given its start and length.
    fn any(&mut self, start: usize, len: usize) -> u64;
}

impl EastAsian {
    /// Finds the safe boundaries of `vocab`.
    pub fn new(vocab: &Vocab, pairs: &BpeModel) -> EastAsian {
        let mut singles = Table::new(1 << 14);
        let mut buffer = [0; 4];
        for c in (0..0x1_0000).filter(|&c| is_neighbour(c)) {
            let utf8 = char::from_u32(c).expect("no surrogate").encode_utf8(&mut buffer).as_bytes();
            let count = count_alone(pairs, utf8);
            let entry = count | if is_east_asian(c) { EAST_ASIAN } else { 0 };
            add_single(&mut singles, c, entry);
        }
        let mut leads = [0u16; 256];
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        for (_, token) in vocab.tokens() {
            // Without these there is no East Asian character, whole or in part.
            if token.is_ascii()
                || !token.iter().any(|&byte| byte >= 0xE3) && token[0] & 0xC0 != 0x80
            {
                continue;
            }
            for cut in 1..token.len() {
                if is_continuation(token[cut]) {
                    continue;
                }
                let mut from = cut - 1;
                while from > 0 && is_continuation(token[from]) {
                    from -= 1;
                }
                let mut to = cut + 1;
                while to < token.len() && is_continuation(token[to]) {
                    to += 1;
                }
                let (left, right) = (&token[from..cut], &token[cut..to]);
                if right.len() == 1 && right[0] >= 0xE0 {
                    leads[left[left.len() - 1] as usize] |= 1 << (right[0] & 15);
                    continue;
                }
                let complete = |part: &[u8]| std::str::from_utf8(part).is_ok();
                let joined =
                    if complete(left) && complete(right) { &mut whole } else { &mut parts };
                for r in candidates(right) {
                    for l in candidates(left) {
                        let (a, b) = (single(&singles, l), single(&singles, r));
                        if a != 0 && b != 0 && (a | b) & EAST_ASIAN != 0 {
                            joined.push(u32::from(l) << 16 | u32::from(r));
                        }
                    }
                }
            }
        }
        let in_order = whole.clone();
        whole.sort_unstable();
        whole.dedup();
        let (parts_filter, parts_shift) = filter(parts.len());
        let joins = Table::new(1 << JOIN_BITS);
        let mut table = EastAsian { singles, joins, parts: parts_filter, parts_shift, leads };
        table.add_parts(&parts);
        let counts = Level::chosen_or_portable().run(CountPairs { pairs, chars: &whole });
        for pair in in_order {
            let joined = counts[whole.binary_search(&pair).expect("one of them")];
            table.add_join(pair, joined);
        }
        table
    }

    /// Adds two whole characters that have `joined` tokens together.
    fn add_join(&mut self, pair: u32, joined: u8) {
        let apart: u8 = [pair >> 16, pair & 0xFFFF]
            .map(|c| single(&self.singles, c as u16) & COUNT)
            .iter()
            .sum();
        // Where a merge across the boundary spoils one inside, joining costs tokens.
        let value = apart.checked_sub(joined).map_or(UNKNOWN, |saved| 1 + saved);
        let hash = Self::hash(pair);
        let entry = &mut self.joins[(hash >> (32 - JOIN_BITS)) as usize];
        if *entry & VALUE == 0 {
            *entry = hash << JOIN_BITS | u32::from(value);
        } else if (hash << JOIN_BITS ^ *entry) >> JOIN_BITS != 0 {
            let second = hash & SECOND;
            let known = *entry >> SECOND_SHIFT & SECOND;
            if known == 0 && second != 0 {
                *entry |= second << SECOND_SHIFT;
            } else if known != second || second == 0 {
                *entry |= MORE;
            }
        }
    }

    /// What joining two characters with this hash does, given the entry at its index.
    #[inline(always)]
    fn join(hash: u32, entry: u32) -> u32 {
        let second = entry >> SECOND_SHIFT & SECOND;
        let other = if second != 0 && second == hash & SECOND || entry & MORE != 0 {
            u32::from(UNKNOWN)
        } else {
            0
        };
        if (hash << JOIN_BITS ^ entry) >> JOIN_BITS == 0 { entry & VALUE } else { other }
    }

    /// Sets the flags and the filter for boundaries that tokens of parts of characters span.
    fn add_parts(&mut self, parts: &[u32]) {
        for pair in parts {
            let (left, right) = (pair >> 16, pair & 0xFFFF);
            add_single(&mut self.singles, right, group(last_byte(left as u16)));
            let bit = Self::hash(*pair) >> self.parts_shift;
            self.parts[(bit >> 3) as usize] |= 1 << (bit & 7);
        }
        let mut groups = [0; 16];
        for (last, leads) in (0..=255).zip(self.leads) {
            for (lead, groups) in groups.iter_mut().enumerate() {
                *groups |= if leads >> lead & 1 != 0 { group(last) } else { 0 };
            }
        }
        for c in 0x800..0x1_0000 {
            if single(&self.singles, c as u16) != 0 {
                add_single(&mut self.singles, c, groups[(c >> 12) as usize]);
            }
        }
    }

    #[inline(always)]
    fn hash(pair: u32) -> u32 {
        pair.wrapping_mul(0x9E37_79B1)
    }

    /// Counts the characters that start at the bits of `chars` in the 64 bytes at `at`, whose pieces
    /// begin at the bits of `starts`. Returns the number of tokens, and where counting ended: after all of
    /// them, or, where `cuts` are given as the last piece goes on after them, at the last of these
    /// characters that has a safe boundary before it (the first of `chars` has one). `segments` counts those
    /// of three characters or more. `text` has some bytes more than
    /// `chars` reach.
    #[inline(always)]
    pub fn count<S: Simd>(
        &self,
        simd: S,
        text: &[u8],
        at: usize,
        chars: u64,
        starts: u64,
        cuts: u64,
        segments: &mut impl Segments,
    ) -> (u64, usize) {
        let after = |by: usize| text[at + by..].first_chunk().expect("64 bytes");
        let bytes = [
            simd.compress(after(0), chars),
            simd.compress(after(1), chars),
            simd.compress(after(2), chars),
        ];
        let len = chars.count_ones() as usize;
        let singles: &[u32; 1 << 14] = (&self.singles[..]).try_into().expect("its size");
        let joins: &[u32; 1 << JOIN_BITS] = (&self.joins[..]).try_into().expect("its size");
        // Character k is at k + 1, after one that is none.
        let mut characters = [0; CHARACTERS];
        let mut found = [0u64; 7];
        let mut before = 0;
        for from in (0..len).step_by(16) {
            let sixteen =
                |by: usize| -> &[u8; 16] { bytes[by][from..][..16].try_into().expect("16") };
            let (first, second, third) = (sixteen(0), sixteen(1), sixteen(2));
            // Loops, not closures: those are not sure to be compiled for the level (see `fasttok_simd`).
            // Each is of vector instructions.
            let (mut left, mut right) = ([before; 16], [0; 16]);
            for i in 0..16 {
                right[i] = plane_zero(first[i], second[i], third[i]);
            }
            left[1..].copy_from_slice(&right[..15]);
            before = right[15];
            characters[from + 1..][..16].copy_from_slice(&right);
            let (mut hashes, mut entries, mut words) = ([0; 16], [0; 16], [0; 16]);
            for i in 0..16 {
                hashes[i] = Self::hash(u32::from(left[i]) << 16 | u32::from(right[i]));
            }
            for i in 0..16 {
                entries[i] = joins[(hashes[i] >> (32 - JOIN_BITS)) as usize];
            }
            for i in 0..16 {
                words[i] = singles[usize::from(right[i] >> 2)];
            }
            let mut flagged = [0; 16];
            for i in 0..16 {
                words[i] >>= 8 * u32::from(right[i] & 3);
                entries[i] = Self::join(hashes[i], entries[i]);
                let group = if left[i] < 0x80 { 0x40 } else { 4 << (left[i] & 3) };
                flagged[i] = words[i] & group;
            }
            let (words, entries) = (simd.keys(&words), simd.keys(&entries));
            let masks = [
                simd.some_of(words, 1),
                simd.some_of(words, 2),
                simd.some_of(words, u32::from(EAST_ASIAN)),
                simd.some_of(simd.keys(&flagged), 0x7C),
                simd.some_of(entries, 1),
                simd.some_of(entries, 2),
                simd.some_of(entries, 4),
            ];
            for i in 0..7 {
                found[i] |= u64::from(masks[i]) << from;
            }
        }
        // What is known of each character alone.
        let within = low_bits(len);
        let [ones, twos, east_asian, flagged, values @ ..] = found;
        let (ones, twos) = (ones & within, twos & within);
        let mut unknown = within & !(ones | twos);
        let tokens =
            |chars: u64| u64::from((ones & chars).count_ones() + 2 * (twos & chars).count_ones());
        let mut counted = within;
        // Boundary k is the one before character k.
        let selection = simd.select(chars);
        let inner = !simd.extract(starts, &selection) & !1 & within;
        let values = [values[0] & inner, values[1] & inner, values[2] & inner];
        let mut opaque = (unknown | unknown << 1 | !(east_asian | east_asian << 1)) & inner;
        let mut joined = opaque | values[0] | values[1] | values[2];
        opaque |= values[0] & values[1] & values[2];
        let mut rest = flagged & inner & !joined;
        while rest != 0 {
            let k = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            if self.may_join_parts(characters[k], characters[k + 1]) {
                opaque |= 1 << k;
                joined |= 1 << k;
            }
        }
        // Where character k is.
        macro_rules! offset {
            ($k:expr) => {
                simd.deposit(1 << $k, &selection).trailing_zeros() as usize
            };
        }
        let mut end_offset = 64 - chars.leading_zeros() as usize;
        if cuts != 0 {
            // The last segment is not complete.
            let safe = !joined & (simd.extract(cuts, &selection) | 1);
            let end = 63 - safe.leading_zeros() as usize;
            end_offset = offset!(end);
            counted &= low_bits(end);
            joined &= low_bits(end);
            opaque &= low_bits(end);
            unknown &= low_bits(end);
        }
        // Two characters between safe boundaries.
        let pairs = joined & !opaque & !(joined << 1) & !(joined >> 1);
        let mut total = 0;
        let of_pairs = |bits: u64| u64::from((bits & pairs).count_ones());
        let [low, middle, high] = values.map(of_pairs);
        let saved = low + 2 * middle + 4 * high - of_pairs(u64::MAX);
        // More, or characters that the table does not know.
        let longer = joined & !pairs;
        let alone = unknown & !joined & !(joined >> 1);
        let mut rest = (longer & !(longer << 1)) >> 1 | alone;
        counted &= !(longer | longer >> 1 | alone);
        if unknown == 0 {
            let few = rest & !(longer >> 1 & longer >> 2 & longer >> 3);
            segments.few(&characters, few, longer >> 1);
            rest &= !few;
        }
        while rest != 0 {
            let from = rest.trailing_zeros();
            rest &= rest - 1;
            let to = from + 1 + (!(longer >> from >> 1)).trailing_zeros();
            let last = at + offset!(to - 1);
            let from = at + offset!(from);
            total += segments.any(from, last + utf8_len(text[last]) - from);
        }
        (total + tokens(counted) - saved, end_offset)
    }

    /// The end of the segment that starts at `start`: the first safe boundary after it.
    pub fn segment_end(&self, piece: &[u8], start: usize) -> usize {
        let mut left = plane_zero_at(piece, start);
        let mut at = start + utf8_len(piece[start]);
        while at < piece.len() {
            let right = plane_zero_at(piece, at);
            let (l, r) = (single(&self.singles, left), single(&self.singles, right));
            let known = l != 0 && r != 0 && (l | r) & EAST_ASIAN != 0;
            if known && !self.may_join(left, right) {
                return at;
            }
            left = right;
            at += utf8_len(piece[at]);
        }
        at
    }

    /// Whether some token may span the boundary of two characters.
    fn may_join(&self, left: u16, right: u16) -> bool {
        let hash = Self::hash(u32::from(left) << 16 | u32::from(right));
        let entry = self.joins[(hash >> (32 - JOIN_BITS)) as usize];
        let flagged = single(&self.singles, right) & group(last_byte(left)) != 0;
        Self::join(hash, entry) != 0 || flagged && self.may_join_parts(left, right)
    }

    /// Whether some token of parts of characters may span the boundary of two that are flagged.
    #[cold]
    fn may_join_parts(&self, left: u16, right: u16) -> bool {
        let bit = Self::hash(u32::from(left) << 16 | u32::from(right)) >> self.parts_shift;
        let part = self.parts[(bit >> 3) as usize] >> (bit & 7) & 1 != 0;
        let leads = self.leads[usize::from(last_byte(left))];
        part || right >= 0x800 && leads >> (right >> 12) & 1 != 0
    }
}

/// The characters of up to three bytes that `part` of a token can belong to: itself, if it is a whole
/// one; those that begin with it; or those that end with it.
fn candidates(part: &[u8]) -> impl Iterator<Item = u16> {
    let low = |at: usize| u32::from(part[at] & 0x3F);
    let (first, count, step) = match *part {
        [byte] if byte < 0x80 => (u32::from(byte), 1, 1),
        [0x80..=0xBF] => (low(0), 1024, 64),
        [0x80..=0xBF, 0x80..=0xBF] => (low(0) << 6 | low(1), 16, 4096),
        [lead @ 0xE0..=0xEF, _] => (u32::from(lead & 15) << 12 | low(1) << 6, 64, 1),
        [lead @ 0xE0..=0xEF, _, _] => (u32::from(lead & 15) << 12 | low(1) << 6 | low(2), 1, 1),
        // Two bytes are no character of the table, four are beyond it.
        _ => (0, 0, 1),
    };
    (0..count).map(move |i| (first + i * step) as u16)
}

/// The value of a join that may or may not be one, or that does not save tokens.
const UNKNOWN: u8 = 7;

/// Counts the tokens of each two characters.
struct CountPairs<'a> {
    pairs: &'a BpeModel,
    chars: &'a [u32],
}

impl Task for CountPairs<'_> {
    type Output = Vec<u8>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Vec<u8> {
        let mut utf8 = [0; 8];
        let mut counts = Vec::with_capacity(self.chars.len());
        for two in self.chars {
            let [left, right] =
                [two >> 16, two & 0xFFFF].map(|c| char::from_u32(c).expect("no surrogate"));
            let len = left.encode_utf8(&mut utf8).len();
            let len = len + right.encode_utf8(&mut utf8[len..]).len();
            counts.push(count_in_registers(simd, self.pairs, &utf8[..len]) as u8);
        }
        counts
    }
}

/// The tokens of a character of one or three bytes by itself.
fn count_alone(pairs: &BpeModel, utf8: &[u8]) -> u8 {
    let &[a, b, c] = utf8 else { return 1 };
    let (left, right) = (pairs.of_bytes(a, b), pairs.of_bytes(b, c));
    if left == NONE && right == NONE {
        return 3;
    }
    let merges = pairs.merges(SCRIPTS[usize::from(a)]);
    let whole = if left < right {
        pairs.exact(merges, left, pairs.single(c))
    } else {
        pairs.exact(merges, pairs.single(a), right)
    };
    if whole == NONE { 2 } else { 1 }
}

#[inline(always)]
fn utf8_len(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    }
}

fn plane_zero_at(text: &[u8], at: usize) -> u16 {
    let mut utf8 = [0; 4];
    let len = utf8_len(text[at]);
    utf8[..len].copy_from_slice(&text[at..at + len]);
    plane_zero(utf8[0], utf8[1], utf8[2])
}

/// The character of these bytes, if it is ASCII or three bytes long; else U+FFFF, which is none.
#[inline(always)]
fn plane_zero(first: u8, second: u8, third: u8) -> u16 {
    let low = u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F);
    let other = if first & 0xF0 == 0xE0 { u16::from(first & 0x0F) << 12 | low } else { 0xFFFF };
    if first < 0x80 { u16::from(first) } else { other }
}

//! `Counter`: counting without encoding.
//!
//! Pieces are found 64 bytes at a time and gathered, with their cache lines on the way from memory,
//! before they are looked up. No ids are made and nothing grows with the text.

use std::sync::Arc;

use crate::Error;
use crate::bpe::cache::{Cache, Key, MAX_COUNT, long_key, short_key};
use crate::bpe::east_asian::low_bits;
use crate::bpe::merge::{Window, merge};
use crate::encoding::{Encoding, Special};
use crate::pretokenize::block::{BLOCK, SLACK, piece_starts};
#[cfg(target_arch = "x86_64")]
use crate::pretokenize::simd::{Avx2, Avx512};
use crate::pretokenize::simd::{Portable, Simd};
use crate::pretokenize::{Family, Pretokenizer, cl100k::Cl100k, gpt2::Gpt2, o200k::O200k};
use crate::special::Part;

/// Lines of the cache of pieces of up to 15 bytes: 8 MiB.
const SHORT_LINES: u32 = 17;
/// Lines of the cache of pieces of 16 to 31 bytes: 4 MiB.
const LONG_LINES: u32 = 16;
/// Pieces gathered before they are looked up. A block adds at most [`BLOCK`].
const BATCH: usize = 64;

/// The instructions that scanning uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The levels that this machine has, the best one last.
    pub fn available() -> Vec<Level> {
        #[allow(unused_mut)]
        let mut levels = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2") {
                levels.push(Level::Avx2);
                if is_x86_feature_detected!("avx512bw") {
                    levels.push(Level::Avx512);
                }
            }
        }
        levels
    }
}

/// Pieces on their way to a cache.
struct Batch<const WORDS: usize> {
    len: usize,
    lines: [u32; BATCH + BLOCK],
    keys: [Key<WORDS>; BATCH + BLOCK],
}

impl<const WORDS: usize> Batch<WORDS> {
    fn new() -> Self {
        Batch {
            len: 0,
            lines: [0; BATCH + BLOCK],
            keys: [[0; WORDS]; BATCH + BLOCK],
        }
    }

    #[inline(always)]
    fn push(&mut self, line: usize, key: Key<WORDS>) {
        self.lines[self.len] = line as u32;
        self.keys[self.len] = key;
        self.len += 1;
    }
}

/// A worker's counting state: scratch space and caches of a fixed size (about 12 MiB). Made once a
/// worker, used for many texts.
pub struct Counter {
    encoding: Arc<Encoding>,
    level: Level,
    short: Cache<2, 4>,
    long: Cache<4, 2>,
    short_batch: Box<Batch<2>>,
    long_batch: Box<Batch<4>>,
    window: Box<Window>,
}

/// Calls `$counter.$method::<S, $family>($argument)` with the instruction set of the counter's level.
macro_rules! at_level {
    ($counter:ident, $method:ident $(<$family:ident>)?, $($argument:expr),*) => {
        match $counter.level {
            Level::Portable => $counter.$method::<Portable $(, $family)?>($($argument),*),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => {
                #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
                fn call<$($family: Family)?>(counter: &mut Counter, text: &[u8]) -> u64 {
                    counter.$method::<Avx2 $(, $family)?>(text)
                }
                // SAFETY: the level is one of `Level::available`, so the CPU has these instructions.
                unsafe { call::<$($family)?>($counter, $($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => {
                #[target_feature(
                    enable = "avx512f,avx512bw,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt"
                )]
                fn call<$($family: Family)?>(counter: &mut Counter, text: &[u8]) -> u64 {
                    counter.$method::<Avx512 $(, $family)?>(text)
                }
                // SAFETY: as above.
                unsafe { call::<$($family)?>($counter, $($argument),*) }
            }
        }
    };
}

impl Counter {
    /// A counter for `encoding`.
    pub fn new(encoding: Arc<Encoding>) -> Counter {
        let level = *Level::available().last().expect("one is portable");
        Counter::with_level(encoding, level)
    }

    pub(crate) fn with_level(encoding: Arc<Encoding>, level: Level) -> Counter {
        let mut counter = Counter {
            encoding: encoding.clone(),
            level,
            short: Cache::new(SHORT_LINES),
            long: Cache::new(LONG_LINES),
            short_batch: Box::new(Batch::new()),
            long_batch: Box::new(Batch::new()),
            window: Box::new(Window::new()),
        };
        // Most words are tokens: the first megabyte should not have to find that out.
        let mut padded = [0; 32];
        for (_, token) in encoding.vocab().tokens() {
            if token.len() < 32 {
                padded[..token.len()].copy_from_slice(token);
                counter.remember(&padded, 0, token.len(), 1);
            }
        }
        counter
    }

    /// The encoding that this counts by.
    pub fn encoding(&self) -> &Arc<Encoding> {
        &self.encoding
    }

    /// The number of tokens of `text`: exactly the length of what [`Encoding::encode`] gives.
    pub fn count(&mut self, text: &str, special: Special) -> Result<u64, Error> {
        if special == Special::Text {
            return Ok(self.count_text(text.as_bytes()));
        }
        let encoding = self.encoding.clone();
        let mut total = 0;
        for part in encoding.special().parts(text, special)? {
            total += match part {
                Part::Text(text) => self.count_text(text.as_bytes()),
                Part::Token(_) => 1,
            };
        }
        Ok(total)
    }

    /// Counts plain text.
    fn count_text(&mut self, text: &[u8]) -> u64 {
        match self.encoding.pretokenizer() {
            Pretokenizer::Gpt2 => self.count_family::<Gpt2>(text),
            Pretokenizer::Cl100k => self.count_family::<Cl100k>(text),
            Pretokenizer::O200k => self.count_family::<O200k>(text),
        }
    }

    fn count_family<F: Family>(&mut self, text: &[u8]) -> u64 {
        at_level!(self, scan<F>, text)
    }

    #[inline(always)]
    fn scan<S: Simd, F: Family>(&mut self, text: &[u8]) -> u64 {
        let mut total = 0;
        let mut at = 0;
        while at + BLOCK + SLACK <= text.len() {
            at += self.scan_block::<S, F>(text, at, BLOCK, text.len(), &mut total);
        }
        // The rest, where blocks and keys may be read beyond the end.
        let mut rest = [0; 2 * (BLOCK + SLACK)];
        let len = text.len().saturating_sub(at);
        rest[..len].copy_from_slice(&text[text.len() - len..]);
        let mut at = 0;
        while at < len {
            at += self.scan_block::<S, F>(&rest, at, BLOCK.min(len - at), len, &mut total);
        }
        total + self.flush()
    }

    /// Counts the pieces that begin in the `len` bytes at `at` and are certain to end there; at least
    /// one. Returns their bytes. The text ends at `end`, but more can be read.
    #[inline(always)]
    fn scan_block<S: Simd, F: Family>(
        &mut self,
        text: &[u8],
        at: usize,
        len: usize,
        end: usize,
        total: &mut u64,
    ) -> usize {
        let mut last = 0;
        if len > 3 {
            let starts = piece_starts::<F, S>(text, at, len);
            let mut rest = starts.mask & (starts.mask - 1);
            if starts.east_asian == 0 {
                while rest != 0 {
                    let next = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    self.look_up(text, at + last, next - last, total);
                    last = next;
                }
            } else {
                let mut east_asian = 0;
                while rest != 0 {
                    let next = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    let piece = (u64::MAX >> (64 - (next - last))) << last;
                    if starts.east_asian & piece != 0 {
                        east_asian |= piece;
                    } else {
                        self.look_up(text, at + last, next - last, total);
                    }
                    last = next;
                }
                if east_asian != 0 {
                    *total += self
                        .count_block::<S>(text, at, starts.chars & east_asian, starts.mask, false)
                        .0;
                }
            }
        }
        if last == 0 {
            let piece_end = F::piece_end(&text[..end], at);
            last = piece_end - at;
            if last < 32 {
                self.look_up(text, at, last, total);
            } else {
                *total += self.count_long(&text[at..piece_end]);
            }
        }
        if self.short_batch.len >= BATCH || self.long_batch.len >= BATCH {
            *total += self.flush();
        }
        last
    }

    /// Counts East Asian characters of a block: see [`EastAsian::count`](crate::bpe::east_asian::EastAsian::count).
    #[inline(always)]
    fn count_block<S: Simd>(
        &mut self,
        text: &[u8],
        at: usize,
        chars: u64,
        starts: u64,
        on: bool,
    ) -> (u64, usize) {
        let encoding = self.encoding.clone();
        encoding
            .east_asian()
            .count::<S>(text, at, chars, starts, on, |segment| {
                self.count_segment(segment)
            })
    }

    /// Counts one piece, now or with its batch.
    #[inline(always)]
    fn look_up(&mut self, text: &[u8], start: usize, len: usize, total: &mut u64) {
        if len < 16 {
            let key = short_key(text, start, len);
            let line = self.short.line_of(&key);
            self.short.prefetch(line);
            self.short_batch.push(line, key);
        } else if len < 32 {
            let key = long_key(text, start, len);
            let line = self.long.line_of(&key);
            self.long.prefetch(line);
            self.long_batch.push(line, key);
        } else {
            *total += self.count_long(&text[start..start + len]);
        }
    }

    /// Looks the gathered pieces up.
    #[inline(always)]
    fn flush(&mut self) -> u64 {
        let mut total = 0;
        let (mut missed, mut misses) = ([0u8; BATCH + BLOCK], 0);
        for i in 0..self.short_batch.len {
            let count = self.short.get(
                self.short_batch.lines[i] as usize,
                &self.short_batch.keys[i],
            );
            total += count as u64;
            missed[misses] = i as u8;
            misses += usize::from(count == 0);
        }
        for &i in &missed[..misses] {
            let (line, key) = (
                self.short_batch.lines[i as usize],
                self.short_batch.keys[i as usize],
            );
            total += self.miss_short(line as usize, key);
        }
        self.short_batch.len = 0;
        if self.long_batch.len > 0 {
            for i in 0..self.long_batch.len {
                let (line, key) = (self.long_batch.lines[i] as usize, self.long_batch.keys[i]);
                let count = self.long.get(line, &key);
                total += if count != 0 {
                    count as u64
                } else {
                    self.miss_long(line, key)
                };
            }
            self.long_batch.len = 0;
        }
        total
    }

    #[cold]
    #[inline(never)]
    fn miss_short(&mut self, line: usize, key: Key<2>) -> u64 {
        let bytes: [u8; 16] = bytemuck::cast(key.map(u64::to_le));
        let len = usize::from(bytes[15]);
        let count = self.merge(&bytes[..len]);
        self.short.insert(line, key, count as usize);
        count
    }

    #[cold]
    #[inline(never)]
    fn miss_long(&mut self, line: usize, key: Key<4>) -> u64 {
        let bytes: [u8; 32] = bytemuck::cast(key.map(u64::to_le));
        let len = 16 + usize::from(bytes[31]);
        let count = self.merge(&bytes[..len]);
        if count as usize <= MAX_COUNT {
            self.long.insert(line, key, count as usize);
        }
        count
    }

    /// Merges at most a [`Window`] of bytes.
    fn merge(&mut self, bytes: &[u8]) -> u64 {
        at_level!(self, merge_at, bytes)
    }

    #[inline(always)]
    fn merge_at<S: Simd>(&mut self, bytes: &[u8]) -> u64 {
        self.window.merge::<S>(self.encoding.pairs(), bytes) as u64
    }

    /// Puts a piece and its count into the cache.
    fn remember(&mut self, text: &[u8], start: usize, len: usize, count: usize) {
        if len < 16 {
            let key = short_key(text, start, len);
            let line = self.short.line_of(&key);
            self.short.insert(line, key, count);
        } else {
            let key = long_key(text, start, len);
            let line = self.long.line_of(&key);
            self.long.insert(line, key, count);
        }
    }

    /// Counts a piece of more than 31 bytes.
    #[cold]
    #[inline(never)]
    fn count_long(&mut self, piece: &[u8]) -> u64 {
        if piece.iter().any(|b| matches!(b, 0xE3..=0xED | 0xEF)) {
            return at_level!(self, count_east_asian, piece);
        }
        if piece.iter().all(|&b| b == piece[0]) {
            return self.count_repeated(piece);
        }
        self.count_uncached(piece)
    }

    /// Counts a piece of equal bytes through the cache, by a key that no text has.
    fn count_repeated(&mut self, piece: &[u8]) -> u64 {
        let Ok(len) = u32::try_from(piece.len()) else {
            return self.count_uncached(piece);
        };
        let mut padded = [0; 16];
        padded[..2].copy_from_slice(&[0xFF, piece[0]]);
        padded[2..6].copy_from_slice(&len.to_le_bytes());
        let key = short_key(&padded, 0, 6);
        let line = self.short.line_of(&key);
        let known = self.short.get(line, &key);
        if known != 0 {
            return known as u64;
        }
        let count = self.count_uncached(piece);
        if count as usize <= MAX_COUNT {
            self.short.insert(line, key, count as usize);
        }
        count
    }

    /// Counts a piece, or a segment of one, of any length.
    fn count_uncached(&mut self, piece: &[u8]) -> u64 {
        let mut total = 0;
        let Counter {
            encoding, window, ..
        } = self;
        merge(
            encoding.pairs(),
            encoding.vocab(),
            window,
            piece,
            |tokens| {
                total += tokens.len() as u64;
            },
        );
        total
    }

    /// Counts a segment through the cache.
    fn count_segment(&mut self, segment: &[u8]) -> u64 {
        let len = segment.len();
        if len >= 32 {
            return self.count_uncached(segment);
        }
        let mut padded = [0; 32];
        padded[..len].copy_from_slice(segment);
        if len < 16 {
            let key = short_key(&padded, 0, len);
            let line = self.short.line_of(&key);
            let count = self.short.get(line, &key);
            if count != 0 {
                count as u64
            } else {
                self.miss_short(line, key)
            }
        } else {
            let key = long_key(&padded, 0, len);
            let line = self.long.line_of(&key);
            let count = self.long.get(line, &key);
            if count != 0 {
                count as u64
            } else {
                self.miss_long(line, key)
            }
        }
    }

    /// Counts a piece that holds East Asian characters and does not fit into a block.
    #[inline(always)]
    fn count_east_asian<S: Simd>(&mut self, piece: &[u8]) -> u64 {
        let mut total = 0;
        let mut at = 0;
        while at < piece.len() {
            let mut len = BLOCK.min(piece.len() - at);
            let on = at + len < piece.len();
            while on && piece[at + len] & 0xC0 == 0x80 {
                len -= 1;
            }
            let mut block = [0; BLOCK + 4];
            block[..len].copy_from_slice(&piece[at..at + len]);
            let continuation = block[..BLOCK]
                .iter()
                .enumerate()
                .fold(0, |bits, (i, b)| bits | u64::from(b & 0xC0 == 0x80) << i);
            let chars = !continuation & low_bits(len);
            let (count, bytes) = self.count_block::<S>(&block, 0, chars, 1, on);
            total += count;
            if !on {
                break;
            }
            at += bytes;
            if bytes == 0 {
                let end = self.encoding.east_asian().segment_end(piece, at);
                total += self.count_segment(&piece[at..end]);
                at = end;
            }
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of numbers, the same everywhere.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as usize % n
        }
    }

    const PARTS: &[&str] = &[
        " ",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\n\n",
        "\t",
        "\u{A0}",
        "\u{3000}",
        "\u{2003}",
        "\u{85}",
        "\0",
        "a",
        "b",
        "the",
        "The",
        "THE",
        "HTTPServer",
        "tokenization",
        "camelCase",
        "x",
        "Z",
        "É",
        "ß",
        "'",
        "'s",
        "'S",
        "'t",
        "'ll",
        "'LL",
        "'Ve",
        "'re",
        "'d",
        "'m",
        "'ſ",
        "'ſt",
        "’s",
        "ſ",
        "K",
        "1",
        "12",
        "123",
        "1234567",
        "½",
        "٣",
        "四",
        ".",
        ",",
        "!",
        "!!",
        "-",
        "----",
        "/",
        "//",
        "\\",
        "(",
        ")",
        "\"",
        "“",
        "”",
        "…",
        "—",
        "#",
        "_",
        "*",
        "<|endoftext|>",
        "<|",
        "|>",
        "http://",
        "中",
        "高认",
        "퓨어",
        "国",
        "的",
        "我们",
        "使用API接口",
        "，",
        "。",
        "「",
        "」",
        "カタカナ",
        "ひらがな",
        "日本語",
        "ー",
        "한국어",
        "있습니다",
        "다",
        "Привет",
        "мир",
        "Ж",
        "ж",
        "مرحبا",
        "بالعالم",
        "ً",
        "हिन्दी",
        "में",
        "ि",
        "ไทย",
        "ภาษา",
        "ำ",
        "é",
        "e\u{301}",
        "\u{301}",
        "\u{200D}",
        "👩\u{200D}👩\u{200D}👧",
        "❤\u{FE0F}",
        "🎉",
        "𠀀",
        "𝒳",
        "ǅ",
        "ʰ",
        "ª",
        "Ω",
        "\u{FEFF}",
        "ﬁ",
        "ａｂ",
        "Ａ",
        "１２",
        "㍿",
        "\u{E000}",
        "က",
        "ខ្មែរ",
        "ქართული",
    ];

    fn nasty_text(random: &mut Random) -> String {
        let kinds = 1 + random.below(12);
        let few: Vec<&str> = (0..kinds)
            .map(|_| PARTS[random.below(PARTS.len())])
            .collect();
        let mut text = String::new();
        for _ in 0..1 + random.below(80) {
            if random.below(30) == 0 {
                text.push_str(&few[random.below(kinds)].repeat(random.below(90)));
            }
            let all = random.below(4) == 0;
            text.push_str(if all {
                PARTS[random.below(PARTS.len())]
            } else {
                few[random.below(kinds)]
            });
            if random.below(50) == 0 {
                text.extend(char::from_u32(random.below(0x11_0000) as u32));
            }
        }
        text
    }

    #[test]
    fn counts_what_encode_gives_at_every_level() {
        let mut random = Random(0x1234_5678_9ABC_DEF1);
        for name in ["o200k_base", "cl100k_base", "r50k_base"] {
            let encoding = Encoding::embedded(name).unwrap();
            let mut counters: Vec<Counter> = Level::available()
                .into_iter()
                .map(|level| Counter::with_level(encoding.clone(), level))
                .collect();
            for _ in 0..20_000 {
                let text = nasty_text(&mut random);
                let mut ids = Vec::new();
                encoding.encode(&text, Special::Text, &mut ids).unwrap();
                for counter in &mut counters {
                    let count = counter.count(&text, Special::Text).unwrap();
                    if count != ids.len() as u64 {
                        let small = shrink(&text, |text| {
                            let mut ids = Vec::new();
                            encoding.encode(text, Special::Text, &mut ids).unwrap();
                            counter.count(text, Special::Text).unwrap() != ids.len() as u64
                        });
                        panic!("{name} {:?}: {small:?}, of {text:?}", counter.level);
                    }
                }
            }
        }
    }

    /// The shortest text that still fails, by leaving characters out.
    fn shrink(text: &str, mut fails: impl FnMut(&str) -> bool) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        let mut size = chars.len() / 2;
        while size > 0 {
            let mut at = 0;
            while at + size <= chars.len() {
                let fewer: Vec<char> = [&chars[..at], &chars[at + size..]].concat();
                if fails(&fewer.iter().collect::<String>()) {
                    chars = fewer;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        chars.into_iter().collect()
    }
}

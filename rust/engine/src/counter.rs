//! `Counter`: counting without encoding.
//!
//! Pieces are found 64 bytes at a time and stand in a queue, their cache lines on the way from memory,
//! before they are looked up. No ids are made and nothing grows with the text.

mod characters;

use std::sync::Arc;

use fasttok_simd::{Level, Portable, Simd, Task, is_east_asian};

use crate::Error;
use crate::added::Part;
use crate::bpe::cache::{Cache, Key, MAX_COUNT, long_key, short_key};
use crate::bpe::east_asian::low_bits;
use crate::bpe::interleaved::{Work, count_interleaved};
use crate::bpe::model::BpeModel;
use crate::bpe::registers::{SHORT, count_in_more_registers};
use crate::bpe::windowed::{Window, merge};
use crate::encoding::Encoding;
use crate::encoding::definition::Instead;
use crate::interrupt::{self, STRIDE, Watch};
use crate::options::Special;
use crate::pretokenize::block::{BLOCK, SLACK, flood, piece_starts};
use crate::pretokenize::{Pretokenizer, Scanner, general::General};

/// The logarithm, to base 2, of the lines of the cache of pieces of up to 15 bytes: 8 MiB of them.
const SHORT_CACHE_LOG2_LINES: u32 = 17;
/// The same of the cache of pieces of 16 to 31 bytes: 4 MiB.
const LONG_CACHE_LOG2_LINES: u32 = 16;
/// Pieces that wait in a queue while their cache lines are fetched.
const WAITING: usize = 48;
/// Pieces that no cache knows and that wait to be merged together.
const MISSED: usize = 32;

/// Pieces on their way to a cache: a ring that `u8` indices go round.
struct Queue<const WORDS: usize> {
    head: u8,
    tail: u8,
    lines: [u32; 256],
    keys: [Key<WORDS>; 256],
}

impl<const WORDS: usize> Queue<WORDS> {
    fn new() -> Self {
        Queue { head: 0, tail: 0, lines: [0; 256], keys: [[0; WORDS]; 256] }
    }

    #[inline(always)]
    fn push(&mut self, line: usize, key: Key<WORDS>) {
        self.lines[self.tail as usize] = line as u32;
        self.keys[self.tail as usize] = key;
        self.tail = self.tail.wrapping_add(1);
    }

    /// Takes the first piece out: its line and its key.
    #[inline(always)]
    fn pop(&mut self) -> (usize, Key<WORDS>) {
        let i = self.head;
        self.head = self.head.wrapping_add(1);
        self.at(i)
    }

    /// The piece at `i`, also when it was taken out just now.
    #[inline(always)]
    fn at(&self, i: u8) -> (usize, Key<WORDS>) {
        let i = usize::from(i);
        (self.lines[i] as usize, self.keys[i])
    }

    #[inline(always)]
    fn len(&self) -> usize {
        self.tail.wrapping_sub(self.head) as usize
    }
}

/// A worker's counting state: scratch space and caches of a fixed size (about 12 MiB). Made once a
/// worker, used for many texts.
pub struct Counter {
    encoding: Arc<Encoding>,
    level: Level,
    known: Known,
}

/// What a counter remembers, and what waits to be looked up in it.
struct Known {
    short: Cache<2, 4>,
    long: Cache<4, 2>,
    short_queue: Box<Queue<2>>,
    long_queue: Box<Queue<4>>,
    missed: Vec<MissedPiece>,
    window: Box<Window>,
}

/// A piece that no cache knows.
#[derive(Clone, Copy)]
struct MissedPiece {
    /// Where it belongs: of the cache of longer pieces, if it is `long`.
    line: u32,
    long: bool,
    /// Its key; of a short piece in the lower half.
    key: Key<4>,
}

impl Counter {
    /// A counter for `encoding`.
    pub fn new(encoding: Arc<Encoding>) -> Counter {
        Counter::with_level(encoding, Level::chosen_or_portable())
    }

    /// A counter that uses the instructions of `level`, whatever [`Level::chosen`] says.
    pub fn with_level(encoding: Arc<Encoding>, level: Level) -> Counter {
        let mut known = Known {
            short: Cache::new(SHORT_CACHE_LOG2_LINES),
            long: Cache::new(LONG_CACHE_LOG2_LINES),
            short_queue: Box::new(Queue::new()),
            long_queue: Box::new(Queue::new()),
            missed: Vec::with_capacity(2 * MISSED),
            window: Box::new(Window::new()),
        };
        // Most words are tokens: the first megabyte should not have to find that out.
        known.seed(encoding.reachable_tokens());
        Counter { encoding, level, known }
    }

    /// The encoding that this counts by.
    pub fn encoding(&self) -> &Arc<Encoding> {
        &self.encoding
    }

    /// The number of tokens of `text`: exactly the length of what [`Encoding::encode`] gives.
    pub fn count(&mut self, text: &str, special: Special) -> Result<u64, Error> {
        let encoding = self.encoding.clone();
        // What a text left behind that was interrupted, or in which something panicked.
        self.known.forget_waiting();
        let mut total = 0;
        encoding.for_each_part(text, special, &mut |part| {
            total += match (part, encoding.instead()) {
                (Part::Token(_), _) => 1,
                (Part::Text(text, start), Instead::Nothing) => self.count_text(text, start)?,
                (Part::Text(text, start), Instead::Characters(characters)) => {
                    self.count_characters(characters, text, start)?
                }
                (Part::Text(text, start), Instead::Literal(literal)) => {
                    let mut ids = Vec::new();
                    literal.encode(text, start, &mut ids)?;
                    ids.len() as u64
                }
            };
            interrupt::check()
        })?;
        Ok(total)
    }

    /// Counts normalized text without added tokens.
    fn count_text(&mut self, text: &str, start: usize) -> Result<u64, Error> {
        let Counter { encoding, level, known } = self;
        let general = match encoding.pretokenizer() {
            Pretokenizer::General(general) => Some(general),
            _ => None,
        };
        let added = general.map_or(&b""[..], |general| general.adds());
        if encoding.lacks_a_byte_of(text.as_bytes()) || encoding.lacks_a_byte_of(added) {
            let mut ids = Vec::new();
            encoding.encode_plain(&mut known.window, text, start, &mut ids)?;
            return Ok(ids.len() as u64);
        }
        let scan = Scan { encoding, known };
        if let Some(general) = general {
            return level.run(Pieces { scan, general, text, start });
        }
        let scanner = encoding.pretokenizer().scanner().expect("all but the general one have one");
        Ok(level.run(Text { scan, scanner, text: text.as_bytes() }))
    }
}

/// One text being counted.
struct Scan<'a> {
    encoding: &'a Encoding,
    known: &'a mut Known,
}

impl Scan<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S, scanner: Scanner, text: &[u8]) -> u64 {
        let mut total = 0;
        let mut at = 0;
        let mut watch = Watch::new();
        while at + BLOCK + SLACK <= text.len() {
            let start = at;
            let stride = text.len().min(start + STRIDE);
            while at + BLOCK + SLACK <= stride || at == start {
                at += self.block(simd, scanner, text, at, BLOCK, text.len(), &mut total);
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
            at += self.block(simd, scanner, &rest, at, BLOCK.min(len - at), len, &mut total);
        }
        total + self.known.drain(simd, self.encoding.pairs(), 0)
    }

    /// Counts the pieces that begin in the `len` bytes at `at` and are certain to end there; at least
    /// one. Returns their bytes. The text ends at `end`, but more can be read.
    #[inline(always)]
    fn block<S: Simd>(
        &mut self,
        simd: S,
        scanner: Scanner,
        text: &[u8],
        at: usize,
        len: usize,
        end: usize,
        total: &mut u64,
    ) -> usize {
        let mut last = 0;
        if len > 3 {
            let starts = piece_starts(simd, scanner, text, at, len);
            last = 63 - starts.mask.leading_zeros() as usize;
            // The piece that begins last is not finished.
            let mut rest = starts.mask & low_bits(last);
            let mut east_asian = east_asian_pieces(simd, starts.mask, starts.east_asian);
            if let Some(whole) = self.encoding.whole_pieces() {
                let mut unseen = rest;
                while unseen != 0 {
                    let (start, next) = first_piece(unseen, starts.mask);
                    unseen &= unseen - 1;
                    if whole.contains(&text[at + start..at + next]) {
                        *total += 1;
                        rest &= !(1 << start);
                        east_asian &= !low_bits(next) | low_bits(start);
                    }
                }
            }
            let window: &[u8; BLOCK + SLACK] =
                text[at..at + BLOCK + SLACK].try_into().expect("readable");
            let mut longer = self.known.look_up_all(window, rest & !east_asian, starts.mask);
            while longer != 0 {
                let (start, next) = first_piece(longer, starts.mask);
                longer &= longer - 1;
                *total += self.outlined_long(simd, &window[start..next]);
            }
            if east_asian != 0 {
                let chars = starts.chars & east_asian;
                *total += simd
                    .outlined(Characters {
                        encoding: self.encoding,
                        known: self.known,
                        text,
                        at,
                        chars,
                        starts: starts.mask,
                        on: false,
                    })
                    .0;
            }
        }
        if last == 0 {
            let piece_end = (scanner.piece_end)(&text[..end], at);
            last = piece_end - at;
            if self.is_whole(&text[at..piece_end]) {
                *total += 1;
            } else if last < 32 {
                self.known.look_up(text, at, last);
            } else {
                *total += self.outlined_long(simd, &text[at..piece_end]);
            }
        }
        *total += self.known.drain(simd, self.encoding.pairs(), WAITING);
        last
    }

    /// Whether `piece` is one token although merging does not give it.
    #[inline(always)]
    fn is_whole(&self, piece: &[u8]) -> bool {
        self.encoding.whole_pieces().is_some_and(|whole| whole.contains(piece))
    }

    /// Counts a piece of any length that has nothing readable behind it, and may be no UTF-8: caches and
    /// cuts are for whole characters.
    #[inline(always)]
    fn piece<S: Simd>(&mut self, simd: S, piece: &[u8]) -> u64 {
        if self.is_whole(piece) {
            1
        } else if simdutf8::basic::from_utf8(piece).is_err() {
            let (pairs, vocab) = (self.encoding.pairs(), self.encoding.vocab());
            let mut total = 0;
            merge(Portable, pairs, vocab, &mut self.known.window, piece, |tokens| {
                total += tokens.len() as u64;
            });
            total
        } else if piece.len() < 32 {
            self.segment(simd, piece, 0, piece.len())
        } else {
            self.outlined_long(simd, piece)
        }
    }

    /// Counts a piece of more than 31 bytes.
    #[inline(always)]
    fn long<S: Simd>(&mut self, simd: S, piece: &[u8]) -> u64 {
        if piece.is_ascii() {
            if piece.iter().all(|&b| b == piece[0]) {
                return self.known.count_repeated(simd, self.encoding, piece);
            }
            return self.known.merge_long(simd, self.encoding, piece);
        }
        if piece.iter().any(|&byte| is_east_asian(byte)) {
            return self.long_east_asian(simd, piece);
        }
        let mut total = 0;
        self.encoding.segmenter().for_each_segment(piece, |start, end| {
            total += self.segment(simd, piece, start, end);
        });
        total
    }

    /// [`Scan::long`], in a function of its own.
    #[inline(always)]
    fn outlined_long<S: Simd>(&mut self, simd: S, piece: &[u8]) -> u64 {
        let scan = Scan { encoding: self.encoding, known: self.known };
        simd.outlined(LongPiece { scan, piece })
    }

    /// Counts a segment of a piece, now or with its queue.
    #[inline(always)]
    fn segment<S: Simd>(&mut self, simd: S, piece: &[u8], start: usize, end: usize) -> u64 {
        let len = end - start;
        if len >= 32 {
            return self.known.merge_long(simd, self.encoding, &piece[start..end]);
        }
        if start + SLACK <= piece.len() {
            self.known.look_up(piece, start, len);
        } else {
            let mut padded = [0; SLACK];
            padded[..len].copy_from_slice(&piece[start..end]);
            self.known.look_up(&padded, 0, len);
        }
        self.known.drain(simd, self.encoding.pairs(), WAITING)
    }

    /// Counts a piece that holds East Asian characters and does not fit into a block.
    #[inline(always)]
    fn long_east_asian<S: Simd>(&mut self, simd: S, piece: &[u8]) -> u64 {
        let mut total = 0;
        let mut at = 0;
        let mut watch = Watch::new();
        while at < piece.len() && !watch.stops(BLOCK) {
            let mut len = BLOCK.min(piece.len() - at);
            let on = at + len < piece.len();
            while on && piece[at + len] & 0xC0 == 0x80 {
                len -= 1;
            }
            let mut block = [0; BLOCK + SLACK];
            block[..len].copy_from_slice(&piece[at..at + len]);
            let chars = !simd.continuation(block[..BLOCK].try_into().expect("64 bytes"));
            let (count, bytes) = simd.outlined(Characters {
                encoding: self.encoding,
                known: self.known,
                text: &block,
                at: 0,
                chars: chars & low_bits(len),
                starts: 1,
                on,
            });
            total += count;
            if !on {
                break;
            }
            at += bytes;
            if bytes == 0 {
                let end = self.encoding.east_asian().segment_end(piece, at);
                total += self.segment(simd, piece, at, end);
                at = end;
            }
            total += self.known.drain(simd, self.encoding.pairs(), WAITING);
        }
        total
    }
}

/// The first of the pieces that begin at the bits of `of`, some of `starts` but the last one: where it begins
/// and the next one does.
#[inline(always)]
fn first_piece(of: u64, starts: u64) -> (usize, usize) {
    let start = of.trailing_zeros() as usize & 63;
    (start, (starts & (u64::MAX << 1 << start)).trailing_zeros() as usize & 63)
}

/// The bytes of the pieces, of those that begin at the bits of `starts` but the last, that hold a bit of
/// `east_asian`.
#[inline(always)]
fn east_asian_pieces<S: Simd>(simd: S, starts: u64, east_asian: u64) -> u64 {
    if east_asian == 0 {
        return 0;
    }
    let ends = (starts & (starts - 1)) >> 1;
    // Behind such a bit up to the end of its piece; into the next one only if that begins with one.
    let reached = flood(east_asian, !starts | east_asian) & ends;
    let begun = simd.deposit(simd.extract(reached, ends), starts);
    (reached << 1).wrapping_sub(begun)
}

/// See [`Scan::run`].
struct Text<'a> {
    scan: Scan<'a>,
    scanner: Scanner,
    text: &'a [u8],
}

impl Task for Text<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> u64 {
        self.scan.run(simd, self.scanner, self.text)
    }
}

/// Counts a text whose pretokenizer has no scanner.
struct Pieces<'a> {
    scan: Scan<'a>,
    general: &'a General,
    text: &'a str,
    start: usize,
}

impl Task for Pieces<'_> {
    type Output = Result<u64, Error>;

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) -> Result<u64, Error> {
        let mut total = 0;
        let Pieces { general, text, start, .. } = self;
        let done = general.pieces(text, start, &mut |piece| {
            total += self.scan.piece(simd, piece);
            Ok(())
        });
        // Also behind an error: nothing may be left for the next text.
        total += self.scan.known.drain(simd, self.scan.encoding.pairs(), 0);
        done.map(|()| total)
    }
}

/// See [`Scan::long`].
struct LongPiece<'a> {
    scan: Scan<'a>,
    piece: &'a [u8],
}

impl Task for LongPiece<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) -> u64 {
        self.scan.long(simd, self.piece)
    }
}

/// Counts East Asian characters of a block: see `EastAsian::count`.
struct Characters<'a> {
    encoding: &'a Encoding,
    known: &'a mut Known,
    text: &'a [u8],
    at: usize,
    chars: u64,
    starts: u64,
    on: bool,
}

impl Task for Characters<'_> {
    type Output = (u64, usize);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (u64, usize) {
        let Characters { encoding, known, text, at, chars, starts, on } = self;
        encoding.east_asian().count(simd, text, at, chars, starts, on, |start, len| {
            if len < 32 {
                known.look_up(text, start, len);
                return 0;
            }
            known.merge_long(simd, encoding, &text[start..start + len])
        })
    }
}

/// See [`Known::look_up_all`]. What is apart here stays in registers.
#[inline(always)]
fn queue_all(
    short: &Cache<2, 4>,
    long: &Cache<4, 2>,
    short_queue: &mut Queue<2>,
    long_queue: &mut Queue<4>,
    window: &[u8; BLOCK + SLACK],
    mut of: u64,
    starts: u64,
) -> u64 {
    let mut longer = 0;
    let mut tail = short_queue.tail;
    while of != 0 {
        let (start, next) = first_piece(of, starts);
        let len = next - start;
        if len < 16 {
            let key = short_key(window, start, len);
            let line = short.line_of(&key);
            short.prefetch(line);
            short_queue.lines[tail as usize] = line as u32;
            short_queue.keys[tail as usize] = key;
            tail = tail.wrapping_add(1);
        } else if len < 32 {
            let key = long_key(window, start, len);
            let line = long.line_of(&key);
            long.prefetch(line);
            long_queue.push(line, key);
        } else {
            longer |= 1 << start;
        }
        of &= of - 1;
    }
    short_queue.tail = tail;
    longer
}

/// Looks keys up as [`queue_all`] and [`look_up_queued`] do, without a text.
#[cfg(feature = "probe")]
pub(crate) fn look_up_keys(cache: &Cache<2, 4>, keys: impl Iterator<Item = Key<2>>) -> u64 {
    let mut queue = Box::new(Queue::new());
    let mut total = 0;
    for (number, key) in keys.enumerate() {
        let line = cache.line_of(&key);
        cache.prefetch(line);
        queue.push(line, key);
        // A block has about as many pieces.
        if number % 16 == 0 {
            total += look_up_queued(cache, &mut queue, WAITING, &mut [0; 256]).0;
        }
    }
    total + look_up_queued(cache, &mut queue, 0, &mut [0; 256]).0
}

/// See [`Known::drain`]: takes all but `most` pieces out of the queue and returns their tokens. The places of
/// those that are not known are put into `missed`, and their number is returned.
#[inline(always)]
fn look_up_queued(
    cache: &Cache<2, 4>,
    queue: &mut Queue<2>,
    most: usize,
    missed: &mut [u8; 256],
) -> (u64, usize) {
    let (mut total, mut misses) = (0, 0);
    let mut head = queue.head;
    for _ in most..queue.len() {
        let (line, key) = queue.at(head);
        let count = cache.get(line, &key);
        missed[misses & 255] = head;
        misses += usize::from(count == 0);
        total += count as u64;
        head = head.wrapping_add(1);
    }
    queue.head = head;
    (total, misses)
}

/// The pieces that no cache knows, on their way through [`count_interleaved`].
struct Missed<'a> {
    known: &'a mut Known,
    next: usize,
    total: u64,
}

impl Work for Missed<'_> {
    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        loop {
            let piece = self.next;
            let missed = *self.known.missed.get(piece)?;
            self.next += 1;
            // What stands here twice is known the second time, or, at worst, counted twice.
            let count = self.known.get(missed);
            if count == 0 {
                return Some(piece);
            }
            self.total += count as u64;
        }
    }

    #[inline(always)]
    fn bytes(&self, piece: usize) -> ([u8; 32], usize) {
        let MissedPiece { long, key, .. } = self.known.missed[piece];
        let len = if long { 16 + (key[3] >> 56 & 15) } else { key[1] >> 56 & 15 };
        (bytemuck::cast(key.map(u64::to_le)), len as usize)
    }

    #[inline(always)]
    fn done(&mut self, piece: usize, count: usize) {
        self.known.insert(self.known.missed[piece], count);
        self.total += count as u64;
    }
}

/// Merges and remembers the pieces that no cache knows: see [`Known::drain`].
struct CountMissed<'a> {
    pairs: &'a BpeModel,
    known: &'a mut Known,
}

impl Task for CountMissed<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> u64 {
        let mut missed = Missed { known: self.known, next: 0, total: 0 };
        count_interleaved(simd, self.pairs, &mut missed);
        let Missed { known, total, .. } = missed;
        known.missed.clear();
        total
    }
}

/// Counts a piece, or a segment of one, of any length without a cache.
struct MergeLong<'a> {
    encoding: &'a Encoding,
    window: &'a mut Window,
    piece: &'a [u8],
}

impl Task for MergeLong<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> u64 {
        let mut total = 0;
        let (pairs, vocab) = (self.encoding.pairs(), self.encoding.vocab());
        if self.piece.len() <= SHORT
            && let Some(count) = count_in_more_registers(simd, pairs, self.piece)
        {
            return count as u64;
        }
        merge(simd, pairs, vocab, self.window, self.piece, |tokens| total += tokens.len() as u64);
        total
    }
}

impl Known {
    /// Lets what waits go. Nothing waits where the last text was counted to its end.
    fn forget_waiting(&mut self) {
        self.short_queue.head = self.short_queue.tail;
        self.long_queue.head = self.long_queue.tail;
        self.missed.clear();
    }

    /// Queues a piece of 1 to 31 bytes; `text` has [`SLACK`] bytes from `start` on.
    #[inline(always)]
    fn look_up(&mut self, text: &[u8], start: usize, len: usize) {
        if len < 16 {
            let key = short_key(text, start, len);
            let line = self.short.line_of(&key);
            self.short.prefetch(line);
            self.short_queue.push(line, key);
        } else {
            let key = long_key(text, start, len);
            let line = self.long.line_of(&key);
            self.long.prefetch(line);
            self.long_queue.push(line, key);
        }
    }

    /// [`Known::look_up`] of the pieces of `window` that begin at the bits of `of`, some of `starts`. Those of 32
    /// bytes and more are returned.
    #[inline(always)]
    fn look_up_all(&mut self, window: &[u8; BLOCK + SLACK], of: u64, starts: u64) -> u64 {
        let Known { short, long, short_queue, long_queue, .. } = self;
        queue_all(short, long, short_queue, long_queue, window, of, starts)
    }

    /// Looks up all but `most` pieces of each queue. What is not known waits to be merged with others,
    /// unless `most` is 0.
    #[inline(always)]
    fn drain<S: Simd>(&mut self, simd: S, pairs: &BpeModel, most: usize) -> u64 {
        let mut missed = [0u8; 256];
        let (mut total, misses) =
            look_up_queued(&self.short, &mut self.short_queue, most, &mut missed);
        for &i in &missed[..misses] {
            let (line, [low, high]) = self.short_queue.at(i);
            let key = [low, high, 0, 0];
            self.missed.push(MissedPiece { line: line as u32, long: false, key });
        }
        if self.long_queue.len() > most {
            let queue = &mut *self.long_queue;
            while queue.len() > most {
                let (line, key) = queue.pop();
                let count = self.long.get(line, &key);
                total += count as u64;
                if count == 0 {
                    self.missed.push(MissedPiece { line: line as u32, long: true, key });
                }
            }
        }
        if self.missed.len() > if most == 0 { 0 } else { MISSED } {
            total += simd.outlined(CountMissed { pairs, known: self });
        }
        total
    }

    /// The count of a piece that was missed, or 0.
    #[inline(always)]
    fn get(&self, MissedPiece { line, long, key }: MissedPiece) -> usize {
        if long {
            self.long.get(line as usize, &key)
        } else {
            self.short.get(line as usize, &[key[0], key[1]])
        }
    }

    /// Remembers a piece that was missed.
    #[inline(always)]
    fn insert(&mut self, MissedPiece { line, long, key }: MissedPiece, count: usize) {
        if !long {
            self.short.insert(line as usize, [key[0], key[1]], count);
        } else if count <= MAX_COUNT {
            self.long.insert(line as usize, key, count);
        }
    }

    /// Makes every one of `tokens` that a cache holds known as one token.
    fn seed<'a>(&mut self, tokens: impl Iterator<Item = &'a [u8]>) {
        let mut padded = [0; SLACK];
        for token in tokens.filter(|token| token.len() < 32) {
            padded[..token.len()].copy_from_slice(token);
            self.look_up(&padded, 0, token.len());
            self.insert_queued(WAITING);
        }
        self.insert_queued(0);
    }

    /// Inserts all but `most` pieces of each queue as single tokens.
    fn insert_queued(&mut self, most: usize) {
        while self.short_queue.len() > most {
            let (line, key) = self.short_queue.pop();
            self.short.insert(line, key, 1);
        }
        while self.long_queue.len() > most {
            let (line, key) = self.long_queue.pop();
            self.long.insert(line, key, 1);
        }
    }

    /// Counts a piece of equal bytes through the cache, by a key that no text has.
    #[inline(always)]
    fn count_repeated<S: Simd>(&mut self, simd: S, encoding: &Encoding, piece: &[u8]) -> u64 {
        let Ok(len) = u32::try_from(piece.len()) else {
            return self.merge_long(simd, encoding, piece);
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
        let count = self.merge_long(simd, encoding, piece);
        // What was interrupted is no count.
        if count as usize <= MAX_COUNT && interrupt::check().is_ok() {
            self.short.insert(line, key, count as usize);
        }
        count
    }

    /// Counts a piece, or a segment of one, of any length without a cache.
    #[inline(always)]
    fn merge_long<S: Simd>(&mut self, simd: S, encoding: &Encoding, piece: &[u8]) -> u64 {
        simd.outlined(MergeLong { encoding, window: &mut self.window, piece })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use fasttok_testing::Random;

    pub(super) const PARTS: &[&str] = &[
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

    pub(super) fn nasty_text(random: &mut Random) -> String {
        let kinds = 1 + random.below(12);
        let few: Vec<&str> = (0..kinds).map(|_| PARTS[random.below(PARTS.len())]).collect();
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
        let mut random = Random::new(0x1234_5678_9ABC_DEF1);
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

    #[test]
    fn texts_of_one_token_are_those_that_count_one() {
        for name in ["o200k_base", "r50k_base"] {
            let encoding = Encoding::embedded(name).unwrap();
            let mut counter = Counter::new(encoding.clone());
            let known: std::collections::HashSet<&str> =
                encoding.one_token_texts().unwrap().collect();
            for (_, token) in encoding.vocab().tokens() {
                if let Ok(text) = std::str::from_utf8(token) {
                    let is_one = counter.count(text, Special::Text) == Ok(1);
                    assert_eq!(known.contains(text), is_one, "{name} {text:?}");
                }
            }
        }
    }

    /// Every character, among its neighbours, beside letters, and in long pieces.
    #[test]
    fn every_character_at_every_level() {
        let encoding = Encoding::embedded("o200k_base").unwrap();
        let mut counters: Vec<Counter> = Level::available()
            .into_iter()
            .map(|level| Counter::with_level(encoding.clone(), level))
            .collect();
        let all: Vec<char> = (0..0x11_0000).filter_map(char::from_u32).collect();
        for few in all.chunks(24) {
            let apart = few.iter().flat_map(|&c| ['a', c, 'Б', c, ' ']);
            let text: String = few.iter().copied().chain(apart).collect();
            let mut ids = Vec::new();
            encoding.encode(&text, Special::Text, &mut ids).unwrap();
            for counter in &mut counters {
                let count = counter.count(&text, Special::Text).unwrap();
                assert_eq!(count, ids.len() as u64, "{:?} {text:?}", counter.level);
            }
        }
    }

    /// Every two East Asian characters that stand side by side in a token, and as many that need not: the
    /// table of joins has room for one pair a place.
    #[test]
    fn east_asian_neighbours() {
        let mut random = Random::new(0x0123_4567_89AB_CDEF);
        for name in ["o200k_base", "cl100k_base", "r50k_base"] {
            let encoding = Encoding::embedded(name).unwrap();
            let mut counter = Counter::new(encoding.clone());
            let mut twos: Vec<[char; 2]> = Vec::new();
            for (_, token) in encoding.vocab().tokens() {
                if token.is_ascii() {
                    continue;
                }
                let chars: Vec<char> = String::from_utf8_lossy(token).chars().collect();
                twos.extend(chars.windows(2).map(|two| [two[0], two[1]]));
            }
            let known: Vec<char> = twos.iter().map(|two| two[0]).collect();
            let any = |random: &mut Random| known[random.below(known.len())];
            twos.extend((0..100_000).map(|_| [any(&mut random), any(&mut random)]));
            for some in twos.chunks(150) {
                let text: String = some.iter().flat_map(|two| [two[0], two[1], '\n']).collect();
                let mut ids = Vec::new();
                encoding.encode(&text, Special::Text, &mut ids).unwrap();
                let count = counter.count(&text, Special::Text).unwrap();
                assert_eq!(count, ids.len() as u64, "{name} {text:?}");
            }
        }
    }

    /// A block of one character of four bytes has no neighbour to judge by.
    #[test]
    fn one_character() {
        for name in ["o200k_base", "cl100k_base", "r50k_base"] {
            let encoding = Encoding::embedded(name).unwrap();
            let mut counter = Counter::new(encoding.clone());
            for text in ["\u{1F469}", "𠀀", "中", "é", "a"] {
                let mut ids = Vec::new();
                encoding.encode(text, Special::Text, &mut ids).unwrap();
                assert_eq!(counter.count(text, Special::Text).unwrap(), ids.len() as u64, "{text}");
            }
        }
    }

    /// Tokens that begin inside a character U+0080-U+00FF and go on in ASCII, in pieces long enough to be cut.
    #[test]
    fn latin_1_before_ascii() {
        let encoding = Encoding::embedded("o200k_base").unwrap();
        let dashes = format!("{}\u{95}\n\n", "-".repeat(32));
        let signs = format!("{}\n\n", "\u{95}".repeat(16));
        for level in Level::available() {
            let mut counter = Counter::with_level(encoding.clone(), level);
            assert_eq!(counter.count(&dashes, Special::Text).unwrap(), 3, "{level:?}");
            assert_eq!(counter.count(&signs, Special::Text).unwrap(), 32, "{level:?}");
        }
    }

    #[test]
    fn counts_of_cut_texts_add_up() {
        let mut random = Random::new(0x0FED_CBA9_8765_4321);
        for name in ["o200k_base", "cl100k_base", "r50k_base"] {
            let encoding = Encoding::embedded(name).unwrap();
            let mut counter = Counter::new(encoding.clone());
            for _ in 0..2_000 {
                let text = nasty_text(&mut random);
                for special in [Special::Text, Special::Token] {
                    let whole = counter.count(&text, special).unwrap();
                    let mut from = 0;
                    while let Some(at) = encoding.cut(&text, from, special) {
                        let (left, right) = text.split_at(at);
                        let parts = counter.count(left, special).unwrap()
                            + counter.count(right, special).unwrap();
                        assert_eq!(parts, whole, "{name} {special:?} {left:?} | {right:?}");
                        from = at + 1;
                    }
                }
            }
        }
    }

    /// Long pieces without an end in sight: windows, cuts and segments.
    #[test]
    fn long_monotonous_texts() {
        for name in ["o200k_base", "cl100k_base", "r50k_base"] {
            let encoding = Encoding::embedded(name).unwrap();
            let mut counters: Vec<Counter> = Level::available()
                .into_iter()
                .map(|level| Counter::with_level(encoding.clone(), level))
                .collect();
            for part in
                PARTS.iter().chain(&["ab", "-=", "🎉🎉!", "ไทยภาษา", "中文字符没有标点", "xQzJ"])
            {
                let text = part.repeat(6_000 / part.len());
                let mut ids = Vec::new();
                encoding.encode(&text, Special::Text, &mut ids).unwrap();
                let mut bytes = Vec::new();
                encoding.decode(&ids, &mut bytes).unwrap();
                assert!(bytes == text.as_bytes(), "{name} {part:?}");
                for counter in &mut counters {
                    let count = counter.count(&text, Special::Text).unwrap();
                    assert_eq!(count, ids.len() as u64, "{name} {:?} {part:?}", counter.level);
                }
            }
        }
    }

    /// The shortest text that still fails, by leaving characters out.
    pub(crate) fn shrink(text: &str, mut fails: impl FnMut(&str) -> bool) -> String {
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

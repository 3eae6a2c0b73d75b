//! What a worker remembers of the pieces that it has met: caches of their ids, the queue before them, and the merging of
//! what no cache knows.
//!
//! As in counting (`crate::counter::caches`) a piece is looked up in two steps, its line asked for when it is found and
//! read when others have been found after it, and what no cache knows is merged together. But ids have an order. So there is one queue for pieces
//! of all lengths; and where a piece is not known, its place among the ids is noted and filled in when it has been merged, which
//! moves what was put after it.
//!
//! This knows no text beyond a piece, and not how pieces are found.

use std::ops::Range;

use fasttok_simd::{Simd, Task};

use super::cache::{IdCache, Ids};
use crate::bpe::cache::{Key, long_key, short_key, tiny_key};
use crate::bpe::interleaved::{Merged, Work, merge_interleaved};
use crate::bpe::model::BpeModel;
use crate::bpe::windowed::{Window, merge};
use crate::encoding::Encoding;
use crate::pretokenize::block::{BLOCK, SLACK};
use crate::vocab::Vocab;

/// The logarithm, to base 2, of the lines of the cache of pieces of up to 7 bytes: 4 MiB of them.
const TINY_LOG2_LINES: u32 = 16;
/// The same of the cache of pieces of 8 to 15 bytes: 4 MiB.
const SHORT_LOG2_LINES: u32 = 16;
/// The same of the cache of pieces of 16 to 31 bytes, and of shorter ones with many ids: 4 MiB.
const LONG_LOG2_LINES: u32 = 16;
/// The same three before [`SEED_AFTER`] bytes: 64, 64 and 32 KiB.
const FIRST_TINY_LOG2_LINES: u32 = 10;
const FIRST_SHORT_LOG2_LINES: u32 = 10;
const FIRST_LONG_LOG2_LINES: u32 = 9;
/// Bytes of text before the caches get their size and the tokens of the encoding, which takes longer than a short text.
pub(super) const SEED_AFTER: usize = 256 << 10;
/// Pieces that wait in the queue while their cache lines are fetched.
pub(super) const WAITING: usize = 32;
/// Pieces in the queue at most: a block of 64 bytes more than those that wait.
const QUEUE: usize = 128;
/// The most ids that a look-up gives.
const MOST_IDS: usize = IdCache::<4>::MOST;
/// Pieces that no cache knows and that wait to be merged together.
const MISSED: usize = 32;

/// What is queued.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A piece of 1 to 7 bytes.
    Tiny,
    /// A piece of 8 to 15 bytes.
    Short,
    /// A piece of 16 to 31 bytes.
    Long,
    /// An id, in place of the key.
    Id,
}

/// Pieces on their way to a cache, in the order of the text.
struct Queue {
    head: usize,
    tail: usize,
    kinds: [Kind; QUEUE],
    lines: [u32; QUEUE],
    /// With zeros after them.
    keys: [Key<4>; QUEUE],
}

impl Queue {
    #[inline(always)]
    fn len(&self) -> usize {
        self.tail.wrapping_sub(self.head)
    }

    #[inline(always)]
    fn push<const WORDS: usize>(&mut self, kind: Kind, line: usize, key: Key<WORDS>) {
        let at = self.tail % QUEUE;
        self.kinds[at] = kind;
        self.lines[at] = line as u32;
        self.keys[at] = [0; 4];
        self.keys[at][..WORDS].copy_from_slice(&key);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Takes the first one out; says where it was.
    #[inline(always)]
    fn pop(&mut self) -> usize {
        let at = self.head % QUEUE;
        self.head = self.head.wrapping_add(1);
        at
    }
}

/// A piece that no cache knows.
struct MissedPiece {
    /// Before which of the ids its own belong.
    at: usize,
    kind: Kind,
    line: u32,
    /// Its key, and zeros.
    key: Key<4>,
    /// Its ids in [`Memory::merged`].
    merged: Range<usize>,
}

/// The caches, what waits to be looked up in them, and what waits to be merged.
pub(super) struct Memory {
    tiny: IdCache<1>,
    short: IdCache<2>,
    long: IdCache<4>,
    queue: Box<Queue>,
    /// Where ids are put as many as a cache line has, before they are as many as the piece has.
    found: Box<[u32; MOST_IDS * QUEUE]>,
    missed: Vec<MissedPiece>,
    /// The ids of missed pieces.
    merged: Vec<u32>,
    /// Bytes of the texts so far, up to [`SEED_AFTER`] and the text that goes beyond it.
    seen: usize,
    pub(super) window: Box<Window>,
}

impl Memory {
    /// Small and empty: see [`Memory::begin`].
    pub(super) fn new() -> Memory {
        let queue = Queue {
            head: 0,
            tail: 0,
            kinds: [Kind::Id; QUEUE],
            lines: [0; QUEUE],
            keys: [[0; 4]; QUEUE],
        };
        Memory {
            tiny: IdCache::new(FIRST_TINY_LOG2_LINES),
            short: IdCache::new(FIRST_SHORT_LOG2_LINES),
            long: IdCache::new(FIRST_LONG_LOG2_LINES),
            queue: Box::new(queue),
            found: Box::new([0; MOST_IDS * QUEUE]),
            missed: Vec::with_capacity(2 * MISSED),
            merged: Vec::new(),
            seen: 0,
            window: Box::new(Window::new()),
        }
    }

    /// Begins a text of so many bytes. What an earlier one left that was not encoded to its end is let go. Before the text that
    /// goes beyond [`SEED_AFTER`] bytes the caches get their full size, and the tokens of the encoding.
    pub(super) fn begin(&mut self, encoding: &Encoding, bytes: usize) {
        self.queue.head = self.queue.tail;
        self.missed.clear();
        if self.is_seeded() {
            return;
        }
        self.seen = self.seen.saturating_add(bytes);
        if self.is_seeded() {
            self.tiny = IdCache::new(TINY_LOG2_LINES);
            self.short = IdCache::new(SHORT_LOG2_LINES);
            self.long = IdCache::new(LONG_LOG2_LINES);
            self.insert_tokens(encoding);
        }
    }

    /// Whether the caches are those of an encoder of more than [`SEED_AFTER`] bytes.
    pub(super) fn is_seeded(&self) -> bool {
        self.seen > SEED_AFTER
    }

    /// Makes every token that merging gives and a cache holds known.
    fn insert_tokens(&mut self, encoding: &Encoding) {
        let vocab = encoding.vocab();
        let mut padded = [0; SLACK];
        let mut ids = [0; QUEUE];
        let fits = |token: &[u8]| !token.is_empty() && token.len() < SLACK;
        for (number, token) in vocab.tokens() {
            if fits(token) && encoding.is_merged(number) {
                padded[..token.len()].copy_from_slice(token);
                ids[self.queue.tail % QUEUE] = vocab.id(number);
                self.queue(&padded, 0, token.len());
                self.insert_queued(&ids, WAITING);
            }
        }
        self.insert_queued(&ids, 0);
    }

    /// Inserts all but `most` of the queue as single tokens, with the ids that are where they are in the queue.
    fn insert_queued(&mut self, ids: &[u32; QUEUE], most: usize) {
        while self.queue.len() > most {
            let at = self.queue.pop();
            let (kind, line, key) =
                (self.queue.kinds[at], self.queue.lines[at], self.queue.keys[at]);
            self.insert(kind, line, &key, &[ids[at]]);
        }
    }

    /// Queues a piece of 1 to 31 bytes; `text` has [`SLACK`] bytes from `start` on.
    #[inline(always)]
    pub(super) fn queue(&mut self, text: &[u8], start: usize, len: usize) {
        if len < 8 {
            let key = tiny_key(text, start, len);
            let line = self.tiny.line_of(&key);
            self.tiny.prefetch(line);
            self.queue.push(Kind::Tiny, line, key);
        } else if len < 16 {
            let key = short_key(text, start, len);
            let line = self.short.line_of(&key);
            self.short.prefetch(line);
            self.queue.push(Kind::Short, line, key);
        } else {
            let key = long_key(text, start, len);
            let line = self.long.line_of(&key);
            self.long.prefetch(line);
            self.queue.push(Kind::Long, line, key);
        }
    }

    /// Queues an id.
    #[inline(always)]
    pub(super) fn queue_id(&mut self, id: u32) {
        self.queue.push(Kind::Id, 0, [u64::from(id)]);
    }

    /// Whether so many wait that a block of pieces may not fit any more.
    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= QUEUE - BLOCK
    }

    /// Looks pieces up until no more than `most` wait, and appends their ids.
    #[inline(always)]
    pub(super) fn drain<S: Simd>(
        &mut self,
        simd: S,
        encoding: &Encoding,
        ids: &mut Vec<u32>,
        most: usize,
    ) {
        let mut len = 0;
        while self.queue.len() > most {
            let at = self.queue.pop();
            let (kind, line, key) =
                (self.queue.kinds[at], self.queue.lines[at], &self.queue.keys[at]);
            let count = match kind {
                Kind::Tiny => {
                    let (count, found) = self.tiny.get(line as usize, &[key[0]]);
                    put(&mut *self.found, len, found);
                    count
                }
                Kind::Short => {
                    let (count, found) = self.short.get(line as usize, &[key[0], key[1]]);
                    put(&mut *self.found, len, found);
                    count
                }
                Kind::Long => {
                    let (count, found) = self.long.get(line as usize, key);
                    put(&mut *self.found, len, found);
                    count
                }
                Kind::Id => {
                    self.found[len] = key[0] as u32;
                    1
                }
            };
            if count == 0 {
                let (at, key) = (ids.len() + len, *key);
                self.missed.push(MissedPiece { at, kind, line, key, merged: 0..0 });
            }
            len += count;
        }
        ids.extend_from_slice(&self.found[..len]);
        if self.missed.len() >= MISSED {
            self.merge_missed(simd, encoding, ids);
        }
    }

    /// Merges and remembers the pieces that no cache knows, and puts their ids where they belong.
    #[inline(always)]
    pub(super) fn merge_missed<S: Simd>(
        &mut self,
        simd: S,
        encoding: &Encoding,
        ids: &mut Vec<u32>,
    ) {
        if !self.missed.is_empty() {
            simd.outlined(MergeMissed { encoding, memory: self, ids });
        }
    }

    /// Puts the ids of all missed pieces where they belong, from the last one on: nothing moves twice.
    fn fill_in(&mut self, ids: &mut Vec<u32>) {
        let mut end = ids.len();
        let more: usize = self.missed.iter().map(|missed| missed.merged.len()).sum();
        ids.resize(end + more, 0);
        let mut to = ids.len();
        for missed in self.missed.drain(..).rev() {
            to -= end - missed.at;
            ids.copy_within(missed.at..end, to);
            end = missed.at;
            to -= missed.merged.len();
            ids[to..to + missed.merged.len()].copy_from_slice(&self.merged[missed.merged]);
        }
        debug_assert_eq!(to, end);
        self.merged.clear();
    }

    /// What is known of a piece that was missed: the number of its ids, or 0, and the ids.
    #[inline(always)]
    fn get(&self, kind: Kind, line: u32, key: &Key<4>) -> (usize, Ids<4>) {
        let line = line as usize;
        let (count, found) = match kind {
            Kind::Tiny => {
                let (count, [ids]) = self.tiny.get(line, &[key[0]]);
                (count, [ids, 0, 0, 0])
            }
            Kind::Short => {
                let (count, [first, second]) = self.short.get(line, &[key[0], key[1]]);
                (count, [first, second, 0, 0])
            }
            Kind::Long | Kind::Id => return self.long.get(line, key),
        };
        if count != 0 {
            return (count, found);
        }
        let key = with_many_ids(key);
        self.long.get(self.long.line_of(&key), &key)
    }

    /// Remembers the ids of a piece that was missed, if they are not too many.
    #[inline(always)]
    fn insert(&mut self, kind: Kind, line: u32, key: &Key<4>, ids: &[u32]) {
        let line = line as usize;
        match kind {
            Kind::Tiny if ids.len() <= IdCache::<1>::MOST => self.tiny.insert(line, [key[0]], ids),
            Kind::Short if ids.len() <= IdCache::<2>::MOST => {
                self.short.insert(line, [key[0], key[1]], ids);
            }
            _ if ids.len() > IdCache::<4>::MOST => {}
            Kind::Tiny | Kind::Short => {
                let key = with_many_ids(key);
                self.long.insert(self.long.line_of(&key), key, ids);
            }
            Kind::Long | Kind::Id => self.long.insert(line, *key, ids),
        }
    }

    /// Appends the ids that merging a piece gives, of any length and UTF-8, without a cache. The queue is empty.
    #[inline(always)]
    pub(super) fn merge<S: Simd>(
        &mut self,
        simd: S,
        encoding: &Encoding,
        piece: &[u8],
        ids: &mut Vec<u32>,
    ) {
        debug_assert_eq!(self.queue.len(), 0);
        let (pairs, vocab) = (encoding.pairs(), encoding.vocab());
        simd.outlined(Merge { pairs, vocab, window: &mut self.window, piece, ids });
    }
}

/// The key of a piece of up to 15 bytes, of [`tiny_key`] or [`short_key`], in the cache of longer ones: none of these has
/// such bytes, which are no UTF-8.
fn with_many_ids(key: &Key<4>) -> Key<4> {
    [key[0], key[1], u64::MAX, 0]
}

/// Puts the ids of `words` at `at`, with whatever is after them there.
#[inline(always)]
fn put<const WORDS: usize>(to: &mut [u32], at: usize, words: Ids<WORDS>) {
    let to = &mut to[at..at + 2 * WORDS];
    for (two, word) in to.as_chunks_mut::<2>().0.iter_mut().zip(words) {
        *two = [word as u32, (word >> 32) as u32];
    }
}

/// The pieces that no cache knows, on their way through [`merge_interleaved`].
struct Missed<'a> {
    memory: &'a mut Memory,
    vocab: &'a Vocab,
    next: usize,
}

impl Missed<'_> {
    /// Takes the ids after `start` in `merged` as those of `piece`.
    #[inline(always)]
    fn merged(&mut self, piece: usize, start: usize) {
        let Memory { missed, merged, .. } = &mut *self.memory;
        let MissedPiece { kind, line, key, merged: ids, .. } = &mut missed[piece];
        *ids = start..merged.len();
        let (kind, line, key) = (*kind, *line, *key);
        let merged = std::mem::take(merged);
        self.memory.insert(kind, line, &key, &merged[start..]);
        self.memory.merged = merged;
    }
}

impl Work for Missed<'_> {
    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        loop {
            let piece = self.next;
            let missed = self.memory.missed.get(piece)?;
            self.next += 1;
            // What is queued twice is known the second time, or, at worst, merged twice.
            let (count, words) = self.memory.get(missed.kind, missed.line, &missed.key);
            if count == 0 {
                return Some(piece);
            }
            let mut found = [0; MOST_IDS];
            put(&mut found, 0, words);
            let start = self.memory.merged.len();
            self.memory.merged.extend_from_slice(&found[..count]);
            self.memory.missed[piece].merged = start..start + count;
        }
    }

    #[inline(always)]
    fn bytes(&self, piece: usize) -> ([u8; 32], usize) {
        let MissedPiece { kind, mut key, .. } = self.memory.missed[piece];
        let (last, more) = match kind {
            Kind::Tiny => (0, 0),
            Kind::Short => (1, 0),
            Kind::Long | Kind::Id => (3, 16),
        };
        let len = more + (key[last] >> 56 & 15) as usize;
        // Nothing may come after the piece.
        key[last] &= u64::MAX >> 8;
        (bytemuck::cast(key.map(u64::to_le)), len)
    }

    #[inline(always)]
    fn done(&mut self, piece: usize, merged: Merged<'_>) {
        let start = self.memory.merged.len();
        merged.for_each(|number| self.memory.merged.push(self.vocab.id(number)));
        self.merged(piece, start);
    }

    fn verify<S: Simd>(&mut self, simd: S, pairs: &BpeModel, piece: usize) {
        let (bytes, len) = self.bytes(piece);
        let (start, vocab) = (self.memory.merged.len(), self.vocab);
        let Memory { merged: ids, window, .. } = &mut *self.memory;
        simd.outlined(Merge { pairs, vocab, window, piece: &bytes[..len], ids });
        self.merged(piece, start);
    }
}

/// See [`Memory::merge_missed`].
pub(super) struct MergeMissed<'a> {
    pub(super) encoding: &'a Encoding,
    pub(super) memory: &'a mut Memory,
    pub(super) ids: &'a mut Vec<u32>,
}

impl Task for MergeMissed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let MergeMissed { encoding, memory, ids } = self;
        let mut missed = Missed { memory, vocab: encoding.vocab(), next: 0 };
        merge_interleaved(simd, encoding.pairs(), &mut missed);
        memory.fill_in(ids);
    }
}

/// See [`merge`].
struct Merge<'a> {
    pairs: &'a BpeModel,
    vocab: &'a Vocab,
    window: &'a mut Window,
    piece: &'a [u8],
    ids: &'a mut Vec<u32>,
}

impl Task for Merge<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Merge { pairs, vocab, window, piece, ids } = self;
        merge(simd, pairs, vocab, window, piece, |tokens| {
            ids.extend(tokens.iter().map(|&number| vocab.id(number)));
        });
    }
}

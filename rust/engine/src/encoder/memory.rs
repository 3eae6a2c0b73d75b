//! What a worker remembers of the pieces that it has met: caches of their ids, the queue before them, and the merging of
//! what no cache knows.
//!
//! As in counting (`crate::counter::caches`) a piece is looked up in two steps, its line asked for when it is found and
//! read when others have been found after it, and what no cache knows is merged together. But ids have an order. So pieces wait in groups,
//! which are looked up cache by cache and then packed in order; and where a piece is not known, its place among the ids is noted and filled in when it has been merged, which
//! moves what was put after it.
//!
//! This knows no text beyond a piece, and not how pieces are found.

use std::ops::Range;

use fasttok_simd::{Simd, Task};

use super::cache::{IdCache, Ids};
use crate::bits::{first_piece, low_bits, starts_after};
use crate::bpe::cache::{Key, SEED_AFTER, Words, bytes_of, key_of, long_key, short_key, tiny_key};
use crate::bpe::in_step::{Merged, Pieces, Work, merge_in_step};
use crate::bpe::model::BpeModel;
use crate::bpe::windowed::{Window, merge};
use crate::encoding::Encoding;
use crate::interrupt;
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
/// Groups of pieces: all but the one that is being filled wait for their cache lines.
const GROUPS: usize = 4;
/// The most ids that a look-up gives.
const MOST_IDS: usize = IdCache::<4>::MOST;
/// Pieces that no cache knows and that wait to be merged together.
const MISSED: usize = 96;

/// A cache, by the length of its pieces.
#[derive(Clone, Copy)]
enum Which {
    Tiny,
    Short,
    Long,
}

/// Up to [`BLOCK`] pieces on their way to the caches, in the order of the text: as many as a block has at most.
struct Group {
    len: usize,
    /// Which of them are of 1 to 7, of 8 to 15 and of 16 to 31 bytes, a bit a piece; the others are ids, in place of a key.
    tiny: u64,
    short: u64,
    long: u64,
    /// One more of each, for what is written after the last piece.
    lines: [u32; BLOCK + 1],
    keys: [Key<4>; BLOCK + 1],
}

/// What was found of a group.
struct Found {
    /// The number of ids, or 0.
    counts: [u8; BLOCK],
    /// As many as a cache line has.
    ids: [[u32; MOST_IDS]; BLOCK],
    /// Those ids one after the other.
    packed: [u32; (BLOCK + 1) * MOST_IDS],
    /// Where those of a piece begin there.
    offsets: [u32; BLOCK],
}

/// A piece that no cache knows.
struct MissedPiece {
    /// Before which of the ids its own belong.
    at: usize,
    /// The cache that it belongs to, and where in it.
    cache: Which,
    line: u32,
    words: Words,
    len: u8,
    /// Its ids in [`Memory::merged`].
    merged: Range<usize>,
}

impl MissedPiece {
    /// Its key, and zeros.
    #[inline(always)]
    fn key(&self) -> Key<4> {
        match self.cache {
            Which::Tiny => [key_of::<1>(&self.words, self.len)[0], 0, 0, 0],
            Which::Short => {
                let [low, high] = key_of(&self.words, self.len);
                [low, high, 0, 0]
            }
            Which::Long => key_of(&self.words, self.len),
        }
    }
}

/// The caches, what waits to be looked up in them, and what waits to be merged.
pub(super) struct Memory {
    tiny: IdCache<1>,
    short: IdCache<2>,
    long: IdCache<4>,
    groups: Box<[Group; GROUPS]>,
    /// The group that is being filled, and the first one that waits, counted on and on.
    open: usize,
    waiting: usize,
    found: Box<Found>,
    missed: Vec<MissedPiece>,
    /// What merging them needs, once there are some.
    pieces: Option<Box<Pieces>>,
    /// The ids of missed pieces.
    merged: Vec<u32>,
    /// Bytes of the texts so far, up to [`SEED_AFTER`] and the text that goes beyond it.
    seen: usize,
    pub(super) window: Box<Window>,
}

impl Memory {
    /// Small and empty: see [`Memory::begin`].
    pub(super) fn new() -> Memory {
        let group = || Group {
            len: 0,
            tiny: 0,
            short: 0,
            long: 0,
            lines: [0; BLOCK + 1],
            keys: [[0; 4]; BLOCK + 1],
        };
        let found = Found {
            counts: [0; BLOCK],
            ids: [[0; MOST_IDS]; BLOCK],
            packed: [0; (BLOCK + 1) * MOST_IDS],
            offsets: [0; BLOCK],
        };
        Memory {
            tiny: IdCache::new(FIRST_TINY_LOG2_LINES),
            short: IdCache::new(FIRST_SHORT_LOG2_LINES),
            long: IdCache::new(FIRST_LONG_LOG2_LINES),
            groups: Box::new([group(), group(), group(), group()]),
            open: 0,
            waiting: 0,
            found: Box::new(found),
            missed: Vec::with_capacity(2 * MISSED),
            pieces: None,
            merged: Vec::new(),
            seen: 0,
            window: Box::new(Window::new()),
        }
    }

    /// Begins a text of so many bytes. What an earlier one left that was not encoded to its end is let go. Before the text that
    /// goes beyond [`SEED_AFTER`] bytes the caches get their full size, and the tokens of the encoding.
    pub(super) fn begin(&mut self, encoding: &Encoding, bytes: usize) {
        self.waiting = self.open;
        self.groups[self.open % GROUPS].clear();
        self.missed.clear();
        self.merged.clear();
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
        let mut ids = Vec::with_capacity(BLOCK);
        for (number, token) in vocab.tokens() {
            if !token.is_empty() && token.len() < SLACK && encoding.is_merged(number) {
                padded[..token.len()].copy_from_slice(token);
                self.queue(&padded, 0, token.len());
                ids.push(vocab.id(number));
                if ids.len() == BLOCK {
                    self.insert_queued(&mut ids);
                }
            }
        }
        self.insert_queued(&mut ids);
    }

    /// Inserts the open group as single tokens with these ids, and empties both.
    fn insert_queued(&mut self, ids: &mut Vec<u32>) {
        for (slot, id) in ids.drain(..).enumerate() {
            let group = &self.groups[self.open % GROUPS];
            let (cache, line, key) = (group.cache_of(slot), group.lines[slot], group.keys[slot]);
            self.insert(cache, line, &key, &[id]);
        }
        self.groups[self.open % GROUPS].clear();
    }

    /// Whether the open group has no place for so many more.
    #[inline(always)]
    pub(super) fn is_full(&self, more: usize) -> bool {
        self.groups[self.open % GROUPS].len + more > BLOCK
    }

    /// Queues a piece of 1 to 31 bytes; `text` has [`SLACK`] bytes from `start` on. There must be a place for it.
    #[inline(always)]
    pub(super) fn queue(&mut self, text: &[u8], start: usize, len: usize) {
        let group = &mut self.groups[self.open % GROUPS];
        let slot = group.len % BLOCK;
        group.len += 1;
        if len < 8 {
            group.tiny |= 1 << slot;
            queue(&self.tiny, group, slot, tiny_key(text, start, len));
        } else if len < 16 {
            group.short |= 1 << slot;
            queue(&self.short, group, slot, short_key(text, start, len));
        } else {
            group.long |= 1 << slot;
            queue(&self.long, group, slot, long_key(text, start, len));
        }
    }

    /// Queues the pieces of `window` that begin at the bits of `of`, some of `starts`: all of 1 to 31 bytes. There must be places for
    /// them.
    #[inline(always)]
    pub(super) fn queue_all(&mut self, window: &[u8; BLOCK + SLACK], of: u64, starts: u64) {
        let group = &mut self.groups[self.open % GROUPS];
        let first = group.len;
        group.len += of.count_ones() as usize;
        // By themselves, for no branch depends on their lengths.
        let mut tiny = of & starts_after::<7>(starts);
        let mut rest = of & !tiny;
        while tiny != 0 {
            // By fours, which are as many in most blocks; after the last piece, something that is in no slot.
            for _ in 0..4 {
                let one = tiny & tiny.wrapping_neg();
                let slot = first + (of & one.wrapping_sub(1)).count_ones() as usize;
                let start = tiny.trailing_zeros() as usize & 63;
                let len = 1 + (starts >> start >> 1).trailing_zeros() as usize;
                group.tiny |= u64::from(one != 0).wrapping_shl(slot as u32);
                queue(&self.tiny, group, slot, tiny_key(window, start, len));
                tiny ^= one;
            }
        }
        while rest != 0 {
            let (start, next) = first_piece(rest, starts);
            let slot = first + (of & low_bits(start)).count_ones() as usize;
            if next - start < 16 {
                group.short |= 1u64.wrapping_shl(slot as u32);
                queue(&self.short, group, slot, short_key(window, start, next - start));
            } else {
                group.long |= 1u64.wrapping_shl(slot as u32);
                queue(&self.long, group, slot, long_key(window, start, next - start));
            }
            rest &= rest - 1;
        }
    }

    /// Queues an id. There must be a place for it.
    #[inline(always)]
    pub(super) fn queue_id(&mut self, id: u32) {
        let group = &mut self.groups[self.open % GROUPS];
        group.keys[group.len % BLOCK] = [u64::from(id), 0, 0, 0];
        group.len += 1;
    }

    /// Opens another group, for which the first one that waits is looked up and its ids appended.
    #[inline(always)]
    pub(super) fn close<S: Simd>(&mut self, simd: S, encoding: &Encoding, ids: &mut Vec<u32>) {
        if self.groups[self.open % GROUPS].len > 0 {
            self.open = self.open.wrapping_add(1);
            if self.open.wrapping_sub(self.waiting) == GROUPS {
                self.look_up(ids);
                self.waiting = self.waiting.wrapping_add(1);
            }
            self.groups[self.open % GROUPS].clear();
        }
        if self.missed.len() >= MISSED {
            self.merge_missed(simd, encoding, ids);
        }
    }

    /// Looks up all that waits and appends its ids.
    #[inline(always)]
    pub(super) fn drain<S: Simd>(&mut self, simd: S, encoding: &Encoding, ids: &mut Vec<u32>) {
        while self.waiting != self.open {
            self.look_up(ids);
            self.waiting = self.waiting.wrapping_add(1);
        }
        self.look_up(ids);
        self.groups[self.open % GROUPS].clear();
        // Also here, for between long pieces no group may ever be closed.
        if self.missed.len() >= MISSED {
            self.merge_missed(simd, encoding, ids);
        }
    }

    /// Looks up the first group that waits and appends its ids.
    #[inline(always)]
    fn look_up(&mut self, ids: &mut Vec<u32>) {
        let group = &self.groups[self.waiting % GROUPS];
        let found = &mut *self.found;
        let mut missed = look_up(&self.tiny, group, group.tiny, found);
        missed |= look_up(&self.short, group, group.short, found);
        missed |= look_up(&self.long, group, group.long, found);
        let mut direct = low_bits(group.len) & !(group.tiny | group.short | group.long);
        while direct != 0 {
            let slot = direct.trailing_zeros() as usize % BLOCK;
            direct &= direct - 1;
            found.counts[slot] = 1;
            found.ids[slot][0] = group.keys[slot][0] as u32;
        }
        let mut end = 0;
        for slot in 0..group.len.min(BLOCK) {
            found.packed[end..end + MOST_IDS].copy_from_slice(&found.ids[slot]);
            found.offsets[slot] = end as u32;
            end += usize::from(found.counts[slot]);
        }
        let before = ids.len();
        ids.extend_from_slice(&found.packed[..end]);
        while missed != 0 {
            let slot = missed.trailing_zeros() as usize % BLOCK;
            missed &= missed - 1;
            let (cache, line, key) = (group.cache_of(slot), group.lines[slot], group.keys[slot]);
            if !matches!(cache, Which::Long) {
                self.long.prefetch(self.long.line_of(&with_many_ids(&key)));
            }
            let at = before + found.offsets[slot] as usize;
            let (words, len) = match cache {
                Which::Tiny => bytes_of(&[key[0]]),
                Which::Short => bytes_of(&[key[0], key[1]]),
                Which::Long => bytes_of(&key),
            };
            self.missed.push(MissedPiece { at, cache, line, words, len, merged: 0..0 });
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
    fn get(&self, cache: Which, line: u32, key: &Key<4>) -> (usize, Ids<4>) {
        let line = line as usize;
        let (count, found) = match cache {
            Which::Tiny => {
                let (count, [ids]) = self.tiny.get(line, &[key[0]]);
                (count, [ids, 0, 0, 0])
            }
            Which::Short => {
                let (count, [first, second]) = self.short.get(line, &[key[0], key[1]]);
                (count, [first, second, 0, 0])
            }
            Which::Long => return self.long.get(line, key),
        };
        if count != 0 {
            return (count, found);
        }
        let key = with_many_ids(key);
        self.long.get(self.long.line_of(&key), &key)
    }

    /// Remembers the ids of a piece that was missed, if they are not too many.
    #[inline(always)]
    fn insert(&mut self, cache: Which, line: u32, key: &Key<4>, ids: &[u32]) {
        let line = line as usize;
        match cache {
            Which::Tiny if ids.len() <= IdCache::<1>::MOST => self.tiny.insert(line, [key[0]], ids),
            Which::Short if ids.len() <= IdCache::<2>::MOST => {
                self.short.insert(line, [key[0], key[1]], ids);
            }
            _ if ids.len() > IdCache::<4>::MOST => {}
            Which::Tiny | Which::Short => {
                let key = with_many_ids(key);
                self.long.insert(self.long.line_of(&key), key, ids);
            }
            Which::Long => self.long.insert(line, *key, ids),
        }
    }

    /// Appends the ids of a piece of equal bytes through the cache, by a key that no text has. Nothing waits.
    #[inline(always)]
    pub(super) fn merge_repeated<S: Simd>(
        &mut self,
        simd: S,
        encoding: &Encoding,
        piece: &[u8],
        ids: &mut Vec<u32>,
    ) {
        let Ok(len) = u32::try_from(piece.len()) else {
            return self.merge(simd, encoding, piece, ids);
        };
        let mut padded = [0; 16];
        padded[..2].copy_from_slice(&[0xFF, piece[0]]);
        padded[2..6].copy_from_slice(&len.to_le_bytes());
        let key = short_key(&padded, 0, 6);
        let line = self.short.line_of(&key);
        let (count, words) = self.short.get(line, &key);
        if count != 0 {
            let mut found = [0; MOST_IDS];
            put(&mut found, words);
            return ids.extend_from_slice(&found[..count]);
        }
        let before = ids.len();
        self.merge(simd, encoding, piece, ids);
        // What was interrupted is no result.
        if ids.len() - before <= IdCache::<2>::MOST && interrupt::check().is_ok() {
            self.short.insert(line, key, &ids[before..]);
        }
    }

    /// Appends the ids that merging a piece gives, of any length and UTF-8, without a cache. Nothing waits.
    #[inline(always)]
    pub(super) fn merge<S: Simd>(
        &mut self,
        simd: S,
        encoding: &Encoding,
        piece: &[u8],
        ids: &mut Vec<u32>,
    ) {
        debug_assert_eq!((self.waiting, self.groups[self.open % GROUPS].len), (self.open, 0));
        let (pairs, vocab) = (encoding.pairs(), encoding.vocab());
        simd.outlined(Merge { pairs, vocab, window: &mut self.window, piece, ids });
    }
}

/// The key of a piece of up to 15 bytes, of [`tiny_key`] or [`short_key`], in the cache of longer ones: none of these has
/// such bytes, which are no UTF-8.
fn with_many_ids(key: &Key<4>) -> Key<4> {
    [key[0], key[1], u64::MAX, 0]
}

/// Puts the ids of `words` at the beginning.
#[inline(always)]
fn put<const WORDS: usize>(to: &mut [u32; MOST_IDS], words: Ids<WORDS>) {
    // No iterator, which stays a loop with a state in memory here.
    for word in 0..WORDS {
        to[2 * word] = words[word] as u32;
        to[2 * word + 1] = (words[word] >> 32) as u32;
    }
}

impl Group {
    #[inline(always)]
    fn clear(&mut self) {
        (self.len, self.tiny, self.short, self.long) = (0, 0, 0, 0);
    }

    /// The cache of a piece.
    #[inline(always)]
    fn cache_of(&self, slot: usize) -> Which {
        match (self.tiny >> slot & 1, self.short >> slot & 1) {
            (1, _) => Which::Tiny,
            (_, 1) => Which::Short,
            _ => Which::Long,
        }
    }
}

/// Asks for the line of a key, and notes both.
#[inline(always)]
fn queue<const WORDS: usize>(
    cache: &IdCache<WORDS>,
    group: &mut Group,
    slot: usize,
    key: Key<WORDS>,
) {
    let line = cache.line_of(&key);
    cache.prefetch(line);
    let slot = slot.min(BLOCK);
    group.lines[slot] = line as u32;
    group.keys[slot] = [0; 4];
    group.keys[slot][..WORDS].copy_from_slice(&key);
}

/// Finds the pieces `of` a group, a bit a piece, in their cache. Returns those that are not known.
#[inline(always)]
fn look_up<const WORDS: usize>(
    cache: &IdCache<WORDS>,
    group: &Group,
    mut of: u64,
    found: &mut Found,
) -> u64 {
    let mut missed = 0;
    while of != 0 {
        let slot = of.trailing_zeros() as usize % BLOCK;
        let key = group.keys[slot].first_chunk().expect("no longer than the longest");
        let (count, ids) = cache.get(group.lines[slot] as usize, key);
        found.counts[slot] = count as u8;
        put(&mut found.ids[slot], ids);
        missed |= u64::from(count == 0) << slot;
        of &= of - 1;
    }
    missed
}

/// The pieces that no cache knows, on their way through [`merge_in_step`].
struct Missed<'a> {
    memory: &'a mut Memory,
    vocab: &'a Vocab,
    next: usize,
}

impl Missed<'_> {
    /// Takes the ids after `start` in `merged` as those of `piece`, which may have been met `again`.
    #[inline(always)]
    fn merged(&mut self, piece: usize, start: usize, again: bool) {
        let Memory { missed, merged, .. } = &mut *self.memory;
        let missed = &mut missed[piece];
        missed.merged = start..merged.len();
        if again {
            return;
        }
        let (cache, line, key) = (missed.cache, missed.line, missed.key());
        let merged = std::mem::take(merged);
        self.memory.insert(cache, line, &key, &merged[start..]);
        self.memory.merged = merged;
    }
}

impl Work for Missed<'_> {
    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        self.next += 1;
        (self.next <= self.memory.missed.len()).then(|| self.next - 1)
    }

    #[inline(always)]
    fn bytes(&self, piece: usize) -> (&Words, u8, u32) {
        let MissedPiece { line, words, len, .. } = &self.memory.missed[piece];
        (words, *len, *line)
    }

    #[inline(always)]
    fn done(&mut self, piece: usize, merged: Merged<'_>) {
        let start = self.memory.merged.len();
        merged.for_each(|number| self.memory.merged.push(self.vocab.id(number)));
        self.merged(piece, start, merged.again);
    }

    fn alone<S: Simd>(&mut self, simd: S, pairs: &BpeModel, piece: usize) {
        // What is queued twice is known the second time.
        let missed = &self.memory.missed[piece];
        let (count, words) = self.memory.get(missed.cache, missed.line, &missed.key());
        if count != 0 {
            let mut found = [0; MOST_IDS];
            put(&mut found, words);
            let start = self.memory.merged.len();
            self.memory.merged.extend_from_slice(&found[..count]);
            self.memory.missed[piece].merged = start..start + count;
            return;
        }
        let len = usize::from(missed.len);
        let bytes: [u8; 64] = bytemuck::cast(missed.words.map(u64::to_le));
        let (start, vocab) = (self.memory.merged.len(), self.vocab);
        let Memory { merged: ids, window, .. } = &mut *self.memory;
        simd.outlined(Merge { pairs, vocab, window, piece: &bytes[..len], ids });
        self.merged(piece, start, false);
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
        let mut pieces = memory.pieces.take().unwrap_or_else(Pieces::new);
        let mut missed = Missed { memory, vocab: encoding.vocab(), next: 0 };
        merge_in_step(simd, encoding.pairs(), &mut pieces, &mut missed);
        memory.pieces = Some(pieces);
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

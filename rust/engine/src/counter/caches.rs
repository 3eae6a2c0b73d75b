//! What a worker remembers of the pieces that it has met: caches of their counts, the queues before them, and the merging
//! of what no cache knows.
//!
//! A line of a cache that is far away takes longer to come than a piece takes to be counted. So a piece is looked up in
//! two steps: its line is asked for when it is found, and read when [`WAITING`] others have been found
//! after it. The three caches are apart by the length of the key: 8 bytes hold a piece of up to 7 and its length, which nine
//! of ten pieces of English and of code are, 16 one of up to 15, 32 one of up to 31. What none knows waits until there are [`MISSED`] of it and is merged together
//! ([`crate::bpe::in_step`]), since one merge is a chain of steps that each wait for the one before.
//!
//! What waits at the end of a text stays in the queues with its number, so that the short texts of a batch are looked up
//! and merged together ([`Caches::end_text`]).
//!
//! This knows no text beyond a piece, and not how pieces are found.

use std::collections::VecDeque;

use fasttok_simd::{Simd, Task, is_continuation, is_east_asian};

use crate::bits::{first_piece, starts_after};
use crate::bpe::cache::{
    Cache, Key, MAX_COUNT, SEED_AFTER, Words, bytes_of, bytes_of_characters, characters_key,
    is_of_characters, key_of, key_of_characters, line_of, long_key, short_key, tiny_key,
};
use crate::bpe::east_asian::CHARACTERS;
use crate::bpe::in_step::{Merged, PARTS, Pieces, Work, merge_in_step};
use crate::bpe::model::BpeModel;
use crate::bpe::registers::{SHORT, TURNS, count_by_turns, count_in_more_registers};
use crate::bpe::windowed::{Window, merge};
use crate::encoding::Encoding;
use crate::interrupt;
use crate::pretokenize::block::{BLOCK, SLACK};

/// The logarithm, to base 2, of the lines of the cache of pieces of up to 7 bytes: 4 MiB of them.
const TINY_CACHE_LOG2_LINES: u32 = 16;
/// The same of the cache of pieces of 8 to 15 bytes: 4 MiB.
const SHORT_CACHE_LOG2_LINES: u32 = 16;
/// The same of the cache of pieces of 16 to 31 bytes: 4 MiB.
const LONG_CACHE_LOG2_LINES: u32 = 16;
/// The same three before [`SEED_AFTER`] bytes: 128, 128 and 64 KiB.
const FIRST_TINY_CACHE_LOG2_LINES: u32 = 11;
const FIRST_SHORT_CACHE_LOG2_LINES: u32 = 11;
const FIRST_LONG_CACHE_LOG2_LINES: u32 = 10;
/// Pieces that wait in a queue while their cache lines are fetched.
pub(super) const WAITING: usize = 48;
/// Pieces of up to 7, and of 8 to 15 bytes, that are looked up together: always as many, since a loop of any number ends with
/// a branch that is predicted wrong.
const TINY_TOGETHER: usize = 64;
const SHORT_TOGETHER: usize = 16;
/// Pieces that are queued together, where the level has instructions for it.
const TOGETHER: usize = 8;
/// Pieces that no cache knows and that wait to be merged together.
const MISSED: usize = 160;

/// Pieces on their way to a cache: a ring that `u8` indices go round.
struct Queue<const WORDS: usize> {
    head: u8,
    tail: u8,
    /// Those that are queued together may go beyond the ring's end before they are where it begins.
    lines: [u32; 256 + TOGETHER],
    keys: [Key<WORDS>; 256 + TOGETHER],
}

impl<const WORDS: usize> Queue<WORDS> {
    fn new() -> Self {
        let (lines, keys) = ([0; 256 + TOGETHER], [[0; WORDS]; 256 + TOGETHER]);
        Queue { head: 0, tail: 0, lines, keys }
    }

    /// Adds a piece, and asks for its line.
    #[inline(always)]
    fn push<const WAYS: usize>(&mut self, cache: &Cache<WORDS, WAYS>, key: Key<WORDS>) {
        self.tail = self.put(cache, self.tail, key);
    }

    /// Puts a piece at `tail`, which the caller keeps, and asks for its line. Returns where the next one goes.
    #[inline(always)]
    fn put<const WAYS: usize>(
        &mut self,
        cache: &Cache<WORDS, WAYS>,
        tail: u8,
        key: Key<WORDS>,
    ) -> u8 {
        let line = cache.line_of(&key);
        cache.prefetch(line);
        self.lines[tail as usize] = line as u32;
        self.keys[tail as usize] = key;
        tail.wrapping_add(1)
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

/// What a counter remembers, and what waits to be looked up in it.
pub(super) struct Caches {
    tiny: Cache<1, 8>,
    short: Cache<2, 4>,
    long: Cache<4, 2>,
    tiny_queue: Box<Queue<1>>,
    short_queue: Box<Queue<2>>,
    long_queue: Box<Queue<4>>,
    missed: Vec<MissedPiece>,
    /// What merging them needs, once there are some.
    pieces: Option<Box<Pieces>>,
    /// The tokens of each text of a batch, as far as they are known. The last text is the one that is scanned.
    counts: Vec<u64>,
    /// Texts before it that have pieces in the queues, in order: no more than there are pieces.
    ended: VecDeque<EndedText>,
    /// Bytes of the texts counted so far, up to [`SEED_AFTER`] and the text that goes beyond it.
    counted: usize,
    pub(super) window: Box<Window>,
}

/// A text that has been scanned and has pieces in the queues.
#[derive(Clone, Copy)]
struct EndedText {
    /// Its index in `counts`.
    text: usize,
    /// The tails of the queues when it ended.
    tiny: u8,
    short: u8,
    long: u8,
}

/// A piece that no cache knows.
#[derive(Clone, Copy)]
struct MissedPiece {
    /// The index of its text.
    text: usize,
    /// The cache that it belongs to, and where in it, or a hash.
    cache: Which,
    line: u32,
    words: Words,
    len: u8,
}

/// A cache, by the length of its pieces.
#[derive(Clone, Copy)]
enum Which {
    Tiny,
    /// The same, by characters.
    Characters,
    Short,
    Long,
    /// None holds it.
    None,
}

/// Queues the pieces of up to 7 bytes of `window` that begin at the bits of `of`, some of `starts`. What is apart here stays
/// in registers. Where they are queued by eights there are at least so many `ROUNDS`: as many as most blocks take, for a loop of any
/// number of turns ends with a branch that is predicted wrong.
#[inline(always)]
fn queue_tiny<S: Simd, const ROUNDS: usize>(
    simd: S,
    cache: &Cache<1, 8>,
    queue: &mut Queue<1>,
    window: &[u8; BLOCK + SLACK],
    mut of: u64,
    starts: u64,
) {
    let mut tail = queue.tail;
    if S::WORDS_AT_ONCE {
        let mut words = [[0; TOGETHER]; BLOCK / TOGETHER];
        let block = window.first_chunk().expect("a block");
        let number = simd.words(block, of, starts, ROUNDS, &mut words);
        queue.tail = tail.wrapping_add(number as u8);
        for words in &words[..number.div_ceil(TOGETHER).max(ROUNDS)] {
            let mut lines = [0; TOGETHER];
            for i in 0..TOGETHER {
                lines[i] = cache.line_of(&[words[i]]) as u32;
            }
            let at = usize::from(tail);
            *queue.lines[at..].first_chunk_mut().expect("room") = lines;
            *queue.keys[at..].first_chunk_mut().expect("room") = words.map(|word| [word]);
            for line in lines {
                cache.prefetch(line as usize);
            }
            if at + TOGETHER > 256 {
                let beyond = 256..at + TOGETHER;
                queue.lines.copy_within(beyond.clone(), 0);
                queue.keys.copy_within(beyond, 0);
            }
            tail = tail.wrapping_add(TOGETHER as u8);
        }
        return;
    }
    queue.tail = tail.wrapping_add(of.count_ones() as u8);
    while of != 0 {
        // By fours, which are as many in most blocks; after the last piece, something that is not in the queue.
        for _ in 0..4 {
            let start = of.trailing_zeros() as usize & 63;
            let len = 1 + (starts >> start >> 1).trailing_zeros() as usize;
            let key = tiny_key(window, start, len);
            tail = queue.put(cache, tail, key);
            of &= of.wrapping_sub(1);
        }
    }
}

/// [`queue_tiny`], of segments of characters: see [`Segments::few`](crate::bpe::east_asian::Segments::few).
#[inline(always)]
fn queue_characters(
    cache: &Cache<1, 8>,
    queue: &mut Queue<1>,
    characters: &[u16; CHARACTERS],
    mut first: u64,
    on: u64,
) {
    let mut tail = queue.tail;
    queue.tail = tail.wrapping_add(first.count_ones() as u8);
    loop {
        // Most blocks have none to two.
        for _ in 0..2 {
            let at = first.trailing_zeros() as usize & 63;
            let number = 1 + (!(on >> at)).trailing_zeros() as usize;
            let four = characters[at + 1..].first_chunk().expect("four characters");
            let key = characters_key(*four, number);
            tail = queue.put(cache, tail, key);
            first &= first.wrapping_sub(1);
        }
        if first == 0 {
            break;
        }
    }
}

/// Looks keys up as [`queue_tiny`] and [`look_up_tiny`] do, without a text.
#[cfg(feature = "probe")]
#[inline(always)]
pub(crate) fn look_up_keys<S: Simd>(
    simd: S,
    cache: &Cache<1, 8>,
    keys: impl Iterator<Item = Key<1>>,
) -> u64 {
    let mut queue = Box::new(Queue::new());
    let mut total = 0;
    for key in keys {
        queue.push(cache, key);
        if queue.len() == WAITING + TINY_TOGETHER {
            total += look_up_tiny(simd, cache, &mut queue, TINY_TOGETHER, &mut [0; 256]).0;
        }
    }
    let number = queue.len();
    total + look_up_tiny(simd, cache, &mut queue, number, &mut [0; 256]).0
}

/// See [`Caches::drain`]: takes the first `number` pieces out of the queue and returns their tokens. The indices of
/// those that are not known are put into `missed`, and their number is returned.
#[inline(always)]
fn look_up_short(
    cache: &Cache<2, 4>,
    queue: &mut Queue<2>,
    number: usize,
    missed: &mut [u8; 256],
) -> (u64, usize) {
    let (mut total, mut misses) = (0, 0);
    let mut head = queue.head;
    for _ in 0..number {
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

/// [`look_up_short`], of pieces of up to 7 bytes.
#[inline(always)]
fn look_up_tiny<S: Simd>(
    simd: S,
    cache: &Cache<1, 8>,
    queue: &mut Queue<1>,
    number: usize,
    missed: &mut [u8; 256],
) -> (u64, usize) {
    let (mut sum, mut misses) = (simd.zero(), 0);
    let mut head = queue.head;
    for _ in 0..number {
        let (line, key) = queue.at(head);
        let known;
        (sum, known) = cache.add(simd, sum, line, &key);
        missed[misses & 255] = head;
        misses += usize::from(!known);
        head = head.wrapping_add(1);
    }
    queue.head = head;
    (simd.total(sum), misses)
}

/// The pieces that no cache knows, on their way through [`merge_in_step`].
struct Missed<'a> {
    caches: &'a mut Caches,
    next: usize,
}

impl Work for Missed<'_> {
    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        self.next += 1;
        (self.next <= self.caches.missed.len()).then(|| self.next - 1)
    }

    #[inline(always)]
    fn bytes(&self, piece: usize) -> (&Words, u8, u32) {
        let MissedPiece { line, words, len, .. } = &self.caches.missed[piece];
        (words, *len, *line)
    }

    #[inline(always)]
    fn done(&mut self, piece: usize, merged: Merged<'_>) {
        self.counted(piece, merged.count, merged.again);
    }

    #[inline(always)]
    fn alone<S: Simd>(&mut self, simd: S, pairs: &BpeModel, piece: usize) {
        // What is queued twice is known the second time.
        let missed = self.caches.missed[piece];
        let mut count = self.caches.get(&missed);
        if count == 0 {
            let bytes = self.text(piece);
            let bytes = &bytes[..usize::from(missed.len)];
            count = match count_in_more_registers(simd, pairs, bytes) {
                Some(count) => count,
                None => self.caches.window.merge(simd, pairs, bytes),
            };
        }
        self.counted(piece, count, false);
    }

    #[inline(always)]
    fn is_known(&mut self, piece: usize) -> bool {
        let missed = &self.caches.missed[piece];
        let (text, count) = (missed.text, self.caches.get(missed));
        self.caches.credit(text, count as u64);
        count != 0
    }

    #[inline(always)]
    fn by_turns<S: Simd>(&mut self, simd: S, pairs: &BpeModel, pieces: &[usize; TURNS]) {
        let texts = pieces.map(|piece| self.text(piece));
        let mut bytes = [&[][..]; TURNS];
        for i in 0..TURNS {
            bytes[i] = &texts[i][..usize::from(self.caches.missed[pieces[i]].len)];
        }
        let counts = count_by_turns(simd, pairs, bytes);
        for (&piece, count) in pieces.iter().zip(counts) {
            match count {
                Some(count) => self.counted(piece, count, false),
                None => self.alone(simd, pairs, piece),
            }
        }
    }
}

impl Missed<'_> {
    /// The bytes of a piece.
    #[inline(always)]
    fn text(&self, piece: usize) -> [u8; 64] {
        bytemuck::cast(self.caches.missed[piece].words.map(u64::to_le))
    }

    #[inline(always)]
    fn counted(&mut self, piece: usize, count: usize, again: bool) {
        let missed = self.caches.missed[piece];
        if !again {
            self.caches.insert(&missed, count);
        }
        self.caches.credit(missed.text, count as u64);
    }
}

/// Merges and remembers the pieces that no cache knows: see [`Caches::drain`].
struct CountMissed<'a> {
    pairs: &'a BpeModel,
    caches: &'a mut Caches,
}

impl Task for CountMissed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut pieces = self.caches.pieces.take().unwrap_or_else(Pieces::new);
        let mut missed = Missed { caches: self.caches, next: 0 };
        merge_in_step(simd, self.pairs, &mut pieces, &mut missed);
        missed.caches.missed.clear();
        self.caches.pieces = Some(pieces);
    }
}

/// Does [`Caches::drain`].
pub(super) struct Drain<'a> {
    pub(super) pairs: &'a BpeModel,
    pub(super) caches: &'a mut Caches,
    pub(super) most: usize,
}

impl Task for Drain<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.caches.drain(simd, self.pairs, self.most);
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

impl Caches {
    /// Small and empty: see [`Caches::seed`].
    pub(super) fn new() -> Caches {
        Caches {
            tiny: Cache::new(FIRST_TINY_CACHE_LOG2_LINES),
            short: Cache::new(FIRST_SHORT_CACHE_LOG2_LINES),
            long: Cache::new(FIRST_LONG_CACHE_LOG2_LINES),
            tiny_queue: Box::new(Queue::new()),
            short_queue: Box::new(Queue::new()),
            long_queue: Box::new(Queue::new()),
            missed: Vec::with_capacity(2 * MISSED),
            pieces: None,
            counts: Vec::new(),
            ended: VecDeque::new(),
            counted: 0,
            window: Box::new(Window::new()),
        }
    }

    /// Whether a text of so many bytes is the one before which the caches are to be [seeded](Caches::seed). To be asked
    /// once for each text.
    #[inline(always)]
    pub(super) fn must_seed_before(&mut self, bytes: usize) -> bool {
        if self.counted > SEED_AFTER {
            return false;
        }
        self.counted = self.counted.saturating_add(bytes);
        self.counted > SEED_AFTER
    }

    /// Whether the caches are those of a counter of more than [`SEED_AFTER`] bytes.
    #[cfg(test)]
    pub(super) fn is_seeded(&self) -> bool {
        self.counted > SEED_AFTER
    }

    /// Gives the caches their full size and, in place of what they remember, the tokens of `encoding`: most words are
    /// tokens, and the first megabyte should not have to find that out. Nothing may wait, for a queue knows a piece
    /// by its line.
    pub(super) fn seed(&mut self, encoding: &Encoding) {
        debug_assert!(self.tiny_queue.len() == 0);
        debug_assert!(self.short_queue.len() == 0 && self.long_queue.len() == 0);
        debug_assert!(self.missed.is_empty());
        self.tiny = Cache::new(TINY_CACHE_LOG2_LINES);
        self.short = Cache::new(SHORT_CACHE_LOG2_LINES);
        self.long = Cache::new(LONG_CACHE_LOG2_LINES);
        self.insert_tokens(encoding.reachable_tokens());
    }

    /// Begins a batch of no texts. What an earlier one left that was not counted to its end is let go.
    pub(super) fn begin(&mut self) {
        self.tiny_queue.head = self.tiny_queue.tail;
        self.short_queue.head = self.short_queue.tail;
        self.long_queue.head = self.long_queue.tail;
        self.missed.clear();
        self.ended.clear();
        self.counts.clear();
    }

    /// Begins the next text of the batch: what is queued from now on is of it.
    pub(super) fn begin_text(&mut self) {
        self.counts.push(0);
    }

    /// Ends the text that was begun last, which has `tokens` besides what waits.
    pub(super) fn end_text(&mut self, tokens: u64) {
        let text = self.counts.len() - 1;
        self.credit(text, tokens);
        let tails = [self.tiny_queue.tail, self.short_queue.tail, self.long_queue.tail];
        let before = match self.ended.back() {
            Some(before) => [before.tiny, before.short, before.long],
            None => [self.tiny_queue.head, self.short_queue.head, self.long_queue.head],
        };
        if before != tails {
            let [tiny, short, long] = tails;
            self.ended.push_back(EndedText { text, tiny, short, long });
        }
    }

    /// The tokens of each text of the batch; all of them once nothing waits.
    pub(super) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Adds to the tokens of a text. Character BPE passes through sums below zero.
    #[inline(always)]
    fn credit(&mut self, text: usize, tokens: u64) {
        self.counts[text] = self.counts[text].wrapping_add(tokens);
    }

    /// Queues a piece of 1 to 31 bytes; `text` has [`SLACK`] bytes from `start` on.
    #[inline(always)]
    pub(super) fn look_up(&mut self, text: &[u8], start: usize, len: usize) {
        if len < 8 {
            let key = tiny_key(text, start, len);
            self.tiny_queue.push(&self.tiny, key);
        } else if len < 16 {
            let key = short_key(text, start, len);
            self.short_queue.push(&self.short, key);
        } else {
            let key = long_key(text, start, len);
            self.long_queue.push(&self.long, key);
        }
    }

    /// [`Caches::look_up`] of the pieces of `window` that begin at the bits of `of`, some of `starts`. Those of 32
    /// bytes and more are returned.
    #[inline(always)]
    pub(super) fn look_up_all<S: Simd>(
        &mut self,
        simd: S,
        window: &[u8; BLOCK + SLACK],
        of: u64,
        starts: u64,
        is_ascii: bool,
    ) -> u64 {
        let before = starts_after::<7>(starts);
        // By themselves, for no branch depends on their lengths.
        let (cache, queue, tiny) = (&self.tiny, &mut *self.tiny_queue, of & before);
        if S::WORDS_AT_ONCE && is_ascii {
            queue_tiny::<S, 2>(simd, cache, queue, window, tiny, starts);
        } else {
            queue_tiny::<S, 1>(simd, cache, queue, window, tiny, starts);
        }
        let (mut rest, mut longer) = (of & !before, 0);
        while rest != 0 {
            let (start, next) = first_piece(rest, starts);
            if next - start < 16 {
                let key = short_key(window, start, next - start);
                self.short_queue.push(&self.short, key);
            } else if next - start < 32 {
                let key = long_key(window, start, next - start);
                self.long_queue.push(&self.long, key);
            } else {
                longer |= 1 << start;
            }
            rest &= rest - 1;
        }
        longer
    }

    /// Queues segments of characters.
    #[inline(always)]
    pub(super) fn look_up_characters(
        &mut self,
        characters: &[u16; CHARACTERS],
        first: u64,
        on: u64,
    ) {
        queue_characters(&self.tiny, &mut self.tiny_queue, characters, first, on);
    }

    /// Looks up pieces until no queue has many more than `most`, and credits their texts with the tokens. What is not known
    /// waits to be merged with others, unless `most` is 0.
    #[inline(always)]
    pub(super) fn drain<S: Simd>(&mut self, simd: S, pairs: &BpeModel, most: usize) {
        loop {
            let lens = [self.tiny_queue.len(), self.short_queue.len(), self.long_queue.len()];
            // Texts that have ended come first, each as a whole; then the one that is scanned.
            let over = lens[0] > most || lens[1] > most || lens[2] > most;
            let ended = if over { self.ended.pop_front() } else { None };
            let Some(EndedText { text, tiny, short, long }) = ended else { break };
            self.look_up_tiny(simd, tiny.wrapping_sub(self.tiny_queue.head).into(), text);
            self.look_up_short(short.wrapping_sub(self.short_queue.head).into(), text);
            self.look_up_long(long.wrapping_sub(self.long_queue.head).into(), text);
        }
        let text = self.counts.len() - 1;
        while self.tiny_queue.len() >= most + TINY_TOGETHER {
            self.look_up_tiny(simd, TINY_TOGETHER, text);
        }
        while self.short_queue.len() >= most + SHORT_TOGETHER {
            self.look_up_short(SHORT_TOGETHER, text);
        }
        self.look_up_long(self.long_queue.len().saturating_sub(most), text);
        if most == 0 {
            self.look_up_tiny(simd, self.tiny_queue.len(), text);
            self.look_up_short(self.short_queue.len(), text);
        }
        if self.missed.len() > if most == 0 { 0 } else { MISSED } {
            simd.outlined(CountMissed { pairs, caches: self });
        }
    }

    /// [`Caches::drain`], in a function of its own: for callers in closures, which do not have the level's instructions.
    #[inline(always)]
    pub(super) fn outlined_drain<S: Simd>(&mut self, simd: S, pairs: &BpeModel, most: usize) {
        let longest = self.short_queue.len().max(self.long_queue.len());
        if self.tiny_queue.len() >= most + TINY_TOGETHER || longest > most {
            simd.outlined(Drain { pairs, caches: self, most });
        }
    }

    /// Looks up the first pieces of a queue, which are of `text`.
    #[inline(always)]
    fn look_up_tiny<S: Simd>(&mut self, simd: S, number: usize, text: usize) {
        let mut missed = [0u8; 256];
        let (tokens, misses) =
            look_up_tiny(simd, &self.tiny, &mut self.tiny_queue, number, &mut missed);
        for &i in &missed[..misses] {
            let (line, key) = self.tiny_queue.at(i);
            if is_of_characters(key) {
                self.miss(text, Which::Characters, line, bytes_of_characters(key));
            } else {
                self.miss(text, Which::Tiny, line, bytes_of(&key));
            }
        }
        self.credit(text, tokens);
    }

    /// The same of the next queue.
    #[inline(always)]
    fn look_up_short(&mut self, number: usize, text: usize) {
        let mut missed = [0u8; 256];
        let (tokens, misses) =
            look_up_short(&self.short, &mut self.short_queue, number, &mut missed);
        for &i in &missed[..misses] {
            let (line, key) = self.short_queue.at(i);
            self.miss(text, Which::Short, line, bytes_of(&key));
        }
        self.credit(text, tokens);
    }

    /// The same of the last one.
    #[inline(always)]
    fn look_up_long(&mut self, number: usize, text: usize) {
        for _ in 0..number {
            let (line, key) = self.long_queue.pop();
            let count = self.long.get(line, &key);
            self.credit(text, count as u64);
            if count == 0 {
                self.miss(text, Which::Long, line, bytes_of(&key));
            }
        }
    }

    /// Notes a piece to be merged.
    #[inline(always)]
    fn miss(&mut self, text: usize, cache: Which, line: usize, (words, len): (Words, u8)) {
        self.missed.push(MissedPiece { text, cache, line: line as u32, words, len });
    }

    /// The count of a piece that was missed, or 0.
    #[inline(always)]
    fn get(&self, MissedPiece { cache, line, words, len, .. }: &MissedPiece) -> usize {
        let line = *line as usize;
        match cache {
            Which::Tiny => self.tiny.get(line, &key_of(words, *len)),
            Which::Characters => self.tiny.get(line, &key_of_characters(words, *len)),
            Which::Short => self.short.get(line, &key_of(words, *len)),
            Which::Long => self.long.get(line, &key_of(words, *len)),
            Which::None => 0,
        }
    }

    /// Remembers a piece that was missed.
    #[inline(always)]
    fn insert(&mut self, MissedPiece { cache, line, words, len, .. }: &MissedPiece, count: usize) {
        let line = *line as usize;
        match cache {
            Which::Tiny => self.tiny.insert(line, key_of(words, *len), count),
            Which::Characters => self.tiny.insert(line, key_of_characters(words, *len), count),
            Which::Short => self.short.insert(line, key_of(words, *len), count),
            Which::Long if count <= MAX_COUNT => {
                self.long.insert(line, key_of(words, *len), count);
            }
            Which::Long | Which::None => {}
        }
    }

    /// Makes every one of `tokens` that a cache holds known as one token.
    fn insert_tokens<'a>(&mut self, tokens: impl Iterator<Item = &'a [u8]>) {
        let mut padded = [0; SLACK];
        for token in tokens.filter(|token| token.len() < 32) {
            padded[..token.len()].copy_from_slice(token);
            self.look_up(&padded, 0, token.len());
            if matches!(token.len(), 6 | 9) && is_east_asian(token[0]) {
                self.look_up_as_characters(token);
            }
            self.insert_queued(WAITING);
        }
        self.insert_queued(0);
    }

    /// Queues a token as a segment of characters, if that is what it is.
    fn look_up_as_characters(&mut self, token: &[u8]) {
        let Ok(text) = std::str::from_utf8(token) else { return };
        let mut characters = [0; CHARACTERS];
        let mut number = 0;
        for c in text.chars() {
            let Ok(c) = u16::try_from(u32::from(c)) else { return };
            number += 1;
            characters[number] = c;
        }
        if (2..4).contains(&number) {
            self.look_up_characters(&characters, 1, (1 << (number - 1)) - 1);
        }
    }

    /// Inserts all but `most` pieces of each queue as single tokens.
    fn insert_queued(&mut self, most: usize) {
        while self.tiny_queue.len() > most {
            let (line, key) = self.tiny_queue.pop();
            self.tiny.insert(line, key, 1);
        }
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
    pub(super) fn count_repeated<S: Simd>(
        &mut self,
        simd: S,
        encoding: &Encoding,
        piece: &[u8],
    ) -> u64 {
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

    /// Counts a piece of more than 31 bytes, or a segment of one, beyond ASCII: now or with those that wait to be merged.
    #[inline(always)]
    pub(super) fn count_long<S: Simd>(
        &mut self,
        simd: S,
        encoding: &Encoding,
        piece: &[u8],
    ) -> u64 {
        let chars = || piece.iter().filter(|&&byte| !is_continuation(byte)).count();
        if !S::IN_STEP || piece.len() > SHORT || chars() > PARTS {
            return self.merge_long(simd, encoding, piece);
        }
        let mut bytes = [0; 64];
        bytes[..piece.len()].copy_from_slice(piece);
        let words = bytemuck::cast::<_, Words>(bytes).map(u64::from_le);
        let (text, hash) = (self.counts.len() - 1, line_of(&words, u64::BITS - 16));
        self.miss(text, Which::None, hash, (words, piece.len() as u8));
        if self.missed.len() > MISSED {
            simd.outlined(CountMissed { pairs: encoding.pairs(), caches: self });
        }
        0
    }

    /// Counts a piece, or a segment of one, of any length without a cache.
    #[inline(always)]
    pub(super) fn merge_long<S: Simd>(
        &mut self,
        simd: S,
        encoding: &Encoding,
        piece: &[u8],
    ) -> u64 {
        simd.outlined(MergeLong { encoding, window: &mut self.window, piece })
    }
}

//! The merging of many pieces, in step.
//!
//! Merging one piece is a chain: what is looked up next depends on what was found. Pieces do not depend on each other. So
//! sixteen are merged at a time, each in a lane of the registers, all of them a merge further with each step, without a
//! branch on what a piece is like. A step looks at all parts of all lanes, so pieces of about as many parts are merged
//! together; a lane that is done waits for the others.
//!
//! What a step merges is a [probe](Merges::probe), verified in the same step. A piece with one that was wrong, one in
//! thousands, is merged once more by a form that verifies before it merges ([`Work::alone`]).
//!
//! With two lanes, `Grüße` (47 72 C3BC C39F 65, its letters beyond ASCII already whole) and `мир` (D0BC D0B8 D180):
//!
//! ```text
//! rows before      lowest keys                  probed with the next and the part before
//! 47    D0BC       47 72, D0B8 D180             4772 C3BC, -           -, D0BC D0B8D180
//! 72    D0B8       C39F 65, none                -, C3BC C39F65
//! C3BC  D180       none, none
//! C39F
//! 65               three tokens, and two
//! ```

use fasttok_simd::Simd;

use super::cache::Words;
use super::merge_keys::{NO_MERGE, POSITION_BITS, key};
use super::merge_table::{Merges, OVERFLOW, slot};
use super::model::BpeModel;
use super::pairs::NONE;
use super::registers::TURNS;
use super::scripts::{ASCII, table_of};

/// Pieces that are merged in step.
const LANES: usize = 16;
/// As many as this are worth the steps of all lanes.
const FEW: usize = 5;
/// Parts that a piece begins with, at most: a bit each in 32, and one after them.
pub(crate) const PARTS: usize = 31;
/// Pieces that are sorted at once. What waits to be merged is hardly ever more.
const TOGETHER: usize = 192;
/// A row that there is not.
const NO_ROW: u32 = u32::MAX;
/// Places for pieces by their bytes, to find those that are the same.
const PLACES: usize = 256;

/// A number for each lane.
type Each = [u32; LANES];

/// A piece that is to be merged.
#[derive(Clone, Copy, Default)]
struct Piece {
    /// Of what it is the number.
    number: usize,
    /// The parts that it begins with; none if it is the same as one before it.
    parts: u8,
    is_ascii: bool,
    /// The table of its merges.
    table: u8,
    /// The next one of those that are the same, in a ring.
    same: u8,
}

impl Piece {
    /// Its place among those of as many parts.
    #[inline(always)]
    fn rank(&self) -> usize {
        usize::from(2 * (self.parts & 31) + u8::from(self.is_ascii))
    }
}

/// What merging in step needs, kept from one call to the next.
pub(crate) struct Pieces {
    pieces: [Piece; TOGETHER],
    /// What those that are not ASCII begin with.
    parts: [[u32; PARTS]; TOGETHER],
    /// The different ones of them, by their parts.
    order: [u8; TOGETHER],
}

impl Pieces {
    pub fn new() -> Box<Pieces> {
        Box::new(Pieces {
            pieces: [Piece::default(); TOGETHER],
            parts: [[NONE; PARTS]; TOGETHER],
            order: [0; TOGETHER],
        })
    }

    /// Takes the next pieces. Returns how many different ones there are, and a bit for each table of their merges.
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, pairs: &BpeModel, work: &mut impl Work) -> (usize, u32) {
        let Pieces { pieces, parts: initial, order } = self;
        let mut places = [0u8; PLACES];
        let mut of_rank = [0u8; 64];
        let mut tokens = [NONE; 64];
        // The different ones, ASCII or not.
        let mut different = [[0u8; TOGETHER]; 2];
        let mut numbers = [0; 2];
        let mut len = 0;
        while len < TOGETHER {
            let Some(number) = work.next() else { break };
            let (words, bytes, hash) = work.bytes(number);
            let place = &mut places[hash as usize % PLACES];
            let first = usize::from(*place) % TOGETHER;
            let other = if first < len { pieces[first].number } else { number };
            let is_same = first < len && work.bytes(other) == (words, bytes, hash);
            let all = words.iter().fold(0, |all, word| all | word);
            let is_ascii = all & 0x8080_8080_8080_8080 == 0;
            // Without a branch on either, which would often be predicted wrong.
            let (this, first) = (len as u8, &mut pieces[first]);
            let same = if is_same { first.same } else { this };
            first.same = if is_same { this } else { first.same };
            *place = if is_same { *place } else { this };
            let (kind, table) = (usize::from(!is_ascii), table_of(ASCII) as u8);
            let parts = if is_ascii && !is_same { bytes } else { 0 };
            pieces[len] = Piece { number, parts, is_ascii, table, same };
            different[kind][numbers[kind] % TOGETHER] = this;
            numbers[kind] += usize::from(!is_same);
            len += 1;
        }
        let mut tables = if numbers[0] != 0 { 1 << table_of(ASCII) } else { 0 };
        for &at in different[1].iter().take(numbers[1]) {
            let at = usize::from(at) % TOGETHER;
            let (words, bytes, _) = work.bytes(pieces[at].number);
            let text: [u8; 64] = bytemuck::cast(words.map(u64::to_le));
            let text = &text[..usize::from(bytes & 63)];
            let (parts, scripts) = pairs.whole_chars().split(pairs, text, &mut tokens);
            if parts > PARTS {
                for_each_same(pieces, at, |number| work.alone(simd, pairs, number));
                continue;
            }
            initial[at].copy_from_slice(&tokens[..PARTS]);
            let piece = &mut pieces[at];
            (piece.parts, piece.table) = (parts as u8, table_of(scripts) as u8);
            tables |= 1 << piece.table;
        }
        // Those that have no parts were merged just now.
        let all = || {
            let all = (0..2).flat_map(|kind| different[kind].iter().take(numbers[kind]));
            all.map(|&at| (at, &pieces[usize::from(at) % TOGETHER]))
        };
        for (_, piece) in all() {
            of_rank[piece.rank()] += u8::from(piece.parts != 0);
        }
        let mut before = 0;
        for rank in &mut of_rank {
            (*rank, before) = (before, before + *rank);
        }
        for (at, piece) in all().filter(|(_, piece)| piece.parts != 0) {
            let place = &mut of_rank[piece.rank()];
            order[usize::from(*place) % TOGETHER] = at;
            *place += 1;
        }
        (usize::from(before), tables)
    }
}

/// Does `then` with the number of the piece at `first` and of all that are the same.
#[inline(always)]
fn for_each_same(pieces: &[Piece; TOGETHER], first: usize, mut then: impl FnMut(usize)) {
    let mut at = first;
    loop {
        let Piece { number, same, .. } = pieces[at % TOGETHER];
        then(number);
        at = usize::from(same);
        if at == first {
            break;
        }
    }
}

/// Pieces being merged, each in a lane.
struct Lanes<'a, S: Simd> {
    simd: S,
    pairs: &'a BpeModel,
    merges: &'a Merges,
    /// Row i has part i of each lane.
    tokens: [Each; PARTS + 1],
    /// Row i has the key of part i of each lane with the part after it.
    keys: [Each; PARTS],
    /// The parts that a lane began with, at most.
    rows: usize,
    /// Of each lane, the parts that are left, and one after them.
    left: Each,
    /// The lowest key of each lane.
    lowest: Each,
    /// Lanes whose piece is to be merged by the form that verifies before it merges.
    alone: u16,
}

impl<'a, S: Simd> Lanes<'a, S> {
    #[inline(always)]
    fn new(simd: S, pairs: &'a BpeModel) -> Self {
        Lanes {
            simd,
            pairs,
            merges: pairs.merges(ASCII),
            tokens: [[NONE; LANES]; PARTS + 1],
            keys: [[NO_MERGE; LANES]; PARTS],
            rows: 0,
            left: [0; LANES],
            lowest: [NO_MERGE; LANES],
            alone: 0,
        }
    }

    /// Begins with the pieces at `group`, of which the merges of table `table` are.
    #[inline(always)]
    fn begin(&mut self, pieces: &Pieces, work: &impl Work, group: &[u8; LANES], table: usize) {
        let pairs = self.pairs;
        self.merges = pairs.merges_in(table);
        self.alone = 0;
        let mut parts = [0; LANES];
        for i in 0..LANES {
            parts[i] = u32::from(pieces.pieces[usize::from(group[i]) % TOGETHER].parts);
        }
        let rows = (parts.iter().fold(0, |most, &parts| most.max(parts)) as usize).min(PARTS);
        self.rows = rows;
        let mut all_ascii = true;
        for (i, &piece) in group.iter().enumerate() {
            let at = usize::from(piece) % TOGETHER;
            let piece = &pieces.pieces[at];
            all_ascii &= piece.is_ascii;
            if piece.is_ascii {
                let bytes: [u8; 64] = bytemuck::cast(work.bytes(piece.number).0.map(u64::to_le));
                for row in 0..rows {
                    self.tokens[row][i] = pairs.single(bytes[row]);
                    self.keys[row][i] = pairs.of_bytes(bytes[row], bytes[row + 1]);
                }
            } else {
                for row in 0..rows {
                    self.tokens[row][i] = pieces.parts[at][row];
                }
            }
        }
        if !all_ascii {
            for row in 0..rows {
                self.keys[row] = self.probe(&self.tokens[row], &self.tokens[row + 1]);
            }
        }
        let mut lowest = [NO_MERGE; LANES];
        for row in 0..rows {
            let (tokens, keys) = (&mut self.tokens[row], &mut self.keys[row]);
            for i in 0..LANES {
                tokens[i] = if (row as u32) < parts[i] { tokens[i] } else { NONE };
                keys[i] = if row as u32 + 1 < parts[i] { key(keys[i], row) } else { NO_MERGE };
                lowest[i] = lowest[i].min(keys[i]);
            }
        }
        self.lowest = lowest;
        self.left = parts.map(|parts| u32::MAX >> (31 - (parts & 31)));
    }

    /// Whether nothing merges in any lane.
    #[inline(always)]
    fn is_done(&self) -> bool {
        self.lowest.iter().fold(u32::MAX, |lowest, &key| lowest.min(key)) >= NO_MERGE
    }

    /// Merges the two of the lowest key in each lane that has one.
    #[inline(always)]
    fn step(&mut self) {
        let simd = self.simd;
        // The rows of the part that is merged with the one after it, of that one, of the one after both and of the one
        // before.
        let (mut at, mut gone, mut after, mut before) =
            ([NO_ROW; LANES], [NO_ROW; LANES], [NO_ROW; LANES], [NO_ROW; LANES]);
        let mut merged = [0; LANES];
        for i in 0..LANES {
            let (lowest, left) = (self.lowest[i], self.left[i]);
            let merges = lowest < NO_MERGE;
            let part = lowest & 31;
            let above = left & (!1 << part);
            let gone_part = above & above.wrapping_neg();
            let above = above ^ gone_part;
            let below = left & !(u32::MAX << part);
            merged[i] = if merges { lowest >> POSITION_BITS } else { 0 };
            at[i] = if merges { part } else { NO_ROW };
            gone[i] = if merges { row_of(gone_part) } else { NO_ROW };
            after[i] = row_of(above & above.wrapping_neg());
            before[i] = if merges { row_of(below) } else { NO_ROW };
            self.left[i] = if merges { left ^ gone_part } else { left };
        }
        let (at_row, gone_row) = (simd.keys(&at), simd.keys(&gone));
        let (after_row, before_row) = (simd.keys(&after), simd.keys(&before));
        let none = simd.keys(&[NONE; LANES]);
        let (mut left, mut right, mut next, mut previous) = (none, none, none, none);
        for row in 0..self.rows {
            let tokens = simd.keys(&self.tokens[row]);
            left = simd.replace(left, at_row, row as u32, tokens);
            right = simd.replace(right, gone_row, row as u32, tokens);
            next = simd.replace(next, after_row, row as u32, tokens);
            previous = simd.replace(previous, before_row, row as u32, tokens);
        }
        let with_next = self.probe(&merged, &simd.values(next));
        let with_previous = self.probe(&simd.values(previous), &merged);
        self.verify(&simd.values(left), &simd.values(right), &merged);
        let (mut next_keys, mut previous_keys) = ([0; LANES], [0; LANES]);
        for i in 0..LANES {
            next_keys[i] = key(with_next[i], at[i] as usize & 31);
            previous_keys[i] = key(with_previous[i], before[i] as usize & 31);
        }
        let (next_keys, previous_keys) = (simd.keys(&next_keys), simd.keys(&previous_keys));
        let (merged, no_merge) = (simd.keys(&merged), simd.keys(&[NO_MERGE; LANES]));
        let mut lowest = no_merge;
        for row in 0..self.rows {
            let keys = simd.keys(&self.keys[row]);
            let keys = simd.replace(keys, at_row, row as u32, next_keys);
            let keys = simd.replace(keys, before_row, row as u32, previous_keys);
            let keys = simd.replace(keys, gone_row, row as u32, no_merge);
            lowest = simd.min(lowest, keys);
            self.keys[row] = simd.values(keys);
            let tokens = simd.keys(&self.tokens[row]);
            self.tokens[row] = simd.values(simd.replace(tokens, at_row, row as u32, merged));
        }
        self.lowest = simd.values(lowest);
    }

    /// [`Merges::probe`] of each lane.
    #[inline(always)]
    fn probe(&self, left: &Each, right: &Each) -> Each {
        let (buckets, none) = self.merges.buckets();
        let (mut homes, mut checks) = ([0; LANES], [0; LANES]);
        for i in 0..LANES {
            (homes[i], checks[i]) = slot(left[i], right[i], buckets.len() as u32, none);
        }
        let mut lowest = self.simd.lowest_in_rows(buckets, &homes, &checks);
        let mut overflows = self.simd.at_least(self.simd.keys(&lowest), OVERFLOW);
        while overflows != 0 {
            let i = overflows.trailing_zeros() as usize % LANES;
            overflows &= overflows - 1;
            lowest[i] = self.merges.found(homes[i], checks[i], lowest[i]);
        }
        for lowest in &mut lowest {
            *lowest = if *lowest < none { *lowest } else { NONE };
        }
        lowest
    }

    /// Notes the lanes with a lowest key in which `left` and `right` do not merge into `merged`.
    #[inline(always)]
    fn verify(&mut self, left: &Each, right: &Each, merged: &Each) {
        let active = !self.simd.at_least(self.simd.keys(&self.lowest), NO_MERGE);
        let mut unlike = active & self.simd.unlike(self.pairs.splits(), merged, left, right);
        while unlike != 0 {
            let i = unlike.trailing_zeros() as usize % LANES;
            unlike &= unlike - 1;
            self.alone |= u16::from(!self.pairs.verify(left[i], right[i], merged[i])) << i;
        }
    }

    /// Hands over what the piece in `lane` has become, and all that are the same.
    #[inline(always)]
    fn finish(&self, lane: usize, pieces: &Pieces, first: u8, work: &mut impl Work) {
        let (alone, left) = (self.alone >> lane & 1 != 0, self.left[lane]);
        for_each_same(&pieces.pieces, usize::from(first), |number| {
            if alone {
                work.alone(self.simd, self.pairs, number);
            } else {
                let count = left.count_ones() as usize - 1;
                let again = number != pieces.pieces[usize::from(first) % TOGETHER].number;
                work.done(number, Merged { count, tokens: &self.tokens, lane, left, again });
            }
        });
    }
}

/// The highest part of `parts`, or [`NO_ROW`].
#[inline(always)]
fn row_of(parts: u32) -> u32 {
    31u32.wrapping_sub(parts.leading_zeros())
}

/// What a piece has become.
pub(crate) struct Merged<'a> {
    /// The number of tokens.
    pub count: usize,
    tokens: &'a [Each; PARTS + 1],
    lane: usize,
    left: u32,
    /// Whether one that is the same was done before.
    pub again: bool,
}

impl Merged<'_> {
    /// The tokens, in order.
    #[inline(always)]
    pub fn for_each(&self, mut then: impl FnMut(u32)) {
        let mut left = self.left;
        for _ in 0..self.count {
            then(self.tokens[left.trailing_zeros() as usize % 32][self.lane]);
            left &= left - 1;
        }
    }
}

/// Pieces to be merged, and what is to be done with what they become.
pub(crate) trait Work {
    /// The number of the next piece.
    fn next(&mut self) -> Option<usize>;
    /// A piece of UTF-8 of up to 31 bytes, or of up to 62 and 31 characters, its length, and a hash of it.
    fn bytes(&self, piece: usize) -> (&Words, u8, u32);
    /// Takes what it has become.
    fn done(&mut self, piece: usize, merged: Merged<'_>);
    /// Merges it by the form that verifies before it merges, and takes what it has become.
    fn alone<S: Simd>(&mut self, simd: S, pairs: &BpeModel, piece: usize);

    /// Whether it was found out meanwhile what it becomes, and taken.
    #[inline(always)]
    fn is_known(&mut self, _piece: usize) -> bool {
        false
    }

    /// [`Work::alone`] of some pieces that are not known.
    #[inline(always)]
    fn by_turns<S: Simd>(&mut self, simd: S, pairs: &BpeModel, pieces: &[usize; TURNS]) {
        for &piece in pieces {
            self.alone(simd, pairs, piece);
        }
    }
}

/// Merges all pieces, in no order.
#[inline(always)]
pub(crate) fn merge_in_step<S: Simd>(
    simd: S,
    pairs: &BpeModel,
    pieces: &mut Pieces,
    work: &mut impl Work,
) {
    if !S::IN_STEP {
        // By turns: without vectors sixteen lanes take longer than one piece after the other.
        let (mut waiting, mut len) = ([0; TURNS], 0);
        while let Some(piece) = work.next() {
            if work.is_known(piece) {
                continue;
            }
            waiting[len] = piece;
            len += 1;
            if len == TURNS {
                work.by_turns(simd, pairs, &waiting);
                len = 0;
            }
        }
        for &piece in &waiting[..len] {
            work.alone(simd, pairs, piece);
        }
        return;
    }
    let mut lanes = Lanes::new(simd, pairs);
    loop {
        let (different, mut tables) = pieces.take(simd, pairs, work);
        if different == 0 {
            break;
        }
        while tables != 0 {
            let table = tables.trailing_zeros() as usize;
            tables &= tables - 1;
            let (mut group, mut filled) = ([0; LANES], 0);
            for i in 0..different {
                let piece = pieces.order[i % TOGETHER];
                let belongs =
                    usize::from(pieces.pieces[usize::from(piece) % TOGETHER].table) == table;
                group[filled % LANES] = if belongs { piece } else { group[filled % LANES] };
                filled += usize::from(belongs);
                if filled == LANES || i + 1 == different && filled != 0 {
                    if filled < FEW {
                        lanes.alone = u16::MAX;
                    } else {
                        lanes.begin(pieces, work, &group, table);
                        while !lanes.is_done() {
                            lanes.step();
                        }
                    }
                    for lane in 0..filled {
                        lanes.finish(lane, pieces, group[lane % LANES], work);
                    }
                    filled = 0;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Encoding;
    use crate::bpe::registers::{count_by_turns, count_in_more_registers};
    use crate::bpe::windowed::tests::{merge_plainly, short_texts};
    use crate::vocab::Vocab;
    use fasttok_simd::{Level, Task};
    use fasttok_testing::Random;

    /// Merges words, and notes what each has become.
    struct Texts<'a> {
        pairs: &'a BpeModel,
        vocab: &'a Vocab,
        words: &'a [String],
        bytes: &'a [Words],
        next: usize,
        tokens: Vec<Vec<u32>>,
    }

    impl Work for Texts<'_> {
        fn next(&mut self) -> Option<usize> {
            self.next += 1;
            (self.next <= self.words.len()).then(|| self.next - 1)
        }

        fn bytes(&self, piece: usize) -> (&Words, u8, u32) {
            // Of any two of some words the same hash.
            (&self.bytes[piece], self.words[piece].len() as u8, self.bytes[piece][0] as u32 % 5)
        }

        fn done(&mut self, piece: usize, merged: Merged<'_>) {
            assert!(self.tokens[piece].is_empty(), "once");
            merged.for_each(|token| self.tokens[piece].push(token));
            assert_eq!(self.tokens[piece].len(), merged.count);
        }

        fn alone<S: Simd>(&mut self, simd: S, pairs: &BpeModel, piece: usize) {
            let word = self.words[piece].as_bytes();
            self.tokens[piece] = merge_plainly(self.vocab, word);
            if let Some(count) = count_in_more_registers(simd, pairs, word) {
                assert_eq!(self.tokens[piece].len(), count);
            }
        }

        fn by_turns<S: Simd>(&mut self, simd: S, pairs: &BpeModel, pieces: &[usize; TURNS]) {
            let counts =
                count_by_turns(simd, pairs, pieces.map(|piece| self.words[piece].as_bytes()));
            for (&piece, count) in pieces.iter().zip(counts) {
                self.alone(simd, pairs, piece);
                assert!(count.is_none_or(|count| count == self.tokens[piece].len()));
                assert!(count.is_some() || self.words[piece].len() > 16);
            }
        }
    }

    impl Task for Texts<'_> {
        type Output = Vec<Vec<u32>>;

        #[inline(always)]
        fn run<S: Simd>(mut self, simd: S) -> Vec<Vec<u32>> {
            merge_in_step(simd, self.pairs, &mut Pieces::new(), &mut self);
            self.tokens
        }
    }

    /// Words of tokens cut anywhere between characters, many at a time and few.
    #[test]
    fn makes_what_merging_plainly_gives() {
        let mut random = Random::new(0x2545_F491_4F6C_DD1D);
        for name in ["o200k_base", "cl100k_base", "r50k_base"] {
            let encoding = Encoding::embedded(name).unwrap();
            let (vocab, pairs) = (encoding.vocab(), encoding.pairs());
            let texts = short_texts(vocab);
            for round in 0..600 {
                let near = random.below(texts.len());
                let word = |random: &mut Random| {
                    let mut word = String::new();
                    for _ in 0..1 + random.below(4) {
                        let from = if round % 2 == 0 { near } else { random.below(texts.len()) };
                        let text = texts[(from + random.below(40)) % texts.len()];
                        let chars = 1 + random.below(text.chars().count());
                        word.extend(text.chars().take(chars));
                    }
                    let most = if round % 3 == 0 { 62 } else { 31 };
                    while word.len() > most || word.len() > 31 && word.chars().count() > PARTS {
                        word.pop();
                    }
                    word
                };
                let mut words: Vec<String> =
                    (0..1 + random.below(150)).map(|_| word(&mut random)).collect();
                // Some of them again, and more than are sorted at once.
                for _ in 0..random.below(2 * TOGETHER) {
                    words.push(words[random.below(words.len())].clone());
                }
                words.extend(["a", "a\0", "a\0\0", "\0"].map(String::from));
                let plainly: Vec<Vec<u32>> =
                    words.iter().map(|word| merge_plainly(vocab, word.as_bytes())).collect();
                let bytes = |word: &String| {
                    let mut bytes = [0; 64];
                    bytes[..word.len()].copy_from_slice(word.as_bytes());
                    bytemuck::cast::<_, Words>(bytes).map(u64::from_le)
                };
                let bytes: Vec<Words> = words.iter().map(bytes).collect();
                let (words, bytes, tokens) = (&words, &bytes, vec![Vec::new(); words.len()]);
                let task = || Texts { pairs, vocab, words, bytes, next: 0, tokens: tokens.clone() };
                for level in Level::available() {
                    assert_eq!(level.run(task()), plainly, "{name} {level:?} {words:?}");
                }
            }
        }
    }
}

//! `Encoder`: text to ids, with what a worker remembers of the pieces that it has met.
//!
//! Pieces are found 64 bytes at a time, as in counting, and wait in a queue for their cache lines. A long piece that is no token
//! is cut where no token crosses ([`crate::bpe::east_asian`], [`crate::bpe::alphabetic_segments`]), and its segments are
//! looked up.

mod cache;
mod memory;

use std::sync::Arc;

use fasttok_simd::{Level, Simd, Task, is_east_asian};

use self::memory::Memory;
use crate::Error;
use crate::added::Part;
use crate::bits::{first_piece, low_bits, starts_after};
use crate::encoding::Encoding;
use crate::interrupt::{self, Watch};
use crate::options::Special;
use crate::pretokenize::block::{BLOCK, Blocks, SLACK, for_each_block, piece_starts};
use crate::pretokenize::general::General;
use crate::pretokenize::{Pretokenizer, Scanner};

/// The longest piece that holds East Asian characters and is looked up as a whole: longer ones hardly come again.
const MAX_EAST_ASIAN: usize = 15;

/// A worker's encoding state: scratch space and caches of a fixed size (160 KiB, and 12 MiB after the first quarter of a MiB
/// of text). Made once a worker, used for many texts.
///
/// ```
/// use fasttok_engine::{Encoder, Encoding, Special};
///
/// let mut encoder = Encoder::new(Encoding::embedded("r50k_base")?);
/// let mut ids = Vec::new();
/// encoder.encode("Hello", Special::Text, &mut ids)?;
/// encoder.encode(" world", Special::Text, &mut ids)?;
/// assert_eq!(ids, [15496, 995]);
/// # Ok::<(), fasttok_engine::Error>(())
/// ```
pub struct Encoder {
    encoding: Arc<Encoding>,
    level: Level,
    memory: Memory,
}

impl Encoder {
    /// An encoder for `encoding`.
    pub fn new(encoding: Arc<Encoding>) -> Encoder {
        Encoder::with_level(encoding, Level::chosen_or_portable())
    }

    /// An encoder that uses the instructions of `level`, whatever [`Level::chosen`] says.
    ///
    /// ```
    /// # use fasttok_engine::{Encoder, Encoding, Level, Special};
    /// let encoding = Encoding::embedded("r50k_base")?;
    /// for level in Level::available() {
    ///     let mut ids = Vec::new();
    ///     Encoder::with_level(encoding.clone(), level).encode("Hello", Special::Text, &mut ids)?;
    ///     assert_eq!(ids, [15496]);
    /// }
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn with_level(encoding: Arc<Encoding>, level: Level) -> Encoder {
        Encoder { encoding, level, memory: Memory::new() }
    }

    /// Appends the token ids of `text` to `ids`: what [`Encoding::encode`] gives.
    ///
    /// ```
    /// # use fasttok_engine::{Encoder, Encoding, Special};
    /// let mut encoder = Encoder::new(Encoding::embedded("r50k_base")?);
    /// let mut ids = Vec::new();
    /// encoder.encode("Hello<|endoftext|>", Special::Token, &mut ids)?;
    /// assert_eq!(ids, [15496, 50256]);
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn encode(
        &mut self,
        text: &str,
        special: Special,
        ids: &mut Vec<u32>,
    ) -> Result<(), Error> {
        let Encoder { encoding, level, memory } = self;
        if !encoding.merges_pieces() {
            return encoding.encode_in(&mut memory.window, text, special, ids);
        }
        memory.begin(encoding, text.len());
        encoding.for_each_part(text, special, &mut |part| {
            match part {
                Part::Token(id) => ids.push(id),
                Part::Text(text, start) => {
                    encode_text(encoding, *level, memory, text, start, ids)?;
                }
            }
            interrupt::check()
        })
    }
}

/// Appends the ids of normalized text without added tokens.
fn encode_text(
    encoding: &Encoding,
    level: Level,
    memory: &mut Memory,
    text: &str,
    start: usize,
    ids: &mut Vec<u32>,
) -> Result<(), Error> {
    let general = match encoding.pretokenizer() {
        Pretokenizer::General(general) => Some(general),
        _ => None,
    };
    let added = general.map_or(&b""[..], |general| general.adds());
    if encoding.lacks_a_byte_of(text.as_bytes()) || encoding.lacks_a_byte_of(added) {
        return encoding.encode_plain(&mut memory.window, text, start, ids);
    }
    let scan = Scan { encoding, memory, ids };
    if let Some(general) = general {
        return level.run(Pieces { scan, general, text, start });
    }
    let pretokenizer = encoding.pretokenizer();
    let scanner = pretokenizer.scanner().expect("all but the general one have one");
    level.run(Text { scan, scanner, pretokenizer, text: text.as_bytes() });
    Ok(())
}

/// One text being encoded.
struct Scan<'a> {
    encoding: &'a Encoding,
    memory: &'a mut Memory,
    ids: &'a mut Vec<u32>,
}

impl Scan<'_> {
    /// Makes room for so many pieces in the group that is filled.
    #[inline(always)]
    fn make_room<S: Simd>(&mut self, simd: S, pieces: usize) {
        if self.memory.is_full(pieces) {
            self.memory.close(simd, self.encoding, self.ids);
        }
    }

    /// A piece of any length. If it is at most 31 bytes long and `text` has [`SLACK`] bytes from `start` on, it can be looked
    /// up as a whole.
    #[inline(always)]
    fn one<S: Simd>(&mut self, simd: S, text: &[u8], start: usize, end: usize, can_wait: bool) {
        self.make_room(simd, 1);
        if let Some(id) = self.whole(&text[start..end]) {
            self.memory.queue_id(id);
        } else if can_wait {
            self.memory.queue(text, start, end - start);
        } else {
            self.outlined_long(simd, &text[start..end]);
        }
    }

    /// The id of a piece that is one token although merging does not give it.
    #[inline(always)]
    fn whole(&self, piece: &[u8]) -> Option<u32> {
        let whole = self.encoding.whole_pieces()?;
        if whole.contains(piece) { self.encoding.whole_piece(piece) } else { None }
    }

    /// A piece of any length that has nothing readable after it, and may be no UTF-8: caches and cuts are for whole
    /// characters.
    #[inline(always)]
    fn piece<S: Simd>(&mut self, simd: S, piece: &[u8]) {
        if let Some(id) = self.whole(piece) {
            self.make_room(simd, 1);
            self.memory.queue_id(id);
        } else if simdutf8::basic::from_utf8(piece).is_err() {
            self.memory.drain(simd, self.encoding, self.ids);
            self.encoding.encode_piece(&mut self.memory.window, piece, self.ids);
        } else if piece.len() < 32 {
            self.segment(simd, piece, 0, piece.len());
        } else {
            self.outlined_long(simd, piece);
        }
    }

    /// A piece of any length that is no token but by merging. It is cut where no token crosses.
    #[inline(always)]
    fn long<S: Simd>(&mut self, simd: S, piece: &[u8]) {
        if piece.is_ascii() {
            self.memory.drain(simd, self.encoding, self.ids);
            if piece.iter().all(|&byte| byte == piece[0]) {
                return self.memory.merge_repeated(simd, self.encoding, piece, self.ids);
            }
            return self.memory.merge(simd, self.encoding, piece, self.ids);
        }
        if !piece.iter().any(|&byte| is_east_asian(byte)) {
            let encoding = self.encoding;
            return encoding.segmenter().for_each_segment(piece, |start, end| {
                self.segment(simd, piece, start, end);
            });
        }
        let mut at = 0;
        let mut watch = Watch::new();
        while at < piece.len() {
            let end = self.encoding.east_asian().segment_end(piece, at);
            if watch.stops(end - at) {
                return;
            }
            self.segment(simd, piece, at, end);
            at = end;
        }
    }

    /// [`Scan::long`], in a function of its own.
    #[inline(always)]
    fn outlined_long<S: Simd>(&mut self, simd: S, piece: &[u8]) {
        let scan = Scan { encoding: self.encoding, memory: self.memory, ids: self.ids };
        simd.outlined(LongPiece { scan, piece });
    }

    /// A part of a piece that no merge leaves.
    #[inline(always)]
    fn segment<S: Simd>(&mut self, simd: S, piece: &[u8], start: usize, end: usize) {
        let len = end - start;
        if len >= 32 {
            self.memory.drain(simd, self.encoding, self.ids);
            return self.memory.merge(simd, self.encoding, &piece[start..end], self.ids);
        }
        self.make_room(simd, 1);
        if start + SLACK <= piece.len() {
            self.memory.queue(piece, start, len);
        } else {
            let mut padded = [0; SLACK];
            padded[..len].copy_from_slice(&piece[start..end]);
            self.memory.queue(&padded, 0, len);
        }
    }

    /// Gives the ids of what waits.
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S) {
        self.memory.drain(simd, self.encoding, self.ids);
        self.memory.merge_missed(simd, self.encoding, self.ids);
    }
}

/// Encodes a text.
struct Text<'a> {
    scan: Scan<'a>,
    scanner: Scanner,
    pretokenizer: &'a Pretokenizer,
    text: &'a [u8],
}

impl Task for Text<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let (pretokenizer, text) = (self.pretokenizer, self.text);
        for_each_block(simd, pretokenizer, text, &mut self);
        self.scan.finish(simd);
    }
}

impl Blocks for Text<'_> {
    #[inline(always)]
    fn block<S: Simd>(&mut self, simd: S, text: &[u8], at: usize, len: usize, end: usize) -> usize {
        let Text { scan, scanner, .. } = self;
        let mut last = 0;
        if len > 3 {
            let starts = piece_starts(simd, *scanner, text, at, len);
            // The piece that begins last is not finished, and is scanned again with the next block.
            last = 63 - starts.mask.leading_zeros() as usize;
            let pieces = starts.mask & low_bits(last);
            let window: &[u8; BLOCK + SLACK] =
                text[at..at + BLOCK + SLACK].try_into().expect("readable");
            let plain = if scan.encoding.whole_pieces().is_some() {
                0
            } else if starts.east_asian == 0 {
                starts_after::<31>(starts.mask)
            } else {
                starts_after::<15>(starts.mask)
            };
            if pieces & !plain == 0 {
                scan.make_room(simd, pieces.count_ones() as usize);
                scan.memory.queue_all(window, pieces, starts.mask);
            } else {
                let mut rest = pieces;
                while rest != 0 {
                    let (start, next) = first_piece(rest, starts.mask);
                    rest &= rest - 1;
                    let inside = low_bits(next) & !low_bits(start);
                    let can_wait = plain >> start & 1 != 0
                        || next - start <= MAX_EAST_ASIAN
                        || next - start < 32 && starts.east_asian & inside == 0;
                    scan.one(simd, window, start, next, can_wait);
                }
            }
        }
        if last == 0 {
            let piece_end = (scanner.piece_end)(&text[..end], at);
            last = piece_end - at;
            scan.one(simd, text, at, piece_end, last < 32);
        }
        scan.memory.close(simd, scan.encoding, scan.ids);
        last
    }
}

/// Encodes a text whose pretokenizer has no scanner.
struct Pieces<'a> {
    scan: Scan<'a>,
    general: &'a General,
    text: &'a str,
    start: usize,
}

impl Task for Pieces<'_> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) -> Result<(), Error> {
        let Pieces { general, text, start, .. } = self;
        let done = general.pieces(text, start, &mut |piece| {
            self.scan.piece(simd, piece);
            Ok(())
        });
        self.scan.finish(simd);
        done
    }
}

/// See [`Scan::long`].
struct LongPiece<'a> {
    scan: Scan<'a>,
    piece: &'a [u8],
}

impl Task for LongPiece<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.scan.long(simd, self.piece);
    }
}

#[cfg(test)]
mod tests {
    use fasttok_testing::Random;

    use super::*;
    use crate::counter::tests::nasty_text;

    /// Long enough for the table to grow.
    #[test]
    fn encodes_as_the_plain_way_at_every_level() {
        for name in ["o200k_base", "cl100k_base", "r50k_base"] {
            let encoding = Encoding::embedded(name).unwrap();
            let mut random = Random::new(0x6A09_E667_F3BC_C908);
            let levels = Level::available().into_iter();
            let mut encoders: Vec<_> =
                levels.map(|level| Encoder::with_level(encoding.clone(), level)).collect();
            for _ in 0..1_000 {
                let text = nasty_text(&mut random);
                for special in [Special::Text, Special::Token] {
                    let mut plain = Vec::new();
                    encoding.encode(&text, special, &mut plain).unwrap();
                    for encoder in &mut encoders {
                        // The second time, pieces are known.
                        for _ in 0..2 {
                            let mut ids = Vec::new();
                            encoder.encode(&text, special, &mut ids).unwrap();
                            assert_eq!(ids, plain, "{name} {:?} {text:?}", encoder.level);
                        }
                    }
                }
            }
            for encoder in &encoders {
                assert!(encoder.memory.is_seeded());
            }
        }
    }
}

//! `Encoder`: text to ids, with what a worker remembers of the pieces that it has met.
//!
//! A short piece is looked up in a table of pieces and their ids, of which one line is read; what is not there is encoded
//! the plain way and put there. A long piece that is no token is cut where no token crosses, as in counting
//! ([`crate::bpe::east_asian`], [`crate::bpe::alphabetic_segments`]), and its segments are looked up.

use std::sync::Arc;

use fasttok_simd::{Level, Simd, Task, is_east_asian};

use crate::bpe::model::BpeModel;
use crate::bpe::windowed::{Window, merge};
use crate::encoding::Encoding;
use crate::interrupt::{self, Watch};
use crate::options::Special;
use crate::vocab::Vocab;
use crate::{Error, added::Part};

/// The longest piece that is remembered: its bytes and its length are a key of 16 bytes.
const MAX_LEN: usize = 15;
/// The most ids that are remembered of a piece.
const MAX_IDS: usize = 3;
/// The logarithm, to base 2, of the pieces that are remembered: of 32 bytes each, 2 MiB.
const LOG2_PIECES: u32 = 16;
/// The same before [`GROW_AFTER`] bytes of text: 32 KiB.
const FIRST_LOG2_PIECES: u32 = 10;
/// Bytes of text after which the table gets its size, which takes longer than a short text.
const GROW_AFTER: usize = 64 << 10;
/// In the length of a key: what is merged must not be taken for a token, as a whole piece is.
const SEGMENT: u8 = 0x80;

/// A worker's encoding state: scratch space and a table of a fixed size (32 KiB, and 2 MiB after 64 KiB of text). Made
/// once a worker, used for many texts.
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
        let memory = Memory {
            level,
            window: Box::new(Window::new()),
            pieces: vec![KnownPiece::default(); 1 << FIRST_LOG2_PIECES].into(),
            log2_pieces: FIRST_LOG2_PIECES,
            seen: 0,
        };
        Encoder { encoding, memory }
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
        let Encoder { encoding, memory } = self;
        if !encoding.merges_pieces() {
            return encoding.encode_in(&mut memory.window, text, special, ids);
        }
        memory.grow_for(text.len());
        encoding.for_each_part(text, special, &mut |part| {
            match part {
                Part::Token(id) => ids.push(id),
                Part::Text(text, start) => {
                    encoding.for_each_piece(text, start, &mut |text, start, end| {
                        memory.encode_piece(encoding, text, start, end, ids);
                    })?;
                }
            }
            interrupt::check()
        })
    }
}

/// A piece and its ids.
#[derive(Clone, Copy, Default)]
struct KnownPiece {
    /// Its bytes, and its length as the last byte; 0 where nothing is known.
    key: u128,
    ids: [u32; MAX_IDS],
    count: u32,
}

struct Memory {
    level: Level,
    window: Box<Window>,
    pieces: Box<[KnownPiece]>,
    log2_pieces: u32,
    /// Bytes of text so far, up to [`GROW_AFTER`] and the text that goes beyond it.
    seen: usize,
}

impl Memory {
    fn grow_for(&mut self, len: usize) {
        if self.log2_pieces == LOG2_PIECES {
            return;
        }
        self.seen += len;
        if self.seen > GROW_AFTER {
            self.log2_pieces = LOG2_PIECES;
            self.pieces = vec![KnownPiece::default(); 1 << LOG2_PIECES].into();
        }
    }

    /// The ids of the piece `text[start..end]`.
    #[inline(always)]
    fn encode_piece(
        &mut self,
        encoding: &Encoding,
        text: &[u8],
        start: usize,
        end: usize,
        ids: &mut Vec<u32>,
    ) {
        if end - start <= MAX_LEN {
            let known = self.look_up(text, start, end, 0);
            if let Err((at, key)) = push_known(known, ids) {
                let before = ids.len();
                let piece = &text[start..end];
                if encoding.lacks_a_byte_of(piece) {
                    encoding.encode_piece(&mut self.window, piece, ids);
                } else if let Some(id) = encoding.whole_piece(piece) {
                    ids.push(id);
                } else {
                    self.merge(encoding, piece, ids);
                }
                self.remember(at, key, &ids[before..]);
            }
        } else {
            self.encode_long(encoding, &text[start..end], ids);
        }
    }

    #[inline(never)]
    fn encode_long(&mut self, encoding: &Encoding, piece: &[u8], ids: &mut Vec<u32>) {
        if encoding.lacks_a_byte_of(piece) || std::str::from_utf8(piece).is_err() {
            return encoding.encode_piece(&mut self.window, piece, ids);
        }
        if let Some(id) = encoding.whole_piece(piece) {
            return ids.push(id);
        }
        if piece.is_ascii() {
            return self.merge(encoding, piece, ids);
        }
        if !piece.iter().any(|&byte| is_east_asian(byte)) {
            return encoding.segmenter().for_each_segment(piece, |start, end| {
                self.encode_segment(encoding, piece, start, end, ids);
            });
        }
        let mut at = 0;
        let mut watch = Watch::new();
        while at < piece.len() {
            let end = encoding.east_asian().segment_end(piece, at);
            if watch.stops(end - at) {
                return;
            }
            self.encode_segment(encoding, piece, at, end, ids);
            at = end;
        }
    }

    /// The ids of a part of a piece that no merge leaves.
    #[inline(always)]
    fn encode_segment(
        &mut self,
        encoding: &Encoding,
        piece: &[u8],
        start: usize,
        end: usize,
        ids: &mut Vec<u32>,
    ) {
        if end - start > MAX_LEN {
            return self.merge(encoding, &piece[start..end], ids);
        }
        let known = self.look_up(piece, start, end, SEGMENT);
        if let Err((at, key)) = push_known(known, ids) {
            let before = ids.len();
            self.merge(encoding, &piece[start..end], ids);
            self.remember(at, key, &ids[before..]);
        }
    }

    fn merge(&mut self, encoding: &Encoding, piece: &[u8], ids: &mut Vec<u32>) {
        let (pairs, vocab) = (encoding.pairs(), encoding.vocab());
        self.level.run(Merge { pairs, vocab, window: &mut self.window, piece, ids });
    }

    /// What is known of `text[start..end]`, which is not empty and at most [`MAX_LEN`] long, or where that belongs.
    #[inline(always)]
    fn look_up(
        &self,
        text: &[u8],
        start: usize,
        end: usize,
        kind: u8,
    ) -> Result<&KnownPiece, (usize, u128)> {
        let len = end - start;
        let bytes = match text[start..].first_chunk::<16>() {
            Some(&bytes) => bytes,
            None => {
                let mut bytes = [0; 16];
                bytes[..len].copy_from_slice(&text[start..end]);
                bytes
            }
        };
        let key = u128::from_le_bytes(bytes) & ((1 << (8 * len)) - 1);
        let key = key | u128::from(len as u8 | kind) << 120;
        let (low, high) = (key as u64, (key >> 64) as u64);
        let mixed =
            (low ^ high.wrapping_mul(0xA24B_AED4_963E_E407)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let at = ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
            >> (64 - self.log2_pieces)) as usize;
        let known = &self.pieces[at];
        if known.key == key { Ok(known) } else { Err((at, key)) }
    }

    #[inline(always)]
    fn remember(&mut self, at: usize, key: u128, ids: &[u32]) {
        if ids.len() <= MAX_IDS {
            let known = &mut self.pieces[at];
            known.key = key;
            known.count = ids.len() as u32;
            known.ids[..ids.len()].copy_from_slice(ids);
        }
    }
}

/// Appends the ids of a piece that is known.
#[inline(always)]
fn push_known<E>(known: Result<&KnownPiece, E>, ids: &mut Vec<u32>) -> Result<(), E> {
    let known = known?;
    // Always as many, since a copy of any number is a call.
    let len = ids.len() + known.count as usize;
    ids.extend_from_slice(&known.ids);
    ids.truncate(len);
    Ok(())
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
                            assert_eq!(ids, plain, "{name} {:?} {text:?}", encoder.memory.level);
                        }
                    }
                }
            }
            for encoder in &encoders {
                assert_eq!(encoder.memory.log2_pieces, LOG2_PIECES);
            }
        }
    }
}

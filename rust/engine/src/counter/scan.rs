//! One text by blocks of 64 bytes: where its pieces begin, and which way each of them is counted.
//!
//! A piece of up to 31 bytes goes to the caches' queues, East Asian characters to their tables, a longer piece is cut where
//! no token crosses or merged by itself. What is compiled for each level of instructions is a [`Task`].

use fasttok_simd::{Portable, Simd, Task, is_continuation, is_east_asian};

use super::caches::{Caches, WAITING};
use crate::Error;
use crate::bits::{first_piece, low_bits};
use crate::bpe::east_asian::{CHARACTERS, Segments};
use crate::bpe::windowed::merge;
use crate::encoding::Encoding;
use crate::interrupt::Watch;
use crate::pretokenize::block::{BLOCK, Blocks, SLACK, flood, for_each_block, piece_starts};
use crate::pretokenize::{Pretokenizer, Scanner, general::General};

/// One text being counted.
pub(super) struct Scan<'a> {
    pub(super) encoding: &'a Encoding,
    pub(super) caches: &'a mut Caches,
}

impl Scan<'_> {
    /// See [`Blocks::block`].
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
        let (mut last, mut cuts) = (0, 0);
        if len > 3 {
            let starts = piece_starts(simd, scanner, text, at, len);
            last = 63 - starts.mask.leading_zeros() as usize;
            cuts = starts.cuts;
            // The piece that begins last is not finished, and is scanned again with the next block.
            let mut rest = starts.mask & low_bits(last);
            let mut east_asian = east_asian_pieces(simd, starts.mask, starts.east_asian);
            // Unless it is an East Asian word that can be cut: it is counted as far as its characters
            // never merge with what follows, and the next block begins there. A piece that is whole a
            // token must not be cut.
            let open = starts.cuts != 0
                && starts.east_asian >> last != 0
                && self.encoding.whole_pieces().is_none();
            if open {
                east_asian |= u64::MAX << last;
            }
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
            let (of, is_ascii) = (rest & !east_asian, starts.chars == 0);
            let mut longer = self.caches.look_up_all(simd, window, of, starts.mask, is_ascii);
            while longer != 0 {
                let (start, next) = first_piece(longer, starts.mask);
                longer &= longer - 1;
                *total += self.outlined_long(simd, window, start, next);
            }
            if east_asian != 0 {
                let chars = starts.chars & east_asian;
                // A word that reaches the end of the text ends there.
                let goes_on = open && at + len < end;
                let (count, counted) = simd.outlined(Characters {
                    encoding: self.encoding,
                    caches: self.caches,
                    text,
                    at,
                    chars,
                    starts: starts.mask,
                    cuts: if goes_on { starts.cuts | 1 << last } else { 0 },
                });
                *total += count;
                if goes_on {
                    last = counted;
                } else if open {
                    last = len;
                }
            }
        }
        if last == 0 {
            // Where blocks are not of registers, one character after the other takes no longer.
            let piece_end = if cuts == 0 || S::ROWS_FROM > BLOCK as u32 {
                (scanner.piece_end)(&text[..end], at)
            } else {
                simd.outlined(PieceEnd { scanner, text: &text[..end], at, cuts })
            };
            last = piece_end - at;
            if self.is_whole(&text[at..piece_end]) {
                *total += 1;
            } else if last < 32 {
                self.caches.look_up(text, at, last);
            } else {
                *total += self.outlined_long(simd, text, at, piece_end);
            }
        }
        self.caches.drain(simd, self.encoding.pairs(), WAITING);
        last
    }

    /// Whether `piece` is one token although merging does not give it.
    #[inline(always)]
    fn is_whole(&self, piece: &[u8]) -> bool {
        self.encoding.whole_pieces().is_some_and(|whole| whole.contains(piece))
    }

    /// Counts a piece of any length that has nothing readable after it, and may be no UTF-8: caches and
    /// cuts are for whole characters.
    #[inline(always)]
    fn piece<S: Simd>(&mut self, simd: S, piece: &[u8]) -> u64 {
        if self.is_whole(piece) {
            1
        } else if simdutf8::basic::from_utf8(piece).is_err() {
            let (pairs, vocab) = (self.encoding.pairs(), self.encoding.vocab());
            let mut total = 0;
            merge(Portable, pairs, vocab, &mut self.caches.window, piece, |tokens| {
                total += tokens.len() as u64;
            });
            total
        } else if piece.len() < 32 {
            self.segment(simd, piece, 0, piece.len())
        } else {
            self.outlined_long(simd, piece, 0, piece.len())
        }
    }

    /// Counts a piece of more than 31 bytes, from `from` to `to` in `text`.
    #[inline(always)]
    fn long<S: Simd>(&mut self, simd: S, text: &[u8], from: usize, to: usize) -> u64 {
        let piece = &text[from..to];
        if piece.is_ascii() {
            if piece.iter().all(|&b| b == piece[0]) {
                return self.caches.count_repeated(simd, self.encoding, piece);
            }
            return self.caches.merge_long(simd, self.encoding, piece);
        }
        // All of it, with no branch on any.
        let mut east_asian = false;
        for &byte in piece {
            east_asian |= is_east_asian(byte);
        }
        if east_asian {
            return self.long_east_asian(simd, piece);
        }
        let mut total = 0;
        self.encoding.segmenter().for_each_segment(piece, |start, end| {
            total += self.segment(simd, text, from + start, from + end);
        });
        total
    }

    /// [`Scan::long`], in a function of its own.
    #[inline(always)]
    pub(super) fn outlined_long<S: Simd>(
        &mut self,
        simd: S,
        text: &[u8],
        from: usize,
        to: usize,
    ) -> u64 {
        let scan = Scan { encoding: self.encoding, caches: self.caches };
        simd.outlined(LongPiece { scan, text, from, to })
    }

    /// Counts a segment of a piece of `text`, now or with its queue.
    #[inline(always)]
    fn segment<S: Simd>(&mut self, simd: S, text: &[u8], start: usize, end: usize) -> u64 {
        let len = end - start;
        if len >= 32 {
            return self.caches.count_long(simd, self.encoding, &text[start..end]);
        }
        if start + SLACK <= text.len() {
            self.caches.look_up(text, start, len);
        } else {
            let mut padded = [0; SLACK];
            padded[..len].copy_from_slice(&text[start..end]);
            self.caches.look_up(&padded, 0, len);
        }
        self.caches.outlined_drain(simd, self.encoding.pairs(), WAITING);
        0
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
            while on && is_continuation(piece[at + len]) {
                len -= 1;
            }
            let mut block = [0; BLOCK + SLACK];
            block[..len].copy_from_slice(&piece[at..at + len]);
            let chars = !simd.continuation(block[..BLOCK].try_into().expect("64 bytes"));
            let (count, counted) = simd.outlined(Characters {
                encoding: self.encoding,
                caches: self.caches,
                text: &block,
                at: 0,
                chars: chars & low_bits(len),
                starts: 1,
                cuts: if on { u64::MAX } else { 0 },
            });
            total += count;
            if !on {
                break;
            }
            at += counted;
            if counted == 0 {
                let end = self.encoding.east_asian().segment_end(piece, at);
                total += self.segment(simd, piece, at, end);
                at = end;
            }
            self.caches.drain(simd, self.encoding.pairs(), WAITING);
        }
        total
    }
}

/// The bytes of the pieces, of those that begin at the bits of `starts` but the last, that hold a bit of
/// `east_asian`.
#[inline(always)]
fn east_asian_pieces<S: Simd>(simd: S, starts: u64, east_asian: u64) -> u64 {
    if east_asian == 0 {
        return 0;
    }
    let ends = (starts & (starts - 1)) >> 1;
    // After such a bit up to the end of its piece; into the next one only if that begins with one.
    let reached = flood(east_asian, !starts | east_asian) & ends;
    let begun = simd.starts_of(reached, ends, starts);
    (reached << 1).wrapping_sub(begun)
}

/// Counts a text.
pub(super) struct Text<'a> {
    pub(super) scan: Scan<'a>,
    pub(super) scanner: Scanner,
    pub(super) pretokenizer: &'a Pretokenizer,
    pub(super) text: &'a [u8],
}

impl Task for Text<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> u64 {
        let Text { scan, scanner, pretokenizer, text } = self;
        let mut counted = Counted { scan, scanner, total: 0 };
        if for_each_block(simd, pretokenizer, text, &mut counted) { counted.total } else { 0 }
    }
}

/// The tokens of a text, as far as it has been scanned.
struct Counted<'a> {
    scan: Scan<'a>,
    scanner: Scanner,
    total: u64,
}

impl Blocks for Counted<'_> {
    #[inline(always)]
    fn block<S: Simd>(&mut self, simd: S, text: &[u8], at: usize, len: usize, end: usize) -> usize {
        self.scan.block(simd, self.scanner, text, at, len, end, &mut self.total)
    }
}

/// Counts a text whose pretokenizer has no scanner.
pub(super) struct Pieces<'a> {
    pub(super) scan: Scan<'a>,
    pub(super) general: &'a General,
    pub(super) text: &'a str,
    pub(super) start: usize,
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
        done.map(|()| total)
    }
}

/// See [`Scan::long`].
struct LongPiece<'a> {
    scan: Scan<'a>,
    text: &'a [u8],
    from: usize,
    to: usize,
}

impl Task for LongPiece<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) -> u64 {
        self.scan.long(simd, self.text, self.from, self.to)
    }
}

/// Finds the end of the piece at `at`, which reaches the end of its block and may be cut at the bits of `cuts`: block by block,
/// each from the last cut of the one before. May be interrupted: then any boundary between its characters.
struct PieceEnd<'a> {
    scanner: Scanner,
    text: &'a [u8],
    at: usize,
    cuts: u64,
}

impl Task for PieceEnd<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> usize {
        let PieceEnd { scanner, text, mut at, mut cuts } = self;
        let mut watch = Watch::new();
        while cuts != 0 {
            let len = 63 - cuts.leading_zeros() as usize;
            at += len;
            if watch.stops(len) {
                return at;
            }
            if at + BLOCK + SLACK > text.len() {
                break;
            }
            let starts = piece_starts(simd, scanner, text, at, BLOCK);
            let next = starts.mask & !1;
            if next != 0 {
                return at + next.trailing_zeros() as usize;
            }
            cuts = starts.cuts;
        }
        (scanner.piece_end)(text, at)
    }
}

/// Counts East Asian characters of a block: see `EastAsian::count`.
pub(super) struct Characters<'a> {
    pub(super) encoding: &'a Encoding,
    pub(super) caches: &'a mut Caches,
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) chars: u64,
    pub(super) starts: u64,
    pub(super) cuts: u64,
}

impl Task for Characters<'_> {
    type Output = (u64, usize);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (u64, usize) {
        let Characters { encoding, caches, text, at, chars, starts, cuts } = self;
        let mut segments = InCaches { simd, encoding, caches, text };
        encoding.east_asian().count(simd, text, at, chars, starts, cuts, &mut segments)
    }
}

/// Counts segments of East Asian characters.
struct InCaches<'a, S> {
    simd: S,
    encoding: &'a Encoding,
    caches: &'a mut Caches,
    text: &'a [u8],
}

impl<S: Simd> Segments for InCaches<'_, S> {
    #[inline(always)]
    fn few(&mut self, characters: &[u16; CHARACTERS], first: u64, on: u64) {
        self.caches.look_up_characters(characters, first, on);
    }

    #[inline(always)]
    fn any(&mut self, start: usize, len: usize) -> u64 {
        if len < 32 {
            self.caches.look_up(self.text, start, len);
            return 0;
        }
        self.caches.count_long(self.simd, self.encoding, &self.text[start..start + len])
    }
}

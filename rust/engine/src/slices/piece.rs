//! The counts of all prefixes, or of all suffixes, of one long piece.
//!
//! A sequence of tokens is what merging gives if and only if each two neighbours stay apart when merged by themselves (see
//! [`crate::bpe::windowed`]). So what merging gives of a prefix ends with the one token before which the
//! shorter prefix's last token stays apart, and all prefixes take one step each; suffixes are the same thing in a mirror.
//! Knows one piece and no text.

use fasttok_simd::Portable;
use hashbrown::HashMap;

use crate::Error;
use crate::bpe::windowed::{Window, stay_apart};
use crate::encoding::Encoding;
use crate::interrupt::Watch;

/// The side of a piece that its parts have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Prefixes.
    Begin,
    /// Suffixes.
    End,
}

/// Which tokens stay apart when merged by themselves, as far as it was asked for.
pub(super) struct Neighbours {
    apart: HashMap<(u32, u32), bool, foldhash::fast::FixedState>,
    window: Option<Box<Window>>,
}

impl Neighbours {
    pub fn new() -> Neighbours {
        Neighbours { apart: HashMap::default(), window: None }
    }

    fn stay_apart(&mut self, encoding: &Encoding, left: u32, right: u32) -> bool {
        let window = self.window.get_or_insert_with(|| Box::new(Window::new()));
        *self.apart.entry((left, right)).or_insert_with(|| {
            stay_apart(Portable, encoding.pairs(), encoding.vocab(), window, left, right)
        })
    }
}

/// The tokens of the prefixes, or the suffixes, of a piece that may grow.
pub(super) struct PieceCounts {
    side: Side,
    /// The number of the token at the far end of each, by its bytes; of the empty one, anything.
    far: Vec<u32>,
    /// How many tokens each has.
    counts: Vec<u64>,
}

impl PieceCounts {
    pub fn new(side: Side) -> PieceCounts {
        PieceCounts { side, far: vec![0], counts: vec![0] }
    }

    /// Bytes of the longest one that is known.
    pub fn len(&self) -> usize {
        self.counts.len() - 1
    }

    /// Tokens of the one of `len` bytes.
    pub fn count(&self, len: usize) -> u64 {
        self.counts[len]
    }

    /// Learns of all of `piece`, of which the shorter ones may be known; false where one has no tokens.
    /// Ends early, with what is known by then, where `most` is less than the tokens of every longer one.
    pub fn extend(
        &mut self,
        encoding: &Encoding,
        neighbours: &mut Neighbours,
        piece: &[u8],
        most: u64,
    ) -> Result<bool, Error> {
        let longest = encoding.longest_token();
        let mut watch = Watch::new();
        // In a row that have more tokens than `most`.
        let mut over = 0;
        while self.len() < piece.len() && over <= longest {
            let len = self.len() + 1;
            let part = match self.side {
                Side::Begin => &piece[..len],
                Side::End => &piece[piece.len() - len..],
            };
            let Some((number, count)) = self.far_token(encoding, neighbours, part, longest) else {
                return Ok(false);
            };
            self.far.push(number);
            self.counts.push(count);
            over = if count > most { over + 1 } else { 0 };
            watch.go_on(16)?;
        }
        Ok(true)
    }

    fn far_token(
        &self,
        encoding: &Encoding,
        neighbours: &mut Neighbours,
        part: &[u8],
        longest: usize,
    ) -> Option<(u32, u64)> {
        let (len, most) = (part.len(), longest.min(part.len()));
        // In a run the far token grows by a byte, or begins anew.
        let grown = encoding.vocab().token(self.far[len - 1]).len() + 1;
        let first = std::iter::once(grown).filter(|&own| own <= most && len > 1);
        first.chain(1..=most).find_map(|own| {
            let rest = len - own;
            let token = match self.side {
                Side::Begin => &part[rest..],
                Side::End => &part[..own],
            };
            let number = encoding.vocab().find(token)?;
            let fits = encoding.is_merged(number)
                && (rest == 0 || {
                    let next = self.far[rest];
                    match self.side {
                        Side::Begin => neighbours.stay_apart(encoding, next, number),
                        Side::End => neighbours.stay_apart(encoding, number, next),
                    }
                });
            fits.then(|| (number, self.counts[rest] + 1))
        })
    }
}

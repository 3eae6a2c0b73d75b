//! The counts of all prefixes of one long piece.
//!
//! A sequence of tokens is what merging gives if and only if each two neighbours stay apart when merged by themselves (see
//! [`crate::bpe::windowed`]). So what merging gives of a prefix ends with the one token before which the
//! shorter prefix's last token stays apart, and all prefixes take one step each. Knows one piece and no text.

use std::collections::HashMap;

use fasttok_simd::Portable;

use crate::Error;
use crate::bpe::windowed::{Window, stay_apart};
use crate::encoding::Encoding;
use crate::interrupt::Watch;

/// The tokens of the prefixes of a piece that may grow.
pub(super) struct PiecePrefixes {
    /// The number of the last token of each prefix, by its bytes; of the empty one, anything.
    last: Vec<u32>,
    /// How many tokens each prefix has.
    counts: Vec<u64>,
    apart: HashMap<(u32, u32), bool>,
    window: Box<Window>,
}

impl PiecePrefixes {
    pub fn new() -> PiecePrefixes {
        PiecePrefixes {
            last: vec![0],
            counts: vec![0],
            apart: HashMap::new(),
            window: Box::new(Window::new()),
        }
    }

    /// Bytes of the longest prefix that is known.
    pub fn len(&self) -> usize {
        self.counts.len() - 1
    }

    /// Tokens of the first `len` bytes.
    pub fn count(&self, len: usize) -> u64 {
        self.counts[len]
    }

    /// Learns of all prefixes of `piece`, of which the shorter ones may be known; false where a prefix has no tokens.
    /// Ends early, with what is known by then, where `most` is less than the tokens of every longer prefix.
    pub fn extend(&mut self, encoding: &Encoding, piece: &[u8], most: u64) -> Result<bool, Error> {
        let longest = encoding.longest_token();
        let mut watch = Watch::new();
        // Prefixes in a row that have more tokens than `most`.
        let mut over = 0;
        while self.len() < piece.len() && over <= longest {
            let end = self.len() + 1;
            let Some((number, count)) = self.last_token(encoding, &piece[..end], longest) else {
                return Ok(false);
            };
            self.last.push(number);
            self.counts.push(count);
            over = if count > most { over + 1 } else { 0 };
            watch.go_on(16)?;
        }
        Ok(true)
    }

    fn last_token(
        &mut self,
        encoding: &Encoding,
        prefix: &[u8],
        longest: usize,
    ) -> Option<(u32, u64)> {
        let (end, most) = (prefix.len(), longest.min(prefix.len()));
        // In a run the last token grows by a byte, or begins anew.
        let grown = encoding.vocab().token(self.last[end - 1]).len() + 1;
        let first = std::iter::once(grown).filter(|&len| len <= most && end > 1);
        first.chain(1..=most).find_map(|len| {
            let number = encoding.vocab().find(&prefix[end - len..])?;
            let before = end - len;
            let fits = encoding.is_merged(number)
                && (before == 0 || self.stay_apart(encoding, self.last[before], number));
            fits.then(|| (number, self.counts[before] + 1))
        })
    }

    fn stay_apart(&mut self, encoding: &Encoding, left: u32, right: u32) -> bool {
        let window = &mut self.window;
        *self.apart.entry((left, right)).or_insert_with(|| {
            stay_apart(Portable, encoding.pairs(), encoding.vocab(), window, left, right)
        })
    }
}

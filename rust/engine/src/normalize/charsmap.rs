//! sentencepiece's compiled replacement rules (`precompiled_charsmap`): a double-array trie of what is
//! replaced, whose values are offsets into the replacements.
//!
//! sentencepiece itself and HF `tokenizers` read the same rules differently; both ways are here.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use super::{Growth, damaged};
use crate::Error;
use crate::interrupt::Watch;

pub(crate) struct Charsmap {
    units: Vec<u32>,
    /// Each ends with NUL.
    replacements: String,
    /// Whether a rule may begin with this byte.
    first: [bool; 256],
}

impl Charsmap {
    /// Reads the number of bytes of the trie, the trie, and the replacements.
    pub fn new(data: &[u8]) -> Result<Charsmap, Error> {
        let damaged = |what: &str| damaged(format!("precompiled_charsmap: {what}"));
        let (len, rest) = data.split_first_chunk::<4>().ok_or_else(|| damaged("too short"))?;
        let len = u32::from_le_bytes(*len) as usize;
        if len > rest.len() || !len.is_multiple_of(4) || len == 0 {
            return Err(damaged("the trie has a wrong length"));
        }
        let (trie, replacements) = rest.split_at(len);
        let units = trie
            .chunks_exact(4)
            .map(|unit| u32::from_le_bytes(unit.try_into().expect("four bytes")))
            .collect();
        let replacements = String::from_utf8(replacements.to_vec())
            .map_err(|_| damaged("the replacements are not UTF-8"))?;
        let mut map = Charsmap { units, replacements, first: [false; 256] };
        for byte in 1..=255u8 {
            map.first[usize::from(byte)] = map.step(map.root(), byte).is_some();
        }
        Ok(map)
    }

    fn unit(&self, at: usize) -> Option<u32> {
        self.units.get(at).copied()
    }

    fn root(&self) -> usize {
        offset(self.units[0])
    }

    /// The node behind `node` by `byte` and its unit.
    fn step(&self, node: usize, byte: u8) -> Option<(usize, u32)> {
        let node = node ^ usize::from(byte);
        let unit = self.unit(node)?;
        (unit & (1 << 31 | 0xFF) == u32::from(byte)).then_some((node ^ offset(unit), unit))
    }

    /// The rules that begin `text`: how much each replaces and by what, the shortest first.
    fn rules<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, &'a str)> {
        let mut node = self.root();
        let mut bytes = text.iter().enumerate();
        std::iter::from_fn(move || {
            loop {
                let (at, &byte) = bytes.next()?;
                let (next, unit) = if byte == 0 { None } else { self.step(node, byte) }?;
                node = next;
                if unit >> 8 & 1 == 1 {
                    let value = self.unit(node)? & (u32::MAX >> 1);
                    // A rule that points nowhere replaces by nothing.
                    let rest = self.replacements.get(value as usize..).unwrap_or("");
                    return Some((at + 1, rest.split('\0').next().unwrap_or("")));
                }
            }
        })
    }

    /// The longest rule that begins `text`: sentencepiece's way.
    pub fn longest<'a>(&'a self, text: &'a [u8]) -> Option<(usize, &'a str)> {
        if !self.first[usize::from(*text.first()?)] {
            return None;
        }
        self.rules(text).last()
    }

    /// HF's way: the shortest rule that begins a grapheme of less than six bytes replaces all of it, else
    /// the shortest that begins a character replaces that.
    pub fn normalize_graphemes<'a>(
        &self,
        text: &'a str,
        growth: Growth,
    ) -> Result<Cow<'a, str>, Error> {
        if !text.bytes().any(|byte| self.first[usize::from(byte)]) {
            return Ok(Cow::Borrowed(text));
        }
        let shortest = |part: &str| {
            let first = *part.as_bytes().first()?;
            if !self.first[usize::from(first)] {
                return None;
            }
            self.rules(part.as_bytes()).next().map(|(_, replacement)| replacement.to_owned())
        };
        let mut out = String::with_capacity(text.len());
        let mut watch = Watch::new();
        for grapheme in text.graphemes(true) {
            watch.go_on(grapheme.len())?;
            growth.check(out.len())?;
            if grapheme.len() < 6
                && let Some(replacement) = shortest(grapheme)
            {
                out.push_str(&replacement);
                continue;
            }
            let mut buffer = [0; 4];
            for c in grapheme.chars() {
                match shortest(c.encode_utf8(&mut buffer)) {
                    Some(replacement) => out.push_str(&replacement),
                    None => out.push(c),
                }
            }
        }
        Ok(Cow::Owned(out))
    }
}

fn offset(unit: u32) -> usize {
    ((unit >> 10) << ((unit & 1 << 9) >> 6)) as usize
}

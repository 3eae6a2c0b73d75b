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

    /// The node after `node` by `byte` and its unit.
    fn step(&self, node: usize, byte: u8) -> Option<(usize, u32)> {
        let node = node ^ usize::from(byte);
        let unit = self.unit(node)?;
        (unit & (1 << 31 | 0xFF) == u32::from(byte)).then_some((node ^ offset(unit), unit))
    }

    /// The rules that begin `text`: how much each replaces and by what, the shortest first.
    fn rules<'a>(&'a self, text: &[u8]) -> impl Iterator<Item = (usize, &'a str)> {
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
        if !self.may_change(text) {
            return Ok(Cow::Borrowed(text));
        }
        let mut out = String::with_capacity(text.len());
        self.for_each_part(text, &mut |_, new| {
            out.push_str(new);
            growth.check(out.len())
        })?;
        Ok(Cow::Owned(out))
    }

    /// The characters that [`Charsmap::normalize_graphemes`] gives, each with what HF's offsets take for its change: 1
    /// where it is added, else the number of characters after the one it replaces that are gone, negative. `None` where
    /// no rule is followed.
    pub fn changes(&self, text: &str) -> Result<Option<Vec<(char, isize)>>, Error> {
        let mut all: Vec<(char, isize)> = Vec::new();
        let mut follows = false;
        if self.may_change(text) {
            self.for_each_part(text, &mut |old, new| {
                all.extend(new.chars().map(|c| (c, 0)));
                // A rule that replaces a text by itself changes nothing, but is one.
                follows |= self.shortest(old).is_some();
                let more = new.chars().count() as isize - old.chars().count() as isize;
                if more > 0 {
                    all.iter_mut().rev().take(more as usize).for_each(|(_, change)| *change = 1);
                } else if let Some((_, change)) = all.last_mut() {
                    // Of what is gone at the beginning nobody knows.
                    *change += more;
                }
                Ok(())
            })?;
        }
        Ok(follows.then_some(all))
    }

    /// Whether a rule may begin somewhere in `text`.
    fn may_change(&self, text: &str) -> bool {
        text.bytes().any(|byte| self.first[usize::from(byte)])
    }

    /// By what the shortest rule that begins `part` replaces it.
    fn shortest<'a>(&'a self, part: &str) -> Option<&'a str> {
        let first = *part.as_bytes().first()?;
        if !self.first[usize::from(first)] {
            return None;
        }
        self.rules(part.as_bytes()).next().map(|(_, replacement)| replacement)
    }

    /// Gives what is replaced at once, a grapheme or a character, and what replaces it, to `then`.
    fn for_each_part(
        &self,
        text: &str,
        then: &mut dyn FnMut(&str, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut watch = Watch::new();
        for grapheme in text.graphemes(true) {
            watch.go_on(grapheme.len())?;
            if grapheme.len() < 6
                && let Some(replacement) = self.shortest(grapheme)
            {
                then(grapheme, replacement)?;
                continue;
            }
            for (at, c) in grapheme.char_indices() {
                let c = &grapheme[at..at + c.len_utf8()];
                then(c, self.shortest(c).unwrap_or(c))?;
            }
        }
        Ok(())
    }
}

fn offset(unit: u32) -> usize {
    ((unit >> 10) << ((unit & 1 << 9) >> 6)) as usize
}

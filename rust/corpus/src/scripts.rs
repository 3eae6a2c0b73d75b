//! How many characters of a text belong to which script.
//!
//! Unicode gives each character a Script, and to those that several scripts share (Common, Inherited) sometimes
//! the set of these scripts (Script_Extensions). A character with a script of its own is counted for it. A shared
//! one whose set has one script is counted for that; one whose set has several, for the one of them that has most
//! characters of its own in the same document, and where the document has none of them, or there is no set, as Common
//! (Zyyy) or Inherited (Zinh). So the histogram of a document is exact, needs no order, and adds up from parts.

include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

const CLASSES: usize = SCRIPTS.len() + SHARED.len();
/// The classes, filled up so that an index can be cut to size instead of checked. So are the tables.
const COUNTERS: usize = CLASSES.next_power_of_two();

/// Text is counted this many bytes at a time.
const CHUNK: usize = 64;
/// A chunk, and what a character that begins in it can have behind it.
const WINDOW: usize = CHUNK + 3;

/// Characters by class: numbers of classes with their counts, sorted, none of them zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scripts(Vec<(u16, u64)>);

impl Scripts {
    /// The scripts by name (ISO 15924) and their characters, none of them zero, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|&(class, chars)| (SCRIPTS[usize::from(class)], chars))
    }

    /// All characters.
    pub fn chars(&self) -> u64 {
        self.0.iter().map(|&(_, chars)| chars).sum()
    }

    /// Adds the characters of `other`.
    pub fn add(&mut self, other: &Scripts) {
        for &(class, chars) in &other.0 {
            self.add_to(class, chars);
        }
    }

    fn add_to(&mut self, class: u16, chars: u64) {
        match self.0.binary_search_by_key(&class, |&(c, _)| c) {
            Ok(i) => self.0[i].1 += chars,
            Err(i) => self.0.insert(i, (class, chars)),
        }
    }

    fn get(&self, class: u16) -> u64 {
        self.0.binary_search_by_key(&class, |&(c, _)| c).map_or(0, |i| self.0[i].1)
    }

    /// Counts the characters of a whole document that several scripts share for one of them.
    pub(crate) fn resolve(&mut self) {
        let shared = self.0.partition_point(|&(class, _)| usize::from(class) < SCRIPTS.len());
        if shared == self.0.len() {
            return;
        }
        let resolved: Vec<_> = self.0[shared..]
            .iter()
            .map(|&(class, chars)| {
                let (scripts, script) = SHARED[usize::from(class) - SCRIPTS.len()];
                // The first of those that have most.
                let most = scripts.iter().rev().max_by_key(|&&s| self.get(s));
                (most.copied().filter(|&s| self.get(s) > 0).unwrap_or(script), chars)
            })
            .collect();
        self.0.truncate(shared);
        for (script, chars) in resolved {
            self.add_to(script, chars);
        }
    }

    /// Whether more than a tenth of the characters that belong to a script belong to another writing system than
    /// the first. Han with kana, with hangul and with bopomofo are one writing system each.
    pub(crate) fn is_mixed(&self) -> bool {
        let own = self.0.iter().filter(|&&(class, _)| !matches!(class, ZYYY | ZINH | ZZZZ));
        let (mut total, mut most) = (0, 0);
        for &(_, chars) in own {
            total += chars;
            most = most.max(chars);
        }
        if most == total {
            return false;
        }
        let sum = |scripts: &[u16]| scripts.iter().map(|&s| self.get(s)).sum::<u64>();
        most = most.max(sum(&[HANI, HIRA, KANA])).max(sum(&[HANI, HANG])).max(sum(&[HANI, BOPO]));
        10 * (total - most) > total
    }
}

/// The scripts of documents, summed.
pub fn scripts_of<'a>(documents: impl IntoIterator<Item = &'a str>) -> Scripts {
    let mut counter = ScriptCounter::new();
    let mut sums = Scripts::default();
    for document in documents {
        let mut scripts = counter.count(document);
        scripts.resolve();
        sums.add(&scripts);
    }
    sums
}

/// Counts characters by class. Scratch space of a worker.
pub(crate) struct ScriptCounter {
    /// Two of each, so that a character need not wait for the sum of the one before.
    counts: [[u32; COUNTERS]; 2],
}

impl ScriptCounter {
    pub fn new() -> ScriptCounter {
        ScriptCounter { counts: [[0; COUNTERS]; 2] }
    }

    /// The characters of `text`, which may be part of a document: not resolved yet.
    pub fn count(&mut self, text: &str) -> Scripts {
        let mut sums = Scripts::default();
        // A counter holds what fits into 32 bits.
        for bytes in split(text, 1 << 30) {
            self.count_bytes(bytes);
            for class in 0..COUNTERS {
                let [even, odd] = &mut self.counts;
                let chars = even[class] + odd[class];
                if chars > 0 {
                    sums.add_to(class as u16, chars.into());
                    (even[class], odd[class]) = (0, 0);
                }
            }
        }
        sums
    }

    fn count_bytes(&mut self, bytes: &[u8]) {
        let (mut ascii, mut letters) = (0, 0);
        let mut at = 0;
        while at < bytes.len() {
            let mut rest = [CONTINUATION; WINDOW];
            let window = bytes[at..].first_chunk().unwrap_or_else(|| {
                rest[..bytes.len() - at].copy_from_slice(&bytes[at..]);
                &rest
            });
            let chunk = window.first_chunk().expect("a window is longer");
            let (chunk_ascii, chunk_letters) = count_ascii(chunk);
            ascii += u32::from(chunk_ascii);
            letters += u32::from(chunk_letters);
            if usize::from(chunk_ascii) < CHUNK {
                let mut leads = lead_bytes(chunk);
                while leads != 0 {
                    self.count_char(window, leads.trailing_zeros() as usize % CHUNK);
                    leads &= leads - 1;
                }
            }
            at += CHUNK;
        }
        self.counts[0][usize::from(LATN)] += letters;
        self.counts[0][usize::from(ZYYY)] += ascii - letters;
    }

    /// Counts the character of more than one byte that begins at `at`, below `CHUNK`. No index needs a check.
    #[inline(always)]
    fn count_char(&mut self, window: &[u8; WINDOW], at: usize) {
        let low = |i: usize| usize::from(window[at + i] & 0x3F);
        let lead = usize::from(window[at]);
        let class = if lead < 0xE0 {
            TWO_BYTES[(lead & 0x1F) << 6 | low(1)]
        } else {
            let (block, last) = match lead < 0xF0 {
                true => ((lead & 0x0F) << 6 | low(1), low(2)),
                false => ((lead & 0x07) << 12 | low(1) << 6 | low(2), low(3)),
            };
            BLOCKS[usize::from(INDEX[block]) % BLOCKS.len()][last]
        };
        self.counts[at >> 1 & 1][usize::from(class) % COUNTERS] += 1;
    }
}

/// A byte that begins no character.
const CONTINUATION: u8 = 0x80;

/// How many of the bytes are ASCII, and how many of these are letters, all of which are Latin. The others are Common.
fn count_ascii(chunk: &[u8; CHUNK]) -> (u8, u8) {
    let (mut ascii, mut letters) = (0, 0);
    for &byte in chunk {
        ascii += u8::from(byte < 0x80);
        letters += u8::from((byte | 0x20).wrapping_sub(b'a') < 26);
    }
    (ascii, letters)
}

/// Which bytes begin a character of more than one byte, a bit each.
fn lead_bytes(chunk: &[u8; CHUNK]) -> u64 {
    let mut leads = 0;
    for (i, eight) in chunk.as_chunks().0.iter().enumerate() {
        let word = u64::from_le_bytes(*eight);
        // The highest bit of each byte whose two highest are set; the product brings them side by side.
        let high = (word & word << 1) >> 7 & 0x0101_0101_0101_0101;
        leads |= (high.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
    }
    leads
}

/// Cuts `text` into parts of no more than `most` bytes and three more, between characters.
fn split(text: &str, most: usize) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let from = at;
        at = text.len().min(at + most);
        while !text.is_char_boundary(at) {
            at += 1;
        }
        (from < at).then(|| &text.as_bytes()[from..at])
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use unicode_script::{Script, UnicodeScript};

    use super::*;
    use crate::tests::Random;

    /// The definition, character by character.
    fn plain(text: &str) -> BTreeMap<&'static str, u64> {
        let mut own: BTreeMap<&str, u64> = BTreeMap::new();
        for c in text.chars() {
            *own.entry(c.script().short_name()).or_default() += 1;
        }
        let mut counts = BTreeMap::new();
        for c in text.chars() {
            let script = c.script();
            let extension = c.script_extension();
            let is_shared = matches!(script, Script::Common | Script::Inherited)
                && !extension.is_common()
                && !extension.is_inherited();
            let mut chosen = script;
            if is_shared {
                let scripts: Vec<_> = extension.iter().collect();
                let of = |s: &Script| own.get(s.short_name()).copied().unwrap_or(0);
                let most = scripts.iter().map(of).max().unwrap();
                if scripts.len() == 1 {
                    chosen = scripts[0];
                } else if most > 0 {
                    chosen = *scripts.iter().find(|s| of(s) == most).unwrap();
                }
            }
            *counts.entry(chosen.short_name()).or_default() += 1;
        }
        counts
    }

    fn fast(text: &str) -> BTreeMap<&'static str, u64> {
        let mut scripts = ScriptCounter::new().count(text);
        scripts.resolve();
        scripts.iter().collect()
    }

    #[test]
    fn every_character() {
        let mut counter = ScriptCounter::new();
        let mut text = String::new();
        for c in '\0'..=char::MAX {
            text.clear();
            text.push(c);
            let mut scripts = counter.count(&text);
            scripts.resolve();
            let expected: Vec<_> = plain(&text).into_iter().collect();
            assert_eq!(scripts.iter().collect::<Vec<_>>(), expected, "{c:?}");
        }
    }

    #[test]
    fn random_texts_of_a_few_scripts() {
        let alphabets: [&[char]; 7] = [
            &['a', 'Z', ' ', '1', '\n', '~'],
            &['é', 'ß', '·', '\u{301}', '\u{485}'],
            &['ж', 'Я', '\u{483}', '\u{2E43}'],
            &['中', '、', '。', 'ー', 'か', 'カ', '한', 'ㄅ', '「', '\u{3031}'],
            &['न', '।', '\u{951}', 'ব', '\u{1CF2}'],
            &['ا', '،', '\u{64B}', '٠', 'ـ'],
            &['😀', '𠀀', '\u{10FFFF}', '\u{E000}', '\u{200D}', '𐄀'],
        ];
        let mut random = Random(5);
        for _ in 0..2_000 {
            let mut text = String::new();
            for _ in 0..random.below(8) {
                let alphabet = alphabets[random.below(alphabets.len())];
                for _ in 0..random.below(100) {
                    text.push(alphabet[random.below(alphabet.len())]);
                }
            }
            assert_eq!(fast(&text), plain(&text), "{text:?}");
            // Parts add up.
            let mut counter = ScriptCounter::new();
            let mut sum = Scripts::default();
            for part in split(&text, 1 + random.below(30)) {
                sum.add(&counter.count(std::str::from_utf8(part).unwrap()));
            }
            assert_eq!(sum.chars(), text.chars().count() as u64);
            sum.resolve();
            assert_eq!(sum.iter().collect::<BTreeMap<_, _>>(), plain(&text));
        }
    }

    #[test]
    fn shared_characters_follow_the_document() {
        assert_eq!(fast("か、"), [("Hira", 2)].into());
        assert_eq!(fast("中、"), [("Hani", 2)].into());
        assert_eq!(fast("a、"), [("Latn", 1), ("Zyyy", 1)].into());
        assert_eq!(fast("न।"), [("Deva", 2)].into());
        assert_eq!(fast("a b\u{20DD}"), [("Latn", 2), ("Zinh", 1), ("Zyyy", 1)].into());
    }

    #[test]
    fn mixed_is_more_than_a_tenth_of_another_writing_system() {
        let mixed = |text: &str| {
            let mut scripts = ScriptCounter::new().count(text);
            scripts.resolve();
            scripts.is_mixed()
        };
        assert!(!mixed(""));
        assert!(!mixed("... 123"));
        assert!(!mixed("abc, def"));
        assert!(!mixed("日本語とカタカナ"));
        assert!(!mixed("國語ㄍㄨㄛˊ"));
        assert!(!mixed("大韓民國 대한민국"));
        assert!(mixed("日本語とカタカナ abc"));
        assert!(mixed("слово word"));
        assert!(!mixed(&format!("{} x", "ж".repeat(9))));
        assert!(mixed(&format!("{} x", "ж".repeat(8))));
        assert!(mixed("か한"));
    }
}

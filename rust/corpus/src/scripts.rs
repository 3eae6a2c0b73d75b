//! How many characters of a text belong to which script.
//!
//! Unicode gives each character a Script, and to those that several scripts share (Common, Inherited) sometimes
//! the set of these scripts (Script_Extensions). A character with a script of its own is counted for it. A shared
//! one whose set has one script is counted for that; one whose set has several, for the one of them that has most
//! characters of its own in the same document, and where the document has none of them, or there is no set, as Common
//! (Zyyy) or Inherited (Zinh). So the histogram of a document is exact, needs no order, and adds up from parts.

use fasttok_simd::{Level, Simd, Task};

include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

const CLASSES: usize = SCRIPTS.len() + SHARED.len();
/// The classes, filled up so that an index can be cut to size instead of checked. So are the tables.
const COUNTERS: usize = CLASSES.next_power_of_two();
const _: () = assert!(COUNTERS >= 16 && COUNTERS / 16 <= u32::BITS as usize);

/// Text is counted this many bytes at a time.
const CHUNK: usize = 64;
/// A chunk, and what a character that begins in it can have after it.
const WINDOW: usize = CHUNK + 3;

/// Characters by class: numbers of classes with their counts, sorted, none of them zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Scripts(Vec<(u16, u64)>);

impl Scripts {
    /// The scripts by name (ISO 15924) and their characters, none of them zero, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|&(class, chars)| (SCRIPTS[usize::from(class)], chars))
    }

    /// Those with these names and characters; `None` where a name is none, or is there twice.
    pub fn named<'a>(chars: impl IntoIterator<Item = (&'a str, u64)>) -> Option<Scripts> {
        let mut scripts = Scripts::default();
        for (name, chars) in chars {
            let class = SCRIPTS.iter().position(|&script| script == name)? as u16;
            if scripts.get(class) > 0 || chars == 0 {
                return None;
            }
            scripts.add_to(class, chars);
        }
        Some(scripts)
    }

    /// The script that most characters have, the first of several: of those that are no scripts' in common if there are
    /// any.
    pub(crate) fn most(&self) -> Option<&'static str> {
        let is_own = |script: &str| !matches!(script, "Zyyy" | "Zinh" | "Zzzz");
        // The last of equal ones is the maximum.
        let scripts = self.iter().collect::<Vec<_>>().into_iter().rev();
        scripts.max_by_key(|&(script, chars)| (is_own(script), chars)).map(|(script, _)| script)
    }

    /// The memory that they take.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Scripts>() + self.0.capacity() * size_of::<(u16, u64)>()
    }

    /// All characters.
    pub fn chars(&self) -> u64 {
        self.0.iter().map(|&(_, chars)| chars).sum()
    }

    /// Adds the characters of `other`.
    pub fn add(&mut self, other: &Scripts) {
        if self.0.capacity() == 0 {
            // In as little room as there can be: a million groups have one each, most of them of one script.
            self.0 = other.0.clone();
            return;
        }
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
///
/// ```
/// let scripts = fasttok_corpus::scripts_of(["Grüße", "мир"]);
/// assert_eq!(scripts.iter().collect::<Vec<_>>(), [("Cyrl", 3), ("Latn", 5)]);
/// ```
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
    /// Which sixteens of the counts are not all zero, a bit each.
    touched: u32,
    runs: Runs,
    level: Level,
}

/// The runs of characters that the text is made of: a few that follow each other in Unicode and are of one class (the
/// Cyrillic letters, say). Their characters are counted by comparing all of a chunk with the first and the last one.
/// Which runs these are is learnt from the characters that are in none of them.
struct Runs {
    /// The one with most characters first.
    held: [Run; RUNS],
    /// So many of them are compared with in any case: a chunk usually has characters of these, and to ask after each
    /// whether there are others left costs more.
    usual: usize,
    /// Characters in none of them since one was learnt.
    others: u32,
}

#[derive(Clone, Copy)]
struct Run {
    first: u16,
    /// The last character less the first.
    span: u16,
    class: u16,
    /// The characters that were met and are not in the counts yet.
    chars: u32,
}

/// How many runs are compared with at most. Japanese has most that are frequent: five.
const RUNS: usize = 6;
/// The run of the last of so many characters outside the runs is learnt.
const LEARN: u32 = 32;
/// A run is usual if it has more than this part of the characters of all.
const USUAL: u32 = 64;
/// With fewer bytes than this beyond ASCII, a chunk's characters are counted one by one.
const DENSE: u8 = 20;

impl ScriptCounter {
    pub fn new() -> ScriptCounter {
        ScriptCounter::with(Level::chosen_or_portable())
    }

    fn with(level: Level) -> ScriptCounter {
        // U+0001 alone, which has one byte and so is never met.
        let none = Run { first: 1, span: 0, class: ZZZZ, chars: 0 };
        ScriptCounter {
            counts: [[0; COUNTERS]; 2],
            touched: 0,
            runs: Runs { held: [none; RUNS], usual: 1, others: 0 },
            level,
        }
    }

    /// The characters of `text`, which may be part of a document: not resolved yet.
    pub fn count(&mut self, text: &str) -> Scripts {
        let mut sums = Scripts::default();
        // A counter holds what fits into 32 bits.
        for bytes in split(text, 1 << 30) {
            self.level.run(CountBytes { counter: self, bytes });
            self.take_runs();
            let [even, odd] = &mut self.counts;
            let mut touched = std::mem::take(&mut self.touched);
            while touched != 0 {
                let some = 16 * touched.trailing_zeros() as usize;
                for i in some..some + 16 {
                    let chars = std::mem::take(&mut even[i]) + std::mem::take(&mut odd[i]);
                    if chars > 0 {
                        sums.add_to(i as u16, chars.into());
                    }
                }
                touched &= touched - 1;
            }
        }
        sums
    }

    #[inline(always)]
    fn count_bytes<S: Simd>(&mut self, simd: S, bytes: &[u8]) {
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
            let beyond = CHUNK as u8 - chunk_ascii;
            if beyond >= DENSE {
                self.count_runs(simd, window);
            } else if beyond > 0 {
                self.count_chars(window, lead_bytes(simd, chunk));
            }
            at += CHUNK;
        }
        self.add(LATN, letters);
        self.add(ZYYY, ascii - letters);
    }

    /// Counts the characters of more than one byte that begin in the chunk, by runs as far as possible.
    #[inline(always)]
    fn count_runs<S: Simd>(&mut self, simd: S, window: &[u8; WINDOW]) {
        let points = code_points(window);
        let mut others = lead_bytes(simd, window.first_chunk().expect("a window is longer"));
        for (i, run) in self.runs.held.iter_mut().enumerate() {
            let chars = simd.within(&points, run.first, run.span);
            run.chars += chars.count_ones();
            others &= !chars;
            if i + 1 >= self.runs.usual && others == 0 {
                return;
            }
        }
        self.runs.others += others.count_ones();
        if self.runs.others >= LEARN {
            self.learn(points[others.trailing_zeros() as usize % CHUNK]);
        }
        self.count_chars(window, others);
    }

    /// Counts the characters that begin where `leads` has a bit.
    #[inline(always)]
    fn count_chars(&mut self, window: &[u8; WINDOW], mut leads: u64) {
        while leads != 0 {
            self.count_char(window, leads.trailing_zeros() as usize % CHUNK);
            leads &= leads - 1;
        }
    }

    /// Takes the run of the character in for the one that had fewest characters lately.
    #[cold]
    #[inline(never)]
    fn learn(&mut self, point: u16) {
        self.runs.others = 0;
        // The character is beyond U+FFFF.
        if point == 0 {
            return;
        }
        let held = &mut self.runs.held;
        held.sort_by_key(|run| std::cmp::Reverse(run.chars));
        let all: u32 = held.iter().map(|run| run.chars).sum();
        self.runs.usual = held.partition_point(|run| run.chars > all / USUAL).max(1);
        self.take_runs();
        let at = LAST_OF_RUNS.partition_point(|&last| last < point);
        let first = if at == 0 { 0 } else { LAST_OF_RUNS[at - 1] + 1 };
        let class = BLOCKS[usize::from(INDEX[usize::from(point >> 6)])][usize::from(point & 0x3F)];
        self.runs.held[RUNS - 1] = Run { first, span: LAST_OF_RUNS[at] - first, class, chars: 0 };
    }

    /// Puts the characters of the runs into the counts.
    fn take_runs(&mut self) {
        for i in 0..RUNS {
            let Run { class, chars, .. } = self.runs.held[i];
            self.runs.held[i].chars = 0;
            self.add(class, chars);
        }
    }

    /// Adds characters of a class to the counts.
    #[inline(always)]
    fn add(&mut self, class: u16, chars: u32) {
        if chars > 0 {
            self.counts[0][usize::from(class)] += chars;
            self.touched |= 1 << (class / 16);
        }
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
        self.touched |= 1 << (class / 16 % u32::BITS as u16);
    }
}

/// See [`ScriptCounter::count`].
struct CountBytes<'a> {
    counter: &'a mut ScriptCounter,
    bytes: &'a [u8],
}

impl Task for CountBytes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.counter.count_bytes(simd, self.bytes);
    }
}

/// The characters of two and three bytes by where they begin, zero elsewhere.
#[inline(always)]
fn code_points(window: &[u8; WINDOW]) -> [u16; CHUNK] {
    let mut points = [0; CHUNK];
    for (i, point) in points.iter_mut().enumerate() {
        // All of it is computed of every byte, so that it is done in vector registers.
        let (lead, second, third) = (window[i], window[i + 1], window[i + 2]);
        let two = u16::from(lead & 0x1F) << 6 | u16::from(second & 0x3F);
        let three = two << 6 | u16::from(third & 0x3F);
        let is_three = u16::from(lead >= 0xE0).wrapping_neg();
        let is_either = u16::from(lead.wrapping_sub(0xC0) < 0x30).wrapping_neg();
        *point = (two & !is_three | three & is_three) & is_either;
    }
    points
}

/// A byte that begins no character.
const CONTINUATION: u8 = 0x80;

/// How many of the bytes are ASCII, and how many of these are letters, all of which are Latin. The others are Common.
#[inline(always)]
fn count_ascii(chunk: &[u8; CHUNK]) -> (u8, u8) {
    let (mut ascii, mut letters) = (0, 0);
    for &byte in chunk {
        ascii += u8::from(byte < 0x80);
        letters += u8::from((byte | 0x20).wrapping_sub(b'a') < 26);
    }
    (ascii, letters)
}

/// Which bytes begin a character of more than one byte, a bit each.
#[inline(always)]
fn lead_bytes<S: Simd>(simd: S, chunk: &[u8; CHUNK]) -> u64 {
    // The two highest bits are set.
    simd.top_bits(&chunk.map(|byte| byte & byte << 1))
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
    use fasttok_testing::Random;

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
    fn every_character_among_its_neighbours() {
        let mut random = Random::new(6);
        let all: Vec<char> = ('\0'..=char::MAX).collect();
        // One counter for all: what it has learnt stays.
        let mut counters: Vec<_> =
            Level::available().into_iter().map(ScriptCounter::with).collect();
        let mut single = ScriptCounter::new();
        for some in all.chunks(200) {
            let mut text: String = some.iter().collect();
            text.extend((0..200).map(|_| some[random.below(some.len())]));
            text.extend(some);
            let mut expected = Scripts::default();
            for c in text.chars() {
                expected.add(&single.count(c.encode_utf8(&mut [0; 4])));
            }
            for counter in &mut counters {
                assert_eq!(counter.count(&text), expected, "{:?} {some:?}", counter.level);
            }
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
        let mut counters: Vec<_> =
            Level::available().into_iter().map(ScriptCounter::with).collect();
        let mut random = Random::new(5);
        for _ in 0..2_000 {
            let mut text = String::new();
            for _ in 0..random.below(8) {
                let alphabet = alphabets[random.below(alphabets.len())];
                for _ in 0..random.below(100) {
                    text.push(alphabet[random.below(alphabet.len())]);
                }
            }
            assert_eq!(fast(&text), plain(&text), "{text:?}");
            for counter in &mut counters {
                let mut scripts = counter.count(&text);
                scripts.resolve();
                assert_eq!(scripts.iter().collect::<BTreeMap<_, _>>(), plain(&text), "{text:?}");
            }
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

//! Parts of texts against trying all of them.

use std::ops::Range;
use std::sync::Arc;

use fasttok_testing::Random;

use super::{GrowingText, Slices, TextIndex};
use crate::counter::tests::PARTS;
use crate::{Counter, Encoding, Error, Special};

const NAMES: [&str; 3] = ["o200k_base", "cl100k_base", "r50k_base"];

/// Beside those of the counter.
const NASTY: &[&str] = &[
    "👩‍👩‍👧‍👦",
    "🏳️‍🌈",
    "👍🏽",
    "🇩🇪🇫🇷",
    "e\u{301}",
    "a\u{20DD}\u{307}",
    "한국어",
    "中文字符",
    "ひらがなカタカナ",
    "。",
    "、",
    "“",
    "<|endoftext|>",
    "<|im_start|>",
    "don't",
    "I'LL",
    "x'ſ",
    "\u{200D}",
    "\u{FE0F}",
    "…",
    "----",
    "\n \n",
    "  \n  ",
    "\t\t",
    "ไทย",
    "हिन्दी",
    "/",
    "\n/",
    "!!\n",
    "1234",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "        ",
    "ǅ",
    "ʰ",
    "ﬁ",
];

fn nasty(random: &mut Random, parts: usize) -> String {
    let mut text = String::new();
    for _ in 0..1 + random.below(parts) {
        let from = if random.below(2) == 0 { PARTS } else { NASTY };
        let part = from[random.below(from.len())];
        let times = if random.below(12) == 0 { 1 + random.below(8) } else { 1 };
        (0..times).for_each(|_| text.push_str(part));
    }
    text
}

fn ends(text: &str) -> Vec<usize> {
    (0..=text.len()).filter(|&at| text.is_char_boundary(at)).collect()
}

fn count(counter: &mut Counter, text: &str) -> u64 {
    counter.count(text, Special::Text).expect("plain text")
}

/// The longest parts of `text` of up to `times` random numbers of tokens, at most `beyond` - 1 more than it has, against all
/// prefixes and suffixes.
fn check_longest_parts(
    name: &str,
    counter: &mut Counter,
    text: &str,
    times: usize,
    beyond: usize,
    random: &mut Random,
) {
    let ends = ends(text);
    let prefixes: Vec<u64> = ends.iter().map(|&at| count(counter, &text[..at])).collect();
    let suffixes: Vec<u64> = ends.iter().map(|&at| count(counter, &text[at..])).collect();
    let all = prefixes[ends.len() - 1];
    for _ in 0..times {
        let most = random.below(all as usize + beyond) as u64;
        let mut slices = Slices::new(counter, text);
        let prefix = slices.longest_prefix(0, most, &mut |_| true).unwrap();
        let i = (0..ends.len()).rev().find(|&i| prefixes[i] <= most).unwrap();
        let expected = (0..ends[i], prefixes[i]);
        assert_eq!((prefix.range, prefix.tokens), expected, "{name} {text:?} {most}");
        let suffix = slices.longest_suffix(text.len(), 0, most, &mut |_| true).unwrap();
        let i = (0..ends.len()).find(|&i| suffixes[i] <= most).unwrap();
        let expected = (ends[i]..text.len(), suffixes[i]);
        assert_eq!((suffix.range, suffix.tokens), expected, "{name} {text:?} {most}");
        let known = slices.count_up_to(most).unwrap();
        assert_eq!(known, (all <= most).then_some(all), "{name} {text:?} {most}");
    }
}

/// Prefixes and suffixes of 10,000 texts against all prefixes and suffixes.
#[test]
fn longest_parts_of_nasty_texts() {
    let mut random = Random::new(0x1D87_2B41);
    for name in NAMES {
        let encoding = Encoding::embedded(name).unwrap();
        let mut counter = Counter::new(encoding);
        for round in 0..10_000 {
            let text = nasty(&mut random, if round % 50 == 0 { 60 } else { 12 });
            check_longest_parts(name, &mut counter, &text, 4, 2, &mut random);
        }
    }
}

/// Every part is the longest that fits and the next one begins as far back as the overlap lets it.
#[test]
fn split_is_greedy() {
    let mut random = Random::new(0x5A17_0000);
    for name in NAMES {
        let mut counter = Counter::new(Encoding::embedded(name).unwrap());
        for _ in 0..1500 {
            let text = nasty(&mut random, 40);
            let most = 4 + random.below(12) as u64;
            let overlap = random.below(5) as u64;
            let spaces = |level: usize, at: usize| {
                level == 1 || at == text.len() || at == 0 || text.as_bytes()[at] == b' '
            };
            let result = Slices::new(&mut counter, &text).split(most, overlap, 2, &spaces);
            let parts = match result {
                Ok(parts) => parts,
                Err(Error::CharacterTooLong { offset, tokens }) => {
                    let c = text[offset..].chars().next().unwrap().to_string();
                    assert!(tokens > most && count(&mut counter, &c) == tokens);
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            let ends = ends(&text);
            let mut done = 0;
            for (i, part) in parts.iter().enumerate() {
                let (start, end) = (part.range.start, part.range.end);
                assert!(start <= done && end > done && part.tokens <= most);
                assert_eq!(count(&mut counter, &text[start..end]), part.tokens);
                assert!(start == done || count(&mut counter, &text[start..done]) <= overlap);
                let mut fits = |level, end| {
                    spaces(level, end) && count(&mut counter, &text[start..end]) <= most
                };
                let level = (0..2)
                    .find(|&level| ends.iter().any(|&at| at > done && fits(level, at)))
                    .unwrap();
                let longest = ends.iter().rev().find(|&&at| at > done && fits(level, at));
                assert_eq!(longest, Some(&end), "{name} {text:?} {most} {overlap} {i}");
                done = end;
            }
            assert_eq!(done, text.len());
        }
    }
}

#[test]
fn index_of_nasty_texts() {
    let mut random = Random::new(0x00DD_BA11);
    for name in NAMES {
        let mut counter = Counter::new(Encoding::embedded(name).unwrap());
        for _ in 0..60 {
            let text = nasty(&mut random, 600);
            let index = TextIndex::new(&mut counter, text.clone()).unwrap();
            assert_eq!(index.tokens(), count(&mut counter, &text));
            let ends = ends(&text);
            assert_eq!(index.chars(), ends.len() - 1);
            for _ in 0..40 {
                let (a, b) = (random.below(ends.len()), random.below(ends.len()));
                let (a, b) = (a.min(b), a.max(b));
                assert_eq!((index.offset_of(a), index.offset_of(b)), (ends[a], ends[b]));
                let part = &text[ends[a]..ends[b]];
                assert_eq!(
                    index.count(&mut counter, ends[a]..ends[b]),
                    Ok(count(&mut counter, part)),
                    "{name} {part:?}"
                );
            }
        }
    }
}

fn grow(counter: &mut Counter, text: &str, random: &mut Random, most: usize) {
    let encoding = Arc::clone(counter.encoding());
    let mut growing = GrowingText::new(encoding);
    let mut at = 0;
    while at < text.len() {
        let end = text.len().min(at + 1 + random.below(most));
        growing.append(&text.as_bytes()[at..end]).unwrap();
        at = end;
        if random.below(4) > 0 {
            let whole = super::boundary_before(text, at);
            assert_eq!(growing.pending(), at - whole);
            let counted = growing.count(counter).unwrap();
            assert_eq!(
                counted,
                count(counter, &text[..whole]),
                "{} {:?}",
                counter.encoding().name(),
                &text[..whole]
            );
        }
    }
    assert_eq!((growing.bytes(), growing.pending()), (text.len(), 0));
    assert_eq!(growing.count(counter), Ok(count(counter, text)));
}

#[test]
fn growing_texts() {
    let mut random = Random::new(0x6E011);
    for name in NAMES {
        let mut counter = Counter::new(Encoding::embedded(name).unwrap());
        for _ in 0..3000 {
            let text = nasty(&mut random, 14);
            grow(&mut counter, &text, &mut random, 6);
        }
        for _ in 0..10 {
            let text = nasty(&mut random, 800);
            grow(&mut counter, &text, &mut random, 40);
        }
    }
}

/// Long runs of one kind of character, and what comes after them.
#[test]
fn long_runs() {
    let runs = [
        "a", "Z", " ", "\n", "-", "é", "中", "😀", "\u{301}", "7", "ab", "qz", "aB", "\n ", "/",
        "'s", " \u{A0}",
    ];
    let mut random = Random::new(0x0010_4647);
    for name in NAMES {
        let mut counter = Counter::new(Encoding::embedded(name).unwrap());
        for run in runs {
            for after in runs {
                let mut text = nasty(&mut random, 2);
                text.push_str(&run.repeat((300 + random.below(300)) / run.len()));
                text.push_str(after);
                if random.below(2) == 0 {
                    text.push_str(&after.repeat((300 + random.below(300)) / after.len()));
                }
                text.push_str(&nasty(&mut random, 2));
                grow(&mut counter, &text, &mut random, 9);
                let ends = ends(&text);
                let prefixes: Vec<u64> =
                    ends.iter().map(|&at| count(&mut counter, &text[..at])).collect();
                let all = prefixes[ends.len() - 1];
                for _ in 0..6 {
                    let most = random.below(all as usize + 1) as u64;
                    let prefix =
                        Slices::new(&mut counter, &text).longest_prefix(0, most, &mut |_| true);
                    let i = (0..ends.len()).rev().find(|&i| prefixes[i] <= most).unwrap();
                    assert_eq!(prefix.unwrap().range, 0..ends[i], "{name} {text:?} {most}");
                }
            }
        }
    }
}

/// Long pieces of one kind of character and of several, in which no cut is: against all prefixes and suffixes.
#[test]
fn long_pieces() {
    let mut random = Random::new(0x10_4647);
    let alphabets: [&[&str]; 16] = [
        &["a", "B"],
        &["A", "C", "G", "T"],
        &["0", "1", "7"],
        &[" ", "\n"],
        &[" ", "\t", "\u{A0}", "\r\n"],
        &["中", "文", "字"],
        &["中", "中", "A"],
        &["中", "E", "\u{301}", "b"],
        &["ก", "\u{E34}", "า"],
        &["❤", "\u{FE0F}"],
        &["-", "=", "/", "\n"],
        &["'", "s", "S"],
        &["q", "w", "e", "T", "h"],
        &["x", "1"],
        &["👍", "🏽", "\u{200D}"],
        &["é", "ß", "'"],
    ];
    for name in NAMES {
        let mut counter = Counter::new(Encoding::embedded(name).unwrap());
        for round in 0..120 {
            let mut text = nasty(&mut random, 2);
            for _ in 0..1 + random.below(2) {
                let alphabet = alphabets[(round + random.below(2)) % alphabets.len()];
                let size = text.len() + 300 + random.below(500);
                while text.len() < size {
                    let one = alphabet[random.below(alphabet.len())];
                    let times = if random.below(20) == 0 { random.below(200) } else { 1 };
                    (0..times).for_each(|_| text.push_str(one));
                }
            }
            text.push_str(&nasty(&mut random, 2));
            check_longest_parts(name, &mut counter, &text, 12, 1, &mut random);
            grow(&mut counter, &text, &mut random, 9);
        }
    }
}

/// A word may be long, and end only where it is known whether a small letter comes.
#[test]
fn what_ends_a_word_may_be_far() {
    let mut random = Random::new(0x0F_A12);
    for name in NAMES {
        let mut counter = Counter::new(Encoding::embedded(name).unwrap());
        for after in ["b", "中", " ", "'s"] {
            let text = format!("{}{}{after}", "中".repeat(120), "THE".repeat(40));
            grow(&mut counter, &text, &mut random, 3);
        }
    }
}

/// Pieces without an end, far longer than what is looked at for a cut.
#[test]
fn pieces_of_megabytes() {
    for (name, text) in [
        ("cl100k_base", "aB".repeat(150_000)),
        ("cl100k_base", "❤\u{FE0F}".repeat(50_000)),
        ("o200k_base", " \n".repeat(150_000)),
        ("r50k_base", "0123456789".repeat(30_000)),
        ("o200k_base", "ภาษาไทย".repeat(15_000)),
    ] {
        let mut counter = Counter::new(Encoding::embedded(name).unwrap());
        let all = count(&mut counter, &text);
        for most in [0, 1, 100, all / 2, all - 1, all] {
            for side in 0..2 {
                let mut slices = Slices::new(&mut counter, &text);
                let part = match side {
                    0 => slices.longest_prefix(0, most, &mut |_| true),
                    _ => slices.longest_suffix(text.len(), 0, most, &mut |_| true),
                }
                .unwrap();
                let fits = |range: &Range<usize>, counter: &mut Counter| {
                    count(counter, &text[range.clone()]) <= most
                };
                assert!(fits(&part.range, &mut counter), "{name} {most} {side}");
                let mut more = part.range.clone();
                for _ in 0..12 {
                    match side {
                        0 => {
                            more.end = super::boundary_after(&text, (more.end + 1).min(text.len()))
                        }
                        _ => {
                            more.start = super::boundary_before(&text, more.start.saturating_sub(1))
                        }
                    }
                    assert!(
                        more == part.range || !fits(&more, &mut counter),
                        "{name} {most} {side}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_cannot_become_utf8_is_not_appended() {
    let encoding = Encoding::embedded("o200k_base").unwrap();
    let mut counter = Counter::new(encoding.clone());
    let mut growing = GrowingText::new(encoding);
    growing.append(b"ab \xE4\xB8").unwrap();
    assert_eq!(growing.append(b"x"), Err(Error::InvalidUtf8 { offset: 3 }));
    assert_eq!((growing.pending(), growing.count(&mut counter)), (2, Ok(2)));
    growing.append(b"\xAD").unwrap();
    assert_eq!((growing.pending(), growing.bytes()), (0, 6));
    assert_eq!(growing.append(b"\xFF"), Err(Error::InvalidUtf8 { offset: 6 }));
}

//! The contract of [`Family`]: what `starts` says of a block is what `piece_end`, asked piece by piece, says of the
//! same text; for every family, at every instruction set, on random text.

use fasttok_simd::{Level, Simd, Task};

use std::cell::Cell;

use super::block::{BLOCK, BlockStarts, SLACK, piece_starts};
use super::runs::{InRuns, Runs};
use super::{CONTRACTION, Pretokenizer, Scanner};
use crate::interrupt::{STRIDE, tests::questions};
use fasttok_testing::Random;

/// Characters of every class that some rule asks for, likely to be neighbours in a text.
const POOLS: [&[&str]; 9] = [
    &["a", "b", "Z", "é", "ß", "Ж", "я", "ǅ", "ſ", "K"],
    &["中", "文", "字", "々", "가", "힣", "の", "カ", "ー", "ࠀ", "א", "ع", "ก", "ʰ", "ª"],
    &["\u{301}", "\u{94D}", "\u{E34}", "\u{FE0F}", "\u{20DD}"],
    &["0", "1", "9", "٣", "½", "Ⅷ", "𝟘", "〇"],
    &[" ", "  ", "\t", "\u{A0}", "\u{3000}", "\u{2028}", "\u{85}", "\u{1680}"],
    &["\n", "\r\n", "\r", "\n\n"],
    &["'s", "'LL", "'ve", "'", "'ſ", "'t", "''d", "’s"],
    &["/", "//", ".", ",", "!", "-", "（", "。", "、", "€", "→", "$", "_", "~"],
    &["😀", "👩\u{200D}💻", "\u{0}", "\u{7F}", "\u{AD}", "\u{E000}", "\u{10FFFF}", "\u{378}"],
];

fn text(random: &mut Random) -> String {
    let mut text = String::new();
    // A few pools at a time, and runs of one, so that blocks hold what each rule is about.
    let pools: Vec<_> =
        (0..1 + random.below(4)).map(|_| POOLS[random.below(POOLS.len())]).collect();
    let size = 1 + random.below(400);
    while text.len() < size {
        let pool = pools[random.below(pools.len())];
        let one = pool[random.below(pool.len())];
        let times = if random.below(4) == 0 { 1 + random.below(40) } else { 1 };
        for _ in 0..times {
            text.push_str(one);
        }
    }
    text
}

/// A bit for each of the first 64 bytes from `at` on at which a piece starts; `at` is a piece start.
fn by_piece_end(scanner: Scanner, text: &str, at: usize) -> u64 {
    let (mut mask, mut start) = (0, at);
    while start < text.len() && start - at < 64 {
        mask |= 1 << (start - at);
        let end = (scanner.piece_end)(text.as_bytes(), start);
        assert!(end > start, "an empty piece");
        start = end;
    }
    mask
}

struct Check<'a> {
    name: &'a str,
    scanner: Scanner,
    text: &'a str,
    /// Bytes after the text that the last blocks see.
    blanks: usize,
}

impl Task for Check<'_> {
    /// The blocks that held more than one piece, and those that end in one that may be cut.
    type Output = [usize; 2];

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> [usize; 2] {
        let Check { name, scanner, text, blanks } = self;
        let mut padded = text.as_bytes().to_vec();
        padded.resize(text.len() + blanks, b' ');
        let in_sight = std::str::from_utf8(&padded).expect("a text and blanks").to_owned();
        padded.resize(in_sight.len() + BLOCK + SLACK, if blanks > 0 { b' ' } else { 0 });
        let (mut at, mut useful, mut cut) = (0, 0, 0);
        while at < text.len() {
            // As the counter does: whole blocks while what is after them can be read, the rest with its length.
            let whole = at + BLOCK + SLACK <= text.len();
            let len = if whole { BLOCK } else { BLOCK.min(in_sight.len() - at) };
            let mut last = 0;
            if len > 3 {
                let BlockStarts { mask: found, cuts, .. } =
                    piece_starts(simd, scanner, &padded, at, len);
                last = 63 - found.leading_zeros() as usize;
                let end_in_sight = blanks > 0 && at + len == in_sight.len();
                assert!(!end_in_sight || last <= text.len() - at, "{name}: a piece in the blanks");
                let end = u64::from(end_in_sight) << (text.len() - at).min(63);
                let expected = (by_piece_end(scanner, text, at) | end) & (u64::MAX >> (63 - last));
                assert_eq!(
                    found, expected,
                    "{name}: byte {at} of {text:?}: {found:b}, not {expected:b}"
                );
                check_cuts(scanner, text, (at, at + len), last, cuts);
                cut += usize::from(cuts != 0);
            }
            useful += usize::from(last > 0);
            at = if last > 0 { at + last } else { (scanner.piece_end)(text.as_bytes(), at) };
        }
        [useful, cut]
    }
}

/// Holds what a block says of the piece that begins `last` in it against its end.
fn check_cuts(scanner: Scanner, text: &str, (at, end): (usize, usize), last: usize, mut cuts: u64) {
    if cuts == 0 {
        return;
    }
    let piece_end = (scanner.piece_end)(text.as_bytes(), at + last);
    assert!(piece_end >= end, "byte {at} of {text:?}: a piece that goes on ends at {piece_end}");
    while cuts != 0 {
        let cut = at + cuts.trailing_zeros() as usize;
        cuts &= cuts - 1;
        assert!(cut > at + last, "byte {at} of {text:?}: {cut} is not in the piece");
        let from_cut = (scanner.piece_end)(text.as_bytes(), cut);
        assert_eq!(from_cut, piece_end, "byte {at} of {text:?}, cut at {cut}");
    }
}

fn check_families(seeds: std::ops::Range<u64>) {
    for name in Pretokenizer::names() {
        let pretokenizer = Pretokenizer::by_name(name).expect("one of its names");
        let scanner = pretokenizer.scanner().expect("a family has one");
        let (mut useful, mut cut) = (0, 0);
        for seed in seeds.clone() {
            let text = text(&mut Random::new(seed));
            let last = u32::from(text.chars().next_back().expect("at least one character"));
            let blanks = if pretokenizer.ends_before_blank(last) { 2 } else { 0 };
            for level in Level::available() {
                for blanks in [0, blanks] {
                    let found = level.run(Check { name, scanner, text: &text, blanks });
                    useful += found[0];
                    cut += found[1];
                }
            }
        }
        assert!(useful as u64 > seeds.end - seeds.start, "{name}: `starts` nearly always gives up");
        let cuts = !matches!(*name, "deepseek-v2" | "deepseek-coder");
        assert_eq!(cut > 100, cuts, "{name}: {cut} blocks end in a piece that may be cut");
    }
}

#[test]
fn starts_are_the_ends_of_pieces() {
    check_families(1..1500);
}

/// Runs of many pieces, told apart by something that a rule may look for at the end of the run: no piece may look there
/// again.
#[test]
fn piece_ends_take_time_in_proportion_to_the_text() {
    let parts = [
        "a", "é", "Ж", "中", "가", "א", "\u{301}", "0", "½", " ", "\u{A0}", "\u{2003}", "\u{3000}",
        "\n", "!", "！", "·", "€", "。", "'s", "/", "😀", "\u{0}",
    ];
    for name in Pretokenizer::names() {
        let piece_end = Pretokenizer::by_name(name).and_then(|p| p.scanner()).unwrap().piece_end;
        for one in parts {
            for other in parts {
                let text = [one, other].concat().repeat(12_000);
                let mut start = 0;
                let asked = questions(|| {
                    while start < text.len() {
                        start = piece_end(text.as_bytes(), start);
                    }
                });
                let most = 4 * text.len() / STRIDE;
                assert!(asked <= most, "{name} {one:?} {other:?}: {asked} times, not {most}");
            }
        }
    }
}

#[test]
#[ignore = "takes minutes"]
fn starts_are_the_ends_of_pieces_of_many_texts() {
    check_families(1500..150_000);
}

/// What is told by runs is what is told by characters, for every part of a text; and it depends on no more than it says.
#[test]
fn pieces_by_runs() {
    let mut random = Random::new(0x0052_554E);
    for name in Pretokenizer::names() {
        let scanner = Pretokenizer::by_name(name).unwrap().scanner().unwrap();
        let Some(by_runs) = scanner.by_runs else { continue };
        for _ in 0..400 {
            let mut text = text(&mut random);
            let short = (0..=text.len().min(60)).rev().find(|&at| text.is_char_boundary(at));
            text.truncate(short.unwrap());
            let bytes = text.as_bytes();
            let mut runs = Runs::new(by_runs.sets);
            runs.extend(bytes);
            let ends: Vec<_> = (0..=text.len()).filter(|&at| text.is_char_boundary(at)).collect();
            for (i, &start) in ends[..ends.len() - 1].iter().enumerate() {
                let whole = (scanner.piece_end)(&bytes[start..], 0);
                for &end in &ends[i + 1..] {
                    let looked = Cell::new(0);
                    let part = InRuns::new(&bytes[..end], &runs, &looked);
                    let at = (by_runs.piece_end)(part, start);
                    let plain = (scanner.piece_end)(&bytes[..end], start);
                    assert_eq!(at, plain, "{name} {:?} from {start}", &text[..end]);
                    if looked.get().max(at + CONTRACTION) <= end {
                        let part = &text[start..end];
                        assert_eq!(at - start, whole, "{name} {part:?} of {text:?}");
                    }
                }
            }
        }
    }
}

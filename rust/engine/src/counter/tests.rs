//! Counts equal the length of what `encode` gives, at every level.

use super::*;
use crate::bpe::cache::SEED_AFTER;
use fasttok_testing::Random;
use std::collections::BTreeMap;

/// A counter for each level that the machine has.
pub(super) fn at_every_level(encoding: &Arc<Encoding>) -> Vec<Counter> {
    let levels = Level::available().into_iter();
    levels.map(|level| Counter::with_level(encoding.clone(), level)).collect()
}

pub(crate) const PARTS: &[&str] = &[
    " ",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\n\n",
    "\t",
    "\u{A0}",
    "\u{3000}",
    "\u{2003}",
    "\u{85}",
    "\0",
    "a",
    "b",
    "the",
    "The",
    "THE",
    "HTTPServer",
    "tokenization",
    "camelCase",
    "x",
    "Z",
    "É",
    "ß",
    "'",
    "'s",
    "'S",
    "'t",
    "'ll",
    "'LL",
    "'Ve",
    "'re",
    "'d",
    "'m",
    "'ſ",
    "'ſt",
    "’s",
    "ſ",
    "K",
    "1",
    "12",
    "123",
    "1234567",
    "½",
    "٣",
    "四",
    ".",
    ",",
    "!",
    "!!",
    "-",
    "----",
    "/",
    "//",
    "\\",
    "(",
    ")",
    "\"",
    "“",
    "”",
    "…",
    "—",
    "#",
    "_",
    "*",
    "<|endoftext|>",
    "<|",
    "|>",
    "http://",
    "中",
    "高认",
    "퓨어",
    "国",
    "的",
    "我们",
    "使用API接口",
    "，",
    "。",
    "「",
    "」",
    "カタカナ",
    "ひらがな",
    "日本語",
    "ー",
    "한국어",
    "있습니다",
    "다",
    "Привет",
    "мир",
    "Ж",
    "ж",
    "مرحبا",
    "بالعالم",
    "ً",
    "हिन्दी",
    "में",
    "ि",
    "ไทย",
    "ภาษา",
    "ำ",
    "é",
    "e\u{301}",
    "\u{301}",
    "\u{200D}",
    "👩\u{200D}👩\u{200D}👧",
    "❤\u{FE0F}",
    "🎉",
    "𠀀",
    "𝒳",
    "ǅ",
    "ʰ",
    "ª",
    "Ω",
    "\u{FEFF}",
    "ﬁ",
    "ａｂ",
    "Ａ",
    "１２",
    "㍿",
    "\u{E000}",
    "က",
    "ខ្មែរ",
    "ქართული",
];

pub(crate) fn nasty_text(random: &mut Random) -> String {
    let kinds = 1 + random.below(12);
    let few: Vec<&str> = (0..kinds).map(|_| PARTS[random.below(PARTS.len())]).collect();
    let mut text = String::new();
    for _ in 0..1 + random.below(80) {
        if random.below(30) == 0 {
            text.push_str(&few[random.below(kinds)].repeat(random.below(90)));
        }
        let all = random.below(4) == 0;
        text.push_str(if all {
            PARTS[random.below(PARTS.len())]
        } else {
            few[random.below(kinds)]
        });
        if random.below(50) == 0 {
            text.extend(char::from_u32(random.below(0x11_0000) as u32));
        }
    }
    text
}

#[test]
fn counts_what_encode_gives_at_every_level() {
    let mut random = Random::new(0x1234_5678_9ABC_DEF1);
    for name in ["o200k_base", "cl100k_base", "r50k_base"] {
        let encoding = Encoding::embedded(name).unwrap();
        let mut counters = at_every_level(&encoding);
        for _ in 0..20_000 {
            let text = nasty_text(&mut random);
            let mut ids = Vec::new();
            encoding.encode(&text, Special::Text, &mut ids).unwrap();
            for counter in &mut counters {
                let count = counter.count(&text, Special::Text).unwrap();
                if count != ids.len() as u64 {
                    let small = shrink(&text, |text| {
                        let mut ids = Vec::new();
                        encoding.encode(text, Special::Text, &mut ids).unwrap();
                        counter.count(text, Special::Text).unwrap() != ids.len() as u64
                    });
                    panic!("{name} {:?}: {small:?}, of {text:?}", counter.level);
                }
            }
        }
    }
}

/// What waits at the end of a text is credited to that text, whatever stands around it: short texts, empty ones, long ones,
/// ones that are refused, and ones that bring words which no cache knows.
#[test]
fn texts_of_a_batch_count_as_they_do_alone() {
    let mut random = Random::new(0x0BA7_C4E5_1234_5678);
    for name in ["o200k_base", "r50k_base"] {
        let encoding = Encoding::embedded(name).unwrap();
        let mut counters: Vec<Counter> = Level::available()
            .into_iter()
            .map(|level| Counter::with_level(encoding.clone(), level))
            .collect();
        for _ in 0..400 {
            let most = *random.pick(&[3, 20, 200]);
            let texts: Vec<String> = (0..random.below(150))
                .map(|_| {
                    let word: String = (0..random.below(25))
                        .map(|_| char::from(b'a' + random.below(26) as u8))
                        .collect();
                    let text = nasty_text(&mut random) + &word;
                    let len = text.floor_char_boundary(random.below(most).min(text.len()));
                    match random.below(40) {
                        0 => text,
                        1 => text + "<|endoftext|>",
                        _ => text[text.floor_char_boundary(text.len() - len)..].to_owned(),
                    }
                })
                .collect();
            for counter in &mut counters {
                let mut batch = counter.batch();
                let added: Vec<bool> =
                    texts.iter().map(|text| batch.add(text, Special::Error).is_ok()).collect();
                let counts = batch.finish();
                assert_eq!(counts.len(), texts.len());
                for ((text, &count), added) in texts.iter().zip(counts).zip(added) {
                    let mut ids = Vec::new();
                    let encoded = encoding.encode(text, Special::Error, &mut ids);
                    assert_eq!(encoded.is_ok(), added);
                    assert!(!added || count == ids.len() as u64, "{name} {text:?} {texts:?}");
                }
            }
        }
    }
}

#[test]
fn texts_of_one_token_are_those_that_count_one() {
    for name in ["o200k_base", "r50k_base"] {
        let encoding = Encoding::embedded(name).unwrap();
        let mut counter = Counter::new(encoding.clone());
        let known: std::collections::HashSet<&str> = encoding.one_token_texts().unwrap().collect();
        for (_, token) in encoding.vocab().tokens() {
            if let Ok(text) = std::str::from_utf8(token) {
                let is_one = counter.count(text, Special::Text) == Ok(1);
                assert_eq!(known.contains(text), is_one, "{name} {text:?}");
            }
        }
    }
}

/// Every character, among its neighbours, beside letters, and in long pieces.
#[test]
fn every_character_at_every_level() {
    let encoding = Encoding::embedded("o200k_base").unwrap();
    let mut counters = at_every_level(&encoding);
    let all: Vec<char> = (0..0x11_0000).filter_map(char::from_u32).collect();
    for few in all.chunks(24) {
        let apart = few.iter().flat_map(|&c| ['a', c, 'Б', c, ' ']);
        let text: String = few.iter().copied().chain(apart).collect();
        let mut ids = Vec::new();
        encoding.encode(&text, Special::Text, &mut ids).unwrap();
        for counter in &mut counters {
            let count = counter.count(&text, Special::Text).unwrap();
            assert_eq!(count, ids.len() as u64, "{:?} {text:?}", counter.level);
        }
    }
}

/// Every two East Asian characters that are side by side in a token, and as many that need not: the
/// table of joins has room for one pair per entry.
#[test]
fn east_asian_neighbours() {
    let mut random = Random::new(0x0123_4567_89AB_CDEF);
    for name in ["o200k_base", "cl100k_base", "r50k_base"] {
        let encoding = Encoding::embedded(name).unwrap();
        let mut counter = Counter::new(encoding.clone());
        let mut twos: Vec<[char; 2]> = Vec::new();
        for (_, token) in encoding.vocab().tokens() {
            if token.is_ascii() {
                continue;
            }
            let chars: Vec<char> = String::from_utf8_lossy(token).chars().collect();
            twos.extend(chars.windows(2).map(|two| [two[0], two[1]]));
        }
        let known: Vec<char> = twos.iter().map(|two| two[0]).collect();
        let any = |random: &mut Random| known[random.below(known.len())];
        twos.extend((0..100_000).map(|_| [any(&mut random), any(&mut random)]));
        for some in twos.chunks(150) {
            let text: String = some.iter().flat_map(|two| [two[0], two[1], '\n']).collect();
            let mut ids = Vec::new();
            encoding.encode(&text, Special::Text, &mut ids).unwrap();
            let count = counter.count(&text, Special::Text).unwrap();
            assert_eq!(count, ids.len() as u64, "{name} {text:?}");
        }
    }
}

/// Three to five characters of which each two are side by side in a token: these are not told by the tables, and go to the
/// caches by their characters or their bytes.
#[test]
fn east_asian_segments() {
    let mut random = Random::new(0x0F1E_2D3C_4B5A_6978);
    for name in ["o200k_base", "cl100k_base"] {
        let encoding = Encoding::embedded(name).unwrap();
        let mut counters = at_every_level(&encoding);
        let mut after: BTreeMap<char, Vec<char>> = BTreeMap::new();
        for (_, token) in encoding.vocab().tokens() {
            let Ok(text) = std::str::from_utf8(token) else { continue };
            let chars: Vec<char> = text.chars().collect();
            for two in chars.windows(2).filter(|two| two.iter().all(|&c| c >= '\u{3000}')) {
                after.entry(two[0]).or_default().push(two[1]);
            }
        }
        let first: Vec<char> = after.keys().copied().collect();
        for _ in 0..200 {
            let mut text = String::new();
            for _ in 0..100 {
                let mut c = first[random.below(first.len())];
                for _ in 0..3 + random.below(3) {
                    text.push(c);
                    let Some(next) = after.get(&c) else { break };
                    c = next[random.below(next.len())];
                }
                text.push_str(["\n", "", "、"][random.below(3)]);
            }
            let mut ids = Vec::new();
            encoding.encode(&text, Special::Text, &mut ids).unwrap();
            for counter in &mut counters {
                let count = counter.count(&text, Special::Text).unwrap();
                assert_eq!(count, ids.len() as u64, "{name} {:?} {text:?}", counter.level);
            }
        }
    }
}

/// A block of one character of four bytes has no neighbour to judge by.
#[test]
fn one_character() {
    for name in ["o200k_base", "cl100k_base", "r50k_base"] {
        let encoding = Encoding::embedded(name).unwrap();
        let mut counter = Counter::new(encoding.clone());
        for text in ["\u{1F469}", "𠀀", "中", "é", "a"] {
            let mut ids = Vec::new();
            encoding.encode(text, Special::Text, &mut ids).unwrap();
            assert_eq!(counter.count(text, Special::Text).unwrap(), ids.len() as u64, "{text}");
        }
    }
}

/// Tokens that begin inside a character U+0080-U+00FF and go on in ASCII, in pieces long enough to be cut.
#[test]
fn latin_1_before_ascii() {
    let encoding = Encoding::embedded("o200k_base").unwrap();
    let dashes = format!("{}\u{95}\n\n", "-".repeat(32));
    let signs = format!("{}\n\n", "\u{95}".repeat(16));
    for level in Level::available() {
        let mut counter = Counter::with_level(encoding.clone(), level);
        assert_eq!(counter.count(&dashes, Special::Text).unwrap(), 3, "{level:?}");
        assert_eq!(counter.count(&signs, Special::Text).unwrap(), 32, "{level:?}");
    }
}

#[test]
fn counts_of_cut_texts_add_up() {
    let mut random = Random::new(0x0FED_CBA9_8765_4321);
    for name in ["o200k_base", "cl100k_base", "r50k_base"] {
        let encoding = Encoding::embedded(name).unwrap();
        let mut counter = Counter::new(encoding.clone());
        for _ in 0..2_000 {
            let text = nasty_text(&mut random);
            for special in [Special::Text, Special::Token] {
                let whole = counter.count(&text, special).unwrap();
                let mut from = 0;
                while let Some(at) = encoding.split_point(&text, from, special) {
                    let (left, right) = text.split_at(at);
                    let parts = counter.count(left, special).unwrap()
                        + counter.count(right, special).unwrap();
                    assert_eq!(parts, whole, "{name} {special:?} {left:?} | {right:?}");
                    from = at + 1;
                }
            }
        }
    }
}

/// Words that end before, at and after the end of a block, behind and before whatever a rule asks for: counting goes on
/// inside of a word where its characters never merge.
#[test]
fn words_around_the_ends_of_blocks() {
    let words = [
        "中文我们在北京工作的人工智能",
        "カタカナとひらがなの日本語ー",
        "한국어있습니다그리고",
        "中\u{301}文国的퓨어高认",
        "ไทยภาษาที่",
        "中a文B中ａ文",
    ];
    let before = ["", "a", "A", "aB", "の", "。", "。。", " ", "  ", "1", "\n", "\u{301}", "'"];
    let after = [
        "", "a", "B", "Bc", "'s", "'sB", "'ſ", " x", "  ", "\n", "\u{301}", "1", "。", "é", "，\n",
    ];
    let mut random = Random::new(0x0BAD_5EED_0123_4567);
    for name in ["o200k_base", "cl100k_base", "r50k_base"] {
        let encoding = Encoding::embedded(name).unwrap();
        let mut counters: Vec<Counter> = Level::available()
            .into_iter()
            .map(|level| Counter::with_level(encoding.clone(), level))
            .collect();
        let mut ids = Vec::new();
        for before in before {
            for after in after {
                for (indent, chars) in (0..3).flat_map(|i| (0..48).map(move |n| (i, n))) {
                    let word = random.pick(&words).chars().cycle().skip(random.below(9));
                    let word: String = word.take(chars).collect();
                    let tail = if random.below(2) == 0 { "" } else { &" and so on".repeat(12) };
                    let text = ["x".repeat(indent).as_str(), before, &word, after, tail].concat();
                    ids.clear();
                    encoding.encode(&text, Special::Text, &mut ids).unwrap();
                    for counter in &mut counters {
                        let count = counter.count(&text, Special::Text).unwrap();
                        assert_eq!(count, ids.len() as u64, "{name} {:?} {text:?}", counter.level);
                    }
                }
            }
        }
    }
}

/// Long pieces without an end in sight: windows, cuts and segments.
#[test]
fn long_monotonous_texts() {
    for name in ["o200k_base", "cl100k_base", "r50k_base"] {
        let encoding = Encoding::embedded(name).unwrap();
        let mut counters = at_every_level(&encoding);
        for part in
            PARTS.iter().chain(&["ab", "-=", "🎉🎉!", "ไทยภาษา", "中文字符没有标点", "xQzJ"])
        {
            let text = part.repeat(6_000 / part.len());
            let mut ids = Vec::new();
            encoding.encode(&text, Special::Text, &mut ids).unwrap();
            let mut bytes = Vec::new();
            encoding.decode(&ids, &mut bytes).unwrap();
            assert!(bytes == text.as_bytes(), "{name} {part:?}");
            for counter in &mut counters {
                let count = counter.count(&text, Special::Text).unwrap();
                assert_eq!(count, ids.len() as u64, "{name} {:?} {part:?}", counter.level);
            }
        }
    }
}

/// The shortest text that still fails, by leaving characters out.
pub(crate) fn shrink(text: &str, mut fails: impl FnMut(&str) -> bool) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let mut size = chars.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at + size <= chars.len() {
            let fewer: Vec<char> = [&chars[..at], &chars[at + size..]].concat();
            if fails(&fewer.iter().collect::<String>()) {
                chars = fewer;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    chars.into_iter().collect()
}

/// Caches are seeded between two texts, while pieces of the ones before wait in the queues.
#[test]
fn texts_are_counted_before_and_after_the_caches_are_seeded() {
    let encoding = Encoding::embedded("o200k_base").unwrap();
    let mut random = Random::new(0x5EED);
    let texts: Vec<String> = (0..10_000)
        .map(|_| (0..random.below(30)).map(|_| PARTS[random.below(PARTS.len())]).collect())
        .collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    assert!(bytes > 2 * SEED_AFTER, "{bytes}");
    let counts: Vec<u64> = texts
        .iter()
        .map(|text| {
            let mut ids = Vec::new();
            encoding.encode(text, Special::Text, &mut ids).unwrap();
            ids.len() as u64
        })
        .collect();
    for (mut together, mut alone) in
        at_every_level(&encoding).into_iter().zip(at_every_level(&encoding))
    {
        let mut batch = together.batch();
        texts.iter().for_each(|text| batch.add(text, Special::Text).unwrap());
        assert_eq!(batch.finish(), counts);
        for (text, &count) in texts.iter().zip(&counts) {
            assert_eq!(alone.count(text, Special::Text), Ok(count), "{text:?}");
        }
        for counter in [together, alone] {
            assert!(counter.caches.is_seeded());
        }
    }
}

#[test]
fn a_short_text_seeds_no_caches() {
    let encoding = Encoding::embedded("o200k_base").unwrap();
    let mut counter = Counter::new(encoding);
    assert_eq!(counter.count("How many tokens is this?", Special::Text), Ok(6));
    assert!(!counter.caches.is_seeded());
}

//! Vocabularies made to mislead, and texts made of their tokens: every way of counting, at every instruction
//! set, against merging plainly.
//!
//! The tokens are trained on the bytes of random texts of a few characters, so they begin and end inside
//! characters of every length and go on in any other script, and merging really gives them. The
//! characters resemble each other: same last bytes, same first bytes. Knows nothing of real vocabularies.
//!
//! A failure names its seed: `case(seed, texts)` is the whole of it. The long runs go on after one and say every few
//! seconds how far they are; `FASTTOK_TEXTS` and `FASTTOK_SEED` give them another length and another beginning.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::added::Part;
use crate::bpe::naive::{self, Naive};
use crate::character_bpe::rules::{META, Prefix, Rules};
use crate::character_bpe::symbols::Order;
use crate::character_bpe::{self, Definition};
use crate::encoding::definition::{Source, Unknown};
use crate::load::spec::{Merges, Spec};
use crate::normalize::Normalizer;
use crate::pretokenize::Pretokenizer;
use crate::{AddedToken, Counter, Encoder, Encoding, Level, Special};
use fasttok_simd::is_continuation;
use fasttok_testing::Random;

/// Kinds of characters that share a piece of most families.
const LETTERS: &str = "aeZéßÿŁжкΩאشनกကᚠḀ中国大行かカ한국豈Ａ𠀀𝒳";
const SIGNS: &str =
    "-=!/\u{7F}\u{80}\u{95}\u{9C}«¿×÷҂׀؟।๏᛫‐“…←\u{2060}、。「！￥😀🎉\u{301}\u{E000}\u{FEFF}";
const OTHERS: &str = "09²½٣३Ⅷ㊿𝟎 \n\t\u{85}\u{A0}\u{3000}\u{2003}'s";

/// The beginnings and lengths of blocks of characters that different tables know, or none.
const BLOCKS: [(u32, usize); 17] = [
    (0x20, 0x5F),
    (0x80, 0x80),
    (0x100, 0x700),
    (0x800, 0x800),
    (0x1000, 0x1000),
    (0x2000, 0x70),
    (0x2070, 0xF90),
    (0x3000, 0x100),
    (0x3400, 0x19C0),
    (0x4E00, 0x5200),
    (0xA000, 0xC00),
    (0xAC00, 0x2BA4),
    (0xE000, 0x1900),
    (0xF900, 0x200),
    (0xFF00, 0xFE),
    (0x1F300, 0x400),
    (0x20000, 0x100),
];

/// Texts of a vocabulary. What is built for it costs as much as some tens of texts do.
const TEXTS: usize = 30;
const TEXTS_IN_LONG_RUNS: usize = 100;

fn pick<'a, T>(random: &mut Random, from: &'a [T]) -> &'a T {
    &from[random.below(from.len())]
}

/// A few characters, and some that share bytes with them.
fn alphabet(random: &mut Random) -> Vec<char> {
    let kinds: Vec<char> = match random.below(5) {
        0 | 1 => LETTERS.chars().collect(),
        2 => SIGNS.chars().collect(),
        3 => [LETTERS, SIGNS, OTHERS].concat().chars().collect(),
        _ => {
            let mut any = || {
                let (start, len) = *pick(random, &BLOCKS);
                char::from_u32(start + random.below(len) as u32)
            };
            (0..30).filter_map(|_| any()).collect()
        }
    };
    let mut alphabet: Vec<char> = (0..1 + random.below(7)).map(|_| *pick(random, &kinds)).collect();
    for _ in 0..random.below(4) {
        let c = u32::from(*pick(random, &alphabet));
        let near = *pick(random, &[c ^ 1, c ^ 0x40, c ^ 0x80, c ^ 0x100, c ^ 0x1000, c & 0x3F]);
        alphabet.extend(char::from_u32(near).filter(|&c| c >= ' '));
    }
    alphabet
}

/// A text of a few characters, some repeated.
fn run(random: &mut Random, alphabet: &[char], len: usize) -> String {
    let mut text = String::new();
    let mut c = *pick(random, alphabet);
    for _ in 0..len {
        if random.below(3) > 0 {
            c = *pick(random, alphabet);
        }
        text.push(c);
    }
    text
}

type Ranks = HashMap<Vec<u8>, u32>;

/// Merges `bytes` by the ranks of tokens: the byte ranges that are left.
fn merge_by_rank(ranks: &Ranks, bytes: &[u8]) -> Vec<(usize, usize)> {
    let join = |left: (usize, usize), right: (usize, usize)| {
        let both = (left.0, right.1);
        (ranks.get(&bytes[both.0..both.1]).copied().unwrap_or(naive::NONE), both)
    };
    Naive::new().merge((0..bytes.len()).map(|at| (at, at + 1)), 1, join).to_vec()
}

/// Tokens in the order of their ranks, single bytes first, and the two parts of each that was trained.
fn train(random: &mut Random, alphabet: &[char]) -> (Vec<Vec<u8>>, Vec<[Vec<u8>; 2]>) {
    let mut tokens: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    let mut ranks: Ranks = tokens.iter().cloned().zip(0..).collect();
    let mut pairs = Vec::new();
    for _ in 0..4 + random.below(120) {
        let bytes = match random.below(24) {
            // What is no text at all.
            0 => (0..2 + random.below(6)).map(|_| (0x7F + random.below(0x81)) as u8).collect(),
            // A character in more bytes than it has.
            1 => {
                let c = u32::from(*pick(random, alphabet)) & 0x7FF;
                let [high, low] = [c >> 6, c & 0x3F].map(|bits| 0x80 | bits as u8);
                vec![0xE0, high, low]
            }
            _ => {
                let len = 2 + random.below(10);
                run(random, alphabet, len).into_bytes()
            }
        };
        let parts = merge_by_rank(&ranks, &bytes);
        if parts.len() < 2 {
            continue;
        }
        let at = random.below(parts.len() - 1);
        let ((start, middle), (_, end)) = (parts[at], parts[at + 1]);
        if end - start <= 40 {
            let token = bytes[start..end].to_vec();
            ranks.insert(token.clone(), tokens.len() as u32);
            tokens.push(token);
            pairs.push([bytes[start..middle].to_vec(), bytes[middle..end].to_vec()]);
        }
    }
    (tokens, pairs)
}

fn shuffle<T>(random: &mut Random, items: &mut [T], swaps: usize) {
    for _ in 0..swaps {
        let (a, b) = (random.below(items.len()), random.below(items.len()));
        items.swap(a, b);
    }
}

/// How text is merged, plainly.
enum Plain {
    ByRank(Ranks),
    /// The rank and the result of each merge of two tokens.
    ByList(HashMap<Vec<u8>, u32>, HashMap<(u32, u32), (u32, u32)>),
}

impl Plain {
    fn ids(&self) -> &HashMap<Vec<u8>, u32> {
        match self {
            Plain::ByRank(ids) | Plain::ByList(ids, _) => ids,
        }
    }

    fn merge(&self, piece: &[u8]) -> Vec<u32> {
        match self {
            Plain::ByRank(ranks) => {
                let parts = merge_by_rank(ranks, piece);
                parts.into_iter().map(|(start, end)| ranks[&piece[start..end]]).collect()
            }
            Plain::ByList(ids, merges) => {
                let none = (naive::NONE, naive::NONE);
                let join = |left, right| merges.get(&(left, right)).copied().unwrap_or(none);
                let bytes = piece.chunks(1).map(|byte| ids[byte]);
                Naive::new().merge(bytes, 1, join).to_vec()
            }
        }
    }
}

/// An encoding of bytes, and what it does, plainly.
struct Case {
    encoding: Arc<Encoding>,
    plain: Plain,
    whole_pieces: bool,
    /// Whether a byte is no token: then counting is held against encoding alone.
    lacks: bool,
    alphabet: Vec<char>,
    tokens: Vec<Vec<u8>>,
}

const ONE_PIECE: &str = r"[\s\S]+";

impl Case {
    fn new(random: &mut Random) -> Case {
        let alphabet = alphabet(random);
        let (mut tokens, pairs) = train(random, &alphabet);
        let by_rank = random.below(3) > 0;
        match random.below(4) {
            // Single bytes in any order, or anywhere, or anything in any order: merges that come before those
            // of their parts, tokens that merging does not give.
            0 => shuffle(random, &mut tokens[..256], 256),
            1 => shuffle(random, &mut tokens, 40),
            2 => shuffle(random, &mut tokens, 2000),
            _ => {}
        }
        let whole_pieces = by_rank || random.below(2) == 0;
        // Missing bytes are what only merge lists are met with.
        let lacks = !by_rank && random.below(4) == 0;
        let mut list = pairs;
        if lacks {
            let missing: Vec<u8> = (0..1 + random.below(3))
                .map(|_| {
                    let text = pick(random, &alphabet).to_string();
                    *pick(random, text.as_bytes())
                })
                .collect();
            tokens.retain(|token| !(token.len() == 1 && missing.contains(&token[0])));
            list.retain(|[left, right]| tokens.contains(left) && tokens.contains(right));
        }
        let ids: HashMap<Vec<u8>, u32> = tokens.iter().cloned().zip(0..).collect();
        let (plain, merges) = if by_rank {
            (Plain::ByRank(ids), Merges::ByRank)
        } else {
            for _ in 0..random.below(30) {
                // Another way to make a token.
                let token = pick(random, &tokens);
                let (left, right) = token.split_at(random.below(token.len()));
                if ids.contains_key(left) && ids.contains_key(right) {
                    list.push([left.to_vec(), right.to_vec()]);
                }
            }
            if random.below(2) == 0 && !list.is_empty() {
                let swaps = *pick(random, &[3, 400]);
                shuffle(random, &mut list, swaps);
            }
            let list: Vec<(u32, u32)> =
                list.iter().map(|[left, right]| (ids[left], ids[right])).collect();
            let mut merges = HashMap::new();
            for (rank, &(left, right)) in (0..).zip(&list) {
                let both = [&tokens[left as usize][..], &tokens[right as usize]].concat();
                merges.insert((left, right), (rank, ids[&both]));
            }
            (Plain::ByList(ids, merges), Merges::List(list))
        };
        let names = Pretokenizer::names();
        let pattern = if random.below(6) == 0 { ONE_PIECE } else { pick(random, names) };
        let normalizer = match random.below(16) {
            0 => json!({"type": "NFC"}),
            1 => json!({"type": "NFD"}),
            2 => json!({"type": "NFKC"}),
            3 => json!({"type": "Lowercase"}),
            4 => json!({"type": "Strip", "strip_left": true, "strip_right": true}),
            5 => json!({"type": "Prepend", "prepend": alphabet[0]}),
            6 => json!({"type": "Replace", "pattern": {"String": alphabet[0]}, "content": " "}),
            7 => json!({"type": "StripAccents"}),
            _ => Value::Null,
        };
        let source = Source::of_pattern(normalizer, pattern.to_owned());
        let (normalizer, pretokenizer) = source.build().unwrap();
        let unknown = Unknown { id: 1 << 20, fused: random.below(2) == 0 };
        let spec = Spec {
            name: pattern.to_owned(),
            hash: String::new(),
            normalizer,
            pretokenizer,
            source,
            tokens: tokens.iter().cloned().zip(0..).collect(),
            merges,
            whole_pieces,
            unknown: (random.below(2) == 0).then_some(unknown),
            added: added_tokens(random, &alphabet),
        };
        let encoding = Arc::new(spec.build().unwrap());
        Case { encoding, plain, whole_pieces, lacks, alphabet, tokens }
    }

    /// The ids of normalized text, plainly.
    fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut piece = |piece: &[u8]| {
            match self.plain.ids().get(piece) {
                Some(&id) if self.whole_pieces => ids.push(id),
                _ => ids.extend(self.plain.merge(piece)),
            };
        };
        match self.encoding.pretokenizer().scanner() {
            None => piece(text.as_bytes()),
            Some(scanner) => {
                let mut start = 0;
                while start < text.len() {
                    let end = (scanner.piece_end)(text.as_bytes(), start);
                    piece(&text.as_bytes()[start..end]);
                    start = end;
                }
            }
        }
        ids
    }

    /// Texts of all kinds.
    fn text(&self, random: &mut Random) -> String {
        let mut text = String::new();
        for _ in 0..1 + random.below(3) {
            match random.below(5) {
                0 => text.push_str(&of_tokens(random, &self.tokens, &self.alphabet)),
                2 => {
                    for _ in 0..1 + random.below(6) {
                        let c = *pick(random, &self.alphabet);
                        text.extend(std::iter::repeat_n(c, 1 + random.below(150)));
                    }
                }
                1 => {
                    let size = 1 + random.below(40);
                    let repeated = run(random, &self.alphabet, size);
                    let times = 1 + random.below(1 + 200 / size);
                    text.push_str(&repeated.repeat(times));
                }
                _ => text.push_str(&of_size(random, &self.alphabet)),
            }
            let glue = *pick(random, &["", "", " ", "\n", "a", "1", "-", "  ", "'s"]);
            text.push_str(glue);
        }
        text
    }
}

/// A text of a size at which something changes.
fn of_size(random: &mut Random, alphabet: &[char]) -> String {
    let sizes: [usize; 22] =
        [1, 2, 3, 7, 14, 15, 16, 17, 30, 31, 32, 33, 34, 62, 63, 64, 65, 66, 127, 129, 520, 1100];
    let most = if random.below(8) == 0 { sizes.len() } else { 19 };
    let size = *pick(random, &sizes[..most]);
    let mut text = run(random, alphabet, size);
    while text.len() > size {
        text.pop();
    }
    let filler = *pick(random, &['a', '-', '\u{95}']);
    while text.len() + filler.len_utf8() <= size {
        text.push(filler);
    }
    text
}

/// Tokens one after the other, begun and ended with characters that they are parts of.
fn of_tokens(random: &mut Random, tokens: &[Vec<u8>], alphabet: &[char]) -> String {
    let tokens = &tokens[tokens.len().saturating_sub(130)..];
    let mut bytes = Vec::new();
    let few: Vec<&[u8]> = (0..1 + random.below(3)).map(|_| &pick(random, tokens)[..]).collect();
    for _ in 0..1 + random.below(16) {
        let token = *pick(random, &few);
        let begun = token.iter().take_while(|&&byte| is_continuation(byte)).count();
        let whole = |end: &[u8]| {
            alphabet.iter().map(|c| c.to_string().into_bytes()).find(|c| c.ends_with(end))
        };
        if begun > 0
            && let Some(c) = whole(&token[..begun])
        {
            bytes.extend_from_slice(&c[..c.len() - begun]);
        }
        bytes.extend_from_slice(token);
        let lead = token.iter().rposition(|byte| byte & 0xC0 != 0x80);
        let end = lead.map_or(token, |lead| &token[lead..]);
        let c = alphabet.iter().map(|c| c.to_string().into_bytes()).find(|c| c.starts_with(end));
        if let Some(c) = c {
            bytes.extend_from_slice(&c[end.len()..]);
        }
    }
    String::from_utf8_lossy(&bytes).replace('\u{FFFD}', "")
}

fn added_tokens(random: &mut Random, alphabet: &[char]) -> Vec<AddedToken> {
    let mut contents: Vec<String> = (0..random.below(3))
        .map(|_| {
            let len = 1 + random.below(3);
            run(random, alphabet, len)
        })
        .collect();
    contents.sort();
    contents.dedup();
    let ids = 1 << 19..;
    let token = |(content, id)| AddedToken {
        lstrip: random.below(4) == 0,
        rstrip: random.below(4) == 0,
        single_word: random.below(6) == 0,
        special: random.below(2) == 0,
        ..AddedToken::special(content, id)
    };
    contents.into_iter().zip(ids).map(token).collect()
}

/// Characters of a text left out while it still `fails`.
fn shrink(text: &str, fails: impl FnMut(&str) -> bool) -> String {
    crate::counter::tests::shrink(text, fails)
}

fn counters(encoding: &Arc<Encoding>) -> Vec<(Level, Counter)> {
    let levels = Level::available().into_iter();
    levels.map(|level| (level, Counter::with_level(encoding.clone(), level))).collect()
}

/// One vocabulary of bytes, and so many texts.
fn case(seed: u64, texts: usize) {
    let random = &mut Random::new(seed);
    let case = Case::new(random);
    let encoding = &case.encoding;
    let name = encoding.name();
    let mut counters = counters(encoding);
    let levels = Level::available().into_iter();
    let mut encoders: Vec<_> =
        levels.map(|level| (level, Encoder::with_level(encoding.clone(), level))).collect();
    let plainly = |text: &str| {
        let mut ids = Vec::new();
        let then = &mut |part: Part| {
            match part {
                Part::Token(id) => ids.push(id),
                Part::Text(text, _) => ids.extend(case.encode(text)),
            }
            Ok(())
        };
        encoding.for_each_part(text, Special::Text, then).unwrap();
        ids
    };
    for _ in 0..texts {
        let text = case.text(random);
        let mut ids = Vec::new();
        encoding.encode(&text, Special::Text, &mut ids).unwrap();
        if !case.lacks {
            assert!(ids == plainly(&text), "seed {seed:#X}, {name}: ids of {text:?}");
        }
        for (level, encoder) in &mut encoders {
            // The second time, pieces are known.
            for _ in 0..2 {
                let mut made = Vec::new();
                encoder.encode(&text, Special::Text, &mut made).unwrap();
                assert!(ids == made, "seed {seed:#X}, {name}, {level:?}: ids of {text:?}");
            }
        }
        for (level, counter) in &mut counters {
            // The second time, pieces are known.
            for _ in 0..2 {
                let count = |counter: &mut Counter, text: &str| {
                    counter.count(text, Special::Text).unwrap() as usize
                };
                if count(counter, &text) != ids.len() {
                    let small = shrink(&text, |text| {
                        let mut ids = Vec::new();
                        encoding.encode(text, Special::Text, &mut ids).unwrap();
                        count(counter, text) != ids.len()
                    });
                    panic!("seed {seed:#X}, {name}, {level:?}: {small:?}, of {text:?}");
                }
            }
        }
        cut_everywhere(&mut counters[0].1, &text, seed);
    }
}

/// The sums of both sides of every cut.
fn cut_everywhere(counter: &mut Counter, text: &str, seed: u64) -> usize {
    let encoding = counter.encoding().clone();
    let mut cuts = 0;
    for special in [Special::Text, Special::Token] {
        let whole = counter.count(text, special).unwrap();
        let mut from = 0;
        while let Some(at) = encoding.split_point(text, from, special) {
            let (left, right) = text.split_at(at);
            let count =
                counter.count(left, special).unwrap() + counter.count(right, special).unwrap();
            assert!(count == whole, "seed {seed:#X}, {special:?}: {left:?} | {right:?}");
            from = at + 1;
            cuts += 1;
            if cuts > 40 {
                break;
            }
        }
    }
    cuts
}

/// One vocabulary of characters, and so many texts.
fn case_of_character_bpe(seed: u64, rounds: usize) {
    let random = &mut Random::new(seed);
    let mut alphabet = alphabet(random);
    alphabet.push(' ');
    let mut texts: Vec<String> = alphabet.iter().map(|c| c.to_string()).collect();
    if random.below(2) == 0 {
        // Some characters are unknown.
        let most = 1 + random.below(texts.len());
        texts.truncate(most);
    }
    let escape = random.below(2) == 0;
    if escape && !texts.iter().any(|text| text == " ") {
        // What an escaped blank that is unknown becomes is for those who read the file to say.
        texts.push(" ".to_owned());
    }
    let known: Vec<char> = texts.iter().filter_map(|text| text.chars().next()).collect();
    let mut pairs = Vec::new();
    for _ in 0..2 + random.below(60) {
        let two = [pick(random, &texts).clone(), pick(random, &texts).clone()];
        let both = two.concat();
        if both.len() <= 40 && !texts.contains(&both) {
            pairs.push(two);
            texts.push(both);
        }
    }
    texts.sort();
    texts.dedup();
    if random.below(2) == 0 {
        shuffle(random, &mut pairs, 40);
    }
    if escape {
        texts.iter_mut().for_each(|text| *text = text.replace(' ', META));
        pairs.iter_mut().flatten().for_each(|text| *text = text.replace(' ', META));
    }
    let index = |text: &String| texts.iter().position(|other| other == text).unwrap() as u32;
    let order = if random.below(2) == 0 {
        let mut scores: Vec<f32> = (0..texts.len()).map(|at| -(at as f32)).collect();
        shuffle(random, &mut scores, 200);
        Order::Scores(scores)
    } else {
        Order::Merges(pairs.iter().map(|[left, right]| (index(left), index(right))).collect())
    };
    let mut user: Vec<String> = (0..random.below(3))
        .map(|_| {
            let len = 1 + random.below(3);
            run(random, &alphabet, len)
        })
        .filter(|piece| !texts.contains(piece))
        .collect();
    user.sort();
    user.dedup();
    let bytes = Box::new(std::array::from_fn(|byte| 100_000 + byte as u32));
    let unknown = match random.below(3) {
        0 => character_bpe::Unknown::Token { id: 0, fused: random.below(2) == 0 },
        _ => character_bpe::Unknown::Bytes(bytes),
    };
    let fallback = matches!(unknown, character_bpe::Unknown::Bytes(_));
    let prefix = *pick(random, &[Prefix::Never, Prefix::Always, Prefix::UnlessBlank]);
    let whole_texts = random.below(4) == 0;
    let plainly = user.is_empty() && fallback && prefix == Prefix::Never && !whole_texts;
    let definition = Definition {
        rules: Rules { escape, prefix, ..Rules::none() },
        tokens: texts.iter().cloned().zip(300..).collect(),
        order,
        user: user.into_iter().zip(200_000..).collect(),
        unknown,
        plain: None,
        decoder: None,
        split_at_blanks: false,
        whole_texts,
    };
    let plain = PlainCharacterBpe::new(&definition, escape);
    let name = (format!("characters {seed:#X}"), String::new());
    let encoding = Encoding::of_character_bpe(
        name,
        Normalizer::default(),
        Pretokenizer::CharacterLevel,
        definition,
        Vec::new(),
    );
    let encoding = Arc::new(encoding.unwrap());
    let mut counters = counters(&encoding);
    for _ in 0..rounds {
        let few = if random.below(2) == 0 { &alphabet } else { &known };
        let mut text = of_size(random, few);
        text.push_str(&run(random, &alphabet, 6));
        if random.below(2) == 0 {
            text.push_str(&of_size(random, few));
        }
        let mut ids = Vec::new();
        encoding.encode(&text, Special::Text, &mut ids).unwrap();
        if plainly {
            assert!(ids == plain.encode(&text), "seed {seed:#X}: ids of {text:?}");
        }
        for (level, counter) in &mut counters {
            for _ in 0..2 {
                let count = counter.count(&text, Special::Text).unwrap();
                assert!(count == ids.len() as u64, "seed {seed:#X}, {level:?}: {text:?}");
            }
        }
        cut_everywhere(&mut counters[0].1, &text, seed);
    }
}

/// What a vocabulary of characters does where each unknown character is its bytes and nothing else is done.
struct PlainCharacterBpe {
    escape: bool,
    ids: HashMap<String, u32>,
    /// By the texts of both: rank and text.
    rank: HashMap<(String, String), u32>,
    /// By the text of both together.
    score: HashMap<String, u32>,
}

impl PlainCharacterBpe {
    fn new(definition: &Definition, escape: bool) -> PlainCharacterBpe {
        let texts: Vec<&String> = definition.tokens.iter().map(|(text, _)| text).collect();
        let (mut rank, mut score) = (HashMap::new(), HashMap::new());
        match &definition.order {
            Order::Scores(scores) => {
                let mut order: Vec<usize> = (0..texts.len()).collect();
                order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
                score.extend(order.iter().zip(0..).map(|(&at, rank)| (texts[at].clone(), rank)));
            }
            Order::Merges(merges) => {
                let text = |at: u32| texts[at as usize].clone();
                let pairs = merges.iter().map(|&(left, right)| (text(left), text(right)));
                rank.extend(pairs.zip(0..));
            }
        }
        let ids = definition.tokens.iter().cloned().collect();
        PlainCharacterBpe { escape, ids, rank, score }
    }

    fn encode(&self, text: &str) -> Vec<u32> {
        let text = if self.escape { text.replace(' ', META) } else { text.to_owned() };
        let known = |part: (usize, usize)| self.ids.contains_key(&text[part.0..part.1]);
        let join = |left: (usize, usize), right: (usize, usize)| {
            let both = (left.0, right.1);
            let of = |part: (usize, usize)| text[part.0..part.1].to_owned();
            let rank = if !known(left) || !known(right) {
                None
            } else if self.rank.is_empty() {
                self.score.get(&of(both)).copied()
            } else {
                self.rank.get(&(of(left), of(right))).copied()
            };
            (rank.unwrap_or(naive::NONE), both)
        };
        let chars = text.char_indices().map(|(at, c)| (at, at + c.len_utf8()));
        let mut ids = Vec::new();
        for &(start, end) in Naive::new().merge(chars, 1, join) {
            match self.ids.get(&text[start..end]) {
                Some(&id) => ids.push(id),
                None => ids.extend(text[start..end].bytes().map(|byte| 100_000 + u32::from(byte))),
            }
        }
        ids
    }
}

/// Runs `case` with seeds from `from` on until there were `texts` texts, `each` of a vocabulary.
fn until(texts: usize, each: usize, from: u64, case: fn(u64, usize)) {
    for seed in (from + 1..).take(texts.div_ceil(each)) {
        case(scattered(seed), each);
    }
}

/// Seeds next to each other are far from each other.
fn scattered(seed: u64) -> u64 {
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// As [`until`], for minutes or hours: a difference is counted and the run goes on, and it says now and then, whatever
/// captures the output of tests, how far it is.
fn long_run(name: &str, case: fn(u64, usize)) {
    let given = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let texts = given("FASTTOK_TEXTS").unwrap_or(1_000_000) as usize;
    let from = given("FASTTOK_SEED").unwrap_or(1 << 32);
    let (mut done, mut differences) = (0, Vec::new());
    let mut said = Instant::now();
    let say = |seed: u64, done: usize, differences: &[u64]| {
        let found = differences.len();
        let _ = writeln!(
            std::io::stderr(),
            "{name}: seed {seed:#X}, {done} of {texts} texts, {found} vocabularies differ {differences:X?}"
        );
    };
    for seed in from + 1.. {
        let seed = scattered(seed);
        if std::panic::catch_unwind(|| case(seed, TEXTS_IN_LONG_RUNS)).is_err() {
            differences.push(seed);
        }
        done += TEXTS_IN_LONG_RUNS;
        if done >= texts || said.elapsed() > Duration::from_secs(10) {
            said = Instant::now();
            say(seed, done, &differences);
        }
        if done >= texts {
            break;
        }
    }
    assert!(differences.is_empty(), "{name}: seeds {differences:#X?}");
}

/// Boundaries that were taken for safe although a piece, or what a normalizer makes of the text, goes on.
#[test]
fn no_cut_inside_a_piece() {
    let (nfd, null) = (json!({"type": "NFD"}), Value::Null);
    let prepend = json!({"type": "Prepend", "prepend": "x"});
    for (pattern, normalizer, text) in [
        ("deepseek-v2", &null, "국\u{2060}국"),
        ("deepseek-v2", &null, "국\u{2003}국"),
        ("deepseek-v2", &null, "½  x"),
        ("deepseek-coder", &null, "Ⅷ+"),
        ("deepseek-v3", &null, "ト・ト"),
        ("kimi", &null, "国⺀国"),
        ("cl100k", &nfd, "é\nx"),
        ("cl100k", &prepend, "a b"),
    ] {
        let source = Source::of_pattern(normalizer.clone(), pattern.to_owned());
        let (normalizer, pretokenizer) = source.build().unwrap();
        let spec = Spec {
            name: String::new(),
            hash: String::new(),
            normalizer,
            pretokenizer,
            source,
            tokens: (0..=255).map(|byte| (vec![byte], u32::from(byte))).collect(),
            merges: Merges::ByRank,
            whole_pieces: true,
            unknown: None,
            added: Vec::new(),
        };
        let encoding = spec.build().unwrap();
        assert_eq!(encoding.split_point(text, 0, Special::Text), None, "{pattern}: {text:?}");
    }
}

#[test]
fn vocabularies_of_bytes() {
    until(6_000, TEXTS, 0, case);
}

#[test]
fn vocabularies_of_character_bpe() {
    until(4_000, TEXTS, 0, case_of_character_bpe);
}

#[test]
#[ignore = "minutes"]
fn many_vocabularies_of_bytes() {
    long_run("bytes", case);
}

#[test]
#[ignore = "minutes"]
fn many_vocabularies_of_character_bpe() {
    long_run("character BPE", case_of_character_bpe);
}

//! Merging that starts from characters, for a merger that starts from bytes.
//!
//! sentencepiece's BPE, and HF's without a byte-level alphabet, begin with the characters of the text. Here
//! each character of the vocabulary that is longer than a byte is put together from its bytes by merges
//! that come before all others, through *prefixes* that are no tokens. No other merge knows a byte or a
//! prefix, so characters that are not in the vocabulary merge with nothing; but they may be left in
//! fewer parts than they have bytes, which [`parts`] tells.
//!
//! Only one pair of tokens can ever be seen to merge into a token (see `bpe::naive`), so one merge a
//! token is enough here, too.

use std::borrow::Cow;
use std::collections::HashMap;

use fasttok_simd::Portable;

use crate::Error;
use crate::bpe::model::BpeModel;
use crate::bpe::naive::{NONE, Naive};
use crate::vocab::{Vocab, limits};

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// The most tokens that are accepted: prefixes and bytes take numbers, too.
const MOST: usize = (1 << 20) - 1;

/// Which neighbours merge first.
pub(crate) enum Order {
    /// Any two that together are a token; the one with the highest score first, then the leftmost.
    Scores(Vec<f32>),
    /// These pairs, by their indices in the list of tokens, the first one first; of equal pairs the last
    /// counts.
    Merges(Vec<(u32, u32)>),
}

/// What numbers and characters of a vocabulary of characters are.
pub(crate) struct Symbols {
    /// Numbers below this are bytes, prefixes and characters; the rest are merged from characters.
    pub first_merged: u32,
    /// Tokens of several characters that merging does not give.
    pub unreachable: Vec<(String, u32)>,
    /// A bit a number below `first_merged`: whether it is a character of the vocabulary.
    known: Vec<u64>,
    /// A bit a code point: whether it is a character of the vocabulary.
    characters: Vec<u64>,
}

fn bit(bits: &[u64], at: usize) -> bool {
    bits.get(at >> 6).is_some_and(|word| word >> (at & 63) & 1 != 0)
}

fn set(bits: &mut [u64], at: usize) {
    bits[at >> 6] |= 1 << (at & 63);
}

impl Symbols {
    /// The tables of `tokens`: text and id of each, none empty, no text twice. The last `bare` of them are
    /// characters that are no tokens, but merge into tokens.
    pub fn new(
        tokens: &[(String, u32)],
        order: &Order,
        bare: usize,
    ) -> Result<(Symbols, Vocab, BpeModel), Error> {
        check(tokens, order)?;
        let indices: Map<&str, u32> =
            tokens.iter().enumerate().map(|(at, (token, _))| (&**token, at as u32)).collect();
        let mut made = match order {
            Order::Scores(scores) => by_scores(tokens, scores, &indices)?,
            Order::Merges(merges) => by_merges(tokens, merges, &indices)?,
        };
        made.sort_unstable_by_key(|merge| merge.rank);

        // Bytes, prefixes and characters.
        let mut bytes: Vec<u8> = (0..=255).collect();
        let mut lens = vec![1u16; 256];
        let mut ids = vec![0u32; 256];
        let mut numbers = vec![NONE; tokens.len()];
        let mut chain: Map<Vec<u8>, u32> = (0..=255u8).map(|b| (vec![b], u32::from(b))).collect();
        let mut merges = Vec::new();
        let mut characters = vec![0; 0x11_0000 / 64];
        let mut characters_of = Vec::new();
        for (at, (token, id)) in tokens.iter().enumerate() {
            let mut chars = token.chars();
            let (Some(c), None) = (chars.next(), chars.next()) else { continue };
            let is_token = at < tokens.len() - bare;
            if is_token {
                set(&mut characters, c as usize);
            }
            let utf8 = token.as_bytes();
            let mut number = u32::from(utf8[0]);
            for end in 2..=utf8.len() {
                let before = number;
                number = *chain.entry(utf8[..end].to_vec()).or_insert_with(|| {
                    let number = lens.len() as u32;
                    bytes.extend_from_slice(&utf8[..end]);
                    lens.push(end as u16);
                    ids.push(0);
                    merges.push((before, u32::from(utf8[end - 1]), number));
                    number
                });
            }
            ids[number as usize] = *id;
            numbers[at] = number;
            if is_token {
                characters_of.push(number);
            }
        }
        let first_merged = lens.len() as u32;
        let mut known = vec![0; lens.len().div_ceil(64)];
        for number in characters_of {
            set(&mut known, number as usize);
        }
        // What is made of them.
        for merge in &made {
            let number = lens.len() as u32;
            let (token, id) = &tokens[merge.made as usize];
            numbers[merge.made as usize] = number;
            bytes.extend_from_slice(token.as_bytes());
            lens.push(token.len() as u16);
            ids.push(*id);
        }
        for merge in &made {
            let [left, right] = merge.of.map(|at| numbers[at as usize]);
            merges.push((left, right, numbers[merge.made as usize]));
        }
        let unreachable = tokens.iter().zip(&numbers).filter(|(_, number)| **number == NONE);
        let symbols = Symbols {
            unreachable: unreachable.map(|(token, _)| token.clone()).collect(),
            first_merged,
            known,
            characters,
        };
        let vocab = Vocab::new(Cow::Owned(bytes), lens.into_iter()).with_ids(ids);
        let bytes = std::array::from_fn(|byte| byte as u32);
        Ok((symbols, vocab, BpeModel::new(bytes, merges.iter().copied())))
    }

    /// Whether `c` is a character of the vocabulary.
    pub fn knows(&self, c: u32) -> bool {
        bit(&self.characters, c as usize)
    }

    /// Whether `number` stands for a token, not for a byte or a prefix.
    pub fn is_token(&self, number: u32) -> bool {
        number >= self.first_merged || bit(&self.known, number as usize)
    }

    /// The tokens of `vocab` that are merged from characters.
    pub fn merged<'a>(&self, vocab: &'a Vocab) -> impl Iterator<Item = &'a str> {
        (self.first_merged..vocab.len() as u32)
            .map(|number| std::str::from_utf8(vocab.token(number)).expect("made of text"))
    }
}

/// Whether the first two bytes of a character begin one of the vocabulary.
pub(crate) fn has_prefix(pairs: &BpeModel, utf8: &[u8]) -> bool {
    pairs.of_bytes(utf8[0], utf8[1]) != crate::bpe::pairs::NONE
}

/// The number of parts that merging leaves of the character `utf8`, which is not in the vocabulary.
pub(crate) fn parts(pairs: &BpeModel, utf8: &[u8]) -> usize {
    crate::bpe::registers::count_in_registers(Portable, pairs, utf8)
}

/// Refuses what the tables cannot hold.
fn check(tokens: &[(String, u32)], order: &Order) -> Result<(), Error> {
    limits::check(tokens.iter().map(|(token, _)| token.as_bytes()), MOST)?;
    match order {
        Order::Scores(scores) if scores.iter().any(|score| score.is_nan()) => {
            Err(Error::TokenizerFile { reason: "a score that is no number".to_owned() })
        }
        _ => Ok(()),
    }
}

/// A merge: its rank, what it makes and of what, by indices.
struct Merge {
    rank: u32,
    made: u32,
    of: [u32; 2],
}

/// The merges by scores: the rank is the position in the order of scores.
fn by_scores(
    tokens: &[(String, u32)],
    scores: &[f32],
    indices: &Map<&str, u32>,
) -> Result<Vec<Merge>, Error> {
    let mut order: Vec<u32> = (0..tokens.len() as u32).collect();
    let several = |at: u32| tokens[at as usize].0.chars().nth(1).is_some();
    order.retain(|&at| several(at));
    let len = |at: u32| tokens[at as usize].0.len();
    // Not -0.0, which orders below 0.0.
    let score = |at: u32| scores[at as usize] + 0.0;
    // Of a run of one character the longest token first is the leftmost merge first.
    order.sort_by(|&a, &b| score(b).total_cmp(&score(a)).then(len(b).cmp(&len(a))));
    for equal in order.chunk_by(|&a, &b| score(a) == score(b)).filter(|equal| equal.len() > 1) {
        let first = tokens[equal[0] as usize].0.chars().next();
        let runs = |&at: &u32| tokens[at as usize].0.chars().all(|c| Some(c) == first);
        if !equal.iter().all(runs) {
            return Err(Error::UnsupportedTokenizer {
                component: "the sentencepiece model".to_owned(),
                reason: format!(
                    "pieces of equal score ({}) that are not runs of one character, such as {:?} and {:?}",
                    score(equal[0]),
                    tokens[equal[0] as usize].0,
                    tokens[equal[1] as usize].0,
                ),
            });
        }
    }
    let mut ranks = vec![NONE; tokens.len()];
    for (rank, &at) in order.iter().enumerate() {
        ranks[at as usize] = rank as u32;
    }
    let mut made = Vec::with_capacity(order.len());
    let mut naive = Naive::new();
    for &at in &order {
        let token = &*tokens[at as usize].0;
        let merge = last_merge(
            &mut naive,
            token,
            |part| indices.get(part).copied().unwrap_or(NONE),
            |_, _, both| match indices.get(both) {
                Some(&merged) => (ranks[merged as usize], merged),
                None => (NONE, NONE),
            },
        );
        if let Some((rank, of)) = merge {
            made.push(Merge { rank, made: at, of });
        }
    }
    Ok(made)
}

/// The merges of a list.
fn by_merges(
    tokens: &[(String, u32)],
    list: &[(u32, u32)],
    indices: &Map<&str, u32>,
) -> Result<Vec<Merge>, Error> {
    let mut ranks: Map<(u32, u32), (u32, u32)> =
        HashMap::with_capacity_and_hasher(list.len(), Default::default());
    let mut both = String::new();
    for (rank, &(left, right)) in list.iter().enumerate() {
        both.clear();
        both.push_str(&tokens[left as usize].0);
        both.push_str(&tokens[right as usize].0);
        let Some(&merged) = indices.get(&*both) else {
            return Err(Error::TokenizerFile {
                reason: format!("merge {rank} makes {both:?}, which is no token"),
            });
        };
        ranks.insert((left, right), (rank as u32, merged));
    }
    let mut made = Vec::with_capacity(tokens.len());
    let mut naive = Naive::new();
    for (at, (token, _)) in tokens.iter().enumerate() {
        let merge = last_merge(
            &mut naive,
            token,
            |part| indices.get(part).copied().unwrap_or(NONE),
            |left, right, _| ranks.get(&(left, right)).copied().unwrap_or((NONE, NONE)),
        );
        if let Some((rank, of)) = merge {
            made.push(Merge { rank, made: at as u32, of });
        }
    }
    Ok(made)
}

/// A part of a token: its index and where it begins and ends.
type Part = (u32, usize, usize);

/// Merges the characters of `token` until two parts are left: the rank of their merge, and the two.
/// `None` if merging does not get there, or if there was one character only. `index_of` says which token a
/// character is, and `rank` of two tokens, and of the bytes of both, which rank their merge has and what
/// it makes.
fn last_merge(
    naive: &mut Naive<Part>,
    token: &str,
    index_of: impl Fn(&str) -> u32,
    rank: impl Fn(u32, u32, &str) -> (u32, u32),
) -> Option<(u32, [u32; 2])> {
    let chars = token.char_indices().map(|(at, c)| {
        let end = at + c.len_utf8();
        (index_of(&token[at..end]), at, end)
    });
    let join = |left: Part, right: Part| {
        let (start, end) = (left.1, right.2);
        let (rank, merged) = if left.0 == NONE || right.0 == NONE {
            (NONE, NONE)
        } else {
            rank(left.0, right.0, &token[start..end])
        };
        (rank, (merged, start, end))
    };
    let &[left, right] = naive.merge(chars, 2, join) else { return None };
    let rank = join(left, right).0;
    (rank != NONE).then_some((rank, [left.0, right.0]))
}

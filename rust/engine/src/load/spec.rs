//! A tokenizer as its file describes it, whatever the format, and how it becomes an [`Encoding`].

use std::borrow::Cow;
use std::collections::HashMap;

use crate::Error;
use crate::added::AddedToken;
use crate::bpe::pairs::{NONE, Pairs};
use crate::encoding::{Encoding, Parts};
use crate::load::splits;
use crate::normalize::Normalizer;
use crate::pretokenize::Pretokenizer;
use crate::vocab::Vocab;

/// The longest token that is accepted, in bytes. Real ones stay below 300.
const LONGEST: usize = 1 << 12;
/// The most tokens: what the merge tables can number.
const MOST: usize = (NONE - 1) as usize;

/// A tokenizer as its file describes it.
pub(crate) struct Spec {
    /// What the encoding is called.
    pub name: String,
    /// SHA-256 of the file, in hex.
    pub hash: String,
    pub normalizer: Normalizer,
    pub pretokenizer: Pretokenizer,
    /// The bytes of every token, each once, and its id.
    pub tokens: Vec<(Vec<u8>, u32)>,
    pub merges: Merges,
    /// A piece that is a token is that token, whether or not merging gives it.
    pub whole_pieces: bool,
    /// What bytes that are no token become; nothing, without.
    pub unknown: Option<Unknown>,
    pub added: Vec<AddedToken>,
}

/// Which neighbours merge first.
pub(crate) enum Merges {
    /// Any two tokens that together are a token; the one with the lowest id first.
    ByRank,
    /// These pairs, by their places in [`Spec::tokens`], the first one first; of equal pairs the last counts.
    List(Vec<(u32, u32)>),
}

/// The token of what is not in the vocabulary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unknown {
    pub id: u32,
    /// One token for all neighbours that are unknown.
    pub fused: bool,
}

impl Spec {
    /// Makes the tables of the engine.
    pub fn build(mut self) -> Result<Encoding, Error> {
        let damaged = |reason: String| Error::TokenizerFile { reason };
        if self.tokens.len() > MOST {
            return Err(damaged(format!("{} tokens are more than {MOST}", self.tokens.len())));
        }
        if let Some((token, _)) = self.tokens.iter().find(|(token, _)| token.len() > LONGEST) {
            return Err(damaged(format!("a token of {} bytes", token.len())));
        }
        if self.tokens.iter().any(|(token, _)| token.is_empty()) {
            return Err(damaged("an empty token".to_owned()));
        }
        // By number: the place in `tokens`, and the pair of numbers whose merge makes the token.
        let (order, splits) = match std::mem::replace(&mut self.merges, Merges::ByRank) {
            Merges::ByRank => by_rank(&self.tokens),
            Merges::List(merges) => by_list(&self.tokens, &merges)?,
        };
        let mut bytes = Vec::with_capacity(self.tokens.iter().map(|(token, _)| token.len()).sum());
        let mut singles = [NONE; 256];
        let (mut merges, mut unreachable) = (Vec::new(), Vec::new());
        for (number, (&at, &[left, right])) in order.iter().zip(&splits).enumerate() {
            let (number, token) = (number as u32, &self.tokens[at as usize].0);
            bytes.extend_from_slice(token);
            match token[..] {
                [byte] => singles[usize::from(byte)] = number,
                _ if left == splits::NONE => unreachable.push(number),
                _ => merges.push((left, right, number)),
            }
        }
        let lens: Vec<u16> =
            order.iter().map(|&at| self.tokens[at as usize].0.len() as u16).collect();
        let vocab = Vocab::new(Cow::Owned(bytes), lens.into_iter())
            .with_ids(order.iter().map(|&at| self.tokens[at as usize].1).collect());
        Ok(Encoding::new(Parts {
            name: self.name,
            hash: self.hash,
            normalizer: self.normalizer,
            pretokenizer: self.pretokenizer,
            vocab,
            pairs: Pairs::new(singles, &merges),
            unreachable,
            whole_pieces: self.whole_pieces,
            unknown: self.unknown,
            added: self.added,
            characters: None,
        }))
    }
}

/// Numbers in the order of ids, which are the ranks.
fn by_rank(tokens: &[(Vec<u8>, u32)]) -> (Vec<u32>, Vec<[u32; 2]>) {
    let mut order: Vec<u32> = (0..tokens.len() as u32).collect();
    order.sort_by_key(|&at| tokens[at as usize].1);
    let in_order: Vec<&[u8]> = order.iter().map(|&at| &*tokens[at as usize].0).collect();
    let splits = splits::canonical_splits(&in_order);
    (order, splits)
}

/// Numbers in the order in which merges make the tokens: first what no merge makes (single bytes and
/// tokens that cannot be reached), then by the place of the one merge that can ever make a token.
///
/// Only one can, as with ranks (see [`splits`]): while a token's bytes stand alone, merging is
/// deterministic, and nothing from outside takes part in what becomes a token.
fn by_list(
    tokens: &[(Vec<u8>, u32)],
    merges: &[(u32, u32)],
) -> Result<(Vec<u32>, Vec<[u32; 2]>), Error> {
    let places: HashMap<&[u8], u32, foldhash::fast::FixedState> =
        tokens.iter().enumerate().map(|(at, (token, _))| (&token[..], at as u32)).collect();
    let mut singles = [splits::NONE; 256];
    for (byte, single) in (0..=255u8).zip(&mut singles) {
        *single = places.get(&[byte][..]).copied().unwrap_or(splits::NONE);
    }
    let mut ranks: HashMap<(u32, u32), (u32, u32), foldhash::fast::FixedState> =
        HashMap::with_capacity_and_hasher(merges.len(), Default::default());
    let mut joined = Vec::new();
    for (rank, &(left, right)) in merges.iter().enumerate() {
        joined.clear();
        joined.extend_from_slice(&tokens[left as usize].0);
        joined.extend_from_slice(&tokens[right as usize].0);
        let Some(&merged) = places.get(&joined[..]) else {
            return Err(Error::TokenizerFile {
                reason: format!(
                    "merge {rank} makes {:?}, which is no token",
                    joined.escape_ascii().to_string()
                ),
            });
        };
        ranks.insert((left, right), (rank as u32, merged));
    }
    let mut made: Vec<(u32, [u32; 2])> = Vec::with_capacity(tokens.len());
    let (mut parts, mut keys) = (Vec::new(), Vec::new());
    for (at, (token, _)) in tokens.iter().enumerate() {
        made.push(last_merge(token, at as u32, &singles, &ranks, &mut parts, &mut keys));
    }
    let mut order: Vec<u32> = (0..tokens.len() as u32).collect();
    order.sort_by_key(|&at| match made[at as usize].0 {
        // Above all others when 1 is added: first, in the order of the file.
        splits::NONE => 0,
        rank => u64::from(rank) + 1,
    });
    let mut numbers = vec![0; tokens.len()];
    for (number, &at) in order.iter().enumerate() {
        numbers[at as usize] = number as u32;
    }
    let number = |at: u32| if at == splits::NONE { at } else { numbers[at as usize] };
    let splits = order.iter().map(|&at| made[at as usize].1.map(number)).collect();
    Ok((order, splits))
}

/// Merges the bytes of `token`, whose place is `at`: the rank and the pair of the merge that makes it, or
/// [`splits::NONE`].
fn last_merge(
    token: &[u8],
    at: u32,
    singles: &[u32; 256],
    ranks: &HashMap<(u32, u32), (u32, u32), foldhash::fast::FixedState>,
    parts: &mut Vec<u32>,
    keys: &mut Vec<(u32, u32)>,
) -> (u32, [u32; 2]) {
    const NOTHING: (u32, [u32; 2]) = (splits::NONE, [splits::NONE; 2]);
    const NO_MERGE: (u32, u32) = (splits::NONE, splits::NONE);
    parts.clear();
    parts.extend(token.iter().map(|&byte| singles[usize::from(byte)]));
    if token.len() < 2 || parts.contains(&splits::NONE) {
        return NOTHING;
    }
    let rank = |left: u32, right: u32| ranks.get(&(left, right)).copied().unwrap_or(NO_MERGE);
    keys.clear();
    keys.extend(parts.windows(2).map(|two| rank(two[0], two[1])));
    while let Some((i, &(lowest, merged))) = keys.iter().enumerate().min_by_key(|(_, key)| key.0) {
        if lowest == splits::NONE {
            return NOTHING;
        }
        if keys.len() == 1 {
            return if merged == at { (lowest, [parts[0], parts[1]]) } else { NOTHING };
        }
        parts[i] = merged;
        parts.remove(i + 1);
        keys.remove(i);
        if i > 0 {
            keys[i - 1] = rank(parts[i - 1], parts[i]);
        }
        if i < keys.len() {
            keys[i] = rank(parts[i], parts[i + 1]);
        }
    }
    NOTHING
}

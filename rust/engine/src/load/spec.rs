//! A tokenizer as its file describes it, whatever the format, and how it becomes an [`Encoding`].

use std::borrow::Cow;
use std::collections::HashMap;

use super::byte_in_utf8;
use crate::Error;
use crate::added::AddedToken;
use crate::bpe::model::BpeModel;
use crate::bpe::naive::{self, Naive};
use crate::bpe::pairs::NONE;
use crate::encoding::Encoding;
use crate::encoding::definition::{EncodingParts, Instead, Source, Unknown};
use crate::normalize::Normalizer;
use crate::pretokenize::Pretokenizer;
use crate::vocab::{Vocab, limits};

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
    /// What both were made from.
    pub source: Source,
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
    /// These pairs, by their indices in [`Spec::tokens`], the first one first; of equal pairs the last counts.
    List(Vec<(u32, u32)>),
}

/// All of an encoding but its vocabulary.
pub(crate) struct Description {
    pub name: String,
    pub hash: String,
    pub normalizer: Normalizer,
    pub pretokenizer: Pretokenizer,
    pub source: Source,
    pub whole_pieces: bool,
    pub unknown: Option<Unknown>,
    pub added: Vec<AddedToken>,
}

/// A vocabulary by number.
pub(crate) struct Tables {
    /// The length of each token; 0 for a hole.
    pub lens: Vec<u16>,
    /// The tokens, one after the other.
    pub bytes: Vec<u8>,
    pub ids: Vec<u32>,
    /// The pair of numbers whose merge makes each token, or [`naive::NONE`].
    pub splits: Vec<[u32; 2]>,
}

impl Tables {
    /// Refuses tables that do not fit together.
    pub fn check(&self) -> Result<(), Error> {
        let broken = || Error::TokenizerFile { reason: "its tables do not agree".to_owned() };
        let len = self.lens.len();
        let total: usize = self.lens.iter().map(|&len| usize::from(len)).sum();
        if len > MOST
            || (len, len, total) != (self.ids.len(), self.splits.len(), self.bytes.len())
            || self.lens.iter().any(|&len| usize::from(len) > limits::LONGEST)
        {
            return Err(broken());
        }
        let mut starts = Vec::with_capacity(len);
        let mut end = 0;
        for &len in &self.lens {
            starts.push(end);
            end += usize::from(len);
        }
        let token = |number: usize| -> &[u8] {
            starts
                .get(number)
                .map_or(&[], |&at| &self.bytes[at..at + usize::from(self.lens[number])])
        };
        for (number, &[left, right]) in self.splits.iter().enumerate() {
            if (left, right) == (naive::NONE, naive::NONE) {
                continue;
            }
            let (whole, left, right) = (token(number), token(left as usize), token(right as usize));
            let agree =
                !left.is_empty() && !right.is_empty() && whole.strip_prefix(left) == Some(right);
            if !agree {
                return Err(broken());
            }
        }
        Ok(())
    }

    /// The encoding with this vocabulary.
    pub fn encoding(self, description: Description) -> Encoding {
        let mut singles = [NONE; 256];
        let (mut merges, mut unreachable) = (Vec::new(), Vec::new());
        let mut rest = &self.bytes[..];
        for (number, (&len, &[left, right])) in (0..).zip(self.lens.iter().zip(&self.splits)) {
            let (token, others) = rest.split_at(usize::from(len));
            rest = others;
            match token {
                [] => {}
                &[byte] => singles[usize::from(byte)] = number,
                _ if left == naive::NONE => unreachable.push(number),
                _ => merges.push((left, right, number)),
            }
        }
        let vocab = Vocab::new(Cow::Owned(self.bytes), self.lens.into_iter()).with_ids(self.ids);
        let source = description.source;
        let encoding = Encoding::new(EncodingParts {
            name: description.name,
            hash: description.hash,
            normalizer: description.normalizer,
            pretokenizer: description.pretokenizer,
            vocab,
            pairs: BpeModel::new(singles, merges.iter().copied()),
            unreachable,
            whole_pieces: description.whole_pieces,
            unknown: description.unknown,
            added: description.added,
            instead: Instead::Nothing,
            decoder: source.decoder(),
            unmet: source.unmet.iter().map(|(text, id)| (*id, text.as_str().into())).collect(),
        });
        encoding.with_source(source)
    }
}

impl Spec {
    /// Makes the tables of the engine.
    pub fn build(mut self) -> Result<Encoding, Error> {
        limits::check(self.tokens.iter().map(|(token, _)| &token[..]), MOST)?;
        // By number: the index in `tokens`, and the pair of numbers whose merge makes the token.
        let (order, splits) = match std::mem::replace(&mut self.merges, Merges::ByRank) {
            Merges::ByRank => {
                require_bytes(&self.tokens)?;
                by_rank(&self.tokens)
            }
            Merges::List(merges) => by_list(&self.tokens, &merges)?,
        };
        let mut bytes = Vec::with_capacity(self.tokens.iter().map(|(token, _)| token.len()).sum());
        for &at in &order {
            bytes.extend_from_slice(&self.tokens[at as usize].0);
        }
        let token = |&at: &u32| &self.tokens[at as usize];
        let tables = Tables {
            lens: order.iter().map(|at| token(at).0.len() as u16).collect(),
            bytes,
            ids: order.iter().map(|at| token(at).1).collect(),
            splits,
        };
        Ok(tables.encoding(Description {
            name: self.name,
            hash: self.hash,
            normalizer: self.normalizer,
            pretokenizer: self.pretokenizer,
            source: self.source,
            whole_pieces: self.whole_pieces,
            unknown: self.unknown,
            added: self.added,
        }))
    }
}

/// A text with a byte that is no token cannot be merged by ranks: tiktoken panics. Bytes that UTF-8 never has may lack.
fn require_bytes(tokens: &[(Vec<u8>, u32)]) -> Result<(), Error> {
    let mut there = [false; 256];
    for (token, _) in tokens {
        if let [byte] = token[..] {
            there[usize::from(byte)] = true;
        }
    }
    match (0..=255).find(|&byte| byte_in_utf8(byte) && !there[usize::from(byte)]) {
        None => Ok(()),
        Some(byte) => Err(Error::UnsupportedTokenizer {
            component: "the vocabulary of ranks".to_owned(),
            reason: format!(
                "the byte {byte:#04X} ({:?}) is no token, so that texts with it have no tokens either; the file is \
                 cut short or damaged, or the tokens of single bytes are missing",
                byte.escape_ascii().to_string()
            ),
        }),
    }
}

/// Numbers in the order of ids, which are the ranks.
fn by_rank(tokens: &[(Vec<u8>, u32)]) -> (Vec<u32>, Vec<[u32; 2]>) {
    let mut order: Vec<u32> = (0..tokens.len() as u32).collect();
    order.sort_by_key(|&at| tokens[at as usize].1);
    let in_order: Vec<&[u8]> = order.iter().map(|&at| &*tokens[at as usize].0).collect();
    let splits = naive::canonical_splits(&in_order);
    (order, splits)
}

/// Numbers in the order in which merges make the tokens: first what no merge makes (single bytes and
/// tokens that cannot be reached), then by the position of the one merge that can ever make a token.
///
/// Only one can, as with ranks (see [`naive`]): while a token's bytes stand alone, merging is
/// deterministic, and nothing from outside takes part in what becomes a token.
fn by_list(
    tokens: &[(Vec<u8>, u32)],
    merges: &[(u32, u32)],
) -> Result<(Vec<u32>, Vec<[u32; 2]>), Error> {
    let numbers: HashMap<&[u8], u32, foldhash::fast::FixedState> =
        tokens.iter().enumerate().map(|(at, (token, _))| (&token[..], at as u32)).collect();
    let mut singles = [naive::NONE; 256];
    for (byte, single) in (0..=255u8).zip(&mut singles) {
        *single = numbers.get(&[byte][..]).copied().unwrap_or(naive::NONE);
    }
    let mut ranks: HashMap<(u32, u32), (u32, u32), foldhash::fast::FixedState> =
        HashMap::with_capacity_and_hasher(merges.len(), Default::default());
    let mut joined = Vec::new();
    for (rank, &(left, right)) in merges.iter().enumerate() {
        joined.clear();
        joined.extend_from_slice(&tokens[left as usize].0);
        joined.extend_from_slice(&tokens[right as usize].0);
        let Some(&merged) = numbers.get(&joined[..]) else {
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
    let join = |left: u32, right: u32| {
        ranks.get(&(left, right)).copied().unwrap_or((naive::NONE, naive::NONE))
    };
    let mut naive = Naive::new();
    for (at, (token, _)) in (0..).zip(tokens) {
        let bytes = token.iter().map(|&byte| singles[usize::from(byte)]);
        // A byte that is no token merges with nothing.
        made.push(match *naive.merge(bytes, 2, join) {
            [left, right] if join(left, right).1 == at => (join(left, right).0, [left, right]),
            _ => (naive::NONE, [naive::NONE; 2]),
        });
    }
    let mut order: Vec<u32> = (0..tokens.len() as u32).collect();
    order.sort_by_key(|&at| match made[at as usize].0 {
        // Above all others when 1 is added: first, in the order of the file.
        naive::NONE => 0,
        rank => u64::from(rank) + 1,
    });
    let mut numbers = vec![0; tokens.len()];
    for (number, &at) in order.iter().enumerate() {
        numbers[at as usize] = number as u32;
    }
    let number = |at: u32| if at == naive::NONE { at } else { numbers[at as usize] };
    let splits = order.iter().map(|&at| made[at as usize].1.map(number)).collect();
    Ok((order, splits))
}

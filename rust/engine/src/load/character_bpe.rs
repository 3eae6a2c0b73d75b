//! `tokenizer.json` with BPE over characters: sentencepiece's vocabularies in HF's format, and others without
//! a byte-level alphabet.
//!
//! What HF writes as normalizers and pretokenizers (`Prepend`, `Replace`, `Metaspace`) becomes rules that
//! leave the text where it is, wherever that is the same.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::sentencepiece::byte_of;
use super::{byte_in_utf8, damaged, unsupported};
use crate::Error;
use crate::added::AddedToken;
use crate::character_bpe::rules::{META, Prefix, Rules};
use crate::character_bpe::symbols::Order;
use crate::character_bpe::{Definition, Unknown};
use crate::normalize::Normalizer;
use crate::pretokenize::general::Scheme;

/// The parts of the file that tell what happens to white space.
pub(super) struct Steps<'a> {
    /// Normalizers, sequences opened.
    pub normalizers: Vec<&'a Value>,
    /// Pretokenizers, sequences opened.
    pub pretokenizers: Vec<&'a Value>,
}

/// The model's parts.
pub(super) struct Model<'a> {
    pub vocab: &'a HashMap<Cow<'a, str>, u32, foldhash::fast::FixedState>,
    pub merges: &'a [(Cow<'a, str>, Cow<'a, str>)],
    pub unk_token: Option<&'a str>,
    pub fuse_unk: bool,
    pub byte_fallback: bool,
    pub ignore_merges: bool,
}

/// What becomes of a file.
pub(super) struct Described {
    pub definition: Definition,
    pub normalizer: Normalizer,
    /// Whether the pretokenizers are among the rules; else they are still to be run.
    pub in_rules: bool,
}

/// Describes the tokenizer of these parts.
pub(super) fn describe(
    steps: &Steps,
    model: &Model,
    added: &[AddedToken],
) -> Result<Described, Error> {
    let (tokens, order) = vocabulary(model)?;
    let unknown = unknown(model, &tokens)?;
    let found_normalized = added.iter().any(|token| token.normalized);
    let has_meta = tokens.iter().any(|(token, _)| token == META);
    let white_space = white_space(steps, found_normalized, has_meta)?;
    let WhiteSpace { mut rules, normalizer, in_rules, split } = white_space;
    let plain = normalizer.is_none() && rules.prefix == Prefix::Never && in_rules;
    // A part between added tokens may be a token as a whole; and where unknown characters are left out before
    // anything is merged, added tokens made of them have to be found before.
    let user = match plain && !model.ignore_merges && unknown != Unknown::Nothing {
        true => found_while_merging(added, rules.escape),
        false => Vec::new(),
    };
    if !in_rules {
        rules = Rules::none();
    }
    Ok(Described {
        definition: Definition {
            rules,
            tokens,
            order,
            user,
            unknown,
            plain: None,
            decoder: None,
            split_at_blanks: split,
            whole_texts: model.ignore_merges,
        },
        normalizer,
        in_rules,
    })
}

/// Tokens in the order of their ids, and merges by the indices of their tokens.
fn vocabulary(model: &Model) -> Result<(Vec<(String, u32)>, Order), Error> {
    let mut tokens: Vec<(String, u32)> = model
        .vocab
        .iter()
        .filter(|(token, _)| !token.is_empty())
        .map(|(token, &id)| (token.clone().into_owned(), id))
        .collect();
    tokens.sort_unstable_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    let indices: HashMap<&str, u32, foldhash::fast::FixedState> =
        tokens.iter().zip(0..).map(|((token, _), index)| (&**token, index)).collect();
    let index_of = |token: &str| {
        let index = indices.get(token).copied();
        index.ok_or_else(|| damaged(&format!("a merge of {token:?}, which is no token")))
    };
    // An empty token is never met.
    let merges = model.merges.iter().filter(|(left, right)| !left.is_empty() && !right.is_empty());
    let merges = merges.map(|(left, right)| Ok((index_of(left)?, index_of(right)?)));
    let merges = merges.collect::<Result<_, Error>>()?;
    Ok((tokens, Order::Merges(merges)))
}

/// What becomes of characters that are not in the vocabulary.
fn unknown(model: &Model, tokens: &[(String, u32)]) -> Result<Unknown, Error> {
    let mut bytes: [Option<u32>; 256] = [None; 256];
    for (token, id) in tokens {
        if let Some(byte) = byte_of(token) {
            bytes[usize::from(byte)] = Some(*id);
        }
    }
    // An ASCII character that is a token itself needs no byte token.
    let known = |byte: u8| {
        byte.is_ascii()
            && model.vocab.contains_key(char::from(byte).encode_utf8(&mut [0; 4]) as &str)
    };
    let needed = |byte: u8| byte_in_utf8(byte) && !known(byte);
    let missing = (0..=255).any(|byte| needed(byte) && bytes[usize::from(byte)].is_none());
    let stands_for_others = |token: &str| {
        model.byte_fallback && byte_of(token).is_some() || model.unk_token == Some(token)
    };
    if model.merges.iter().any(|(l, r)| stands_for_others(l) || stands_for_others(r)) {
        return Err(unsupported("the model's merges", "some merge unknown characters"));
    }
    if model.byte_fallback && !missing {
        return Ok(Unknown::Bytes(Box::new(bytes.map(|id| id.unwrap_or(0)))));
    }
    if model.byte_fallback && bytes.iter().any(Option::is_some) {
        return Err(unsupported("the model's byte_fallback", "it has tokens for some bytes only"));
    }
    let Some(token) = model.unk_token else { return Ok(Unknown::Nothing) };
    match model.vocab.get(token) {
        Some(&id) => Ok(Unknown::Token { id, fused: model.fuse_unk }),
        None => Err(unsupported("the unk_token", "it is no token")),
    }
}

struct WhiteSpace {
    rules: Rules,
    normalizer: Normalizer,
    in_rules: bool,
    split: bool,
}

fn is_replace(step: &Value) -> bool {
    step["type"] == "Replace" && step["pattern"]["String"] == " " && step["content"] == META
}

fn is_prepend(step: &Value) -> bool {
    step["type"] == "Prepend" && step["prepend"] == META
}

/// What is done to white space. `found_normalized`: the normalized text is searched before it goes on.
/// `has_meta`: U+2581 is a token; else a blank cannot stand for it.
fn white_space(steps: &Steps, found_normalized: bool, has_meta: bool) -> Result<WhiteSpace, Error> {
    let mut rules = Rules::none();
    let mut kept = &steps.normalizers[..];
    let replaces = kept.iter().rposition(|step| is_replace(step));
    // After the last one no blank comes back.
    let replaced = replaces.is_some_and(|at| kept[at + 1..].iter().all(|step| is_prepend(step)));
    if replaced && has_meta {
        rules.escape = true;
        if !found_normalized {
            while let Some((last, before)) = kept.split_last() {
                if is_prepend(last) && rules.prefix == Prefix::Never {
                    rules.prefix = Prefix::Always;
                } else if !is_replace(last) {
                    break;
                }
                kept = before;
            }
        }
    }
    let normalizer =
        Normalizer::from_json(&Value::Array(kept.iter().copied().cloned().collect()), false)?;
    let (in_rules, split) = match steps.pretokenizers[..] {
        [] => (true, false),
        // There are no blanks to split at.
        [step] if replaced && step["type"] == "Split" && step["pattern"]["String"] == " " => {
            (step["invert"] != true, false)
        }
        [step] if step["type"] == "Metaspace" && step["replacement"] == META && has_meta => {
            rules.escape = true;
            if rules.prefix == Prefix::Never {
                rules.prefix = match Scheme::from_json(step)? {
                    Scheme::Always => Prefix::UnlessBlank,
                    Scheme::First => Prefix::UnlessBlankAtStart,
                    Scheme::Never => Prefix::Never,
                };
            }
            (true, step["split"] != false)
        }
        _ => (false, false),
    };
    if !in_rules {
        // The steps see the text as the normalizers leave it.
        let all = steps.normalizers.iter().copied().cloned().collect();
        let normalizer = Normalizer::from_json(&Value::Array(all), false)?;
        return Ok(WhiteSpace { rules: Rules::none(), normalizer, in_rules, split: false });
    }
    Ok(WhiteSpace { rules, normalizer, in_rules, split })
}

/// The added tokens that are found as well while the text is merged, where other text is not changed by
/// what is beside it: all that are always tokens, unless one of the others could overlap them.
fn found_while_merging(added: &[AddedToken], escape: bool) -> Vec<(String, u32)> {
    let plain = |token: &&AddedToken| {
        let flags =
            token.special || token.lstrip || token.rstrip || token.single_word || token.normalized;
        let blank = token.content.contains(' ') || token.content.contains(META);
        !(flags || token.content.is_empty() || escape && blank)
    };
    let (found, others): (Vec<&AddedToken>, Vec<&AddedToken>) =
        added.iter().partition(|token| plain(token));
    // Where no character of one is in the other, they cannot overlap; nor where their ends do not fit.
    let overlap = |a: &str, b: &str| {
        a.contains(b)
            || b.contains(a)
            || a.char_indices().skip(1).any(|(at, _)| b.starts_with(&a[at..]))
            || b.char_indices().skip(1).any(|(at, _)| a.starts_with(&b[at..]))
    };
    let strips = others.iter().any(|token| token.lstrip || token.rstrip || token.normalized);
    let mixed =
        |token: &&AddedToken| others.iter().any(|other| overlap(&token.content, &other.content));
    let texts: HashSet<&str> = found.iter().map(|token| &*token.content).collect();
    if strips || texts.len() < found.len() || found.iter().any(mixed) {
        return Vec::new();
    }
    found.into_iter().map(|token| (token.content.clone(), token.id)).collect()
}

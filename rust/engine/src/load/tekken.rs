//! `tekken.json` of Mistral: a rank vocabulary, of which the first part is used, numbered after the special tokens.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::spec::{Merges, Spec};
use super::{damaged, not_json, ranks};
use crate::Error;
use crate::added::AddedToken;
use crate::encoding::definition::Source;
use crate::normalize::Normalizer;

#[derive(Deserialize)]
struct Config {
    pattern: String,
    default_vocab_size: u32,
    default_num_special_tokens: u32,
}

#[derive(Deserialize)]
struct Token {
    rank: u32,
    token_bytes: String,
}

#[derive(Deserialize)]
struct SpecialToken {
    rank: u32,
    token_str: String,
}

pub(super) fn read(
    config: &RawValue,
    vocab: &RawValue,
    special: Option<&RawValue>,
    name: String,
    hash: String,
) -> Result<Spec, Error> {
    let config: Config = serde_json::from_str(config.get()).map_err(not_json)?;
    let vocab: Vec<Token> = serde_json::from_str(vocab.get()).map_err(not_json)?;
    let special: Option<Vec<SpecialToken>> = special
        .map(|special| serde_json::from_str(special.get()))
        .transpose()
        .map_err(not_json)?
        .flatten();
    let first = config.default_num_special_tokens;
    let used =
        config.default_vocab_size.checked_sub(first).filter(|&used| used as usize <= vocab.len());
    let used = used.ok_or_else(|| damaged("default_vocab_size does not fit the vocabulary"))?;
    let mut tokens = Vec::with_capacity(used as usize);
    for (index, token) in vocab.into_iter().take(used as usize).enumerate() {
        if token.rank as usize != index {
            return Err(damaged(&format!(
                "entry {index} of the vocabulary has the rank {}",
                token.rank
            )));
        }
        let bytes = BASE64_STANDARD.decode(&token.token_bytes);
        let bytes =
            bytes.map_err(|error| damaged(&format!("token {index} is no base64: {error}")))?;
        tokens.push((bytes, first + token.rank));
    }
    Ok(Spec {
        name,
        hash,
        normalizer: Normalizer::default(),
        pretokenizer: ranks::pretokenizer(&config.pattern)?,
        source: Source::of_pattern(Value::Null, config.pattern),
        tokens,
        merges: Merges::ByRank,
        whole_pieces: true,
        unknown: None,
        added: special_tokens(special, first)?,
    })
}

/// The special tokens that the file names, or those that older files leave to their readers; the rest
/// of the ids before the vocabulary are fillers.
fn special_tokens(named: Option<Vec<SpecialToken>>, count: u32) -> Result<Vec<AddedToken>, Error> {
    const OLDER: [&str; 14] = [
        "<unk>",
        "<s>",
        "</s>",
        "[INST]",
        "[/INST]",
        "[AVAILABLE_TOOLS]",
        "[/AVAILABLE_TOOLS]",
        "[TOOL_RESULTS]",
        "[/TOOL_RESULTS]",
        "[TOOL_CALLS]",
        "[IMG]",
        "<pad>",
        "[IMG_BREAK]",
        "[IMG_END]",
    ];
    let mut names: Vec<Option<String>> = vec![None; count.min(1 << 20) as usize];
    let named = named.unwrap_or_else(|| {
        let token =
            |(rank, token): (u32, &&str)| SpecialToken { rank, token_str: (*token).to_owned() };
        (0..).zip(&OLDER).map(token).collect()
    });
    for token in named {
        let name = names.get_mut(token.rank as usize);
        *name.ok_or_else(|| {
            damaged("a special token has a rank that is not below their number")
        })? = Some(token.token_str);
    }
    let filler = |rank: usize| format!("<SPECIAL_{rank}>");
    let tokens = names.into_iter().enumerate();
    Ok(tokens
        .map(|(rank, name)| AddedToken::special(name.unwrap_or_else(|| filler(rank)), rank as u32))
        .collect())
}

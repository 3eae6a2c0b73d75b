//! Rank files of tiktoken: a token in base64 and its rank a line. Pattern and special tokens are not in
//! them: they come from the caller, or from what is known of the file.

use std::borrow::Cow;
use std::collections::HashSet;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::spec::{Merges, Spec};
use super::{FileOptions, damaged};
use crate::Error;
use crate::added::AddedToken;
use crate::encoding::definition::Source;
use crate::normalize::Normalizer;
use crate::pretokenize::general::{Behavior, General, Pattern, Step};
use crate::pretokenize::{Pretokenizer, patterns};

/// The pretokenizer for a pattern as tiktoken reads it: text that does not match is dropped.
pub(super) fn pretokenizer(pattern: &str) -> Result<Pretokenizer, Error> {
    if let Some(family) = Pretokenizer::by_name(pattern).or_else(|| patterns::family(pattern)) {
        return Ok(family);
    }
    Ok(Pretokenizer::general(General::new(vec![Step::Split {
        pattern: Pattern::fancy(pattern)?,
        behavior: Behavior::Removed,
        invert: true,
    }])))
}

/// Reads a rank file.
pub(super) fn read(data: &[u8], options: &FileOptions, hash: String) -> Result<Spec, Error> {
    let ranks = parse(data)?;
    let known = super::Known::by_hash(&hash);
    let pattern = match (&options.pattern, known) {
        (Some(pattern), _) => pattern.clone(),
        (None, Some(known)) => known.pretokenizer.to_owned(),
        (None, None) => {
            return Err(Error::InvalidOption {
                reason: format!(
                    "a rank file does not say how text is split, and this one is not known (SHA-256 \
                     {hash}): name a family ({}) or give the regular expression as pattern",
                    Pretokenizer::names().join(", ")
                ),
            });
        }
    };
    let special_tokens = match (&options.special_tokens, known) {
        (Some(tokens), _) => tokens.clone(),
        (None, Some(known)) => (known.special_tokens)(),
        (None, None) => Vec::new(),
    };
    let nfc = known.is_some_and(|known| known.nfc);
    let pretokenizer = pretokenizer(&pattern)?;
    let mut seen = HashSet::with_capacity(ranks.len());
    if let Some((token, rank)) = ranks.iter().find(|(token, _)| !seen.insert(token)) {
        let token = token.escape_ascii();
        return Err(damaged(&format!("the token \"{token}\" of rank {rank} is there twice")));
    }
    let mut seen = HashSet::with_capacity(ranks.len());
    if let Some((_, rank)) = ranks.iter().find(|(_, rank)| !seen.insert(rank)) {
        return Err(damaged(&format!("two tokens have the rank {rank}")));
    }
    let special = |(token, id): (String, u32)| AddedToken {
        // What is looked for after the text was put into NFC.
        normalized: nfc,
        decoded: nfc
            .then(|| Normalizer::nfc().normalize(&token).ok().map(Cow::into_owned))
            .flatten(),
        ..AddedToken::special(token, id)
    };
    Ok(Spec {
        name: options.name.clone(),
        hash,
        normalizer: if nfc { Normalizer::nfc() } else { Normalizer::default() },
        source: Source::of_pattern(
            if nfc { json!({"type": "NFC"}) } else { Value::Null },
            match &pretokenizer {
                Pretokenizer::General(_) => pattern,
                family => family.name().to_owned(),
            },
        ),
        pretokenizer,
        tokens: ranks,
        merges: Merges::ByRank,
        whole_pieces: true,
        unknown: None,
        added: special_tokens.into_iter().map(special).collect(),
    })
}

fn parse(data: &[u8]) -> Result<Vec<(Vec<u8>, u32)>, Error> {
    let mut ranks = Vec::new();
    for (at, line) in data.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let Some((token, rank)) = parse_line(line) else {
            let start = line[..line.len().min(60)].escape_ascii();
            let reason = format!("line {} is no token in base64 and its rank: \"{start}\"", at + 1);
            if ranks.is_empty() {
                return Err(Error::UnsupportedTokenizer {
                    component: "this file".to_owned(),
                    reason: format!(
                        "it is none of the formats that can be read (tokenizer.json, tekken.json, \
                         tiktoken rank file, sentencepiece BPE model); read as a rank file, {reason}"
                    ),
                });
            }
            return Err(damaged(&reason));
        };
        // Whisper's file has one: nothing can be it.
        if !token.is_empty() {
            ranks.push((token, rank));
        }
    }
    Ok(ranks)
}

fn parse_line(line: &[u8]) -> Option<(Vec<u8>, u32)> {
    let space = line.iter().position(|&byte| byte == b' ')?;
    let rank = std::str::from_utf8(line[space + 1..].trim_ascii()).ok()?.parse().ok()?;
    let token = match &line[..space] {
        b"=" => Vec::new(),
        token => BASE64_STANDARD.decode(token).ok()?,
    };
    Some((token, rank))
}

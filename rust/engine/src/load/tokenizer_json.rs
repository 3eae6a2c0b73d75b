//! `tokenizer.json` of HF `tokenizers`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::character_bpe::Described;
use super::spec::{Merges, Pieces, Source, Spec, Unknown};
use super::{JsonFile, character_bpe, damaged, not_json, unsupported};
use crate::added::AddedToken;
use crate::normalize::Normalizer;
use crate::pretokenize::general::{Behavior, General, Pattern, Step, is_punctuation};
use crate::pretokenize::{Pretokenizer, patterns};
use crate::vocab::byte_level;
use crate::{Encoding, Error};

#[derive(Deserialize)]
struct Model<'a> {
    #[serde(rename = "type")]
    kind: Option<Cow<'a, str>>,
    dropout: Option<f64>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    fuse_unk: bool,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
    #[serde(borrow)]
    vocab: Option<&'a RawValue>,
    #[serde(borrow)]
    merges: Option<&'a RawValue>,
    max_input_chars_per_word: Option<&'a RawValue>,
    unk_id: Option<&'a RawValue>,
}

/// A merge as it is written: two tokens with a space between, or a pair.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Pair(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Cow<'a, str>),
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    normalized: bool,
    special: bool,
}

pub(super) fn read(
    file: &JsonFile,
    model: &RawValue,
    name: String,
    hash: String,
) -> Result<Encoding, Error> {
    let model: Model = serde_json::from_str(model.get()).map_err(not_json)?;
    check(&model)?;
    let json = |value: Option<&RawValue>| match value {
        Some(value) => serde_json::from_str::<Value>(value.get()).map_err(not_json),
        None => Ok(Value::Null),
    };
    let added: Vec<Added> = match file.added_tokens {
        Some(added) => serde_json::from_str(added.get()).map_err(not_json)?,
        None => Vec::new(),
    };
    let mut added: Vec<AddedToken> = added.into_iter().map(Added::token).collect();
    let vocab: HashMap<Cow<str>, u32, foldhash::fast::FixedState> = match model.vocab {
        Some(vocab) => serde_json::from_str(vocab.get()).map_err(not_json)?,
        None => return Err(damaged("the model has no vocab")),
    };
    number(&mut added, &vocab);
    let normalizer = json(file.normalizer)?;
    let pre_tokenizer = json(file.pre_tokenizer)?;
    let mut pretokenizers = Vec::new();
    steps(&pre_tokenizer, "pretokenizers", &mut pretokenizers);
    if !pretokenizers.iter().any(|step| step["type"] == "ByteLevel") {
        let mut normalizers = Vec::new();
        steps(&normalizer, "normalizers", &mut normalizers);
        let mut pairs = Vec::new();
        for merge in read_merges(model.merges)? {
            pairs.push(merge.pair()?);
        }
        let described = character_bpe::describe(
            &character_bpe::Steps { normalizers, pretokenizers },
            character_bpe::Model {
                vocab,
                merges: pairs,
                unk_token: model.unk_token,
                fuse_unk: model.fuse_unk,
                byte_fallback: model.byte_fallback,
                ignore_merges: model.ignore_merges,
            },
            &added,
        )?;
        let pretokenizer = match described.in_rules {
            true => Pretokenizer::Characters,
            false => pretokenizer(&pre_tokenizer)?.0,
        };
        let Described { definition, normalizer, .. } = described;
        let name = (name, hash);
        return Encoding::of_characters(name, normalizer, pretokenizer, definition, added);
    }
    let (pretokenizer, _) = pretokenizer(&pre_tokenizer)?;
    let unknown = match &model.unk_token {
        None => None,
        Some(token) => match vocab.get(token.as_str()) {
            Some(&id) => Some(Unknown { id, fused: model.fuse_unk }),
            None => return Err(damaged(&format!("the unk_token {token:?} is no token"))),
        },
    };
    let (tokens, merges) = byte_level_bpe(&vocab, model.merges)?;
    let missing = 256 - tokens.iter().filter(|(token, _)| token.len() == 1).count();
    if model.byte_fallback && missing > 0 {
        return Err(unsupported(
            "byte_fallback of a byte-level vocabulary without all bytes",
            "not known",
        ));
    }
    let spec = Spec {
        name,
        hash,
        normalizer: Normalizer::from_json(&normalizer)?,
        pretokenizer,
        source: Source { normalizer, pieces: Pieces::Steps(pre_tokenizer) },
        tokens,
        merges: Merges::List(merges),
        whole_pieces: model.ignore_merges,
        unknown,
        added,
    };
    spec.build()
}

/// Gives added tokens the ids that HF `tokenizers` gives them, whatever the file says: that of the
/// vocabulary, or the next one that is free.
fn number(added: &mut [AddedToken], vocab: &HashMap<Cow<str>, u32, foldhash::fast::FixedState>) {
    let mut ids: HashMap<String, u32> = HashMap::with_capacity(added.len());
    let mut next = vocab.len() as u32;
    for token in added {
        let known = ids.get(&token.content).or_else(|| vocab.get(token.content.as_str()));
        token.id = known.copied().unwrap_or(next);
        next = next.max(token.id.saturating_add(1));
        ids.insert(token.content.clone(), token.id);
    }
}

impl Added {
    fn token(self) -> AddedToken {
        AddedToken {
            content: self.content,
            id: self.id,
            special: self.special,
            lstrip: self.lstrip,
            rstrip: self.rstrip,
            single_word: self.single_word,
            normalized: self.normalized,
        }
    }
}

/// Refuses models that are not BPE, and BPE that cannot be followed.
fn check(model: &Model) -> Result<(), Error> {
    let kind = match &model.kind {
        Some(kind) => kind.as_ref(),
        // Old files do not say it.
        None if model.merges.is_some() => "BPE",
        None if model.unk_id.is_some() => "Unigram",
        None if model.max_input_chars_per_word.is_some() => "WordPiece",
        None => "of no known type",
    };
    if kind != "BPE" {
        return Err(unsupported(
            &format!("the model {kind}"),
            "only byte pair encoding (BPE) is; count with the reference library instead",
        ));
    }
    if model.dropout.is_some_and(|dropout| dropout != 0.0) {
        return Err(unsupported("the model's dropout", "its counts are random"));
    }
    for (name, value) in [
        ("continuing_subword_prefix", &model.continuing_subword_prefix),
        ("end_of_word_suffix", &model.end_of_word_suffix),
    ] {
        if value.as_ref().is_some_and(|value| !value.is_empty()) {
            return Err(unsupported(&format!("the model's {name}"), "it is not known"));
        }
    }
    Ok(())
}

type Tokens = Vec<(Vec<u8>, u32)>;

/// Tokens and merges of a byte-level vocabulary. Entries with characters that stand for no byte can
/// never be met; they are left out.
fn byte_level_bpe(
    vocab: &HashMap<Cow<str>, u32, foldhash::fast::FixedState>,
    merges: Option<&RawValue>,
) -> Result<(Tokens, Vec<(u32, u32)>), Error> {
    let mut entries: Vec<(&str, u32)> = vocab.iter().map(|(token, &id)| (&**token, id)).collect();
    entries.sort_unstable_by_key(|&(token, id)| (id, token));
    let mut tokens = Tokens::with_capacity(entries.len());
    let mut places =
        HashMap::with_capacity_and_hasher(entries.len(), foldhash::fast::FixedState::default());
    for (token, id) in entries {
        match byte_level::decode(token) {
            Some(bytes) if !bytes.is_empty() => {
                places.insert(token, Some(tokens.len() as u32));
                tokens.push((bytes, id));
            }
            _ => {
                places.insert(token, None);
            }
        }
    }
    let place = |token: &str| {
        places
            .get(token)
            .copied()
            .ok_or_else(|| damaged(&format!("a merge of {token:?}, which is no token")))
    };
    let merges = read_merges(merges)?;
    let mut pairs = Vec::with_capacity(merges.len());
    for merge in merges {
        let (left, right) = merge.pair()?;
        if let (Some(left), Some(right)) = (place(&left)?, place(&right)?) {
            pairs.push((left, right));
        }
    }
    Ok((tokens, pairs))
}

fn read_merges(merges: Option<&RawValue>) -> Result<Vec<Merge<'_>>, Error> {
    match merges {
        Some(merges) => serde_json::from_str(merges.get()).map_err(not_json),
        None => Err(damaged("the model has no merges")),
    }
}

impl<'a> Merge<'a> {
    /// The two tokens.
    fn pair(self) -> Result<(Cow<'a, str>, Cow<'a, str>), Error> {
        let split = |text: &str| match text.split_once(' ') {
            Some((left, right)) if !right.contains(' ') => Ok(left.len()),
            _ => Err(damaged(&format!("the merge {text:?} is no pair"))),
        };
        Ok(match self {
            Merge::Pair(left, right) => (left, right),
            Merge::Text(Cow::Borrowed(text)) => {
                let at = split(text)?;
                (Cow::Borrowed(&text[..at]), Cow::Borrowed(&text[at + 1..]))
            }
            Merge::Text(Cow::Owned(text)) => {
                let at = split(&text)?;
                (Cow::Owned(text[..at].to_owned()), Cow::Owned(text[at + 1..].to_owned()))
            }
        })
    }
}

/// The steps of the component `value`, sequences (whose steps are called `name`) in sequences opened.
fn steps<'a>(value: &'a Value, name: &str, to: &mut Vec<&'a Value>) {
    match value[name].as_array() {
        Some(inner) if value["type"] == "Sequence" => {
            inner.iter().for_each(|step| steps(step, name, to));
        }
        _ if value.is_null() => {}
        _ => to.push(value),
    }
}

/// The pretokenizer, and whether it is byte-level.
pub(super) fn pretokenizer(value: &Value) -> Result<(Pretokenizer, bool), Error> {
    let mut list = Vec::new();
    steps(value, "pretokenizers", &mut list);
    let byte_level = list.iter().any(|step| step["type"] == "ByteLevel");
    if let Some(family) = family(&list)? {
        return Ok((family, byte_level));
    }
    let mut general = Vec::new();
    for (at, step) in list.iter().enumerate() {
        let last = at + 1 == list.len();
        general_step(step, last, &mut general)?;
    }
    if general.iter().filter(|step| matches!(step, Step::ByteLevel)).count() > 1 {
        return Err(unsupported("two ByteLevel pretokenizers", "they cannot follow each other"));
    }
    Ok((Pretokenizer::general(General::new(general)), byte_level))
}

fn flag(step: &Value, name: &str, default: bool) -> bool {
    step[name].as_bool().unwrap_or(default)
}

/// The regular expression of a step that keeps its matches, each as a piece, and, where they do not
/// cover the text, what is between them.
fn split_regex(step: &Value) -> Option<&str> {
    let isolated = step["behavior"] == "Isolated" && !flag(step, "invert", false);
    let kept = step["behavior"] == "Removed" && flag(step, "invert", false);
    // The patterns with a scanner match every character: there is nothing between their matches.
    let regex = step["pattern"]["Regex"].as_str()?;
    (step["type"] == "Split" && (isolated || kept && patterns::onig_family(regex).is_some()))
        .then_some(regex)
}

/// The family that has a scanner for these steps.
fn family(steps: &[&Value]) -> Result<Option<Pretokenizer>, Error> {
    let Some((last, before)) = steps.split_last() else { return Ok(None) };
    if last["type"] != "ByteLevel" || flag(last, "add_prefix_space", true) {
        return Ok(None);
    }
    let digits = |step: &Value| step["type"] == "Digits" && flag(step, "individual_digits", false);
    let regex = flag(last, "use_regex", true);
    Ok(match before {
        [] if regex => Some(Pretokenizer::Gpt2),
        [step] if regex && digits(step) => Some(Pretokenizer::Gpt2Digits),
        [step] if !regex => split_regex(step).and_then(patterns::onig_family),
        [one, two, three] if !regex => {
            let found = [one, two, three].map(|step| split_regex(step));
            (found == patterns::DEEPSEEK_V3.map(Some)).then_some(Pretokenizer::DeepSeekV3)
        }
        [splits @ .., last] if !regex && digits(last) => {
            let is = |known: &[&str]| {
                let found = splits.iter().map(|step| split_regex(step));
                found.eq(known.iter().map(|&regex| Some(regex)))
            };
            if is(&patterns::DEEPSEEK_V2) {
                Some(Pretokenizer::DeepSeekV2)
            } else if is(&patterns::DEEPSEEK_CODER) {
                Some(Pretokenizer::DeepSeekCoder)
            } else {
                None
            }
        }
        _ => None,
    })
}

fn behavior(step: &Value) -> Result<Behavior, Error> {
    Ok(match step["behavior"].as_str() {
        Some("Removed") => Behavior::Removed,
        Some("Isolated") => Behavior::Isolated,
        Some("MergedWithPrevious") => Behavior::MergedWithPrevious,
        Some("MergedWithNext") => Behavior::MergedWithNext,
        Some("Contiguous") => Behavior::Contiguous,
        _ => return Err(damaged(&format!("a split with the behavior {}", step["behavior"]))),
    })
}

/// Adds what the step `step` of the file does.
fn general_step(step: &Value, last: bool, to: &mut Vec<Step>) -> Result<(), Error> {
    let split =
        |pattern: Pattern, behavior: Behavior| Step::Split { pattern, behavior, invert: false };
    match step["type"].as_str() {
        Some("ByteLevel") => {
            if flag(step, "add_prefix_space", true) {
                to.push(Step::PrefixSpace);
            }
            if flag(step, "use_regex", true) {
                to.push(split(Pattern::onig(patterns::GPT2)?, Behavior::Isolated));
            }
            if !last {
                to.push(Step::ByteLevel);
            }
        }
        Some("Split") => {
            let pattern = match (&step["pattern"]["Regex"], &step["pattern"]["String"]) {
                (Value::String(regex), _) => Pattern::onig(regex)?,
                (_, Value::String(text)) => Pattern::Text(text.clone()),
                _ => return Err(damaged("a split without a pattern")),
            };
            let invert = flag(step, "invert", false);
            to.push(Step::Split { pattern, behavior: behavior(step)?, invert });
        }
        Some("Digits") => {
            let each = flag(step, "individual_digits", false);
            let behavior = if each { Behavior::Isolated } else { Behavior::Contiguous };
            to.push(split(Pattern::Char(char::is_numeric), behavior));
        }
        Some("Punctuation") => {
            let missing = step["behavior"].is_null();
            let behavior = if missing { Behavior::Isolated } else { behavior(step)? };
            to.push(split(Pattern::Char(is_punctuation), behavior));
        }
        Some("WhitespaceSplit") => {
            to.push(split(Pattern::Char(char::is_whitespace), Behavior::Removed));
        }
        Some("Whitespace") => {
            let words = Pattern::fancy(r"\w+|[^\w\s]+")?;
            to.push(Step::Split { pattern: words, behavior: Behavior::Removed, invert: true });
        }
        Some("BertPreTokenizer") => {
            to.push(split(Pattern::Char(char::is_whitespace), Behavior::Removed));
            to.push(split(Pattern::Char(is_punctuation), Behavior::Isolated));
        }
        Some("CharDelimiterSplit") => match step["delimiter"].as_str() {
            Some(delimiter) if delimiter.chars().count() == 1 => {
                to.push(split(Pattern::Text(delimiter.to_owned()), Behavior::Removed));
            }
            _ => return Err(damaged("a CharDelimiterSplit without a delimiter")),
        },
        Some("FixedLength") => match step["length"].as_u64() {
            Some(length @ 1..) => {
                to.push(split(Pattern::Chars(length as usize), Behavior::Isolated));
            }
            _ => return Err(damaged("a FixedLength without a length")),
        },
        Some(other) => {
            return Err(unsupported(&format!("the pretokenizer {other}"), "it is not known"));
        }
        None => return Err(damaged("a pretokenizer without a type")),
    }
    Ok(())
}

impl Pretokenizer {
    pub(super) fn general(general: General) -> Pretokenizer {
        Pretokenizer::General(Arc::new(general))
    }
}

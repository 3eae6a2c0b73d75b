//! `tokenizer.json` of HF `tokenizers`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::character_bpe::Described;
use super::spec::{Merges, Spec};
use super::{JsonFile, byte_in_utf8, character_bpe, damaged, not_json, unsupported};
use crate::added::AddedToken;
use crate::bpe::model::BpeModel;
use crate::bpe::pairs::NONE;
use crate::decode::Decoder;
use crate::encoding::definition::{EncodingParts, Instead};
use crate::encoding::definition::{Pieces, Source, Unknown};
use crate::literal::Literal;
use crate::normalize::Normalizer;
use crate::pretokenize::general::{Behavior, General, Pattern, Scheme, Step, is_punctuation};
use crate::pretokenize::{Pretokenizer, patterns};
use crate::vocab::{Vocab, byte_level};
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
    if file.version.is_some_and(|version| json(Some(version)).ok() != Some("1.0".into())) {
        let version = file.version.map_or("", RawValue::get);
        return Err(unsupported(
            "version",
            &format!(
                "its format is {version}, and \"1.0\" is what can be read: tokenizers 1.0 pickles objects in another one, \
                 in which the same words mean other things; load the tokenizer.json that it was made from"
            ),
        ));
    }
    let added: Vec<Added> = match file.added_tokens {
        Some(added) => serde_json::from_str(added.get()).map_err(not_json)?,
        None => Vec::new(),
    };
    let vocab: Vocabulary = match model.vocab {
        Some(vocab) => serde_json::from_str(vocab.get()).map_err(not_json)?,
        None => return Err(damaged("the model has no vocab")),
    };
    let mut merges = Vec::new();
    for merge in read_merges(model.merges)? {
        merges.push(merge.pair()?);
    }
    let (normalizer, pre_tokenizer) = (json(file.normalizer)?, json(file.pre_tokenizer)?);
    let mut pretokenizers = Vec::new();
    steps(&pre_tokenizer, "pretokenizers", &mut pretokenizers);
    let byte_level = pretokenizers.iter().any(|step| step["type"] == "ByteLevel");
    let made = Normalizer::from_json(&normalizer, byte_level)?;
    let described = File {
        added: added_tokens(added, &vocab, &made)?,
        model: &model,
        vocab: &vocab,
        merges: &merges,
        normalizer,
        pre_tokenizer: &pre_tokenizer,
        pretokenizers,
        byte_level,
        decoder: json(file.decoder)?,
        name,
        hash,
    };
    match described.by_tables() {
        // What the tables cannot hold.
        Err(Error::UnsupportedTokenizer { .. }) => described.literal(),
        made => made,
    }
}

type Vocabulary<'a> = HashMap<Cow<'a, str>, u32, FixedState>;
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// What a file says, its parts read.
struct File<'a> {
    name: String,
    hash: String,
    model: &'a Model<'a>,
    vocab: &'a Vocabulary<'a>,
    merges: &'a [Pair<'a>],
    added: Vec<AddedToken>,
    normalizer: Value,
    pre_tokenizer: &'a Value,
    /// Its steps, sequences opened.
    pretokenizers: Vec<&'a Value>,
    /// Whether `ByteLevel` is one of them.
    byte_level: bool,
    decoder: Value,
}

impl File<'_> {
    fn normalizer(&self) -> Result<Normalizer, Error> {
        Normalizer::from_json(&self.normalizer, self.byte_level)
    }

    /// The encoding by the tables of the engine; [`Error::UnsupportedTokenizer`] where they do not hold it.
    fn by_tables(&self) -> Result<Encoding, Error> {
        let mut ids: Vec<u32> = self.vocab.values().copied().collect();
        ids.sort_unstable();
        if ids.windows(2).any(|two| two[0] == two[1]) {
            return Err(unsupported("the model's vocab", "two tokens have one id"));
        }
        let affixes = [&self.model.continuing_subword_prefix, &self.model.end_of_word_suffix];
        if affixes.into_iter().flatten().any(|affix| !affix.is_empty()) {
            return Err(unsupported("the model's prefix or suffix", "no table holds them"));
        }
        if self.byte_level { self.of_bytes() } else { self.of_character_bpe() }
    }

    fn of_character_bpe(&self) -> Result<Encoding, Error> {
        let mut normalizers = Vec::new();
        steps(&self.normalizer, "normalizers", &mut normalizers);
        let described = character_bpe::describe(
            &character_bpe::Steps { normalizers, pretokenizers: self.pretokenizers.clone() },
            &character_bpe::Model {
                vocab: self.vocab,
                merges: self.merges,
                unk_token: self.model.unk_token.as_deref(),
                fuse_unk: self.model.fuse_unk,
                byte_fallback: self.model.byte_fallback,
                ignore_merges: self.model.ignore_merges,
            },
            &self.added,
        )?;
        let pretokenizer = match described.in_rules {
            true => Pretokenizer::CharacterLevel,
            false => pretokenizer(self.pre_tokenizer)?,
        };
        let Described { definition, normalizer, .. } = described;
        let name = (self.name.clone(), self.hash.clone());
        let added = self.added.clone();
        let made = Encoding::of_character_bpe(name, normalizer, pretokenizer, definition, added)?;
        Ok(made.with_decoder(Decoder::from_json(&self.decoder)))
    }

    fn of_bytes(&self) -> Result<Encoding, Error> {
        let pretokenizer = pretokenizer(self.pre_tokenizer)?;
        let ByteLevelBpe { tokens, merges, unmet } = byte_level_bpe(self.vocab, self.merges)?;
        let singles = tokens.iter().filter(|(token, _)| token.len() == 1);
        let missing = 256 - singles.filter(|(token, _)| byte_in_utf8(token[0])).count()
            > 256 - (0..=255).filter(|&byte| byte_in_utf8(byte)).count();
        let unknown = match (missing, &self.model.unk_token) {
            (true, _) if self.model.byte_fallback => {
                return Err(unsupported(
                    "byte_fallback of a byte-level vocabulary",
                    "bytes are missing",
                ));
            }
            (true, Some(token)) => {
                if self.merges.iter().any(|(left, right)| left == token || right == token) {
                    return Err(unsupported("the model's merges", "some merge unknown bytes"));
                }
                let id = self.vocab.get(token.as_str()).copied();
                let id = id.ok_or_else(|| unsupported("the unk_token", "it is no token"))?;
                Some(Unknown { id, fused: self.model.fuse_unk })
            }
            _ => None,
        };
        let spec = Spec {
            name: self.name.clone(),
            hash: self.hash.clone(),
            normalizer: self.normalizer()?,
            pretokenizer,
            source: Source {
                normalizer: self.normalizer.clone(),
                pieces: Pieces::Steps(self.pre_tokenizer.clone()),
                decoder: self.decoder.clone(),
                unmet,
            },
            tokens,
            merges: Merges::List(merges),
            whole_pieces: self.model.ignore_merges,
            unknown,
            added: self.added.clone(),
        };
        spec.build()
    }

    /// The encoding without tables.
    fn literal(&self) -> Result<Encoding, Error> {
        let prefix = self.model.continuing_subword_prefix.as_deref().unwrap_or_default();
        let mut steps = Vec::new();
        for step in &self.pretokenizers {
            general_step(step, false, &mut steps)?;
        }
        let mut merges =
            HashMap::with_capacity_and_hasher(self.merges.len(), FixedState::default());
        for (rank, (left, right)) in (0..).zip(self.merges) {
            let id = |token: &str| {
                let id = self.vocab.get(token).copied();
                id.ok_or_else(|| damaged(&format!("a merge with {token:?}, which is no token")))
            };
            // The prefix of a token is before what it is appended to as well.
            let appended = right.get(prefix.len()..).ok_or_else(|| {
                damaged(&format!(
                    "a merge of {right:?}, which is shorter than the prefix {prefix:?}"
                ))
            })?;
            merges.insert((id(left)?, id(right)?), (rank, id(&[left, appended].concat())?));
        }
        let owned = |token: &str| -> Box<str> { token.into() };
        let literal = Literal {
            pieces: General::of_texts(steps),
            vocab: self.vocab.iter().map(|(token, &id)| (owned(token), id)).collect(),
            texts: self.vocab.iter().map(|(token, &id)| (id, owned(token))).collect(),
            merges,
            unk_token: self.model.unk_token.clone(),
            fuse_unk: self.model.fuse_unk,
            byte_fallback: self.model.byte_fallback,
            ignore_merges: self.model.ignore_merges,
            prefix: prefix.to_owned(),
            suffix: self.model.end_of_word_suffix.clone().unwrap_or_default(),
        };
        Ok(Encoding::new(EncodingParts {
            name: self.name.clone(),
            hash: self.hash.clone(),
            normalizer: self.normalizer()?,
            // Its name: the pieces are the literal one's own.
            pretokenizer: Pretokenizer::general(General::of_texts(Vec::new())),
            vocab: Vocab::new(Cow::Borrowed(&[]), [].into_iter()),
            pairs: BpeModel::new([NONE; 256], std::iter::empty()),
            unreachable: Vec::new(),
            whole_pieces: false,
            unknown: None,
            added: self.added.clone(),
            instead: Instead::Literal(Box::new(literal)),
            decoder: Some(Decoder::from_json(&self.decoder)),
            unmet: HashMap::new(),
        }))
    }
}

/// The added tokens as HF `tokenizers` has them once it has read the file. It goes by its own ids, whatever
/// the file says: that of the vocabulary, or the next one from the size of the vocabulary on. Of tokens with
/// one id the last counts, but what has been special stays so.
fn added_tokens(
    file: Vec<Added>,
    vocab: &Vocabulary,
    normalizer: &Normalizer,
) -> Result<Vec<AddedToken>, Error> {
    let mut tokens: Vec<AddedToken> = Vec::with_capacity(file.len());
    let mut ids: HashMap<String, u32> = HashMap::with_capacity(file.len());
    let mut indices: HashMap<u32, usize> = HashMap::with_capacity(file.len());
    let mut special = HashSet::new();
    let mut normalized: HashMap<u32, String> = HashMap::new();
    let mut next = vocab.len() as u32;
    for token in file.into_iter().filter(|token| !token.content.is_empty()) {
        let known = ids.get(&token.content).or_else(|| vocab.get(token.content.as_str()));
        let id = known.copied().unwrap_or(next);
        next += u32::from(known.is_none());
        let token = AddedToken { id, ..token.token() };
        ids.insert(token.content.clone(), id);
        if token.normalized {
            let text = normalizer.normalize(&token.content)?;
            if *text != token.content {
                normalized.insert(id, text.into_owned());
            }
        }
        if token.special {
            special.insert(token.content.clone());
        }
        match indices.get(&id) {
            Some(&index) => tokens[index] = token,
            None => {
                indices.insert(id, tokens.len());
                tokens.push(token);
            }
        }
    }
    for token in &mut tokens {
        token.special = special.contains(&token.content);
        token.decoded = normalized.remove(&token.id);
        if token.normalized && token.decoded.as_ref().is_some_and(String::is_empty) {
            return Err(unsupported(
                &format!("the added token {:?}", token.content),
                "the normalizer leaves nothing of it, and the reference finds that everywhere",
            ));
        }
    }
    Ok(tokens)
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
            decoded: None,
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
    Ok(())
}

/// A byte-level vocabulary.
struct ByteLevelBpe {
    tokens: Vec<(Vec<u8>, u32)>,
    merges: Vec<(u32, u32)>,
    /// Entries that can never be met: those with characters that stand for no byte.
    unmet: Vec<(String, u32)>,
}

fn byte_level_bpe(vocab: &Vocabulary, merges: &[Pair]) -> Result<ByteLevelBpe, Error> {
    let mut entries: Vec<(&str, u32)> = vocab.iter().map(|(token, &id)| (&**token, id)).collect();
    entries.sort_unstable_by_key(|&(token, id)| (id, token));
    let mut tokens = Vec::with_capacity(entries.len());
    let mut unmet = Vec::new();
    let mut indices = HashMap::with_capacity_and_hasher(entries.len(), FixedState::default());
    for (token, id) in entries {
        match byte_level::decode(token) {
            Some(bytes) if !bytes.is_empty() => {
                indices.insert(token, Some(tokens.len() as u32));
                tokens.push((bytes, id));
            }
            _ => {
                indices.insert(token, None);
                unmet.push((token.to_owned(), id));
            }
        }
    }
    let index_of = |token: &str| {
        indices
            .get(token)
            .copied()
            .ok_or_else(|| damaged(&format!("a merge of {token:?}, which is no token")))
    };
    let mut pairs = Vec::with_capacity(merges.len());
    for (left, right) in merges {
        if let (Some(left), Some(right)) = (index_of(left)?, index_of(right)?) {
            pairs.push((left, right));
        }
    }
    Ok(ByteLevelBpe { tokens, merges: pairs, unmet })
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

/// The pretokenizer of a vocabulary of bytes or characters; [`Error::UnsupportedTokenizer`] where the pieces are
/// neither.
pub(super) fn pretokenizer(value: &Value) -> Result<Pretokenizer, Error> {
    let mut list = Vec::new();
    steps(value, "pretokenizers", &mut list);
    if let Some(family) = family(&list)? {
        return Ok(family);
    }
    let mut general = Vec::new();
    for (at, step) in list.iter().enumerate() {
        let last = at + 1 == list.len();
        general_step(step, last, &mut general)?;
    }
    let mut after = list.iter().skip_while(|step| step["type"] != "ByteLevel").skip(1);
    if after.any(|step| step["type"] == "ByteLevel" || step["type"] == "Metaspace") {
        return Err(unsupported("what follows ByteLevel", "it adds characters that are no bytes"));
    }
    Ok(Pretokenizer::general(General::new(general)))
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
                // It is found everywhere.
                (_, Value::String(text)) if text.is_empty() => Pattern::onig("")?,
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
        // What is before the first script is left out.
        Some("UnicodeScripts") => {
            let (pattern, behavior) = (Pattern::Scripts, Behavior::Removed);
            to.push(Step::Split { pattern, behavior, invert: true });
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
        Some("Metaspace") => {
            let mut chars = step["replacement"].as_str().unwrap_or_default().chars();
            let (Some(replacement), None) = (chars.next(), chars.next()) else {
                return Err(damaged("a Metaspace whose replacement is no character"));
            };
            to.push(Step::Metaspace { replacement, scheme: Scheme::from_json(step)? });
            if flag(step, "split", true) {
                to.push(split(Pattern::Text(replacement.into()), Behavior::MergedWithNext));
            }
        }
        Some("CharDelimiterSplit") => match step["delimiter"].as_str() {
            Some(delimiter) if delimiter.chars().count() == 1 => {
                to.push(split(Pattern::Text(delimiter.to_owned()), Behavior::Removed));
            }
            _ => return Err(damaged("a CharDelimiterSplit without a delimiter")),
        },
        Some("FixedLength") => {
            match step["length"].as_u64().or(step["length"].is_null().then_some(5)) {
                Some(length @ 1..) => {
                    to.push(split(Pattern::Chars(length as usize), Behavior::Isolated));
                }
                _ => return Err(damaged("a FixedLength without a length")),
            }
        }
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

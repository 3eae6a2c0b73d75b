//! The encodings that ship inside: OpenAI's vocabularies as the build script prepared them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::official;
use crate::added::AddedToken;
use crate::bpe::model::BpeModel;
use crate::bpe::naive;
use crate::encoding::Encoding;
use crate::encoding::definition::Source;
use crate::encoding::definition::{EncodingParts, Instead};
use crate::normalize::Normalizer;
use crate::pretokenize::Pretokenizer;
use crate::vocab::Vocab;
use crate::{Error, Level};

/// A vocabulary file.
struct File {
    hash: &'static str,
    data: &'static [u8],
}

macro_rules! file {
    ($official:expr, $name:literal) => {
        File {
            hash: $official.1,
            data: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".bin")),
        }
    };
}

static O200K: File = file!(official::O200K, "o200k_base");
static CL100K: File = file!(official::CL100K, "cl100k_base");
static P50K: File = file!(official::P50K, "p50k_base");
static R50K: File = file!(official::R50K, "r50k_base");

/// An embedded encoding: its names (the first is its own), file, pattern and special tokens, as
/// `tiktoken_ext.openai_public` defines them.
struct Definition {
    names: &'static [&'static str],
    file: &'static File,
    pretokenizer: Pretokenizer,
    special: fn() -> Vec<(String, u32)>,
    loaded: OnceLock<Arc<Encoding>>,
}

const END_OF_TEXT: &str = "<|endoftext|>";

fn named(tokens: &[(&str, u32)]) -> Vec<(String, u32)> {
    tokens.iter().map(|&(token, id)| (token.to_owned(), id)).collect()
}

fn harmony() -> Vec<(String, u32)> {
    let mut tokens = named(&[
        ("<|startoftext|>", 199_998),
        (END_OF_TEXT, 199_999),
        ("<|return|>", 200_002),
        ("<|constrain|>", 200_003),
        ("<|channel|>", 200_005),
        ("<|start|>", 200_006),
        ("<|end|>", 200_007),
        ("<|message|>", 200_008),
        ("<|call|>", 200_012),
    ]);
    let reserved = [200_000, 200_001, 200_004, 200_009, 200_010, 200_011].into_iter();
    for id in reserved.chain(200_013..201_088) {
        tokens.push((format!("<|reserved_{id}|>"), id));
    }
    // 200018 has two names. It is decoded to the last one, as by tiktoken.
    tokens.push(("<|endofprompt|>".to_owned(), 200_018));
    tokens
}

static DEFINITIONS: [Definition; 6] = [
    Definition {
        names: &["o200k_base"],
        file: &O200K,
        pretokenizer: Pretokenizer::O200k,
        special: || named(&[(END_OF_TEXT, 199_999), ("<|endofprompt|>", 200_018)]),
        loaded: OnceLock::new(),
    },
    Definition {
        names: &["o200k_harmony"],
        file: &O200K,
        pretokenizer: Pretokenizer::O200k,
        special: harmony,
        loaded: OnceLock::new(),
    },
    Definition {
        names: &["cl100k_base"],
        file: &CL100K,
        pretokenizer: Pretokenizer::Cl100k,
        special: || {
            named(&[
                (END_OF_TEXT, 100_257),
                ("<|fim_prefix|>", 100_258),
                ("<|fim_middle|>", 100_259),
                ("<|fim_suffix|>", 100_260),
                ("<|endofprompt|>", 100_276),
            ])
        },
        loaded: OnceLock::new(),
    },
    Definition {
        names: &["p50k_base"],
        file: &P50K,
        pretokenizer: Pretokenizer::Gpt2,
        special: || named(&[(END_OF_TEXT, 50_256)]),
        loaded: OnceLock::new(),
    },
    Definition {
        names: &["p50k_edit"],
        file: &P50K,
        pretokenizer: Pretokenizer::Gpt2,
        special: || {
            named(&[
                (END_OF_TEXT, 50_256),
                ("<|fim_prefix|>", 50_281),
                ("<|fim_middle|>", 50_282),
                ("<|fim_suffix|>", 50_283),
            ])
        },
        loaded: OnceLock::new(),
    },
    // GPT-2's own files (vocab.bpe, encoder.json) hold the same tokens under the same ids.
    Definition {
        names: &["r50k_base", "gpt2"],
        file: &R50K,
        pretokenizer: Pretokenizer::Gpt2,
        special: || named(&[(END_OF_TEXT, 50_256)]),
        loaded: OnceLock::new(),
    },
];

impl Encoding {
    /// The embedded encoding `name`, loaded on first use and shared from then on.
    ///
    /// ```
    /// # use fasttok_engine::{Encoding, Error};
    /// assert_eq!(Encoding::embedded("gpt2")?.name(), "r50k_base");
    /// let Err(Error::UnknownEncoding { nearest, .. }) = Encoding::embedded("o200k") else { panic!() };
    /// assert_eq!(nearest[0], "o200k_base");
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn embedded(name: &str) -> Result<Arc<Encoding>, Error> {
        // Whoever counts begins here or with a file: a level that cannot be had is told before any text.
        Level::chosen()?;
        get(name)
    }

    /// The names that [`Encoding::embedded`] knows, an alias (`gpt2`) after the name it stands for.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// assert!(Encoding::embedded_names().any(|name| name == "o200k_harmony"));
    /// ```
    pub fn embedded_names() -> impl Iterator<Item = &'static str> {
        names()
    }
}

/// All names, aliases after the name they stand for.
fn names() -> impl Iterator<Item = &'static str> {
    DEFINITIONS.iter().flat_map(|definition| definition.names.iter().copied())
}

/// The encoding `name`, loaded on first use.
pub(super) fn get(name: &str) -> Result<Arc<Encoding>, Error> {
    let Some(definition) = DEFINITIONS.iter().find(|d| d.names.contains(&name)) else {
        return Err(Error::UnknownEncoding { name: name.to_owned(), nearest: nearest(name) });
    };
    Ok(definition.loaded.get_or_init(|| Arc::new(definition.load())).clone())
}

impl Definition {
    fn load(&self) -> Encoding {
        let (vocab, splits) = read(self.file.data);
        let mut singles = [0; 256];
        // A token that no merge makes is a byte.
        for (id, _) in splits.clone().filter(|&(_, split)| split.is_none()) {
            if let &[byte] = vocab.token(id) {
                singles[usize::from(byte)] = id;
            }
        }
        let pairs = BpeModel::new(singles, merges(splits));
        let special = (self.special)();
        let source = Source::of_pattern(Value::Null, self.pretokenizer.name().to_owned());
        let encoding = Encoding::new(EncodingParts {
            name: self.names[0].to_owned(),
            hash: self.file.hash.to_owned(),
            normalizer: Normalizer::default(),
            pretokenizer: self.pretokenizer.clone(),
            vocab,
            pairs,
            // A test sees to it that there are none.
            unreachable: Vec::new(),
            whole_pieces: true,
            unknown: None,
            added: special.into_iter().map(|(token, id)| AddedToken::special(token, id)).collect(),
            instead: Instead::Nothing,
            decoder: None,
            unmet: HashMap::new(),
        });
        encoding.with_source(source)
    }
}

/// Reads the format that the build script writes: the vocabulary, and each id with its canonical split, if it has one.
/// The splits stay where they are: there are 200,000.
fn read(
    data: &'static [u8],
) -> (Vocab, impl Iterator<Item = (u32, Option<(u32, u32)>)> + Clone + use<>) {
    let word = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().expect("four bytes"));
    let (len, bytes_len) = (word(0) as usize, word(4) as usize);
    let (lens, rest) = data[8..].split_at(2 * len);
    let (bytes, split_words) = rest.split_at(bytes_len);
    let lens = lens.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]]));
    let splits = (0..).zip(split_words.chunks_exact(8)).map(|(id, eight)| {
        let both = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
        let (left, right) = (both as u32, (both >> 32) as u32);
        (id, (left != naive::NONE).then_some((left, right)))
    });
    (Vocab::new(Cow::Borrowed(bytes), lens), splits)
}

/// (left, right, merged) of each split.
fn merges(
    splits: impl Iterator<Item = (u32, Option<(u32, u32)>)> + Clone,
) -> impl Iterator<Item = (u32, u32, u32)> + Clone {
    splits.filter_map(|(id, split)| split.map(|(left, right)| (left, right, id)))
}

/// Known names, the most similar to `name` first, at most three.
fn nearest(name: &str) -> Vec<String> {
    let mut known: Vec<(f64, &str)> =
        names().map(|known| (strsim::jaro_winkler(&name.to_lowercase(), known), known)).collect();
    known.sort_by(|a, b| b.0.total_cmp(&a.0));
    known.iter().filter(|(score, _)| *score > 0.6).take(3).map(|(_, n)| (*n).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Special;

    /// The caches know pieces and segments of pieces by their bytes alone: that is right as long as
    /// no token is one only where it is a whole piece.
    #[test]
    fn merging_reaches_every_token() {
        for file in [&O200K, &CL100K, &P50K, &R50K] {
            let (vocab, splits) = read(file.data);
            let longer = vocab.tokens().filter(|(_, token)| token.len() > 1).count();
            assert_eq!(merges(splits).count(), longer);
        }
    }

    #[test]
    fn names_and_special_tokens() {
        for name in names() {
            let encoding = get(name).unwrap();
            for (token, id) in encoding.special_tokens() {
                let mut ids = Vec::new();
                encoding.encode(token, Special::Token, &mut ids).unwrap();
                assert_eq!(ids, [*id], "{name}");
                let mut bytes = Vec::new();
                encoding.decode(&ids, &mut bytes).unwrap();
                // In o200k_harmony 200018 has two names, and decoding gives one of them.
                let text = String::from_utf8(bytes).unwrap();
                assert!(encoding.special_tokens().contains(&(text, *id)), "{name} {token}");
                let refused = encoding.encode(token, Special::Error, &mut ids);
                assert!(matches!(refused, Err(Error::SpecialToken { offset: 0, .. })));
            }
        }
        let error = get("o200k_bas").err().unwrap();
        assert!(error.to_string().contains("did you mean o200k_base"), "{error}");
    }
}

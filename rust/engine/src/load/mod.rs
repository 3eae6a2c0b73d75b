//! From vocabulary files to what the engine uses.

mod character_bpe;
mod compiled;
mod embedded;
mod known;
mod official;
mod ranks;
mod sentencepiece;
mod source;
pub(crate) mod spec;
mod tekken;
mod tokenizer_json;

pub use known::Known;

use std::collections::HashMap;

use fasttok_simd::Level;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::added::AddedToken;
use crate::character_bpe::{CharacterBpe, Definition};
use crate::encoding::definition::{EncodingParts, Instead};
use crate::normalize::Normalizer;
use crate::pretokenize::Pretokenizer;
use crate::{Encoding, Error};

/// What a tokenizer file does not say itself.
///
/// ```
/// use fasttok_engine::{Encoding, FileOptions};
///
/// // A rank file has the tokens in base64 and their ranks: here all bytes, and "ab".
/// let mut file: String = (0..=255u8).map(|byte| format!("{} {byte}\n", base64(&[byte]))).collect();
/// file += &format!("{} 256\n", base64(b"ab"));
/// let options = FileOptions {
///     name: "mine".into(),
///     pattern: Some("cl100k".into()),
///     special_tokens: Some(vec![("<|end|>".into(), 257)]),
/// };
/// let encoding = Encoding::from_file_bytes(file.as_bytes(), options)?;
/// assert_eq!(encoding.decode_text(&[256, 257])?, "ab<|end|>");
/// # fn base64(bytes: &[u8]) -> String {
/// #     use base64::Engine;
/// #     base64::engine::general_purpose::STANDARD.encode(bytes)
/// # }
/// # Ok::<(), fasttok_engine::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct FileOptions {
    /// What the encoding is called.
    pub name: String,
    /// The split pattern: the name of a family or a regular expression. For rank files only.
    pub pattern: Option<String>,
    /// Special tokens and their ids. For rank files only.
    pub special_tokens: Option<Vec<(String, u32)>>,
}

/// The keys of a JSON file that tell its format, and its parts, not looked into.
#[derive(Deserialize)]
struct JsonFile<'a> {
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    normalizer: Option<&'a RawValue>,
    #[serde(borrow)]
    pre_tokenizer: Option<&'a RawValue>,
    #[serde(borrow)]
    decoder: Option<&'a RawValue>,
    #[serde(borrow)]
    added_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    config: Option<&'a RawValue>,
    #[serde(borrow)]
    vocab: Option<&'a RawValue>,
    #[serde(borrow)]
    special_tokens: Option<&'a RawValue>,
}

impl Encoding {
    /// The tokenizer in the file `data`: a `tokenizer.json` of HF `tokenizers`, a `tekken.json`, a
    /// rank file of tiktoken, or what [`Encoding::compiled`] wrote.
    ///
    /// ```
    /// # use fasttok_engine::{Encoding, Error, FileOptions};
    /// let file = br#"{"model": {"type": "WordPiece", "vocab": {"a": 0}}}"#;
    /// let refused = Encoding::from_file_bytes(file, FileOptions::default());
    /// assert!(matches!(refused, Err(Error::UnsupportedTokenizer { .. })));
    /// let refused = Encoding::from_file_bytes(b"{", FileOptions::default());
    /// assert!(matches!(refused, Err(Error::TokenizerFile { .. })));
    /// ```
    pub fn from_file_bytes(data: &[u8], options: FileOptions) -> Result<Encoding, Error> {
        Level::chosen()?;
        let says_all = compiled::is_compiled(data)
            || sentencepiece::is_model(data)
            || data.iter().find(|byte| byte.is_ascii_graphic()) == Some(&b'{');
        if says_all && (options.pattern.is_some() || options.special_tokens.is_some()) {
            return Err(Error::InvalidOption {
                reason: "pattern and special_tokens are for rank files: this file says them itself"
                    .to_owned(),
            });
        }
        if compiled::is_compiled(data) {
            return compiled::read(data, options.name);
        }
        let hash = format!("{:x}", Sha256::digest(data));
        if sentencepiece::is_model(data) {
            let made = |plainly: bool| {
                let (definition, added) = sentencepiece::read(data, plainly)?;
                let name = (options.name.clone(), hash.clone());
                let (normalizer, pretokenizer) =
                    (Normalizer::default(), Pretokenizer::CharacterLevel);
                Encoding::of_character_bpe(name, normalizer, pretokenizer, definition, added)
            };
            return match made(false) {
                // What the tables cannot hold.
                Err(Error::UnsupportedTokenizer { .. }) => made(true),
                made => made,
            };
        }
        let data = data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data);
        let first = data.iter().find(|byte| !byte.is_ascii_whitespace());
        let spec = match first {
            None => return Err(damaged("the file is empty")),
            Some(b'{') => {
                let file: JsonFile = serde_json::from_slice(data).map_err(not_json)?;
                match (file.model, file.config, file.vocab) {
                    (Some(model), ..) => {
                        return tokenizer_json::read(&file, model, options.name, hash);
                    }
                    (None, Some(config), Some(vocab)) => {
                        tekken::read(config, vocab, file.special_tokens, options.name, hash)?
                    }
                    _ => {
                        return Err(Error::UnsupportedTokenizer {
                            component: "this JSON file".to_owned(),
                            reason:
                                "it is neither a tokenizer.json (no \"model\") nor a tekken.json \
                                     (no \"config\" and \"vocab\")"
                                    .to_owned(),
                        });
                    }
                }
            }
            Some(_) => ranks::read(data, &options, hash)?,
        };
        spec.build()
    }
}

impl Encoding {
    /// An encoding with this name and hash that merges characters.
    pub(crate) fn of_character_bpe(
        (name, hash): (String, String),
        normalizer: Normalizer,
        pretokenizer: Pretokenizer,
        definition: Definition,
        added: Vec<AddedToken>,
    ) -> Result<Encoding, Error> {
        let (character_bpe, vocab, pairs) = CharacterBpe::new(definition)?;
        Ok(Encoding::new(EncodingParts {
            name,
            hash,
            normalizer,
            pretokenizer,
            vocab,
            pairs,
            unreachable: Vec::new(),
            whole_pieces: false,
            unknown: None,
            added,
            instead: Instead::CharacterBpe(Box::new(character_bpe)),
            decoder: None,
            unmet: HashMap::new(),
        }))
    }
}

fn not_json(error: serde_json::Error) -> Error {
    damaged(&format!("not valid JSON: {error}"))
}

fn unsupported(component: &str, reason: &str) -> Error {
    Error::UnsupportedTokenizer { component: component.to_owned(), reason: reason.to_owned() }
}

/// Whether UTF-8 has such a byte.
fn byte_in_utf8(byte: u8) -> bool {
    !matches!(byte, 0xC0 | 0xC1 | 0xF5..)
}

fn damaged(reason: &str) -> Error {
    Error::TokenizerFile { reason: reason.to_owned() }
}

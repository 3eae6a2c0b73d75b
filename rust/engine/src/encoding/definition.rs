//! What an encoding is made of, and what is kept of its file so that it can be made again. Data: how it is read and
//! built is known to `crate::load`.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::added::AddedToken;
use crate::bpe::model::BpeModel;
use crate::character_bpe::CharacterBpe;
use crate::decode::Decoder;
use crate::literal::Literal;
use crate::normalize::Normalizer;
use crate::pretokenize::Pretokenizer;
use crate::vocab::Vocab;

/// What an [`Encoding`](crate::Encoding) is made of.
pub(crate) struct EncodingParts {
    pub name: String,
    pub hash: String,
    pub normalizer: Normalizer,
    pub pretokenizer: Pretokenizer,
    pub vocab: Vocab,
    pub pairs: BpeModel,
    /// Numbers of tokens that merging their bytes does not give.
    pub unreachable: Vec<u32>,
    /// A piece that is a token is that token, whether or not merging gives it.
    pub whole_pieces: bool,
    /// What bytes that are no token become; nothing, without.
    pub unknown: Option<Unknown>,
    pub added: Vec<AddedToken>,
    /// What cuts and merges instead of all that.
    pub instead: Instead,
    /// How ids become text; as the bytes of their tokens, without.
    pub decoder: Option<Decoder>,
    /// Tokens of a vocabulary of bytes that are none, as the file writes them.
    pub unmet: HashMap<u32, Box<str>>,
}

/// What merges, if not pieces of bytes are merged.
pub(crate) enum Instead {
    Nothing,
    /// Characters, by the engine's tables.
    CharacterBpe(Box<CharacterBpe>),
    /// Whatever the vocabulary says, without tables. Its normalizer and added tokens are the encoding's.
    Literal(Box<Literal>),
}

/// The token of what is not in the vocabulary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unknown {
    pub id: u32,
    /// One token for all neighbours that are unknown.
    pub fused: bool,
}

/// Normalizer and pretokenizer as a file describes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// A normalizer of `tokenizer.json`, or null.
    pub normalizer: Value,
    pub pieces: Pieces,
    /// A decoder of `tokenizer.json`, or null.
    #[serde(default)]
    pub decoder: Value,
    /// Tokens of a `tokenizer.json` that no text can hold, and their ids.
    #[serde(default)]
    pub unmet: Vec<(String, u32)>,
}

/// How text is cut into pieces, as a file describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Pieces {
    /// By a pretokenizer of `tokenizer.json`.
    Steps(Value),
    /// By the name of a family, or a regular expression as tiktoken reads it.
    Pattern(String),
}

impl Source {
    /// That of a file that has nothing but a pattern.
    pub fn of_pattern(normalizer: Value, pattern: String) -> Source {
        let pieces = Pieces::Pattern(pattern);
        Source { normalizer, pieces, decoder: Value::Null, unmet: Vec::new() }
    }
}

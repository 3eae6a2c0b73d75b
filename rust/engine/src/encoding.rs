//! `Encoding`: an immutable, shareable tokenizer.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use crate::Error;
use crate::bpe::cuts::Cuts;
use crate::bpe::east_asian::EastAsian;
use crate::bpe::merge::{Window, merge};
use crate::bpe::pairs::Pairs;
use crate::load::embedded;
use crate::pretokenize::Pretokenizer;
use crate::pretokenize::classes::{Class, class_of, decode, decode_before};
use crate::pretokenize::simd::Portable;
use crate::special::{Part, SpecialTokens};
use crate::vocab::Vocab;

/// How special tokens that stand in the text are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Special {
    /// They are plain text. Never an error.
    #[default]
    Text,
    /// Each is one token.
    Token,
    /// They are refused with [`Error::SpecialToken`].
    Error,
}

/// What to do with bytes that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Utf8Errors {
    /// Refuse them with [`Error::InvalidUtf8`].
    #[default]
    Strict,
    /// Replace each maximal invalid part by U+FFFD, as Python's `errors="replace"` does.
    Replace,
}

/// The text of `bytes` under the policy `errors`. Valid UTF-8 is borrowed.
pub fn decode_utf8(bytes: &[u8], errors: Utf8Errors) -> Result<Cow<'_, str>, Error> {
    // The basic check is the faster one; only a failure needs to know where.
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    match (simdutf8::compat::from_utf8(bytes), errors) {
        (Ok(text), _) => Ok(Cow::Borrowed(text)),
        (Err(e), Utf8Errors::Strict) => Err(Error::InvalidUtf8 { offset: e.valid_up_to() }),
        (Err(_), Utf8Errors::Replace) => Ok(String::from_utf8_lossy(bytes)),
    }
}

/// A named tokenizer: immutable, shared between threads by `Arc`.
pub struct Encoding {
    name: String,
    hash: String,
    pretokenizer: Pretokenizer,
    vocab: Vocab,
    pairs: Pairs,
    special: SpecialTokens,
    /// Made when the first East Asian text is met.
    east_asian: OnceLock<EastAsian>,
    /// Made when the first long piece of another script is met.
    cuts: OnceLock<Cuts>,
}

impl Encoding {
    pub(crate) fn new(
        name: String,
        hash: String,
        pretokenizer: Pretokenizer,
        vocab: Vocab,
        pairs: Pairs,
        special: Vec<(String, u32)>,
    ) -> Encoding {
        Encoding {
            name,
            hash,
            pretokenizer,
            vocab,
            pairs,
            special: SpecialTokens::new(special),
            east_asian: OnceLock::new(),
            cuts: OnceLock::new(),
        }
    }

    /// The embedded encoding `name`, loaded on first use and shared from then on.
    pub fn embedded(name: &str) -> Result<Arc<Encoding>, Error> {
        embedded::get(name)
    }

    /// The names that [`Encoding::embedded`] knows, an alias (`gpt2`) behind the name it stands for.
    pub fn embedded_names() -> impl Iterator<Item = &'static str> {
        embedded::names()
    }

    /// The name of the encoding.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256, in hex, of the vocabulary file that the encoding was made from.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The family of the split pattern.
    pub fn pretokenizer(&self) -> Pretokenizer {
        self.pretokenizer
    }

    /// The largest token id, special tokens included, plus one.
    pub fn n_vocab(&self) -> u32 {
        let special = self.special.tokens().iter().map(|&(_, id)| id + 1);
        special.max().unwrap_or(0).max(self.vocab.len() as u32)
    }

    /// Special tokens and their ids.
    pub fn special_tokens(&self) -> &[(String, u32)] {
        self.special.tokens()
    }

    pub(crate) fn special(&self) -> &SpecialTokens {
        &self.special
    }

    pub(crate) fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    pub(crate) fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    pub(crate) fn east_asian(&self) -> &EastAsian {
        self.east_asian.get_or_init(|| EastAsian::new(&self.vocab, &self.pairs))
    }

    pub(crate) fn cuts(&self) -> &Cuts {
        self.cuts.get_or_init(|| Cuts::new(&self.vocab))
    }

    /// Appends the token ids of `text` to `ids`. The plain way: one piece at a time, no cache. Counting
    /// has its own, faster way ([`Counter`](crate::Counter)) to the same number.
    pub fn encode(&self, text: &str, special: Special, ids: &mut Vec<u32>) -> Result<(), Error> {
        let mut window = Window::new();
        for part in self.special.parts(text, special)? {
            match part {
                Part::Token(id) => ids.push(id),
                Part::Text(text) => {
                    let text = text.as_bytes();
                    let mut start = 0;
                    while start < text.len() {
                        let end = self.pretokenizer.piece_end(text, start);
                        self.encode_piece(&mut window, &text[start..end], ids);
                        start = end;
                    }
                }
            }
        }
        Ok(())
    }

    fn encode_piece(&self, window: &mut Window, piece: &[u8], ids: &mut Vec<u32>) {
        match self.vocab.id(piece) {
            Some(id) => ids.push(id),
            None => merge::<Portable>(&self.pairs, &self.vocab, window, piece, |tokens| {
                ids.extend_from_slice(tokens)
            }),
        }
    }

    /// Appends the bytes that `ids` stand for to `bytes`.
    pub fn decode(&self, ids: &[u32], bytes: &mut Vec<u8>) -> Result<(), Error> {
        for &id in ids {
            if (id as usize) < self.vocab.len() && !self.vocab.token(id).is_empty() {
                bytes.extend_from_slice(self.vocab.token(id));
            } else if let Some(token) = self.special.token(id) {
                bytes.extend_from_slice(token.as_bytes());
            } else {
                return Err(Error::UnknownToken { id });
            }
        }
        Ok(())
    }

    /// The first byte offset in `from..text.len()` at which `text` may be cut in two so that the
    /// token counts of both sides add up to the count of the whole, whatever stands around; `None`
    /// where no such place is known.
    ///
    /// Such a place is where a letter or a number is followed by white space (no pattern has a piece
    /// that goes on from one to the other, none looks behind, and none cares whether a letter ends the
    /// text or white space follows), or, where special tokens are plain text, by a sign other than an
    /// apostrophe.
    pub fn cut(&self, text: &str, from: usize, special: Special) -> Option<usize> {
        let signs = special == Special::Text;
        if !signs && self.special.hold_white_space() {
            return None;
        }
        let text = text.as_bytes();
        let mut at = from.max(1);
        while at < text.len() && text[at] & 0xC0 == 0x80 {
            at += 1;
        }
        let ends_piece =
            |class| matches!(class, Class::Upper | Class::Lower | Class::Caseless | Class::Number);
        let mut after_word =
            at <= text.len() && !text.is_empty() && ends_piece(class_of(decode_before(text, at).0));
        while at < text.len() {
            let (c, len) = decode(text, at);
            let class = class_of(c);
            let cut = match class {
                Class::Space | Class::Newline => true,
                Class::Punctuation => signs && c != u32::from('\''),
                _ => false,
            };
            if after_word && cut {
                return Some(at);
            }
            after_word = ends_piece(class);
            at += len;
        }
        None
    }
}

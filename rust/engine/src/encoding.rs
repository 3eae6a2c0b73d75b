//! `Encoding`: an immutable, shareable tokenizer.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use crate::Error;
use crate::added::{AddedToken, AddedTokens, Part};
use crate::bpe::cuts::Cuts;
use crate::bpe::east_asian::EastAsian;
use crate::bpe::merge::{Window, merge};
use crate::bpe::pairs::{NONE, Pairs};
use crate::bpe::whole::WholePieces;
use crate::characters::Characters;
use crate::load::embedded;
use crate::load::spec::{Source, Unknown};
use crate::normalize::Normalizer;
use crate::pretokenize::Pretokenizer;
use crate::pretokenize::classes::{Class, class_of, decode, decode_before};
use crate::pretokenize::simd::Portable;
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
    parts: Parts,
    added: AddedTokens,
    /// What normalizer and pretokenizer were made from, where they can be made from it again.
    source: Option<Box<Source>>,
    /// The tokens that merging does not give, where a whole piece is one of them nonetheless.
    whole_pieces: Option<WholePieces>,
    /// Whether a byte is no token.
    missing: Option<Box<[bool; 256]>>,
    /// Made when the first East Asian text is met.
    east_asian: OnceLock<EastAsian>,
    /// Made when the first long piece of another script is met.
    cuts: OnceLock<Cuts>,
}

/// What an [`Encoding`] is made of.
pub(crate) struct Parts {
    pub name: String,
    pub hash: String,
    pub normalizer: Normalizer,
    pub pretokenizer: Pretokenizer,
    pub vocab: Vocab,
    pub pairs: Pairs,
    /// Numbers of tokens that merging their bytes does not give.
    pub unreachable: Vec<u32>,
    /// A piece that is a token is that token, whether or not merging gives it.
    pub whole_pieces: bool,
    /// What bytes that are no token become; nothing, without.
    pub unknown: Option<Unknown>,
    pub added: Vec<AddedToken>,
    /// What cuts and merges characters, instead of pieces and bytes.
    pub characters: Option<Box<Characters>>,
}

/// Made from the same file in the same way, under the same name.
impl PartialEq for Encoding {
    fn eq(&self, other: &Encoding) -> bool {
        (self.name(), self.hash(), self.source(), self.added_tokens())
            == (other.name(), other.hash(), other.source(), other.added_tokens())
    }
}

impl Encoding {
    pub(crate) fn new(mut parts: Parts) -> Encoding {
        let missing = std::array::from_fn(|byte| parts.pairs.single(byte as u8) == NONE);
        let whole_pieces = (parts.whole_pieces && !parts.unreachable.is_empty())
            .then(|| WholePieces::new(parts.unreachable.iter().map(|&n| parts.vocab.token(n))));
        parts.unreachable.sort_unstable();
        Encoding {
            added: AddedTokens::new(
                std::mem::take(&mut parts.added),
                parts.characters.as_ref().map_or(&[], |characters| characters.found()),
            ),
            source: None,
            parts,
            whole_pieces,
            missing: missing.contains(&true).then(|| Box::new(missing)),
            east_asian: OnceLock::new(),
            cuts: OnceLock::new(),
        }
    }

    /// The same, with what normalizer and pretokenizer were made from.
    pub(crate) fn with_source(mut self, source: Source) -> Encoding {
        self.source = Some(Box::new(source));
        self
    }

    pub(crate) fn source(&self) -> Option<&Source> {
        self.source.as_deref()
    }

    /// Whether a piece that is a token is that token, whether or not merging gives it.
    pub(crate) fn takes_whole_pieces(&self) -> bool {
        self.parts.whole_pieces
    }

    pub(crate) fn unknown(&self) -> Option<Unknown> {
        self.parts.unknown
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
        &self.parts.name
    }

    /// SHA-256, in hex, of the file that the encoding was made from.
    pub fn hash(&self) -> &str {
        &self.parts.hash
    }

    /// How text is cut into pieces.
    pub fn pretokenizer(&self) -> &Pretokenizer {
        &self.parts.pretokenizer
    }

    /// What is done to text before it is split, step by step: the names that a `tokenizer.json` or a sentencepiece
    /// model has for it (`NFC`, `Replace`, `add_dummy_prefix`). Nothing, where text is counted as it is.
    pub fn normalization(&self) -> Vec<&'static str> {
        let mut steps = Vec::new();
        self.parts.normalizer.steps(&mut steps);
        if let Some(characters) = self.characters() {
            characters.rules.steps(&mut steps);
        }
        steps
    }

    /// The largest token id, added tokens included, plus one.
    pub fn n_vocab(&self) -> u32 {
        let added = self.added.tokens().iter().map(|token| token.id.saturating_add(1));
        let characters = self.characters().map_or(0, Characters::id_end);
        added.max().unwrap_or(0).max(self.parts.vocab.id_end()).max(characters)
    }

    /// Special tokens and their ids.
    pub fn special_tokens(&self) -> &[(String, u32)] {
        self.added.special()
    }

    /// All tokens beside the vocabulary, special or not.
    pub fn added_tokens(&self) -> &[AddedToken] {
        self.added.tokens()
    }

    /// The parts of `text`: added tokens, and the normalized text between them.
    pub(crate) fn for_each_part(
        &self,
        text: &str,
        special: Special,
        then: &mut dyn FnMut(Part) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.added.parts(text, special, &self.parts.normalizer, then)
    }

    /// What cuts and merges characters, where that is done.
    pub(crate) fn characters(&self) -> Option<&Characters> {
        self.parts.characters.as_deref()
    }

    pub(crate) fn vocab(&self) -> &Vocab {
        &self.parts.vocab
    }

    pub(crate) fn pairs(&self) -> &Pairs {
        &self.parts.pairs
    }

    pub(crate) fn whole_pieces(&self) -> Option<&WholePieces> {
        self.whole_pieces.as_ref()
    }

    /// The tokens that merging their bytes gives.
    pub(crate) fn reachable_tokens(&self) -> impl Iterator<Item = &[u8]> {
        let reachable = |number| self.parts.unreachable.binary_search(&number).is_err();
        self.vocab().tokens().filter(move |&(n, _)| reachable(n)).map(|(_, token)| token)
    }

    /// Whether `text` holds a byte that is no token: then only the plain way is exact.
    pub(crate) fn lacks_a_byte_of(&self, text: &[u8]) -> bool {
        let Some(missing) = &self.missing else { return false };
        text.iter().any(|&byte| missing[usize::from(byte)])
    }

    pub(crate) fn east_asian(&self) -> &EastAsian {
        self.east_asian.get_or_init(|| EastAsian::new(self.vocab(), self.pairs()))
    }

    pub(crate) fn cuts(&self) -> &Cuts {
        self.cuts.get_or_init(|| Cuts::new(self.vocab()))
    }

    /// Appends the token ids of `text` to `ids`. The plain way: one piece at a time, no cache. Counting
    /// has its own, faster way ([`Counter`](crate::Counter)) to the same number.
    pub fn encode(&self, text: &str, special: Special, ids: &mut Vec<u32>) -> Result<(), Error> {
        let mut window = Window::new();
        let mut at_start = true;
        self.for_each_part(text, special, &mut |part| {
            match part {
                Part::Token(id) => ids.push(id),
                Part::Text(text) if self.characters().is_some() => {
                    self.encode_characters(&mut window, text, at_start, ids)?;
                }
                Part::Text(text) => self.encode_plain(&mut window, text, ids)?,
            }
            at_start = false;
            Ok(())
        })
    }

    /// [`Encoding::encode`] for a part of a document between added tokens, where characters are merged.
    /// `at_start`: the part begins the document.
    pub(crate) fn encode_characters(
        &self,
        window: &mut Window,
        text: &str,
        at_start: bool,
        ids: &mut Vec<u32>,
    ) -> Result<(), Error> {
        let characters = self.characters().expect("asked for");
        let tables = (self.vocab(), self.pairs());
        if let Pretokenizer::General(general) = self.pretokenizer() {
            return general.pieces(text, &mut |piece| {
                let piece = std::str::from_utf8(piece).expect("cut between characters");
                characters.encode(tables, window, piece, ids);
            });
        }
        characters.encode(tables, window, &characters.rules.apply(text, at_start)?, ids);
        Ok(())
    }

    /// [`Encoding::encode`] for normalized text without added tokens.
    pub(crate) fn encode_plain(
        &self,
        window: &mut Window,
        text: &str,
        ids: &mut Vec<u32>,
    ) -> Result<(), Error> {
        if let Pretokenizer::General(general) = self.pretokenizer() {
            return general.pieces(text, &mut |piece| self.encode_piece(window, piece, ids));
        }
        let scanner = self.pretokenizer().scanner().expect("all but the general one have one");
        let text = text.as_bytes();
        let mut start = 0;
        while start < text.len() {
            let end = (scanner.piece_end)(text, start);
            self.encode_piece(window, &text[start..end], ids);
            start = end;
        }
        Ok(())
    }

    fn encode_piece(&self, window: &mut Window, piece: &[u8], ids: &mut Vec<u32>) {
        let vocab = self.vocab();
        if let Some(number) = vocab.find(piece)
            && (self.parts.whole_pieces || self.parts.unreachable.binary_search(&number).is_err())
        {
            return ids.push(vocab.id(number));
        }
        let mut merge = |piece: &[u8], ids: &mut Vec<u32>| {
            merge::<Portable>(self.pairs(), vocab, window, piece, |tokens| {
                ids.extend(tokens.iter().map(|&number| vocab.id(number)));
            });
        };
        let Some(missing) = self.missing.as_ref().filter(|_| self.lacks_a_byte_of(piece)) else {
            return merge(piece, ids);
        };
        let lacks = |byte: &u8| missing[usize::from(*byte)];
        match self.parts.unknown {
            // What is no token is left out, and its neighbours become neighbours.
            None => {
                let known: Vec<u8> = piece.iter().copied().filter(|byte| !lacks(byte)).collect();
                merge(&known, ids);
            }
            Some(unknown) => {
                for part in piece.chunk_by(|a, b| lacks(a) == lacks(b)) {
                    if !lacks(&part[0]) {
                        merge(part, ids);
                    } else if unknown.fused {
                        ids.push(unknown.id);
                    } else {
                        ids.extend(part.iter().map(|_| unknown.id));
                    }
                }
            }
        }
    }

    /// Appends the bytes that `ids` stand for to `bytes`.
    pub fn decode(&self, ids: &[u32], bytes: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(decoder) = self.characters().and_then(Characters::decoder) {
            return decoder.decode(ids, bytes);
        }
        for (at, &id) in ids.iter().enumerate() {
            if let Some(characters) = self.characters() {
                if characters.decode(id, at == 0, bytes) {
                    continue;
                }
            } else if let Some(number) = self.vocab().of_id(id) {
                bytes.extend_from_slice(self.vocab().token(number));
                continue;
            }
            match self.added.content(id) {
                Some(token) => bytes.extend_from_slice(token.as_bytes()),
                None => return Err(Error::UnknownToken { id }),
            }
        }
        Ok(())
    }

    /// The first byte offset in `from..text.len()` at which `text` may be cut in two so that the
    /// token counts of both sides add up to the count of the whole, whatever stands around; `None`
    /// where no such place is known.
    ///
    /// Such a place is where a letter or a number is followed by white space, or, where no added tokens are
    /// looked for, by a sign other than an apostrophe (see `Pretokenizer::ends_between`); if there is a
    /// normalizer, only between characters that it leaves alone (`Normalizer::leaves`): NFD makes
    /// `é\n` (C3 A9 0A) into `e` and the piece `\u{301}\n`. No added token may hold or look at both sides
    /// (`AddedTokens::allow_cuts`). Where characters are merged without a pretokenizer, it is between two
    /// bytes that stand together in no token.
    pub fn cut(&self, text: &str, from: usize, special: Special) -> Option<usize> {
        if let Some(characters) = self.characters() {
            let plain = matches!(self.pretokenizer(), Pretokenizer::Characters);
            if !plain || !self.parts.normalizer.is_none() {
                return None;
            }
            let text = text.as_bytes();
            let mut at = characters.cut(text, from)?;
            while !self.added.allow_cut_between(text[at - 1], text[at], special) {
                at = characters.cut(text, at + 1)?;
            }
            return Some(at);
        }
        self.pretokenizer().scanner()?;
        let signs = !self.added.searches(special);
        let normalizer = &self.parts.normalizer;
        if !signs && !self.added.allow_cuts(normalizer) {
            return None;
        }
        let text = text.as_bytes();
        let mut at = from.max(1);
        while at < text.len() && text[at] & 0xC0 == 0x80 {
            at += 1;
        }
        if at >= text.len() {
            return None;
        }
        let leaves = |c| char::from_u32(c).is_some_and(|c| normalizer.leaves(c));
        let mut left = decode_before(text, at).0;
        while at < text.len() {
            let (right, len) = decode(text, at);
            let cut = self.pretokenizer().ends_between(left, right)
                && (signs || matches!(class_of(right), Class::Space | Class::Newline));
            if cut && (normalizer.is_none() || leaves(left) && leaves(right)) {
                return Some(at);
            }
            left = right;
            at += len;
        }
        None
    }
}

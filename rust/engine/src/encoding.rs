//! `Encoding`: an immutable, shareable tokenizer.

pub(crate) mod definition;

use std::ops::Range;
use std::sync::OnceLock;

use fasttok_simd::{Portable, is_continuation};

use crate::Error;
use crate::added::{AddedToken, AddedTokens, Part};
use crate::bpe::alphabetic_segments::Segmenter;
use crate::bpe::east_asian::EastAsian;
use crate::bpe::model::BpeModel;
use crate::bpe::pairs::NONE;
use crate::bpe::whole::WholePieces;
use crate::bpe::windowed::{Window, merge};
use crate::character_bpe::CharacterBpe;
use crate::classes::{Class, class_of, decode, decode_before};
use crate::decode::{Decoder, Tokens};
use crate::interrupt::{self, Watch};
use crate::literal::Literal;
use crate::options::Special;
use crate::pretokenize::{ByRuns, Pretokenizer};
use crate::vocab::{Vocab, byte_level};

use definition::{EncodingParts, Instead, Source, Unknown};

/// A named tokenizer: immutable, shared between threads by `Arc`.
///
/// ```
/// use fasttok_engine::{Encoding, Special};
///
/// let encoding = Encoding::embedded("cl100k_base")?;
/// let mut ids = Vec::new();
/// encoding.encode("hello world", Special::Text, &mut ids)?;
/// assert_eq!(ids, [15339, 1917]);
/// # Ok::<(), fasttok_engine::Error>(())
/// ```
pub struct Encoding {
    parts: EncodingParts,
    added: AddedTokens,
    /// Whether it is of weight which part of a text begins the document.
    asks_for_start: bool,
    /// What normalizer and pretokenizer were made from, where they can be made from it again.
    source: Option<Box<Source>>,
    /// The tokens that merging does not give, where a whole piece is one of them nonetheless.
    whole_pieces: Option<WholePieces>,
    /// Whether a byte is no token.
    missing: Option<Box<[bool; 256]>>,
    /// Made when the first East Asian text is met.
    east_asian: OnceLock<EastAsian>,
    /// Made when the first long piece of another script is met.
    segmenter: OnceLock<Segmenter>,
    /// Made when it is first asked for.
    longest_token: OnceLock<usize>,
}

/// Made from the same file in the same way, under the same name.
impl PartialEq for Encoding {
    fn eq(&self, other: &Encoding) -> bool {
        (self.name(), self.hash(), self.source(), self.added_tokens())
            == (other.name(), other.hash(), other.source(), other.added_tokens())
    }
}

impl Encoding {
    pub(crate) fn new(mut parts: EncodingParts) -> Encoding {
        let missing = std::array::from_fn(|byte| parts.pairs.single(byte as u8) == NONE);
        let whole_pieces = (parts.whole_pieces && !parts.unreachable.is_empty())
            .then(|| WholePieces::new(parts.unreachable.iter().map(|&n| parts.vocab.token(n))));
        parts.unreachable.sort_unstable();
        Encoding {
            added: AddedTokens::new(
                std::mem::take(&mut parts.added),
                match &parts.instead {
                    Instead::CharacterBpe(character_bpe) => character_bpe.found(),
                    _ => &[],
                },
            ),
            asks_for_start: match (&parts.instead, &parts.pretokenizer) {
                (Instead::Literal(literal), _) => literal.pieces.asks_for_start(),
                (_, Pretokenizer::General(general)) => general.asks_for_start(),
                (Instead::CharacterBpe(character_bpe), _) => character_bpe.rules.asks_for_start(),
                _ => false,
            },
            source: None,
            parts,
            whole_pieces,
            missing: missing.contains(&true).then(|| Box::new(missing)),
            east_asian: OnceLock::new(),
            segmenter: OnceLock::new(),
            longest_token: OnceLock::new(),
        }
    }

    /// The same, with what normalizer and pretokenizer were made from.
    pub(crate) fn with_source(mut self, source: Source) -> Encoding {
        self.source = Some(Box::new(source));
        self
    }

    /// The same, with how its file decodes.
    pub(crate) fn with_decoder(mut self, decoder: Decoder) -> Encoding {
        self.parts.decoder = Some(decoder);
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

    /// The name of the encoding.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// assert_eq!(Encoding::embedded("o200k_base")?.name(), "o200k_base");
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// SHA-256, in hex, of the file that the encoding was made from.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// let hash = Encoding::embedded("o200k_base")?.hash().to_owned();
    /// assert!(hash.starts_with("446a9538cb6c348e") && hash.len() == 64);
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn hash(&self) -> &str {
        &self.parts.hash
    }

    /// How text is cut into pieces.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// assert_eq!(Encoding::embedded("gpt2")?.pretokenizer().name(), "gpt2");
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn pretokenizer(&self) -> &Pretokenizer {
        &self.parts.pretokenizer
    }

    /// What is done to text before it is split, step by step: the names that a `tokenizer.json` or a sentencepiece
    /// model has for it (`NFC`, `Replace`, `add_dummy_prefix`). Nothing, where text is counted as it is.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// assert!(Encoding::embedded("o200k_base")?.normalization().is_empty());
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn normalization(&self) -> Vec<&'static str> {
        let mut steps = Vec::new();
        self.parts.normalizer.steps(&mut steps);
        if let Some(character_bpe) = self.character_bpe() {
            character_bpe.rules.steps(&mut steps);
        }
        steps
    }

    /// The largest token id, added tokens included, plus one.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// assert_eq!(Encoding::embedded("o200k_base")?.n_vocab(), 200_019);
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn n_vocab(&self) -> u32 {
        let added = self.added.tokens().iter().map(|token| token.id.saturating_add(1));
        let instead = match &self.parts.instead {
            Instead::Nothing => self.parts.unmet.keys().max().map_or(0, |id| id.saturating_add(1)),
            Instead::CharacterBpe(character_bpe) => character_bpe.id_end(),
            Instead::Literal(literal) => literal.id_end(),
        };
        added.max().unwrap_or(0).max(self.parts.vocab.id_end()).max(instead)
    }

    /// Special tokens and their ids.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// let encoding = Encoding::embedded("r50k_base")?;
    /// assert_eq!(encoding.special_tokens(), [("<|endoftext|>".to_owned(), 50256)]);
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn special_tokens(&self) -> &[(String, u32)] {
        self.added.special()
    }

    /// All tokens beside the vocabulary, special or not.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// let encoding = Encoding::embedded("r50k_base")?;
    /// let token = &encoding.added_tokens()[0];
    /// assert_eq!((&*token.content, token.id, token.special), ("<|endoftext|>", 50256, true));
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
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
        self.added.parts(text, special, &self.parts.normalizer, self.asks_for_start, then)
    }

    /// What cuts and merges characters, where that is done.
    pub(crate) fn character_bpe(&self) -> Option<&CharacterBpe> {
        match &self.parts.instead {
            Instead::CharacterBpe(character_bpe) => Some(character_bpe),
            _ => None,
        }
    }

    /// What merges, if not pieces of bytes are merged.
    pub(crate) fn instead(&self) -> &Instead {
        &self.parts.instead
    }

    /// What merges without tables, where that is done.
    pub(crate) fn literal(&self) -> Option<&Literal> {
        match &self.parts.instead {
            Instead::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    pub(crate) fn vocab(&self) -> &Vocab {
        &self.parts.vocab
    }

    pub(crate) fn pairs(&self) -> &BpeModel {
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

    /// Whether merging the bytes of the token `number` gives it.
    pub(crate) fn is_merged(&self, number: u32) -> bool {
        self.parts.unreachable.binary_search(&number).is_err()
    }

    /// Bytes of the longest token.
    pub(crate) fn longest_token(&self) -> usize {
        let longest = || self.vocab().tokens().map(|(_, token)| token.len()).max();
        *self.longest_token.get_or_init(|| longest().unwrap_or(0))
    }

    /// Whether no added token is looked for.
    pub(crate) fn searches_for_none(&self, special: Special) -> bool {
        !self.added.searches(special)
    }

    /// Whether no part of `text` holds an added token that is looked for.
    pub(crate) fn holds_no_added(&self, text: &str, special: Special) -> bool {
        !self.added.searches(special) || self.added.holds_none(text, &self.parts.normalizer)
    }

    /// What finds the pieces of a text as it is given by its runs, where every byte is a token.
    pub(crate) fn pieces_by_runs(&self) -> Option<ByRuns> {
        let plain = matches!(self.parts.instead, Instead::Nothing)
            && self.parts.normalizer.is_none()
            && self.missing.is_none();
        if plain { self.pretokenizer().scanner()?.by_runs } else { None }
    }

    /// Whether `text` holds a byte that is no token: then only the plain way is exact.
    pub(crate) fn lacks_a_byte_of(&self, text: &[u8]) -> bool {
        let Some(missing) = &self.missing else { return false };
        text.iter().any(|&byte| missing[usize::from(byte)])
    }

    pub(crate) fn east_asian(&self) -> &EastAsian {
        self.east_asian.get_or_init(|| EastAsian::new(self.vocab(), self.pairs()))
    }

    pub(crate) fn segmenter(&self) -> &Segmenter {
        self.segmenter.get_or_init(|| Segmenter::new(self.vocab()))
    }

    /// The texts that are one token, where no special token is looked for; `None` where only counting tells.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// let encoding = Encoding::embedded("o200k_base")?;
    /// let mut texts = encoding.one_token_texts().expect("nothing is rewritten before it is split");
    /// assert!(texts.any(|text| text == " world"));
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn one_token_texts(&self) -> Option<impl Iterator<Item = &str>> {
        let scanner = self.pretokenizer().scanner()?;
        let is_plain = matches!(self.parts.instead, Instead::Nothing)
            && self.parts.normalizer.is_none()
            && self.missing.is_none()
            && !self.added.searches(Special::Text);
        if !is_plain {
            return None;
        }
        let tokens = self.vocab().tokens().filter(|&(number, _)| self.is_one_piece(number));
        let texts = tokens.filter_map(|(_, token)| std::str::from_utf8(token).ok());
        // Every piece is a token at least.
        Some(texts.filter(move |text| (scanner.piece_end)(text.as_bytes(), 0) == text.len()))
    }

    /// Whether the token `number` is what a piece of its bytes becomes.
    fn is_one_piece(&self, number: u32) -> bool {
        self.parts.whole_pieces || self.parts.unreachable.binary_search(&number).is_err()
    }

    /// Appends the token ids of `text` to `ids`. The plain way: one piece at a time, no cache. Counting
    /// has its own, faster way ([`Counter`](crate::Counter)) to the same number.
    ///
    /// ```
    /// # use fasttok_engine::{Encoding, Error, Special};
    /// let encoding = Encoding::embedded("r50k_base")?;
    /// let mut ids = Vec::new();
    /// encoding.encode("Hello<|endoftext|>", Special::Token, &mut ids)?;
    /// assert_eq!(ids, [15496, 50256]);
    ///
    /// // The same characters as text, and as something that should not be there.
    /// ids.clear();
    /// encoding.encode("Hello<|endoftext|>", Special::Text, &mut ids)?;
    /// assert_eq!(ids, [15496, 27, 91, 437, 1659, 5239, 91, 29]);
    /// let refused = encoding.encode("Hello<|endoftext|>", Special::Error, &mut ids);
    /// assert_eq!(refused, Err(Error::SpecialToken { token: "<|endoftext|>".into(), offset: 5 }));
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn encode(&self, text: &str, special: Special, ids: &mut Vec<u32>) -> Result<(), Error> {
        self.encode_in(&mut Window::new(), text, special, ids)
    }

    /// [`Encoding::encode`] with a window that serves again.
    pub(crate) fn encode_in(
        &self,
        window: &mut Window,
        text: &str,
        special: Special,
        ids: &mut Vec<u32>,
    ) -> Result<(), Error> {
        self.for_each_part(text, special, &mut |part| {
            match (part, &self.parts.instead) {
                (Part::Token(id), _) => ids.push(id),
                (Part::Text(text, start), Instead::Nothing) => {
                    self.encode_plain(window, text, start, ids)?;
                }
                (Part::Text(text, start), Instead::CharacterBpe(_)) => {
                    self.encode_character_bpe(window, text, start, ids)?;
                }
                (Part::Text(text, start), Instead::Literal(literal)) => {
                    literal.encode(text, start, ids)?;
                }
            }
            interrupt::check()
        })
    }

    /// [`Encoding::encode`] for a part of a document between added tokens, where characters are merged.
    /// The first `start` bytes begin the document.
    pub(crate) fn encode_character_bpe(
        &self,
        window: &mut Window,
        text: &str,
        start: usize,
        ids: &mut Vec<u32>,
    ) -> Result<(), Error> {
        let character_bpe = self.character_bpe().expect("asked for");
        let tables = (self.vocab(), self.pairs());
        if let Pretokenizer::General(general) = self.pretokenizer() {
            let mut watch = Watch::new();
            return general.pieces(text, start, &mut |piece| {
                let piece = std::str::from_utf8(piece).expect("cut between characters");
                character_bpe.encode(tables, window, piece, ids);
                watch.go_on(piece.len())
            });
        }
        character_bpe.encode(tables, window, &character_bpe.rules.apply(text, start > 0)?, ids);
        Ok(())
    }

    /// [`Encoding::encode`] for normalized text without added tokens, the first `start` bytes of which begin
    /// the document.
    pub(crate) fn encode_plain(
        &self,
        window: &mut Window,
        text: &str,
        start: usize,
        ids: &mut Vec<u32>,
    ) -> Result<(), Error> {
        self.for_each_piece(text, start, &mut |text, start, end| {
            self.encode_piece(window, &text[start..end], ids);
        })
    }

    /// Whether pieces of bytes are merged.
    pub(crate) fn merges_pieces(&self) -> bool {
        matches!(self.parts.instead, Instead::Nothing)
    }

    /// The pieces of normalized text without added tokens, the first `start` bytes of which begin the document: each with
    /// bytes around it, and where in them it is.
    #[inline(always)]
    pub(crate) fn for_each_piece(
        &self,
        text: &str,
        start: usize,
        then: &mut impl FnMut(&[u8], usize, usize),
    ) -> Result<(), Error> {
        if let Pretokenizer::General(general) = self.pretokenizer() {
            return general.pieces(text, start, &mut |piece| {
                then(piece, 0, piece.len());
                Ok(())
            });
        }
        let scanner = self.pretokenizer().scanner().expect("all but the general one have one");
        let text = text.as_bytes();
        let mut start = 0;
        let mut watch = Watch::new();
        while start < text.len() {
            let end = (scanner.piece_end)(text, start);
            if watch.stops(end - start) {
                break;
            }
            then(text, start, end);
            start = end;
        }
        Ok(())
    }

    /// The last piece of `text`, normalized if there is a normalizer; `None` where there is none, or not pieces of bytes are
    /// merged. No added tokens are looked for.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// let encoding = Encoding::embedded("r50k_base")?;
    /// assert_eq!(encoding.last_piece("Hello world")?, Some(b" world".to_vec()));
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn last_piece(&self, text: &str) -> Result<Option<Vec<u8>>, Error> {
        let mut last = None;
        if self.merges_pieces() {
            let text = self.parts.normalizer.normalize(text)?;
            self.for_each_piece(&text, text.len(), &mut |text, start, end| {
                let last: &mut Vec<u8> = last.get_or_insert_default();
                last.clear();
                last.extend_from_slice(&text[start..end]);
            })?;
        }
        Ok(last)
    }

    /// The id of `piece` where it is one token, be it that merging gives it or that the whole piece is taken.
    pub(crate) fn whole_piece(&self, piece: &[u8]) -> Option<u32> {
        let number = self.vocab().find(piece).filter(|&number| self.is_one_piece(number))?;
        Some(self.vocab().id(number))
    }

    /// The tokens of the vocabulary with their ids, without added tokens.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// let encoding = Encoding::embedded("r50k_base")?;
    /// assert!(encoding.tokens().any(|token| token == (b" world", 995)));
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn tokens(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.vocab().tokens().map(|(number, token)| (token, self.vocab().id(number)))
    }

    /// Appends the ids that merging `piece` gives, which may be no UTF-8, without cutting it and whether or not it is a
    /// token.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// let encoding = Encoding::embedded("r50k_base")?;
    /// let mut ids = Vec::new();
    /// encoding.merge(b"helloqqqq", &mut ids);
    /// assert_eq!(ids, [31373, 38227, 38227]);
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn merge(&self, piece: &[u8], ids: &mut Vec<u32>) {
        let vocab = self.vocab();
        merge(Portable, self.pairs(), vocab, &mut Window::new(), piece, |tokens| {
            ids.extend(tokens.iter().map(|&number| vocab.id(number)));
        });
    }

    pub(crate) fn encode_piece(&self, window: &mut Window, piece: &[u8], ids: &mut Vec<u32>) {
        if let Some(id) = self.whole_piece(piece) {
            return ids.push(id);
        }
        let vocab = self.vocab();
        let mut merge = |piece: &[u8], ids: &mut Vec<u32>| {
            merge(Portable, self.pairs(), vocab, window, piece, |tokens| {
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

    /// Appends the bytes that `ids` stand for to `bytes`: by the decoder of the tokenizer's file, where there
    /// is one, but with the bytes of byte tokens as they are, be they UTF-8 or not.
    ///
    /// ```
    /// # use fasttok_engine::{Encoding, Error};
    /// let encoding = Encoding::embedded("o200k_base")?;
    /// let mut bytes = Vec::new();
    /// encoding.decode(&[3193, 572, 13153], &mut bytes)?;
    /// assert_eq!(bytes, "Grüße".as_bytes());
    /// assert_eq!(encoding.decode(&[200_019], &mut bytes), Err(Error::UnknownToken { id: 200_019 }));
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn decode(&self, ids: &[u32], bytes: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(decoder) = self.character_bpe().and_then(CharacterBpe::decoder) {
            return decoder.decode(ids, bytes);
        }
        if let Some(decoder) = &self.parts.decoder {
            return decoder.bytes(self.texts(ids)?, bytes);
        }
        ids.iter().try_for_each(|&id| self.token_bytes(id, bytes))
    }

    /// The text that `ids` stand for, as the reference decodes them: bytes that are not UTF-8 become U+FFFD.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// let encoding = Encoding::embedded("r50k_base")?;
    /// assert_eq!(encoding.decode_text(&[15496, 995])?, "Hello world");
    /// // Half a character: the token 0xC3.
    /// assert_eq!(encoding.decode_text(&[127])?, "\u{FFFD}");
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn decode_text(&self, ids: &[u32]) -> Result<String, Error> {
        if let Some(decoder) = &self.parts.decoder {
            return decoder.text(self.texts(ids)?);
        }
        let mut bytes = Vec::new();
        self.decode(ids, &mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Where each of `ids`, the tokens of `text`, is in it, in bytes; an error where they are not those of the text as it
    /// is. A blank that the tokenizer puts before every text is in none.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// let encoding = Encoding::embedded("o200k_base")?;
    /// assert_eq!(encoding.offsets("Grüße", &[3193, 572, 13153])?, [0..2, 2..4, 4..7]);
    /// assert!(encoding.offsets("Grüße", &[3193, 13153]).is_err());
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn offsets(&self, text: &str, ids: &[u32]) -> Result<Vec<Range<usize>>, Error> {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        let mut ends = Vec::with_capacity(ids.len());
        for &id in ids {
            self.token_bytes(id, &mut bytes)?;
            ends.push(bytes.len());
        }
        let prefix = usize::from(bytes.len() == text.len() + 1 && bytes[0] == b' ');
        if bytes[prefix..] != *text.as_bytes() {
            return Err(Error::UnsupportedTokenizer {
                component: "offsets".into(),
                reason: "its tokens are not those of the text as it is, since it rewrites the text or has no token for a \
                         part of it: take the offsets of the normalized text, or of another tokenizer"
                    .into(),
            });
        }
        let starts = std::iter::once(prefix).chain(ends.iter().copied());
        // A token may have no bytes, and the first one may end before the blank does.
        let within = |at: usize| at.max(prefix) - prefix;
        Ok(starts.zip(&ends).map(|(start, &end)| within(start)..within(end)).collect())
    }

    /// Appends the bytes that the token `id` stands for within a text to `bytes`, whatever a decoder would make of them.
    ///
    /// ```
    /// # use fasttok_engine::{Encoding, Error};
    /// let encoding = Encoding::embedded("r50k_base")?;
    /// let mut bytes = Vec::new();
    /// encoding.token_bytes(127, &mut bytes)?;
    /// assert_eq!(bytes, [0xC3]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn token_bytes(&self, id: u32, bytes: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(number) = self.vocab().of_id(id)
            && self.character_bpe().is_none()
        {
            bytes.extend_from_slice(self.vocab().token(number));
            return Ok(());
        }
        if let Some(token) = self.added.decoded(id) {
            bytes.extend_from_slice(token.as_bytes());
            return Ok(());
        }
        match &self.parts.instead {
            Instead::CharacterBpe(character_bpe) => character_bpe.push_token(id, bytes),
            _ => {
                let text = self.text(id).ok_or(Error::UnknownToken { id })?;
                bytes.extend_from_slice(text.as_bytes());
                Ok(())
            }
        }
    }

    /// Whether the token `id` begins or ends inside a character.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// let encoding = Encoding::embedded("r50k_base")?;
    /// assert!(encoding.cuts_character(127) && !encoding.cuts_character(995));
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn cuts_character(&self, id: u32) -> bool {
        let mut bytes = Vec::new();
        self.token_bytes(id, &mut bytes).is_ok() && std::str::from_utf8(&bytes).is_err()
    }

    /// The tokens `ids` as the tokenizer's file writes them.
    fn texts(&self, ids: &[u32]) -> Result<Tokens, Error> {
        ids.iter().map(|&id| self.text(id).ok_or(Error::UnknownToken { id })).collect()
    }

    fn text(&self, id: u32) -> Option<String> {
        if let Some(token) = self.added.decoded(id) {
            return Some(token.to_owned());
        }
        match &self.parts.instead {
            Instead::Literal(literal) => literal.text(id).map(str::to_owned),
            Instead::CharacterBpe(character_bpe) => character_bpe.text(id).map(str::to_owned),
            Instead::Nothing => match self.vocab().of_id(id) {
                Some(number) => Some(byte_level::encode(self.vocab().token(number))),
                None => self.parts.unmet.get(&id).map(|text| text.to_string()),
            },
        }
    }

    /// The first byte offset in `from..text.len()` at which `text` may be cut in two so that the
    /// token counts of both sides add up to the count of the whole, whatever surrounds it; `None`
    /// where no such position is known.
    ///
    /// Such a position is where a letter or a number is followed by white space, or, where no added tokens are
    /// looked for, by a sign other than an apostrophe (see `Pretokenizer::ends_between`); if there is a
    /// normalizer, only between characters that it leaves alone (`Normalizer::leaves`): NFD makes
    /// `é\n` (C3 A9 0A) into `e` and the piece `\u{301}\n`. No added token may hold or look at both sides
    /// (`AddedTokens::allow_cuts`). Where characters are merged without a pretokenizer, it is between two
    /// bytes that are neighbours in no token.
    ///
    /// ```
    /// # use fasttok_engine::{Counter, Encoding, Special};
    /// let encoding = Encoding::embedded("o200k_base")?;
    /// let text = "one two three";
    /// let at = encoding.split_point(text, 5, Special::Text).expect("a word ends");
    /// assert_eq!(text.split_at(at), ("one two", " three"));
    /// let mut counter = Counter::new(encoding);
    /// let mut count = |text| counter.count(text, Special::Text);
    /// assert_eq!(count(text)?, count(&text[..at])? + count(&text[at..])?);
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn split_point(&self, text: &str, from: usize, special: Special) -> Option<usize> {
        self.split_point_of(text, from, special, !self.added.searches(special))
    }

    /// The same of a text that, where it is `plain`, holds no added token that is looked for.
    pub(crate) fn split_point_of(
        &self,
        text: &str,
        from: usize,
        special: Special,
        plain: bool,
    ) -> Option<usize> {
        if self.literal().is_some() {
            return None;
        }
        if let Some(character_bpe) = self.character_bpe() {
            let all_at_once = matches!(self.pretokenizer(), Pretokenizer::CharacterLevel);
            if !all_at_once || !self.parts.normalizer.is_none() {
                return None;
            }
            let text = text.as_bytes();
            let mut at = character_bpe.split_point(text, from)?;
            while !plain && !self.added.allow_cut_between(text[at - 1], text[at], special) {
                at = character_bpe.split_point(text, at + 1)?;
            }
            return Some(at);
        }
        self.pretokenizer().scanner()?;
        let normalizer = &self.parts.normalizer;
        if !plain && !self.added.allow_cuts(normalizer) {
            return None;
        }
        let text = text.as_bytes();
        let mut at = from.max(1);
        while at < text.len() && is_continuation(text[at]) {
            at += 1;
        }
        if at >= text.len() {
            return None;
        }
        let leaves = |c| char::from_u32(c).is_some_and(|c| normalizer.leaves(c));
        let mut left = decode_before(text, at).0;
        let mut watch = Watch::new();
        while at < text.len() {
            let (right, len) = decode(text, at);
            if watch.stops(len) {
                return None;
            }
            let cut = self.pretokenizer().ends_between(left, right)
                && (plain || matches!(class_of(right), Class::Space | Class::Newline));
            if cut && (normalizer.is_none() || leaves(left) && leaves(right)) {
                return Some(at);
            }
            left = right;
            at += len;
        }
        None
    }
}

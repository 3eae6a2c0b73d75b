//! BPE over the characters of a text, with or without a way to write unknown ones: sentencepiece's, and what
//! HF `tokenizers` does with the same vocabularies.
//!
//! There is no pretokenizer. A document is one piece, cut where the vocabulary lets no merge cross
//! ([`boundaries`]); from there on it is counted as any other. Blanks are kept where the format writes
//! U+2581 ([`rules`]); characters are put together from bytes by merges of their own ([`symbols`]).

pub(crate) mod boundaries;
pub(crate) mod decode;
pub(crate) mod plain;
pub(crate) mod rules;
pub(crate) mod symbols;

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::Error;
use crate::bpe::model::BpeModel;
use crate::bpe::windowed::{Window, merge};
use crate::classes::decode;
use crate::interrupt::Watch;
use crate::vocab::Vocab;
use boundaries::{Boundaries, UserPieces};
use decode::Decoder;
use fasttok_simd::Portable;
use plain::Plain;
use rules::{META, Prefix, Rules};
use symbols::{Order, Symbols, has_prefix, parts};

/// What becomes of a character that is not in the vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// The tokens of its bytes, by byte.
    Bytes(Box<[u32; 256]>),
    /// One token, each by itself or one for all neighbours that are unknown.
    Token { id: u32, fused: bool },
    /// It is left out before anything is merged.
    Nothing,
}

/// A vocabulary of characters and the rules of its text.
pub(crate) struct CharacterBpe {
    pub rules: Rules,
    pub symbols: Symbols,
    pub boundaries: Boundaries,
    unknown: Unknown,
    /// Two bits a code point: how many bytes an unknown character has beyond the parts that merging
    /// leaves of it.
    shrinks: Vec<u64>,
    /// Whether a user-defined piece holds a character that is unknown by itself.
    unknown_in_user: bool,
    /// Whether a token that is merged does.
    merges_unknown: bool,
    /// What merges instead of the tables, which are empty then.
    plain: Option<Plain>,
    /// How sentencepiece decodes, where it is the reference.
    decoder: Option<Decoder>,
    /// Tokens that merging does not give, where a whole piece is one of them nonetheless.
    whole: HashMap<String, u32, foldhash::fast::FixedState>,
    /// Added tokens that are user-defined pieces here.
    found: Vec<u32>,
    /// Every token that has an id, as the file writes it.
    texts: HashMap<u32, Box<str>, foldhash::fast::FixedState>,
    /// The byte of each byte token.
    bytes: HashMap<u32, u8>,
}

/// What [`CharacterBpe`] is made of.
pub(crate) struct Definition {
    pub rules: Rules,
    /// Pieces that text is merged into, and their ids, as the file writes them.
    pub tokens: Vec<(String, u32)>,
    pub order: Order,
    /// Pieces that are matched before anything is merged, and their ids.
    pub user: Vec<(String, u32)>,
    pub unknown: Unknown,
    /// What merges instead of tables: there are no tokens and scores then.
    pub plain: Option<Plain>,
    /// How ids become text, where sentencepiece is the reference.
    pub decoder: Option<Decoder>,
    /// A blank begins a piece wherever it is.
    pub split_at_blanks: bool,
    /// A piece that is a token is that token, whether or not merging gives it.
    pub whole_texts: bool,
}

impl CharacterBpe {
    /// Makes the tables.
    pub fn new(definition: Definition) -> Result<(CharacterBpe, Vocab, BpeModel), Error> {
        let Definition { mut rules, mut tokens, mut order, mut user, unknown, .. } = definition;
        let Definition { split_at_blanks, whole_texts, .. } = definition;
        let mut bytes = HashMap::new();
        let mut whole = HashMap::default();
        let written = |token: &str| match rules.escape && holds_meta(token) {
            true => token.replace(META, " "),
            false => token.to_owned(),
        };
        // sentencepiece's decoder has its own.
        let texts = match definition.decoder {
            Some(_) => HashMap::default(),
            None => tokens.iter().map(|(token, id)| (*id, token.as_str().into())).collect(),
        };
        if let Unknown::Bytes(ids) = &unknown {
            for (byte, &id) in (0..=255u8).zip(ids.iter()) {
                if !matches!(byte, 0xC0 | 0xC1 | 0xF5..) {
                    bytes.insert(id, byte);
                }
            }
        }
        if (rules.remove_extra || rules.charsmap.is_some()) && !user.is_empty() {
            rules.user = Some(UserPieces::new(&user));
        }
        // What holds a blank in the file is never met where blanks are written otherwise.
        let met = |token: &str| !(rules.escape && token.contains(' '));
        let reached = |token: &str| {
            let inside = || token.match_indices(META).any(|(at, _)| at > 0);
            met(token) && !(split_at_blanks && inside())
        };
        user.retain(|(piece, _)| met(piece));
        user.iter_mut().for_each(|(piece, _)| *piece = written(piece));
        retain(&mut tokens, &mut order, reached)?;
        for (token, _) in tokens.iter_mut().filter(|(token, _)| holds_meta(token)) {
            *token = written(token);
        }
        let bare = add_bare(&mut tokens, &mut order);
        let (symbols, vocab, pairs) = Symbols::new(&tokens, &order, bare)?;
        if whole_texts {
            if split_at_blanks && !symbols.unreachable.is_empty() {
                return Err(Error::UnsupportedTokenizer {
                    component: "ignore_merges with the pretokenizer Metaspace".to_owned(),
                    reason: format!(
                        "merging does not give some tokens, such as {:?}",
                        symbols.unreachable[0].0
                    ),
                });
            }
            whole.extend(symbols.unreachable.iter().cloned());
        }
        let boundaries = Boundaries::new(symbols.merged(&vocab), &user);
        let mut shrinks = vec![0; 0x11_0000 / 32];
        for c in ('\u{80}'..=char::MAX).filter(|&c| !symbols.knows(u32::from(c))) {
            let mut utf8 = [0; 4];
            let utf8 = c.encode_utf8(&mut utf8).as_bytes();
            if utf8.len() > 2 && has_prefix(&pairs, utf8) {
                let shrinks_by = (utf8.len() - parts(&pairs, utf8)) as u64;
                shrinks[c as usize >> 5] |= shrinks_by << (2 * (c as usize & 31));
            }
        }
        let unknown_in_user =
            user.iter().any(|(piece, _)| piece.chars().any(|c| !symbols.knows(u32::from(c))));
        let found = user.iter().map(|&(_, id)| id).collect();
        let character_bpe = CharacterBpe {
            rules,
            symbols,
            boundaries,
            unknown,
            shrinks,
            unknown_in_user,
            merges_unknown: bare > 0,
            plain: definition.plain,
            decoder: definition.decoder,
            whole,
            found,
            texts,
            bytes,
        };
        Ok((character_bpe, vocab, pairs))
    }

    /// How ids become text, where sentencepiece is the reference.
    pub fn decoder(&self) -> Option<&Decoder> {
        self.decoder.as_ref()
    }

    /// Ids of the user-defined pieces that text may hold.
    pub fn found(&self) -> &[u32] {
        &self.found
    }

    /// Whether [`CharacterBpe::whole`] may find anything.
    pub fn has_whole(&self) -> bool {
        !self.whole.is_empty()
    }

    /// The id of `text`, if all of it is one token that merging does not give.
    pub fn whole(&self, text: &str) -> Option<u32> {
        if self.whole.is_empty() { None } else { self.whole.get(text).copied() }
    }

    /// Whether counting the parts that merging leaves and adding [`CharacterBpe::surplus`] is exact; else
    /// only encoding is.
    pub fn counts(&self) -> bool {
        match self.unknown {
            _ if self.plain.is_some() => false,
            Unknown::Bytes(_) => !self.merges_unknown,
            Unknown::Token { .. } => !self.merges_unknown && !self.unknown_in_user,
            Unknown::Nothing => false,
        }
    }

    /// Tokens of the unknown characters of `text` beyond the parts that merging leaves of them. May be
    /// negative.
    pub fn surplus(&self, pairs: &BpeModel, text: &[u8]) -> i64 {
        match &self.unknown {
            Unknown::Bytes(_) => self.shrunk(text),
            Unknown::Token { fused, .. } => {
                let (mut surplus, mut after_unknown) = (0, false);
                let mut at = 0;
                while at < text.len() {
                    let (c, len) = decode(text, at);
                    let unknown = !self.symbols.knows(c);
                    if unknown {
                        surplus += i64::from(!(fused & after_unknown));
                        surplus -= parts(pairs, &text[at..at + len]) as i64;
                    }
                    after_unknown = unknown;
                    at += len;
                }
                surplus
            }
            Unknown::Nothing => 0,
        }
    }

    /// Bytes of unknown characters that merging has put together. Only those of three bytes and more are.
    fn shrunk(&self, text: &[u8]) -> i64 {
        let mut surplus = 0;
        let (words, rest) = text.as_chunks::<8>();
        let mut leads = |bytes: &[u8; 8], at: usize| {
            let bytes = u64::from_le_bytes(*bytes);
            // The first three bits are set in the first bytes of such characters.
            let mut leads = bytes & bytes << 1 & bytes << 2 & 0x8080_8080_8080_8080;
            while leads != 0 {
                let start = at + leads.trailing_zeros() as usize / 8;
                leads &= leads - 1;
                let (c, _) = decode(text, start);
                surplus += self.shrinks[c as usize >> 5] >> (2 * (c & 31)) & 3;
            }
        };
        for (i, word) in words.iter().enumerate() {
            leads(word, 8 * i);
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        leads(&last, 8 * words.len());
        surplus as i64
    }

    /// Appends the ids of a text to which the rules have been applied.
    pub fn encode(
        &self,
        (vocab, pairs): (&Vocab, &BpeModel),
        window: &mut Window,
        text: &str,
        ids: &mut Vec<u32>,
    ) {
        if let Some(plain) = &self.plain {
            return plain.encode(text, &self.unknown, ids);
        }
        if let Some(id) = self.whole(text) {
            return ids.push(id);
        }
        let known;
        let text = match self.unknown {
            Unknown::Nothing => {
                let is_known = |&c: &char| self.symbols.knows(u32::from(c));
                known = text.chars().filter(is_known).collect::<String>();
                known.as_bytes()
            }
            _ => text.as_bytes(),
        };
        let mut output = Output { character_bpe: self, vocab, pairs, ids, after_unknown: false };
        let user = self.boundaries.user();
        let mut start = 0;
        let mut at = 0;
        let mut watch = Watch::new();
        while at < text.len() && !watch.stops(1) {
            match user.and_then(|user| user.find(&text[at..])) {
                Some((len, id)) => {
                    output.merge(window, &text[start..at]);
                    output.push(id);
                    at += len;
                    start = at;
                }
                // Without user-defined pieces everything is merged at once.
                None if user.is_none() => at = text.len(),
                None => at += decode(text, at).1,
            }
        }
        output.merge(window, &text[start..]);
    }

    /// The first offset from `from` on, after the first byte, at which `text` may be cut in two so that
    /// the counts of both sides add up.
    pub fn split_point(&self, text: &[u8], from: usize) -> Option<usize> {
        let Rules { prefix, suffix, remove_extra, ref charsmap, .. } = self.rules;
        let rewrites = self.plain.is_some()
            || suffix
            || remove_extra
            || charsmap.is_some()
            || prefix == Prefix::Always;
        if rewrites || self.has_whole() || self.unknown == Unknown::Nothing {
            return None;
        }
        // The second text is begun with no blank of its own, and unknown characters stay together.
        let begins = |byte: u8| prefix == Prefix::Never || byte == b' ';
        let known = |byte: u8| {
            let byte_fallback = matches!(self.unknown, Unknown::Bytes(_));
            byte.is_ascii() && (byte_fallback || self.symbols.knows(u32::from(byte)))
        };
        (from.max(1)..text.len()).find(|&at| {
            let (left, right) = (text[at - 1], text[at]);
            let cut = begins(right) && self.boundaries.never_together(left, right);
            cut && known(left) && known(right)
        })
    }

    /// Appends the bytes that the token `id` stands for in a text.
    pub fn push_token(&self, id: u32, bytes: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(decoder) = &self.decoder {
            return decoder.decode(&[id], bytes);
        }
        match (self.bytes.get(&id), self.text(id)) {
            (Some(&byte), _) => bytes.push(byte),
            (None, Some(text)) if self.rules.escape => {
                bytes.extend_from_slice(text.replace(META, " ").as_bytes());
            }
            (None, Some(text)) => bytes.extend_from_slice(text.as_bytes()),
            (None, None) => return Err(Error::UnknownToken { id }),
        }
        Ok(())
    }

    /// The token `id` as the file writes it.
    pub fn text(&self, id: u32) -> Option<&str> {
        self.texts.get(&id).map(|text| &**text)
    }

    /// The largest id plus one.
    pub fn id_end(&self) -> u32 {
        if let Some(decoder) = &self.decoder {
            return decoder.id_end();
        }
        let ids = self.texts.keys().chain(self.bytes.keys());
        ids.max().map_or(0, |id| id.saturating_add(1))
    }
}

/// Adds the characters of tokens that are no tokens themselves, as sentencepiece lets them merge all the same, and says
/// how many there are. Lists of merges name tokens only.
fn add_bare(tokens: &mut Vec<(String, u32)>, order: &mut Order) -> usize {
    let Order::Scores(scores) = order else { return 0 };
    let known: HashSet<char> = tokens.iter().filter_map(|(token, _)| only_char(token)).collect();
    let inside = tokens.iter().filter(|(token, _)| only_char(token).is_none());
    let bare: BTreeSet<char> =
        inside.flat_map(|(token, _)| token.chars()).filter(|c| !known.contains(c)).collect();
    scores.resize(tokens.len() + bare.len(), 0.0);
    tokens.extend(bare.iter().map(|&c| (c.to_string(), 0)));
    bare.len()
}

/// The character that `text` is.
fn only_char(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// Whether a token may hold U+2581; quicker than a search.
fn holds_meta(token: &str) -> bool {
    token.as_bytes().contains(&META.as_bytes()[0])
}

/// Keeps the tokens that `keep` holds for, and what the order says of them.
fn retain(
    tokens: &mut Vec<(String, u32)>,
    order: &mut Order,
    keep: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let kept: Vec<bool> = tokens.iter().map(|(token, _)| keep(token)).collect();
    if !kept.contains(&false) {
        return Ok(());
    }
    let mut indices = Vec::with_capacity(kept.len());
    let mut count = 0;
    for &kept in &kept {
        indices.push(count);
        count += u32::from(kept);
    }
    let is_kept = |at: u32| kept[at as usize];
    match order {
        Order::Scores(scores) => {
            let mut at = 0..;
            scores.retain(|_| is_kept(at.next().expect("endless")));
        }
        Order::Merges(merges) => {
            let text = |at: u32| &*tokens[at as usize].0;
            merges.retain(|&(left, right)| {
                is_kept(left) && is_kept(right) && keep(&[text(left), text(right)].concat())
            });
            for (left, right) in merges {
                (*left, *right) = (indices[*left as usize], indices[*right as usize]);
            }
        }
    }
    let mut at = 0..;
    tokens.retain(|_| is_kept(at.next().expect("endless")));
    Ok(())
}

/// Ids on their way out.
struct Output<'a> {
    character_bpe: &'a CharacterBpe,
    vocab: &'a Vocab,
    pairs: &'a BpeModel,
    ids: &'a mut Vec<u32>,
    after_unknown: bool,
}

impl Output<'_> {
    fn push(&mut self, id: u32) {
        self.ids.push(id);
        self.after_unknown = false;
    }

    /// Merges a text and appends its ids.
    fn merge(&mut self, window: &mut Window, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        let (vocab, pairs) = (self.vocab, self.pairs);
        merge(Portable, pairs, vocab, window, text, |numbers| {
            for &number in numbers {
                if self.character_bpe.symbols.is_token(number) {
                    self.push(vocab.id(number));
                } else {
                    self.push_unknown(vocab.token(number));
                }
            }
        });
    }

    /// Appends a part of an unknown character.
    fn push_unknown(&mut self, part: &[u8]) {
        match self.character_bpe.unknown {
            Unknown::Bytes(ref ids) => {
                self.ids.extend(part.iter().map(|&byte| ids[usize::from(byte)]));
            }
            Unknown::Token { id, fused } => {
                let begins = part[0] & 0xC0 != 0x80;
                if begins && !(fused && self.after_unknown) {
                    self.ids.push(id);
                }
                self.after_unknown = true;
            }
            Unknown::Nothing => {}
        }
    }
}

//! Added tokens: texts that are one token wherever they are, found before anything else is done.
//!
//! The rules (`lstrip`, `rstrip`, `single_word`, `normalized`, leftmost and longest first) are those of HF
//! `tokenizers`; tiktoken's special tokens have none of the flags. A special token that is to be plain
//! text still hides shorter added tokens inside it, as `encode_special_tokens` does there.

use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};
use fancy_regex::Regex;
use serde::{Deserialize, Serialize};

use crate::normalize::Normalizer;
use crate::{Error, Special};

/// A token that a tokenizer has beside its vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedToken {
    /// What it is in the text.
    pub content: String,
    /// The token's id.
    pub id: u32,
    /// A control token: text that holds it may be meant or not (see [`Special`]). Others are always found.
    pub special: bool,
    /// White space before it belongs to it.
    pub lstrip: bool,
    /// White space after it belongs to it.
    pub rstrip: bool,
    /// It is found only where no word character is beside it.
    pub single_word: bool,
    /// It is looked for in the normalized text.
    pub normalized: bool,
    /// What it is once it is normalized, where that is looked for and is not `content`: what it is decoded to.
    #[serde(default)]
    pub decoded: Option<String>,
}

impl AddedToken {
    /// A special token as tiktoken has them.
    ///
    /// ```
    /// let token = fasttok_engine::AddedToken::special("<|end|>".into(), 7);
    /// assert!(token.special && !token.lstrip && !token.normalized);
    /// ```
    pub fn special(content: String, id: u32) -> AddedToken {
        AddedToken {
            content,
            id,
            special: true,
            lstrip: false,
            rstrip: false,
            single_word: false,
            normalized: false,
            decoded: None,
        }
    }
}

impl AddedToken {
    /// What it is decoded to.
    fn decoded(&self) -> &str {
        self.decoded.as_ref().unwrap_or(&self.content)
    }
}

/// The added tokens of an encoding.
pub(crate) struct AddedTokens {
    tokens: Vec<AddedToken>,
    special: Vec<(String, u32)>,
    /// Whether some are found even where special tokens are plain text.
    always: bool,
    /// Ids of tokens that are not looked for here.
    elsewhere: HashSet<u32>,
    /// The index of the token with each id.
    by_id: HashMap<u32, usize>,
    /// Made when they are first asked for.
    raw: OnceLock<Option<Finder>>,
    normalized: OnceLock<Option<Finder>>,
    specials: OnceLock<Option<Finder>>,
}

/// A part of a text: an added token, or the normalized text between two of them.
pub(crate) enum Part<'a> {
    /// The text, and how many of its bytes are where the document begins: they, or what they were before
    /// they were normalized, are at offset 0 of it.
    Text(&'a str, usize),
    Token(u32),
}

/// Looks for some of the tokens.
struct Finder {
    automaton: AhoCorasick,
    /// Indices of the tokens, in the order of the patterns.
    tokens: Vec<usize>,
}

impl Finder {
    fn new<'a>(patterns: impl Iterator<Item = (usize, &'a str)>) -> Option<Finder> {
        let (tokens, patterns): (Vec<_>, Vec<_>) =
            patterns.filter(|(_, pattern)| !pattern.is_empty()).unzip();
        if tokens.is_empty() {
            return None;
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(patterns.iter().map(|pattern| pattern.as_bytes()))
            .expect("added tokens are few enough");
        Some(Finder { automaton, tokens })
    }
}

/// Whether `c` is a word character of regular expressions.
fn is_word(c: char) -> bool {
    static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\w").expect("a valid pattern"));
    WORD.is_match(c.encode_utf8(&mut [0; 4])).expect("no backtracking")
}

impl AddedTokens {
    /// `elsewhere`: the ids of those that are found while text is merged.
    pub fn new(tokens: Vec<AddedToken>, elsewhere: &[u32]) -> AddedTokens {
        let special = tokens.iter().filter(|token| token.special);
        let elsewhere: HashSet<u32> = elsewhere.iter().copied().collect();
        AddedTokens {
            special: special.map(|token| (token.content.clone(), token.id)).collect(),
            always: tokens.iter().any(|token| !token.special && !elsewhere.contains(&token.id)),
            elsewhere,
            by_id: tokens.iter().enumerate().map(|(index, token)| (token.id, index)).collect(),
            tokens,
            raw: OnceLock::new(),
            normalized: OnceLock::new(),
            specials: OnceLock::new(),
        }
    }

    /// All of them.
    pub fn tokens(&self) -> &[AddedToken] {
        &self.tokens
    }

    /// The special ones and their ids.
    pub fn special(&self) -> &[(String, u32)] {
        &self.special
    }

    /// What the added token with the id `id` is decoded to.
    pub fn decoded(&self, id: u32) -> Option<&str> {
        Some(self.tokens[*self.by_id.get(&id)?].decoded())
    }

    /// Whether text is searched for added tokens.
    pub fn searches(&self, special: Special) -> bool {
        !self.tokens.is_empty() && (self.always || special != Special::Text)
    }

    /// Whether no part of `text` holds one, not even a special one: hidden by that, another could come to light. False where only
    /// the normalized text tells.
    pub fn holds_none(&self, text: &str, normalizer: &Normalizer) -> bool {
        let none = |finder: &Finder| !finder.automaton.is_match(text);
        let normalized = |finder: &Finder| normalizer.is_none() && none(finder);
        self.raw().is_none_or(none) && self.normalized().is_none_or(normalized)
    }

    /// Whether a text may be cut between a letter or a number and white space without cutting a token, or
    /// what it looks at, in two: no token holds white space after anything else, none takes the white
    /// space after a letter or a number, and none asks for the character beside it. White space that a
    /// token takes from before it is after the cut with it.
    pub fn allow_cuts(&self, normalizer: &Normalizer) -> bool {
        let allows = |token: &AddedToken, content: &str| {
            let ends_open =
                token.rstrip && content.chars().next_back().is_some_and(char::is_alphanumeric);
            let first_space = content.find(char::is_whitespace);
            let spaces_first =
                first_space.is_none_or(|at| at == 0 && content.chars().all(char::is_whitespace));
            spaces_first && !ends_open && !token.single_word
        };
        self.tokens.iter().all(|token| {
            let normalized = token.normalized && !normalizer.is_none();
            allows(token, &token.content)
                && (!normalized
                    || normalizer.normalize(&token.content).is_ok_and(|text| allows(token, &text)))
        })
    }

    /// Whether a text may be cut between these two bytes without cutting a token, or what it looks at,
    /// in two.
    pub fn allow_cut_between(&self, left: u8, right: u8, special: Special) -> bool {
        !self.searches(special)
            || self.tokens.iter().all(|token| {
                let looks = token.lstrip || token.rstrip || token.single_word || token.normalized;
                !looks && !token.content.as_bytes().windows(2).any(|two| two == [left, right])
            })
    }

    fn raw(&self) -> Option<&Finder> {
        let here = |token: &AddedToken| !self.elsewhere.contains(&token.id);
        let tokens =
            || self.tokens.iter().enumerate().filter(|(_, token)| !token.normalized && here(token));
        self.raw
            .get_or_init(|| Finder::new(tokens().map(|(i, token)| (i, &*token.content))))
            .as_ref()
    }

    fn normalized(&self) -> Option<&Finder> {
        let tokens = || self.tokens.iter().enumerate().filter(|(_, token)| token.normalized);
        self.normalized
            .get_or_init(|| Finder::new(tokens().map(|(i, token)| (i, token.decoded()))))
            .as_ref()
    }

    /// The first special token in `text`, and where it begins.
    fn first_special(&self, text: &str) -> Option<(&str, usize)> {
        let tokens = || self.tokens.iter().enumerate().filter(|(_, token)| token.special);
        let finder = self
            .specials
            .get_or_init(|| Finder::new(tokens().map(|(i, token)| (i, &*token.content))))
            .as_ref()?;
        let found = finder.automaton.find(text)?;
        Some((&self.tokens[finder.tokens[found.pattern()]].content, found.start()))
    }

    /// Cuts `text` at its added tokens as `special` says, and gives the parts to `then`, the text between
    /// tokens normalized.
    pub fn parts(
        &self,
        text: &str,
        special: Special,
        normalizer: &Normalizer,
        asks_for_start: bool,
        then: &mut dyn FnMut(Part) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if special == Special::Error
            && let Some((token, offset)) = self.first_special(text)
        {
            return Err(Error::SpecialToken { token: token.to_owned(), offset });
        }
        if !self.searches(special) {
            let start = if asks_for_start { normalizer.start(text)? } else { 0 };
            return then(Part::Text(&normalizer.normalize(text)?, start));
        }
        let plain = special != Special::Token;
        let start = if asks_for_start { 1 } else { 0 };
        self.split(self.raw(), (text, start), plain, &mut |part| match part {
            Part::Token(id) => then(Part::Token(id)),
            Part::Text(text, start) => {
                let start = if start > 0 { normalizer.start(text)? } else { 0 };
                let text = normalizer.normalize(text)?;
                self.split(self.normalized(), (&text, start), plain, then)
            }
        })
    }

    /// Cuts `text`, the first `start` bytes of which begin the document, at what `finder` finds; special
    /// tokens are none where they are `plain` text.
    fn split(
        &self,
        finder: Option<&Finder>,
        (text, text_start): (&str, usize),
        plain: bool,
        then: &mut dyn FnMut(Part) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let part =
            |from: usize, to: usize| Part::Text(&text[from..to], text_start.clamp(from, to) - from);
        let Some(finder) = finder else { return then(part(0, text.len())) };
        let mut last = 0;
        for found in finder.automaton.find_iter(text) {
            let token = &self.tokens[finder.tokens[found.pattern()]];
            if plain && token.special {
                continue;
            }
            let (before, after) = (&text[..found.start()], &text[found.end()..]);
            let in_word = |c: Option<char>| c.is_some_and(is_word);
            if token.single_word
                && (in_word(before.chars().next_back()) || in_word(after.chars().next()))
            {
                continue;
            }
            let start = if token.lstrip { before.trim_end().len().max(last) } else { before.len() };
            let end =
                if token.rstrip { text.len() - after.trim_start().len() } else { found.end() };
            if last < start {
                then(part(last, start))?;
            }
            // Nothing of it may be left where the one before took the white space.
            if start < end {
                then(Part::Token(token.id))?;
            }
            last = end;
        }
        if last < text.len() { then(part(last, text.len())) } else { Ok(()) }
    }
}

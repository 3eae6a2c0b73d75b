//! Special tokens in the text.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::{Error, Special};

/// The special tokens of an encoding.
pub(crate) struct SpecialTokens {
    tokens: Vec<(String, u32)>,
    /// Made when it is first asked for.
    finder: OnceLock<AhoCorasick>,
}

/// A part of a text: a special token, or the text between two of them.
pub(crate) enum Part<'a> {
    Text(&'a str),
    Token(u32),
}

impl SpecialTokens {
    pub fn new(tokens: Vec<(String, u32)>) -> SpecialTokens {
        SpecialTokens { tokens, finder: OnceLock::new() }
    }

    pub fn tokens(&self) -> &[(String, u32)] {
        &self.tokens
    }

    /// The special token with the id `id`.
    pub fn token(&self, id: u32) -> Option<&str> {
        self.tokens.iter().find(|(_, i)| *i == id).map(|(token, _)| token.as_str())
    }

    /// Whether white space stands in one of them.
    pub fn hold_white_space(&self) -> bool {
        self.tokens.iter().any(|(token, _)| token.contains(char::is_whitespace))
    }

    fn finder(&self) -> &AhoCorasick {
        self.finder.get_or_init(|| {
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(self.tokens.iter().map(|(token, _)| token))
                .expect("special tokens are short and few")
        })
    }

    /// Cuts `text` at its special tokens as `special` says.
    pub fn parts<'a>(
        &'a self,
        text: &'a str,
        special: Special,
    ) -> Result<impl Iterator<Item = Part<'a>>, Error> {
        let finder = match special {
            Special::Text => None,
            _ if self.tokens.is_empty() => None,
            _ => Some(self.finder()),
        };
        if let (Special::Error, Some(finder)) = (special, finder)
            && let Some(found) = finder.find(text)
        {
            return Err(Error::SpecialToken {
                token: text[found.range()].to_owned(),
                offset: found.start(),
            });
        }
        let mut matches = finder.map(|finder| finder.find_iter(text));
        let mut at = 0;
        let mut token = None;
        Ok(std::iter::from_fn(move || {
            if let Some(id) = token.take() {
                return Some(Part::Token(id));
            }
            match matches.as_mut().and_then(Iterator::next) {
                Some(found) => {
                    let before = &text[at..found.start()];
                    at = found.end();
                    token = Some(self.tokens[found.pattern().as_usize()].1);
                    Some(Part::Text(before))
                }
                None if at < text.len() => {
                    let rest = &text[at..];
                    at = text.len();
                    Some(Part::Text(rest))
                }
                None => None,
            }
        }))
    }
}

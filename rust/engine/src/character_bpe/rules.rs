//! What sentencepiece, or HF's rendering of it, does to the white space of a text before it is merged.
//!
//! Both put U+2581 in place of blanks. The engine keeps the blank, in its tokens and in the text, so
//! that ordinary text is merged as it stands; a text that holds U+2581 itself is rewritten.

use std::borrow::Cow;

use memchr::memmem;

use super::boundaries::UserPieces;
use crate::Error;
use crate::interrupt::Watch;
use crate::normalize::Growth;
use crate::normalize::charsmap::Charsmap;

/// What stands for a blank in pieces.
pub(crate) const META: &str = "\u{2581}";

/// Whether a text is begun with a blank of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefix {
    Never,
    /// Every text that is not empty.
    Always,
    /// Every text that does not begin with a blank.
    UnlessBlank,
    /// The text at the beginning of the document, if it does not begin with a blank.
    UnlessBlankAtStart,
}

/// The rules of a tokenizer.
pub(crate) struct Rules {
    /// Blanks and U+2581 are one symbol.
    pub escape: bool,
    pub prefix: Prefix,
    /// The prefix is at the end.
    pub suffix: bool,
    /// White space at the ends goes, and all but one blank of a run.
    pub remove_extra: bool,
    pub charsmap: Option<Charsmap>,
    /// User-defined pieces, as they stand in the text: nothing is replaced in them.
    pub user: Option<UserPieces>,
}

impl Rules {
    /// Rules that change nothing.
    pub fn none() -> Rules {
        Rules {
            escape: false,
            prefix: Prefix::Never,
            suffix: false,
            remove_extra: false,
            charsmap: None,
            user: None,
        }
    }

    /// Adds what they do to text, as a sentencepiece model calls it.
    pub fn steps(&self, to: &mut Vec<&'static str>) {
        let steps = [
            (self.charsmap.is_some(), "precompiled_charsmap"),
            (self.remove_extra, "remove_extra_whitespaces"),
            (self.prefix != Prefix::Never, "add_dummy_prefix"),
        ];
        to.extend(steps.iter().filter(|(done, _)| *done).map(|(_, name)| *name));
    }

    /// Whether it is of weight which part of a text begins the document.
    pub fn asks_for_start(&self) -> bool {
        self.prefix == Prefix::UnlessBlankAtStart
    }

    /// Whether a text is begun with a blank. `at_start`: it begins the document.
    pub fn prefixes(&self, text: &str, at_start: bool) -> bool {
        let blank = || text.starts_with(' ') || text.starts_with(META);
        !text.is_empty()
            && match self.prefix {
                Prefix::Never => false,
                Prefix::Always => true,
                Prefix::UnlessBlank => !blank(),
                Prefix::UnlessBlankAtStart => at_start && !blank(),
            }
    }

    /// Whether the text without its prefix is what is merged.
    pub fn leave_alone(&self, text: &str) -> bool {
        let rewrites = self.suffix || self.remove_extra || self.charsmap.is_some();
        let holds_meta = || memmem::find(text.as_bytes(), META.as_bytes()).is_some();
        !(rewrites || self.escape && holds_meta())
    }

    /// The text that is merged, with blanks in place of U+2581. An error is a text that grows beyond all bounds.
    pub fn apply<'a>(&self, text: &'a str, at_start: bool) -> Result<Cow<'a, str>, Error> {
        let prefixed = self.prefixes(text, at_start);
        let as_is = self.leave_alone(text);
        if as_is && !prefixed {
            return Ok(Cow::Borrowed(text));
        }
        if as_is {
            return Ok(Cow::Owned([" ", text].concat()));
        }
        let mut out = String::with_capacity(text.len() + text.len() / 8 + 1);
        if self.remove_extra || self.charsmap.is_some() {
            self.normalize(text, prefixed, &mut out)?;
        } else {
            let blank = |out: &mut String, wanted: bool| {
                if wanted {
                    out.push(' ');
                }
            };
            blank(&mut out, prefixed && !self.suffix);
            out.push_str(text);
            blank(&mut out, prefixed && self.suffix);
        }
        Ok(Cow::Owned(if self.escape { out.replace(META, " ") } else { out }))
    }

    /// What the beginning of `rest`, which is not empty, becomes, and how many bytes that is.
    fn next<'a>(&'a self, rest: &'a str) -> (&'a str, usize) {
        if let Some((len, _)) = self.user.as_ref().and_then(|user| user.find(rest.as_bytes())) {
            return (&rest[..len], len);
        }
        let rule = self.charsmap.as_ref().and_then(|map| map.longest(rest.as_bytes()));
        rule.map(|(len, part)| (part, len)).unwrap_or_else(|| {
            let len = rest.chars().next().map_or(0, char::len_utf8);
            (&rest[..len], len)
        })
    }

    /// sentencepiece's normalization: replacements, and white space as the rules say.
    fn normalize(&self, text: &str, prefixed: bool, out: &mut String) -> Result<(), Error> {
        let growth = Growth::of(text);
        let mut watch = Watch::new();
        let mut rest = text;
        if self.remove_extra {
            while !rest.is_empty() {
                let (part, len) = self.next(rest);
                watch.go_on(len)?;
                if part != " " {
                    break;
                }
                rest = &rest[len..];
            }
            if rest.is_empty() {
                return Ok(());
            }
        }
        if prefixed && !self.suffix {
            out.push(' ');
        }
        let mut after_blank = self.remove_extra;
        while !rest.is_empty() {
            let (mut part, len) = self.next(rest);
            watch.go_on(len)?;
            if after_blank {
                part = part.trim_start_matches(' ');
            }
            if !part.is_empty() {
                out.push_str(part);
                growth.check(out.len())?;
                after_blank = self.remove_extra && part.ends_with(' ');
            }
            rest = &rest[len..];
        }
        if self.remove_extra {
            while out.ends_with(' ') || (self.escape && out.ends_with(META)) {
                out.truncate(out.len() - if out.ends_with(' ') { 1 } else { META.len() });
            }
        }
        if prefixed && self.suffix {
            out.push(' ');
        }
        Ok(())
    }
}

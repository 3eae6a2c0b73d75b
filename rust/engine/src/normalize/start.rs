//! Where the beginning of a text is once it is normalized: what HF `tokenizers` follows by the offsets that it
//! keeps beside every character. Only `Metaspace` with the scheme "first" asks for it.
//!
//! A character that replaces another has its offset; one that is added has that of the character
//! before it; one that replaces several has that of the last.

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::UnicodeNormalization;
use unicode_normalization_alignments::char::is_combining_mark;

use super::forms::Form;
use crate::Error;

use super::{Normalizer, is_clean, is_ideograph, nmt_keeps};

impl Normalizer {
    /// How many bytes of the normalized `text` are where `text` begins.
    pub fn start(&self, text: &str) -> Result<usize, Error> {
        let mut now = text.to_owned();
        let start = self.follow(&mut now, 1)?;
        Ok(now.chars().take(start).map(char::len_utf8).sum())
    }

    /// Normalizes `text`, the first `start` characters of which are where the document begins; returns how
    /// many of the new ones do.
    fn follow(&self, text: &mut String, start: usize) -> Result<usize, Error> {
        if let Normalizer::Sequence(parts) = self {
            return parts.iter().try_fold(start, |start, part| part.follow(text, start));
        }
        let kept =
            |keep: &dyn Fn(char) -> bool| text.chars().take(start).filter(|&c| keep(c)).count();
        let start = match self {
            Normalizer::Form(Form::Nfc) => changed(text.nfc(), start),
            Normalizer::Form(Form::Nfd) => changed(text.nfd(), start),
            Normalizer::Form(Form::Nfkc) => changed(text.nfkc(), start),
            Normalizer::Form(Form::Nfkd) => changed(text.nfkd(), start),
            Normalizer::Lowercase => {
                text.chars().take(start).map(|c| c.to_lowercase().count()).sum()
            }
            Normalizer::Strip { left, .. } => {
                let spaces = text.chars().take_while(|c| c.is_whitespace()).count();
                start.saturating_sub(if *left { spaces } else { 0 })
            }
            Normalizer::StripAccents => kept(&|c| !is_combining_mark(c)),
            Normalizer::StripNonspacingMarks => kept(&|c| !c.is_mark_nonspacing()),
            Normalizer::CleanText => kept(&is_clean),
            Normalizer::Nmt => kept(&nmt_keeps),
            Normalizer::SpaceIdeographs => {
                text.chars().take(start).map(|c| if is_ideograph(c) { 3 } else { 1 }).sum()
            }
            Normalizer::ByteLevel => text.chars().take(start).map(char::len_utf8).sum(),
            Normalizer::Prepend(_) if start == 0 || text.is_empty() => 0,
            Normalizer::Prepend(prefix) => start + prefix.chars().count(),
            Normalizer::Replace { pattern, content, .. } => {
                let (mut new, mut copied) = (0, 0);
                let begin: usize = text.chars().take(start).map(char::len_utf8).sum();
                pattern.for_each(text, |from, to| {
                    let before = copied.min(begin)..from.min(begin).max(copied.min(begin));
                    new += text[before].chars().count();
                    let of_last = text[..to].chars().next_back().map_or(0, |c| to - c.len_utf8());
                    if to == 0 || of_last < begin {
                        new += content.chars().count();
                    }
                    copied = to;
                    Ok(())
                })?;
                new + text[copied.min(begin)..begin].chars().count()
            }
            Normalizer::Precompiled(map) => match map.changes(text)? {
                Some(changes) => changed(changes.into_iter(), start),
                None => start,
            },
            Normalizer::Sequence(_) => start,
        };
        *text = self.normalize(text)?.into_owned();
        Ok(start.min(text.chars().count()))
    }
}

/// How many of the characters that `changes` makes are where the first `start` ones do. Each comes with 1
/// where it is added, else with the number of characters after the one it replaces that are gone, negative.
fn changed(changes: impl Iterator<Item = (char, isize)>, start: usize) -> usize {
    let mut old = 0;
    changes
        .take_while(|&(_, change)| {
            let at = if change > 0 { usize::saturating_sub(old, 1) } else { old };
            if change <= 0 {
                old += 1 + change.unsigned_abs();
            }
            at < start
        })
        .count()
}

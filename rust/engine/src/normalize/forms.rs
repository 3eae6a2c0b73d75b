//! NFC, NFD, NFKC and NFKD by Unicode 9, which is what HF `tokenizers` normalizes by.
//!
//! Nearly all text is normal already. A table tells which characters a form may change or join to the one
//! before: whatever is between two others that it leaves alone is normalized by itself, the rest is
//! borrowed, or copied whole.

use std::borrow::Cow;

use unicode_normalization_alignments::UnicodeNormalization;
use unicode_normalization_alignments::char::{
    canonical_combining_class, compose, decompose_canonical,
};

use crate::classes::{decode, decode_before};
use crate::interrupt::Watch;

/// What a form does to characters: a value each, 0 where it leaves one alone whatever is before it,
/// [`MAY_JOIN`] where it may join the one before, more where it changes, else its combining class.
pub struct Table {
    /// 1 for the first bytes of characters whose value is not 0.
    leads: [u8; 256],
    index: &'static [u8],
    blocks: &'static [[u8; 128]],
}

include!(concat!(env!("OUT_DIR"), "/forms.rs"));

/// A normalization form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

impl Table {
    #[inline(always)]
    fn value(&self, c: u32) -> u8 {
        self.blocks[usize::from(self.index[(c >> 7) as usize])][(c & 127) as usize]
    }

    /// The first character from `at` on whose first byte says that its value may not be 0.
    #[inline]
    fn next_lead(&self, text: &[u8], mut at: usize) -> usize {
        while let Some(block) = text[at..].first_chunk::<64>() {
            if block.is_ascii() {
                at += 64;
                continue;
            }
            let any =
                |part: &[u8]| part.iter().fold(0, |any, &byte| any | self.leads[usize::from(byte)]);
            if any(block) != 0 {
                break;
            }
            at += 64;
        }
        while at < text.len() && self.leads[usize::from(text[at])] == 0 {
            at += 1;
        }
        at
    }
}

impl Form {
    fn table(self) -> &'static Table {
        match self {
            Form::Nfc => &NFC,
            Form::Nfd => &NFD,
            Form::Nfkc => &NFKC,
            Form::Nfkd => &NFKD,
        }
    }

    /// The plain way, which knows no table.
    fn push_normalized(self, text: &str, out: &mut String) {
        match self {
            Form::Nfc => out.extend(text.nfc().map(|(c, _)| c)),
            Form::Nfd => out.extend(text.nfd().map(|(c, _)| c)),
            Form::Nfkc => out.extend(text.nfkc().map(|(c, _)| c)),
            Form::Nfkd => out.extend(text.nfkd().map(|(c, _)| c)),
        }
    }

    /// `text` in this form. May be interrupted: then the rest of it is as it was.
    pub fn normalize(self, text: &str) -> Cow<'_, str> {
        let table = self.table();
        let bytes = text.as_bytes();
        let mut out = String::new();
        // What is before this byte is in `out`.
        let mut copied = 0;
        let mut at = 0;
        // The combining class of the character before `class_end`, and 0 for one anywhere else.
        let (mut class, mut class_end) = (0, 0);
        let (mut watch, mut watched) = (Watch::new(), 0);
        while !watch.stops(at - watched) {
            watched = at;
            if at >= bytes.len() || table.leads[usize::from(bytes[at])] == 0 {
                at = table.next_lead(bytes, at);
                if at >= bytes.len() {
                    break;
                }
            }
            let (c, len) = decode(bytes, at);
            let mut value = table.value(c);
            if value == 0 {
                at += len;
                continue;
            }
            if class_end != at {
                class = 0;
            }
            if value == MAY_JOIN && class_end != at && at > copied {
                value = self.class_if_apart(decode_before(bytes, at).0, c).unwrap_or(value);
            }
            if value < MAY_JOIN && class <= value {
                at += len;
                (class, class_end) = (value, at);
                continue;
            }
            let mut from = at;
            while from > copied {
                let (c, len) = decode_before(bytes, from);
                from -= len;
                if table.value(c) == 0 {
                    break;
                }
            }
            let mut to = at + len;
            while to < bytes.len() {
                let (c, len) = decode(bytes, to);
                if table.value(c) == 0 {
                    break;
                }
                to += len;
            }
            if copied == 0 {
                out.reserve(text.len() + text.len() / 8);
            }
            out.push_str(&text[copied..from]);
            self.push_normalized(&text[from..to], &mut out);
            (at, copied) = (to, to);
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[copied..]);
        Cow::Owned(out)
    }

    /// The combining class of `c` if it does not join `before`, the character just before it; `None`
    /// where more has to be known to say so.
    #[inline]
    fn class_if_apart(self, before: u32, c: u32) -> Option<u8> {
        let (before, c) = (char::from_u32(before)?, char::from_u32(c)?);
        let mut whole = false;
        decompose_canonical(before, |part| whole = part == before);
        let apart = whole && compose(before, c).is_none();
        apart.then(|| canonical_combining_class(c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMS: [Form; 4] = [Form::Nfc, Form::Nfd, Form::Nfkc, Form::Nfkd];

    fn check(form: Form, text: &str) {
        let mut plain = String::new();
        form.push_normalized(text, &mut plain);
        let quick = form.normalize(text);
        assert_eq!(quick, plain, "{form:?} of {text:?}");
    }

    #[test]
    fn every_character_with_common_marks() {
        let around = ["", "a", "e\u{301}", "\u{323}", "\u{301}", "\u{93C}", "\u{1161}", "\u{AC00}"];
        for form in FORMS {
            let table = form.table();
            for c in '\0'..=char::MAX {
                check(form, c.encode_utf8(&mut [0; 4]));
                // Beside others only what may change, and some of the rest.
                if table.value(u32::from(c)) == 0 && u32::from(c) % 61 != 0 {
                    continue;
                }
                for before in around {
                    for after in ["", "\u{301}", "\u{323}", "\u{11A8}", "\u{94D}", "\u{3099}"] {
                        let text = format!("{before}{c}{after}");
                        check(form, &text);
                    }
                }
            }
        }
    }

    #[test]
    fn random_runs_of_what_changes() {
        let mut seed = 0x2545_F491_4F6C_DD1Du64;
        let mut below = |n: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 11) as usize % n
        };
        for form in FORMS {
            let table = form.table();
            let few: Vec<char> =
                ('\0'..=char::MAX).filter(|&c| table.value(u32::from(c)) != 0).collect();
            for _ in 0..20_000 {
                let mut text = String::new();
                for _ in 0..1 + below(12) {
                    match below(4) {
                        0 => text.push(few[below(few.len())]),
                        1 => text.push(char::from_u32(0x300 + below(0x70) as u32).unwrap()),
                        2 => text.push('e'),
                        _ => text.push_str(&"x".repeat(below(70))),
                    }
                }
                check(form, &text);
            }
        }
    }

    #[test]
    fn normal_text_is_borrowed() {
        let normal =
            ["The quick brown fox", "Съешь ещё этих", "中文，字符。", "ภาษาไทยนี้", "हिन्दी में ड़"];
        for text in normal {
            let text = text.repeat(20);
            assert!(matches!(Form::Nfc.normalize(&text), Cow::Borrowed(_)), "{text}");
        }
    }
}

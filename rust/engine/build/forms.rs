//! What the quick check of each normalization form must know of a character.
//!
//! Derived from the functions that normalize, not from the Unicode files, so that both agree.

use unicode_normalization_alignments::UnicodeNormalization;
use unicode_normalization_alignments::char::{
    canonical_combining_class, compose, decompose_canonical,
};

/// The form changes the character, or what it begins with may join the character before it.
pub const CHANGES: u8 = 255;
/// The character may join the one before it.
pub const MAY_JOIN: u8 = 254;

/// The value of every code point under each form: 0 for a character that the form leaves alone whatever
/// is before it, [`CHANGES`], [`MAY_JOIN`], or the combining class of a mark.
pub fn forms() -> [(&'static str, Vec<u8>); 4] {
    let joins = joining();
    let values = |normal: fn(char) -> String, composes: bool| {
        let mut values = vec![0; 0x11_0000];
        for c in '\0'..=char::MAX {
            let class = canonical_combining_class(c);
            let normal = normal(c);
            let first = normal.chars().next().expect("no character normalizes to nothing");
            let joins = |c: char| composes && joins[c as usize];
            values[c as usize] = if !normal.chars().eq([c]) {
                CHANGES
            } else if joins(c) {
                MAY_JOIN
            } else if composes && class == 0 && decomposed(c).chars().next().is_some_and(joins) {
                CHANGES
            } else {
                class
            };
            assert!(class < MAY_JOIN && canonical_combining_class(first) < MAY_JOIN);
        }
        values
    };
    [
        ("NFC", values(|c| c.to_string().nfc().map(|(c, _)| c).collect(), true)),
        ("NFD", values(|c| c.to_string().nfd().map(|(c, _)| c).collect(), false)),
        ("NFKC", values(|c| c.to_string().nfkc().map(|(c, _)| c).collect(), true)),
        ("NFKD", values(|c| c.to_string().nfkd().map(|(c, _)| c).collect(), false)),
    ]
}

fn decomposed(c: char) -> String {
    c.to_string().nfd().map(|(c, _)| c).collect()
}

/// Whether each code point is the second of two that compose.
fn joining() -> Vec<bool> {
    let mut joining = vec![false; 0x11_0000];
    for c in '\0'..=char::MAX {
        // Every composition is the last step of undoing a decomposition.
        let mut parts = Vec::new();
        decompose_canonical(c, |part| parts.push(part));
        let Some((&last, before)) = parts.split_last() else { continue };
        let first: String = before.iter().collect::<String>().nfc().map(|(c, _)| c).collect();
        let mut first = first.chars();
        if let (Some(first), None) = (first.next(), first.next())
            && compose(first, last).is_some()
        {
            joining[last as usize] = true;
        }
    }
    joining
}

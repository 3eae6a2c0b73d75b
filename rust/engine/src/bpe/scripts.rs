//! The scripts of texts and tokens, told by the first bytes of their characters: which table of merges a piece needs.
//!
//! `мир` (D0 BC D0 B8 D1 80) is Cyrillic, bit 2, so its merges are those of table 2; with two letters of ASCII beside each
//! other (`мир ok`) it needs the table of all, since these merge among themselves.

/// A set of scripts, of a text or a token. Scripts are told apart by the first bytes of their
/// characters.
pub(crate) type Scripts = u16;

/// What is neither ASCII nor the first byte of a character.
const INSIDE: Scripts = 1 << 13;
/// Two neighbouring characters of ASCII, in a text; in a token, any.
pub(crate) const ASCII: Scripts = 1 << 14;
/// Punctuation and symbols that occur beside every script.
const COMMON: Scripts = 1 << 12;
/// Unknown: everything is possible.
pub(super) const ALL: Scripts = 0x7FFF;

/// Tables: Latin, that of each other script, that of all.
pub(super) const TABLES: usize = 10;

/// The script of a character or of a part of one, by its first byte.
pub(crate) const SCRIPTS: [Scripts; 256] = {
    let mut scripts = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        scripts[byte] = match byte as u8 {
            0..0x80 => ASCII,
            0x80..0xC0 => INSIDE,
            // Latin
            0xC0..0xCA => 1 << 0,
            // IPA, diacritics, Greek
            0xCA..0xD0 => 1 << 1,
            // Cyrillic
            0xD0..0xD4 => 1 << 2,
            // Armenian, Hebrew
            0xD4..0xD8 => 1 << 3,
            // Arabic, Syriac, Thaana, N'Ko
            0xD8..0xE0 => 1 << 4,
            // India's, Thai, Lao
            0xE0 => 1 << 5,
            // Tibetan to extended Greek
            0xE1 => 1 << 6,
            0xE2 => COMMON,
            // East Asian
            0xE3..0xF0 => 1 << 7,
            // Emoji and all else
            0xF0.. => 1 << 8,
        };
        byte += 1;
    }
    scripts
};

/// The table that holds all merges that a text of these scripts can meet.
#[inline(always)]
pub(super) fn table_of(scripts: Scripts) -> usize {
    let letters = scripts & 0x1FF;
    if letters <= 1 {
        return 0;
    }
    // Two neighbours of ASCII merge among themselves: that is in Latin and in all.
    if letters & (letters - 1) == 0 && scripts & ASCII == 0 {
        letters.trailing_zeros() as usize
    } else {
        TABLES - 1
    }
}

/// Whether a text that `table` is for can meet a token of these scripts.
#[inline]
pub(super) fn belongs_to(scripts: Scripts, table: usize) -> bool {
    let letters = scripts & 0x1FF;
    match table {
        _ if scripts == ALL => true,
        0 => letters <= 1,
        1..9 => letters & !(1 << table) == 0 && scripts & (letters | COMMON | INSIDE) != 0,
        _ => true,
    }
}

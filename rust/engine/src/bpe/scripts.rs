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
pub(super) const TABLES: usize = SCRIPT_TABLES_END + 1;
/// The table of all comes after those of the scripts.
const SCRIPT_TABLES_END: usize = 9;
/// The bits of scripts that have letters of their own.
const LETTERS: Scripts = (1 << SCRIPT_TABLES_END) - 1;

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
    let letters = scripts & LETTERS;
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
#[inline(always)]
fn belongs_to(scripts: Scripts, table: usize) -> bool {
    let letters = scripts & LETTERS;
    match table {
        _ if scripts == ALL => true,
        0 => letters <= 1,
        1..SCRIPT_TABLES_END => {
            letters & !(1 << table) == 0 && scripts & (letters | COMMON | INSIDE) != 0
        }
        _ => true,
    }
}

/// The scripts of the tokens of a vocabulary, and which of them a table holds.
///
/// Most scripts have a few thousand tokens of 200,000: their tables are made of lists, not by asking all.
pub(super) struct TokenScripts {
    /// By token.
    scripts: Vec<Scripts>,
    /// The tokens that merges make and that belong to the table of Latin.
    of_latin: Vec<u32>,
    /// Those that belong to the table of one other script, by the table.
    of_one: [Vec<u32>; SCRIPT_TABLES_END],
    /// Those that belong to the table of each script but Latin.
    of_each: Vec<u32>,
}

impl TokenScripts {
    const UNKNOWN: Scripts = 0;

    /// Knows nothing of `ids` tokens yet.
    pub fn new(ids: usize) -> TokenScripts {
        TokenScripts {
            scripts: vec![TokenScripts::UNKNOWN; ids],
            of_latin: Vec::new(),
            of_one: Default::default(),
            of_each: Vec::new(),
        }
    }

    /// The token `id` is a byte of these scripts.
    pub fn add_single(&mut self, id: u32, of: Scripts) {
        if let Some(scripts) = self.scripts.get_mut(id as usize) {
            // Bytes that are no tokens may all have the same id.
            *scripts = if *scripts == TokenScripts::UNKNOWN { of } else { ALL };
        }
    }

    /// The token `id` is made of `left` and `right`.
    #[inline]
    pub fn add_merged(&mut self, id: u32, left: u32, right: u32) {
        // Where the parts come later, nothing is known, and the merge is everywhere.
        let of = |part: u32| if part < id { self.scripts[part as usize] } else { ALL };
        let scripts = of(left) | of(right);
        self.scripts[id as usize] = scripts;
        if belongs_to(scripts, 0) {
            self.of_latin.push(id);
        }
        let letters = scripts & LETTERS;
        if scripts == ALL || letters == 0 && scripts & (COMMON | INSIDE) != 0 {
            self.of_each.push(id);
        } else if letters > 1 && letters & (letters - 1) == 0 {
            self.of_one[letters.trailing_zeros() as usize].push(id);
        }
    }

    /// Whether a text that `table` is for can meet the token `id`.
    #[inline(always)]
    pub fn belongs(&self, id: u32, table: usize) -> bool {
        belongs_to(self.scripts[id as usize], table)
    }

    /// The tokens made by merges that a text can meet for which `table` is; None for the table of all.
    pub fn members(&self, table: usize) -> Option<impl Iterator<Item = u32> + Clone> {
        let (own, shared) = match table {
            0 => (&self.of_latin, [].as_slice()),
            1..SCRIPT_TABLES_END => (&self.of_one[table], self.of_each.as_slice()),
            _ => return None,
        };
        Some(own.iter().chain(shared).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_members_hold_what_belongs() {
        // Two bytes of each kind, and merges of every two.
        let kinds = [0, 1, 2, 5, 8].map(|bit| 1 << bit);
        let singles = [kinds.as_slice(), &[ASCII, COMMON, INSIDE, ALL]].concat();
        let count = singles.len() as u32;
        let mut scripts = TokenScripts::new(singles.len() * (1 + singles.len()) + 2);
        singles.iter().zip(0..).for_each(|(&of, id)| scripts.add_single(id, of));
        let mut merged = Vec::new();
        for (left, right) in (0..count).flat_map(|left| (0..count).map(move |right| (left, right)))
        {
            let id = count + merged.len() as u32;
            scripts.add_merged(id, left, right);
            merged.push(id);
        }
        let late = count + merged.len() as u32;
        scripts.add_merged(late, late + 1, 0);
        merged.push(late);
        for table in 0..TABLES - 1 {
            let mut members: Vec<u32> = scripts.members(table).expect("a list").collect();
            members.sort_unstable();
            let belong = merged.iter().copied().filter(|&id| scripts.belongs(id, table));
            assert_eq!(members, belong.collect::<Vec<_>>(), "table {table}");
        }
        assert!(scripts.members(TABLES - 1).is_none());
    }
}

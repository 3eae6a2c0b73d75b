//! The script of a character as the pretokenizer `UnicodeScripts` of HF `tokenizers` has it: that of Unicode 9, but for
//! kana, which counts as Han, and for a blank, which has none. Knows no text.

include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

/// What goes with every script: a blank, and what Unicode 9 does not assign.
pub(crate) const NO_SCRIPT: u8 = 0;

/// The number of the script of `c`.
pub(crate) fn script_of(c: char) -> u8 {
    let c = c as usize;
    BLOCKS[usize::from(INDEX[c >> 7])][c & 127]
}

//! Byte pair encoding: from the bytes of a piece to its tokens, or to their number.
//!
//! # Where a piece may be taken apart
//!
//! All that is fast here takes a piece apart, and rests on one of two facts.
//!
//! *No token spans the boundary.* What a merge makes is a token; so if none of the vocabulary's tokens holds
//! the byte before the boundary and the one after it side by side, no merge ever crosses, and each
//! side merges as it does alone. [`alphabetic_segments`] and [`east_asian`] look at whole characters, so a token that
//! begins or ends inside a character stands for every character that it may be a part of. `95 0A 0A` of
//! o200k_base spans the boundary in `C2 95 | 0A 0A`: it begins inside U+0095 (and inside U+00D5, U+0155 …,
//! all that end with 95) and goes on in ASCII.
//!
//! *Each two neighbours stay apart.* Tokens t1 … tn are what merging their bytes gives if and only if
//! each two neighbours, merged by themselves, stay these two. For consider the first merge that crosses
//! some boundary, of ti and ti+1: all merges before it lay inside tokens, and those inside the two were
//! done in the order in which the two alone do them (the lowest rank first, then the leftmost, whatever
//! else there is). So the two alone would do that merge, too. Conversely, where no merge crosses the ends of two
//! neighbours, what they do is what they do alone. [`windowed`] leaves its windows by that.
//!
//! One more fact makes one merge a token enough ([`naive`]), and one lets merging begin with whole characters
//! ([`whole_chars`]): the proof is given there.

pub(crate) mod alphabetic_segments;
pub(crate) mod cache;
pub(crate) mod east_asian;
pub(crate) mod in_step;
pub(crate) mod merge_keys;
pub(crate) mod merge_table;
pub(crate) mod model;
pub(crate) mod naive;
pub(crate) mod pairs;
pub(crate) mod registers;
mod repeated;
pub(crate) mod scripts;
pub(crate) mod whole;
pub(crate) mod whole_chars;
pub(crate) mod windowed;
// Not under Miri, where loading a whole vocabulary takes half an hour.
#[cfg(all(test, not(miri)))]
mod worked_examples;

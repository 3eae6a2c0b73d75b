//! Byte pair encoding: from the bytes of a piece to its tokens, or to their number.

pub(crate) mod cache;
pub(crate) mod chars;
pub(crate) mod cuts;
pub(crate) mod east_asian;
pub(crate) mod merge;
pub(crate) mod pairs;
pub(crate) mod turns;
pub(crate) mod whole;

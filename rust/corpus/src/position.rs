//! Where a document is in its file: what a row of the ledger, a long document and a unit of a bootstrap are known by.
//!
//! A format that has positions of a new kind adds a variant to [`At`], and its name and number to [`At::parts`]; the
//! ledger, its file and Python have it from there.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where a document, or a row that is none, is in its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The file inside the file, where that is an archive.
    pub member: Option<Arc<Member>>,
    /// Where it is in the file, or in the member.
    pub at: At,
}

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// How many are before it.
    pub index: u64,
    /// Its name as the archive has it.
    pub name: String,
}

/// Where a record is among the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum At {
    /// It is the whole of the file.
    #[default]
    Whole,
    /// The line that it begins on, from 1.
    Line(u64),
    /// The element of an array, from 0.
    Element(u64),
    /// The row of a row group (Parquet) or of a record batch (Arrow), both from 0.
    Row {
        /// The row group or record batch.
        group: u64,
        /// The row in it.
        row: u64,
    },
    /// The byte that it begins at, from 0, of what is in the file once it is unpacked.
    Byte(u64),
}

impl At {
    /// The position so many lines, which are so many bytes, after this one.
    pub(crate) fn after(self, lines: u64, bytes: u64) -> At {
        match self {
            At::Line(line) => At::Line(line + lines),
            At::Byte(byte) => At::Byte(byte + bytes),
            at => at,
        }
    }

    /// The names and numbers that say it.
    pub fn parts(self) -> impl Iterator<Item = (&'static str, u64)> {
        let (first, second) = match self {
            At::Whole => (None, None),
            At::Line(line) => (Some(("line", line)), None),
            At::Element(element) => (Some(("element", element)), None),
            At::Row { group, row } => (Some(("row_group", group)), Some(("row", row))),
            At::Byte(byte) => (Some(("byte", byte)), None),
        };
        first.into_iter().chain(second)
    }
}

impl Position {
    /// The line, where it is one.
    pub fn line(&self) -> Option<u64> {
        match self.at {
            At::Line(line) => Some(line),
            _ => None,
        }
    }

    /// A number for it that is larger for what comes later in the file.
    pub(crate) fn number(&self) -> u64 {
        let at = match self.at {
            At::Whole => 0,
            At::Line(n) | At::Element(n) | At::Byte(n) => n,
            At::Row { group, row } => (group << 32) + row,
        };
        at + self.member.as_ref().map_or(0, |member| (member.index + 1) << 40)
    }
}

impl From<At> for Position {
    fn from(at: At) -> Position {
        Position { member: None, at }
    }
}

impl fmt::Display for Position {
    /// What is written after the name of the file: `:3`, `, row group 0, row 5`, nothing for the whole of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(member) = &self.member {
            write!(f, ", member {}", member.name)?;
        }
        if let At::Line(line) = self.at {
            return write!(f, ":{line}");
        }
        for (name, number) in self.at.parts() {
            write!(f, ", {} {number}", name.replace('_', " "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_written_after_the_file_and_sorted_as_they_come() {
        let member = |index, name: &str| Some(Arc::new(Member { index, name: name.into() }));
        let in_order = [
            (Position::default(), ""),
            (At::Line(3).into(), ":3"),
            (At::Row { group: 0, row: 5 }.into(), ", row group 0, row 5"),
            (At::Row { group: 1, row: 0 }.into(), ", row group 1, row 0"),
            (At::Byte(77).into(), ", byte 77"),
            (Position { member: member(0, "z.txt"), at: At::Whole }, ", member z.txt"),
            (Position { member: member(1, "a.jsonl"), at: At::Line(2) }, ", member a.jsonl:2"),
        ];
        for (position, written) in &in_order {
            assert_eq!(position.to_string(), *written);
        }
        assert!(in_order.is_sorted_by_key(|(position, _)| position));
        assert_eq!(in_order[1].0.line(), Some(3));
        assert!(in_order[2].0.number() < in_order[3].0.number());
        assert!(in_order[5].0.number() < in_order[6].0.number());
    }
}

//! A row that was not counted, and why: what the ledger lists, and what ends a run that is to fail at one.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::position::Position;
use crate::skip_reason::{REMEDIES, Reason, SkipReason};

/// A row that was not counted, or several that cannot be told apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The file, as it was given or found; `-` is standard input.
    pub file: String,
    /// Where the row is in it.
    pub position: Position,
    /// Why.
    pub reason: Reason,
    /// The reason in words, with the byte where that is known.
    pub detail: String,
    /// How many rows there are from that position on.
    pub rows: u64,
}

impl Entry {
    fn key(&self) -> (&str, &Position, Reason, &str) {
        (&self.file, &self.position, self.reason, &self.detail)
    }

    /// The entry as a line of the ledger's file: `line` is null where the row is none, and other positions have
    /// names of their own. The number of rows is there where it is not one.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let mut entry = serde_json::json!({
            "file": self.file,
            "line": self.position.line(),
            "reason": self.reason.code(),
            "detail": self.detail,
        });
        if let Some(member) = &self.position.member {
            entry["member"] = member.name.as_str().into();
        }
        for (name, number) in self.position.at.parts() {
            entry[name] = number.into();
        }
        if self.rows != 1 {
            entry["rows"] = self.rows.into();
        }
        entry
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Entry {
    /// What is wrong with the row at `position` of `file`.
    pub(crate) fn new(file: &str, position: Position, bad: SkipReason) -> Entry {
        let SkipReason { reason, detail, rows } = bad;
        Entry { file: file.to_owned(), position, reason, detail, rows }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { file, position, reason, detail, .. } = self;
        write!(f, "{file}{position}: {}: {detail}", reason.code())?;
        match REMEDIES.iter().find(|(of, _)| of == reason) {
            Some((_, remedy)) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

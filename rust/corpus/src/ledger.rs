//! The row ledger: every row that was seen and not counted, with its position and its reason.
//!
//! Memory is bounded: of the entries only the first [`LEDGER_ENTRIES_KEPT`] in the order of (file, position) are kept,
//! which is the same list whatever thread met them first. The numbers by reason are exact in any case, and all
//! entries can be written to a file as they come.

use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::entry::Entry;
use crate::skip_reason::Reason;

/// How many entries a ledger holds in memory.
pub const LEDGER_ENTRIES_KEPT: usize = 10_000;

/// The account of all rows: `seen == counted + skipped`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Rows met.
    pub seen: u64,
    /// Rows counted.
    pub counted: u64,
    /// Rows not counted.
    pub skipped: u64,
    /// The skipped rows by reason.
    pub by_reason: BTreeMap<Reason, u64>,
    /// The files of formats that are not read, by format.
    pub unsupported: BTreeMap<String, u64>,
    /// The first skipped rows, sorted by file and position.
    pub entries: Vec<Entry>,
    /// Whether `entries` holds all skipped rows.
    pub entries_complete: bool,
}

/// What was entered so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Entered {
    entries: u64,
    skipped: u64,
    by_reason: BTreeMap<Reason, u64>,
    unsupported: BTreeMap<String, u64>,
    /// The largest on top, so that it gives way to a smaller one.
    kept: BinaryHeap<Entry>,
}

/// A collector at rest, as a checkpoint keeps it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SavedLedger {
    entered: Entered,
    /// How long the file of all entries was.
    written: u64,
}

/// Where workers report bad rows.
pub(crate) struct Collector {
    entered: Entered,
    limit: usize,
    /// The run ends with one row more.
    most: Option<u64>,
    all: Option<(BufWriter<File>, PathBuf)>,
}

impl Collector {
    /// Writes entries to the file `all`. More than `most` are an error.
    pub fn new(all: Option<&Path>, most: Option<u64>) -> Result<Collector, Error> {
        let all = match all {
            None => None,
            Some(path) => {
                let file = File::create(path).map_err(Error::io(path))?;
                Some((BufWriter::new(file), path.to_owned()))
            }
        };
        Ok(Collector { entered: Entered::default(), limit: LEDGER_ENTRIES_KEPT, most, all })
    }

    /// Goes on from `saved`: what the file of all entries, which is `all`, got since then is taken from it.
    pub fn resume(
        all: Option<&Path>,
        most: Option<u64>,
        saved: SavedLedger,
    ) -> Result<Collector, Error> {
        let SavedLedger { entered, written } = saved;
        let all = match all {
            None => None,
            Some(path) => {
                let open = || {
                    let mut file = File::options().write(true).open(path)?;
                    if file.metadata()?.len() < written {
                        return Err(io::Error::other("it is shorter than what was written to it"));
                    }
                    file.set_len(written)?;
                    file.seek(SeekFrom::End(0))?;
                    Ok(file)
                };
                Some((BufWriter::new(open().map_err(Error::io(path))?), path.to_owned()))
            }
        };
        Ok(Collector { entered, limit: LEDGER_ENTRIES_KEPT, most, all })
    }

    /// Rows that were not counted so far.
    pub fn skipped(&self) -> u64 {
        self.entered.skipped
    }

    /// What a checkpoint keeps of it. The file of all entries is on the disk up to here.
    pub fn save(&mut self) -> Result<SavedLedger, Error> {
        let mut written = 0;
        if let Some((all, path)) = &mut self.all {
            let mut sync = || {
                all.flush()?;
                all.get_ref().sync_data()?;
                all.stream_position()
            };
            written = sync().map_err(Error::io(path))?;
        }
        Ok(SavedLedger { entered: self.entered.clone(), written })
    }

    /// Counts a file of a format that is not read. Its entry comes by [`Collector::add`].
    pub fn add_unsupported(&mut self, format: &'static str) {
        *self.entered.unsupported.entry(format.to_owned()).or_default() += 1;
    }

    pub fn add(&mut self, entry: Entry) -> Result<(), Error> {
        let Entered { entries, skipped, by_reason, kept, .. } = &mut self.entered;
        *entries += 1;
        let before = *skipped;
        *skipped += entry.rows;
        *by_reason.entry(entry.reason).or_default() += entry.rows;
        if let Some((all, path)) = &mut self.all {
            writeln!(all, "{}", entry.to_json()).map_err(Error::io(path))?;
        }
        if kept.len() < self.limit {
            kept.push(entry);
        } else if let Some(mut last) = kept.peek_mut()
            && entry < *last
        {
            *last = entry;
        }
        match self.most {
            // With the first that is too many, once.
            Some(most) if before <= most && *skipped > most => {
                let rows = std::mem::take(kept).into_sorted_vec();
                Err(Error::TooManySkipped { most, rows })
            }
            _ => Ok(()),
        }
    }

    pub fn finish(mut self, seen: u64, counted: u64) -> Result<Ledger, Error> {
        if let Some((all, path)) = &mut self.all {
            all.flush().map_err(Error::io(path))?;
        }
        let Entered { entries, skipped, by_reason, unsupported, kept } = self.entered;
        Ok(Ledger {
            seen,
            counted,
            skipped,
            by_reason,
            unsupported,
            entries_complete: entries == kept.len() as u64,
            entries: kept.into_sorted_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::At;
    use crate::skip_reason::SkipReason;

    fn entry(file: &str, line: u64) -> Entry {
        Entry {
            file: file.into(),
            position: At::Line(line).into(),
            reason: Reason::BrokenJson,
            detail: String::new(),
            rows: 1,
        }
    }

    #[test]
    fn keeps_the_first_in_order_whatever_the_order_of_arrival() {
        let mut kept = Vec::new();
        for step in [1, 7, 9] {
            let mut ledger = Collector::new(None, None).unwrap();
            ledger.limit = 4;
            for i in 0..10 {
                ledger.add(entry("a", (i * step) % 10)).unwrap();
            }
            let ledger = ledger.finish(10, 0).unwrap();
            assert_eq!((ledger.skipped, ledger.by_reason[&Reason::BrokenJson]), (10, 10));
            assert!(!ledger.entries_complete);
            kept.push(ledger.entries);
        }
        assert_eq!(
            kept[0].iter().map(|e| e.position.line()).collect::<Vec<_>>(),
            [0, 1, 2, 3].map(Some)
        );
        assert!(kept.iter().all(|k| *k == kept[0]));
    }

    #[test]
    fn one_row_more_than_is_allowed_ends_the_run() {
        let mut ledger = Collector::new(None, Some(2)).unwrap();
        ledger.add(entry("b", 1)).unwrap();
        ledger.add(entry("a", 9)).unwrap();
        let Err(Error::TooManySkipped { most: 2, rows }) = ledger.add(entry("a", 2)) else {
            panic!("the third is too many")
        };
        assert_eq!(rows.len(), 3);
        assert!(rows[0].to_string().starts_with("a:2: broken_json"), "{}", rows[0]);
        assert!(Collector::new(None, Some(0)).unwrap().add(entry("a", 1)).is_err());
    }

    #[test]
    fn writes_all_entries_as_json_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let mut ledger = Collector::new(Some(&path), None).unwrap();
        ledger.limit = 1;
        ledger.add(entry("b \"quoted\"", 2)).unwrap();
        ledger.add(entry("a", 1)).unwrap();
        ledger.finish(2, 0).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["file"], "b \"quoted\"");
        assert_eq!(lines[1]["reason"], "broken_json");
    }

    #[test]
    fn long_details_are_cut_on_a_character() {
        let bad = SkipReason::new(Reason::NotAString, "ж".repeat(1000));
        assert!(bad.detail.len() < 410 && bad.detail.ends_with('…'));
    }
}

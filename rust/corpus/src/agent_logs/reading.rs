//! Lines of files to events: whose turn it is to read them, and what is no record of a log.
//!
//! A file whose first line is no JSON by itself is one JSON value over several lines. The format is that of the first
//! record of a file that one of the parsers recognises.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::entry::Entry;
use crate::format::JsonTree;
use crate::position::Position;
use crate::skip_reason::{Reason, SkipReason};

use super::event::{Event, Name};
use super::json::Json;
use super::parser::{Met, Parser};

/// A line of a file: the JSON that it is, or the line and why it is none.
pub(super) struct Line {
    pub file: Name,
    pub position: Position,
    pub read: Result<Arc<JsonTree>, (String, String)>,
}

impl Line {
    fn text(&self) -> &str {
        match &self.read {
            Ok(tree) => tree.record(),
            Err((text, _)) => text,
        }
    }

    fn skipped(&self, reason: Reason, detail: &str, rows: u64) -> Entry {
        let bad = SkipReason::new(reason, detail).of_rows(rows);
        Entry::new(&self.file, self.position.clone(), bad)
    }
}

/// What is known after some lines.
pub(super) struct Reading {
    pub parsers: Vec<Box<dyn Parser>>,
    /// The parser of all files.
    fixed: Option<usize>,
    /// The parser of the file.
    parser: Option<usize>,
    file: Option<Name>,
    is_first: bool,
    /// The lines so far of a file that is one value.
    whole: Vec<Line>,
    /// A line that is no JSON: cut off, if it turns out to be the last of its file.
    broken: Option<Line>,
    /// The first line of a file that is no log, and how many there are.
    others: Option<(Line, u64)>,
    /// UTF-8 bytes of the lines, with their ends.
    pub bytes: u64,
    /// What they said, until it is taken.
    pub events: Vec<Event>,
    /// Rows that are not counted after all, until they are taken.
    pub refused: Vec<Entry>,
}

impl Reading {
    /// Reads every file as `format`, if one is given.
    pub fn new(parsers: Vec<Box<dyn Parser>>, format: Option<&str>) -> Reading {
        let fixed = format.and_then(|name| parsers.iter().position(|each| each.name() == name));
        Reading {
            parsers,
            fixed,
            parser: None,
            file: None,
            is_first: true,
            whole: Vec::new(),
            broken: None,
            others: None,
            bytes: 0,
            events: Vec::new(),
            refused: Vec::new(),
        }
    }

    pub fn line(&mut self, line: Line) {
        if self.file.as_ref() != Some(&line.file) {
            self.end_of_file();
            self.file = Some(line.file.clone());
            self.is_first = true;
            self.parser = None;
        }
        self.bytes += line.text().len() as u64 + 1;
        if !self.whole.is_empty() {
            self.whole.push(line);
            return;
        }
        if let Some((_, rows)) = &mut self.others {
            *rows += 1;
            return;
        }
        self.tell_broken(Reason::BrokenJson);
        if let Ok(tree) = &line.read {
            return self.records(tree, &line, 1);
        }
        let text = line.text();
        let begin = text.trim_start_matches(['\u{feff}', ' ', '\t']);
        if text.trim().is_empty() {
        } else if self.is_first && begin.starts_with(['{', '[']) {
            self.whole = vec![line];
        } else if self.is_first && self.fixed.is_none() {
            self.others = Some((line, 1));
        } else {
            self.is_first = false;
            self.broken = Some(line);
        }
    }

    /// What is left at the end of each file.
    pub fn end_of_file(&mut self) {
        self.tell_broken(Reason::Truncated);
        if let Some((first, rows)) = self.others.take() {
            let detail = "a log of an agent is JSON lines or JSON";
            self.refused.push(first.skipped(Reason::NotALog, detail, rows));
        }
        let lines = std::mem::take(&mut self.whole);
        let Some(first) = lines.first() else { return };
        let text: Vec<&str> = lines.iter().map(Line::text).collect();
        match JsonTree::parse(text.join("\n")) {
            Ok(tree) => self.records(&Arc::new(tree), first, lines.len() as u64),
            // Its lines may be records of which only the first is broken.
            Err((_, fault)) => self.lines_after_all(lines, &fault),
        }
    }

    /// What there was in the logs of all formats, of each what it is called, what it is, and its rule.
    pub fn met(&mut self) -> Vec<([&'static str; 3], Met)> {
        let said = |parser: &mut Box<dyn Parser>| {
            ([parser.name(), parser.title(), parser.rule()], std::mem::take(parser.met()))
        };
        self.parsers.iter_mut().map(said).collect()
    }

    /// What agents are called that have a number in events.
    pub fn agents(&mut self) -> HashMap<Name, Name> {
        self.parsers.iter_mut().flat_map(|parser| parser.met().agents.clone()).collect()
    }

    /// The events of a record, or of a list of them. Its `rows` are skipped where nothing in it is known.
    fn records(&mut self, tree: &Arc<JsonTree>, line: &Line, rows: u64) {
        self.is_first = false;
        let value = Json::whole(tree);
        let mut known = false;
        let mut unknown: Cow<'_, str> = "empty list".into();
        let mut read = |record| match self.record(record, &line.file) {
            None => known = true,
            Some(kind) => unknown = kind,
        };
        match value.is_array() {
            true => value.values().for_each(read),
            false => read(value),
        }
        if !known {
            self.refused.push(line.skipped(Reason::UnknownRecord, &unknown, rows));
        }
    }

    /// What kind a record is of, if that is not known.
    fn record<'r>(&mut self, record: Json<'r>, file: &Name) -> Option<Cow<'r, str>> {
        let parser = match self.parser {
            Some(parser) => &mut self.parsers[parser],
            None => {
                let recognised = || self.parsers.iter().position(|each| each.recognises(record));
                let Some(found) = self.fixed.or_else(recognised) else {
                    return Some("record of no known log".into());
                };
                self.parser = Some(found);
                let parser = &mut self.parsers[found];
                parser.met().files += 1;
                parser.begin(file);
                parser
            }
        };
        let kind = parser.kind(record);
        parser.met().add_record(&kind);
        let is_known = parser.read(record, &mut self.events);
        (!is_known).then_some(kind)
    }

    fn tell_broken(&mut self, reason: Reason) {
        if let Some(line) = self.broken.take() {
            let fault = line.read.as_ref().err().map_or("", |(_, fault)| fault);
            self.refused.push(line.skipped(reason, fault, 1));
        }
    }

    fn lines_after_all(&mut self, mut lines: Vec<Line>, fault: &str) {
        self.is_first = false;
        let is_object =
            |line: &Line| line.read.as_ref().is_ok_and(|tree| Json::whole(tree).is_object());
        let (reason, rows) = match lines.len() {
            1 => (Reason::Truncated, 1),
            all if !lines[1..].iter().any(is_object) => (Reason::BrokenJson, all),
            _ => (Reason::BrokenJson, 1),
        };
        self.refused.push(lines[0].skipped(reason, fault, rows as u64));
        for line in lines.drain(rows..) {
            self.bytes -= line.text().len() as u64 + 1;
            self.line(line);
        }
        self.tell_broken(Reason::Truncated);
    }
}

//! Tables read in pieces, with records in parts wherever that may be, held against the same read whole: the same rows, and the
//! same words where there is none.

use fasttok_engine::Utf8Errors::Strict;
use fasttok_testing::Random;

use super::csv::CsvFramer;
use crate::position::At;
use crate::record::{Fields, FieldsMet, Framed, Framer, RecordPart, RecordParts};

/// Where each row is, with its text and its values, or why there is none.
type Rows = Vec<(At, Result<(String, Vec<Option<String>>), String>)>;

struct Limits {
    record: usize,
    quoted: usize,
}

/// How a table is read.
struct Pieces<'r> {
    /// The most bytes that come at a time.
    most: usize,
    /// Says which of the records that might be are read in parts; none without it.
    random: Option<&'r mut Random>,
    /// How many were.
    in_parts: usize,
}

/// A record in parts.
struct InParts {
    at: At,
    parts: Box<dyn RecordParts>,
    text: Option<String>,
    /// The bytes of a character that is cut.
    cut: Vec<u8>,
}

impl InParts {
    fn push(&mut self, bytes: &[u8]) {
        self.cut.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.cut) {
            Ok(_) => self.cut.len(),
            Err(e) => e.valid_up_to(),
        };
        let rest = self.cut.split_off(whole);
        let whole = String::from_utf8(std::mem::replace(&mut self.cut, rest)).unwrap();
        let mut left = whole.as_str();
        while !left.is_empty() {
            let mut none = String::new();
            let (done, begins) = self.parts.push(left, self.text.as_mut().unwrap_or(&mut none));
            assert_eq!(none, "", "no text is given out before it begins");
            left = &left[done..];
            if begins.is_some() {
                assert_eq!(self.text.replace(String::new()), None, "it begins once");
            }
        }
    }
}

fn read(table: &[u8], fields: &Fields, limits: &Limits, pieces: &mut Pieces) -> (Rows, FieldsMet) {
    let mut framer = CsvFramer::new(fields, b',', limits.record);
    framer.quoted = limits.quoted;
    let (mut rows, mut met) = (Rows::new(), FieldsMet::default());
    let mut held = Vec::new();
    let mut rest = table;
    let mut in_parts: Option<InParts> = None;
    let mut lengths = Random::new(table.len() as u64);
    loop {
        let n = (1 + lengths.below(pieces.most)).min(rest.len());
        let (piece, after) = rest.split_at(n);
        rest = after;
        held.extend_from_slice(piece);
        let is_end = rest.is_empty();
        // The end may be told of once more, after a record in parts.
        loop {
            let mut found = Framed::default();
            let done = framer.frame(&held, is_end, &mut found);
            let mut reader = framer.reader();
            let mut all: Rows = Vec::new();
            for record in &found.records {
                let text = std::str::from_utf8(&held[record.range.clone()]).unwrap();
                let row = reader.read(text, Strict).map(|row| row.unwrap());
                let row = row.map(|row| (row.text.to_owned(), row.values.to_vec()));
                all.push((record.at, row.map_err(|bad| bad.detail)));
            }
            met.add(reader.fields_met());
            all.extend(found.bad.into_iter().map(|(at, bad)| (at, Err(bad.detail))));
            all.sort_by_key(|(at, _)| *at);
            rows.extend(all);
            let part = found.part;
            assert_eq!(part.is_some(), in_parts.is_some());
            match (part, &mut in_parts) {
                (Some(RecordPart::More), Some(record)) => record.push(&held[..done]),
                (Some(RecordPart::Last), Some(record)) => {
                    record.push(&held[..done]);
                    let end = record.parts.end();
                    met.add(end.met);
                    let text = record.text.take();
                    let row = end.row.map(|row| (text.unwrap(), row.unwrap().values));
                    rows.push((record.at, row.map_err(|bad| bad.detail)));
                    in_parts = None;
                }
                (Some(RecordPart::Lost), Some(_)) => in_parts = None,
                _ => {}
            }
            held.drain(..done);
            if matches!(part, Some(RecordPart::Last | RecordPart::Lost)) {
                continue;
            }
            break;
        }
        if is_end {
            assert!(held.is_empty() && in_parts.is_none());
            return (rows, met);
        }
        let wants_parts = pieces.random.as_mut().is_some_and(|random| random.below(3) == 0);
        if in_parts.is_none()
            && !held.is_empty()
            && wants_parts
            && let Some(parts) = framer.begin_parts(Strict)
        {
            pieces.in_parts += 1;
            let mut record = InParts { at: framer.next(), parts, text: None, cut: Vec::new() };
            record.push(&held);
            held.clear();
            in_parts = Some(record);
        }
    }
}

#[test]
fn the_same_as_whole() {
    let bits = [
        "a",
        "word ",
        "ä",
        "中文",
        "😀",
        ",",
        ",",
        ",",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "\"",
        "\"",
        "\"\"",
        "\"a\nb\"",
        ",\"",
        "\",",
        "\n\"",
        "\"\n",
        ",\"long one, of words\",",
        "\u{feff}",
        "\0",
    ];
    let mut random = Random::new(11);
    let (mut in_parts, mut good, mut bad) = (0, 0, 0);
    for case in 0..15_000 {
        let header =
            ["text\n", "id,text\n", "text,lang\r\n", "lang,text,text\n", "body\n", "\"text"];
        let mut table = header[random.below(header.len())].to_owned();
        for _ in 0..random.below(40) {
            table.push_str(bits[random.below(bits.len())]);
        }
        let groups: &[&str] = [&[][..], &["lang"], &["text", "none"]][random.below(3)];
        let fields = Fields {
            text: Fields::path("text"),
            groups: groups.iter().map(|group| Fields::path(group)).collect(),
            ..Fields::default()
        };
        let limit = |random: &mut Random| [usize::MAX, 7, 20, 60][random.below(4)];
        let limits = Limits { record: limit(&mut random), quoted: limit(&mut random) };
        let mut whole = Pieces { most: table.len(), random: None, in_parts: 0 };
        let mut expected = read(table.as_bytes(), &fields, &limits, &mut whole);
        expected.0.sort_by_key(|(at, _)| *at);
        let most = [1, 3, 9][random.below(3)];
        let mut pieces = Pieces { most, random: Some(&mut random), in_parts: 0 };
        let found = read(table.as_bytes(), &fields, &limits, &mut pieces);
        in_parts += pieces.in_parts;
        good += found.0.iter().filter(|(_, row)| row.is_ok()).count();
        bad += found.0.iter().filter(|(_, row)| row.is_err()).count();
        assert_eq!(found, expected, "{case}: {table:?} {} {}", limits.record, limits.quoted);
    }
    // Each kind was there.
    assert!(in_parts > 7_000 && good > 7_000 && bad > 7_000, "{in_parts} {good} {bad}");
}

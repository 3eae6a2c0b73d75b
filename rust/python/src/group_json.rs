//! The groups of a report as JSON, some at a time and without Python objects: a million of them in about a second.
//!
//! What is said of a group is what `Group.to_dict()` of the report says; how it is written is how `json.dumps` of
//! Python does, to the byte. Knows neither files nor what a count means.

use std::io::{self, Write};

use fasttok_corpus::{Group, Histogram, Scripts};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::ser::{Formatter, PrettyFormatter};

/// What the groups of a report have in common.
pub struct Names<'a> {
    /// What is grouped by.
    pub keys: &'a [String],
    /// The encodings, in the order of the tokens.
    pub encodings: &'a [String],
    /// The limits that documents are counted over.
    pub limits: &'a [u64],
}

/// The text of `groups` as it stands between the brackets of a list in an object, indented by two.
pub fn items(names: &Names<'_>, groups: &[Group]) -> serde_json::Result<String> {
    const BEFORE: &str = "{\n  \"\": [";
    const AFTER: &str = "\n  ]\n}";
    if groups.is_empty() {
        return Ok(String::new());
    }
    let mut json = Vec::with_capacity(1024 * groups.len());
    let list: Vec<_> = groups.iter().map(|group| Item { names, group }).collect();
    let mut serializer = serde_json::Serializer::with_formatter(&mut json, AsPython::default());
    serializer.collect_map([("", list)])?;
    json.truncate(json.len() - AFTER.len());
    json.drain(..BEFORE.len());
    Ok(String::from_utf8(json).expect("JSON is UTF-8"))
}

/// A group and what its values are called.
struct Item<'a> {
    names: &'a Names<'a>,
    group: &'a Group,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Item { names, group: Group { key, tally } } = self;
        let limits = names.limits;
        let measures = tally.tokens.iter().enumerate().map(|(i, &tokens)| Measures {
            tokens,
            chars: tally.chars,
            bytes: tally.bytes,
            limits,
            over: tally.documents_over.get(i * limits.len()..).unwrap_or_default(),
            lengths: tally.histograms.get(i),
        });
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", &Named(names.keys, key))?;
        map.serialize_entry("documents", &tally.documents)?;
        map.serialize_entry("bytes", &tally.bytes)?;
        map.serialize_entry("chars", &tally.chars)?;
        map.serialize_entry("scripts", &ByScript(&tally.scripts))?;
        map.serialize_entry("mixed_script_documents", &tally.mixed_script_documents)?;
        map.serialize_entry("encodings", &Named(names.encodings, &measures.collect::<Vec<_>>()))?;
        map.end()
    }
}

/// Values under their names.
struct Named<'a, T>(&'a [String], &'a [T]);

impl<T: Serialize> Serialize for Named<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}

struct ByScript<'a>(&'a Scripts);

impl Serialize for ByScript<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

/// The tokens of a group under one encoding, and what their ratios are made of.
struct Measures<'a> {
    tokens: u64,
    chars: u64,
    bytes: u64,
    limits: &'a [u64],
    /// Documents over each of the limits.
    over: &'a [u64],
    lengths: Option<Histogram>,
}

impl Serialize for Measures<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ratio = |a: u64, b: u64| (b != 0).then(|| a as f64 / b as f64);
        let &Measures { tokens, chars, bytes, limits, over, ref lengths } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tokens", &tokens)?;
        map.serialize_entry("tokens_per_char", &ratio(tokens, chars))?;
        map.serialize_entry("chars_per_token", &ratio(chars, tokens))?;
        map.serialize_entry("bytes_per_token", &ratio(bytes, tokens))?;
        if !limits.is_empty() {
            map.serialize_entry("documents_over", &Pairs(limits.iter().zip(over)))?;
        }
        if let Some(lengths) = lengths {
            map.serialize_entry("tokens_per_document", &Lengths(lengths))?;
        }
        map.end()
    }
}

/// How long the documents of a group are.
struct Lengths<'a>(&'a Histogram);

impl Serialize for Lengths<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Lengths(histogram) = self;
        let mut map = serializer.serialize_map(None)?;
        for (name, percent) in [("p50", 50), ("p90", 90), ("p99", 99)] {
            map.serialize_entry(name, &histogram.percentile(percent))?;
        }
        map.serialize_entry("max", &histogram.max())?;
        map.serialize_entry("histogram", &Pairs(histogram.by_powers_of_two().into_iter()))?;
        map.serialize_entry("counts", &Pairs(histogram.counts()))?;
        map.end()
    }
}

/// Names and values.
struct Pairs<I>(I);

impl<K: Serialize, V: Serialize, I: Iterator<Item = (K, V)> + Clone> Serialize for Pairs<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.clone())
    }
}

/// Indented by two, with numbers as Python writes them.
#[derive(Default)]
struct AsPython(PrettyFormatter<'static>);

impl Formatter for AsPython {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value == 0.0 || (1e-4..1e16).contains(&value.abs()) {
            return write!(writer, "{value:?}");
        }
        let scientific = format!("{value:e}");
        match scientific.split_once('e').map(|(digits, power)| (digits, power.parse::<i32>())) {
            Some((digits, Ok(power))) => write!(writer, "{digits}e{power:+03}"),
            _ => writer.write_all(scientific.as_bytes()),
        }
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

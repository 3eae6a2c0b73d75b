//! The sums of reports, read from their JSON and merged: the same operation that brings the workers of a run together.
//!
//! Groups are added as they are read, so that a million of them are never held twice. What is not known to add up is
//! refused, and so are sums that contradict each other. Whether two runs may be merged at all is not decided here.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use fasttok_corpus::{GroupSums, Groups, Histograms, Merge, Scripts, Tally};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::corpus::to_py;
use crate::ending::Call;
use crate::results::{CorpusGroups, CorpusSums};

/// No count of a report is larger: the largest number that every reader of JSON takes exactly. So sums cannot overflow.
const MOST: u64 = (1 << 53) - 1;
/// So many groups are read between two looks at signals.
const CHECKED: usize = 1 << 13;

/// The JSON of a report, from a file or as it is, without its totals and groups. Raises ``ValueError`` where it is no
/// JSON object, and ``OSError`` where it cannot be read.
#[pyfunction]
#[pyo3(signature = (path, json))]
pub fn _report_outline(path: Option<PathBuf>, json: Option<&[u8]>) -> PyResult<String> {
    let members: Ordered<Box<RawValue>> = read(path, json, Outline)?;
    let member = |(name, value): &(String, Box<RawValue>)| {
        format!("{}:{}", serde_json::Value::from(name.as_str()), value.get())
    };
    let members: Vec<String> = members.0.iter().map(member).collect();
    Ok(format!("{{{}}}", members.join(",")))
}

/// The sums of reports that were counted in the same way.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct ReportSums {
    named: Named,
    sums: Mutex<Sums>,
}

/// What the sums of all reports are named by.
struct Named {
    by: Vec<String>,
    encodings: Vec<String>,
    limits: Vec<String>,
    histograms: bool,
    /// The index of the key of which no two reports may have the same value.
    distinct: Option<usize>,
}

struct Sums {
    groups: GroupSums,
    totals: Tally,
    /// The values of the distinct key that reports before this have.
    met: HashSet<Option<String>>,
}

#[pymethods]
impl ReportSums {
    /// Sums of zero. ``by``, ``encodings`` and ``limits`` name what all reports must have; ``distinct`` is the index of a
    /// key of which no two of them may have the same value.
    #[new]
    #[pyo3(signature = (by, encodings, limits, *, histograms, max_groups, distinct))]
    fn new(
        by: Vec<String>,
        encodings: Vec<String>,
        limits: Vec<u64>,
        histograms: bool,
        max_groups: usize,
        distinct: Option<usize>,
    ) -> ReportSums {
        let groups = GroupSums::new(&by, max_groups);
        let limits: Vec<String> = limits.iter().map(u64::to_string).collect();
        let named = Named { by, encodings, limits, histograms, distinct };
        let totals = named.zero();
        ReportSums { named, sums: Mutex::new(Sums { groups, totals, met: HashSet::new() }) }
    }

    /// Adds the report that is in the file ``path``, or is ``json``. Raises ``ValueError`` where it cannot be added:
    /// then nothing is right any more.
    #[pyo3(signature = (path, json))]
    fn add(&self, py: Python<'_>, path: Option<PathBuf>, json: Option<&[u8]>) -> PyResult<()> {
        let _call = Call::enter(py);
        let mut failure = None;
        let mut sums = self.sums();
        let seed = Add { named: &self.named, sums: &mut sums, failure: &mut failure };
        let added = read(path, json, seed);
        match failure {
            Some(failure) => Err(failure),
            None => added,
        }
    }

    /// The sums over all documents.
    #[getter]
    fn totals(&self) -> CorpusSums {
        CorpusSums { key: Vec::new(), tally: self.sums().totals.clone() }
    }

    /// The groups, of which none are left here.
    fn groups(&self) -> CorpusGroups {
        let groups = std::mem::replace(&mut self.sums().groups, GroupSums::new(&[], 0));
        CorpusGroups(match self.named.by.is_empty() {
            true => Groups::default(),
            false => groups.finish(),
        })
    }
}

impl ReportSums {
    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Named {
    fn zero(&self) -> Tally {
        Tally {
            tokens: vec![0; self.encodings.len()],
            documents_over: vec![0; self.encodings.len() * self.limits.len()],
            ..Tally::default()
        }
    }

    /// The key and the sums of a group.
    fn group(&self, mut said: ReportTally) -> Result<(Vec<Option<String>>, Tally), String> {
        let key = said.key.take().unwrap_or_default();
        Ok((key.expect("the keys of a group", &self.by)?, self.total(said)?))
    }

    /// The sums that a report says.
    fn total(&self, said: ReportTally) -> Result<Tally, String> {
        let ReportTally { key: None, documents, bytes, chars, scripts, .. } = said else {
            return Err("its totals have a key".to_owned());
        };
        let scripts = Scripts::named(scripts.0.iter().map(|(name, chars)| (name.as_str(), *chars)))
            .filter(|scripts| scripts.chars() == chars)
            .ok_or("its scripts are not those of its characters")?;
        let mut tally = Tally {
            documents,
            bytes,
            chars,
            mixed_script_documents: said.mixed_script_documents,
            scripts,
            ..Tally::default()
        };
        let measures = said.encodings.expect("its encodings", &self.encodings)?;
        for (encoding, measures) in measures.into_iter().enumerate() {
            if measures.tokens_interval.is_some() {
                return Err("it is an estimate".to_owned());
            }
            tally.tokens.push(measures.tokens);
            let over = measures.documents_over.unwrap_or_default();
            tally.documents_over.extend(over.expect("its documents_over", &self.limits)?);
            match (measures.tokens_per_document, self.histograms) {
                (None, false) => {}
                (Some(lengths), true) => lengths.add(encoding, documents, &mut tally.histograms)?,
                _ => return Err("its tokens_per_document do not go with manifest.quantiles".into()),
            }
        }
        let largest = tally.tokens.iter().chain(&tally.documents_over).max();
        if [&documents, &bytes, &chars].into_iter().chain(largest).any(|&number| number > MOST) {
            return Err(format!("a count is over {MOST}"));
        }
        Ok(tally)
    }
}

/// The sums of a report, of which every member must be known: what is not is nothing that adds up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportTally {
    key: Option<Ordered<Option<String>>>,
    documents: u64,
    bytes: u64,
    chars: u64,
    scripts: Ordered<u64>,
    mixed_script_documents: u64,
    encodings: Ordered<Measures>,
}

/// Ratios and quantiles are made anew.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measures {
    tokens: u64,
    tokens_interval: Option<IgnoredAny>,
    #[serde(rename = "tokens_per_char")]
    _tokens_per_char: IgnoredAny,
    #[serde(rename = "chars_per_token")]
    _chars_per_token: IgnoredAny,
    #[serde(rename = "bytes_per_token")]
    _bytes_per_token: IgnoredAny,
    documents_over: Option<Ordered<u64>>,
    tokens_per_document: Option<Lengths>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lengths {
    #[serde(rename = "p50")]
    _p50: IgnoredAny,
    #[serde(rename = "p90")]
    _p90: IgnoredAny,
    #[serde(rename = "p99")]
    _p99: IgnoredAny,
    max: Option<u64>,
    #[serde(rename = "histogram")]
    _histogram: IgnoredAny,
    counts: Ordered<u64>,
}

impl Lengths {
    /// Adds the lengths of so many documents to those of the encoding at that index.
    fn add(self, encoding: usize, documents: u64, to: &mut Histograms) -> Result<(), String> {
        let wrong = || "its tokens_per_document are not those of its documents".to_owned();
        let number = |(tokens, documents): &(String, u64)| Some((tokens.parse().ok()?, *documents));
        let counts: Option<Vec<(u64, u64)>> = self.counts.0.iter().map(number).collect();
        let counts = counts.ok_or_else(wrong)?;
        let Some((&(last, longest), others)) = counts.split_last() else {
            return if documents == 0 && self.max.is_none() { Ok(()) } else { Err(wrong()) };
        };
        let max = self.max.ok_or_else(wrong)?;
        for &(tokens, documents) in others {
            to.add(encoding, tokens, documents);
        }
        // The longest document is entered with its own length.
        to.add(encoding, last, longest.checked_sub(1).ok_or_else(wrong)?);
        to.add(encoding, max, 1);
        let entered = to.get(encoding).ok_or_else(wrong)?;
        let sum: u128 = counts.iter().map(|&(_, documents)| u128::from(documents)).sum();
        let is_same = entered.max() == max && entered.counts().eq(counts);
        if is_same && sum == u128::from(documents) { Ok(()) } else { Err(wrong()) }
    }
}

/// The members of an object in their order.
struct Ordered<T>(Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered(Vec::new())
    }
}

impl<T> Ordered<T> {
    /// The values, where their names are these; `what` they are goes into the message.
    fn expect(self, what: &str, names: &[String]) -> Result<Vec<T>, String> {
        match self.0.iter().map(|(name, _)| name).eq(names) {
            true => Ok(self.0.into_iter().map(|(_, value)| value).collect()),
            false => Err(format!("{what} are not {}", names.join(", "))),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Ordered(members))
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// The members of a report as they are written, without those that may be long.
struct Outline;

impl<'de> DeserializeSeed<'de> for Outline {
    type Value = Ordered<Box<RawValue>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Outline {
    type Value = Ordered<Box<RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if is_long(&name) {
                map.next_value::<IgnoredAny>()?;
            } else {
                members.push((name, map.next_value()?));
            }
        }
        Ok(Ordered(members))
    }
}

fn is_long(member: &str) -> bool {
    matches!(member, "totals" | "groups")
}

/// Adds a report to sums.
struct Add<'a> {
    named: &'a Named,
    sums: &'a mut Sums,
    /// What is raised, where that is more than a message.
    failure: &'a mut Option<PyErr>,
}

impl<'de> DeserializeSeed<'de> for Add<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Add<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Add { named, sums, failure } = self;
        let (mut totals, mut sum) = (None, None);
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "totals" if totals.is_none() => {
                    let said = map.next_value::<ReportTally>()?;
                    totals = Some(named.total(said).map_err(A::Error::custom)?);
                }
                "groups" if sum.is_none() => {
                    let groups = AddGroups { named, sums: &mut *sums, failure: &mut *failure };
                    sum = Some(map.next_value_seed(groups)?);
                }
                name if is_long(name) => {
                    return Err(A::Error::custom(format!("two members {name}")));
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let (Some(totals), Some(sum)) = (totals, sum) else {
            return Err(A::Error::custom("there are no totals, or no groups"));
        };
        let expected = if named.by.is_empty() { named.zero() } else { totals.clone() };
        if sum != expected {
            return Err(A::Error::custom("its groups do not add up to its totals"));
        }
        sums.totals.merge(&totals);
        Ok(())
    }
}

/// Adds the groups of a report, and gives their sum.
struct AddGroups<'a> {
    named: &'a Named,
    sums: &'a mut Sums,
    failure: &'a mut Option<PyErr>,
}

impl<'de> DeserializeSeed<'de> for AddGroups<'_> {
    type Value = Tally;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tally, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for AddGroups<'_> {
    type Value = Tally;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the groups of a report")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut groups: A) -> Result<Tally, A::Error> {
        let AddGroups { named, sums, failure } = self;
        let mut sum = named.zero();
        let mut own = HashSet::new();
        let mut read = 0;
        while let Some(said) = groups.next_element::<ReportTally>()? {
            let (key, tally) = named.group(said).map_err(A::Error::custom)?;
            if let Some(index) = named.distinct {
                if sums.met.contains(&key[index]) {
                    let value = key[index].as_deref().unwrap_or_default();
                    let message = format!("{value} is in another of the reports too");
                    return Err(A::Error::custom(message));
                }
                own.insert(key[index].clone());
            }
            sum.merge(&tally);
            let mut raised = sums.groups.add(&key, &tally).err();
            let raised = Python::attach(|py| match raised.take() {
                Some(e) => Some(to_py(py, e)),
                None if read % CHECKED == 0 => py.check_signals().err(),
                None => None,
            });
            if let Some(e) = raised {
                *failure = Some(e);
                return Err(A::Error::custom("ended"));
            }
            read += 1;
        }
        sums.met.extend(own);
        Ok(sum)
    }
}

/// What `seed` makes of the JSON in the file `path`, or of `json`.
fn read<T>(
    path: Option<PathBuf>,
    json: Option<&[u8]>,
    seed: impl for<'de> DeserializeSeed<'de, Value = T>,
) -> PyResult<T> {
    let reader: Box<dyn Read + '_> = match &path {
        Some(path) => Box::new(BufReader::with_capacity(1 << 20, File::open(path)?)),
        None => Box::new(json.unwrap_or_default()),
    };
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let value = seed.deserialize(&mut deserializer);
    let value = value.and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|e| match e.io_error_kind() {
        Some(_) => std::io::Error::from(e).into(),
        None => PyValueError::new_err(e.to_string()),
    })
}

//! What runs over files give, as Python sees it: classes with attributes, which the stub declares one by one.
//!
//! Raw material for the reports of `fasttok`, which name and order it. Values are made into objects of Python when
//! they are asked for.

use std::collections::BTreeMap;

use fasttok_corpus::{
    BatchJoin, DocumentsRead, Group, Groups, Histogram, InputFiles, Ledger, MessagesMet, Outcome,
    SampleDrawn, Tally,
};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

use crate::group_json;

/// Numbers, and the first ids of some of them, by name.
type BatchSums = (BTreeMap<&'static str, u64>, BTreeMap<&'static str, Vec<String>>);

/// What a run over a corpus found.
#[pyclass(frozen, get_all, module = "fasttok._fasttok")]
pub struct CorpusResult {
    /// The groups.
    groups: Py<CorpusGroups>,
    /// The sums over all documents.
    totals: Py<CorpusSums>,
    /// The account of files and rows.
    account: Py<Account>,
    /// What was drawn, of a run over a sample; None where all was read.
    sample: Option<Py<CorpusSample>>,
    /// The seconds that reading and counting took, without finding the files.
    seconds: f64,
    /// Which fields the records had, for ``SharedInputs.check``.
    fields_met: Py<PyBytes>,
    /// How many lines were read, of a share that is a part of a file of lines; of any other 0.
    lines: u64,
}

/// A file that a run would find.
#[pyclass(frozen, get_all, module = "fasttok._fasttok")]
pub struct PlannedFile {
    /// As reports name it.
    file: String,
    /// Its size as stored, where it is known.
    bytes: Option<u64>,
    /// The format that it would be read by; None where it is passed by, or cannot be known before.
    format: Option<&'static str>,
    /// How it is packed, if it is.
    packed: Option<&'static str>,
    /// Why it would not be read: ``binary``, or ``packed`` where it holds no records.
    passed_by: Option<&'static str>,
}

/// What a run would read, and what not.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct CorpusPlan(pub fasttok_corpus::Plan);

#[pymethods]
impl CorpusPlan {
    /// The files, in the order in which they are found.
    #[getter]
    fn files(&self) -> Vec<PlannedFile> {
        let file = |planned: &fasttok_corpus::PlannedFile| PlannedFile {
            file: planned.name.clone(),
            bytes: planned.bytes,
            format: planned.format,
            packed: planned.packed,
            passed_by: planned.passed_by,
        };
        self.0.files.iter().map(file).collect()
    }

    /// What would be skipped rows.
    #[getter]
    fn bad(&self) -> Vec<SkippedRow> {
        self.0.bad.iter().cloned().map(SkippedRow::from).collect()
    }

    /// Links and the like that a walk passed by.
    #[getter]
    fn files_ignored(&self) -> u64 {
        self.0.passed
    }

    /// Inputs left out because they are a file that is among the others.
    #[getter]
    fn inputs_repeated(&self) -> u64 {
        self.0.repeated
    }
}

/// What was drawn of a corpus: the material of estimates.
#[pyclass(frozen, get_all, module = "fasttok._fasttok")]
pub struct CorpusSample {
    /// The bytes of each stratum.
    strata: Vec<u64>,
    /// The stratum of each draw.
    draw_strata: Vec<u32>,
    /// The unit that each draw hit, an index into ``units``; -1 where it hit none.
    draw_units: Vec<i64>,
    /// The names of the units that were read, which the groups of the run have as the first value of their key.
    units: Vec<String>,
    /// The bytes of each unit.
    unit_bytes: Vec<u64>,
}

impl CorpusSample {
    fn of(drawn: SampleDrawn) -> CorpusSample {
        let (units, unit_bytes) = drawn.units.into_iter().unzip();
        CorpusSample {
            strata: drawn.strata,
            draw_strata: drawn.draws.iter().map(|draw| draw.0).collect(),
            draw_units: drawn.draws.iter().map(|draw| draw.1.map_or(-1, i64::from)).collect(),
            units,
            unit_bytes,
        }
    }
}

impl CorpusResult {
    pub fn new(py: Python<'_>, outcome: Outcome) -> PyResult<CorpusResult> {
        let Outcome { groups, totals, reading, .. } = outcome;
        let account = Account {
            files: outcome.files,
            files_ignored: outcome.files_ignored,
            files_packed: outcome.files_packed,
            members: outcome.members,
            members_ignored: outcome.members_ignored,
            files_unchecked: outcome.files_unchecked,
            unchecked: outcome.unchecked,
            inputs_repeated: outcome.inputs_repeated,
            input_files: outcome.input_files,
            bytes_read: outcome.bytes_read,
            ledger: outcome.ledger,
            messages: outcome.fields_met.messages.clone(),
        };
        Ok(CorpusResult {
            groups: Py::new(py, CorpusGroups(groups))?,
            totals: Py::new(py, CorpusSums { key: Vec::new(), tally: totals })?,
            account: Py::new(py, account)?,
            sample: outcome.sample.map(|drawn| Py::new(py, CorpusSample::of(drawn))).transpose()?,
            seconds: reading.as_secs_f64(),
            fields_met: PyBytes::new(py, &outcome.fields_met.to_bytes()).unbind(),
            lines: outcome.lines,
        })
    }
}

/// Name, size, time of change, hash.
type ListedFile<'py> = (String, Option<u64>, Option<u128>, Option<Bound<'py, PyBytes>>);

/// What became of the files and rows of a run: ``seen == counted + skipped``.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct Account {
    /// Files that were read, or that should have been.
    #[pyo3(get)]
    files: u64,
    /// Files that a walk met and passed by: binary ones, links, and ``files_packed``.
    #[pyo3(get)]
    files_ignored: u64,
    /// Archives that a walk passed by, and compressed files that hold no records.
    #[pyo3(get)]
    files_packed: u64,
    /// Members of archives that were read, or that should have been.
    #[pyo3(get)]
    members: u64,
    /// Members of archives that were passed by: binary ones, and compressed ones without records.
    #[pyo3(get)]
    members_ignored: u64,
    /// Files in whose compressed data damage cannot be seen, for they have no checksum.
    #[pyo3(get)]
    files_unchecked: u64,
    /// The names of the first of these, in the order in which files are found.
    #[pyo3(get)]
    unchecked: Vec<String>,
    /// Inputs that were left out because they are a file that is among the others.
    #[pyo3(get)]
    inputs_repeated: u64,
    input_files: InputFiles,
    /// Bytes read from files as they are stored.
    #[pyo3(get)]
    bytes_read: u64,
    ledger: Ledger,
    messages: MessagesMet,
}

impl From<&DocumentsRead> for Account {
    fn from(read: &DocumentsRead) -> Account {
        Account {
            files: read.files,
            files_ignored: read.files_ignored,
            files_packed: read.files_packed,
            members: read.members,
            members_ignored: read.members_ignored,
            files_unchecked: read.files_unchecked,
            unchecked: read.unchecked.clone(),
            inputs_repeated: read.inputs_repeated,
            input_files: read.input_files.clone(),
            bytes_read: read.bytes_read,
            ledger: read.ledger.clone(),
            messages: read.messages.clone(),
        }
    }
}

#[pymethods]
impl Account {
    /// How many inputs there were, their size as stored together, and what they are together known by: a number of 256
    /// bits, big-endian, which adds up over runs.
    #[getter]
    fn input_files<'py>(&self, py: Python<'py>) -> (u64, u64, Bound<'py, PyBytes>) {
        let InputFiles { count, bytes, digest, .. } = &self.input_files;
        (*count, *bytes, PyBytes::new(py, digest))
    }

    /// The first of these: name, size, when it was changed in nanoseconds since 1970, and the SHA-256 of its bytes, each
    /// None where it is not known or was not asked for.
    #[getter]
    fn input_files_listed<'py>(&self, py: Python<'py>) -> Vec<ListedFile<'py>> {
        let listed = self.input_files.listed.iter();
        listed
            .map(|each| {
                let sha256 = each.sha256.as_ref().map(|hash| PyBytes::new(py, hash));
                (each.file.clone(), each.size, each.modified, sha256)
            })
            .collect()
    }

    /// Of conversations, the records by their shape, and what is in them and no text, by kind.
    #[getter]
    fn messages(&self) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
        let MessagesMet { records, not_counted, .. } = &self.messages;
        (records.clone(), not_counted.clone())
    }

    /// Of batches, how many requests and answers belong together by their `custom_id` and how many do not, by name, and the
    /// first ids of those that do not; None where there were no batches, or more ids than are kept.
    #[getter]
    fn batch(&self) -> Option<BatchSums> {
        let BatchJoin { joined, failed, without_answer, without_request, ambiguous, named } =
            self.messages.batch.join()?;
        let sums = [
            ("joined", joined),
            ("failed", failed),
            ("without_answer", without_answer),
            ("without_request", without_request),
            ("ambiguous", ambiguous),
        ];
        Some((sums.into(), named))
    }

    /// The turn that the answer of a batch is in: the last one of its request; None where these are not known to belong
    /// together.
    fn turn_of_answer(&self, custom_id: &str) -> Option<u32> {
        self.messages.batch.turn_of_answer(custom_id)
    }

    /// Whether batches had more ids than are kept, so that nothing is known of what belongs together.
    #[getter]
    fn batch_is_beyond(&self) -> bool {
        self.messages.batch.is_beyond()
    }

    /// Rows met.
    #[getter]
    fn seen(&self) -> u64 {
        self.ledger.seen
    }

    /// Rows counted.
    #[getter]
    fn counted(&self) -> u64 {
        self.ledger.counted
    }

    /// Rows not counted.
    #[getter]
    fn skipped(&self) -> u64 {
        self.ledger.skipped
    }

    /// The skipped rows by reason.
    #[getter]
    fn by_reason<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (reason, rows) in &self.ledger.by_reason {
            dict.set_item(reason.code(), rows)?;
        }
        Ok(dict)
    }

    /// The files of formats that are not read, by format.
    #[getter]
    fn unsupported<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (format, files) in &self.ledger.unsupported {
            dict.set_item(format, files)?;
        }
        Ok(dict)
    }

    /// The first skipped rows, sorted by file and line.
    #[getter]
    fn entries(&self) -> Vec<SkippedRow> {
        self.ledger.entries.iter().cloned().map(SkippedRow::from).collect()
    }

    /// Whether ``entries`` has all skipped rows.
    #[getter]
    fn entries_complete(&self) -> bool {
        self.ledger.entries_complete
    }
}

/// A position as a dict: its names in the order in which they are said.
#[derive(Clone)]
pub struct PositionParts {
    member: Option<String>,
    at: fasttok_corpus::At,
}

impl PositionParts {
    pub fn of(position: &fasttok_corpus::Position) -> PositionParts {
        let member = position.member.as_ref().map(|member| member.name.clone());
        PositionParts { member, at: position.at }
    }
}

impl<'py> IntoPyObject<'py> for PositionParts {
    type Target = PyDict;
    type Output = Bound<'py, PyDict>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        if let Some(member) = self.member {
            dict.set_item("member", member)?;
        }
        for (name, number) in self.at.parts() {
            dict.set_item(name, number)?;
        }
        Ok(dict)
    }
}

/// A row that was not counted.
#[pyclass(frozen, get_all, module = "fasttok._fasttok")]
pub struct SkippedRow {
    /// The file, as it was given or found; ``-`` is standard input.
    file: String,
    /// The line, from 1; None where the row is none.
    line: Option<u64>,
    /// Where the row is in the file: what it is the number of, and the number; ``member`` is a name.
    position: PositionParts,
    /// Why, as programs know it.
    reason: &'static str,
    /// Why, in words.
    detail: String,
    /// How many rows there are from that position on.
    rows: u64,
}

impl From<fasttok_corpus::Entry> for SkippedRow {
    fn from(entry: fasttok_corpus::Entry) -> SkippedRow {
        SkippedRow {
            file: entry.file,
            line: entry.position.line(),
            position: PositionParts::of(&entry.position),
            reason: entry.reason.code(),
            detail: entry.detail,
            rows: entry.rows,
        }
    }
}

/// The groups of a run in the order of their keys; each is made into an object when it is asked for.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct CorpusGroups(pub Groups);

impl CorpusGroups {
    fn group(&self, index: usize) -> PyResult<Group> {
        match index < self.0.len() {
            true => Ok(self.0.get(index)),
            false => Err(PyIndexError::new_err(format!("there is no group {index}"))),
        }
    }
}

#[pymethods]
impl CorpusGroups {
    /// The number of groups.
    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// The sums of group `index`, from 0. Raises ``IndexError`` where there is none.
    fn __getitem__(&self, index: usize) -> PyResult<CorpusSums> {
        self.group(index).map(|Group { key, tally }| CorpusSums { key, tally })
    }

    /// The groups at ``indices``, each from 0, as the items of the list of groups in a report's JSON, indented by two.
    fn json(
        &self,
        indices: Vec<usize>,
        keys: Vec<String>,
        encodings: Vec<String>,
        limits: Vec<u64>,
    ) -> PyResult<String> {
        let group = |i| self.group(i);
        let groups = indices.into_iter().map(group).collect::<PyResult<Vec<_>>>()?;
        let names = group_json::Names { keys: &keys, encodings: &encodings, limits: &limits };
        group_json::items(&names, &groups).map_err(|e| PyValueError::new_err(e.to_string()))
    }

    /// The indices of the groups, the largest first or (``ascending``) the smallest, by their sum of that name
    /// (``"documents"``, ``"bytes"`` and so on, or ``"tokens"`` of the first encoding) or by its ratio to the sum
    /// ``divisor``: unsigned 32-bit numbers in the machine's byte order. Groups without a ratio are the smallest; equal
    /// ones are in the order of their keys. Raises ``ValueError`` for another name.
    #[pyo3(signature = (name, divisor, *, ascending))]
    fn ranked<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        divisor: Option<&str>,
        ascending: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let ranked = self.0.ranked(name, divisor, ascending).ok_or_else(|| {
            PyValueError::new_err(format!("groups have no sum {name:?} or {divisor:?}"))
        })?;
        let bytes: Vec<u8> = ranked.into_iter().flat_map(u32::to_ne_bytes).collect();
        Ok(PyBytes::new(py, &bytes))
    }
}

/// Sums over the documents of a run, or of one of its groups.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct CorpusSums {
    pub key: Vec<Option<String>>,
    pub tally: Tally,
}

#[pymethods]
impl CorpusSums {
    /// A value for each key of the run, None where the documents have none. Empty for the sums over all documents.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.key)
    }

    /// The number of documents.
    #[getter]
    fn documents(&self) -> u64 {
        self.tally.documents
    }

    /// The size in UTF-8.
    #[getter]
    fn bytes(&self) -> u64 {
        self.tally.bytes
    }

    /// Unicode scalar values.
    #[getter]
    fn chars(&self) -> u64 {
        self.tally.chars
    }

    /// Characters by script (ISO 15924), none of them zero.
    #[getter]
    fn scripts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let scripts = PyDict::new(py);
        for (script, chars) in self.tally.scripts.iter() {
            scripts.set_item(script, chars)?;
        }
        Ok(scripts)
    }

    /// Documents with more than a tenth of their characters in another writing system than the first.
    #[getter]
    fn mixed_script_documents(&self) -> u64 {
        self.tally.mixed_script_documents
    }

    /// Extended grapheme clusters; 0 where they were not asked for.
    #[getter]
    fn graphemes(&self) -> u64 {
        self.tally.graphemes
    }

    /// Words; 0 where they were not asked for.
    #[getter]
    fn words(&self) -> u64 {
        self.tally.words
    }

    /// Tokens by encoding, in the order of the run's encodings.
    #[getter]
    fn tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.tally.tokens)
    }

    /// Words that are one token, by encoding; empty where they were not asked for.
    #[getter]
    fn single_token_words<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.tally.single_token_words)
    }

    /// Tokens that are not whole characters, by encoding; empty where they were not asked for.
    #[getter]
    fn partial_tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.tally.partial_tokens)
    }

    /// Documents with more tokens than each limit, by encoding and then by limit; empty where there are none.
    #[getter]
    fn documents_over<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.tally.documents_over)
    }

    /// How long documents are in tokens of the encoding at `index`; None where no document was counted, or histograms
    /// were not asked for.
    fn lengths(&self, index: usize) -> Option<DocumentLengths> {
        self.tally.histograms.get(index).map(DocumentLengths::from)
    }

    /// What a bootstrap over documents draws from: unsigned 64-bit numbers in the machine's byte order, of shape
    /// ``(units, bootstrap_columns)``. Empty where no bootstrap was asked for.
    #[getter]
    fn bootstrap<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let values = self.tally.bootstrap.values().into_iter();
        PyBytes::new(py, &values.flat_map(u64::to_ne_bytes).collect::<Vec<u8>>())
    }

    /// The numbers of a unit of ``bootstrap``.
    #[getter]
    fn bootstrap_columns(&self) -> usize {
        self.tally.bootstrap.columns()
    }
}

/// How long documents are in tokens of an encoding.
#[pyclass(frozen, get_all, module = "fasttok._fasttok")]
pub struct DocumentLengths {
    /// Half of the documents have at most so many tokens.
    p50: u64,
    /// 90 % of the documents have at most so many tokens.
    p90: u64,
    /// 99 % of the documents have at most so many tokens.
    p99: u64,
    /// The most tokens of a document.
    max: u64,
    /// Documents by tokens, from each number on, which is 0 or a power of two, to the next; none of them zero.
    histogram: Vec<(u64, u64)>,
    /// Documents by tokens, each number the least of a bucket; none of them zero.
    counts: Vec<(u64, u64)>,
}

impl From<Histogram> for DocumentLengths {
    fn from(histogram: Histogram) -> DocumentLengths {
        let [p50, p90, p99] = [50, 90, 99].map(|percent| histogram.percentile(percent));
        DocumentLengths {
            p50,
            p90,
            p99,
            max: histogram.max(),
            histogram: histogram.by_powers_of_two(),
            counts: histogram.counts().collect(),
        }
    }
}

/// A document of a file.
#[pyclass(frozen, get_all, module = "fasttok._fasttok")]
pub struct Document {
    /// The text.
    text: Py<PyString>,
    /// The text of the second field, where one was asked for.
    answer: Option<Py<PyString>>,
    /// A value for each key that was asked for; None where the document has none.
    key: Py<PyTuple>,
    /// The file, as the ledger would name it.
    file: Py<PyString>,
    /// The line, from 1; None where the document is none.
    line: Option<u64>,
    /// Where the document is in the file: what it is the number of, and the number; ``member`` is a name.
    position: PositionParts,
}

impl Document {
    pub fn new(py: Python<'_>, document: &fasttok_corpus::Document) -> PyResult<Document> {
        let fasttok_corpus::Document { text, answer, key, file, position } = document;
        Ok(Document {
            text: PyString::new(py, text).unbind(),
            answer: answer.as_ref().map(|answer| PyString::new(py, answer).unbind()),
            key: PyTuple::new(py, key)?.unbind(),
            file: PyString::new(py, file).unbind(),
            line: position.line(),
            position: PositionParts::of(position),
        })
    }
}

//! `usage`: logs of agents from Python. What a log says, and what counts once, is not decided here.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use fasttok_corpus::{Job, LanguageLabels, LogJob, RecordedUsage, UsageKey, detector, log_usage};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

use crate::corpus::run_for_python;
use crate::encoding::Encoding;
use crate::ending::Call;
use crate::options::{BUILT_IN_DETECTOR, CorpusOptions};
use crate::results::Account;
use crate::watch::Watch;

/// What logs of agents come to.
#[pyclass(frozen, get_all, module = "fasttok._fasttok")]
pub struct LogUsage {
    /// The account of files and rows.
    account: Py<Account>,
    /// UTF-8 bytes of the lines, with their ends.
    bytes: u64,
    /// What there was, by format.
    logs: Vec<Py<LogsMet>>,
    /// All requests, in the order in which they were met.
    requests: Vec<Py<LoggedRequest>>,
    /// The texts, by group, role and part.
    flows: Vec<Py<TextFlow>>,
}

/// What there was in the logs of one format.
#[pyclass(frozen, get_all, module = "fasttok._fasttok")]
pub struct LogsMet {
    /// What the format is called.
    format: &'static str,
    /// What it is.
    title: &'static str,
    /// How usage is kept from being counted twice.
    rule: &'static str,
    /// Files of it.
    files: u64,
    /// How many records there were of each kind.
    records: BTreeMap<String, u64>,
    /// Records that said again what another had said.
    repeated_records: u64,
    /// What is listed and not counted, by kind.
    not_counted: BTreeMap<String, u64>,
}

/// A request of a model: who asked, what it sent, and what was recorded.
#[pyclass(frozen, get_all, module = "fasttok._fasttok")]
pub struct LoggedRequest {
    /// The session.
    session: Py<PyString>,
    /// The agent.
    agent: Py<PyString>,
    /// The model that was asked.
    model: Option<Py<PyString>>,
    /// The user.
    user: Option<Py<PyString>>,
    /// The day, as the log writes it.
    day: Option<Py<PyString>>,
    /// Of its conversation, from 1.
    turn: u64,
    /// What the log says that it used.
    usage: Option<Py<LoggedUsage>>,
    /// Whether that is the last word, and no placeholder.
    is_final: bool,
    /// Tokens of its input by encoding; None where the log has no texts of it.
    sent: Option<Vec<u64>>,
    /// Those of them that no request of the conversation sent before, and that the model did not write.
    new: Vec<u64>,
    /// Those of them that the request before it begins with too.
    prefix: Vec<u64>,
    /// Tokens of the answer by encoding.
    answer: Vec<u64>,
}

/// What a log says that a request used, in tokens.
#[pyclass(frozen, get_all, module = "fasttok._fasttok")]
pub struct LoggedUsage {
    /// Input, with what came from a cache and what was written to one.
    input: Py<PyInt>,
    /// Input from a cache.
    cached_input: Py<PyInt>,
    /// Input written to a cache.
    cache_write: Py<PyInt>,
    /// Output, with reasoning.
    output: Py<PyInt>,
    /// Output for reasoning.
    reasoning: Py<PyInt>,
}

/// Texts of one role and part in one group.
#[pyclass(frozen, get_all, module = "fasttok._fasttok")]
pub struct TextFlow {
    /// A value for each key that was grouped by.
    key: Vec<Option<String>>,
    /// Who speaks.
    role: &'static str,
    /// What the texts are in messages.
    part: &'static str,
    /// How many were written.
    texts: u64,
    /// Their tokens by encoding.
    written: Vec<u64>,
    /// Tokens of them that requests sent, by encoding.
    sent: Vec<u64>,
    /// Tokens of those that the model wrote in answer to a request, by encoding.
    answered: Vec<u64>,
    /// What of ``sent`` was in requests beyond each of the limits.
    sent_over: Vec<u64>,
    /// What of ``answered`` was in answer to such requests.
    answered_over: Vec<u64>,
}

/// Reads logs of agents, as ``options`` say, and counts their texts with ``encodings``, in groups by the keys ``by``.
/// ``limits``: encodings, by number, and tokens; what is sent by requests that send more of them is summed by itself too.
/// ``log_format``: of all files, whatever they look like. ``detect_bytes``: how much of a text its language is told by.
#[pyfunction]
#[pyo3(signature = (paths, encodings, by, options, *, limits = vec![], log_format = None, detect_bytes = None))]
pub fn _log_usage(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    encodings: Vec<Bound<'_, Encoding>>,
    by: Vec<String>,
    options: CorpusOptions<'_>,
    limits: Vec<(usize, u64)>,
    log_format: Option<String>,
    detect_bytes: Option<usize>,
) -> PyResult<LogUsage> {
    let _call = Call::enter(py);
    let watch = Watch::of(&options)?;
    let counters = encodings.iter().map(|encoding| encoding.get().shared()).collect();
    let job =
        Job { counters, format: Some("lines".into()), ..options.job(paths, Vec::new(), &[])? };
    let detector = || detector(BUILT_IN_DETECTOR);
    let labels = |detect_bytes| LanguageLabels {
        detector: detector(),
        detect_bytes,
        ..LanguageLabels::default()
    };
    let key = |name: &String| {
        let known = UsageKey::NAMES.into_iter().find(|(known, _)| known == name);
        known.map(|(_, key)| key).ok_or_else(|| PyValueError::new_err(format!("no key: {name}")))
    };
    let asked = LogJob {
        by: by.iter().map(key).collect::<PyResult<_>>()?,
        limits,
        format: log_format,
        languages: detect_bytes.map(labels),
    };
    let usage = run_for_python(py, &job, &watch, |job, progress, cancel| {
        log_usage(job, &asked, progress, cancel)
    })?;
    LogUsage::new(py, usage)
}

impl LogUsage {
    fn new(py: Python<'_>, usage: fasttok_corpus::LogUsage) -> PyResult<LogUsage> {
        let fasttok_corpus::LogUsage { read, bytes, logs, requests, flows } = usage;
        let logs = logs.into_iter().map(|met| {
            let fasttok_corpus::LogsMet {
                format,
                title,
                rule,
                files,
                records,
                repeated_records,
                not_counted,
            } = met;
            let met =
                LogsMet { format, title, rule, files, records, repeated_records, not_counted };
            Py::new(py, met)
        });
        let flows = flows.into_iter().map(|flow| {
            let fasttok_corpus::TextFlow {
                key,
                role,
                part,
                texts,
                written,
                sent,
                answered,
                sent_over,
                answered_over,
            } = flow;
            let key = key.into_iter().map(|value| value.map(|value| value.to_string())).collect();
            let flow = TextFlow {
                key,
                role,
                part,
                texts,
                written,
                sent,
                answered,
                sent_over,
                answered_over,
            };
            Py::new(py, flow)
        });
        let mut names = Names(HashMap::new());
        let requests = requests.into_iter().map(|request| {
            let fasttok_corpus::LoggedRequest { turn, is_final, sent, new, prefix, answer, .. } =
                request;
            let usage = request.usage.map(|usage| LoggedUsage::new(py, &usage)).transpose()?;
            let request = LoggedRequest {
                session: names.known(py, request.session),
                agent: names.known(py, request.agent),
                model: request.model.map(|name| names.known(py, name)),
                user: request.user.map(|name| names.known(py, name)),
                day: request.day.map(|name| names.known(py, name)),
                turn,
                usage,
                is_final,
                sent,
                new,
                prefix,
                answer,
            };
            Py::new(py, request)
        });
        Ok(LogUsage {
            account: Py::new(py, Account::from(&read))?,
            bytes,
            requests: requests.collect::<PyResult<_>>()?,
            logs: logs.collect::<PyResult<_>>()?,
            flows: flows.collect::<PyResult<_>>()?,
        })
    }
}

impl LoggedUsage {
    fn new(py: Python<'_>, usage: &RecordedUsage) -> PyResult<Py<LoggedUsage>> {
        let number = |number: u128| -> PyResult<Py<PyInt>> {
            // Nearly all of them, and made faster.
            Ok(match u64::try_from(number) {
                Ok(number) => number.into_pyobject(py)?.unbind(),
                Err(_) => number.into_pyobject(py)?.unbind(),
            })
        };
        let usage = LoggedUsage {
            input: number(usage.input)?,
            cached_input: number(usage.cached_input)?,
            cache_write: number(usage.cache_write)?,
            output: number(usage.output)?,
            reasoning: number(usage.reasoning)?,
        };
        Py::new(py, usage)
    }
}

/// Names that many requests share, each made once.
struct Names(HashMap<Arc<str>, Py<PyString>>);

impl Names {
    fn known(&mut self, py: Python<'_>, name: Arc<str>) -> Py<PyString> {
        let made = self.0.entry(name).or_insert_with_key(|name| PyString::new(py, name).unbind());
        made.clone_ref(py)
    }
}

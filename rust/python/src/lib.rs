//! The extension module `fasttok._fasttok`: registration only.

#![deny(unsafe_code)]

mod arrays;
// Columns of other libraries.
#[allow(unsafe_code)]
mod arrow;
// Columns for other libraries.
#[allow(unsafe_code)]
mod arrow_export;
mod batch;
mod columns;
mod corpus;
mod count_arrow;
mod document;
mod documents;
mod encoding;
mod ending;
mod errors;
mod group_json;
mod language;
mod lists;
mod logs;
mod options;
mod parallel;
// Columns of polars.
#[allow(unsafe_code)]
mod polars_plugin;
mod report_sums;
mod results;
mod simd;
mod slices;
mod store;
// The characters of a `str` where they lie.
#[allow(unsafe_code)]
mod strings;
mod watch;
mod words;

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

#[pymodule]
fn _fasttok(m: &Bound<'_, PyModule>) -> PyResult<()> {
    strings::choose_reader(m.py())?;
    parallel::read_environment();
    ending::register(m.py())?;
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add_class::<encoding::Encoding>()?;
    m.add_class::<slices::LimitedCount>()?;
    m.add_class::<slices::TokenCounter>()?;
    m.add_class::<slices::TokenIndex>()?;
    m.add_class::<slices::TruncatedText>()?;
    m.add_class::<arrow_export::ArrowArray>()?;
    m.add_class::<arrow_export::ArrowChunkedArray>()?;
    m.add_class::<results::Account>()?;
    m.add_class::<results::CorpusGroups>()?;
    m.add_class::<results::CorpusSample>()?;
    m.add_class::<results::CorpusPlan>()?;
    m.add_class::<results::PlannedFile>()?;
    m.add_class::<results::CorpusResult>()?;
    m.add_class::<results::CorpusSums>()?;
    m.add_class::<results::Document>()?;
    m.add_class::<results::DocumentLengths>()?;
    m.add_class::<results::SkippedRow>()?;
    m.add_class::<corpus::SharedInputs>()?;
    m.add_class::<report_sums::ReportSums>()?;
    m.add_function(wrap_pyfunction!(report_sums::_report_outline, m)?)?;
    m.add_function(wrap_pyfunction!(encoding::embedded_names, m)?)?;
    m.add_function(wrap_pyfunction!(encoding::known_rank_file, m)?)?;
    m.add_function(wrap_pyfunction!(encoding::family_pattern, m)?)?;
    m.add_function(wrap_pyfunction!(count_arrow::_count_arrow, m)?)?;
    m.add_function(wrap_pyfunction!(strings::_read_str, m)?)?;
    m.add_function(wrap_pyfunction!(simd::simd_level, m)?)?;
    m.add_function(wrap_pyfunction!(simd::simd_levels, m)?)?;
    m.add_function(wrap_pyfunction!(corpus::count_corpus, m)?)?;
    m.add_function(wrap_pyfunction!(corpus::plan_corpus, m)?)?;
    m.add_class::<documents::Documents>()?;
    m.add_class::<logs::LogUsage>()?;
    m.add_class::<logs::LogsMet>()?;
    m.add_class::<logs::LoggedRequest>()?;
    m.add_class::<logs::LoggedUsage>()?;
    m.add_class::<logs::TextFlow>()?;
    m.add_function(wrap_pyfunction!(logs::_log_usage, m)?)?;
    m.add_class::<watch::Progress>()?;
    m.add_function(wrap_pyfunction!(documents::_read_whole, m)?)?;
    m.add_function(wrap_pyfunction!(documents::_message_texts, m)?)?;
    m.add_function(wrap_pyfunction!(documents::_message_role, m)?)?;
    m.add_function(wrap_pyfunction!(documents::_texts_of_messages, m)?)?;
    m.add_function(wrap_pyfunction!(documents::_packed_with, m)?)?;
    m.add_function(wrap_pyfunction!(words::_spaced_words, m)?)?;
    m.add_function(wrap_pyfunction!(words::_single_token_words, m)?)?;
    m.add_function(wrap_pyfunction!(language::normalize_language, m)?)?;
    m.add_function(wrap_pyfunction!(language::_language_parts, m)?)?;
    m.add_function(wrap_pyfunction!(language::_is_everyday_word, m)?)?;
    m.add_function(wrap_pyfunction!(corpus::_scripts_of, m)?)?;
    m.add_function(wrap_pyfunction!(corpus::_file_types, m)?)?;
    m.add_function(wrap_pyfunction!(corpus::_path_name, m)?)?;
    m.add_function(wrap_pyfunction!(corpus::_redact, m)?)?;
    m.add_function(wrap_pyfunction!(corpus::_is_url, m)?)?;
    m.add_function(wrap_pyfunction!(store::_end_questions, m)?)?;
    let (major, minor, patch) = fasttok_engine::NORMALIZATION_UNICODE_VERSION;
    m.add("NORMALIZATION_UNICODE_VERSION", format!("{major}.{minor}.{patch}"))?;
    m.add("UNICODE_VERSION", fasttok_engine::CLASSES_UNICODE_VERSION)?;
    m.add("TEXT_FIELD", fasttok_corpus::TEXT_FIELD)?;
    m.add("MAX_RECORD_BYTES", fasttok_corpus::MAX_RECORD_BYTES)?;
    m.add("MAX_WINDOW_BYTES", fasttok_corpus::MAX_WINDOW_BYTES)?;
    let suffixes = fasttok_corpus::compressed_suffixes().map(|suffix| format!(".{suffix}"));
    m.add("COMPRESSED_SUFFIXES", PyTuple::new(m.py(), suffixes.collect::<Vec<_>>())?)?;
    let remedies = fasttok_corpus::SKIP_REMEDIES.map(|(reason, remedy)| (reason.code(), remedy));
    m.add("SKIP_REMEDIES", HashMap::from(remedies))?;
    m.add("CHECKPOINT_SECONDS", fasttok_corpus::CHECKPOINT_SECONDS)?;
    m.add("LOG_FORMATS", PyTuple::new(m.py(), fasttok_corpus::log_formats())?)?;
    let keys = fasttok_corpus::UsageKey::NAMES.map(|(name, _)| name);
    m.add("USAGE_KEYS", PyTuple::new(m.py(), keys)?)?;
    m.add("MAX_GROUPS", fasttok_corpus::MAX_GROUPS)?;
    m.add("LENGTHS_EXACT", fasttok_corpus::LENGTHS_EXACT)?;
    m.add("LENGTHS_PARTS", fasttok_corpus::LENGTHS_PARTS)?;
    m.add("SCRIPTS_UNICODE_VERSION", fasttok_corpus::SCRIPTS_UNICODE_VERSION)?;
    m.add("SEGMENTATION_UNICODE_VERSION", fasttok_corpus::segmentation_unicode_version())?;
    Ok(())
}

//! What a run is asked for and what it gives.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use fasttok_engine::{Encoding, Special, Utf8Errors};

use crate::format::{self, Fields, FieldsMet};
use crate::groups::Groups;
use crate::language::{Detector, Labels, UNDETERMINED, language_of_path};
use crate::ledger::Collector;
use crate::pipeline::{self, Run};
use crate::recognise::Formats;
use crate::source::{self, Input, InputKind, StreamConfig, Walk};
use crate::{Error, Extra, Ledger, Progress, Tally};

/// What the counts are summed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The file.
    File,
    /// The suffix of the file in lower case, without that of its compression.
    Extension,
    /// A field of the record; a dot goes one level down. What is no string stands as it is written.
    Field(String),
    /// The language label: see [`Job::languages`].
    Language,
}

impl Key {
    /// `file`, `extension`, or the name of a field. A field with one of these two names is `field:file`.
    pub fn parse(key: &str) -> Key {
        match key {
            "file" => Key::File,
            "extension" => Key::Extension,
            field => Key::Field(field.strip_prefix("field:").unwrap_or(field).to_owned()),
        }
    }
}

/// What happens at a row that cannot be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// It goes to the ledger, and the run goes on.
    #[default]
    Skip,
    /// The run ends with [`Error::BadRow`]: the first bad row of its file. Where several files have bad rows, it
    /// is one of them, whichever is met first.
    Fail,
}

/// Where the language labels of documents come from, in the order of trust. What no source knows is
/// [`UNDETERMINED`].
#[derive(Clone, Default)]
pub struct LanguageLabels {
    /// A field of the record; a dot goes one level down.
    pub field: Option<String>,
    /// A part of the path that is a language code.
    pub from_path: bool,
    /// Says it from the beginning of the text.
    pub detector: Option<Arc<dyn Detector>>,
    /// How many bytes of a document the detector is given, at most.
    pub detect_bytes: usize,
}

impl LanguageLabels {
    /// The label of a document: `values` are those of its record, the last of which is the label where a field has it,
    /// and `path` is what its path gives. `None` where it must be detected.
    pub(crate) fn label<'l>(
        &self,
        known: &'l mut Labels,
        values: &[Option<String>],
        path: Option<&'l str>,
    ) -> Option<&'l str> {
        let field = match self.field {
            Some(_) => values.last().and_then(|v| v.as_deref()).filter(|v| !v.trim().is_empty()),
            None => None,
        };
        match (field, path) {
            (Some(label), _) => Some(known.normalize(label)),
            (None, Some(language)) => Some(language),
            (None, None) if self.detector.is_some() => None,
            (None, None) => Some(UNDETERMINED),
        }
    }

    /// The part of a text that the detector is given.
    pub(crate) fn beginning<'t>(&self, text: &'t str) -> &'t str {
        let mut end = text.len().min(self.detect_bytes);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        &text[..end]
    }

    /// The languages of texts as the detector has them.
    pub(crate) fn detect(&self, known: &mut Labels, texts: &[&str]) -> Result<Vec<String>, Error> {
        let Some(detector) = &self.detector else { return Ok(Vec::new()) };
        let labels = detector.detect(texts).map_err(Error::Detector)?;
        if labels.len() != texts.len() {
            let message = format!("it gave {} labels for {} texts", labels.len(), texts.len());
            return Err(Error::Detector(message.into()));
        }
        let mut language = |label: Option<String>| match label {
            Some(label) if !label.trim().is_empty() => known.normalize(&label).to_owned(),
            _ => UNDETERMINED.to_owned(),
        };
        Ok(labels.into_iter().map(&mut language).collect())
    }
}

/// What to count, and how.
#[derive(Clone)]
pub struct Job {
    /// Files, folders, patterns; `-` is standard input. Each file is read once, however often it is named.
    pub paths: Vec<PathBuf>,
    /// The encodings to count by, all in one pass.
    pub encodings: Vec<Arc<Encoding>>,
    /// What to sum by; nothing gives the totals only.
    pub by: Vec<Key>,
    /// The labels that [`Key::Language`] sums by.
    pub languages: LanguageLabels,
    /// What is measured besides what always is.
    pub extra: Extra,
    /// Keep what a bootstrap over documents needs in [`Tally::sample`].
    pub sample: bool,
    /// The field that holds the text, where records have fields; a dot goes one level down. `None` is [`TEXT_FIELD`],
    /// and does not say that there must be fields.
    pub text_field: Option<String>,
    /// The format of all files; `None` goes by the suffix, and what has no known one is plain text, unless it has no
    /// suffix or that of JSON and is JSON lines.
    pub format: Option<String>,
    /// In plain text each line is a document, instead of each file.
    pub lines: bool,
    /// How special tokens in the text are treated.
    pub special: Special,
    /// What to do with bytes that are not UTF-8, and with lone surrogates in JSON.
    pub errors: Utf8Errors,
    /// What to do with a row that cannot be counted.
    pub on_error: OnError,
    /// Worker threads; `None` takes as many as the machine runs at once. The result does not depend on it.
    pub threads: Option<usize>,
    /// Walk into hidden files and folders too.
    pub hidden: bool,
    /// Heed `.gitignore` and its kin in a walk.
    pub ignore_files: bool,
    /// Unpack compressed files in a walk too where they hold no records. What is named or fits a pattern is always
    /// unpacked.
    pub decompress: bool,
    /// The most bytes that are held of one record, or of one text in which no place to cut is found. What is longer
    /// is skipped.
    pub max_record_bytes: usize,
    /// The most memory that a zstd frame may ask for to be unpacked; what asks for more is skipped.
    pub max_window_bytes: u64,
    /// The most groups that a run may have; with one more it ends with [`Error::TooManyGroups`].
    pub max_groups: usize,
    /// Files that the caller will write: left out of a walk, and refused among the paths.
    pub outputs: Vec<PathBuf>,
    /// Where to write all ledger entries as JSONL, in the order in which they are met.
    pub ledger_path: Option<PathBuf>,
}

/// The field that holds the text unless a job says otherwise.
pub const TEXT_FIELD: &str = "text";
/// [`Job::max_record_bytes`] unless a job says otherwise.
pub const MAX_RECORD_BYTES: usize = 1 << 30;
/// [`Job::max_window_bytes`] unless a job says otherwise.
pub const MAX_WINDOW_BYTES: u64 = 128 << 20;
/// [`Job::max_groups`] unless a job says otherwise.
pub const MAX_GROUPS: usize = 1_000_000;

impl Job {
    /// A job with the defaults for everything else.
    pub fn new(paths: Vec<PathBuf>, encodings: Vec<Arc<Encoding>>) -> Job {
        Job {
            paths,
            encodings,
            by: Vec::new(),
            languages: LanguageLabels::default(),
            extra: Extra::default(),
            sample: false,
            text_field: None,
            format: None,
            lines: false,
            special: Special::default(),
            errors: Utf8Errors::default(),
            on_error: OnError::default(),
            threads: None,
            hidden: false,
            ignore_files: true,
            decompress: false,
            max_record_bytes: MAX_RECORD_BYTES,
            max_window_bytes: MAX_WINDOW_BYTES,
            max_groups: MAX_GROUPS,
            outputs: Vec::new(),
            ledger_path: None,
        }
    }
}

/// The sums of the documents that agree in all keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// One value a key, in the order of [`Job::by`]; `None` where a document has none.
    pub key: Vec<Option<String>>,
    /// The sums.
    pub tally: Tally,
}

/// What a run found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The groups, sorted by key (a missing value last). Empty where no keys were asked for.
    pub groups: Groups,
    /// The sums over all documents.
    pub totals: Tally,
    /// The account of rows.
    pub ledger: Ledger,
    /// Files that were read, or that should have been.
    pub files: u64,
    /// Files that a walk met and passed by: binary ones, links, and [`Outcome::files_packed`].
    pub files_ignored: u64,
    /// Compressed files that a walk passed by since they hold no records.
    pub files_packed: u64,
    /// Inputs that were left out because they are a file that is among the others.
    pub inputs_repeated: u64,
    /// Files in whose compressed data damage cannot be seen, for they have no checksum.
    pub files_unchecked: u64,
    /// The names of the first [`LEDGER_ENTRIES_KEPT`](crate::LEDGER_ENTRIES_KEPT) of these, in the order of the inputs.
    pub unchecked: Vec<String>,
    /// Bytes read from files as they are stored.
    pub bytes_read: u64,
}

/// Bytes that a worker reads at a time. Large enough that taking turns costs nothing; small enough to stay in the
/// cache from reading to counting.
pub(crate) const CHUNK: usize = 1 << 20;

/// Counts what the job asks for. `progress` may be read meanwhile, and `cancel`, once set, ends the run within a few
/// milliseconds with [`Error::Interrupted`].
pub fn run(job: &Job, progress: &Progress, cancel: &AtomicBool) -> Result<Outcome, Error> {
    run_in_chunks(job, progress, cancel, CHUNK)
}

pub(crate) fn run_in_chunks(
    job: &Job,
    progress: &Progress,
    cancel: &AtomicBool,
    chunk: usize,
) -> Result<Outcome, Error> {
    check(job)?;
    let most = threads(job);
    let found = Inputs::find(job, progress, cancel)?;
    let inputs = &found.inputs;
    let mut ledger = Collector::new(job.ledger_path.as_deref())?;
    found.report_bad(job, &mut ledger)?;

    let groups = GroupKeys::new(&job.by);
    let fields = fields(job, &groups);
    progress.watch(fields.names());
    let sums = pipeline::count(
        &Run {
            inputs,
            formats: formats(job, &fields)?,
            fields: &fields,
            groups: &groups,
            languages: &job.languages,
            path_languages: path_languages(job, inputs),
            extra: job.extra,
            sample: job.sample,
            max_groups: job.max_groups,
            config: StreamConfig {
                chunk,
                max_record: job.max_record_bytes,
                max_window: job.max_window_bytes,
                encodings: job.encodings.clone(),
                special: job.special,
                errors: job.errors,
                whole_words: job.extra.graphemes || job.extra.words,
            },
            on_error: job.on_error,
            progress,
            cancel,
        },
        worth_while(inputs, most, chunk),
        &mut ledger,
    )?;
    found.check_not_all_ignored(job, sums.binary, sums.packed)?;
    let ignored = sums.binary + sums.packed;
    let bad = found.bad.len() as u64;

    check_fields(&sums.fields, sums.counted, &fields)?;

    let mut totals = Tally { tokens: vec![0; job.encodings.len()], ..Tally::default() };
    for i in 0..sums.groups.len() {
        totals.add(&sums.groups.tally(i));
    }
    let sorted = match job.by.is_empty() {
        true => Groups::default(),
        false => sums.groups.finish(&groups, cancel),
    };
    if cancel.load(Relaxed) {
        return Err(Error::Interrupted);
    }
    Ok(Outcome {
        groups: sorted,
        totals,
        ledger: ledger.finish(bad + sums.seen, sums.counted)?,
        files: inputs.len() as u64 - ignored + bad,
        files_ignored: ignored + found.passed,
        files_packed: sums.packed,
        inputs_repeated: found.repeated,
        files_unchecked: sums.unchecked.len() as u64,
        unchecked: found.names(sums.unchecked),
        bytes_read: progress.bytes(),
    })
}

/// Leaves what the run writes out of what a walk found, and refuses it where it was named.
fn leave_out_outputs(inputs: &mut Vec<Input>, outputs: &[PathBuf]) -> Result<(), Error> {
    let written: Vec<_> =
        outputs.iter().filter_map(|path| Some((source::identity(path)?, path))).collect();
    if written.is_empty() {
        return Ok(());
    }
    let is_written =
        |input: &Input| written.iter().find(|(identity, _)| *identity == input.identity);
    if let Some((input, (_, path))) = inputs
        .iter()
        .filter(|input| input.explicit || input.unpack)
        .find_map(|input| Some((input, is_written(input)?)))
    {
        let path = path.display().to_string();
        return Err(Error::Overwrite { path, input: input.name.clone() });
    }
    inputs.retain(|input| is_written(input).is_none());
    Ok(())
}

/// Refuses a field that no record has: it is a typing mistake, not a corpus without values. `counted`: how many documents
/// the run counted, in records or not.
pub(crate) fn check_fields(found: &FieldsMet, counted: u64, fields: &Fields) -> Result<(), Error> {
    let FieldsMet { records, met, names } = found;
    let unknown = |field: &[String]| Error::UnknownField {
        field: field.join("."),
        fields: names.iter().cloned().collect(),
    };
    for (i, field) in fields.groups.iter().enumerate() {
        let is_met = met.get(i + 1).copied().unwrap_or(false);
        if !is_met && (*records > 0 || counted > 0) {
            return Err(unknown(field));
        }
    }
    // Where other files gave documents, records without the field are skipped rows among them.
    let is_met = met.first().copied().unwrap_or(false);
    if !is_met && *records > 0 && counted == 0 && !names.is_empty() {
        return Err(unknown(&fields.text));
    }
    Ok(())
}

fn check(job: &Job) -> Result<(), Error> {
    let message = if job.encodings.is_empty() {
        "no encoding to count by"
    } else if job.threads == Some(0) {
        "threads must be at least 1"
    } else {
        return Ok(());
    };
    Err(Error::InvalidJob { message: message.to_owned() })
}

/// How many workers a job may have.
fn threads(job: &Job) -> usize {
    match job.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, |n| n.get()),
    }
}

/// The inputs of a job, whatever is done with them.
pub(crate) struct Inputs {
    pub inputs: Vec<Input>,
    /// What cannot be read, known without opening it.
    pub bad: Vec<crate::Entry>,
    /// Links and the like that a walk passed by.
    pub passed: u64,
    /// Inputs left out because they are a file that is among the others.
    pub repeated: u64,
}

impl Inputs {
    pub fn find(job: &Job, progress: &Progress, cancel: &AtomicBool) -> Result<Inputs, Error> {
        check_inputs(job)?;
        let (hidden, ignore_files) = (job.hidden, job.ignore_files);
        let walk = Walk { hidden, ignore_files, threads: threads(job), cancel };
        let source::Found { mut inputs, bad, passed, repeated } = source::find(&job.paths, walk)?;
        leave_out_outputs(&mut inputs, &job.outputs)?;
        progress.set_total(inputs.iter().map(|i| i.size).sum());
        Ok(Inputs { inputs, bad, passed, repeated })
    }

    /// Enters what cannot be read in the ledger.
    pub fn report_bad(&self, job: &Job, ledger: &mut Collector) -> Result<(), Error> {
        for entry in self.bad.clone() {
            if job.on_error == OnError::Fail {
                let crate::Entry { file, line, reason, detail } = entry;
                return Err(Error::BadRow { file, line, reason, detail });
            }
            ledger.add(entry)?;
        }
        Ok(())
    }

    /// The names of the first of these inputs, whatever order they come in.
    pub fn names(&self, mut places: Vec<usize>) -> Vec<String> {
        places.sort_unstable();
        places.truncate(crate::LEDGER_ENTRIES_KEPT);
        places.into_iter().map(|place| self.inputs[place].name.clone()).collect()
    }

    /// The error that nothing was read, where a walk passed all files by.
    pub fn check_not_all_ignored(&self, job: &Job, binary: u64, packed: u64) -> Result<(), Error> {
        let ignored = binary + packed;
        if !self.bad.is_empty() || self.inputs.is_empty() || ignored < self.inputs.len() as u64 {
            return Ok(());
        }
        let paths: Vec<_> = job.paths.iter().map(|p| p.display().to_string()).collect();
        let what = match (binary, packed) {
            (_, 0) => "binary; name a file itself to have it read",
            (0, _) => "compressed and hold no records; decompress=True counts them",
            _ => {
                "binary, or compressed and without records; decompress=True counts the \
                 compressed ones"
            }
        };
        let message = format!("{}: all {ignored} files are {what}", paths.join(", "));
        Err(Error::NoInput { message })
    }
}

fn check_inputs(job: &Job) -> Result<(), Error> {
    let message = if job.paths.is_empty() {
        "no paths to read".to_owned()
    } else if let Some(name) = &job.format
        && format::by_name(name).is_none()
    {
        format!("unknown format {name:?}; known are {}", format::format_names().join(", "))
    } else {
        return Ok(());
    };
    Err(Error::InvalidJob { message })
}

/// The label that the path of each input gives; empty where nobody asks for it.
pub(crate) fn path_languages(job: &Job, inputs: &[Input]) -> Vec<Option<Box<str>>> {
    if !job.languages.from_path || !job.by.contains(&Key::Language) {
        return Vec::new();
    }
    inputs.iter().map(|input| language_of_path(&input.name).map(String::into)).collect()
}

/// The fields of a record that the job asks for. The label comes behind those that are keys.
pub(crate) fn fields(job: &Job, groups: &GroupKeys) -> Fields {
    let text = Fields::path(job.text_field.as_deref().unwrap_or(TEXT_FIELD));
    let mut groups = groups.fields();
    groups.extend(job.languages.field.as_deref().map(Fields::path));
    Fields { text, groups }
}

/// What the job says of formats.
pub(crate) fn formats<'j>(job: &Job, fields: &'j Fields) -> Result<Formats<'j>, Error> {
    let named = |name: &str| {
        format::by_name(name).ok_or_else(|| Error::InvalidJob { message: name.to_owned() })
    };
    let plain = named(if job.lines { "lines" } else { "text" })?;
    Ok(Formats {
        forced: match job.format.as_deref() {
            None => None,
            Some("text") => Some(plain),
            Some(name) => Some(named(name)?),
        },
        plain,
        fields,
        asks_fields: job.text_field.is_some() || !fields.groups.is_empty(),
        decompress: job.decompress,
        is_strict: job.errors == Utf8Errors::Strict,
    })
}

/// How many workers have something to do: a small job should not wait for threads.
fn worth_while(inputs: &[Input], most: usize, chunk: usize) -> usize {
    let chunk = chunk as u64 / 4;
    let mut chunks = 0;
    for input in inputs {
        chunks += match (input.kind, input.size) {
            (InputKind::File, Some(size)) if input.compression_suffix().is_none() => {
                1 + size / chunk
            }
            (InputKind::File, Some(size)) => 1 + size * 8 / chunk,
            _ => most as u64,
        };
        if chunks >= most as u64 {
            return most;
        }
    }
    chunks.max(1) as usize
}

/// The keys of a job, and how the values of a document become one key of a map without an allocation a document.
pub(crate) struct GroupKeys {
    keys: Vec<Key>,
}

impl GroupKeys {
    pub fn new(keys: &[Key]) -> GroupKeys {
        GroupKeys { keys: keys.to_vec() }
    }

    /// The fields among the keys.
    pub fn fields(&self) -> Vec<Vec<String>> {
        let field = |key: &Key| match key {
            Key::Field(field) => Some(Fields::path(field)),
            Key::File | Key::Extension | Key::Language => None,
        };
        self.keys.iter().filter_map(field).collect()
    }

    /// Whether languages are among the keys.
    pub fn by_language(&self) -> bool {
        self.keys.contains(&Key::Language)
    }

    /// Writes the key of a document to `to`, but for its language. `values` are those of [`GroupKeys::fields`], or nothing at all.
    pub fn encode(
        &self,
        file: &str,
        extension: Option<&str>,
        values: &[Option<String>],
        to: &mut Vec<u8>,
    ) {
        to.clear();
        let mut values = values.iter();
        for key in &self.keys {
            let value = match key {
                Key::File => Some(file),
                Key::Extension => extension,
                Key::Field(_) => values.next().and_then(|v| v.as_deref()),
                Key::Language => continue,
            };
            write_value(value.map(str::as_bytes), to);
        }
    }

    /// Writes the language of a document behind the rest of its key: it may become known only then.
    pub fn encode_language(&self, language: &str, to: &mut Vec<u8>) {
        write_value(Some(language.as_bytes()), to);
    }

    pub fn decode(&self, key: &[u8]) -> Vec<Option<String>> {
        let mut ordered = Vec::new();
        self.put_in_order(key, &mut ordered);
        let value = |v: Option<&[u8]>| v.map(|v| String::from_utf8_lossy(v).into_owned());
        values_of(&ordered).map(value).collect()
    }

    /// Writes the values of `key` behind `to` in the order of the keys: the language, which comes last, where it was
    /// asked for.
    pub fn put_in_order(&self, key: &[u8], to: &mut Vec<u8>) {
        let Some(place) = self.keys.iter().position(|key| *key == Key::Language) else {
            to.extend_from_slice(key);
            return;
        };
        let mut values: Vec<Option<&[u8]>> = values_of(key).collect();
        let language = values.pop().flatten().unwrap_or(UNDETERMINED.as_bytes());
        values.insert(place, Some(language));
        values.into_iter().for_each(|value| write_value(value, to));
    }

    /// The keys as the user wrote them.
    pub fn names(&self) -> Vec<String> {
        let name = |key: &Key| match key {
            Key::File => "file".to_owned(),
            Key::Extension => "extension".to_owned(),
            Key::Field(field) => field.clone(),
            Key::Language => "language".to_owned(),
        };
        self.keys.iter().map(name).collect()
    }
}

/// The values of an encoded key.
pub(crate) fn values_of(mut key: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        let (len, rest) = key.split_first_chunk::<8>()?;
        let len = u64::from_le_bytes(*len) as usize;
        let (value, rest) = rest.split_at(len.saturating_sub(1));
        key = rest;
        Some((len > 0).then_some(value))
    })
}

fn write_value(value: Option<&[u8]>, to: &mut Vec<u8>) {
    // The length plus one; nothing is 0.
    let len = value.map_or(0, |v| v.len() as u64 + 1);
    to.extend_from_slice(&len.to_le_bytes());
    to.extend_from_slice(value.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_parsed() {
        assert_eq!(Key::parse("file"), Key::File);
        assert_eq!(Key::parse("extension"), Key::Extension);
        assert_eq!(Key::parse("meta.lang"), Key::Field("meta.lang".into()));
        assert_eq!(Key::parse("field:file"), Key::Field("file".into()));
    }

    fn decode(keys: &GroupKeys, key: &[u8]) -> Vec<Option<String>> {
        let mut ordered = Vec::new();
        keys.put_in_order(key, &mut ordered);
        let value = |v: Option<&[u8]>| v.map(|v| String::from_utf8(v.to_vec()).unwrap());
        values_of(&ordered).map(value).collect()
    }

    #[test]
    fn group_keys_come_back_as_they_went() {
        let keys = GroupKeys::new(&[
            Key::Field("a".into()),
            Key::Extension,
            Key::File,
            Key::Field("b".into()),
        ]);
        let mut to = Vec::new();
        for values in [vec![None, Some("ü".to_owned())], vec![Some(String::new()), None]] {
            keys.encode("f", None, &values, &mut to);
            let expected = [values[0].clone(), None, Some("f".into()), values[1].clone()];
            assert_eq!(decode(&keys, &to), expected);
        }
        keys.encode("f", Some("txt"), &[], &mut to);
        assert_eq!(decode(&keys, &to), [None, Some("txt".into()), Some("f".into()), None]);
    }

    #[test]
    fn the_language_stands_where_it_was_asked_for() {
        let keys = GroupKeys::new(&[Key::Field("a".into()), Key::Language, Key::Extension]);
        let mut to = Vec::new();
        keys.encode("f", Some("txt"), &[Some("x".into()), Some("eng_Latn".into())], &mut to);
        keys.encode_language("en", &mut to);
        assert_eq!(decode(&keys, &to), ["x", "en", "txt"].map(|v| Some(v.to_owned())));
    }
}

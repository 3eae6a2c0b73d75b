//! Files in every format and compression, and what must hold however they are read.
//!
//! The lists of both are those of `fasttok-corpus`: one that is new there is read here too. Knows how files of them are
//! written; what it does not know how to write it mutates from text.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use fasttok_corpus::fuzzing::{SEPARATOR, count, read};
use fasttok_corpus::{Entry, Ledger, Reason, compressed_suffixes, format_names};
use fasttok_testing::Random;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::targets::TEXTS;

/// The first bytes of an input say how the rest is read.
const HEADER: usize = 4;

/// Bits of the last of them: the rest is a file as it is stored, and not what is to be packed; and the format is told by the
/// name alone.
const AS_IS: u8 = 1;
const BY_NAME: u8 = 2;

/// A file gives the same rows, sums and ledger whatever the chunks in which it is read and the workers that read it, and
/// to who counts the same rows as to who takes them.
pub(crate) fn chunks(data: &[u8]) {
    let Some((&[format, packing, seed, how], data)) = data.split_first_chunk::<HEADER>() else {
        return;
    };
    let formats = format_names();
    let name = formats[usize::from(format) % formats.len()];
    let packings: Vec<_> = std::iter::once(None).chain(compressed_suffixes().map(Some)).collect();
    let packing = packings[usize::from(packing) % packings.len()];
    let folder = tempfile::tempdir().expect("a folder");
    let suffix = packing.map_or(String::new(), |suffix| format!(".{suffix}"));
    let path = folder.path().join(format!("a.{name}{suffix}"));
    let file = match packing {
        Some(packing) if how & AS_IS == 0 => packed(packing, data),
        _ => data.to_vec(),
    };
    std::fs::write(&path, file).expect("can be written");
    let forced = (how & BY_NAME == 0).then_some(name);
    agree(&path, forced, &mut Random::new(u64::from(seed)));
}

const UNKNOWN_FIELD: &str = "no record has the field";

fn agree(path: &Path, format: Option<&str>, random: &mut Random) {
    let whole = count(path, format, 1 << 20, 1);
    if let Ok(outcome) = &whole {
        let reasons = &outcome.ledger.by_reason;
        assert!(!reasons.contains_key(&Reason::InternalError), "{:?}", outcome.ledger.entries);
        // How much of damaged data a decoder still hands out depends on how much it is asked for at a time.
        if [Reason::Corrupt, Reason::Truncated].iter().any(|damage| reasons.contains_key(damage)) {
            return;
        }
    }
    for most in [8, 200, 1 << 14] {
        let (chunk, threads) = (1 + random.below(most), 1 + random.below(3));
        let other = count(path, format, chunk, threads);
        // A missing field is an error where names of others are known, and those are looked for in whole records alone: one
        // that is read in parts is a skipped row.
        if whole.as_ref().is_err_and(|message| message.starts_with(UNKNOWN_FIELD)) {
            match other {
                Ok(outcome) => assert_eq!(outcome.ledger.counted, 0, "chunks of {chunk}"),
                Err(message) => assert!(message.starts_with(UNKNOWN_FIELD), "{message}"),
            }
            continue;
        }
        assert_eq!(other, whole, "chunks of {chunk}, {threads} threads");
        let handed_on = read(path, format, chunk);
        match (&whole, handed_on) {
            (Ok(outcome), Ok((ledger, bytes))) => {
                let counted: u64 = outcome.groups.iter().map(|group| group.tally.bytes).sum();
                assert_eq!(rows(&ledger), rows(&outcome.ledger), "handed on in chunks of {chunk}");
                assert_eq!(bytes, counted, "bytes handed on in chunks of {chunk}");
            }
            (Err(counting), Err(handing_on)) => assert_eq!(&handing_on, counting),
            (counting, handing_on) => panic!("counted {counting:?}, handed on {handing_on:?}"),
        }
    }
}

fn rows(ledger: &Ledger) -> (u64, u64, &[Entry]) {
    (ledger.seen, ledger.counted, &ledger.entries)
}

/// Inputs worth mutating: every format, plain, and lines in every compression.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (format, name) in (0..).zip(format_names()) {
        for (i, file) in (0..).zip(files(name)) {
            let by_name = if i % 2 == 0 { 0 } else { BY_NAME };
            seeds.push([&[format, 0, i, by_name], file.as_slice()].concat());
        }
    }
    let format = |name| format_names().iter().position(|known| *known == name);
    for (name, content) in [("jsonl", jsonl()), ("lines", TEXTS.join("\n").into_bytes())] {
        let format = format(name).expect("a format of that name") as u8;
        for (packing, suffix) in (1..).zip(compressed_suffixes()) {
            seeds.push([&[format, packing, 0, 0], content.as_slice()].concat());
            seeds
                .push([&[format, packing, 0, AS_IS], packed(suffix, &content).as_slice()].concat());
            let twice = packed(suffix, &content).repeat(2);
            seeds.push([&[format, packing, 0, AS_IS], twice.as_slice()].concat());
        }
    }
    seeds
}

fn jsonl() -> Vec<u8> {
    "{\"text\": \"one\"}\n{\"text\": \"zw\u{f6}lf \\n \\ud83d\\ude00\", \"language\": \"de\"}\r\n\n{\"text\": null}\n{\"text\": 3}\nbroken\n{\"text\": \"last\"}"
        .into()
}

/// Files of a format.
fn files(format: &str) -> Vec<Vec<u8>> {
    match format {
        "jsonl" => vec![jsonl(), [b"\xEF\xBB\xBF", jsonl().as_slice()].concat()],
        "json" => [
            "[{\"text\": \"one\"}, {\"n\": 1}, {\"text\": \"zw\u{f6}lf\"},\n 3, {\"text\": [\"no\"]}]",
            "{\"text\": \"a\",\n \"n\": {\"m\": [1, \"}\"]}}\n{\"text\": \"b\"}",
        ]
        .map(Into::into)
        .to_vec(),
        "messages" => [
            "{\"messages\": [{\"role\": \"user\", \"content\": \"one\"}, {\"role\": \"assistant\", \"content\": null, \
             \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": {\"a\": [1, \"}\"]}}}]}]}\n\
             {\"conversations\": [{\"from\": \"human\", \"value\": \"zw\u{f6}lf\"}]}\n{\"text\": 1}\n",
            "[{\"instruction\": \"a\", \"output\": \"b\"},\n {\"custom_id\": \"1\", \"response\": {\"status_code\": 429}},\n \
             {\"system\": [{\"text\": \"s\"}], \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image\"}]}]}]",
        ]
        .map(Into::into)
        .to_vec(),
        "csv" | "tsv" => {
            let table = "id,text,more\r\n1,one,\n2,\"two, with \"\"quotes\"\"\nand a line\",x\n\n3,too,many,fields\n4,\"stray";
            vec![table.into(), table.replace(',', "\t").into_bytes()]
        }
        "warc" => {
            let record = |kind: &str, body: &str| {
                format!(
                    "WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}\r\n\r\n",
                    body.len()
                )
            };
            vec![[record("warcinfo", "a: b"), record("conversion", TEXTS[1]), record("conversion", "two\n")].concat().into()]
        }
        "parquet" => vec![parquet(1), parquet(2)],
        "arrow" => vec![arrow_file(), arrow_stream()],
        _ => vec![
            TEXTS.join("\n").into_bytes(),
            ["one", "two\n\nthree\n", "four"].join(SEPARATOR).into_bytes(),
            b"\xFF\xFEa\0b\0\n\0c\0".to_vec(),
        ],
    }
}

/// One column of texts, one of them null, in pages of that version.
fn parquet(version: i32) -> Vec<u8> {
    use parquet::file::properties::WriterVersion;
    let schema = "message schema { optional binary text (STRING); required binary id (STRING); }";
    let schema = parquet::schema::parser::parse_message_type(schema).expect("a schema");
    let version =
        if version == 1 { WriterVersion::PARQUET_1_0 } else { WriterVersion::PARQUET_2_0 };
    let properties = WriterProperties::builder().set_writer_version(version).build();
    let mut file = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut file, Arc::new(schema), Arc::new(properties))
        .expect("a writer");
    for texts in [&TEXTS[..4], &TEXTS[4..]] {
        let mut group = writer.next_row_group().expect("a row group");
        let column =
            |texts: &[&str]| -> Vec<ByteArray> { texts.iter().map(|&text| text.into()).collect() };
        let levels: Vec<i16> = (0..texts.len()).map(|i| i16::from(i != 1)).collect();
        let there: Vec<_> =
            (0..).zip(texts).filter(|(i, _)| *i != 1).map(|(_, &text)| text).collect();
        for (values, levels) in
            [(column(&there), Some(levels.as_slice())), (column(&["x"; 4]), None)]
        {
            let mut column = group.next_column().expect("a column").expect("a column");
            column.typed::<ByteArrayType>().write_batch(&values, levels, None).expect("is written");
            column.close().expect("is closed");
        }
        group.close().expect("is closed");
    }
    writer.close().expect("is closed");
    file
}

fn batch() -> RecordBatch {
    let schema = Schema::new(vec![Field::new("text", DataType::Utf8, true)]);
    let texts =
        StringArray::from_iter(TEXTS.iter().map(|&text| (!text.starts_with(' ')).then_some(text)));
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(texts) as Arc<dyn Array>])
        .expect("a batch")
}

fn arrow_file() -> Vec<u8> {
    let batch = batch();
    let mut file = Vec::new();
    let mut writer =
        arrow_ipc::writer::FileWriter::try_new(&mut file, &batch.schema()).expect("a writer");
    writer.write(&batch.slice(0, 5)).expect("is written");
    writer.write(&batch.slice(5, 3)).expect("is written");
    writer.finish().expect("is finished");
    drop(writer);
    file
}

fn arrow_stream() -> Vec<u8> {
    let batch = batch();
    let mut file = Vec::new();
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new(&mut file, &batch.schema()).expect("a writer");
    writer.write(&batch).expect("is written");
    writer.finish().expect("is finished");
    drop(writer);
    file
}

/// `data` in the compression whose files end with `suffix`; as they are in one that is not known here.
fn packed(suffix: &str, data: &[u8]) -> Vec<u8> {
    let pack = || -> std::io::Result<Vec<u8>> {
        let to = Vec::new();
        match suffix {
            "gz" | "gzip" | "bgz" => {
                let mut encoder = flate2::write::GzEncoder::new(to, flate2::Compression::fast());
                encoder.write_all(data)?;
                encoder.finish()
            }
            "zst" | "zstd" => zstd::encode_all(data, 1),
            "bz2" => {
                let mut encoder = bzip2::write::BzEncoder::new(to, bzip2::Compression::fast());
                encoder.write_all(data)?;
                encoder.finish()
            }
            "xz" => {
                let options = lzma_rust2::XzOptions::with_preset(1);
                let mut encoder = lzma_rust2::XzWriter::new(to, options)?;
                encoder.write_all(data)?;
                encoder.finish()
            }
            "lzma" => {
                let options = lzma_rust2::LzmaOptions::with_preset(1);
                let mut encoder = lzma_rust2::LzmaWriter::new_use_header(to, &options, None)?;
                encoder.write_all(data)?;
                encoder.finish()
            }
            _ => Ok(data.to_vec()),
        }
    };
    pack().expect("packs in memory")
}

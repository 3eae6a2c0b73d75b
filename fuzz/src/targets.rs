//! The targets and their seeds.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use fasttok_engine::{Counter, Encoding, Error, FileOptions, Special};

use crate::corpora;

/// Something that must hold for any bytes.
pub struct Target {
    /// Its name, also that of its folder of seeds.
    pub name: &'static str,
    check: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
}

impl Target {
    /// Panics where it does not hold for `data`.
    pub fn check(&self, data: &[u8]) {
        (self.check)(data);
    }

    /// Inputs worth mutating.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        (self.seeds)()
    }
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    Target { name: "count", check: count_equals_encode, seeds: texts },
    Target { name: "load", check: load, seeds: tokenizer_files },
    Target { name: "sentencepiece", check: load, seeds: sentencepiece_models },
    Target { name: "compiled", check: compiled, seeds: compiled_files },
    Target { name: "json_string", check: json_string, seeds: json_strings },
    Target { name: "chunks", check: corpora::chunks, seeds: corpora::seeds },
];

pub(crate) const TEXTS: [&str; 8] = [
    "The quick brown fox doesn't jump over 1234567 lazy dogs.\n\n  x = [1, 2]; // done\r\n",
    "Größe Ελληνικά Русский текст, naïve café e\u{301}\u{301}",
    "数据处理的方法，使用API接口2024年。こんにちは世界カタカナ한국어 문장",
    "สวัสดีชาวโลกภาษาไทยไม่มีช่องว่าง नमस्ते दुनिया مرحبا بالعالم",
    "👩\u{200D}💻✨→€½Ⅷ \u{3000}\u{A0}\u{2028}\u{85}<|endoftext|><|fim_prefix|>",
    "--------------------------------\u{95}\n\n\u{95}\u{95}\u{95}\u{95}\u{95}\u{95}\u{95}\u{95}\u{95}\u{95}\u{95}\u{95}\n\n",
    "                                                                                x\n",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

fn texts() -> Vec<Vec<u8>> {
    // The first byte chooses the encoding.
    (0..4u8).flat_map(|e| TEXTS.iter().map(move |text| [&[e], text.as_bytes()].concat())).collect()
}

/// `count` is the length of `encode`, in one piece and over any cut that the engine offers.
fn count_equals_encode(data: &[u8]) {
    const NAMES: [&str; 4] = ["o200k_base", "cl100k_base", "p50k_base", "r50k_base"];
    thread_local! {
        static COUNTERS: RefCell<HashMap<usize, Counter>> = RefCell::default();
    }
    let Some((&first, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let which = usize::from(first) % NAMES.len();
    COUNTERS.with_borrow_mut(|counters| {
        let counter = counters.entry(which).or_insert_with(|| {
            Counter::new(Encoding::embedded(NAMES[which]).expect("is embedded"))
        });
        agree(counter, &text);
        let encoding = counter.encoding().clone();
        for special in [Special::Text, Special::Token] {
            let whole = counter.count(&text, special).expect("counts any text");
            let Some(at) = encoding.split_point(&text, text.len() / 2, special) else { continue };
            let parts = [&text[..at], &text[at..]];
            let sum: u64 = parts.iter().map(|p| counter.count(p, special).expect("counts")).sum();
            assert_eq!(sum, whole, "cut at {at} of {text:?} ({special:?})");
        }
    });
}

fn agree(counter: &mut Counter, text: &str) {
    let encoding = counter.encoding().clone();
    for special in [Special::Text, Special::Token] {
        let mut ids = Vec::new();
        let encoded = encoding.encode(text, special, &mut ids).map(|()| ids.len() as u64);
        match (encoded, counter.count(text, special)) {
            (Ok(encoded), Ok(counted)) => assert_eq!(counted, encoded, "{text:?} ({special:?})"),
            (Err(_), Err(_)) => {}
            (encoded, counted) => panic!("encode {encoded:?}, count {counted:?} of {text:?}"),
        }
    }
}

/// Whatever loads counts what it encodes; whatever does not is refused with a typed error.
fn load(data: &[u8]) {
    let options = FileOptions { name: "fuzz".into(), pattern: None, special_tokens: None };
    let plain = || Encoding::from_file_bytes(data, options.clone());
    let loaded = match plain() {
        // A rank file does not say how text is split.
        Err(Error::InvalidOption { .. }) => Encoding::from_file_bytes(
            data,
            FileOptions { pattern: Some("cl100k".into()), ..options.clone() },
        ),
        other => other,
    };
    let Ok(encoding) = loaded else { return };
    let mut counter = Counter::new(Arc::new(encoding));
    for text in TEXTS {
        agree(&mut counter, text);
    }
}

/// A compiled tokenizer is what it was made from, or it is refused.
fn compiled(data: &[u8]) {
    load(data);
    // The hash over the rest (bytes 12 to 44) refuses nearly all that is mutated: with the right one, the checks after
    // it are met.
    if let Some((_, rest)) = data.split_at_checked(44) {
        let hash = Sha256::digest(rest);
        load(&[&data[..12], &hash, rest].concat());
    }
}

/// A tokenizer.json with a vocabulary of bytes and a few merges, so that a mutation is likely to hit what matters.
fn tokenizer_json(normalizer: &str, pre_tokenizer: &str, added: &str, more: &str) -> Vec<u8> {
    let mut vocab = serde_json::Map::new();
    let mut other = 0x100u32;
    for byte in 0..=255u32 {
        let printable = matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
        let stands_for = if printable { byte } else { other };
        other += u32::from(!printable);
        let stands_for = char::from_u32(stands_for).expect("below U+0200");
        vocab.insert(stands_for.to_string(), vocab.len().into());
    }
    let merges =
        [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n"), ("Ð", "µ"), ("æ", "ķ"), ("æķ", "°")];
    for (left, right) in merges {
        vocab.insert(format!("{left}{right}"), vocab.len().into());
    }
    let vocab = serde_json::Value::Object(vocab);
    let merges = serde_json::to_string(&merges).expect("strings");
    format!(
        r#"{{"normalizer":{normalizer},"pre_tokenizer":{pre_tokenizer},"added_tokens":[{added}],"model":{{"type":"BPE",{more}"merges":{merges},"vocab":{vocab}}}}}"#
    )
    .into_bytes()
}

fn tokenizer_files() -> Vec<Vec<u8>> {
    let bytes =
        r#"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"#;
    let added = |content: &str, flag: &str| {
        format!(
            r#"{{"id":263,"content":"{content}","special":true,"single_word":false,"lstrip":{flag},"rstrip":{flag},"normalized":false}}"#
        )
    };
    vec![
        tokenizer_json("null", bytes, &added("<|endoftext|>", "false"), ""),
        tokenizer_json(r#"{"type":"NFC"}"#, bytes, "", r#""ignore_merges":true,"#),
        tokenizer_json(
            r#"{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}"#,
            "null",
            &added("<|fim_prefix|>", "true"),
            r#""byte_fallback":true,"unk_token":"t","fuse_unk":true,"#,
        ),
        tokenizer_json(
            "null",
            &format!(
                r#"{{"type":"Sequence","pretokenizers":[{{"type":"Split","pattern":{{"Regex":"\\d{{1,3}}"}},"behavior":"Isolated","invert":false}},{bytes}]}}"#
            ),
            "",
            "",
        ),
        tokenizer_json(
            "null",
            r#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true}"#,
            "",
            "",
        ),
        b"IQ== 0\nIg== 1\nIw== 2\nYQ== 3\nYg== 4\nYWI= 5\n".to_vec(),
    ]
}

/// A sentencepiece model by hand: pieces with scores and types, and the rules of its text.
fn sentencepiece_models() -> Vec<Vec<u8>> {
    fn field(number: u8, kind: u8, content: &[u8], to: &mut Vec<u8>) {
        to.push(number << 3 | kind);
        if kind == 2 {
            to.push(u8::try_from(content.len()).expect("short"));
        }
        to.extend(content);
    }
    let model = |byte_fallback: bool| {
        let mut model = Vec::new();
        let mut piece = |text: &str, score: f32, kind: u8| {
            let mut inner = Vec::new();
            field(1, 2, text.as_bytes(), &mut inner);
            field(2, 5, &score.to_le_bytes(), &mut inner);
            field(3, 0, &[kind], &mut inner);
            field(1, 2, &inner, &mut model);
        };
        piece("<unk>", 0.0, 2);
        piece("<s>", 0.0, 3);
        if byte_fallback {
            for byte in 0..=255u8 {
                piece(&format!("<0x{byte:02X}>"), 0.0, 6);
            }
        }
        for (i, text) in ["▁t", "he", "▁the", "th", "数据", "▁▁", "ий"].iter().enumerate()
        {
            piece(text, -(i as f32), 1);
        }
        for text in "▁abcdefghijklmnopqrstuvwxyz数据ий.".chars() {
            piece(&text.to_string(), -100.0, 1);
        }
        piece("<fim>", 0.0, 4);
        piece("q", -3.0, 5);
        // trainer_spec { model_type: BPE, byte_fallback }, normalizer_spec { name, add_dummy_prefix, … }
        let mut trainer = vec![3 << 3, 2];
        if byte_fallback {
            trainer.extend([0x98, 0x02, 1]);
        }
        field(2, 2, &trainer, &mut model);
        let mut normalizer = Vec::new();
        field(1, 2, b"identity", &mut normalizer);
        normalizer.extend([3 << 3, 1, 4 << 3, 0, 5 << 3, 1]);
        field(3, 2, &normalizer, &mut model);
        model
    };
    vec![model(true), model(false)]
}

fn compiled_files() -> Vec<Vec<u8>> {
    let options = FileOptions { name: "fuzz".into(), pattern: None, special_tokens: None };
    tokenizer_files()
        .iter()
        .filter_map(|file| Encoding::from_file_bytes(file, options.clone()).ok()?.compiled())
        .collect()
}

/// A JSON string means to us what it means to `serde_json`, or both refuse it.
fn json_string(data: &[u8]) {
    let Ok(raw) = std::str::from_utf8(data) else { return };
    let quoted = format!("\"{raw}\"");
    let theirs = serde_json::from_str::<String>(&quoted).ok();
    let ours = fasttok_corpus::fuzzing::json_string(&quoted);
    assert_eq!(ours, theirs, "{quoted}");
}

fn json_strings() -> Vec<Vec<u8>> {
    [
        r#"plain text, longer than a block of sixteen bytes"#,
        r#"\n\t\"\\\/\b\f\r and \u00e9 \u4e2d \ud83d\ude00 after a pair"#,
        r#"ünïcödé \\u0041 \u0000\u001f"#,
        r#"\ud83d alone, \ude00 alone, \ud83d\u0041 broken"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

//! Ids and counts that the reference libraries gave, for every pretokenizer family and every kind of step: so that
//! this crate's own tests fail where a family is broken. `tests/make_golden.py` makes the file.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use fasttok_engine::{Counter, Encoder, Encoding, FileOptions, Level, Special};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden.json")).expect("made by a program")
}

/// The vocabulary as a rank file.
fn rank_file(vocab: &[Value]) -> String {
    let mut byte_of = std::collections::HashMap::new();
    let mut other = 0x100;
    for byte in 0..=255u8 {
        let printable = matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
        let stands_for = if printable { u32::from(byte) } else { other };
        other += u32::from(!printable);
        byte_of.insert(char::from_u32(stands_for).expect("below U+0200"), byte);
    }
    let line = |(rank, token): (usize, &Value)| {
        let bytes: Vec<u8> =
            token.as_str().expect("a token").chars().map(|c| byte_of[&c]).collect();
        format!("{} {rank}\n", BASE64_STANDARD.encode(bytes))
    };
    vocab.iter().enumerate().map(line).collect()
}

/// The tokenizer of a case.
fn encoding(golden: &Value, case: &Value) -> Encoding {
    let vocab = golden["vocab"].as_array().expect("a list");
    let options = FileOptions { name: "golden".to_owned(), ..FileOptions::default() };
    let family = case["family"].as_str().expect("a name");
    let made = if case["components"].is_null() {
        let options = FileOptions { pattern: Some(family.to_owned()), ..options };
        Encoding::from_file_bytes(rank_file(vocab).as_bytes(), options)
    } else {
        let ids: serde_json::Map<String, Value> = vocab
            .iter()
            .enumerate()
            .map(|(id, token)| (token.as_str().expect("a token").to_owned(), json!(id)))
            .collect();
        let mut file = case["components"].clone();
        file["model"] = json!({"type": "BPE", "vocab": ids, "merges": golden["merges"]});
        Encoding::from_file_bytes(file.to_string().as_bytes(), options)
    };
    made.unwrap_or_else(|e| panic!("{}: {e}", case["name"]))
}

#[test]
fn ids_and_counts_are_those_of_the_references() {
    let golden = golden();
    let texts: Vec<&str> =
        golden["texts"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let mut families = BTreeSet::new();
    for case in golden["cases"].as_array().expect("a list") {
        let name = &case["name"];
        let encoding = Arc::new(encoding(&golden, case));
        assert_eq!(encoding.pretokenizer().name(), case["family"], "{name}");
        families.insert(encoding.pretokenizer().name());
        let mut counter = Counter::new(encoding.clone());
        let levels = Level::available().into_iter();
        let mut encoders: Vec<_> =
            levels.map(|level| Encoder::with_level(encoding.clone(), level)).collect();
        for (i, text) in texts.iter().enumerate() {
            let mut ids = Vec::new();
            encoding.encode(text, Special::Text, &mut ids).expect("counts any text");
            let count = counter.count(text, Special::Text).expect("counts any text");
            if case["counts"].is_array() {
                assert_eq!(ids.len(), case["counts"][i], "{name}: encode {text:?}");
            } else {
                assert_eq!(json!(ids), case["ids"][i], "{name}: encode {text:?}");
            }
            assert_eq!(count, ids.len() as u64, "{name}: count {text:?}");
            for encoder in &mut encoders {
                let mut made = Vec::new();
                encoder.encode(text, Special::Text, &mut made).expect("encodes any text");
                assert_eq!(made, ids, "{name}: an encoder's {text:?}");
            }
        }
    }
    let expected = [
        "cl100k",
        "deepseek-coder",
        "deepseek-v2",
        "deepseek-v3",
        "general",
        "gpt2",
        "gpt2-digits",
        "kimi",
        "llama3",
        "o200k",
        "qwen2",
        "qwen3.5",
        "tekken",
    ];
    assert_eq!(families.into_iter().collect::<Vec<_>>(), expected, "a family without a case");
}

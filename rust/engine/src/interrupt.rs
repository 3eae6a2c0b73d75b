//! How work on a long text is interrupted: loops over text ask, every [`STRIDE`] bytes or so, whether to
//! stop. Knows neither signals nor threads: whoever starts the work says how that is found out.
//!
//! The question is kept by thread, so that nothing between the caller and the innermost loop has to hand it on.

use std::cell::Cell;

use scoped_tls_hkt::scoped_thread_local;

use crate::Error;

/// Bytes between two questions: well below a millisecond, and the question costs next to nothing beside them.
pub(crate) const STRIDE: usize = 1 << 14;

/// What a step of a merge through maps and heaps counts for, in bytes of text: it takes as long as so many.
pub(crate) const STEP: usize = 16;

scoped_thread_local!(static QUESTION: for<'a> &'a (dyn Fn() -> bool + 'a));

thread_local! {
    static STOPPED: Cell<bool> = const { Cell::new(false) };
}

/// Does `work`, in which counting and encoding ask `stop` every now and then; once it says true, they end soon
/// with [`Error::Interrupted`].
///
/// ```
/// use fasttok_engine::{Counter, Encoding, Error, Special, interruptible};
///
/// let mut counter = Counter::new(Encoding::embedded("o200k_base")?);
/// let text = "one two ".repeat(100_000);
/// let stopped = interruptible(&|| true, || counter.count(&text, Special::Text));
/// assert_eq!(stopped, Err(Error::Interrupted));
/// // Nothing of that is left: the counter goes on with any other text.
/// assert_eq!(counter.count("one two", Special::Text)?, 2);
/// # Ok::<(), fasttok_engine::Error>(())
/// ```
pub fn interruptible<R>(stop: &dyn Fn() -> bool, work: impl FnOnce() -> R) -> R {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            STOPPED.set(self.0);
        }
    }
    let _before = Before(STOPPED.replace(false));
    QUESTION.set(stop, work)
}

/// Whether the work is to end. Loops end then, with any result: [`check`] makes an error of it.
#[cold]
#[inline(never)]
fn ask() -> bool {
    let stopped = STOPPED.get() || (QUESTION.is_set() && QUESTION.with(|stop| stop()));
    STOPPED.set(stopped);
    stopped
}

/// Whether the work that this is called in is to end, by [`interruptible`]. For loops of callers between two texts.
///
/// ```
/// use fasttok_engine::{interruptible, is_interrupted};
///
/// assert!(!is_interrupted());
/// assert!(interruptible(&|| true, is_interrupted));
/// ```
pub fn is_interrupted() -> bool {
    ask()
}

/// An error if the work was told to end: results since are none.
pub(crate) fn check() -> Result<(), Error> {
    if STOPPED.get() { Err(Error::Interrupted) } else { Ok(()) }
}

/// When a loop asks.
pub(crate) struct Watch(usize);

impl Watch {
    pub fn new() -> Watch {
        Watch(0)
    }

    /// Whether the loop is to end. `bytes` of text have been worked on since it was asked last.
    #[inline(always)]
    pub fn stops(&mut self, bytes: usize) -> bool {
        self.0 += bytes;
        self.0 >= STRIDE && {
            self.0 = 0;
            ask()
        }
    }

    /// As [`Watch::stops`], for loops that end with an error.
    #[inline(always)]
    pub fn go_on(&mut self, bytes: usize) -> Result<(), Error> {
        if self.stops(bytes) { Err(Error::Interrupted) } else { Ok(()) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::normalize::Normalizer;
    use crate::vocab::byte_level;
    use crate::{Counter, Encoding, Pretokenizer, Special};

    /// Texts of one piece, of each way to count them, and of many pieces.
    #[test]
    fn every_loop_ends_and_leaves_a_clean_counter() {
        let encoding = Encoding::embedded("o200k_base").unwrap();
        let mut counter = Counter::new(encoding.clone());
        for part in [
            " ",
            "-",
            "ab",
            "xQzJ",
            "的",
            "中文字符没有标点",
            "ไทยภาษา",
            "é",
            "\u{301}",
            "1",
            "a b ",
        ] {
            let text = part.repeat(2_000_000 / part.len());
            let asked = Cell::new(0);
            // The third time, as the second shows that the first did not end it.
            let stop = || asked.replace(asked.get() + 1) == 2;
            let count = interruptible(&stop, || counter.count(&text, Special::Text));
            assert_eq!(count, Err(Error::Interrupted), "{part:?}");
            assert_eq!(asked.get(), 3, "{part:?}: once stopped, nobody asks");
            let mut ids = Vec::new();
            asked.set(0);
            let encoded = interruptible(&stop, || encoding.encode(&text, Special::Text, &mut ids));
            assert_eq!(encoded, Err(Error::Interrupted), "{part:?}");
            // Nothing waits, and no cache knows what was not counted to its end.
            assert_eq!(counter.count("one two", Special::Text), Ok(2), "{part:?}");
            assert!(check().is_ok());
            let mut whole = Counter::new(encoding.clone());
            let expected = whole.count(&text, Special::Text).unwrap();
            assert_eq!(counter.count(&text, Special::Text), Ok(expected), "{part:?}");
        }
    }

    /// How often `work` asks, if it is never told to end.
    pub(crate) fn questions(work: impl FnOnce()) -> usize {
        let asked = Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            false
        };
        interruptible(&stop, work);
        asked.get()
    }

    #[test]
    fn scanners_ask_inside_a_piece() {
        for name in Pretokenizer::names() {
            let pretokenizer = Pretokenizer::by_name(name).unwrap();
            let piece_end = pretokenizer.scanner().unwrap().piece_end;
            let mut long = 0;
            for part in [" ", "\n", "-", "-\n", "a", "X", "的", "é", "\u{301}", "か", "\u{2003}"]
            {
                let text = part.repeat(400_000 / part.len());
                let (text, mut end) = (text.as_bytes(), 0);
                let asked = questions(|| end = piece_end(text, 0));
                assert!(asked >= end / STRIDE, "{name} {part:?}: {asked} times in {end} bytes");
                long += usize::from(end > 100_000);
                let stopped = interruptible(&|| true, || piece_end(text, 0));
                assert!(0 < stopped && stopped <= 2 * STRIDE, "{name} {part:?}");
                assert!(std::str::from_utf8(&text[..stopped]).is_ok(), "{name} {part:?}");
            }
            assert!(long > 4, "{name}");
        }
    }

    #[test]
    fn normalizers_ask() {
        let bert = r#"{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}"#;
        for json in [
            r#"{"type":"NFC"}"#,
            r#"{"type":"NFD"}"#,
            r#"{"type":"NFKC"}"#,
            r#"{"type":"NFKD"}"#,
            r#"{"type":"Lowercase"}"#,
            r#"{"type":"StripAccents"}"#,
            r#"{"type":"Nmt"}"#,
            bert,
            r#"{"type":"Replace","pattern":{"String":" "},"content":"_"}"#,
            r#"{"type":"Replace","pattern":{"Regex":"\\s"},"content":""}"#,
        ] {
            let json = serde_json::from_str(json).unwrap();
            let normalizer = Normalizer::from_json(&json, false).unwrap();
            let text = "①E\u{301}É\t 字 ".repeat(20_000);
            let asked = questions(|| drop(normalizer.normalize(&text).unwrap()));
            assert!(asked >= text.len() / STRIDE / 2, "{json}: {asked} times");
            // Any text will do, or that it ended.
            let stopped = interruptible(&|| true, || normalizer.normalize(&text).map(drop));
            assert!(matches!(stopped, Ok(()) | Err(Error::Interrupted)), "{json}");
        }
    }

    /// A tokenizer of bytes in which `ab` is a token, with these parts.
    fn tokenizer(parts: Value) -> Encoding {
        let mut vocab: serde_json::Map<String, Value> = (0..=255)
            .map(|byte| (byte_level::char_of(byte).to_string(), Value::from(byte)))
            .collect();
        vocab.extend([("ab", 256), ("b</w>", 257)].map(|(t, id)| (t.to_owned(), Value::from(id))));
        let mut file = serde_json::json!({
            "model": {"type": "BPE", "vocab": vocab, "merges": ["a b"]},
            "pre_tokenizer": parts["pre_tokenizer"],
        });
        if let Value::Object(model) = &parts["model"] {
            file["model"].as_object_mut().unwrap().extend(model.clone());
        }
        let options = crate::FileOptions { name: "test".into(), ..Default::default() };
        Encoding::from_file_bytes(file.to_string().as_bytes(), options).unwrap()
    }

    #[test]
    fn general_pretokenizers_and_plain_merges_ask() {
        let split =
            |pattern: Value| json!({"type": "Split", "pattern": pattern, "behavior": "Isolated"});
        let steps = [
            split(json!({"Regex": "\\s|\\d"})),
            split(json!({"Regex": "[0-9][0-9][0-9]"})),
            split(json!({"String": "b"})),
            json!({"type": "Digits", "individual_digits": true}),
            json!({"type": "WhitespaceSplit"}),
            json!({"type": "Whitespace"}),
            json!({"type": "FixedLength", "length": 3}),
        ];
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false});
        let mut all = Vec::new();
        for step in steps {
            for order in [[&step, &bytes], [&bytes, &step]] {
                let sequence = json!({"type": "Sequence", "pretokenizers": order});
                all.push(json!({"pre_tokenizer": sequence}));
            }
        }
        all.push(json!({"model": {"end_of_word_suffix": "</w>"}}));
        for parts in all {
            let encoding = std::sync::Arc::new(tokenizer(parts.clone()));
            let mut counter = Counter::new(encoding.clone());
            for part in ["ab 123", " "] {
                if part == " " && !parts.to_string().contains("WhitespaceSplit") {
                    continue;
                }
                let text = part.repeat(300_000 / part.len());
                let least = text.len() / STRIDE / 2;
                let asked = questions(|| {
                    counter.count(&text, Special::Text).unwrap();
                });
                assert!(asked >= least, "{parts} {part:?}: {asked} times");
                let encode = |ids: &mut Vec<u32>| encoding.encode(&text, Special::Text, ids);
                let asked = questions(|| encode(&mut Vec::new()).unwrap());
                assert!(asked >= least, "{parts} {part:?}: {asked} times");
                let stopped = interruptible(&|| true, || encode(&mut Vec::new()));
                assert_eq!(stopped, Err(Error::Interrupted), "{parts} {part:?}");
                let stopped = interruptible(&|| true, || counter.count(&text, Special::Text));
                assert_eq!(stopped, Err(Error::Interrupted), "{parts} {part:?}");
            }
        }
    }

    #[test]
    fn a_panic_leaves_nothing_for_the_next_text() {
        let encoding = Encoding::embedded("cl100k_base").unwrap();
        let mut counter = Counter::new(encoding);
        let text = "some words that wait ".repeat(50_000);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            interruptible(&|| panic!("as a bug would"), || counter.count(&text, Special::Text))
        }));
        assert!(panicked.is_err());
        assert_eq!(counter.count("one two", Special::Text), Ok(2));
        assert_eq!(counter.count("", Special::Text), Ok(0));
    }
}

//! From tokens to text: the decoders of `tokenizer.json`, exactly as HF `tokenizers` runs them. They work on
//! the texts of tokens as the file writes them. Knows no vocabulary.

use serde_json::Value;

use crate::Error;
use crate::normalize::{Growth, Pattern};
use crate::pretokenize::general::Scheme;
use crate::vocab::byte_level;

/// The texts of tokens, one after the other.
pub(crate) type Tokens = Vec<String>;

/// How the tokens of a file become text.
pub(crate) enum Decoder {
    /// There is none: the tokens with a blank between them.
    Missing,
    /// One after the other; then all that is left is put together.
    Steps(Vec<Step>),
    /// What is not known, or is damaged: an error, but only where something is decoded.
    Unknown { reason: String },
}

/// What is done to all tokens.
pub(crate) enum Step {
    /// Characters become the bytes they stand for, and all tokens one.
    ByteLevel,
    /// Tokens such as `<0x0A>` become bytes.
    ByteFallback,
    /// `replacement` becomes a blank, but not in the first token if `prefixed`.
    Metaspace {
        replacement: char,
        prefixed: bool,
    },
    Replace {
        pattern: Pattern,
        content: String,
    },
    /// Takes away the character `content`, as often as it stands at the sides and at most so many times.
    Strip {
        content: char,
        start: usize,
        stop: usize,
    },
    /// All tokens become one.
    Fuse,
    /// Of equal neighbours one is left; `pad` goes, and what is nothing then; `delimiter` becomes a blank, if the tokens
    /// are cleaned up.
    Ctc {
        pad: String,
        delimiter: String,
        cleanup: bool,
    },
    /// The suffix of words becomes a blank, in the last token nothing.
    Suffix(String),
    /// The prefix of what goes on goes; before every other token than the first a blank is put. `cleanup` takes blanks
    /// away before signs and contractions.
    WordPiece {
        prefix: String,
        cleanup: bool,
    },
}

impl Decoder {
    /// The decoder that `value` describes, a component of a `tokenizer.json`; null is none.
    pub fn from_json(value: &Value) -> Decoder {
        if value.is_null() {
            return Decoder::Missing;
        }
        let mut steps = Vec::new();
        match add_steps(value, 0, &mut steps) {
            Ok(()) => Decoder::Steps(steps),
            Err(reason) => Decoder::Unknown {
                reason: format!(
                    "cannot decode: {reason}; the decoder of the tokenizer's file is not needed to count \
                     and to encode"
                ),
            },
        }
    }

    /// The text of `tokens`, where bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self, tokens: Tokens) -> Result<String, Error> {
        let mut bytes = Vec::new();
        self.run(tokens, true, &mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Appends the bytes of `tokens`.
    pub fn bytes(&self, tokens: Tokens, bytes: &mut Vec<u8>) -> Result<(), Error> {
        self.run(tokens, false, bytes)
    }

    fn run(&self, tokens: Tokens, as_text: bool, to: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Decoder::Unknown { reason } => {
                return Err(Error::InvalidOption { reason: reason.clone() });
            }
            Decoder::Missing => to.extend_from_slice(tokens.join(" ").as_bytes()),
            Decoder::Steps(steps) => {
                let mut tokens: Vec<Vec<u8>> = tokens.into_iter().map(String::into_bytes).collect();
                for step in steps {
                    tokens = step.run(tokens, as_text)?;
                }
                tokens.iter().for_each(|token| to.extend_from_slice(token));
            }
        }
        Ok(())
    }
}

impl Step {
    /// `as_text`: every token is text, so that bytes that are not become U+FFFD at once.
    fn run(&self, mut tokens: Vec<Vec<u8>>, as_text: bool) -> Result<Vec<Vec<u8>>, Error> {
        let each = |tokens: Vec<Vec<u8>>, change: &dyn Fn(usize, &str) -> String| {
            let texts = tokens.iter().map(|token| String::from_utf8_lossy(token));
            texts.enumerate().map(|(at, token)| change(at, &token).into_bytes()).collect::<Vec<_>>()
        };
        let last = tokens.len().saturating_sub(1);
        Ok(match self {
            Step::ByteLevel => {
                let bytes = |token: Vec<u8>| {
                    let decoded = std::str::from_utf8(&token).ok().and_then(byte_level::decode);
                    decoded.unwrap_or(token)
                };
                let all = tokens.into_iter().flat_map(bytes).collect::<Vec<u8>>();
                vec![if as_text {
                    String::from_utf8_lossy(&all).into_owned().into_bytes()
                } else {
                    all
                }]
            }
            Step::ByteFallback => {
                let byte = |token: &[u8]| std::str::from_utf8(token).ok().and_then(byte_of);
                let mut new: Vec<Vec<u8>> = Vec::with_capacity(tokens.len());
                for run in tokens.chunk_by(|a, b| byte(a).is_some() == byte(b).is_some()) {
                    let bytes: Vec<u8> = run.iter().filter_map(|token| byte(token)).collect();
                    if bytes.is_empty() {
                        new.extend_from_slice(run);
                    } else if as_text && std::str::from_utf8(&bytes).is_err() {
                        new.extend(bytes.iter().map(|_| "\u{FFFD}".to_owned().into_bytes()));
                    } else {
                        new.push(bytes);
                    }
                }
                new
            }
            Step::Metaspace { replacement, prefixed } => each(tokens, &|at, token| {
                token.replace(*replacement, if at == 0 && *prefixed { "" } else { " " })
            }),
            Step::Replace { pattern, content } => {
                for token in &mut tokens {
                    let text = String::from_utf8_lossy(token);
                    let growth = Growth::of(&text);
                    *token = pattern.replace(&text, content, growth)?.into_owned().into_bytes();
                }
                tokens
            }
            Step::Strip { content, start, stop } => {
                let mut buffer = [0; 4];
                let content = content.encode_utf8(&mut buffer).as_bytes();
                for token in &mut tokens {
                    let mut rest = &token[..];
                    for _ in 0..(*start).min(token.len()) {
                        rest = rest.strip_prefix(content).unwrap_or(rest);
                    }
                    for _ in 0..(*stop).min(token.len()) {
                        rest = rest.strip_suffix(content).unwrap_or(rest);
                    }
                    *token = rest.to_vec();
                }
                tokens
            }
            Step::Fuse => vec![tokens.concat()],
            Step::WordPiece { prefix, cleanup } => each(tokens, &|at, token| {
                let text = match token.strip_prefix(prefix.as_str()) {
                    _ if at == 0 => token.to_owned(),
                    Some(rest) => rest.to_owned(),
                    None => format!(" {token}"),
                };
                if *cleanup { clean_up(text) } else { text }
            }),
            Step::Ctc { pad, delimiter, cleanup } => {
                tokens.dedup();
                let mut tokens = each(tokens, &|_, token| {
                    let text = token.replace(pad, "");
                    if *cleanup { clean_up(text).replace(delimiter, " ") } else { text }
                });
                tokens.retain(|token| !token.is_empty());
                tokens
            }
            Step::Suffix(suffix) => {
                each(tokens, &|at, token| token.replace(suffix, if at == last { "" } else { " " }))
            }
        })
    }
}

/// What HF `tokenizers` calls cleaning up: English without blanks where none belong.
fn clean_up(text: String) -> String {
    const CHANGES: [(&str, &str); 11] = [
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" do not", " don't"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ];
    CHANGES.iter().fold(text, |text, (from, to)| text.replace(from, to))
}

/// The byte that a token such as `<0x0A>` stands for.
fn byte_of(token: &str) -> Option<u8> {
    let hex = token.strip_prefix("<0x")?.strip_suffix('>')?;
    if hex.len() == 2 { u8::from_str_radix(hex, 16).ok() } else { None }
}

/// Adds the steps of the decoder `value`; the error says what is wrong.
fn add_steps(value: &Value, depth: usize, to: &mut Vec<Step>) -> Result<(), String> {
    let kind = value["type"].as_str().ok_or("the decoder has no type")?;
    let missing = |field: &str| format!("the decoder {kind} has no {field:?}");
    let text = |field: &str| value[field].as_str().ok_or_else(|| missing(field));
    let number = |field: &str| {
        value[field].as_u64().map(|number| number as usize).ok_or_else(|| missing(field))
    };
    let character = |field: &str| {
        let text = text(field)?;
        let mut chars = text.chars();
        chars.next().filter(|_| chars.next().is_none()).ok_or_else(|| missing(field))
    };
    to.push(match kind {
        "ByteLevel" => Step::ByteLevel,
        "ByteFallback" => Step::ByteFallback,
        "Fuse" => Step::Fuse,
        "Metaspace" => Step::Metaspace {
            replacement: character("replacement")?,
            prefixed: Scheme::from_json(value).map_err(|error| error.to_string())? != Scheme::Never,
        },
        "Replace" => Step::Replace {
            pattern: Pattern::from_json(&value["pattern"]).map_err(|error| error.to_string())?,
            content: text("content")?.to_owned(),
        },
        "Strip" => Step::Strip {
            content: character("content")?,
            start: number("start")?,
            stop: number("stop")?,
        },
        "WordPiece" => Step::WordPiece {
            prefix: text("prefix")?.to_owned(),
            cleanup: value["cleanup"].as_bool().ok_or_else(|| missing("cleanup"))?,
        },
        "CTC" => Step::Ctc {
            pad: text("pad_token")?.to_owned(),
            delimiter: text("word_delimiter_token")?.to_owned(),
            cleanup: value["cleanup"].as_bool().ok_or_else(|| missing("cleanup"))?,
        },
        "BPEDecoder" => Step::Suffix(text("suffix")?.to_owned()),
        "Sequence" if depth < 16 => {
            let steps = value["decoders"].as_array().ok_or_else(|| missing("decoders"))?;
            return steps.iter().try_for_each(|step| add_steps(step, depth + 1, to));
        }
        _ => return Err(format!("the decoder {kind} is not known")),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decoded(decoder: Value, tokens: &[&str]) -> (String, Vec<u8>) {
        let decoder = Decoder::from_json(&decoder);
        let tokens = || tokens.iter().map(|token| token.to_string()).collect();
        let mut bytes = Vec::new();
        decoder.bytes(tokens(), &mut bytes).unwrap();
        (decoder.text(tokens()).unwrap(), bytes)
    }

    #[test]
    fn each_decoder() {
        let sequence = |steps: &[Value]| json!({"type": "Sequence", "decoders": steps});
        let metaspace =
            json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"});
        let replace = json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "});
        let strip = json!({"type": "Strip", "content": " ", "start": 1, "stop": 0});
        let (bytes, fuse) = (json!({"type": "ByteFallback"}), json!({"type": "Fuse"}));
        let suffix = json!({"type": "BPEDecoder", "suffix": "</w>"});
        let byte_level = json!({"type": "ByteLevel"});
        let cases: [(Value, &[&str], &str); 8] = [
            (Value::Null, &["▁a", "b"], "▁a b"),
            (byte_level.clone(), &["ĠÃ", "©", "<字>"], " é<字>"),
            (metaspace.clone(), &["▁a▁", "▁b"], "a b"),
            (sequence(&[bytes.clone(), metaspace]), &["▁a", "<0xC3>", "<0xA9>"], "aé"),
            (sequence(&[replace, bytes.clone(), fuse, strip]), &["▁▁a", "<0xC3>", "<0xA9>"], " aé"),
            (suffix, &["a", "b</w>", "c</w>"], "ab c"),
            (bytes.clone(), &["<0xC3>", "a"], "\u{FFFD}a"),
            (byte_level, &["Ã"], "\u{FFFD}"),
        ];
        for (decoder, tokens, expected) in cases {
            assert_eq!(decoded(decoder.clone(), tokens).0, expected, "{decoder} {tokens:?}");
        }
        // A character that is not whole: a sign for each byte as text, the bytes as bytes.
        let half = ["<0xE5>", "<0xAD>"];
        assert_eq!(decoded(bytes, &half), ("\u{FFFD}\u{FFFD}".to_owned(), vec![0xE5, 0xAD]));
    }

    #[test]
    fn an_unknown_decoder_is_an_error_when_it_is_used() {
        for decoder in
            [json!({"type": "New"}), json!({}), json!({"type": "Strip", "content": "ab"})]
        {
            let decoder = Decoder::from_json(&decoder);
            assert!(matches!(decoder.text(Vec::new()), Err(Error::InvalidOption { .. })));
        }
    }
}

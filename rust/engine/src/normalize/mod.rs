//! What a tokenizer does to text before it is split: the normalizers of `tokenizer.json`, exactly as HF
//! `tokenizers` runs them. Knows nothing of vocabularies and pieces.
//!
//! Text that a normalizer leaves alone is borrowed.

pub(crate) mod charsmap;
mod forms;
mod start;

use std::borrow::Cow;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use fasttok_simd::is_continuation;
use memchr::memmem;
use serde_json::Value;
use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::is_combining_mark;

use charsmap::Charsmap;
use forms::Form;

use crate::Error;
use crate::interrupt::Watch;
use crate::oniguruma::Oniguruma;
use crate::vocab::byte_level;

/// What bounds the memory that a normalizer takes: how long a text may become.
#[derive(Clone, Copy)]
pub(crate) struct Growth {
    bytes: usize,
    limit: usize,
}

impl Growth {
    /// Every text may become 64 MiB.
    const FREE: usize = 64 << 20;
    /// A longer one may become so many times longer. NFKD, the most that Unicode does, is 11 times.
    const TIMES: usize = 64;

    /// The bounds of `text`.
    pub fn of(text: &str) -> Growth {
        let limit = text.len().saturating_mul(Growth::TIMES).max(Growth::FREE);
        Growth { bytes: text.len(), limit }
    }

    /// Whether the text may become `bytes` long.
    pub fn check(self, bytes: usize) -> Result<(), Error> {
        let Growth { bytes: of, limit } = self;
        if bytes <= limit { Ok(()) } else { Err(Error::NormalizedTooLarge { bytes: of, limit }) }
    }
}

/// A tokenizer file that does not say what it should.
fn damaged(reason: String) -> Error {
    Error::TokenizerFile { reason: format!("normalizer: {reason}") }
}

fn unsupported(component: String, reason: &str) -> Error {
    Error::UnsupportedTokenizer {
        component: format!("the normalizer {component}"),
        reason: reason.to_owned(),
    }
}

/// A component that rewrites text.
pub(crate) enum Normalizer {
    /// NFC, NFD, NFKC or NFKD
    Form(Form),
    Lowercase,
    /// Takes white space away at the sides where it is true.
    Strip {
        left: bool,
        right: bool,
    },
    StripAccents,
    /// Put before every text that is not empty.
    Prepend(String),
    Replace {
        pattern: Pattern,
        content: String,
        /// Whether the reference goes wrong where something is put before the text where nothing was:
        /// see [`Normalizer::from_json`].
        fails_before_text: bool,
    },
    Precompiled(Box<Charsmap>),
    Nmt,
    ByteLevel,
    /// BERT's cleaning: control characters go, white space becomes blanks.
    CleanText,
    /// A blank on both sides of every CJK ideograph.
    SpaceIdeographs,
    StripNonspacingMarks,
    Sequence(Vec<Normalizer>),
}

/// The version of the Unicode tables that NFC, NFD, NFKC, NFKD and StripAccents go by: HF `tokenizers`' own.
pub const NORMALIZATION_UNICODE_VERSION: (u64, u64, u64) =
    unicode_normalization_alignments::UNICODE_VERSION;

/// What [`Normalizer::Replace`] looks for.
pub(crate) enum Pattern {
    Literal(String),
    /// In the engine that the reference runs it in.
    Regex(Box<Oniguruma>),
}

impl Default for Normalizer {
    /// Leaves all text alone.
    fn default() -> Normalizer {
        Normalizer::Sequence(Vec::new())
    }
}

impl Normalizer {
    /// NFC.
    pub fn nfc() -> Normalizer {
        Normalizer::Form(Form::Nfc)
    }

    /// The normalizer that `value` describes, a component of a `tokenizer.json` or a list of them; null
    /// is none. `rewritten`: what follows changes characters in place, as the pretokenizer `ByteLevel` does.
    ///
    /// The reference keeps the offsets of every character. What is put before a text where nothing was has
    /// none, and the next step that changes characters in place takes what has none for no part of the text: it
    /// panics, or writes it twice. Such texts are refused.
    pub fn from_json(value: &Value, rewritten: bool) -> Result<Normalizer, Error> {
        let mut normalizer = match value {
            Value::Null => Normalizer::default(),
            Value::Array(parts) => Self::sequence(parts, 0)?,
            one => Self::nested(one, 0)?,
        };
        normalizer.mark(rewritten)?;
        Ok(normalizer)
    }

    fn sequence(parts: &[Value], depth: usize) -> Result<Normalizer, Error> {
        let parts = parts.iter().map(|part| Self::nested(part, depth + 1));
        Ok(Normalizer::Sequence(parts.collect::<Result<_, _>>()?))
    }

    /// Whether this or what follows changes characters in place, if `rewritten` is whether what follows does.
    fn mark(&mut self, rewritten: bool) -> Result<bool, Error> {
        match self {
            Normalizer::Prepend(prefix) if prefix.is_empty() && rewritten => Err(unsupported(
                "Prepend of nothing".to_owned(),
                "what follows it cannot take that",
            )),
            Normalizer::Replace { fails_before_text, .. } => {
                *fails_before_text = rewritten;
                Ok(rewritten)
            }
            Normalizer::Prepend(_) => Ok(rewritten),
            Normalizer::Sequence(parts) => {
                parts.iter_mut().rev().try_fold(rewritten, |rewritten, part| part.mark(rewritten))
            }
            _ => Ok(true),
        }
    }

    /// Whether all text is left alone.
    pub fn is_none(&self) -> bool {
        matches!(self, Normalizer::Sequence(parts) if parts.is_empty())
    }

    fn nested(value: &Value, depth: usize) -> Result<Normalizer, Error> {
        let name = value
            .get("type")
            .and_then(Value::as_str)
            .ok_or_else(|| damaged("has no type".to_owned()))?;
        let field = |field: &str| {
            value.get(field).ok_or_else(|| damaged(format!("{name} has no field {field:?}")))
        };
        let string = |name_of: &str| {
            let value = field(name_of)?.as_str();
            value.ok_or_else(|| damaged(format!("{name}: {name_of:?} is not a string")))
        };
        let flag = |name_of: &str| {
            let value = field(name_of)?.as_bool();
            value.ok_or_else(|| damaged(format!("{name}: {name_of:?} is neither true nor false")))
        };
        Ok(match name {
            "NFC" => Normalizer::Form(Form::Nfc),
            "NFD" => Normalizer::Form(Form::Nfd),
            "NFKC" => Normalizer::Form(Form::Nfkc),
            "NFKD" => Normalizer::Form(Form::Nfkd),
            "Lowercase" => Normalizer::Lowercase,
            "Strip" => Normalizer::Strip { left: flag("strip_left")?, right: flag("strip_right")? },
            "StripAccents" => Normalizer::StripAccents,
            "Prepend" => Normalizer::Prepend(string("prepend")?.to_owned()),
            "Replace" => Normalizer::Replace {
                pattern: Pattern::from_json(field("pattern")?)?,
                content: string("content")?.to_owned(),
                fails_before_text: false,
            },
            "Precompiled" => {
                let data = BASE64_STANDARD
                    .decode(string("precompiled_charsmap")?)
                    .map_err(|_| damaged("Precompiled: the map is not base64".to_owned()))?;
                Normalizer::Precompiled(Box::new(Charsmap::new(&data)?))
            }
            "Nmt" => Normalizer::Nmt,
            "BertNormalizer" => {
                let lowercase = flag("lowercase")?;
                let strip_accents = match value.get("strip_accents") {
                    None | Some(Value::Null) => lowercase,
                    Some(_) => flag("strip_accents")?,
                };
                let all = [
                    (flag("clean_text")?, Normalizer::CleanText),
                    (flag("handle_chinese_chars")?, Normalizer::SpaceIdeographs),
                    (strip_accents, Normalizer::Form(Form::Nfd)),
                    (strip_accents, Normalizer::StripNonspacingMarks),
                    (lowercase, Normalizer::Lowercase),
                ];
                let parts = all.into_iter().filter(|(used, _)| *used).map(|(_, part)| part);
                Normalizer::Sequence(parts.collect())
            }
            "ByteLevel" => Normalizer::ByteLevel,
            "Sequence" => {
                let parts = field("normalizers")?
                    .as_array()
                    .ok_or_else(|| damaged("Sequence is not a list".to_owned()))?;
                if depth > 16 {
                    return Err(damaged("Sequence is nested too deeply".to_owned()));
                }
                Self::sequence(parts, depth)?
            }
            other => return Err(unsupported(other.to_owned(), "it is not known")),
        })
    }

    /// Whether `c` is left alone wherever it is, or, a letter of ASCII, becomes another one; false where
    /// it is not known. What is before and after two such neighbours, the second of which is no mark,
    /// is normalized alike in both parts of a text that is cut between them: the forms of Unicode join
    /// only marks and Hangul with what is before them, and the others take each character by itself.
    pub fn leaves(&self, c: char) -> bool {
        match self {
            Normalizer::Form(_)
            | Normalizer::Lowercase
            | Normalizer::StripAccents
            | Normalizer::Nmt
            | Normalizer::CleanText
            | Normalizer::SpaceIdeographs
            | Normalizer::StripNonspacingMarks => {
                let mut utf8 = [0; 4];
                let c: &str = c.encode_utf8(&mut utf8);
                c.as_bytes()[0].is_ascii_alphanumeric()
                    || self.normalize(c).is_ok_and(|same| same == c)
            }
            Normalizer::Sequence(parts) => parts.iter().all(|part| part.leaves(c)),
            // What is done to the ends of a text, or to what a pattern finds.
            Normalizer::Strip { .. }
            | Normalizer::Prepend(_)
            | Normalizer::Replace { .. }
            | Normalizer::Precompiled(_)
            | Normalizer::ByteLevel => false,
        }
    }

    /// Adds the names of the steps, as a `tokenizer.json` calls them.
    pub fn steps(&self, to: &mut Vec<&'static str>) {
        to.push(match self {
            Normalizer::Form(Form::Nfc) => "NFC",
            Normalizer::Form(Form::Nfd) => "NFD",
            Normalizer::Form(Form::Nfkc) => "NFKC",
            Normalizer::Form(Form::Nfkd) => "NFKD",
            Normalizer::Lowercase => "Lowercase",
            Normalizer::Strip { .. } => "Strip",
            Normalizer::StripAccents => "StripAccents",
            Normalizer::Prepend(_) => "Prepend",
            Normalizer::Replace { .. } => "Replace",
            Normalizer::Precompiled(_) => "Precompiled",
            Normalizer::Nmt => "Nmt",
            Normalizer::ByteLevel => "ByteLevel",
            Normalizer::CleanText => "BertNormalizer.clean_text",
            Normalizer::SpaceIdeographs => "BertNormalizer.handle_chinese_chars",
            Normalizer::StripNonspacingMarks => "BertNormalizer.strip_accents",
            Normalizer::Sequence(parts) => return parts.iter().for_each(|part| part.steps(to)),
        });
    }

    /// `text` as the split pattern sees it. An error is a text that grows beyond all bounds, or one in which a
    /// regular expression gives up.
    pub fn normalize<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, Error> {
        self.run(text, Growth::of(text))
    }

    fn run<'a>(&self, text: &'a str, growth: Growth) -> Result<Cow<'a, str>, Error> {
        Ok(match self {
            Normalizer::Form(form) => form.normalize(text),
            Normalizer::Lowercase => lowercase(text),
            Normalizer::Strip { left, right } => {
                let text = if *left { text.trim_start() } else { text };
                Cow::Borrowed(if *right { text.trim_end() } else { text })
            }
            Normalizer::StripAccents => rewrite(text, |c, out| {
                if !is_combining_mark(c) {
                    out.push(c);
                }
            }),
            Normalizer::Prepend(_) if text.is_empty() => Cow::Borrowed(text),
            Normalizer::Prepend(prefix) => Cow::Owned([prefix, text].concat()),
            Normalizer::Replace { pattern, content, fails_before_text } => {
                pattern.replace_unless(*fails_before_text, text, content, growth)?
            }
            Normalizer::Precompiled(map) => map.normalize_graphemes(text, growth)?,
            Normalizer::Nmt => nmt(text),
            Normalizer::ByteLevel => Cow::Owned(byte_level::encode(text.as_bytes())),
            Normalizer::CleanText => {
                let kept = watched(text).filter(|&c| is_clean(c));
                Cow::Owned(kept.map(|c| if c.is_whitespace() { ' ' } else { c }).collect())
            }
            Normalizer::SpaceIdeographs => rewrite(text, |c, out| {
                if is_ideograph(c) {
                    out.extend([' ', c, ' ']);
                } else {
                    out.push(c);
                }
            }),
            Normalizer::StripNonspacingMarks => rewrite(text, |c, out| {
                if !c.is_mark_nonspacing() {
                    out.push(c);
                }
            }),
            Normalizer::Sequence(parts) => {
                let mut text = Cow::Borrowed(text);
                for part in parts {
                    text = match text {
                        Cow::Borrowed(text) => part.run(text, growth)?,
                        Cow::Owned(text) => match part.run(&text, growth)? {
                            // Nothing changed, or only its sides.
                            Cow::Borrowed(same) if same.len() == text.len() => Cow::Owned(text),
                            other => Cow::Owned(other.into_owned()),
                        },
                    };
                    growth.check(text.len())?;
                }
                text
            }
        })
    }
}

impl Pattern {
    pub(crate) fn from_json(value: &Value) -> Result<Pattern, Error> {
        let literal = value.get("String").and_then(Value::as_str);
        if let Some(literal) = literal.filter(|literal| !literal.is_empty()) {
            return Ok(Pattern::Literal(literal.to_owned()));
        }
        // An empty literal is found everywhere, as the empty regular expression is.
        let pattern = literal.or(value.get("Regex").and_then(Value::as_str));
        let pattern = pattern
            .ok_or_else(|| damaged("Replace: the pattern is no string and no regex".to_owned()))?;
        let regex = Oniguruma::new(pattern)
            .map_err(|e| unsupported(format!("Replace of the regex {pattern:?}"), &e))?;
        Ok(Pattern::Regex(Box::new(regex)))
    }

    /// Every match in `text` as a range of bytes. Nothing is found in an empty text. May be interrupted between two
    /// of them.
    fn for_each(
        &self,
        text: &str,
        mut found: impl FnMut(usize, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (mut watch, mut watched) = (Watch::new(), 0);
        let mut found = |from: usize, to: usize| {
            watch.go_on(to - watched)?;
            watched = to;
            found(from, to)
        };
        match self {
            _ if text.is_empty() => Ok(()),
            Pattern::Literal(literal) => memmem::find_iter(text.as_bytes(), literal)
                .try_for_each(|at| found(at, at + literal.len())),
            Pattern::Regex(regex) => {
                regex.for_each_match("the normalizer Replace of", text, &mut found)
            }
        }
    }

    /// `text` with `content` in place of every match.
    pub(crate) fn replace<'a>(
        &self,
        text: &'a str,
        content: &str,
        growth: Growth,
    ) -> Result<Cow<'a, str>, Error> {
        self.replace_unless(false, text, content, growth)
    }

    /// [`Pattern::replace`]; an error where `content` is put where nothing was before the text, if that
    /// `fails`.
    fn replace_unless<'a>(
        &self,
        fails: bool,
        text: &'a str,
        content: &str,
        growth: Growth,
    ) -> Result<Cow<'a, str>, Error> {
        let mut out = String::new();
        let mut copied = 0;
        self.for_each(text, |from, to| {
            if to == 0 && fails && !content.is_empty() {
                let reason = "it finds nothing at the beginning, which what follows it cannot take";
                return Err(Error::gave_up("the normalizer Replace by", content, reason));
            }
            if out.capacity() == 0 {
                out.reserve(text.len() + text.len() / 4);
            }
            out.push_str(&text[copied..from]);
            out.push_str(content);
            copied = to;
            growth.check(out.len())
        })?;
        if copied == 0 && out.is_empty() {
            return Ok(Cow::Borrowed(text));
        }
        out.push_str(&text[copied..]);
        Ok(Cow::Owned(out))
    }
}

/// `text` with what `push` puts in place of each character that is not ASCII. May be interrupted.
fn rewrite(text: &str, mut push: impl FnMut(char, &mut String)) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut watch = Watch::new();
    while let Some(c) = rest.chars().next() {
        if watch.stops(c.len_utf8()) {
            break;
        }
        let ascii = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        out.push_str(&rest[..ascii]);
        if ascii > 0 {
            rest = &rest[ascii..];
            continue;
        }
        push(c, &mut out);
        rest = &rest[c.len_utf8()..];
    }
    Cow::Owned(out)
}

/// The characters of `text`. May be interrupted.
fn watched(text: &str) -> impl Iterator<Item = char> {
    let mut watch = Watch::new();
    text.chars().take_while(move |c| !watch.stops(c.len_utf8()))
}

/// Lower case, a character at a time: a final sigma is one like any other.
fn lowercase(text: &str) -> Cow<'_, str> {
    let lowered = rewrite(text, |c, out| {
        out.extend(c.to_lowercase());
    });
    if !lowered.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return lowered;
    }
    let mut lowered = lowered.into_owned();
    lowered.make_ascii_lowercase();
    Cow::Owned(lowered)
}

/// What BERT's cleaning keeps.
fn is_clean(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r') || !(c == '\0' || c == '\u{FFFD}' || c.is_other())
}

/// What BERT takes for an ideograph.
fn is_ideograph(c: char) -> bool {
    matches!(
        u32::from(c),
        0x3400..=0x4DBF
            | 0x4E00..=0x9FFF
            | 0xF900..=0xFAFF
            | 0x2_0000..=0x2_A6DF
            | 0x2_A700..=0x2_B73F
            | 0x2_B740..=0x2_B81F
            | 0x2_B920..=0x2_CEAF
            | 0x2_F800..=0x2_FA1F
    )
}

/// What [`nmt`] keeps.
fn nmt_keeps(c: char) -> bool {
    !matches!(u32::from(c), 0x01..=0x08 | 0x0B | 0x0E..=0x1F | 0x7F | 0x8F | 0x9F)
}

/// Control characters go, some others become blanks.
fn nmt(text: &str) -> Cow<'_, str> {
    let untouched = |byte: u8| matches!(byte, 0 | b' '..=0x7E | 0xC3..=0xE0 | 0xE3..=0xEE | 0xF0..);
    if text.bytes().all(|byte| untouched(byte) || is_continuation(byte)) {
        return Cow::Borrowed(text);
    }
    let kept = watched(text).filter(|&c| nmt_keeps(c));
    Cow::Owned(
        kept.map(|c| match u32::from(c) {
            0x09
            | 0x0A
            | 0x0C
            | 0x0D
            | 0x1680
            | 0x200B..=0x200F
            | 0x2028
            | 0x2029
            | 0x2581
            | 0xFEFF
            | 0xFFFD => ' ',
            _ => c,
        })
        .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(json: &str, text: &str) -> String {
        let normalizer =
            Normalizer::from_json(&serde_json::from_str(json).unwrap(), false).unwrap();
        normalizer.normalize(text).unwrap().into_owned()
    }

    #[test]
    fn each_component() {
        let cases = [
            (r#"{"type":"NFC"}"#, "e\u{301}", "é"),
            (r#"{"type":"NFKC"}"#, "ﬁ１", "fi1"),
            (r#"{"type":"NFD"}"#, "é", "e\u{301}"),
            (r#"{"type":"NFKD"}"#, "ﬁé", "fie\u{301}"),
            (r#"{"type":"Lowercase"}"#, "ΑΣ İX", "ας i\u{307}x".replace('ς', "σ").leak()),
            (r#"{"type":"Strip","strip_left":true,"strip_right":false}"#, " \u{3000}a ", "a "),
            (r#"{"type":"Strip","strip_left":false,"strip_right":true}"#, " a\n ", " a"),
            (r#"{"type":"StripAccents"}"#, "xe\u{301}y", "xey"),
            (r#"{"type":"Prepend","prepend":"▁"}"#, "a", "▁a"),
            (r#"{"type":"Prepend","prepend":"▁"}"#, "", ""),
            (r#"{"type":"Replace","pattern":{"String":" "},"content":"▁"}"#, " a b", "▁a▁b"),
            (r#"{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"-"}"#, "a   b c", "a-b c"),
            (r#"{"type":"Nmt"}"#, "a\u{1}b\tc\u{200B}", "ab c "),
            (r#"{"type":"ByteLevel"}"#, " é", "ĠÃ©"),
            (r#"{"type":"Replace","pattern":{"Regex":"^"},"content":"-"}"#, "", ""),
            (r#"{"type":"Replace","pattern":{"String":""},"content":"-"}"#, "ab", "-a-b-"),
            (
                r#"{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}"#,
                "É\u{1}\t字",
                "e  字 ",
            ),
            (
                r#"{"type":"Sequence","normalizers":[{"type":"Lowercase"},{"type":"Strip","strip_left":true,"strip_right":true},{"type":"NFC"}]}"#,
                " E\u{301} ",
                "é",
            ),
        ];
        for (json, text, expected) in cases {
            assert_eq!(normalized(json, text), expected, "{json} of {text:?}");
        }
    }

    #[test]
    fn what_is_put_before_a_text_in_the_place_of_nothing() {
        let replace = r#"{"type":"Replace","pattern":{"Regex":"^|b"},"content":"-"}"#;
        assert_eq!(normalized(replace, "ab"), "-a-");
        let then = serde_json::from_str(&format!(r#"[{replace},{{"type":"NFC"}}]"#)).unwrap();
        let then = Normalizer::from_json(&then, false).unwrap();
        assert!(matches!(then.normalize("ab"), Err(Error::PatternLimit { .. })));
        assert_eq!(then.normalize("").unwrap(), "");
        let before = Normalizer::from_json(&serde_json::from_str(replace).unwrap(), true).unwrap();
        assert!(matches!(before.normalize("ab"), Err(Error::PatternLimit { .. })));
    }

    #[test]
    fn refusals() {
        let made = |json: &str| Normalizer::from_json(&serde_json::from_str(json).unwrap(), false);
        for json in
            [r#"{"type":"Unknown"}"#, r#"{"type":"Replace","pattern":{"Regex":"("},"content":""}"#]
        {
            assert!(matches!(made(json), Err(Error::UnsupportedTokenizer { .. })), "{json}");
        }
        for json in [
            "{}",
            "3",
            r#"{"type":"Prepend"}"#,
            r#"{"type":"Replace","pattern":3,"content":"a"}"#,
            r#"{"type":"Strip","strip_left":1,"strip_right":true}"#,
            r#"{"type":"Sequence","normalizers":{}}"#,
            r#"{"type":"Precompiled","precompiled_charsmap":"AAA="}"#,
        ] {
            assert!(matches!(made(json), Err(Error::TokenizerFile { .. })), "{json}");
        }
    }
}

//! Cuts text into pieces: what the split pattern of a tokenizer would match, without a regex engine.
//!
//! Each family of patterns is one file with the same rule written twice. `piece_end` is the scalar
//! reference: one piece, character by character, in the order of the pattern's alternatives. `starts` finds
//! the piece starts of up to 64 characters at once by arithmetic on class bitmasks; it answers only
//! where the answer follows from the characters it was given and leaves the rest to `piece_end`.

pub(crate) mod block;
pub(crate) mod cl100k;
mod contractions;
pub(crate) mod deepseek;
pub(crate) mod general;
pub(crate) mod gpt2;
pub(crate) mod o200k;
pub(crate) mod patterns;
pub(crate) mod runs;
mod scripts;
pub(crate) mod sequences;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use block::{CharMasks, Context, Starts};
use general::General;
use runs::{Characters, InRuns, Set, set};

use crate::classes::{self, Class, class_of, decode, decode_before, properties_of};

/// A family of split patterns.
pub(crate) trait Family {
    /// The end of the piece that starts at `start`. `text` is valid UTF-8, `start < text.len()` a
    /// piece start. May be interrupted: then any boundary between characters after `start`.
    fn piece_end(text: &[u8], start: usize) -> usize;

    /// The piece starts among the characters of `masks`, the first of which is one.
    fn starts(masks: &CharMasks, context: &Context) -> Starts;

    /// The properties (see [`properties_of`]) that `starts` asks for in `masks`.
    const PROPERTIES: u8 = 0;

    /// Up to three bits that `starts` asks of every character, in `extra`.
    const EXTRA: Option<fn(u32) -> u8> = None;

    /// `piece_end` by runs that are known.
    const BY_RUNS: Option<ByRuns> = None;
}

/// The rule of a family, for texts of which the runs are known.
#[derive(Clone, Copy)]
pub(crate) struct ByRuns {
    /// The sets of characters whose runs it asks for.
    pub sets: &'static [Set],
    /// [`Family::piece_end`]. Of what follows a piece it depends on what was looked at, and on [`CONTRACTION`] bytes.
    pub piece_end: fn(InRuns<'_>, usize) -> usize,
}

/// Bytes after a piece that may be looked at for a contraction.
pub(crate) const CONTRACTION: usize = 16;

/// Declares the families: what each is called, its scanner, and its pattern in all the ways that it is met in files and
/// packages, the usual one first; none where it is several splits. A pattern that is not here goes to the regex engine:
/// nothing is guessed.
macro_rules! families {
    ($($(#[$doc:meta])* $variant:ident, $family:ty, $name:literal, [$($pattern:expr),* $(,)?];)*) => {
        /// The patterns that have a scanner.
        const PATTERNS: &[(&str, Pretokenizer)] =
            &[$($(($pattern, Pretokenizer::$variant),)*)*];

        /// How text is cut into pieces.
        #[derive(Clone)]
        pub enum Pretokenizer {
            $($(#[$doc])* $variant,)*
            /// None: characters are merged wherever the vocabulary lets them.
            CharacterLevel,
            /// What has no scanner of its own: step by step, with regular expressions.
            General(Arc<General>),
        }

        impl Pretokenizer {
            /// The name of the family, or `general`.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Pretokenizer::$variant => $name,)*
                    Pretokenizer::CharacterLevel => "characters",
                    Pretokenizer::General(_) => "general",
                }
            }

            /// The scanner of the family; `None` where there is none.
            pub(crate) fn scanner(&self) -> Option<Scanner> {
                match self {
                    $(Pretokenizer::$variant => Some(Scanner {
                        piece_end: <$family>::piece_end,
                        starts: <$family>::starts,
                        properties: <$family>::PROPERTIES,
                        extra: <$family>::EXTRA,
                        by_runs: <$family>::BY_RUNS,
                    }),)*
                    Pretokenizer::CharacterLevel | Pretokenizer::General(_) => None,
                }
            }

            /// The names of the families.
            pub(crate) fn names() -> &'static [&'static str] {
                &[$($name),*]
            }

            /// The family of that name.
            pub(crate) fn by_name(name: &str) -> Option<Pretokenizer> {
                $(if name == $name {
                    return Some(Pretokenizer::$variant);
                })*
                None
            }
        }
    };
}

/// A [`Family`] as a value: its rules are compiled once, not once an instruction set.
#[derive(Clone, Copy)]
pub(crate) struct Scanner {
    /// [`Family::piece_end`]
    pub piece_end: fn(&[u8], usize) -> usize,
    /// [`Family::starts`]
    pub starts: fn(&CharMasks, &Context) -> Starts,
    /// [`Family::PROPERTIES`]
    pub properties: u8,
    /// [`Family::EXTRA`]
    pub extra: Option<fn(u32) -> u8>,
    /// [`Family::BY_RUNS`]
    pub by_runs: Option<ByRuns>,
}

families! {
    /// GPT-2, r50k_base, p50k_base, RoBERTa, Whisper, NeoX
    Gpt2, gpt2::Gpt2<false>, "gpt2", [
        patterns::GPT2,
        r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        r"'s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}]+| ?[\p{N}]+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    ];
    /// GPT-2 after a split at every digit: StarCoder, Command R
    Gpt2Digits, gpt2::Gpt2<true>, "gpt2-digits", [];
    /// cl100k_base, every alternative with its possessive quantifiers (tiktoken 0.8 and later)
    Cl100k, cl100k::Cl100k<3, false, true>, "cl100k", [
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    ];
    /// Llama 3, GLM 4 and 5, Phi-4, OLMo 2: cl100k but for white space at the end of the text
    Llama3, cl100k::Cl100k<3, false, false>, "llama3", [
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ];
    /// Qwen 1 to 3, MiMo: digits one by one
    Qwen2, cl100k::Cl100k<1, false, false>, "qwen2", [
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ];
    /// Qwen 3.5: marks are letters
    Qwen35, cl100k::Cl100k<1, true, false>, "qwen3.5", [
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ];
    /// o200k_base, o200k_harmony, Llama 4, MiniMax
    O200k, o200k::O200k<3, true, true, false>, "o200k", [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ];
    /// Mistral NeMo and later: no contractions, digits one by one
    Tekken, o200k::O200k<1, false, true, false>, "tekken", [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ];
    /// Kimi K2: Han apart
    Kimi, o200k::O200k<3, true, false, true>, "kimi", [
        r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ];
    /// DeepSeek V3 and later
    DeepSeekV3, deepseek::DeepSeekV3, "deepseek-v3", [];
    /// DeepSeek V2 and LLM
    DeepSeekV2, sequences::DeepSeekV2, "deepseek-v2", [];
    /// DeepSeek Coder
    DeepSeekCoder, sequences::DeepSeekCoder, "deepseek-coder", [];
}

impl Pretokenizer {
    /// Whether every text has a piece that ends between these two characters, and neither side looks at the
    /// other: pieces of both sides by themselves are those of the whole. False where it is not known.
    ///
    /// `left` must be a letter or a number. Where `right` is white space or a sign (no letter, mark or
    /// number) other than an apostrophe, no alternative of any family but those below goes on from one
    /// to the other: letters and numbers are ended by what is neither, and only contractions (`don't`)
    /// follow them. None looks behind. What is looked ahead for is white space after white space, and the
    /// end of the text after it: not what follows a letter or a number.
    ///
    /// Runs of Han (Kimi), and of ideographs and kana (DeepSeek V3), hold signs, too: `ト・ト` (E3 83 BB is a sign)
    /// is one piece in V3.
    ///
    /// DeepSeek V2 and Coder leave gaps, which are pieces that hold whatever no split takes: `½` or `Ⅷ` and
    /// the signs or blanks after them. And U+0800-U+D7FF are letters there, with the white space (U+2003,
    /// E2 80 83) and signs (U+2060) among them: `국\u{2003}국` is one piece. There it must be ASCII that is
    /// on both sides, or a newline after: these are cut out before all else.
    pub(crate) fn ends_between(&self, left: u32, right: u32) -> bool {
        use Class::{Caseless, Lower, Newline, Number, Punctuation, Space, Upper};
        let apart = matches!(class_of(left), Upper | Lower | Caseless | Number)
            && matches!(class_of(right), Space | Newline | Punctuation)
            && right != u32::from(b'\'');
        let has = |property: u8| properties_of(right) & property != 0;
        match self {
            Pretokenizer::CharacterLevel | Pretokenizer::General(_) => false,
            Pretokenizer::Kimi => apart && !has(classes::HAN),
            Pretokenizer::DeepSeekV3 => apart && !has(classes::CJK),
            Pretokenizer::DeepSeekV2 | Pretokenizer::DeepSeekCoder => {
                let newline = class_of(right) == Newline;
                apart && (newline || left < 0x80 && right < 0x80)
            }
            _ => apart,
        }
    }

    /// Whether a text that ends with `last` has the pieces that it has with blanks after it, but for those of the blanks.
    /// False where it is not known.
    ///
    /// No alternative of the families that are named goes on from what is no white space to a blank, and what is looked
    /// ahead for is after white space.
    pub(crate) fn ends_before_blank(&self, last: u32) -> bool {
        match self {
            Pretokenizer::Gpt2
            | Pretokenizer::Gpt2Digits
            | Pretokenizer::Cl100k
            | Pretokenizer::Llama3
            | Pretokenizer::Qwen2
            | Pretokenizer::Qwen35
            | Pretokenizer::O200k
            | Pretokenizer::Tekken
            | Pretokenizer::Kimi => !matches!(class_of(last), Class::Space | Class::Newline),
            _ => self.ends_between(last, u32::from(' ')),
        }
    }

    /// The regular expression of the family of that name, if it is a single one.
    ///
    /// ```
    /// use fasttok_engine::Pretokenizer;
    ///
    /// assert!(Pretokenizer::pattern_of("gpt2").is_some_and(|pattern| pattern.starts_with("'(?:")));
    /// assert_eq!(Pretokenizer::pattern_of("deepseek-v3"), None);
    /// ```
    pub fn pattern_of(name: &str) -> Option<&'static str> {
        patterns::of_family(name)
    }
}

impl fmt::Debug for Pretokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The class, the properties and the length of the character at `at`; `None` at the end of the text.
#[inline(always)]
fn properties_at(text: &[u8], at: usize) -> Option<(Class, u8, usize)> {
    if at >= text.len() {
        return None;
    }
    let (c, len) = decode(text, at);
    Some((class_of(c), properties_of(c), len))
}

/// The class and the length of the character at `at`; `None` at the end of the text.
#[inline(always)]
fn class_at(text: &[u8], at: usize) -> Option<(Class, usize)> {
    if at >= text.len() {
        return None;
    }
    let (c, len) = decode(text, at);
    Some((class_of(c), len))
}

/// The end of the characters from `at` on whose class `belongs`, at most `most` of them.
#[inline(always)]
fn run_end(
    characters: impl Characters,
    mut at: usize,
    most: usize,
    belongs: impl Fn(Class) -> bool,
) -> usize {
    for _ in 0..most {
        match characters.class_at(at) {
            Some((class, len)) if belongs(class) => at += len,
            _ => break,
        }
    }
    at
}

const NEWLINE: Set = set(&[Class::Newline]);
const WHITE: Set = set(&[Class::Space, Class::Newline]);

/// White space from `start` on, as the last alternatives of cl100k and o200k have it: up to the last
/// newline of the run; else the run up to, not including, its last character, which stays with what
/// follows; a single character, or a run at the end of the text, is a piece of its own.
/// `whole_at_end`: a run that ends the text is one piece even when it holds newlines.
#[inline(always)]
fn white_space_end(characters: impl Characters, start: usize, whole_at_end: bool) -> usize {
    let text = characters.bytes();
    let at = characters.run_end(start, WHITE);
    if at == text.len() && whole_at_end {
        return at;
    }
    let last = || at - decode_before(text, at).1;
    match characters.last_end(start, at, NEWLINE) {
        Some(end) => end,
        None if at == text.len() || last() == start => at,
        None => last(),
    }
}

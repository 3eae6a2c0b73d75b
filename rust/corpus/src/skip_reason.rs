//! Why a row is not counted, as a code and in words. Knows neither which row nor what becomes of it.

use serde::{Deserialize, Serialize};

/// The longest detail that is kept: a detail may quote the text, and the text may be anything.
const DETAIL_BYTES: usize = 400;

/// Why a row was not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reason {
    /// The line is not JSON.
    BrokenJson,
    /// The line is JSON, but not an object.
    NotAnObject,
    /// The record has more or fewer fields than the header of its table.
    WrongFieldCount,
    /// A quote of a table does not end, or not where it may.
    UnterminatedQuote,
    /// The record has no such field.
    MissingField,
    /// The field is `null`.
    NullField,
    /// The field holds something that is not a string.
    NotAString,
    /// The record is of no shape that conversations have.
    UnknownShape,
    /// Something in a conversation is not as the shape of the record says.
    BadMessage,
    /// A conversation has more texts than are held of one record.
    TooManyTexts,
    /// The record says that a request failed.
    ErrorRow,
    /// The record is of no kind that logs of agents are known to have.
    UnknownRecord,
    /// The file is no log of an agent.
    NotALog,
    /// The bytes are not UTF-8.
    InvalidUtf8,
    /// The file is UTF-32, or UTF-16 without a byte order mark.
    Utf16,
    /// The field holds half of a surrogate pair, which is no character.
    LoneSurrogate,
    /// The text holds a special token and the job refuses them.
    SpecialToken,
    /// A regular expression of the tokenizer gives the text up.
    PatternLimit,
    /// The tokenizer's normalizer multiplies the text.
    NormalizedTooLarge,
    /// The tokenizer has no exact way to do the text, such as a character that needs an unknown token it lacks.
    UnsupportedText,
    /// The engine panicked over the text: a defect of this program.
    InternalError,
    /// The record is longer than the job allows.
    RecordTooLarge,
    /// The file ends before it should.
    Truncated,
    /// The compressed data are damaged.
    Corrupt,
    /// The operating system, or the store of an object, does not let us read.
    Unreadable,
    /// The file was there when the run began and is gone.
    NotFound,
    /// The object is not what it was when the run began.
    Changed,
    /// A symbolic link to nothing.
    BrokenLink,
    /// The file is of a format that is known and not read.
    UnsupportedFormat,
    /// Unpacking the data takes more memory than the job allows.
    WindowTooLarge,
}

impl Reason {
    /// The name by which reports and programs know the reason.
    pub fn code(self) -> &'static str {
        match self {
            Reason::BrokenJson => "broken_json",
            Reason::NotAnObject => "not_an_object",
            Reason::WrongFieldCount => "wrong_field_count",
            Reason::UnterminatedQuote => "unterminated_quote",
            Reason::MissingField => "missing_field",
            Reason::NullField => "null_field",
            Reason::NotAString => "not_a_string",
            Reason::UnknownShape => "unknown_shape",
            Reason::BadMessage => "bad_message",
            Reason::TooManyTexts => "too_many_texts",
            Reason::ErrorRow => "error_row",
            Reason::UnknownRecord => "unknown_record",
            Reason::NotALog => "not_a_log",
            Reason::InvalidUtf8 => "invalid_utf8",
            Reason::Utf16 => "utf16",
            Reason::LoneSurrogate => "lone_surrogate",
            Reason::SpecialToken => "special_token",
            Reason::PatternLimit => "pattern_limit",
            Reason::NormalizedTooLarge => "normalized_too_large",
            Reason::UnsupportedText => "unsupported_text",
            Reason::InternalError => "internal_error",
            Reason::RecordTooLarge => "record_too_large",
            Reason::Truncated => "truncated",
            Reason::Corrupt => "corrupt",
            Reason::Unreadable => "unreadable",
            Reason::NotFound => "not_found",
            Reason::Changed => "changed",
            Reason::BrokenLink => "broken_link",
            Reason::UnsupportedFormat => "unsupported_format",
            Reason::WindowTooLarge => "window_too_large",
        }
    }
}

/// What counts the rows of some reasons all the same, in the words of Python, which are no part of an entry: every
/// surface has words of its own.
pub const REMEDIES: [(Reason, &str); 2] =
    [(Reason::InvalidUtf8, REPLACE), (Reason::LoneSurrogate, REPLACE)];
const REPLACE: &str = "errors=\"replace\" counts U+FFFD there";

/// A reason and its words: what a reader or a format says of a row whose position it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SkipReason {
    pub reason: Reason,
    pub detail: String,
    /// How many rows it is the reason for: all that cannot be told apart, such as those of damaged data.
    pub rows: u64,
}

impl SkipReason {
    pub fn new(reason: Reason, detail: impl Into<String>) -> SkipReason {
        let mut detail = detail.into();
        if detail.len() > DETAIL_BYTES {
            let mut end = DETAIL_BYTES;
            while !detail.is_char_boundary(end) {
                end -= 1;
            }
            detail.truncate(end);
            detail.push('…');
        }
        SkipReason { reason, detail, rows: 1 }
    }

    /// The same for `rows` rows, which are told of at once.
    pub fn of_rows(self, rows: u64) -> SkipReason {
        SkipReason { rows, ..self }
    }

    pub fn record_too_large(limit: usize) -> SkipReason {
        let detail = format!("the record is longer than {limit} bytes");
        SkipReason::new(Reason::RecordTooLarge, detail)
    }

    pub fn invalid_utf8(offset: u64) -> SkipReason {
        SkipReason::new(Reason::InvalidUtf8, format!("not UTF-8 at byte {offset}"))
    }

    pub fn invalid_utf16(offset: u64) -> SkipReason {
        SkipReason::new(Reason::InvalidUtf8, format!("not UTF-16 at byte {offset}"))
    }
}

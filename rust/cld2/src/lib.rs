//! The language of a text by CLD2, the Compact Language Detector of Chromium: one call of its C++ library, made safe.
//! Knows no label of any other form and nothing of what a label is for.
//!
//! The crate `cld2`, which is no longer developed, says the same, but takes `char` of C for signed: it does not compile
//! where it is not, as on Linux on AArch64.

use std::ffi::{CStr, c_int};
use std::ptr::{null, null_mut};

use cld2_sys::{CLD2_ExtDetectLanguageSummary4, CLD2_LanguageCode, CLDHints, Encoding, Language};

/// More of a text than this is not looked at: the most that the library can be told of.
const MOST: usize = c_int::MAX as usize;

/// The code of the language that `text` is most likely in, as CLD2 writes it (`en`, `zh-Hant`, `iw`); `None` where there
/// is no telling. It need not be sure.
///
/// ```
/// let text = "図書館はどこですか。朝からずっと探しています。";
/// assert_eq!(fasttok_cld2::detect_language(text), Some("ja"));
/// assert_eq!(fasttok_cld2::detect_language(""), None);
/// ```
pub fn detect_language(text: &str) -> Option<&'static str> {
    let mut end = text.len().min(MOST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let hints = CLDHints {
        content_language_hint: null(),
        tld_hint: null(),
        encoding_hint: Encoding::UNKNOWN_ENCODING as c_int,
        language_hint: Language::UNKNOWN_LANGUAGE,
    };
    let (mut languages, mut percents) = ([Language::UNKNOWN_LANGUAGE; 3], [0; 3]);
    let (mut scores, mut bytes, mut is_reliable) = ([0.0; 3], 0, false);
    // SAFETY: the text is `end` bytes of UTF-8, the hints name none, the three lists have room for the three languages
    // that are written, no list of chunks is asked for, and nothing is kept after the call.
    let language = unsafe {
        CLD2_ExtDetectLanguageSummary4(
            text.as_ptr().cast(),
            end as c_int,
            true,
            &hints,
            0,
            languages.as_mut_ptr(),
            percents.as_mut_ptr(),
            scores.as_mut_ptr(),
            null_mut(),
            &mut bytes,
            &mut is_reliable,
        )
    };
    if language == Language::UNKNOWN_LANGUAGE {
        return None;
    }
    // SAFETY: the code of any language is a string of the library that is never changed, with a zero after it.
    let code = unsafe { CStr::from_ptr(CLD2_LanguageCode(language)) };
    code.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_kind() {
        for (text, code) in [
            ("Where is the library? I have been looking for it all morning.", Some("en")),
            ("図書館はどこですか。朝からずっと探しています。", Some("ja")),
            ("圖書館在哪裡？我找了一個上午，還是沒有找到。", Some("zh-Hant")),
            ("איפה הספרייה? אני מחפש אותה כל הבוקר.", Some("iw")),
            ("12345 !?", None),
            ("\0", None),
            ("\u{10FFFF}", None),
        ] {
            assert_eq!(detect_language(text), code, "{text:?}");
        }
        // A zero is a character as any other, and no text is too long.
        let text =
            "Where is\0 the library? I have been looking for it all morning. ".repeat(10_000);
        assert_eq!(detect_language(&text), Some("en"));
    }
}

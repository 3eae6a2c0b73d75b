//! The language detector inside: CLD2, chosen by measurement (`docs/language-id.md`).

use std::error::Error;
use std::sync::Arc;

use crate::Detector;
use crate::language::normalize_language;

/// The name of the detector inside.
const CLD2: &str = "cld2";

/// The detector of this name.
pub fn detector(name: &str) -> Option<Arc<dyn Detector>> {
    (name == CLD2).then(|| Arc::new(Cld2) as Arc<dyn Detector>)
}

/// Compact Language Detector 2, of Chromium: naive Bayes over the fours of letters, and over words, by script.
struct Cld2;

impl Detector for Cld2 {
    fn detect(&self, texts: &[&str]) -> Result<Vec<Option<String>>, Box<dyn Error + Send + Sync>> {
        // Also where it says that it is not sure: measured, it is right more often than not. Its names for "some
        // language in this script" are no labels.
        let language = |text: &&str| {
            normalize_language(fasttok_cld2::detect_language(text)?)
                .filter(|label| label != crate::UNDETERMINED)
        };
        Ok(texts.iter().map(language).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_in_plain_words() {
        let texts = [
            ("Where is the library? I have been looking for it all morning.", Some("en")),
            ("Wo ist die Bibliothek? Ich suche sie schon den ganzen Morgen.", Some("de")),
            ("图书馆在哪里？我找了一上午。", Some("zh")),
            ("圖書館在哪裡？我找了一個上午，還是沒有找到。", Some("zh-Hant")),
            ("図書館はどこですか。朝からずっと探しています。", Some("ja")),
            ("도서관이 어디에 있습니까? 아침 내내 찾고 있습니다.", Some("ko")),
            ("पुस्तकालय कहाँ है? मैं सुबह से उसे ढूँढ रहा हूँ।", Some("hi")),
            ("איפה הספרייה? אני מחפש אותה כל הבוקר.", Some("he")),
            ("", None),
            ("12345 !?", None),
        ];
        let detector = detector("cld2").unwrap();
        let found = detector.detect(&texts.map(|(text, _)| text)).unwrap();
        assert_eq!(found, texts.map(|(_, label)| label.map(str::to_owned)));
        assert!(super::detector("none").is_none());
    }
}

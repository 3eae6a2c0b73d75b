//! Language labels: what a record, a path or a detector calls a language, in one form.
//!
//! The form is that of BCP 47 with CLDR's canonical subtags, less what CLDR's likely subtags add again: `eng_Latn`,
//! `en-US` and `EN` are `en`; `zho_Hans`, `cmn` and `zh-CN` are `zh`; `zho_Hant` and `zh-TW` are `zh-Hant`; `pt-PT`
//! stays what it is. CLDR's tables come with `icu_locale`; which languages and scripts exist is what they know.

use std::collections::HashMap;
use std::error::Error;

use icu_locale::subtags::{Language, Script, language, script};
use icu_locale::{
    LanguageIdentifier, Locale, LocaleCanonicalizer, LocaleExpander, TransformResult,
};

/// The label of a document whose language is not known.
pub const UNDETERMINED: &str = "und";

/// Labels of BCP 47 that are not the name of one language.
const SPECIAL: [&str; 3] = [UNDETERMINED, "mul", "zxx"];

/// Says in which language texts are.
pub trait Detector: Send + Sync {
    /// A label for each text, in any form that [`normalize_language`] takes; `None` where there is no telling.
    /// Texts are the beginnings of documents. An error ends the run.
    fn detect(&self, texts: &[&str]) -> Result<Vec<Option<String>>, Box<dyn Error + Send + Sync>>;
}

/// The canonical form of a label, if it is a language that CLDR knows. Takes BCP 47 and FLORES codes (`zho_Hans`).
pub fn normalize_language(label: &str) -> Option<String> {
    let label = label.trim().replace('_', "-");
    if SPECIAL.contains(&label.to_ascii_lowercase().as_str()) {
        return Some(label.to_ascii_lowercase());
    }
    let mut locale = Locale::try_from_str(&label).ok()?;
    LocaleCanonicalizer::new_extended().canonicalize(&mut locale);
    let LanguageIdentifier { language, script, .. } = locale.id;
    let is_script = |script| is_known(Language::UNKNOWN, Some(script));
    if !is_known(language, None) || !script.is_none_or(is_script) {
        return None;
    }
    if language == language!("ko") && script == Some(script!("Hang")) {
        // FLORES says Hang where CLDR, which has Hangul with Han in mind, says Kore.
        locale.id.script = None;
    }
    LocaleExpander::new_extended().minimize_favor_script(&mut locale.id);
    Some(locale.to_string())
}

/// Whether CLDR's likely subtags know the subtag.
fn is_known(language: Language, script: Option<Script>) -> bool {
    let mut id =
        LanguageIdentifier { language, script, region: None, variants: Default::default() };
    LocaleExpander::new_extended().maximize(&mut id) == TransformResult::Modified
}

/// The language that a path names: a folder, the name of the file, or what stands between two dots in it
/// (`articles.de.jsonl`), if it is a language code. Where there are several, one with script or region goes before two
/// letters and these before three (which may well be a word), and the last one before the others.
pub(crate) fn language_of_path(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split(['/', '\\']).collect();
    let file = parts.pop()?;
    parts.extend(file.split('.'));
    let best = parts.into_iter().enumerate().filter_map(|(i, part)| Some((rank(part)?, i, part)));
    let mut best: Vec<_> = best.collect();
    best.sort_unstable();
    best.iter().rev().find_map(|(_, _, part)| normalize_language(part))
}

/// Everyday names of folders and suffixes that are also codes of three letters: `tmp` is no corpus of Tai Do.
const WORDS: [&str; 48] = [
    "all", "app", "bak", "bin", "cfg", "cli", "com", "csv", "dat", "dev", "doc", "etc", "exe",
    "git", "img", "ini", "job", "lib", "log", "man", "map", "mnt", "net", "new", "old", "opt",
    "org", "out", "pdf", "pkg", "raw", "run", "set", "src", "srv", "sub", "sys", "tar", "tex",
    "tmp", "top", "tsv", "txt", "usr", "var", "web", "www", "zip",
];

/// How sure it is that a part of a path is meant as a code; `None` where it has not the form of one.
fn rank(part: &str) -> Option<u8> {
    let mut subtags = part.split(['-', '_']);
    let language = subtags.next()?;
    if WORDS.contains(&part)
        || !matches!(language.len(), 2 | 3)
        || !language.bytes().all(|b| b.is_ascii_lowercase())
    {
        return None;
    }
    let mut rank = u8::from(language.len() == 2);
    for subtag in subtags {
        rank = 2;
        let letters = subtag.bytes().all(|b| b.is_ascii_alphabetic());
        let digits = subtag.bytes().all(|b| b.is_ascii_digit());
        match subtag.len() {
            2 | 4 if letters => {}
            3 if digits => {}
            _ => return None,
        }
    }
    Some(rank)
}

/// Labels that were met, and their canonical forms: a corpus repeats a few of them.
#[derive(Default)]
pub(crate) struct Labels(HashMap<Box<str>, Box<str>>);

/// More labels than this are no languages.
const LABELS_KEPT: usize = 10_000;

impl Labels {
    /// The canonical form of a label; what is no language code stays as it is.
    pub fn normalize(&mut self, label: &str) -> &str {
        if !self.0.contains_key(label) {
            if self.0.len() >= LABELS_KEPT {
                self.0.clear();
            }
            let normal = normalize_language(label).unwrap_or_else(|| label.trim().to_owned());
            self.0.insert(label.into(), normal.into());
        }
        &self.0[label]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_take_one_form() {
        for (label, expected) in [
            ("eng_Latn", "en"),
            ("eng", "en"),
            ("EN", "en"),
            ("en-US", "en"),
            ("en_GB", "en-GB"),
            ("zho_Hans", "zh"),
            ("zh-Hans", "zh"),
            ("zh_CN", "zh"),
            ("cmn", "zh"),
            ("cmn_Hans", "zh"),
            ("zho_Hant", "zh-Hant"),
            ("zh-TW", "zh-Hant"),
            ("zh-Hant-HK", "zh-HK"),
            ("yue_Hant", "yue"),
            ("arb_Arab", "ar"),
            ("deu_Latn", "de"),
            ("jpn_Jpan", "ja"),
            ("kor_Hang", "ko"),
            ("hin_Deva", "hi"),
            ("pt-BR", "pt"),
            ("pt-PT", "pt-PT"),
            ("srp_Cyrl", "sr"),
            ("srp_Latn", "sr-Latn"),
            ("iw", "he"),
            ("tgl", "fil"),
            ("swh_Latn", "sw"),
            (" fr ", "fr"),
            ("und", "und"),
            ("UND", "und"),
            ("zxx", "zxx"),
            ("haw", "haw"),
        ] {
            assert_eq!(normalize_language(label).as_deref(), Some(expected), "{label}");
        }
        for label in ["", "code", "English", "xqz", "e", "en_Xxxx", "日本語", "en Latn", "--"] {
            assert_eq!(normalize_language(label), None, "{label}");
        }
        let mut labels = Labels::default();
        assert_eq!(labels.normalize("code"), "code");
        assert_eq!(labels.normalize("deu_Latn"), "de");
    }

    #[test]
    fn the_form_is_final() {
        for label in ["eng_Latn", "zho_Hant", "pt-PT", "srp_Latn", "aze_Cyrl", "und", "sr-Latn-ME"]
        {
            let normal = normalize_language(label).unwrap();
            assert_eq!(normalize_language(&normal), Some(normal.clone()), "{label}");
        }
    }

    #[test]
    fn paths_name_languages() {
        for (path, expected) in [
            ("data/eng_Latn/part-1.txt", Some("en")),
            ("data/zho_Hans.jsonl.zst", Some("zh")),
            ("wiki/zh-Hant/a.txt", Some("zh-Hant")),
            ("wiki/de/articles.jsonl", Some("de")),
            ("articles.zh-Hans.jsonl", Some("zh")),
            ("train.de", Some("de")),
            ("src/pt-BR/x.txt", Some("pt")),
            ("flores/eng_Latn.dev", Some("en")),
            ("de/fr/x.txt", Some("fr")),
            ("zho_Hans/src/x.txt", Some("zh")),
            ("ntrex/deu.txt", Some("de")),
            ("ntrex/_LANGUAGES.tsv", None),
            ("data/part-00001.txt", None),
            ("English/a.txt", None),
            ("readme.txt", None),
            ("/tmp/src/lib/doc.txt", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(language_of_path(path).as_deref(), expected, "{path}");
        }
    }
}

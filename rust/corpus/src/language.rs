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

/// A detector is given this many documents at a time at most, or this many bytes of them and one document more.
pub(crate) const DETECT_BATCH: usize = 256;
pub(crate) const DETECT_BATCH_BYTES: usize = 256 << 10;

/// Says in which language texts are.
pub trait Detector: Send + Sync {
    /// A label for each text, in any form that [`normalize_language`] takes; `None` where there is no telling.
    /// Texts are the beginnings of documents. An error ends the run.
    fn detect(&self, texts: &[&str]) -> Result<Vec<Option<String>>, Box<dyn Error + Send + Sync>>;
}

/// The canonical form of a label, if it is a language that CLDR knows. Takes BCP 47 and FLORES codes (`zho_Hans`).
///
/// ```
/// use fasttok_corpus::normalize_language;
///
/// assert_eq!(normalize_language("zho_Hans").as_deref(), Some("zh"));
/// assert_eq!(normalize_language("zho_Hant").as_deref(), Some("zh-Hant"));
/// assert_eq!(normalize_language("no language"), None);
/// ```
pub fn normalize_language(label: &str) -> Option<String> {
    let lower = label.trim().to_ascii_lowercase();
    if SPECIAL.contains(&lower.as_str()) {
        return Some(lower);
    }
    let mut locale = canonical(label)?;
    LocaleExpander::new_extended().minimize_favor_script(&mut locale.id);
    Some(locale.to_string())
}

/// A label taken apart, its subtags canonical: what labels of one language in several varieties are compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageParts {
    /// The language: `zh` of `zho_Hans`, `cmn` and `chi`.
    pub language: String,
    /// The script, where the label says it.
    pub script: Option<String>,
    /// The region, where the label says it.
    pub region: Option<String>,
    /// Variants and what else follows, in lower case.
    pub rest: Vec<String>,
    /// The script that the language is most likely written in, there if a region is said.
    pub likely_script: Option<String>,
}

/// The parts of a label, if it is a language that CLDR knows.
pub fn language_parts(label: &str) -> Option<LanguageParts> {
    let locale = canonical(label)?;
    let LanguageIdentifier { language, script, region, .. } = locale.id;
    let mut likely = LanguageIdentifier { language, script, region, variants: Default::default() };
    LocaleExpander::new_extended().maximize(&mut likely);
    let known: Vec<String> =
        [Some(language.to_string()), script.map(|s| s.to_string()), region.map(|r| r.to_string())]
            .into_iter()
            .flatten()
            .collect();
    let whole = locale.to_string();
    let rest = whole.split('-').filter(|part| !known.iter().any(|k| k == part));
    Some(LanguageParts {
        language: language.to_string(),
        script: script.map(|s| s.to_string()),
        region: region.map(|r| r.to_string()),
        rest: rest.map(str::to_ascii_lowercase).collect(),
        likely_script: likely.script.map(|s| s.to_string()),
    })
}

/// The label with CLDR's canonical subtags, if CLDR knows its language and its script.
fn canonical(label: &str) -> Option<Locale> {
    let mut locale = Locale::try_from_str(&label.trim().replace('_', "-")).ok()?;
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
    Some(locale)
}

/// Whether CLDR's likely subtags know the subtag.
fn is_known(language: Language, script: Option<Script>) -> bool {
    let mut id =
        LanguageIdentifier { language, script, region: None, variants: Default::default() };
    LocaleExpander::new_extended().maximize(&mut id) == TransformResult::Modified
}

/// The language that a path names: a folder, the name of the file, or what is between two dots in it
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

/// Everyday names of folders, suffixes and columns that are also codes of three letters: `tmp` is no corpus of Tai Do.
const WORDS: [&str; 62] = [
    "all", "app", "bak", "bin", "cfg", "cli", "com", "csv", "dat", "dev", "doc", "etc", "exe",
    "git", "hyp", "idx", "img", "ini", "job", "key", "len", "lib", "log", "man", "map", "mnt",
    "net", "new", "num", "old", "opt", "org", "out", "pdf", "pkg", "pos", "raw", "ref", "row",
    "run", "set", "sql", "src", "srv", "sub", "sys", "tag", "tar", "tex", "tgt", "tmp", "top",
    "tsv", "txt", "uid", "uri", "url", "usr", "var", "web", "www", "zip",
];

/// Whether a label has the form of a language code and yet is an everyday name, such as `src` or `url`.
pub fn is_everyday_word(label: &str) -> bool {
    WORDS.contains(&label.to_ascii_lowercase().as_str())
}

/// How sure it is that a part of a path is meant as a code; `None` where it has not the form of one.
fn rank(part: &str) -> Option<u8> {
    let mut subtags = part.split(['-', '_']);
    let language = subtags.next()?;
    if is_everyday_word(part)
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
    fn labels_come_apart() {
        for (label, language, script, region, likely) in [
            ("zho_Hans", "zh", Some("Hans"), None, Some("Hans")),
            ("zh-CN", "zh", None, Some("CN"), Some("Hans")),
            ("zho-TW", "zh", None, Some("TW"), Some("Hant")),
            ("chi", "zh", None, None, Some("Hans")),
            ("PT_br", "pt", None, Some("BR"), Some("Latn")),
            ("prs", "fa", None, Some("AF"), Some("Arab")),
            ("kor_Hang", "ko", None, None, Some("Kore")),
        ] {
            let parts = language_parts(label).unwrap();
            let known = (parts.language, parts.script, parts.region, parts.likely_script);
            let expected = [script, region, likely].map(|part| part.map(str::to_owned));
            let [script, region, likely] = expected;
            assert_eq!(known, (language.to_owned(), script, region, likely), "{label}");
            assert!(parts.rest.is_empty(), "{label}");
        }
        assert_eq!(language_parts("ca-valencia").unwrap().rest, ["valencia"]);
        for label in ["xx", "007", "und", ""] {
            assert_eq!(language_parts(label), None, "{label}");
        }
        assert!(is_everyday_word("url") && is_everyday_word("SRC") && !is_everyday_word("deu"));
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

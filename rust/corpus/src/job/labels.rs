//! Where the language of a document is said.

use std::sync::Arc;

use crate::Error;
use crate::language::{Detector, Labels, UNDETERMINED};

/// Where the language labels of documents come from, in the order of trust. What no source knows is
/// [`UNDETERMINED`].
#[derive(Clone, Default)]
pub struct LanguageLabels {
    /// A field of the record; a dot goes one level down.
    pub field: Option<String>,
    /// A part of the path that is a language code.
    pub from_path: bool,
    /// Says it from the beginning of the text.
    pub detector: Option<Arc<dyn Detector>>,
    /// How many bytes of a document the detector is given, at most.
    pub detect_bytes: usize,
}

impl LanguageLabels {
    /// The label of a document: `values` are those of its record, the last of which is the label where a field has it,
    /// and `path` is what its path gives. `None` where it must be detected.
    pub(crate) fn label<'l>(
        &self,
        known: &'l mut Labels,
        values: &[Option<String>],
        path: Option<&'l str>,
    ) -> Option<&'l str> {
        let field = match self.field {
            Some(_) => values.last().and_then(|v| v.as_deref()).filter(|v| !v.trim().is_empty()),
            None => None,
        };
        match (field, path) {
            (Some(label), _) => Some(known.normalize(label)),
            (None, Some(language)) => Some(language),
            (None, None) if self.detector.is_some() => None,
            (None, None) => Some(UNDETERMINED),
        }
    }

    /// The part of a text that the detector is given.
    pub fn beginning<'t>(&self, text: &'t str) -> &'t str {
        let mut end = text.len().min(self.detect_bytes);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        &text[..end]
    }

    /// The languages that the detector has for texts by themselves, which are [beginnings](LanguageLabels::beginning).
    ///
    /// ```
    /// use fasttok_corpus::{LanguageLabels, detector};
    ///
    /// let labels = LanguageLabels { detector: detector("cld2"), ..LanguageLabels::default() };
    /// assert_eq!(labels.of_texts(&["Where is the library?", "12345"])?, ["en", "und"]);
    /// # Ok::<(), fasttok_corpus::Error>(())
    /// ```
    pub fn of_texts(&self, texts: &[&str]) -> Result<Vec<String>, Error> {
        self.detect(&mut Labels::default(), texts)
    }

    /// The languages of texts as the detector has them.
    pub(crate) fn detect(&self, known: &mut Labels, texts: &[&str]) -> Result<Vec<String>, Error> {
        let Some(detector) = &self.detector else { return Ok(Vec::new()) };
        let labels = detector.detect(texts).map_err(Error::Detector)?;
        if labels.len() != texts.len() {
            let message = format!("it gave {} labels for {} texts", labels.len(), texts.len());
            return Err(Error::Detector(message.into()));
        }
        let mut language = |label: Option<String>| match label {
            Some(label) if !label.trim().is_empty() => known.normalize(&label).to_owned(),
            _ => UNDETERMINED.to_owned(),
        };
        Ok(labels.into_iter().map(&mut language).collect())
    }
}

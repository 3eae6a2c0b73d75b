//! How many running words of a text are one token: the words of [`spaced_words`], at the start of a text or after a
//! space.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use fasttok_engine::{Counter, Encoding, Error, Special};
use fasttok_parallel::{Control, Pool};
use hashbrown::HashMap;

use crate::words::spaced_words;

/// By encoding, the words that are one token, and all words; `None` for a language without spaces.
pub type SingleTokenWords = Option<Vec<(u64, u64)>>;

/// [`SingleTokenWords`] of each of `languages`, which is a list of texts, by `threads` at most.
pub fn single_token_words<T: AsRef<str> + Sync>(
    languages: &[Vec<T>],
    encodings: &[Arc<Encoding>],
    threads: usize,
) -> Result<Vec<SingleTokenWords>, Error> {
    let vocabulary = Vocabulary::new(encodings);
    let (cancel, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let pool = Pool::new(0..languages.len(), Control { cancel: &cancel, stop: &stop });
    let first_failure = Mutex::new(None);
    let counted = pool.run(threads.min(languages.len()), &mut || Ok(()), |tasks| {
        let mut counted: Vec<_> = encodings.iter().map(Counted::new).collect();
        let mut results = Vec::new();
        while tasks.perform(|language| {
            match of_language(&languages[language], &vocabulary, &mut counted) {
                Ok(result) => results.push((language, result)),
                Err(e) => {
                    stop.store(true, Relaxed);
                    let mut first = first_failure.lock().unwrap_or_else(PoisonError::into_inner);
                    if first.as_ref().is_none_or(|(failed, _)| language < *failed) {
                        *first = Some((language, e));
                    }
                }
            }
        }) {}
        results
    });
    if let Some((_, e)) = first_failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(e);
    }
    let mut counted: Vec<_> = counted.into_iter().flatten().collect();
    counted.sort_unstable_by_key(|(language, _)| *language);
    Ok(counted.into_iter().map(|(_, result)| result).collect())
}

fn of_language<'t, T: AsRef<str>>(
    texts: &'t [T],
    vocabulary: &Vocabulary<'_>,
    counted: &mut [Counted<'t>],
) -> Result<SingleTokenWords, Error> {
    let Some(words) = spaced_words(texts.iter().map(AsRef::as_ref)) else { return Ok(None) };
    let mut kept = vec![0; counted.len()];
    let mut total = 0;
    for word in words {
        vocabulary.add(word, &mut kept);
        for &encoding in &vocabulary.others {
            kept[encoding] += u64::from(counted[encoding].keeps(word)?);
        }
        total += 1;
    }
    Ok(Some(kept.into_iter().map(|kept| (kept, total)).collect()))
}

/// The words that encodings keep whole, told by their vocabularies: looked up once for all of them.
struct Vocabulary<'e> {
    /// The number of each word.
    words: HashMap<&'e str, u32>,
    /// By number and encoding: whether it keeps the word.
    kept: Vec<bool>,
    encodings: usize,
    /// The encodings whose vocabularies do not tell.
    others: Vec<usize>,
}

impl<'e> Vocabulary<'e> {
    fn new(encodings: &'e [Arc<Encoding>]) -> Vocabulary<'e> {
        let mut vocabulary = Vocabulary {
            words: HashMap::new(),
            kept: Vec::new(),
            encodings: encodings.len(),
            others: Vec::new(),
        };
        for (index, encoding) in encodings.iter().enumerate() {
            let Some(texts) = encoding.one_token_texts() else {
                vocabulary.others.push(index);
                continue;
            };
            for text in texts {
                let word = text.strip_prefix(' ').unwrap_or(text);
                let fresh = vocabulary.words.len() as u32;
                let number = *vocabulary.words.entry(word).or_insert(fresh);
                if number == fresh {
                    vocabulary.kept.resize(vocabulary.kept.len() + encodings.len(), false);
                }
                vocabulary.kept[number as usize * encodings.len() + index] = true;
            }
        }
        vocabulary
    }

    /// Adds 1 to each of `sums`, one an encoding, that keeps `word` whole.
    fn add(&self, word: &str, sums: &mut [u64]) {
        if let Some(&number) = self.words.get(word) {
            let kept = &self.kept[number as usize * self.encodings..];
            sums.iter_mut().zip(kept).for_each(|(sum, &kept)| *sum += u64::from(kept));
        }
    }
}

/// The words that an encoding keeps whole, where only counting tells.
struct Counted<'t> {
    encoding: Arc<Encoding>,
    counter: Option<Counter>,
    known: HashMap<&'t str, bool>,
    spaced: String,
}

impl<'t> Counted<'t> {
    fn new(encoding: &Arc<Encoding>) -> Counted<'t> {
        let encoding = Arc::clone(encoding);
        Counted { encoding, counter: None, known: HashMap::new(), spaced: String::new() }
    }

    /// Whether it keeps `word` whole, at the start of a text or after a space.
    fn keeps(&mut self, word: &'t str) -> Result<bool, Error> {
        if let Some(&keeps) = self.known.get(word) {
            return Ok(keeps);
        }
        let counter = self.counter.get_or_insert_with(|| Counter::new(Arc::clone(&self.encoding)));
        self.spaced.clear();
        self.spaced.extend([" ", word]);
        let keeps = counter.count(&self.spaced, Special::Text)? == 1
            || counter.count(word, Special::Text)? == 1;
        self.known.insert(word, keeps);
        Ok(keeps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_alike_by_any_number_of_threads() {
        let encodings = ["o200k_base", "r50k_base"].map(|name| Encoding::embedded(name).unwrap());
        let languages = [
            vec!["Hello world, indivisibilities!", "hello"],
            vec!["日本語の文"],
            vec![],
            vec!["Grüße aus Hülsenfrüchten"],
        ];
        let single = single_token_words(&languages, &encodings, 1).unwrap();
        let expected: Vec<SingleTokenWords> = languages
            .iter()
            .map(|texts| {
                let words: Vec<&str> = spaced_words(texts.iter().copied())?.collect();
                let is_one = |encoding: &Arc<Encoding>, text: &str| {
                    Counter::new(encoding.clone()).count(text, Special::Text) == Ok(1)
                };
                let keeps = |encoding: &Arc<Encoding>, word: &str| {
                    is_one(encoding, word) || is_one(encoding, &format!(" {word}"))
                };
                let all = words.len() as u64;
                let kept = |encoding| words.iter().filter(|word| keeps(encoding, word)).count();
                Some(encodings.iter().map(|encoding| (kept(encoding) as u64, all)).collect())
            })
            .collect();
        assert_eq!(single, expected);
        assert!(matches!(&single[..], [Some(_), None, None, Some(_)]));
        for threads in [2, 9] {
            assert_eq!(single_token_words(&languages, &encodings, threads).unwrap(), single);
        }
    }
}

//! How long documents are in tokens: how many have more than some limits, and how many have how many, of which quantiles
//! are read.
//!
//! Documents are counted in buckets. Below [`EXACT`] tokens each number has one of its own, above it a power of two has
//! [`PARTS`] of them; the longest document is known exactly. So sums are integers, merging is commutative, a quantile
//! below [`EXACT`] is exact, and one above is off by at most 1 / (2 PARTS) of itself.

use std::num::NonZero;

use super::{Merge, Tally};

/// Numbers of tokens below this have a bucket each.
pub const EXACT: u64 = 1 << EXACT_BITS;
/// Buckets of a power of two from [`EXACT`] on.
pub const PARTS: u64 = 1 << PART_BITS;

const EXACT_BITS: u32 = 16;
const PART_BITS: u32 = 7;
/// Of the number of a bucket of several encodings, so many bits are the bucket's: all of them are 71,680.
const BUCKET_BITS: u32 = 17;

/// What is kept of the length of each document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lengths {
    /// Keep [`Tally::histograms`].
    pub histograms: bool,
    /// Count the documents with more tokens than each of these in [`Tally::documents_over`].
    pub limits: Vec<u64>,
}

impl Lengths {
    /// Enters the length of the document that `tally` has the sums of.
    pub(crate) fn measure(&self, tally: &mut Tally) {
        if !self.limits.is_empty() {
            let over =
                |&tokens: &u64| self.limits.iter().map(move |&limit| u64::from(tokens > limit));
            tally.documents_over = tally.tokens.iter().flat_map(over).collect();
        }
        if self.histograms {
            tally.histograms = Histograms::of_document(&tally.tokens);
        }
    }
}

/// Documents by their tokens, under each of several encodings.
///
/// A million groups have one each, so what few documents are in is small: 48 bytes and 16 for each of their lengths.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Histograms {
    /// Sorted by bucket and without repetitions up to some point; what came last is after it in any order.
    buckets: Vec<Bucket>,
    /// By encoding, the tokens of the longest document where that is not below [`EXACT`]; or nothing.
    longest: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Bucket {
    /// The index of the encoding before that of the bucket.
    at: u32,
    documents: u64,
}

impl Histograms {
    /// Those of one document with so many tokens under each encoding.
    pub fn of_document(tokens: &[u64]) -> Histograms {
        let mut histograms = Histograms::default();
        histograms.buckets.reserve_exact(tokens.len());
        for (encoding, &tokens) in tokens.iter().enumerate() {
            histograms.add(encoding, tokens, 1);
        }
        histograms
    }

    /// Whether there is no document, or none was asked for.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Adds `documents`, each with so many tokens under the encoding at that index.
    ///
    /// # Panics
    ///
    /// Where there are more than 32,768 encodings.
    pub fn add(&mut self, encoding: usize, tokens: u64, documents: u64) {
        let encoding_bits = u32::try_from(encoding).expect("few encodings");
        assert!(encoding_bits < 1 << (u32::BITS - BUCKET_BITS), "few encodings");
        self.put(Bucket { at: encoding_bits << BUCKET_BITS | bucket_of(tokens), documents });
        if tokens >= EXACT {
            let len = self.longest.len().max(encoding + 1);
            self.longest.resize(len, 0);
            self.longest[encoding] = self.longest[encoding].max(tokens);
        }
    }

    /// The one of the encoding at that index; `None` where no document is in it.
    pub fn get(&self, encoding: usize) -> Option<Histogram> {
        let first = (encoding as u64) << BUCKET_BITS;
        let range = first..first + (1 << BUCKET_BITS);
        let own = self.buckets.iter().filter(|bucket| range.contains(&u64::from(bucket.at)));
        let own = own.map(|bucket| Bucket { at: bucket.at - first as u32, ..*bucket });
        let mut buckets = own.collect();
        compact(&mut buckets);
        let last = buckets.last()?;
        let longest = self.longest.get(encoding).copied().unwrap_or_default();
        let max = if longest == 0 { least(last.at) } else { longest };
        Some(Histogram { buckets, max })
    }

    fn put(&mut self, bucket: Bucket) {
        match self.buckets.last_mut() {
            Some(last) if last.at == bucket.at => {
                last.documents += bucket.documents;
                return;
            }
            _ => {}
        }
        if self.buckets.len() == self.buckets.capacity() {
            compact(&mut self.buckets);
            if 2 * self.buckets.len() >= self.buckets.capacity() {
                self.buckets.reserve_exact(self.buckets.len().max(1));
            }
        }
        self.buckets.push(bucket);
    }

    /// The memory that they take.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Histograms>()
            + self.buckets.capacity() * size_of::<Bucket>()
            + self.longest.capacity() * size_of::<u64>()
    }
}

/// Sorts and adds up what is in the same bucket.
fn compact(buckets: &mut Vec<Bucket>) {
    // The stable sort finds the part that is sorted already.
    buckets.sort_by_key(|bucket| bucket.at);
    buckets.dedup_by(|bucket, sum| {
        let same = bucket.at == sum.at;
        if same {
            sum.documents += bucket.documents;
        }
        same
    });
}

impl Merge for Histograms {
    fn merge(&mut self, other: &Histograms) {
        other.buckets.iter().for_each(|&bucket| self.put(bucket));
        let len = self.longest.len().max(other.longest.len());
        self.longest.resize(len, 0);
        for (longest, &other) in self.longest.iter_mut().zip(&other.longest) {
            *longest = other.max(*longest);
        }
    }
}

impl PartialEq for Histograms {
    /// The order in which documents came does not matter.
    fn eq(&self, other: &Histograms) -> bool {
        let sorted = |histograms: &Histograms| {
            let mut buckets = histograms.buckets.clone();
            compact(&mut buckets);
            buckets
        };
        let longest = |longest: &[u64]| {
            longest.iter().rposition(|&tokens| tokens > 0).map_or(0, |last| last + 1)
        };
        let (own, others) = (&self.longest, &other.longest);
        own[..longest(own)] == others[..longest(others)] && sorted(self) == sorted(other)
    }
}

impl Eq for Histograms {}

/// Documents by their tokens under one encoding; there is at least one document.
///
/// ```
/// use fasttok_corpus::Histograms;
///
/// let mut histograms = Histograms::of_document(&[12]);
/// histograms.add(0, 7, 3);
/// let histogram = histograms.get(0).unwrap();
/// assert_eq!(histogram.counts().collect::<Vec<_>>(), [(7, 3), (12, 1)]);
/// assert_eq!((histogram.percentile(50), histogram.percentile(90), histogram.max()), (7, 12, 12));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: Vec<Bucket>,
    max: u64,
}

impl Histogram {
    /// The most tokens of a document, exactly.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The least number of tokens of each bucket that has documents, and their number, in order.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> + Clone + '_ {
        self.buckets.iter().map(|bucket| (least(bucket.at), bucket.documents))
    }

    /// The number of documents from each power of two on, and from 0, to the next; those without any are left out.
    pub fn by_powers_of_two(&self) -> Vec<(u64, u64)> {
        let mut powers: Vec<(u64, u64)> = Vec::new();
        for (tokens, documents) in self.counts() {
            let power = NonZero::new(tokens).map_or(0, |tokens| 1 << tokens.ilog2());
            match powers.last_mut() {
                Some((last, sum)) if *last == power => *sum += documents,
                _ => powers.push((power, documents)),
            }
        }
        powers
    }

    /// The least number of tokens that at least `percent` of 100 documents do not exceed (the quantile that numpy calls
    /// `inverted_cdf`). From 65,536 on it is the middle of a bucket.
    pub fn percentile(&self, percent: u64) -> u64 {
        let documents: u128 = self.buckets.iter().map(|bucket| u128::from(bucket.documents)).sum();
        let wanted = (documents * u128::from(percent)).div_ceil(100).max(1);
        let mut sum = 0;
        let found = self.buckets.iter().find(|bucket| {
            sum += u128::from(bucket.documents);
            sum >= wanted
        });
        found.map_or(self.max, |bucket| {
            let least = least(bucket.at);
            (least + width(bucket.at) / 2).min(self.max)
        })
    }
}

/// The bucket of documents with so many tokens.
fn bucket_of(tokens: u64) -> u32 {
    if tokens < EXACT {
        return tokens as u32;
    }
    let power = tokens.ilog2();
    let part = (tokens >> (power - PART_BITS)) & (PARTS - 1);
    (EXACT + u64::from(power - EXACT_BITS) * PARTS + part) as u32
}

/// The least number of tokens in a bucket.
fn least(bucket: u32) -> u64 {
    let Some(above) = u64::from(bucket).checked_sub(EXACT) else { return bucket.into() };
    (PARTS + above % PARTS) * width(bucket)
}

/// How many numbers of tokens a bucket has.
fn width(bucket: u32) -> u64 {
    match u64::from(bucket).checked_sub(EXACT) {
        None => 1,
        Some(above) => 1 << (EXACT_BITS - PART_BITS + (above / PARTS) as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fasttok_testing::Random;

    /// Numbers of all sizes, with many equal ones.
    fn random_lengths(random: &mut Random, n: usize) -> Vec<u64> {
        let number = |random: &mut Random| random.below(1 << 30) as u64;
        (0..n)
            .map(|_| match random.below(4) {
                0 => number(random) % 20,
                1 => number(random) % 5_000,
                2 => EXACT - 50 + number(random) % 100,
                _ => (number(random) << 34 | number(random)) >> random.below(64),
            })
            .collect()
    }

    #[test]
    fn buckets_are_narrow_and_follow_each_other() {
        let edges = (0..64).flat_map(|power| {
            let n = 1u64 << power;
            [n - 1, n, n + 1, n + (n >> 1), n + (n >> 7), (n + (n >> 7)).wrapping_sub(1)]
        });
        let mut random = Random::new(5);
        for tokens in edges.chain(random_lengths(&mut random, 100_000)).chain([u64::MAX]) {
            let bucket = bucket_of(tokens);
            assert!(bucket < 1 << BUCKET_BITS);
            let (least, width) = (least(bucket), width(bucket));
            assert!(least <= tokens && tokens - least < width, "{tokens}");
            assert!(width == 1 || width <= least / PARTS, "{tokens}");
            if least > 0 {
                assert_eq!(bucket_of(least - 1), bucket - 1);
            }
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_documents() {
        let mut random = Random::new(11);
        for n in (1..200).chain([1_000, 20_000]) {
            let mut lengths = random_lengths(&mut random, n);
            let mut histograms = Histograms::default();
            lengths.iter().for_each(|&tokens| histograms.add(1, tokens, 1));
            lengths.sort_unstable();
            assert!(histograms.get(0).is_none() && histograms.get(2).is_none());
            let histogram = histograms.get(1).unwrap();
            assert_eq!(histogram.max(), lengths[n - 1]);
            for percent in [0, 1, 50, 90, 99, 100] {
                let exact = lengths[(n * percent).div_ceil(100).max(1) - 1];
                let found = histogram.percentile(percent as u64);
                let error = found.abs_diff(exact);
                assert!(
                    error * 2 * PARTS <= exact && (exact >= EXACT || error == 0),
                    "{n} {percent}"
                );
            }
            let powers = histogram.by_powers_of_two();
            assert_eq!(powers.iter().map(|(_, documents)| documents).sum::<u64>(), n as u64);
            for (power, documents) in powers {
                let next = if power == 0 { 1 } else { power.saturating_mul(2) };
                let within = lengths.iter().filter(|&&tokens| tokens >= power && tokens < next);
                assert_eq!(within.count() as u64, documents, "{power}");
            }
        }
    }

    #[test]
    fn neither_order_nor_workers_matter() {
        let mut random = Random::new(12);
        for n in [0, 1, 2, 3, 100, 30_000] {
            let lengths: Vec<[u64; 2]> = random_lengths(&mut random, 2 * n)
                .chunks(2)
                .map(|pair| [pair[0], pair[1]])
                .collect();
            let sum = |documents: &mut dyn Iterator<Item = &[u64; 2]>| {
                let mut sum = Histograms::default();
                documents.for_each(|tokens| sum.merge(&Histograms::of_document(tokens)));
                sum
            };
            let whole = sum(&mut lengths.iter());
            let mut other = sum(&mut lengths.iter().rev().step_by(2));
            other.merge(&sum(&mut lengths.iter().rev().skip(1).step_by(2)));
            assert_eq!(whole, other);
            for encoding in 0..2 {
                assert_eq!(whole.get(encoding), other.get(encoding));
            }
        }
    }

    #[test]
    fn few_documents_take_few_bytes_and_many_no_more_than_their_lengths() {
        assert!(Histograms::of_document(&[700]).bytes() <= 64);
        let mut random = Random::new(13);
        let mut sum = Histograms::default();
        for _ in 0..200_000 {
            sum.add(0, random.below(3_000) as u64, 1);
        }
        assert!(sum.bytes() <= 48 + 16 * 2 * 2 * 3_000, "{}", sum.bytes());
    }

    #[test]
    fn limits_are_passed_by_what_is_more() {
        let lengths = Lengths { histograms: false, limits: vec![10, 100_000] };
        let mut tally = Tally { tokens: vec![10, 11, 100_001], ..Tally::default() };
        lengths.measure(&mut tally);
        assert_eq!(tally.documents_over, [0, 0, 1, 0, 1, 1]);
        assert!(tally.histograms.is_empty());
    }
}

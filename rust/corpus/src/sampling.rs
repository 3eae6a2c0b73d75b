//! What an estimate reads: random places in a corpus, and what is to be known of them afterwards to estimate from.
//!
//! The files lie end to end on a line as long as all their bytes. It is cut into strata, of which each gets two draws: two
//! bytes at random. What is read for a draw is the unit that holds the byte: a block of lines, a row group, a whole file.
//! So a unit is drawn with a probability proportional to its bytes, and tokens per byte of the units drawn estimate
//! those of the stratum without bias, however unequal units are (Hansen and Hurwitz 1943). Knows neither files nor
//! formats; the arithmetic of estimates is not here.
//!
//! It is not [`crate::bootstrap`], which keeps what a run over all documents needs for its intervals.

use std::ops::Range;

/// Draws of a stratum: two are the fewest that tell a variance, and the more strata, the less the order of a corpus
/// matters.
const DRAWS: u64 = 2;
/// With fewer draws than this an interval says little: then more is read than was asked for.
const LEAST_DRAWS: f64 = 40.0;
/// A block is as large as gives about so many draws, within these bounds.
const BLOCKS: f64 = 128.0;
const LEAST_BLOCK: u64 = 8 << 10;
const MOST_BLOCK: u64 = 256 << 10;
/// A stratum of a file whose size nobody knows has no more bytes than this.
const MOST_SPACING: u64 = 16 << 20;
/// What is packed is as many times as large once it is unpacked, as a first guess. Only the number of draws depends on
/// it.
const UNPACKED: u64 = 3;

/// What is to be known of a file to plan draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// It has this many bytes, and what is read for a draw is about so many.
    Units { bytes: u64, unit: u64 },
    /// All of it is read, and what comes of that is drawn from. It has about so many bytes, if anybody knows.
    Streamed { bytes: Option<u64>, is_packed: bool },
}

/// The draws of a run.
#[derive(Debug)]
pub(crate) struct SamplePlan {
    seed: u64,
    block: u64,
    chunk: u64,
    /// The bytes of each stratum.
    strata: Vec<u64>,
    /// By file: stratum and byte of each draw, in the order of the bytes.
    draws: Vec<Vec<(u32, u64)>>,
    /// By file: the bytes of a stratum of what is drawn from while it is read.
    spacing: Vec<Option<u64>>,
}

/// What an estimate is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampleDrawn {
    /// The bytes of each stratum.
    pub strata: Vec<u64>,
    /// The stratum of each draw, and the unit that holds it, if one does: an index into `units`.
    pub draws: Vec<(u32, Option<u32>)>,
    /// Name and bytes of each unit that was read. Its documents have the name as the first value of their key, and those
    /// that were counted whatever was drawn have [`CERTAIN`].
    pub units: Vec<(String, u64)>,
}

/// The unit of documents that no draw decides on.
pub const CERTAIN: &str = "certain";

/// A unit that was read: the file, and which of its bytes.
pub(crate) type Unit = (usize, Range<u64>);

/// What documents of the unit of `file` that begins at byte `begin` have in their key.
pub(crate) fn unit_name(file: usize, begin: u64) -> String {
    format!("{file}/{begin}")
}

/// The size of blocks where `bytes` are sampled.
pub(crate) fn block_size(bytes: u64, fraction: f64) -> u64 {
    let block = (fraction * bytes as f64 / BLOCKS).max(1.0) as u64;
    (1 << block.ilog2()).clamp(LEAST_BLOCK, MOST_BLOCK)
}

impl SamplePlan {
    /// Draws about `fraction` of the bytes of files, in blocks of `block` bytes where that is possible, and of `chunk`
    /// where a file is read as a stream. `None`: all of it is to be read, for there is too little to draw from.
    pub fn new(
        files: &[Extent],
        fraction: f64,
        seed: u64,
        block: u64,
        chunk: u64,
    ) -> Option<SamplePlan> {
        let expected = |extent: &Extent| match *extent {
            Extent::Units { bytes, unit } => bytes as f64 / unit.max(1) as f64,
            Extent::Streamed { bytes, is_packed } => {
                unpacked(bytes.unwrap_or_default(), is_packed) as f64 / chunk as f64
            }
        };
        let all: f64 = files.iter().map(expected).sum();
        let is_sized = files.iter().all(|e| !matches!(e, Extent::Streamed { bytes: None, .. }));
        let mut fraction = fraction;
        if is_sized {
            fraction = fraction.max(LEAST_DRAWS / all.max(1.0));
        }
        if fraction >= 1.0 {
            return None;
        }
        let mut plan = SamplePlan {
            seed,
            block,
            chunk,
            strata: Vec::new(),
            draws: vec![Vec::new(); files.len()],
            spacing: vec![None; files.len()],
        };
        // Files that have fewer draws than a stratum has share strata, in their order.
        let (mut shared, mut length, mut pooled) = (Vec::new(), 0, 0.0);
        for (file, extent) in files.iter().enumerate() {
            let draws = fraction * expected(extent);
            match *extent {
                Extent::Streamed { bytes, is_packed } => {
                    let guess = unpacked(bytes.unwrap_or_default(), is_packed);
                    let spacing = match bytes {
                        Some(_) => (DRAWS as f64 * guess as f64 / draws.max(DRAWS as f64)) as u64,
                        None => ((DRAWS * chunk) as f64 / fraction).min(MOST_SPACING as f64) as u64,
                    };
                    plan.spacing[file] = Some(spacing.max(1));
                }
                Extent::Units { bytes: 0, .. } => {}
                Extent::Units { bytes, .. } if draws >= DRAWS as f64 => {
                    let strata = (draws as u64 / DRAWS).min(bytes);
                    let at =
                        |i: u64| (u128::from(bytes) * u128::from(i) / u128::from(strata)) as u64;
                    for i in 0..strata {
                        plan.stratum(&[(file, 0)], at(i)..at(i + 1));
                    }
                }
                Extent::Units { bytes, .. } => {
                    shared.push((file, length));
                    length += bytes;
                    pooled += draws;
                    if pooled >= DRAWS as f64 {
                        plan.stratum(&shared, 0..length);
                        (length, pooled) = (0, 0.0);
                        shared.clear();
                    }
                }
            }
        }
        if length > 0 {
            plan.stratum(&shared, 0..length);
        }
        plan.draws.iter_mut().for_each(|draws| draws.sort_unstable_by_key(|&(_, byte)| byte));
        Some(plan)
    }

    /// Draws from the bytes of a stratum, on which each of `files` begins at its place.
    fn stratum(&mut self, files: &[(usize, u64)], bytes: Range<u64>) {
        let stratum = self.strata.len() as u32;
        let len = bytes.end - bytes.start;
        self.strata.push(len);
        for draw in 0..DRAWS {
            let place = bytes.start + below(self.seed, [u64::MAX, u64::from(stratum), draw], len);
            let next = files.partition_point(|&(_, begin)| begin <= place);
            let (file, begin) = files[next - 1];
            self.draws[file].push((stratum, place - begin));
        }
    }

    /// Bytes of a block.
    pub fn block(&self) -> u64 {
        self.block
    }

    /// Bytes that are read at a time of a stream.
    pub fn chunk(&self) -> u64 {
        self.chunk
    }

    /// Whether anything of `file` is read.
    pub fn reads(&self, file: usize) -> bool {
        self.is_streamed(file) || !self.draws[file].is_empty()
    }

    /// Whether `file` is drawn from while all of it is read.
    pub fn is_streamed(&self, file: usize) -> bool {
        self.spacing[file].is_some()
    }

    /// The bytes of `file` that were drawn, in order.
    pub fn drawn(&self, file: usize) -> impl Iterator<Item = u64> + '_ {
        self.draws[file].iter().map(|&(_, byte)| byte)
    }

    /// Whether a draw of `file`, which is one of units or a stream, is in `range`.
    pub fn hits(&self, file: usize, range: &Range<u64>) -> bool {
        match self.spacing[file] {
            None => {
                let first = self.draws[file].partition_point(|&(_, byte)| byte < range.start);
                self.draws[file].get(first).is_some_and(|(_, byte)| range.contains(byte))
            }
            Some(spacing) if range.is_empty() => spacing == 0,
            Some(spacing) => (range.start / spacing..=(range.end - 1) / spacing)
                .flat_map(|k| self.streamed(file, spacing, k))
                .any(|byte| range.contains(&byte)),
        }
    }

    /// The draws of stratum `k` of a stream.
    fn streamed(&self, file: usize, spacing: u64, k: u64) -> impl Iterator<Item = u64> {
        let seed = self.seed;
        (0..DRAWS).map(move |draw| k * spacing + below(seed, [file as u64, k, draw], spacing))
    }

    /// What was drawn, once these `units` were read and each of these streams to its end.
    pub fn finish(self, mut units: Vec<Unit>, mut streams: Vec<(usize, u64)>) -> SampleDrawn {
        units.sort_unstable_by_key(|(file, range)| (*file, range.start));
        streams.sort_unstable();
        let unit_of = |file: usize, byte: u64| {
            let next = units.partition_point(|(f, range)| (*f, range.start) <= (file, byte));
            let (f, range) = units.get(next.checked_sub(1)?)?;
            (*f == file && range.contains(&byte)).then_some(next as u32 - 1)
        };
        let mut drawn: Vec<(u32, usize, u64)> = Vec::new();
        for (file, draws) in self.draws.iter().enumerate() {
            drawn.extend(draws.iter().map(|&(stratum, byte)| (stratum, file, byte)));
        }
        let mut strata = self.strata.clone();
        for &(file, end) in &streams {
            let Some(spacing) = self.spacing[file] else { continue };
            for k in 0..end.div_ceil(spacing) {
                // Where the last stratum of a stream ends is known only when it has been drawn from. A draw beyond that is
                // none: then the other one counts twice, and without any the bytes are a part of the stratum before. A
                // stream of one stratum has none before; there a draw beyond the end is one of nothing.
                let bytes = spacing.min(end - k * spacing);
                let draws = self.streamed(file, spacing, k);
                let mut met = draws.filter(|&byte| k == 0 || byte < end);
                let Some(first) = met.next() else {
                    *strata.last_mut().expect("one before") += bytes;
                    continue;
                };
                let second = met.next().unwrap_or(first);
                let stratum = strata.len() as u32;
                strata.push(if k == 0 { spacing } else { bytes });
                drawn.extend([first, second].map(|byte| (stratum, file, byte)));
            }
        }
        drawn.sort_unstable();
        SampleDrawn {
            strata,
            draws: drawn.iter().map(|&(s, file, byte)| (s, unit_of(file, byte))).collect(),
            units: units
                .iter()
                .map(|(file, range)| (unit_name(*file, range.start), range.end - range.start))
                .collect(),
        }
    }
}

/// Where parts of these sizes begin and end, on a line of `bytes` that they share in proportion.
pub(crate) fn in_proportion(sizes: &[u64], bytes: u64) -> Vec<Range<u64>> {
    let all: u128 = sizes.iter().map(|&size| u128::from(size)).sum();
    let (mut ranges, mut before) = (Vec::with_capacity(sizes.len()), 0u128);
    let place = |at: u128| (at * u128::from(bytes) / all.max(1)) as u64;
    for &size in sizes {
        let begin = place(before);
        before += u128::from(size);
        ranges.push(begin..place(before));
    }
    ranges
}

fn unpacked(bytes: u64, is_packed: bool) -> u64 {
    if is_packed { bytes.saturating_mul(UNPACKED) } else { bytes }
}

/// A number below `n`, which is not 0, that depends on the seed and these numbers alone (SplitMix64).
fn below(seed: u64, numbers: [u64; 3], n: u64) -> u64 {
    let mut state = mix(seed.wrapping_add(GOLDEN));
    for number in numbers {
        state = mix(state ^ number.wrapping_add(GOLDEN));
    }
    ((u128::from(state) * u128::from(n)) >> 64) as u64
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KB: u64 = 1 << 10;

    fn units(bytes: u64) -> Extent {
        Extent::Units { bytes, unit: (8 * KB).min(bytes) }
    }

    #[test]
    fn strata_are_all_bytes_and_each_has_two_draws() {
        let mut random = fasttok_testing::Random::new(3);
        for round in 0..200 {
            let files: Vec<Extent> = (0..1 + random.below(300))
                .map(|_| units([0, 1, 700, 9000, 5_000_000][random.below(5)]))
                .collect();
            let bytes: u64 = files
                .iter()
                .map(|file| match file {
                    Extent::Units { bytes, .. } => *bytes,
                    Extent::Streamed { .. } => 0,
                })
                .sum();
            let Some(plan) = SamplePlan::new(&files, 0.01, round, 8 * KB, 64 * KB) else {
                assert!(files.len() < 100 && bytes < 400 * 8 * KB, "{bytes}");
                continue;
            };
            assert_eq!(plan.strata.iter().sum::<u64>(), bytes);
            let drawn = plan.draws.iter().flatten().count();
            assert_eq!(drawn, 2 * plan.strata.len());
            for (file, extent) in files.iter().enumerate() {
                let Extent::Units { bytes, .. } = *extent else { unreachable!() };
                assert!(plan.drawn(file).is_sorted());
                for byte in plan.drawn(file) {
                    assert!(byte < bytes);
                    assert!(plan.hits(file, &(byte..byte + 1)));
                    assert!(plan.hits(file, &(byte.saturating_sub(5)..byte + 1)));
                }
                assert!(!plan.hits(file, &(bytes..bytes + 9)));
            }
        }
    }

    #[test]
    fn bytes_are_drawn_alike_and_by_the_seed() {
        let files = [units(4_000_000), units(1000), units(6_000_000)];
        let mut tenths = [0; 10];
        for seed in 0..300 {
            let plan = SamplePlan::new(&files, 0.02, seed, 8 * KB, 64 * KB).unwrap();
            let again = SamplePlan::new(&files, 0.02, seed, 8 * KB, 64 * KB).unwrap();
            assert_eq!(plan.draws, again.draws);
            plan.drawn(2).for_each(|byte| tenths[(byte / 600_000) as usize] += 1);
        }
        let mean = tenths.iter().sum::<usize>() / 10;
        assert!(tenths.iter().all(|&n| n.abs_diff(mean) < mean / 5), "{tenths:?}");
    }

    #[test]
    fn what_is_small_or_asked_for_whole_is_read_whole() {
        assert!(SamplePlan::new(&[units(300_000)], 0.01, 0, 8 * KB, 64 * KB).is_none());
        assert!(SamplePlan::new(&[units(1 << 40)], 1.0, 0, 8 * KB, 64 * KB).is_none());
        assert!(SamplePlan::new(&[], 0.5, 0, 8 * KB, 64 * KB).is_none());
    }

    #[test]
    fn draws_find_their_units_in_files_and_in_streams() {
        let stream = Extent::Streamed { bytes: Some(2_000_000), is_packed: true };
        let files = [units(4_000_000), stream];
        let plan = SamplePlan::new(&files, 0.02, 7, 8 * KB, 64 * KB).unwrap();
        let mut read: Vec<Unit> = Vec::new();
        for file in 0..2 {
            let end = [4_000_000, 5_000_123][file];
            for begin in (0..end).step_by(10_000) {
                let range = begin..(begin + 10_000).min(end);
                if plan.hits(file, &range) {
                    read.push((file, range));
                }
            }
        }
        read.reverse();
        let n = read.len();
        let drawn = plan.finish(read, vec![(1, 5_000_123)]);
        assert_eq!(drawn.units.len(), n);
        assert_eq!(drawn.draws.len(), 2 * drawn.strata.len());
        let hit: std::collections::BTreeSet<u32> =
            drawn.draws.iter().filter_map(|draw| draw.1).collect();
        assert_eq!(hit.len(), n, "each unit was read for a draw");
        // What was drawn beyond the end of the stream is left out.
        assert!(drawn.draws.iter().all(|draw| draw.1.is_some()));
        assert_eq!(drawn.strata.iter().sum::<u64>(), 4_000_000 + 5_000_123);
    }

    #[test]
    fn parts_share_a_line() {
        assert_eq!(in_proportion(&[1, 0, 3], 8), [0..2, 2..2, 2..8]);
        assert_eq!(in_proportion(&[0, 0], 8), [0..0, 0..0]);
        assert_eq!(in_proportion(&[], 8), []);
    }
}

//! Runs over a sample: what is drawn, and that neither threads nor formats change what a unit is.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::CERTAIN;

/// A word that is not to be packed well.
fn word(random: &mut Random) -> String {
    (0..2 + random.below(7)).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
}

/// So many bytes of lines of many lengths.
fn lines(random: &mut Random, bytes: usize) -> String {
    let mut all = String::new();
    while all.len() < bytes {
        let words = if random.below(200) == 0 { 3000 } else { 5 + random.below(40) };
        let text: Vec<String> = (0..words).map(|_| word(random)).collect();
        let text = text.join(" ");
        all += &format!("{{\"text\": \"{text}\", \"tag\": \"{}\"}}\n", random.below(3));
    }
    all
}

fn sampled(folder: &Folder, by: &[&str]) -> Job {
    let by = by.iter().map(|key| Key::parse(key)).collect();
    Job { sample: Some(0.02), seed: 3, by, ..folder.job() }
}

/// A corpus of all kinds of units.
fn corpus() -> Folder {
    let folder = Folder::new();
    let mut random = Random::new(9);
    folder.write("a.jsonl", lines(&mut random, 3_000_000));
    folder.write("b.jsonl.zst", zst(lines(&mut random, 2_000_000).as_bytes()));
    for i in 0..300 {
        folder.write(&format!("small/{i}.txt"), "a few words ".repeat(1 + random.below(300)));
    }
    folder
}

#[test]
fn workers_do_not_matter_and_the_seed_does() {
    let folder = corpus();
    let job = sampled(&folder, &["tag"]);
    let one = try_count(&Job { threads: Some(1), ..job.clone() }, 1 << 20).unwrap();
    for threads in [2, 3, 7] {
        let other = try_count(&Job { threads: Some(threads), ..job.clone() }, 1 << 20).unwrap();
        assert_eq!((&other.sample, &other.groups), (&one.sample, &one.groups));
        assert_eq!(other.totals, one.totals);
    }
    let other = try_count(&Job { seed: 4, ..job }, 1 << 20).unwrap();
    assert_ne!(other.sample, one.sample);
}

#[test]
fn each_document_is_in_a_unit_that_was_drawn() {
    let folder = corpus();
    let all = try_count(&folder.job(), 1 << 20).unwrap();
    let outcome = try_count(&sampled(&folder, &["extension"]), 1 << 20).unwrap();
    let drawn = outcome.sample.as_ref().unwrap();
    let names: BTreeSet<&str> = drawn.units.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), drawn.units.len());
    for group in outcome.groups.iter() {
        let unit = group.key[0].as_deref().unwrap();
        assert!(names.contains(unit), "{unit}");
        assert_eq!(group.key.len(), 2);
    }
    let kinds: BTreeSet<_> = outcome.groups.iter().map(|group| group.key[1].clone()).collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert!(outcome.totals.documents < all.totals.documents / 5);
    assert!(outcome.bytes_read < all.bytes_read * 3 / 4, "the packed file is read, others are not");
    assert!(drawn.draws.iter().filter(|draw| draw.1.is_none()).count() <= 2);
}

/// What the arithmetic of estimates relies on: over many seeds, tokens per byte of the units drawn give the true total.
#[test]
fn the_mean_of_estimates_is_the_total() {
    let folder = corpus();
    let truth = try_count(&folder.job(), 1 << 20).unwrap().totals;
    let mut means = [0.0; 2];
    let seeds = 40;
    for seed in 0..seeds {
        let job = Job { seed, ..sampled(&folder, &[]) };
        let outcome = try_count(&job, 1 << 20).unwrap();
        let drawn = outcome.sample.unwrap();
        let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for group in outcome.groups.iter() {
            let unit = group.key[0].clone().unwrap();
            sums.insert(unit, (group.tally.tokens[0], group.tally.documents));
        }
        for &(stratum, unit) in &drawn.draws {
            let Some(unit) = unit else { continue };
            let (name, bytes) = &drawn.units[unit as usize];
            let (tokens, documents) = sums.get(name).copied().unwrap_or_default();
            let weight = drawn.strata[stratum as usize] as f64 / 2.0 / *bytes as f64;
            means[0] += weight * tokens as f64 / seeds as f64;
            means[1] += weight * documents as f64 / seeds as f64;
        }
    }
    let of_truth = [means[0] / truth.tokens[0] as f64, means[1] / truth.documents as f64];
    // The standard error of the mean is a hundredth at most.
    assert!(of_truth.iter().all(|ratio| (ratio - 1.0).abs() < 0.04), "{of_truth:?}");
}

#[test]
fn long_lines_of_a_stream_are_counted_whatever_is_drawn() {
    let folder = Folder::new();
    let mut random = Random::new(5);
    let line = "many words in one line ".repeat(20_000);
    let short: Vec<String> = (0..200_000).map(|_| word(&mut random)).collect();
    let all = [&short.join("\n"), "\n", &line, "\n", &short.join("\n")].concat();
    folder.write("a.txt.zst", zst(all.as_bytes()));
    let mut job = super::job(&[&folder.path("a.txt.zst")]);
    (job.lines, job.sample) = (true, Some(0.01));
    let outcome = try_count(&job, 1 << 20).unwrap();
    let certain = outcome.groups.iter().find(|g| g.key[0].as_deref() == Some(CERTAIN)).unwrap();
    assert_eq!((certain.tally.documents, certain.tally.bytes), (1, line.len() as u64));
    assert!(outcome.totals.documents < 350_000);
}

#[test]
fn all_is_read_where_that_is_no_more() {
    let folder = Folder::with("a.jsonl", lines(&mut Random::new(1), 200_000));
    let truth = try_count(&folder.job(), 1 << 20).unwrap();
    for fraction in [0.001, 0.5, 1.0] {
        let job = Job { sample: Some(fraction), ..folder.job() };
        let outcome = try_count(&job, 1 << 20).unwrap();
        assert_eq!(outcome.sample, None);
        assert_eq!(outcome.totals, truth.totals);
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = Folder::with("a.txt", "a");
    for fraction in [0.0, -1.0, 1.1, f64::NAN] {
        let job = Job { sample: Some(fraction), ..folder.job() };
        assert!(matches!(try_count(&job, 64), Err(Error::InvalidJob { .. })), "{fraction}");
    }
    let checkpoint = Some(folder.path("checkpoint"));
    let job = Job { sample: Some(0.1), checkpoint, ..folder.job() };
    assert!(matches!(try_count(&job, 64), Err(Error::InvalidJob { .. })));
}

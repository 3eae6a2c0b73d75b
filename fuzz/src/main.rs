//! `make fuzz`: every target on its seeds and on mutations of them, for some seconds each.
//!
//!     fasttok-fuzz [--seconds N] [--seed N] [--target NAME] [--write-seeds FOLDER]
//!
//! What fails is written with the seed that makes it again, and the exit code is 1.

#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use fasttok_fuzz::mutate::mutated;
use fasttok_fuzz::{TARGETS, Target};
use fasttok_testing::Random;

fn main() -> ExitCode {
    let (mut seconds, mut first, mut only, mut folder) = (10u64, None, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().unwrap_or_else(|| usage(&name));
        let number = || value.parse().unwrap_or_else(|_| usage(&name));
        match name.as_str() {
            "--seconds" => seconds = number(),
            "--seed" => first = Some(number()),
            "--target" => only = Some(value),
            "--write-seeds" => folder = Some(value),
            _ => usage(&name),
        }
    }
    if let Some(folder) = folder {
        return write_seeds(&folder);
    }
    let fresh = || SystemTime::UNIX_EPOCH.elapsed().map_or(1, |now| now.as_secs());
    let first = first.unwrap_or_else(fresh);
    let (mut passed, mut failed) = (0, 0);
    for target in TARGETS.iter().filter(|t| only.as_deref().is_none_or(|only| only == t.name)) {
        match run(target, first, Duration::from_secs(seconds)) {
            Ok(inputs) => {
                passed += 1;
                println!("{}: {inputs} inputs from seed {first}", target.name);
            }
            Err(message) => {
                failed += 1;
                println!("{}: {message}", target.name);
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0 || passed == 0))
}

fn usage(name: &str) -> ! {
    eprintln!("{name}: --seconds N, --seed N, --target NAME or --write-seeds FOLDER");
    std::process::exit(2)
}

/// The seeds, then mutations until the time is over: how many inputs held, or the one that did not.
fn run(target: &Target, first: u64, time: Duration) -> Result<u64, String> {
    let seeds = target.seeds();
    for (i, seed) in seeds.iter().enumerate() {
        check(target, seed).map_err(|e| format!("its own seed {i} fails: {e}"))?;
    }
    let begun = Instant::now();
    let mut inputs = seeds.len() as u64;
    let mut seed = first;
    while begun.elapsed() < time {
        let data = mutated(&seeds, &mut Random::new(seed));
        check(target, &data).map_err(|e| {
            format!(
                "fails; --target {} --seed {seed} makes it again: {e}\n{}",
                target.name,
                data.escape_ascii()
            )
        })?;
        seed += 1;
        inputs += 1;
    }
    Ok(inputs)
}

fn check(target: &Target, data: &[u8]) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| target.check(data))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|&s| s.to_owned())).unwrap_or_default()
    })
}

/// Writes the seeds where `cargo fuzz` looks for them.
fn write_seeds(folder: &str) -> ExitCode {
    for target in &TARGETS {
        let folder = std::path::Path::new(folder).join(target.name);
        for (i, seed) in target.seeds().iter().enumerate() {
            let written = std::fs::create_dir_all(&folder)
                .and_then(|()| std::fs::write(folder.join(format!("seed-{i}")), seed));
            if let Err(e) = written {
                eprintln!("{}: {e}", folder.display());
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

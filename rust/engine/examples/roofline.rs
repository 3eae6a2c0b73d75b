//! What the parts of counting allow by themselves, and what counting reaches: `cargo run --release -p
//! fasttok-engine --features probe --example roofline -- ENCODING FILE...`, files as the example `throughput` reads
//! them. Rates are of CPU time; cycles are taken from a chain of rotations and additions, one per cycle.

#![forbid(unsafe_code)]

use std::hint::black_box;

use cpu_time::ThreadTime;

use fasttok_engine::{Counter, Encoding, Level, Special, probe};

/// Text that only warms up.
const WARM: usize = 2_000_000;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let encoding = Encoding::embedded(&args[1]).expect("an embedded encoding");
    let ghz = gigahertz();
    let level = Level::chosen().expect("checked by the encoding").name();
    println!("clock: {ghz:.2} GHz; SIMD: {level}\n");

    println!("| cache | ns a look-up | million a second | cycles |\n|---|---|---|---|");
    let mut of_counter = 0.0;
    for (bits, name) in [(8, "16 KB"), (12, "256 KB"), (14, "1 MB"), (16, "4 MB"), (21, "128 MB")] {
        let look_ups = probe::LookUps::new(bits);
        let ns = best_of(5, || look_ups.run(4_000_000)) * 1e9 / 4e6;
        println!("| {name} | {ns:.1} | {:.0} | {:.0} |", 1e3 / ns, ns * ghz);
        if bits == 16 {
            of_counter = ns;
        }
    }

    println!(
        "\n| text | classes, bytes a cycle | pieces, bytes a cycle | bytes a piece | allowed, MB/s | reached, MB/s |"
    );
    println!("|---|---|---|---|---|---|");
    for file in &args[2..] {
        let data = std::fs::read(file).expect("a file");
        let documents = documents(&data);
        let text: Vec<u8> = documents.iter().flat_map(|text| text.bytes()).collect();
        let bytes = text.len() as f64;
        let classify = best_of(3, || probe::classify(&text));
        let mut count = 0u64;
        let pieces = best_of(3, || {
            count = documents.iter().map(|text| probe::pieces(&encoding, text.as_bytes())).sum();
            count
        });
        // As if each piece were looked up, and known.
        let allowed = bytes / (pieces + count as f64 * of_counter / 1e9) / 1e6;
        let mut counter = Counter::new(encoding.clone());
        let (mut warm, mut seen) = (0, 0);
        while seen < WARM.min(text.len() / 8) {
            seen += documents[warm].len();
            counter.count(documents[warm], Special::Text).expect("plain text");
            warm += 1;
        }
        let start = ThreadTime::now();
        for text in &documents[warm..] {
            black_box(counter.count(text, Special::Text).expect("plain text"));
        }
        let reached = (bytes - seen as f64) / start.elapsed().as_secs_f64() / 1e6;
        println!(
            "| {} | {:.1} | {:.2} | {:.1} | {allowed:.0} | {reached:.0} |",
            file.rsplit('/').next().unwrap_or(file).split('.').next().unwrap_or(file),
            bytes / (classify * ghz * 1e9),
            bytes / (pieces * ghz * 1e9),
            bytes / count as f64,
        );
    }
}

fn documents(mut data: &[u8]) -> Vec<&str> {
    let mut documents = Vec::new();
    while let Some((len, tail)) = data.split_first_chunk::<4>() {
        let (text, rest) = tail.split_at(u32::from_le_bytes(*len) as usize);
        documents.push(std::str::from_utf8(text).expect("UTF-8"));
        data = rest;
    }
    documents
}

/// Seconds of CPU of the fastest of some runs.
fn best_of(runs: usize, mut run: impl FnMut() -> u64) -> f64 {
    let times = (0..runs).map(|_| {
        let start = ThreadTime::now();
        black_box(run());
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

/// The clock's rate: of rotations and additions that wait for one another one is done in each cycle, and no compiler
/// joins them.
fn gigahertz() -> f64 {
    const ROUNDS: u64 = 25_000_000;
    let seconds = best_of(5, || {
        let mut x = 1u64;
        for _ in 0..ROUNDS / 8 {
            for _ in 0..8 {
                x = x.rotate_left(1).wrapping_add(1);
            }
        }
        x
    });
    2.0 * ROUNDS as f64 / seconds / 1e9
}

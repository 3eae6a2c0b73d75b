//! Counts the documents of a file (4-byte little-endian length, then the text, repeated) and prints
//! MB per CPU second: a probe for profilers. `throughput ENCODING FILE [SKIP_BYTES [check | ids]]`: documents in
//! the first SKIP_BYTES only warm the caches; counts are held against ids, or ids are made instead.

use std::sync::Arc;

use cpu_time::ThreadTime as Instant;

use fasttok_engine::{Counter, Encoder, Encoding, FileOptions, Level, Special};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let data = std::fs::read(&args[2]).expect("a file");
    let skip: usize = args.get(3).map_or(0, |s| s.parse().expect("bytes"));
    let what = args.get(4).map_or("", String::as_str);
    let (check, encodes) = (what == "check", what == "ids");
    let start = Instant::now();
    let encoding = match std::fs::read(&args[1]) {
        Ok(file) => {
            let options = FileOptions { name: args[1].clone(), ..FileOptions::default() };
            Arc::new(Encoding::from_file_bytes(&file, options).expect("a tokenizer file"))
        }
        Err(_) => Encoding::embedded(&args[1]).expect("a file or an embedded encoding"),
    };
    let loaded = start.elapsed();
    let mut counter = Counter::new(encoding.clone());
    let mut encoder = Encoder::new(encoding.clone());
    let mut ids = Vec::new();
    let ready = start.elapsed();
    let mut documents = Vec::new();
    let mut rest = data.as_slice();
    while let Some((len, tail)) = rest.split_first_chunk::<4>() {
        let (text, tail) = tail.split_at(u32::from_le_bytes(*len) as usize);
        rest = tail;
        documents.push(std::str::from_utf8(text).expect("UTF-8"));
    }
    let (mut tokens, mut bytes, mut seen) = (0, 0, 0);
    let mut clock = Instant::now();
    let mut warm = skip > 0;
    let mut documents = documents.into_iter().peekable();
    while documents.peek().is_some() {
        // A task of `count_batch` is as long.
        let (mut texts, mut task) = (Vec::new(), 0);
        while task < 256 << 10
            && let Some(text) = documents.next()
        {
            texts.push(text);
            task += text.len();
        }
        seen += task;
        if warm && seen > skip {
            (warm, tokens, bytes, clock) = (false, 0, 0, Instant::now());
        }
        let counts: &[u64] = if encodes {
            ids.clear();
            for text in &texts {
                encoder.encode(text, Special::Text, &mut ids).expect("plain text");
            }
            &[ids.len() as u64]
        } else {
            let mut batch = counter.batch();
            for text in &texts {
                batch.add(text, Special::Text).expect("plain text");
            }
            batch.finish()
        };
        if check {
            for (text, &count) in texts.iter().zip(counts) {
                let mut ids = Vec::new();
                encoding.encode(text, Special::Text, &mut ids).expect("plain text");
                assert_eq!(count, ids.len() as u64, "{text:?}");
            }
        }
        tokens += counts.iter().sum::<u64>();
        bytes += task;
    }
    let seconds = clock.elapsed().as_secs_f64();
    println!(
        "{} {} load {:.1?} ready {:.1?} tokens {tokens} bytes {bytes} {:.0} MB/s",
        args[2],
        Level::chosen().expect("checked by the encoding").name(),
        loaded,
        ready,
        bytes as f64 / seconds / 1e6
    );
}

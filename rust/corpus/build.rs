//! Writes the table of scripts: the Script and Script_Extensions of every character, from `unicode-script`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use unicode_script::{Script, UNICODE_VERSION, UnicodeScript};

/// The class of a character: its script, or, of a character that several scripts share, the scripts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Script(&'static str),
    Shared { scripts: Vec<&'static str>, script: &'static str },
}

fn class_of(c: char) -> Class {
    let script = c.script();
    if !matches!(script, Script::Common | Script::Inherited) {
        return Class::Script(script.short_name());
    }
    let extension = c.script_extension();
    if extension.is_common() || extension.is_inherited() {
        return Class::Script(script.short_name());
    }
    let scripts: Vec<_> = extension.iter().map(Script::short_name).collect();
    match scripts[..] {
        [only] => Class::Script(only),
        _ => Class::Shared { scripts, script: script.short_name() },
    }
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let unknown = Class::Script(Script::Unknown.short_name());
    let classes: Vec<Class> =
        (0..0x11_0000).map(|c| char::from_u32(c).map_or(unknown.clone(), class_of)).collect();
    // Scripts come before what several of them share, both in the order of their names.
    let mut numbers: BTreeMap<Class, usize> = classes.iter().cloned().map(|c| (c, 0)).collect();
    for (i, number) in numbers.values_mut().enumerate() {
        *number = i;
    }

    let mut blocks: Vec<Vec<usize>> = Vec::new();
    let mut index = Vec::new();
    for block in classes.chunks(64) {
        let block: Vec<_> = block.iter().map(|class| numbers[class]).collect();
        let at = blocks.iter().position(|b| *b == block).unwrap_or_else(|| {
            blocks.push(block);
            blocks.len() - 1
        });
        index.push(at);
    }

    // Filled up, so that whatever 21 bits or a block's number says is in the table.
    index.resize(1 << 15, 0);
    blocks.resize(blocks.len().next_power_of_two(), vec![0; 64]);
    let two_bytes: Vec<_> = classes[..1 << 11].iter().map(|class| numbers[class]).collect();

    let numbered: Vec<_> = classes[..1 << 16].iter().map(|class| numbers[class]).collect();
    let runs: Vec<_> = numbered.chunk_by(|a, b| a == b).map(<[usize]>::len).collect();
    let mut end = 0;
    let last_of_runs: Vec<_> = runs
        .iter()
        .map(|length| {
            end += length;
            end - 1
        })
        .collect();

    let (mut names, mut shared) = (Vec::new(), Vec::new());
    for class in numbers.keys() {
        match class {
            Class::Script(name) => names.push(*name),
            Class::Shared { scripts, script } => {
                let number = |name: &&'static str| numbers[&Class::Script(name)];
                shared.push((scripts.iter().map(number).collect::<Vec<_>>(), number(script)));
            }
        }
    }
    let mut out = String::new();
    let (major, minor, patch) = UNICODE_VERSION;
    write!(
        out,
        "/// The version of Unicode that the scripts are those of.\n\
         pub const SCRIPTS_UNICODE_VERSION: &str = \"{major}.{minor}.{patch}\";\n\
         /// The names (ISO 15924) of the classes that are scripts: the first ones.\n\
         static SCRIPTS: [&str; {}] = {names:?};\n\
         /// Of the other classes: the scripts that share the character, and the Script it has itself.\n\
         static SHARED: [(&[u16], u16); {}] = [",
        names.len(),
        shared.len()
    )
    .expect("memory");
    for (scripts, script) in &shared {
        write!(out, "(&{scripts:?}, {script}),").expect("memory");
    }
    write!(
        out,
        "];\n\
         /// The classes of what UTF-8 has one or two bytes for.\n\
         static TWO_BYTES: [u16; {}] = {two_bytes:?};\n\
         /// Which of the blocks each 64 characters are.\n\
         static INDEX: [u16; {}] = {index:?};\n\
         /// The classes of 64 characters.\n\
         static BLOCKS: [[u16; 64]; {}] = {blocks:?};\n\
         /// The last characters of the runs of one class, up to U+FFFF.\n\
         static LAST_OF_RUNS: [u16; {}] = {last_of_runs:?};\n",
        two_bytes.len(),
        index.len(),
        blocks.len(),
        last_of_runs.len()
    )
    .expect("memory");
    for name in ["Zyyy", "Zinh", "Zzzz", "Latn", "Hani", "Hira", "Kana", "Hang", "Bopo"] {
        let number = names.iter().position(|n| *n == name).expect("a script");
        writeln!(out, "const {}: u16 = {number};", name.to_uppercase()).expect("memory");
    }
    let path = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo")).join("scripts.rs");
    fs::write(path, out).expect("the folder of the build");
}

//! The fuzz targets, driven here as well: by random bytes, by good input broken in every way, and by good input with a
//! few bytes changed. And no parser of bytes from outside without a target.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use crate::mutate::{cuts, pieces};

#[path = "../../fuzz/targets.rs"]
mod targets;
use targets::TARGETS;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_target_takes_good_input_and_all_that_can_be_broken_of_it() {
    for target in TARGETS {
        assert!(!target.seeds.is_empty(), "{}", target.name);
        for seed in target.seeds {
            (target.run)(seed);
            cuts(seed).chain(pieces(seed, b"\n>,;|")).for_each(|mutant| (target.run)(&mutant.bytes));
        }
    }
}

// PROPTEST_CASES=100000 for a longer round.
proptest! {
    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        TARGETS.iter().for_each(|target| (target.run)(&bytes));
    }

    #[test]
    fn good_input_with_a_few_bytes_changed_is_taken(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..8)
    ) {
        for target in TARGETS {
            for seed in target.seeds {
                let mut bytes = seed.to_vec();
                for (place, byte, deed) in &changes {
                    let at = place.index(bytes.len().max(1));
                    match deed {
                        0 if at < bytes.len() => bytes[at] = *byte,
                        1 if at < bytes.len() => drop(bytes.remove(at)),
                        _ => bytes.insert(at.min(bytes.len()), *byte),
                    }
                }
                (target.run)(&bytes);
            }
        }
    }
}

/// Names of files that read bytes from outside.
const PARSERS: [&str; 9] = [
    "sequence.rs",
    "wire.rs",
    "queue_log.rs",
    "xml.rs",
    "sip.rs",
    "form.rs",
    "inflate.rs",
    "digest.rs",
    "dialog.rs",
];

/// Those below `src`.
fn parsers(folder: &Path, found: &mut BTreeSet<String>) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            parsers(&path, found);
        } else if PARSERS.iter().any(|name| path.ends_with(name)) {
            found.insert(path.strip_prefix(root().join("src")).unwrap().display().to_string());
        }
    }
}

#[test]
fn no_parser_is_without_a_target_and_each_target_has_its_file() {
    let mut wanted = BTreeSet::new();
    for folder in ["src/sources", "src/protocol", "src/tui/guard"] {
        parsers(&root().join(folder), &mut wanted);
    }
    let covered: BTreeSet<String> =
        TARGETS.iter().flat_map(|target| target.covers).map(|file| (*file).to_owned()).collect();
    let missing: Vec<&String> = wanted.difference(&covered).collect();
    assert!(wanted.len() >= 6 && missing.is_empty(), "no fuzz target for {missing:?}");
    let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for target in TARGETS {
        for file in target.covers {
            assert!(root().join("src").join(file).is_file(), "{}: there is no {file}", target.name);
        }
        let program =
            std::fs::read_to_string(root().join(format!("fuzz/fuzz_targets/{}.rs", target.name))).unwrap();
        assert!(program.contains(&format!("targets::{}(bytes)", target.name)), "{program}");
        assert!(manifest.contains(&format!("name = \"{}\"", target.name)), "{} is not built", target.name);
    }
}

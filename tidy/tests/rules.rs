//! House rules: file length, crate edges, module docs, owned TODOs, and the feature table.

use std::collections::{BTreeMap, BTreeSet};

use tidy::{File, files};

/// What a crate may depend on among ours. Arrows point down; the longest chain is four.
const EDGES: [(&str, &[&str]); 13] = [
    ("tacho-model", &[]),
    ("tacho-stats", &[]),
    ("tacho-wire", &["tacho-model"]),
    ("tacho-promql", &["tacho-model"]),
    ("tacho-semconv", &["tacho-model"]),
    ("tacho-profile", &["tacho-model"]),
    ("tacho-analysis", &["tacho-model", "tacho-stats"]),
    ("tacho-store", &["tacho-model"]),
    ("tacho-collect", &["tacho-model"]),
    ("tacho-report", &["tacho-model", "tacho-analysis"]),
    (
        "tacho-server",
        &[
            "tacho-model",
            "tacho-stats",
            "tacho-wire",
            "tacho-promql",
            "tacho-semconv",
            "tacho-profile",
            "tacho-analysis",
            "tacho-store",
            "tacho-collect",
            "tacho-report",
        ],
    ),
    // It knows the server by its address only, as any program does.
    ("tacho-demo", &["tacho-model", "tacho-stats", "tacho-wire"]),
    // The binary names types of the layers below in its configuration, and holds no logic.
    (
        "tacho",
        &[
            "tacho-model",
            // `query` tells selectors from expressions before it asks.
            "tacho-promql",
            "tacho-analysis",
            "tacho-demo",
            "tacho-store",
            "tacho-server",
        ],
    ),
];

/// Files may be this long.
const LINES_MAX: usize = 600;
/// Longer files, each with its reason.
const LONG_FILES: [(&str, &str); 0] = [];

fn rust(files: &[File]) -> impl Iterator<Item = &File> {
    files
        .iter()
        .filter(|file| file.path.rsplit('.').next() == Some("rs"))
}

fn assert_none(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn files_can_be_read_in_a_sitting() {
    let known: BTreeMap<_, _> = LONG_FILES.into_iter().collect();
    let source = |path: &str| {
        [".rs", ".ts", ".tsx", ".css"]
            .iter()
            .any(|end| path.ends_with(end))
    };
    let broken: Vec<String> = files()
        .iter()
        .filter(|file| source(&file.path) && !known.contains_key(file.path.as_str()))
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(file, lines)| format!("{}: {lines} lines", file.path))
        .collect();
    assert_none(
        &broken,
        &format!("files have at most {LINES_MAX} lines, or a reason"),
    );
}

#[test]
fn crates_depend_downwards_only() {
    let allowed: BTreeMap<_, BTreeSet<_>> = EDGES
        .iter()
        .map(|(name, on)| (*name, on.iter().copied().collect()))
        .collect();
    let mut broken = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files() {
        let name = file
            .path
            .strip_prefix("crates/")
            .and_then(|p| p.strip_suffix("/Cargo.toml"));
        let Some(name) = name else { continue };
        seen.insert(name.to_owned());
        let Some(allowed) = allowed.get(name) else {
            broken.push(format!("{name} is not in the table of edges"));
            continue;
        };
        // Tests may use what they like: an edge that only they have makes nothing depend on it.
        let shipped = file.text.split("[dev-dependencies]").next().unwrap_or("");
        for line in shipped.lines().filter(|line| line.starts_with("tacho-")) {
            let on = line.split(['.', ' ', '=']).next().unwrap_or("");
            if !allowed.contains(on) {
                broken.push(format!("{name} must not depend on {on}"));
            }
        }
    }
    broken.extend(
        allowed
            .keys()
            .filter(|k| !seen.contains(**k))
            .map(|k| format!("there is no {k}")),
    );
    assert_none(&broken, "crate edges");
}

#[test]
fn only_the_edges_are_async() {
    let sync = [
        "model", "stats", "wire", "promql", "semconv", "profile", "analysis", "store", "collect",
        "report", "demo",
    ];
    let broken: Vec<String> = rust(&files())
        .filter(|file| {
            sync.iter()
                .any(|c| file.path.starts_with(&format!("crates/tacho-{c}/")))
        })
        .filter(|file| file.text.contains("async fn") || file.text.contains("tokio::"))
        .map(|file| file.path.clone())
        .collect();
    assert_none(&broken, "these crates are synchronous");
}

#[test]
fn modules_say_what_they_are() {
    let broken: Vec<String> = rust(&files())
        // A file of tests beside its module is documented by the module.
        .filter(|file| !file.path.ends_with("tests.rs"))
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| file.path.clone())
        .collect();
    assert_none(&broken, "modules open with //! and say what they are for");
}

#[test]
fn contents_pages_hold_no_logic() {
    let broken: Vec<String> = rust(&files())
        .filter(|file| file.path.starts_with("crates/") && file.path.ends_with("src/lib.rs"))
        .filter(|file| {
            file.text
                .lines()
                .any(|l| l.trim_start().starts_with("fn ") || l.contains(" fn "))
        })
        .map(|file| file.path.clone())
        .collect();
    assert_none(&broken, "lib.rs is a contents page");
}

#[test]
fn every_todo_has_an_owner() {
    // Assembled here so that this rule does not find itself.
    let words = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["X", "XX"].concat(),
    ];
    let mut broken = Vec::new();
    for file in files() {
        if file.path.starts_with("tidy/") || file.path.ends_with("-lock.json") {
            continue;
        }
        for (number, line) in file.text.lines().enumerate() {
            let owned = |word: &String| line.contains(&format!("{word}("));
            if words
                .iter()
                .any(|word| has_word(line, word) && !owned(word))
            {
                broken.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    assert_none(&broken, "a left-over names its owner, as in WORD(name)");
}

fn has_word(line: &str, word: &str) -> bool {
    let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    line.match_indices(word).any(|(at, _)| {
        boundary(line[..at].chars().next_back()) && boundary(line[at + word.len()..].chars().next())
    })
}

#[test]
fn no_bare_allow() {
    let attribute = ["#[al", "low("].concat();
    let broken: Vec<String> = rust(&files())
        .filter(|file| file.text.contains(&attribute))
        .map(|file| file.path.clone())
        .collect();
    assert_none(&broken, "use #[expect(lint, reason = \"…\")]");
}

#[test]
fn features_are_proven_by_tests_of_that_name() {
    let files = files();
    let table = files.iter().find(|file| file.path == "docs/features.md");
    let table = table.expect("docs/features.md is there");
    let all: String = files
        .iter()
        .filter(|f| f.path != "docs/features.md" && !f.path.starts_with("tidy/"))
        .filter(|f| {
            [".rs", ".ts", ".tsx", ".mjs", ".py", ".sh"]
                .iter()
                .any(|e| f.path.ends_with(e))
        })
        .map(|f| f.text.as_str())
        .collect();
    let mut broken = Vec::new();
    let mut rows = 0;
    for line in table.text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [id, _, _, tests] = cells.as_slice() else {
            broken.push(format!("not four columns: {line}"));
            continue;
        };
        if *id == "id" || id.starts_with("---") {
            continue;
        }
        rows += 1;
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            broken.push(format!("{id} names no test"));
        }
        // A Rust test is a function of that name; a test of the page or of a script is a title.
        let found = |name: &str| {
            all.contains(&format!("fn {name}("))
                || all.contains(&format!("'{name}'"))
                || all.contains(&format!("\"{name}\""))
                || all.contains(&format!("def {name}("))
        };
        broken.extend(
            names
                .into_iter()
                .filter(|n| !found(n))
                .map(|n| format!("{id}: there is no test {n}")),
        );
    }
    assert!(rows > 0, "docs/features.md has rows");
    assert_none(&broken, "docs/features.md");
}

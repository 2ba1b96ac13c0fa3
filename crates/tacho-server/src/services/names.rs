//! Names near one that is not there, for who mistyped it.

/// Most names that are suggested.
const SUGGESTED_MAX: usize = 3;
/// Longest name that is compared, in characters.
const CHARS_MAX: usize = 100;
/// Most names that are compared.
const COMPARED_MAX: usize = 10_000;

/// The names that differ least from `wanted`, the nearest first; none where all differ much.
pub fn near<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let folded = |text: &str| -> Vec<char> {
        let all = text.chars().flat_map(char::to_lowercase);
        all.take(CHARS_MAX).collect()
    };
    let wanted = folded(wanted);
    let mut all: Vec<(usize, &str)> = Vec::new();
    for name in names.into_iter().take(COMPARED_MAX) {
        let other = folded(name);
        let shorter = wanted.len().min(other.len());
        let is_part = shorter >= 3 && (contains(&other, &wanted) || contains(&wanted, &other));
        let distance = if is_part {
            1
        } else {
            distance(&wanted, &other)
        };
        if distance <= 1 + wanted.len().max(other.len()) / 4 {
            all.push((distance, name));
        }
    }
    all.sort_unstable();
    all.dedup();
    let nearest = all.into_iter().take(SUGGESTED_MAX);
    nearest.map(|(_, name)| name).collect()
}

/// `; did you mean `a` or `b`?`, or nothing.
pub fn suggestion<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let near: Vec<String> = near(wanted, names)
        .into_iter()
        .map(|name| format!("`{name}`"))
        .collect();
    if near.is_empty() {
        return String::new();
    }
    format!("; did you mean {}?", near.join(" or "))
}

fn contains(text: &[char], part: &[char]) -> bool {
    text.windows(part.len().max(1)).any(|window| window == part)
}

/// How many characters must be put in, taken out or changed (Levenshtein, 1966).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut before = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = before + usize::from(from != to);
            before = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_first() {
        let names = ["shop/checkout", "checkout", "Chekout", "payments", "größe"];
        let check = |wanted: &str, expected: &[&str]| {
            assert_eq!(near(wanted, names), expected, "{wanted}");
        };
        check("chckout", &["Chekout", "checkout"]);
        check("check", &["checkout", "shop/checkout"]);
        check("GRÖSSE", &["größe"]);
        check("inventory", &[]);
        check("", &[]);
        assert_eq!(suggestion("payment", names), "; did you mean `payments`?");
        assert_eq!(suggestion("zzz", []), "");
    }
}

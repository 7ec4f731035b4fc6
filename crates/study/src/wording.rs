//! A deserialiser's errors in the words of the person who wrote the file.

/// What is wrong, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wording {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// Rewords an error of reading the table `path`; the empty path is the file itself.
pub(crate) fn reworded(message: &str, path: &str) -> Wording {
    let with = |message: String, hint: String| Wording { message, hint: Some(hint) };
    if let Some(field) = message.strip_prefix("missing field ") {
        let place = if path.is_empty() { String::new() } else { format!(" in [{path}]") };
        let key = field.trim_matches('`');
        return with(format!("{field} is missing{place}"), format!("add `{key} = ...`"));
    }
    if let Some((name, known)) = split(message, "unknown field ") {
        return with(format!("unknown key `{name}`"), keys_hint("the keys here", name, &known));
    }
    if let Some((word, known)) = split(message, "unknown variant ") {
        let words: Vec<String> = known.iter().map(|word| format!("\"{word}\"")).collect();
        return with(
            format!("\"{word}\" is not a word that may stand here"),
            format!("write {}", one_of(&words)),
        );
    }
    let unfit = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.split_once(", expected "));
    if let Some((found, expected)) = unfit {
        let (wanted, hint) = wanted(found, expected);
        return with(format!("{} stands where {wanted} belongs", found_in_words(found)), hint);
    }
    Wording { message: message.to_owned(), hint: None }
}

/// Rewords an error of a value that has several shapes, of which `found` is none: its type says
/// what it expects.
pub(crate) fn reworded_choice(message: &str, found: &str, path: &str) -> Wording {
    let Some(expected) = message.strip_prefix("expected ") else {
        return reworded(message, path);
    };
    let word = found.trim_matches('"');
    let meant = expected
        .split('"')
        .skip(1)
        .step_by(2)
        .find(|known| word != found && word != *known && is_near(word, known));
    let hint = match meant {
        Some(known) => format!("did you mean \"{known}\"? write {expected}"),
        None => format!("write {expected}"),
    };
    Wording { message: format!("{found} is not what may stand here"), hint: Some(hint) }
}

/// Rewords an error of the TOML parser. Its own words stay, since they name the characters.
pub(crate) fn reworded_syntax(message: &str) -> Wording {
    let hint = if message.contains("duplicate key") {
        "a key stands once in its table: keep one of them"
    } else if message.contains("string") {
        "texts stand in quotes, on one line"
    } else {
        "the file is TOML: `key = value`, a line each; texts in quotes, lists in [ ], tables in { } \
         or under [name]"
    };
    Wording { message: message.to_owned(), hint: Some(hint.to_owned()) }
}

/// A hint that names the legal keys, and the one that was probably meant.
pub fn keys_hint<S: AsRef<str>>(what: &str, given: &str, known: &[S]) -> String {
    let list = known.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    let meant = known
        .iter()
        .map(|key| (distance(given, key.as_ref()), key.as_ref()))
        .filter(|(distance, key)| *distance <= 2 && *distance < key.len())
        .min_by_key(|(distance, _)| *distance);
    match meant {
        Some((_, key)) => format!("did you mean `{key}`? {what} are {list}"),
        None => format!("{what} are {list}"),
    }
}

/// The name and the legal names of `<prefix>`name`, expected one of `a`, `b``.
fn split<'m>(message: &'m str, prefix: &str) -> Option<(&'m str, Vec<&'m str>)> {
    let mut quoted = message.strip_prefix(prefix)?.split('`').skip(1).step_by(2);
    let name = quoted.next()?;
    Some((name, quoted.collect()))
}

/// What was found: `string "much"` is `the text "much"`.
fn found_in_words(found: &str) -> String {
    let plain = found.replace('`', "");
    let (kind, value) = plain.split_once(' ').unwrap_or((&plain, ""));
    match kind {
        "string" => format!("the text {value}"),
        "boolean" => format!("the word {value}"),
        "integer" => format!("the number {value}"),
        "floating" => format!("the number {}", value.trim_start_matches("point ")),
        "sequence" => "a list".to_owned(),
        "map" => "a table".to_owned(),
        _ => plain,
    }
}

/// What belongs there, and how it is written.
fn wanted(found: &str, expected: &str) -> (String, String) {
    let is_list = found == "sequence";
    let (wanted, hint) = match expected {
        "f64" | "u64" | "usize" | "i64" | "u32" | "i32" if is_list => (
            "one number",
            "lists are for sweeps: they may stand in the tables of [sizing] and in account.equity",
        ),
        "f64" => ("a number", "write a number without quotes, such as 0.5"),
        "u64" | "usize" | "i64" | "u32" | "i32" => {
            ("a whole number from 0 on", "write a whole number without quotes, such as 20")
        }
        "a string" => ("a text", "write it in quotes"),
        "a sequence" => ("a list", "write it in brackets, such as [\"BTCUSDT\"]"),
        "a boolean" => ("true or false", "write true or false without quotes"),
        "a TOML datetime" => {
            ("a date", "write it without quotes: 2025-10-10 or 2025-10-10T21:00:00Z (UTC)")
        }
        "a map" => ("a table", "write it as { key = value } or under a [name] of its own"),
        other if other.starts_with("struct ") => {
            ("a table", "write it as { key = value } or under a [name] of its own")
        }
        other => return (other.to_owned(), format!("write {other}")),
    };
    (wanted.to_owned(), hint.to_owned())
}

fn one_of(words: &[String]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Whether one key may have been meant as the other.
pub(crate) fn is_near(a: &str, b: &str) -> bool {
    distance(a, b) <= 2
}

/// Least number of letters inserted, left out, replaced, or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, keys_hint, reworded};

    #[test]
    fn distances() {
        for (a, b, expect) in [
            ("", "", 0),
            ("costs", "costs", 0),
            ("cost", "costs", 1),
            ("marign", "margin", 1),
            ("levrage", "leverage", 1),
            ("abc", "xyz", 3),
            ("", "ab", 2),
        ] {
            assert_eq!(distance(a, b), expect, "{a} {b}");
            assert_eq!(distance(b, a), expect, "{b} {a}");
        }
    }

    #[test]
    fn a_near_key_is_suggested_and_a_far_one_is_not() {
        assert_eq!(
            keys_hint("the keys", "cost", &["name", "costs"]),
            "did you mean `costs`? the keys are name, costs"
        );
        assert_eq!(keys_hint("the keys", "what", &["name"]), "the keys are name");
        // Two letters of two are no likeness.
        assert_eq!(keys_hint("the keys", "zz", &["of"]), "the keys are of");
    }

    #[test]
    fn words_for_every_kind_of_error() {
        for (message, expect) in [
            ("missing field `bar`", "`bar` is missing in [data]"),
            ("unknown field `x`, expected `a` or `b`", "unknown key `x`"),
            (
                "unknown variant `x`, expected one of `a`, `b`, `c`",
                "\"x\" is not a word that may stand here",
            ),
            (
                "invalid type: string \"much\", expected f64",
                "the text \"much\" stands where a number belongs",
            ),
            (
                "invalid type: boolean `true`, expected a string",
                "the word true stands where a text belongs",
            ),
            (
                "invalid type: floating point `1.5`, expected usize",
                "the number 1.5 stands where a whole number from 0 on belongs",
            ),
            (
                "invalid value: integer `-5`, expected usize",
                "the number -5 stands where a whole number from 0 on belongs",
            ),
            ("invalid type: sequence, expected f64", "a list stands where one number belongs"),
            (
                "invalid type: integer `1`, expected struct SizingRule",
                "the number 1 stands where a table belongs",
            ),
            ("something of its own", "something of its own"),
        ] {
            assert_eq!(reworded(message, "data").message, expect);
        }
    }
}

//! What a user can set about ingestion: policies of rules, and limits of files.
//!
//! ```toml
//! [policy]                    # rule = "refuse", "flag" or "repair"
//! ohlc_order   = "repair"
//! unknown_side = "flag"
//!
//! [limits]                    # whole numbers
//! file_bytes = 2_000_000_000
//! ```

use std::fmt;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::limits::Limits;
use crate::policy::{Policies, Policy, Rule};

/// Policies and limits of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What is done where a rule is broken.
    pub policies: Policies,
    /// How large a file and its parts may be.
    pub limits: Limits,
}

impl Settings {
    /// Reads a settings file.
    ///
    /// # Errors
    /// [`SettingsError::Io`], or [`SettingsError::Mistakes`] with every mistake of the file.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let file = path.display().to_string();
        // Opening a pipe would wait for somebody to write to it.
        let text = match std::fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no regular file"))
            }
            _ => std::fs::read_to_string(path),
        };
        match text {
            Ok(text) => Self::parse(&text)
                .map_err(|mistakes| SettingsError::Mistakes { file, mistakes: Mistakes(mistakes) }),
            Err(source) => Err(SettingsError::Io { file, source }),
        }
    }

    /// Reads the text of a settings file.
    ///
    /// # Errors
    /// Every mistake, in the order of the text.
    ///
    /// # Examples
    /// ```
    /// use plimsoll_ingest::{Policy, Rule, Settings};
    ///
    /// let settings = Settings::parse("[policy]\nohlc_order = 'repair'").unwrap();
    /// assert_eq!(settings.policies.of(Rule::OhlcOrder), Policy::Repair);
    ///
    /// let mistakes = Settings::parse("[policy]\nohlc_order = 'flag'\nspeed = 'refuse'").unwrap_err();
    /// assert_eq!(mistakes.len(), 2);
    /// assert_eq!(mistakes[0].to_string(), "2: `ohlc_order` cannot be `flag`; it can be refuse or repair");
    /// ```
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let mut reader = Reader { text, mistakes: Vec::new() };
        let mut settings = Self::default();
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            reader.add(error.span().map_or(0, |span| span.start), "", error.message().to_owned());
        }
        for (key, value) in root.get_ref() {
            let name = key.get_ref().as_ref();
            let place = key.span().start;
            match (name, value.get_ref()) {
                ("policy", DeValue::Table(table)) => reader.policies(table, &mut settings.policies),
                ("limits", DeValue::Table(table)) => reader.limits(table, &mut settings.limits),
                ("policy" | "limits", _) => {
                    reader.add(place, name, format!("`{name}` is a table: write [{name}]"));
                }
                _ => reader.add(
                    place,
                    name,
                    format!("`{name}` is no table of the settings; they are policy and limits"),
                ),
            }
        }
        if reader.mistakes.is_empty() {
            return Ok(settings);
        }
        reader.mistakes.sort_by_key(|mistake| mistake.line);
        Err(reader.mistakes)
    }
}

/// Why settings could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file could not be read.
    #[error("{file}: {source}")]
    Io {
        /// The file, as the user named it.
        file: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It says what cannot be.
    #[error("{}", mistakes.of_file(file))]
    Mistakes {
        /// The file, as the user named it.
        file: String,
        /// All of them, in the order of the file.
        mistakes: Mistakes,
    },
}

/// Every mistake of a settings file, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    fn of_file(&self, file: &str) -> String {
        let lines: Vec<String> = self.0.iter().map(|one| format!("{file}:{one}")).collect();
        lines.join("\n")
    }
}

/// One mistake. Prints as `line: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line of the file, from 1.
    pub line: usize,
    /// The key, as `policy.ohlc_order`; empty where the text is no TOML.
    pub key: String,
    /// What is wrong, and what could stand there.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

struct Reader<'t> {
    text: &'t str,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn add(&mut self, place: usize, key: &str, message: String) {
        let line = 1 + self.text.bytes().take(place).filter(|&byte| byte == b'\n').count();
        self.mistakes.push(Mistake { line, key: key.to_owned(), message });
    }

    fn policies(&mut self, table: &DeTable, policies: &mut Policies) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let full = format!("policy.{name}");
            let rule = match name.parse::<Rule>() {
                Ok(rule) => rule,
                Err(error) => {
                    self.add(key.span().start, &full, error.to_string());
                    continue;
                }
            };
            let DeValue::String(word) = value.get_ref() else {
                let message = format!("`{name}` is a word in quotes: {}", rule.allowed_words());
                self.add(value.span().start, &full, message);
                continue;
            };
            let words =
                || format!("`{word}` is not a policy; `{rule}` can be {}", rule.allowed_words());
            let message = word.parse::<Policy>().map_or_else(
                |_| Some(words()),
                |policy| policies.set(rule, policy).err().map(|error| error.to_string()),
            );
            if let Some(message) = message {
                self.add(value.span().start, &full, message);
            }
        }
    }

    fn limits(&mut self, table: &DeTable, limits: &mut Limits) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let full = format!("limits.{name}");
            match (member(limits, name), whole_number(value)) {
                (Some(limit), Some(number)) => *limit = number,
                (Some(_), None) => {
                    let message = format!("`{name}` is a whole number above 0");
                    self.add(value.span().start, &full, message);
                }
                (None, _) => {
                    let names = LIMITS.join(", ");
                    let message = format!("`{name}` is not a limit; the limits are {names}");
                    self.add(key.span().start, &full, message);
                }
            }
        }
    }
}

/// The members of [`Limits`].
const LIMITS: [&str; 8] = [
    "file_bytes",
    "unpacked_bytes",
    "ratio",
    "rows",
    "entries",
    "field_bytes",
    "line_bytes",
    "nesting",
];

fn member<'l>(limits: &'l mut Limits, name: &str) -> Option<&'l mut u64> {
    // Without `..`, so that no member can be forgotten.
    let Limits {
        file_bytes,
        unpacked_bytes,
        ratio,
        rows,
        entries,
        field_bytes,
        line_bytes,
        nesting,
    } = limits;
    let members =
        [file_bytes, unpacked_bytes, ratio, rows, entries, field_bytes, line_bytes, nesting];
    LIMITS.into_iter().zip(members).find(|(known, _)| *known == name).map(|(_, member)| member)
}

fn whole_number(value: &Spanned<DeValue>) -> Option<u64> {
    let DeValue::Integer(integer) = value.get_ref() else { return None };
    u64::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|&number| number > 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fmt::Write;

    use super::*;

    #[test]
    fn every_rule_and_limit_can_be_set() {
        let mut text = "[policy]\n".to_owned();
        for rule in Rule::ALL {
            for policy in rule.about().allowed {
                let settings = Settings::parse(&format!("policy.{rule} = '{policy}'")).unwrap();
                assert_eq!(settings.policies.of(*rule), *policy, "{rule}");
            }
            writeln!(text, "{rule} = \"{}\"", rule.about().default).unwrap();
        }
        assert_eq!(Settings::parse(&text).unwrap(), Settings::default());
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
        for name in LIMITS {
            let mut limits = Settings::parse(&format!("[limits]\n{name} = 1_234")).unwrap().limits;
            assert_eq!(member(&mut limits, name), Some(&mut 1234), "{name}");
            *member(&mut limits, name).unwrap() = *member(&mut Limits::default(), name).unwrap();
            assert_eq!(limits, Limits::default());
        }
    }

    #[test]
    fn all_mistakes_come_out_with_line_and_key() {
        let text = "speed = 3\n\n[policy]\nohlc_ordr = 'repair'\nohlc_order = 'mend'\n\
                    unsorted = 'flag'\noff_grid = true\n\n[limits]\nrows = -5\nratio = 'ten'\nwidth = 1\nfile_bytes = 0x10\n";
        let mistakes = Settings::parse(text).unwrap_err();
        let found: Vec<(usize, &str)> =
            mistakes.iter().map(|mistake| (mistake.line, mistake.key.as_str())).collect();
        assert_eq!(
            found,
            [
                (1, "speed"),
                (4, "policy.ohlc_ordr"),
                (5, "policy.ohlc_order"),
                (6, "policy.unsorted"),
                (7, "policy.off_grid"),
                (10, "limits.rows"),
                (11, "limits.ratio"),
                (12, "limits.width"),
            ]
        );
        let messages: Vec<&str> = mistakes.iter().map(|m| m.message.as_str()).collect();
        assert!(messages[1].starts_with("`ohlc_ordr` is not a rule; did you mean `ohlc_order`?"));
        assert_eq!(messages[2], "`mend` is not a policy; `ohlc_order` can be refuse or repair");
        assert_eq!(messages[3], "`unsorted` cannot be `flag`; it can be refuse or repair");
        assert_eq!(messages[4], "`off_grid` is a word in quotes: refuse or repair");
        assert_eq!(messages[5], "`rows` is a whole number above 0");
    }

    #[test]
    fn a_text_that_is_no_toml_is_told_with_its_line() {
        let mistakes = Settings::parse("[policy]\nunsorted = refuse\n").unwrap_err();
        assert_eq!(mistakes[0].line, 2, "{mistakes:?}");
        let mistakes = Settings::parse("policy = 3").unwrap_err();
        assert_eq!(mistakes[0].message, "`policy` is a table: write [policy]");
        let missing = Settings::read(Path::new("no/such/settings.toml")).unwrap_err();
        assert!(missing.to_string().starts_with("no/such/settings.toml: "), "{missing}");
    }

    #[test]
    fn a_file_with_mistakes_names_itself_in_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, "a = 1\nb = 2\n").unwrap();
        let text = Settings::read(&path).unwrap_err().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[1].starts_with(&format!("{}:2: `b` is no table", path.display())), "{text}");
    }
}

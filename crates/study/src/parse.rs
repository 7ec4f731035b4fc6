//! From the text of a strategy file to a checked study, or to every mistake in it at once.

use indexmap::IndexMap;
use plimsoll_engine::{Costs, Intrabar, Settings};
use plimsoll_market::{DAY_MS, Interval, Timestamp};
use plimsoll_signal::SignalSpec;
use plimsoll_sizing::SizingRule;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use crate::document::{Value, entry, lists, read, scalar_text, span_of, value_at, with_value};
use crate::error::{Problem, StrategyProblems, StudyError};
use crate::ranges;
pub use crate::rules::Ablation;
use crate::strategy::{AccountTable, CompareTable, CostsTable, DataTable, Fees};
use crate::wording::{keys_hint, reworded_syntax};

/// The top-level keys of a strategy file.
const TABLES: [&str; 10] = [
    "name", "intrabar", "data", "features", "signal", "stop", "account", "costs", "sizing",
    "compare",
];

/// Most rules that the lists of one file may expand to.
pub const RULES_MAX: usize = 10_000;

/// A strategy file, read, checked and expanded.
#[derive(Clone, Debug)]
pub struct Study {
    /// Name of the strategy.
    pub name: String,
    /// The text as it was read, overrides included.
    pub text: String,
    /// Which data.
    pub data: DataTable,
    /// When to trade.
    pub signal: SignalSpec,
    /// Account and assumptions; the equity is each rule's own.
    pub settings: Settings,
    /// Taker fee in place of the venue's.
    pub taker_fee: Option<f64>,
    /// Rules in file order, lists expanded.
    pub rules: Vec<NamedRule>,
    /// Name of the baseline.
    pub baseline: String,
    /// How the rules are compared.
    pub compare: CompareTable,
}

/// One rule after the lists have been expanded.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedRule {
    /// The table's name, with what is left out and the values of a sweep:
    /// `kelly[fraction=0.25]`, `min_of_all[without=atr]`.
    pub name: String,
    /// The rule's values.
    pub rule: SizingRule,
    /// Equity at the start.
    pub equity: f64,
    /// Set where the rule is another with one limit left out, to see what that limit is worth.
    pub ablation: Option<Ablation>,
}

/// Reads a strategy file's text. `overrides` are `key=value` with a dotted key and a TOML value,
/// applied before anything is checked.
///
/// # Errors
/// Every mistake of the text, with its place.
pub fn parse(file: &str, text: &str, overrides: &[String]) -> Result<Study, StudyError> {
    let text = apply_overrides(text, overrides)?;
    let problems =
        |problems| StudyError::Strategy(Box::new(StrategyProblems::new(file, &text, problems)));
    let (document, syntax_errors) = DeTable::parse_recoverable(&text);
    if !syntax_errors.is_empty() {
        return Err(problems(syntax_problems(&text, &syntax_errors)));
    }
    let span = document.span();
    let root = Value::new(span, DeValue::Table(document.into_inner()));
    let mut reader = Reader { root: &root, problems: Vec::new() };
    let study = reader.study(&text);
    match study {
        Some(study) if reader.problems.is_empty() => Ok(study),
        _ => Err(problems(reader.problems)),
    }
}

/// Reads the keys of one `[sizing.NAME]` table from a text of their own, with lists expanded.
///
/// # Errors
/// Every mistake of the text, with its place.
pub fn parse_rule(file: &str, text: &str) -> Result<Vec<NamedRule>, StudyError> {
    // As the table of a strategy file, so that the same reader finds the same mistakes.
    const HEAD: &str = "[sizing.given]\n";
    let whole = format!("{HEAD}{text}");
    let problems = |found: Vec<Problem>| {
        let shifted = found.into_iter().map(|mut problem| {
            let end = problem.span.end.saturating_sub(HEAD.len()).min(text.len());
            problem.span = problem.span.start.saturating_sub(HEAD.len()).min(end)..end;
            problem
        });
        StudyError::Strategy(Box::new(StrategyProblems::new(file, text, shifted.collect())))
    };
    let (document, syntax_errors) = DeTable::parse_recoverable(&whole);
    if !syntax_errors.is_empty() {
        return Err(problems(syntax_problems(&whole, &syntax_errors)));
    }
    let span = document.span();
    let root = Value::new(span, DeValue::Table(document.into_inner()));
    let mut reader = Reader { root: &root, problems: Vec::new() };
    // A header in the text would end the one table that it is about.
    let outside = reader.table().keys().find(|key| key.get_ref() != "sizing").or_else(|| {
        let sizing = entry(reader.table(), "sizing").map(Value::get_ref);
        let Some(DeValue::Table(tables)) = sizing else { return None };
        tables.keys().find(|key| key.get_ref() != "given")
    });
    if let Some(key) = outside {
        let problem = Problem::at(key.span(), format!("`{}` is a table", key.get_ref()));
        let problem = problem.hint("give the keys of one rule, such as risk_cap = 0.02");
        return Err(problems(vec![problem]));
    }
    let rules = reader.rules(&[1.0], true);
    if reader.problems.is_empty() { Ok(rules) } else { Err(problems(reader.problems)) }
}

/// The first mistake of every line: those after it on the same line are its consequences.
fn syntax_problems(text: &str, errors: &[toml::de::Error]) -> Vec<Problem> {
    let mut found: Vec<Problem> = errors
        .iter()
        .map(|error| {
            Problem::worded(error.span().unwrap_or(0..0), reworded_syntax(error.message()))
        })
        .collect();
    found.sort_by_key(|problem| problem.span.start);
    let line = |problem: &Problem| {
        let start = text.floor_char_boundary(problem.span.start);
        text[..start].matches('\n').count()
    };
    found.dedup_by_key(|problem| line(problem));
    found
}

/// The text with `--set` values in place, otherwise as it was.
fn apply_overrides(text: &str, overrides: &[String]) -> Result<String, StudyError> {
    if overrides.is_empty() {
        return Ok(text.to_owned());
    }
    let Ok(mut document) = text.parse::<toml_edit::DocumentMut>() else {
        // Its mistakes are reported by the reader, which names their places.
        return Ok(text.to_owned());
    };
    for given in overrides {
        let bad = |reason: &str| StudyError::BadOverride {
            text: given.clone(),
            reason: reason.to_owned(),
        };
        let (key, value) = given.split_once('=').ok_or_else(|| bad("there is no `=`"))?;
        let value = value.trim();
        // A bare word is a text: `--set account.margin=isolated`.
        let value: toml_edit::Value = value
            .parse()
            .or_else(|_| toml_edit::Value::from(value).to_string().parse())
            .map_err(|_| bad("the value is not TOML"))?;
        let mut parts: Vec<&str> = key.trim().split('.').map(str::trim).collect();
        if parts.iter().any(|part| part.is_empty()) {
            let is_empty = parts.len() == 1;
            return Err(bad(if is_empty {
                "there is no key"
            } else {
                "a part of the key is empty"
            }));
        }
        let last = parts.pop().unwrap_or_default();
        let mut table: &mut dyn toml_edit::TableLike = document.as_table_mut();
        for part in parts {
            table = table
                .entry(part)
                .or_insert(toml_edit::table())
                .as_table_like_mut()
                .ok_or_else(|| bad(&format!("`{part}` is not a table")))?;
        }
        match table.get_mut(last) {
            Some(toml_edit::Item::Value(old)) => {
                // The spaces and the comment around the old value stay.
                let decor = old.decor().clone();
                *old = value;
                *old.decor_mut() = decor;
            }
            Some(item) => *item = toml_edit::value(value),
            None => {
                table.insert(last, toml_edit::value(value));
            }
        }
    }
    Ok(document.to_string())
}

pub(crate) struct Reader<'a, 't> {
    pub(crate) root: &'a Value<'t>,
    pub(crate) problems: Vec<Problem>,
}

impl<'t> Reader<'_, 't> {
    fn study(&mut self, text: &str) -> Option<Study> {
        self.check_tables();
        let name = self.name();
        let intrabar = self.optional::<Intrabar>("intrabar").map(Option::unwrap_or_default);
        let data = self.required::<DataTable>("data");
        let signal = self.signal(data.as_ref());
        let account = self.account();
        let costs = self.required::<CostsTable>("costs");
        let compare = self.optional::<CompareTable>("compare").map(|table| {
            table.unwrap_or_else(|| CompareTable {
                alpha: crate::strategy::DEFAULT_ALPHAS.to_vec(),
                ..CompareTable::default()
            })
        });
        let equities: Vec<f64> = account.iter().map(|(_, account)| account.equity).collect();
        let has_stop = signal.as_ref().is_none_or(|signal| {
            signal.stop.as_ref().is_some_and(|stop| {
                stop.atr.is_some() || stop.fraction.is_some() || stop.trailing.is_some()
            }) || signal.signal.file.is_some()
        });
        let rules = self.rules(&equities, has_stop);
        if let Some(data) = &data {
            self.check_data(data);
            self.check_sizes_on(data);
        }
        self.problems.extend(ranges::problems(self.root));
        let baseline = self.baseline(compare.as_ref()?, &rules)?;
        let (account, costs) = (&account.first()?.1, costs?);
        Some(Study {
            name: name?,
            text: text.to_owned(),
            data: data?,
            signal: signal?,
            settings: Settings {
                equity: account.equity,
                margin: account.margin,
                leverage: account.leverage,
                costs: Costs {
                    half_spread_bps: costs.slippage.half_spread_bps,
                    impact_y: costs.slippage.impact.as_ref().map_or(0.0, |impact| impact.y),
                    stop_slippage: costs.stop_slippage,
                },
                intrabar: intrabar?,
                simultaneous: account.simultaneous,
            },
            taker_fee: match costs.fees {
                Fees::Venue => None,
                Fees::Taker(fee) => Some(fee),
            },
            rules,
            baseline,
            compare: compare?,
        })
    }

    pub(crate) fn table(&self) -> &DeTable<'t> {
        match self.root.get_ref() {
            DeValue::Table(table) => table,
            _ => unreachable!("a TOML document is a table"),
        }
    }

    pub(crate) fn problem(
        &mut self,
        path: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let span = span_of(self.root, path);
        self.problems.push(Problem::at(span, message).hint(hint));
    }

    fn missing_table(&mut self, key: &str) {
        let needs = match key {
            "data" => "venue, symbols, bar, from and to",
            "signal" => "long or short with its exit, or file",
            "account" => "equity, margin and leverage",
            _ => "fees and slippage",
        };
        let problem = Problem::at(0..0, format!("the table [{key}] is missing"));
        self.problems.push(problem.hint(format!("add [{key}] with {needs}")));
    }

    fn check_tables(&mut self) {
        let unknown: Vec<Problem> =
            self.table()
                .keys()
                .filter(|key| !TABLES.contains(&key.get_ref().as_ref()))
                .map(|key| {
                    Problem::at(key.span(), format!("unknown key `{}`", key.get_ref()))
                        .hint(keys_hint("the keys of a strategy file", key.get_ref(), &TABLES))
                })
                .collect();
        self.problems.extend(unknown);
    }

    fn required<T: serde::de::DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let read = self.optional(key)?;
        if read.is_none() {
            self.missing_table(key);
        }
        read
    }

    /// `Some(None)` where the key is absent, `None` where it is wrong.
    #[expect(clippy::option_option, reason = "absent and wrong are different answers")]
    fn optional<T: serde::de::DeserializeOwned>(&mut self, key: &str) -> Option<Option<T>> {
        match entry(self.table(), key).cloned() {
            None => Some(None),
            Some(value) => read(&value, key, &mut self.problems).map(Some),
        }
    }

    fn name(&mut self) -> Option<String> {
        let Some(value) = entry(self.table(), "name").cloned() else {
            self.problems.push(
                Problem::at(0..0, "`name` is missing").hint("begin the file with name = \"...\""),
            );
            return None;
        };
        let name: String = read(&value, "", &mut self.problems)?;
        let is_fit = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_fit) {
            self.problem(
                "name",
                format!("`{name}` cannot be the name of a folder"),
                "use letters, digits, `-`, `_` and `.`",
            );
            return None;
        }
        Some(name)
    }

    fn signal(&mut self, data: Option<&DataTable>) -> Option<SignalSpec> {
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Features(IndexMap<String, plimsoll_signal::FeatureSpec>);
        // A TOML table does not keep the order of its keys by itself: the places do.
        let features = self.optional::<Features>("features");
        let signal = self.required("signal");
        let stop = self.optional("stop");
        let mut features = features?.map(|features| features.0).unwrap_or_default();
        if let Some(DeValue::Table(table)) =
            entry(self.table(), "features").map(toml::Spanned::get_ref)
        {
            let place = |name: &str| {
                table.keys().find(|key| key.get_ref() == name).map_or(0, |key| key.span().start)
            };
            features.sort_by(|a, _, b, _| place(a).cmp(&place(b)));
        }
        let spec = SignalSpec { features, signal: signal?, stop: stop? };
        let found = match data {
            Some(data) => spec.validate_for(data.bar),
            None => spec.validate(),
        };
        for problem in &found {
            let span = span_of(self.root, &problem.path);
            let mut shown = Problem::at(span, problem.message.clone());
            shown.hint.clone_from(&problem.hint);
            self.problems.push(shown);
        }
        Some(spec)
    }

    /// One account a value of `equity`, which may be a list.
    fn account(&mut self) -> Vec<(String, AccountTable)> {
        let Some(value) = entry(self.table(), "account").cloned() else {
            self.missing_table("account");
            return Vec::new();
        };
        let sweeps = lists(&value);
        let variants = match sweeps.iter().find(|(path, _)| path == "equity") {
            Some((_, elements)) if elements.is_empty() => {
                self.problem("account.equity", "`equity` is an empty list", "write at least one");
                return Vec::new();
            }
            Some((path, elements)) => elements
                .iter()
                .map(|element| (scalar_text(element), with_value(&value, path, element)))
                .collect(),
            None => vec![(String::new(), value)],
        };
        if let Some((_, elements)) = sweeps.iter().find(|(path, _)| path == "equity") {
            self.check_repeats(elements);
        }
        let mut accounts = Vec::new();
        for (label, variant) in variants {
            let Some(account) = read::<AccountTable>(&variant, "account", &mut self.problems)
            else {
                continue;
            };
            accounts.push((label, account));
        }
        accounts
    }

    fn check_data(&mut self, data: &DataTable) {
        if data.symbols.is_empty() {
            self.problem("data.symbols", "`symbols` is empty", "name at least one symbol");
        }
        for (index, symbol) in data.symbols.iter().enumerate() {
            if data.symbols[..index].contains(symbol) {
                let message = format!("`{symbol}` stands twice");
                self.problem("data.symbols", message, "name each symbol once");
            }
        }
        for (venue, symbols) in &data.reference_venues {
            let path = format!("data.reference_venues.{venue}");
            if *venue == data.venue {
                let message = format!("`{venue}` is the study's own venue");
                self.problem(&path, message, "name other venues: a price cannot vouch for itself");
            }
            let (have, need) = (symbols.len(), data.symbols.len());
            if have != 0 && have != need {
                let message = format!("{have} symbol(s) of `{venue}` for {need}");
                let hint = "name one for each of `symbols` in their order, or write [] where they \
                            are spelt the same";
                self.problem(&path, message, hint);
            }
        }
        if data.bar > Interval::DAY {
            let message = format!("`bar` is {}", data.bar);
            self.problem("data.bar", message, "bars of at most a day: statistics are daily");
        }
        let (from, to) = (data.from.0, data.to.0);
        if from >= to {
            let message = format!("the period ends at {to}, not after its start at {from}");
            self.problem("data.to", message, "`from` is the first instant, `to` the first after");
        }
        if let Some(warm_up) = data.warm_up_from
            && warm_up.0 > from
        {
            let message = format!("history begins at {}, after the period does", warm_up.0);
            self.problem("data.warm_up_from", message, "write a date before `from`");
        }
    }

    /// Days for which sizes are asked lie inside the period: before it nothing is replayed, and the
    /// eve of its first day lies before it.
    fn check_sizes_on(&mut self, data: &DataTable) {
        let days = value_at(self.root, "compare.sizes_on").map(toml::Spanned::get_ref);
        let Some(DeValue::Array(days)) = days else {
            return;
        };
        let days: Vec<Value<'t>> = days.iter().cloned().collect();
        self.check_repeats(&days);
        for day in &days {
            let DeValue::Datetime(time) = day.get_ref() else {
                continue; // Reading the table reports it.
            };
            let text = time.to_string();
            let Ok(time) = text.parse::<Timestamp>() else {
                continue;
            };
            let mut problem = |message: String, hint: &str| {
                self.problems.push(Problem::at(day.span(), message).hint(hint));
            };
            if time.0 % DAY_MS != 0 {
                problem(format!("{text} is no day"), "write a date without a time: 2025-10-10");
            } else if time <= data.from.0 || time >= data.to.0 {
                problem(
                    format!("{text} lies outside the period"),
                    "name days after `from` and before `to`: the size is that of the close before",
                );
            }
        }
    }
}

//! The three tables checked together: what is evaluated, or all that is wrong.

use plimsoll_market::Interval;

use crate::column::{bar_column, bar_column_names, nearest_first};
use crate::error::SpecProblem;
use crate::feature::{Feature, named_column};
use crate::rule::{RULE_BYTES_MAX, Rule, RuleFault, is_usable_name};
use crate::spec::SignalSpec;
use crate::stop::StopPlan;

/// A checked [`SignalSpec`].
#[derive(Clone)]
pub(crate) struct Plan {
    /// The user's features in file order.
    pub(crate) features: Vec<Feature>,
    /// `long`, `short`, `exit_long` and `exit_short`.
    pub(crate) rules: [Option<Rule>; 4],
    pub(crate) stop: StopPlan,
}

impl Plan {
    /// Checks everything; `bar` is the study's interval, if known.
    pub(crate) fn new(spec: &SignalSpec, bar: Option<Interval>) -> Result<Self, Vec<SpecProblem>> {
        let mut problems = Vec::new();
        let mut features = check_features(spec, &mut problems);
        let rules = check_rules(spec, &mut problems);
        let mut stop = spec
            .stop
            .as_ref()
            .map(|stop| StopPlan::from_spec(stop, &mut problems))
            .unwrap_or_default();
        if let Some(bar) = bar {
            for (prefix, feature) in features
                .iter()
                .map(|feature| ("features.", feature))
                .chain(stop.features.iter().map(|feature| ("", feature)))
            {
                check_multiple(prefix, feature, bar, &mut problems);
            }
            for feature in &mut features {
                feature.interval = feature.interval.filter(|interval| *interval != bar);
            }
            stop.set_bar(bar);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self { features, rules, stop })
    }

    /// The features and then the stop's average true ranges.
    pub(crate) fn all_features(&self) -> impl Iterator<Item = &Feature> {
        self.features.iter().chain(&self.stop.features)
    }

    /// Bars up to and with the one at whose close every value is defined.
    pub(crate) fn defined_after_bars(&self, bar: Interval) -> usize {
        let mut known: Vec<(&str, usize)> = Vec::new();
        let mut longest = 1;
        for feature in self.all_features() {
            let bars = bars_needed(feature, bar, &known);
            known.push((&feature.name, bars));
            longest = longest.max(bars);
        }
        longest
    }
}

fn bars_needed(feature: &Feature, bar: Interval, known: &[(&str, usize)]) -> usize {
    let of_input = |name: &str| known.iter().find(|(other, _)| *other == name).map_or(1, |k| k.1);
    let inputs = match feature.function {
        // Eight hours is the longest interval between settlements.
        crate::feature::Function::Funding(column) => {
            column.periods() * bars_in(8 * Interval::HOUR.ms(), bar) + 1
        }
        _ => feature.inputs().into_iter().map(of_input).max().unwrap_or(1),
    };
    let window = feature.window_bars() + feature.lag;
    match feature.interval {
        None => inputs - 1 + window,
        Some(interval) => {
            // The window's bars, and in the worst case all but one bar of the next, which is open.
            let factor = bars_in(interval.ms(), bar);
            inputs - 1 + window * factor + factor - 1
        }
    }
}

fn bars_in(ms: i64, bar: Interval) -> usize {
    (ms + bar.ms() - 1).div_euclid(bar.ms()).max(1) as usize
}

fn check_features(spec: &SignalSpec, problems: &mut Vec<SpecProblem>) -> Vec<Feature> {
    let mut features = Vec::new();
    for (idx, (name, feature)) in spec.features.iter().enumerate() {
        let path = format!("features.{name}");
        if bar_column(name).is_some() {
            problems.push(
                SpecProblem::new(&path, format!("`{name}` is a bar column already"))
                    .hint("choose another name"),
            );
        } else if !is_usable_name(name) {
            problems.push(
                SpecProblem::new(&path, format!("`{name}` cannot be written in a rule")).hint(
                    "a name is letters, digits and underscores, begins with a letter and is no \
                     SQL keyword",
                ),
            );
        }
        if let Some((key, column)) = named_column(feature) {
            let earlier = || spec.features.keys().take(idx).map(String::as_str);
            if bar_column(column).is_none() && !earlier().any(|other| other == column) {
                let path = format!("{path}.{key}");
                problems.push(unknown_column(&path, column, spec, earlier()));
            }
        }
        match Feature::from_spec(name, feature) {
            Ok(feature) => features.push(feature),
            Err(found) => problems.extend(found),
        }
    }
    features
}

fn unknown_column<'a>(
    path: &str,
    column: &str,
    spec: &SignalSpec,
    earlier: impl Iterator<Item = &'a str>,
) -> SpecProblem {
    if spec.features.contains_key(column) {
        SpecProblem::new(path, format!("`{column}` is not defined before this feature"))
            .hint("a feature may use features above it: change the order")
    } else {
        let names = nearest_first(column, earlier.chain(bar_column_names()));
        SpecProblem::new(path, format!("`{column}` is neither a bar column nor a feature"))
            .hint(format!("nearest first: {}", names.join(", ")))
    }
}

/// Checks the rules, in the order long, short, exit_long, exit_short.
fn check_rules(spec: &SignalSpec, problems: &mut Vec<SpecProblem>) -> [Option<Rule>; 4] {
    let rules = &spec.signal;
    let texts = [
        ("long", &rules.long),
        ("short", &rules.short),
        ("exit_long", &rules.exit_long),
        ("exit_short", &rules.exit_short),
    ];
    if rules.file.is_some() {
        for (key, _) in texts.iter().filter(|(_, text)| text.is_some()) {
            problems.push(
                SpecProblem::new(format!("signal.{key}"), format!("`{key}` stands beside `file`"))
                    .hint("a signal comes from rules or from a file: keep one"),
            );
        }
        return [const { None }; 4];
    }
    if rules.long.is_none() && rules.short.is_none() {
        problems.push(
            SpecProblem::new("signal", "there is no entry rule")
                .hint("add `long`, `short` or `file`"),
        );
    }
    for (entry, is_given, exit, exit_text) in [
        ("long", rules.long.is_some(), "exit_long", &rules.exit_long),
        ("short", rules.short.is_some(), "exit_short", &rules.exit_short),
    ] {
        if exit_text.is_some() && !is_given {
            problems.push(
                SpecProblem::new(format!("signal.{exit}"), format!("`{exit}` has no `{entry}`"))
                    .hint(format!("add `{entry}` or leave `{exit}` out")),
            );
        }
    }
    let known: Vec<&str> =
        spec.features.keys().map(String::as_str).chain(bar_column_names()).collect();
    texts.map(|(key, text)| {
        let text = text.as_deref()?;
        match Rule::parse(text, &known) {
            Ok(rule) => Some(rule),
            Err(fault) => {
                problems.push(rule_problem(key, text, fault, &known));
                None
            }
        }
    })
}

fn rule_problem(key: &str, text: &str, fault: RuleFault, known: &[&str]) -> SpecProblem {
    let problem = |message: String| SpecProblem::new(format!("signal.{key}"), message);
    match fault {
        RuleFault::TooLong { bytes } => {
            problem(format!("`{key}` is {bytes} bytes long but must be at most {RULE_BYTES_MAX}"))
                .hint("move parts of it into features")
        }
        RuleFault::Syntax { message } => {
            problem(format!("`{key}` is no SQL expression: {message}"))
                .hint("for example: close > upper AND funding < 0.0005")
        }
        RuleFault::Refused { what, hint } => {
            problem(format!("`{key}` contains {what}: {text}")).hint(hint)
        }
        RuleFault::UnknownName { name } => {
            let names = nearest_first(&name, known.iter().copied());
            problem(format!("`{key}` uses `{name}`, which is neither a bar column nor a feature"))
                .hint(format!("nearest first: {}", names.join(", ")))
        }
        RuleFault::TooDeep => problem(format!("`{key}` nests or chains too many operations"))
            .hint("move parts of it into features"),
        RuleFault::NotBoolean { gives } => {
            problem(format!("`{key}` gives {gives}, not true or false: {text}"))
                .hint("compare it with something, as in close > upper")
        }
        RuleFault::Mixed { operation, wants } => {
            problem(format!("`{key}`: {operation} wants {wants}: {text}"))
                .hint("a column is a number; a comparison is true or false")
        }
        RuleFault::Failed { message } => problem(format!("`{key}` cannot be evaluated: {message}")),
    }
}

fn check_multiple(prefix: &str, feature: &Feature, bar: Interval, problems: &mut Vec<SpecProblem>) {
    if let Some(interval) = feature.interval
        && interval.ms() % bar.ms() != 0
    {
        problems.push(
            SpecProblem::new(
                format!("{prefix}{}.interval", feature.name),
                format!("`interval` is {interval}, which is no multiple of the bar, {bar}"),
            )
            .hint("choose a whole number of bars"),
        );
    }
}

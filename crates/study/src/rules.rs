//! From the tables of `[sizing]` to the rules: presets filled in, limits left out, lists expanded.

use plimsoll_sizing::SizingRule;
use plimsoll_sizing::rule::{GATES, Gate};
use toml::de::DeValue;

use crate::document::{Value, entry, lists, read, scalar_text, span_of, with_entries, with_value};
use crate::error::Problem;
use crate::parse::{NamedRule, RULES_MAX, Reader};
use crate::presets::Preset;
use crate::strategy::CompareTable;
use crate::wording::keys_hint;

/// Keys of a rule's table that are not the rule's own.
const PRESET: &str = "preset";
const WITHOUT: &str = "without";
/// The word that leaves out each limit in turn.
const EACH: &str = "each";
/// Keys whose value is a list by itself, and no sweep unless it is a list of lists.
const LISTS: [&str; 1] = ["kelly.bayesian.prior"];

/// A rule that is another with one limit or gate left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ablation {
    /// The limit or gate that is left out.
    pub limit: String,
    /// Names of the rules that have it, which are several where the limit left out was a sweep.
    pub of: Vec<String>,
}

/// A table as it was written, its preset and what it leaves out read.
struct RuleTable<'t> {
    /// The rule's own keys.
    own: Value<'t>,
    preset: Option<Preset>,
    /// Limits left out of every rule of the table.
    left_out: Vec<&'static str>,
    /// One more rule for each of these left out.
    each: Vec<Part>,
}

/// What is left out at once: a limit, or a gate with all its limits.
struct Part {
    name: &'static str,
    limits: Vec<&'static str>,
}

/// One rule of a table: its lists' values, and what it leaves out.
struct Variant<'t> {
    name: String,
    own: Value<'t>,
    /// Path and text of each list's value.
    chosen: Vec<(String, String)>,
    /// Index of the part that is left out.
    part: Option<usize>,
}

impl RuleTable<'_> {
    /// Keys that are left out of the rules of one part.
    fn left_out(&self, part: Option<usize>) -> impl Iterator<Item = &'static str> {
        let of_part = part.map_or(&[] as &[_], |part| self.each[part].limits.as_slice());
        self.left_out.iter().chain(of_part).copied()
    }
}

impl<'t> Reader<'_, 't> {
    /// Every rule of every table, each at every equity.
    pub(crate) fn rules(&mut self, equities: &[f64], has_stop: bool) -> Vec<NamedRule> {
        let Some(value) = entry(self.table(), "sizing").cloned() else {
            self.problems.push(
                Problem::at(0..0, "there is no sizing rule").hint("add a table [sizing.NAME]"),
            );
            return Vec::new();
        };
        let DeValue::Table(tables) = value.get_ref() else {
            self.problem("sizing", "`sizing` is not a table", "write [sizing.NAME] tables");
            return Vec::new();
        };
        if tables.is_empty() {
            self.problem("sizing", "there is no sizing rule", "add a table [sizing.NAME]");
        }
        let mut in_order: Vec<_> = tables.iter().collect();
        in_order.sort_by_key(|(key, _)| key.span().start);
        let mut rules: Vec<NamedRule> = Vec::new();
        for (key, table) in in_order {
            for one in self.rules_of(key.get_ref(), table, has_stop) {
                for &equity in equities {
                    let named = |name: &str| match equities {
                        [_] => name.to_owned(),
                        _ => with_label(name, &format!("equity={equity}")),
                    };
                    let mut one = NamedRule { name: named(&one.name), equity, ..one.clone() };
                    if let Some(ablation) = &mut one.ablation {
                        ablation.of.iter_mut().for_each(|full| *full = named(full));
                    }
                    rules.push(one);
                }
            }
        }
        if rules.len() > RULES_MAX {
            let message = format!("the lists expand to {} rules", rules.len());
            self.problem("sizing", message, format!("at most {RULES_MAX} are run"));
            rules.truncate(1);
        }
        rules
    }

    /// A value that stands twice in a list would be two rules of one name.
    pub(crate) fn check_repeats(&mut self, elements: &[Value<'t>]) {
        for (index, element) in elements.iter().enumerate() {
            let text = scalar_text(element);
            if elements[..index].iter().any(|other| scalar_text(other) == text) {
                let problem = Problem::at(element.span(), format!("`{text}` stands twice"));
                self.problems.push(problem.hint("name each value of a list once"));
            }
        }
    }

    /// A table's rules: every combination of its lists' elements, with what it leaves out. Their
    /// equity is not known yet.
    fn rules_of(&mut self, name: &str, value: &Value<'t>, has_stop: bool) -> Vec<NamedRule> {
        let Some(table) = self.rule_table(name, value) else {
            return Vec::new();
        };
        let mut variants = Vec::new();
        let parts = std::iter::once(None).chain((0..table.each.len()).map(Some));
        for part in parts {
            let Some(found) = self.variants(name, &table, part) else {
                return Vec::new();
            };
            variants.extend(found);
            if variants.len() > RULES_MAX {
                self.too_many_rules(name);
                return Vec::new();
            }
        }
        let mut rules = Vec::new();
        for variant in &variants {
            let ablation = variant.part.map(|part| Ablation {
                limit: table.each[part].name.to_owned(),
                of: variants
                    .iter()
                    .filter(|full| {
                        full.part.is_none()
                            && variant.chosen.iter().all(|value| full.chosen.contains(value))
                    })
                    .map(|full| full.name.clone())
                    .collect(),
            });
            if let Some(rule) = self.rule(name, &table, variant, has_stop) {
                rules.push(NamedRule { name: variant.name.clone(), rule, equity: 1.0, ablation });
            }
        }
        rules
    }

    /// A table's preset and what it leaves out; `None` where these cannot be read.
    fn rule_table(&mut self, name: &str, value: &Value<'t>) -> Option<RuleTable<'t>> {
        let mut table =
            RuleTable { own: value.clone(), preset: None, left_out: Vec::new(), each: Vec::new() };
        // What is no table is reported when the rule is read from it.
        let DeValue::Table(keys) = value.get_ref() else {
            return Some(table);
        };
        let known =
            || [PRESET, WITHOUT].iter().chain(SizingRule::LIMITS).chain(SizingRule::MANNERS);
        let unknown: Vec<_> = keys
            .keys()
            .filter(|key| !known().any(|known| key.get_ref() == known))
            .map(|key| {
                let hint = keys_hint("the keys here", key.get_ref(), &known().collect::<Vec<_>>());
                Problem::at(key.span(), format!("unknown key `{}`", key.get_ref())).hint(hint)
            })
            .collect();
        self.problems.extend(unknown);
        table.own = with_entries(value, |key| {
            key != PRESET && key != WITHOUT && known().any(|known| *known == key)
        });
        if let Some(preset) = entry(keys, PRESET) {
            if !matches!(preset.get_ref(), DeValue::String(_)) {
                let message = "the name of a preset is a word";
                let problem = Problem::at(preset.span(), message);
                self.problems.push(problem.hint("write \"min_of_all\" or \"six_gates\""));
                return None;
            }
            table.preset = Some(read::<Preset>(preset, "", &mut self.problems)?);
        }
        if let Some(without) = entry(keys, WITHOUT) {
            let present = present_limits(&table);
            self.leave_out(name, &mut table, without, &present)?;
        }
        Some(table)
    }

    /// Reads `without`.
    fn leave_out(
        &mut self,
        name: &str,
        table: &mut RuleTable<'t>,
        without: &Value<'t>,
        present: &[&'static str],
    ) -> Option<()> {
        let n_problems = self.problems.len();
        let listed: Vec<Value<'t>> = match without.get_ref() {
            DeValue::Array(names) => names.iter().cloned().collect(),
            DeValue::String(word) if word == EACH => vec![without.clone()],
            _ => Vec::new(),
        };
        if listed.is_empty() {
            let message = match without.get_ref() {
                DeValue::Array(_) => "`without` is an empty list".to_owned(),
                DeValue::String(word) => format!("`without` is \"{word}\""),
                _ => "`without` is no list of limits".to_owned(),
            };
            let word = scalar_text(without);
            let meant = names_of_parts(present).into_iter().find(|name| *name == word);
            let example = meant.or(present.first().copied()).unwrap_or("atr");
            let hint = format!("write without = [\"{example}\"], or without = \"{EACH}\"");
            self.problems.push(Problem::at(without.span(), message).hint(hint));
        }
        self.check_repeats(&listed);
        for value in &listed {
            let DeValue::String(word) = value.get_ref() else {
                let message = format!("`{}` is no name of a limit", scalar_text(value));
                let problem = Problem::at(value.span(), message);
                self.problems.push(problem.hint("write names in quotes"));
                continue;
            };
            if word == EACH {
                continue;
            }
            match part_named(word, present) {
                Ok(part) => table.left_out.extend(part.limits),
                Err(message) => {
                    let names = names_of_parts(present);
                    let hint =
                        keys_hint(&format!("the limits and gates of `{name}`"), word, &names);
                    self.problems.push(Problem::at(value.span(), message).hint(hint));
                }
            }
        }
        if self.problems.len() > n_problems {
            return None;
        }
        let left: Vec<&'static str> =
            present.iter().copied().filter(|key| !table.left_out.contains(key)).collect();
        if left.is_empty() {
            let problem = Problem::at(without.span(), format!("nothing is left of rule `{name}`"));
            let hint = "leave at least one limit in";
            self.problems.push(problem.hint(hint));
            return None;
        }
        if listed.iter().any(|value| scalar_text(value) == EACH) {
            table.each = parts_of(&left, table.preset == Some(Preset::SixGates));
            if left.iter().all(|key| SizingRule::CUTS.contains(key)) {
                let message = format!("`{}` alone gives no size", left.join("`, `"));
                let hint = format!("leave in one of {}", limits_alone(present).join(", "));
                self.problems.push(Problem::at(without.span(), message).hint(hint));
                return None;
            }
            if table.each.len() < 2 {
                let message = format!("without `{}` nothing is left of rule `{name}`", left[0]);
                let problem = Problem::at(without.span(), message);
                self.problems.push(problem.hint(format!("\"{EACH}\" is for two limits or more")));
                return None;
            }
        }
        Some(())
    }

    /// The combinations of a table's lists' elements, with one of its parts left out.
    fn variants(
        &mut self,
        name: &str,
        table: &RuleTable<'t>,
        part: Option<usize>,
    ) -> Option<Vec<Variant<'t>>> {
        let own = with_entries(&table.own, |key| !table.left_out(part).any(|out| out == key));
        let label = part.map(|part| format!("{WITHOUT}={}", table.each[part].name));
        let named = label.map_or(name.to_owned(), |label| with_label(name, &label));
        let is_array = |value: &Value<'t>| matches!(value.get_ref(), DeValue::Array(_));
        let mut sweeps = lists(&own);
        sweeps.retain(|(path, elements)| {
            !LISTS.contains(&path.as_str()) || elements.iter().any(is_array)
        });
        let mut variants = vec![Variant { name: named, own, chosen: Vec::new(), part }];
        let last_key = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
        for (path, elements) in &sweeps {
            if elements.is_empty() {
                let message = format!("`{}` is an empty list", last_key(path));
                self.problem(&format!("sizing.{name}.{path}"), message, "write at least one value");
                return None;
            }
            self.check_repeats(elements);
            if variants.len() * elements.len() > RULES_MAX {
                self.too_many_rules(name);
                return None;
            }
            let is_shared =
                sweeps.iter().any(|(other, _)| other != path && last_key(other) == last_key(path));
            let label = if is_shared { path.clone() } else { last_key(path) };
            variants = variants
                .iter()
                .flat_map(|variant| {
                    elements.iter().map(|element| {
                        let text = scalar_text(element);
                        let mut chosen = variant.chosen.clone();
                        chosen.push((path.clone(), text.clone()));
                        Variant {
                            name: with_label(&variant.name, &format!("{label}={text}")),
                            own: with_value(&variant.own, path, element),
                            chosen,
                            part,
                        }
                    })
                })
                .collect();
        }
        Some(variants)
    }

    fn too_many_rules(&mut self, name: &str) {
        let message = format!("the lists of `{name}` expand to too many rules");
        self.problem(&format!("sizing.{name}"), message, format!("at most {RULES_MAX} are run"));
    }

    /// Reads and checks the rule of one variant.
    fn rule(
        &mut self,
        name: &str,
        table: &RuleTable<'t>,
        variant: &Variant<'t>,
        has_stop: bool,
    ) -> Option<SizingRule> {
        let path = format!("sizing.{name}");
        let n_problems = self.problems.len();
        let mut rule = read::<SizingRule>(&variant.own, &path, &mut self.problems)?;
        // A rule whose limits were set aside as wrong does not lack them as well.
        let is_partial = self.problems.len() > n_problems;
        if let Some(preset) = table.preset {
            rule.fill_from(&preset.rule());
        }
        for key in table.left_out(variant.part) {
            rule.leave_out(key);
        }
        for problem in rule.problems() {
            if is_partial && problem.path.is_empty() {
                continue;
            }
            let left_out: Vec<&str> = table.left_out(variant.part).collect();
            let shown = if !problem.path.is_empty() {
                let span = span_of(&variant.own, &problem.path);
                Problem::at(span, problem.message).hint(problem.hint)
            } else if left_out.is_empty() {
                Problem::at(span_of(self.root, &path), problem.message).hint(problem.hint)
            } else {
                let message = format!("without {} {}", left_out.join(", "), problem.message);
                let span = span_of(self.root, &format!("{path}.{WITHOUT}"));
                Problem::at(span, message).hint("leave in a limit that gives a size")
            };
            self.problems.push(shown);
        }
        if rule.needs_stop() && !has_stop {
            self.problem(
                &path,
                format!("rule `{name}` sizes by the distance to the stop, and there is none"),
                "add a [stop] table, or use limits that need no stop",
            );
        }
        Some(rule)
    }

    pub(crate) fn baseline(
        &mut self,
        compare: &CompareTable,
        rules: &[NamedRule],
    ) -> Option<String> {
        let Some(wanted) = &compare.baseline else {
            return rules.first().map(|rule| rule.name.clone());
        };
        // A swept table's name stands for its first variant.
        let found = rules.iter().find(|rule| rule.name == *wanted).or_else(|| {
            rules.iter().find(|rule| rule.name.split('[').next() == Some(wanted.as_str()))
        });
        // A table that was read wrongly is no missing one.
        let table = wanted.split('[').next().unwrap_or(wanted);
        let is_named = entry(self.table(), "sizing").is_some_and(|sizing| {
            matches!(sizing.get_ref(), DeValue::Table(tables) if entry(tables, table).is_some())
        });
        let is_whole = table == wanted.as_str();
        if found.is_none() && !rules.is_empty() && !(is_named && is_whole) {
            let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
            self.problem(
                "compare.baseline",
                format!("there is no rule `{wanted}`"),
                format!("the rules are {}", names.join(", ")),
            );
        }
        found.map(|rule| rule.name.clone())
    }
}

/// Keys of the limits that a table has, its own and its preset's, in the order of a decision.
fn present_limits(table: &RuleTable<'_>) -> Vec<&'static str> {
    let of_preset = table.preset.map(|preset| preset.rule().limit_keys()).unwrap_or_default();
    let is_own = |key: &str| match table.own.get_ref() {
        DeValue::Table(own) => entry(own, key).is_some(),
        _ => false,
    };
    let is_present = |key: &&str| is_own(key) || of_preset.contains(key);
    SizingRule::LIMITS.iter().copied().filter(is_present).collect()
}

/// Those of the limits that are present that give a size by themselves.
fn limits_alone(present: &[&'static str]) -> Vec<&'static str> {
    let alone = SizingRule::limits_alone();
    let of_rule: Vec<_> = present.iter().copied().filter(|key| alone.contains(key)).collect();
    if of_rule.is_empty() { alone } else { of_rule }
}

/// The limit or gate of a name among the limits that are present, or what is wrong with the name.
fn part_named(name: &str, present: &[&'static str]) -> Result<Part, String> {
    let limits_of = |limits: &[&'static str]| -> Vec<&'static str> {
        present.iter().copied().filter(|key| limits.contains(key)).collect()
    };
    let (kind, part) = if let Some(limit) = SizingRule::LIMITS.iter().find(|key| **key == name) {
        ("limit", Part { name: limit, limits: limits_of(&[limit]) })
    } else if let Some(gate) = Gate::named(name) {
        ("gate", Part { name: gate.name, limits: limits_of(gate.keys) })
    } else {
        return Err(format!("there is no limit or gate `{name}`"));
    };
    if part.limits.is_empty() {
        return Err(format!("the rule has no {kind} `{name}` to leave out"));
    }
    Ok(part)
}

/// The limits one by one, or gate by gate with those of no gate after them.
fn parts_of(limits: &[&'static str], by_gate: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = limits.to_vec();
    for gate in GATES.iter().filter(|_| by_gate) {
        if let Ok(part) = part_named(gate.name, limits) {
            rest.retain(|key| !part.limits.contains(key));
            parts.push(part);
        }
    }
    parts.extend(rest.into_iter().map(|name| Part { name, limits: vec![name] }));
    parts
}

/// What may be left out of a rule by name: its limits, and the gates that are more than one.
fn names_of_parts(present: &[&'static str]) -> Vec<&'static str> {
    let gates = GATES.iter().map(|gate| gate.name);
    let gates = gates.filter(|name| !present.contains(name) && part_named(name, present).is_ok());
    present.iter().copied().chain(gates).collect()
}

/// `kelly` and `kelly[a=1]` with one more label.
fn with_label(name: &str, label: &str) -> String {
    match name.strip_suffix(']') {
        Some(open) => format!("{open},{label}]"),
        None => format!("{name}[{label}]"),
    }
}

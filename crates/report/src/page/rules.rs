//! Key letters and styles of the rules, and which of them are drawn.

use plimsoll_study::result::StudyResult;

/// How many rules a chart shows: as many as the page has styles for.
pub(crate) const DRAWN_MAX: usize = 12;

/// Key letter and style of each rule.
pub(crate) struct RuleKeys {
    keys: Vec<String>,
    styles: Vec<Option<usize>>,
    /// Indices of the rules that charts show, in file order.
    pub(crate) drawn: Vec<usize>,
}

impl RuleKeys {
    /// Where there are more rules than styles, charts show the baseline, the winner and then those
    /// that ended with most.
    pub(crate) fn of(result: &StudyResult) -> Self {
        let n = result.rules.len();
        let mut order: Vec<usize> = (0..n).collect();
        if n > DRAWN_MAX {
            let final_equity = |index: usize| {
                let outcome = &result.rules[index].account().outcome;
                outcome.equity.last().copied().unwrap_or(outcome.initial_equity)
            };
            let is_named = |index: usize| {
                let name = &result.rules[index].name;
                *name == result.baseline || Some(name) == result.verdict.winner.as_ref()
            };
            order.sort_by(|&a, &b| {
                is_named(b)
                    .cmp(&is_named(a))
                    .then(final_equity(b).total_cmp(&final_equity(a)))
                    .then(a.cmp(&b))
            });
            order.truncate(DRAWN_MAX);
            order.sort_unstable();
        }
        let mut styles = vec![None; n];
        for (style, &rule) in order.iter().enumerate() {
            styles[rule] = Some(style);
        }
        Self { keys: (0..n).map(letters).collect(), styles, drawn: order }
    }

    /// Key letter of a rule.
    pub(crate) fn key(&self, rule: usize) -> &str {
        &self.keys[rule]
    }

    /// Style of a rule, if charts show it.
    pub(crate) fn style(&self, rule: usize) -> Option<usize> {
        self.styles[rule]
    }

    /// The rules that charts show, with their styles.
    pub(crate) fn drawn(&self) -> impl Iterator<Item = (usize, usize)> {
        self.drawn.iter().copied().enumerate().map(|(style, rule)| (rule, style))
    }
}

/// A, B, ... Z, AA, AB, ...
pub(crate) fn letters(index: usize) -> String {
    let letter = char::from(b'A' + (index % 26) as u8);
    if index < 26 { letter.to_string() } else { format!("{}{letter}", letters(index / 26 - 1)) }
}

#[cfg(test)]
mod tests {
    use super::letters;

    #[test]
    fn keys_go_on_after_z() {
        for (index, key) in [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (702, "AAA")]
        {
            assert_eq!(letters(index), key);
        }
    }
}

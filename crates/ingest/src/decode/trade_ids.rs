//! What the ids of trades say: which rows stand there twice, and which trades are missing.

use std::collections::{BTreeMap, HashSet};

use super::trade_bars::Trade;

/// Ids that leave more holes than this are no count of a market's trades.
const HOLES_MAX: usize = 1_000_000;

/// Rows whose values are remembered, to tell a repeated row from another of the same id.
const RECENT: usize = 1024;

/// Ids remembered at once where they are no count: all of a day of all but the busiest markets,
/// in some 80 MB at most.
const GENERATION: usize = 3_600_000;

/// What an id says of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It stands there for the first time.
    New,
    /// The row was there before.
    Repeated,
    /// Another row has the same id.
    Differs,
}

/// Trades that are missing between two others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    /// Time of the trade before, and of the one after, the earlier first.
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    /// The first id missing, and how many.
    pub(super) first_id: i64,
    pub(super) count: i64,
}

/// Ids that a venue counts up by one a trade.
///
/// They are kept as runs without a hole, of which a whole file is one.
#[derive(Default)]
pub(super) struct Counted {
    /// By first id.
    runs: BTreeMap<i64, Run>,
    /// Whether there are too many runs for a count.
    is_broken: bool,
    /// By id modulo [`RECENT`].
    recent: Vec<Option<(i64, Trade)>>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    last: i64,
    first_ms: i64,
    last_ms: i64,
}

impl Counted {
    /// Takes the id of a trade.
    pub(super) fn see(&mut self, id: i64, trade: Trade) -> Seen {
        self.recent.resize(RECENT, None);
        let slot = id.rem_euclid(RECENT as i64) as usize;
        let before = self.runs.range(..=id).next_back().map(|(&first, &run)| (first, run));
        if let Some((_, run)) = before.filter(|(_, run)| id <= run.last) {
            let (early, late) = (run.first_ms.min(run.last_ms), run.first_ms.max(run.last_ms));
            let is_other = match self.recent[slot] {
                Some((known, row)) if known == id => !row.is_same(trade),
                _ => !(early..=late).contains(&trade.time_ms),
            };
            return if is_other { Seen::Differs } else { Seen::Repeated };
        }
        self.recent[slot] = Some((id, trade));
        let time = trade.time_ms;
        let mut first = id;
        let mut run = Run { last: id, first_ms: time, last_ms: time };
        if let Some((before_first, before)) = before.filter(|(_, run)| run.last + 1 == id) {
            first = before_first;
            run.first_ms = before.first_ms;
        }
        if let Some(after) = self.runs.remove(&(id + 1)) {
            run.last = after.last;
            run.last_ms = after.last_ms;
        }
        self.runs.insert(first, run);
        self.is_broken |= self.runs.len() > HOLES_MAX;
        if self.is_broken {
            self.runs.clear();
        }
        Seen::New
    }

    /// Whether the ids are no count of trades after all.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// The holes between the first id and the last.
    pub(super) fn holes(&self) -> Vec<Hole> {
        let runs: Vec<(i64, Run)> = self.runs.iter().map(|(&first, &run)| (first, run)).collect();
        let hole = |pair: &[(i64, Run)]| {
            let ((_, before), (next, after)) = (pair[0], pair[1]);
            let (a, b) = (before.last_ms, after.first_ms);
            let first_id = before.last + 1;
            Hole { from_ms: a.min(b), to_ms: a.max(b), first_id, count: next - first_id }
        };
        runs.windows(2).map(hole).collect()
    }
}

/// Ids of any form, by their hashes: a row is known again if it is one of the last millions.
#[derive(Default)]
pub(super) struct Names {
    young: HashSet<u64>,
    old: HashSet<u64>,
}

impl Names {
    /// Whether the same trade of this id has been there before. No id at all tells nothing.
    pub(super) fn is_repeated(&mut self, id: &str, trade: Trade) -> bool {
        if id.is_empty() {
            return false;
        }
        let Trade { time_ms, price, quantity, .. } = trade;
        let numbers = [price.to_bits().to_le_bytes(), quantity.to_bits().to_le_bytes()];
        let side = [u8::from(trade.taker_buys)];
        let parts = [&time_ms.to_le_bytes()[..], &numbers[0], &numbers[1], &side, id.as_bytes()];
        let hash = fnv(&parts);
        if self.old.contains(&hash) || !self.young.insert(hash) {
            return true;
        }
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        false
    }
}

/// FNV-1a of 64 bits, with the bits mixed at the end.
pub(super) fn fnv(parts: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for &byte in parts.iter().copied().flatten() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(time_ms: i64) -> Trade {
        Trade { time_ms, price: 1.0, quantity: 2.0, taker_buys: true, trades: 1 }
    }

    #[test]
    fn ids_tell_repeated_rows_and_holes_in_any_order() {
        for order in [[1_i64, 2, 3, 7, 8, 10], [10, 8, 7, 3, 2, 1], [7, 2, 1, 10, 3, 8]] {
            let mut ids = Counted::default();
            for id in order {
                assert_eq!(ids.see(id, trade(id * 100)), Seen::New, "{order:?}");
            }
            for id in order {
                assert_eq!(ids.see(id, trade(id * 100)), Seen::Repeated, "{order:?}");
            }
            assert_eq!(ids.see(7, trade(701)), Seen::Differs);
            assert_eq!(ids.see(7, Trade { price: 3.0, ..trade(700) }), Seen::Differs);
            let hole = |from: i64, to: i64, first_id, count| Hole {
                from_ms: from * 100,
                to_ms: to * 100,
                first_id,
                count,
            };
            assert_eq!(ids.holes(), [hole(3, 7, 4, 3), hole(8, 10, 9, 1)], "{order:?}");
        }
    }

    #[test]
    fn names_are_known_again_with_the_same_trade_only() {
        let mut names = Names::default();
        for (id, time, repeated) in
            [("a", 1, false), ("b", 1, false), ("a", 1, true), ("a", 2, false), ("", 1, false)]
        {
            assert_eq!(names.is_repeated(id, trade(time)), repeated, "{id} {time}");
        }
        assert!(!names.is_repeated("", trade(1)));
        assert!(!names.is_repeated("a", Trade { price: 3.0, ..trade(1) }));
    }
}

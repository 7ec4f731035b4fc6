//! What a replay is told of one rule: how large each entry may be, and what it decides later.

use plimsoll_sizing::PlannedSize;

use crate::outcome::CancelledEntry;

/// The sizes that one rule lays over a list of trades.
#[derive(Clone, Copy)]
pub struct SizePlans<'a> {
    /// The rule's limits at each trade's entry decision, in the order of the list.
    pub at_entry: &'a [PlannedSize],
    /// The entries that the market cancels, in the order of their list. At their decision nobody
    /// knew that, so each takes its part of what the entries of one close share. Without them the
    /// others would have more for a reason that lies ahead.
    pub cancelled: &'a [CancelledPlan],
    /// Set where the rule decides again while it holds a position.
    pub resizing: Option<Resizing<'a>>,
}

/// The size of an entry whose order finds no fill.
#[derive(Clone, Debug, PartialEq)]
pub struct CancelledPlan {
    /// The entry.
    pub entry: CancelledEntry,
    /// The rule's limits at its decision.
    pub plan: PlannedSize,
}

/// How a rule decides again at the closes of a position's bars. The longest holding time is not
/// decided again: the one of the entry stays.
#[derive(Clone, Copy)]
pub struct Resizing<'a> {
    /// Share of the held quantity by which the new one has to differ before an order is sent.
    pub band: f64,
    /// The rule's limits for a trade of the list at the close of a bar.
    pub plan_at: &'a (dyn Fn(usize, usize) -> PlannedSize + Sync),
}

impl<'a> From<&'a [PlannedSize]> for SizePlans<'a> {
    fn from(at_entry: &'a [PlannedSize]) -> Self {
        Self { at_entry, cancelled: &[], resizing: None }
    }
}

impl<'a, const N: usize> From<&'a [PlannedSize; N]> for SizePlans<'a> {
    fn from(at_entry: &'a [PlannedSize; N]) -> Self {
        Self::from(at_entry.as_slice())
    }
}

impl<'a> From<&'a Vec<PlannedSize>> for SizePlans<'a> {
    fn from(at_entry: &'a Vec<PlannedSize>) -> Self {
        Self::from(at_entry.as_slice())
    }
}

//! Merging one archive's rows of a month with those that the lake holds.

use std::cmp::Ordering;
use std::path::PathBuf;

use super::coverage::gaps_of_table;
use super::key_times;
use super::receipt::{Note, Receipt, SourceReceipt};
use super::rows::{
    compare_rows, continues, derivable_column, first_difference, is_null, set, soft_columns,
};
use super::series::{Month, Series};
use super::versions::{Answers, is_same_archive, is_same_reading, spans_all_of};
use super::writer::{ChangedSource, MergeOptions};
use crate::error::MarketError;
use crate::table::{ColumnType, Kind, Table};
use crate::time::Timestamp;

/// Version of the lake's files.
const FORMAT: u32 = 1;

/// Name of the rule in receipts.
const LAKE_CONFLICT: &str = "lake_conflict";

/// The rows of one archive in one month, sorted by key.
pub(super) struct Part {
    pub(super) table: Table,
    pub(super) source: SourceReceipt,
}

/// What one part changed.
#[derive(Default)]
pub(super) struct PartOutcome {
    pub(super) rows_added: usize,
    pub(super) rows_known: usize,
    pub(super) rows_replaced: usize,
    pub(super) rows_kept: usize,
    pub(super) changed: Vec<ChangedSource>,
    pub(super) completed_bars: Vec<Timestamp>,
}

impl PartOutcome {
    pub(super) fn add(&mut self, other: Self) {
        self.rows_added += other.rows_added;
        self.rows_known += other.rows_known;
        self.rows_replaced += other.rows_replaced;
        self.rows_kept += other.rows_kept;
        self.changed.extend(other.changed);
        self.completed_bars.extend(other.completed_bars);
    }
}

/// A month file in memory, while archives are merged into it.
pub(super) struct MonthState {
    series: Series,
    path: PathBuf,
    table: Table,
    /// By row: whether the derivable column was derived.
    derived: Vec<bool>,
    receipt: Receipt,
    old_receipt: Option<Receipt>,
    rows_changed: bool,
}

impl MonthState {
    pub(super) fn new(
        series: &Series,
        month: Month,
        path: PathBuf,
        old: Option<(Table, Receipt)>,
    ) -> Self {
        let fresh = Receipt { format: FORMAT, month: month.to_string(), ..Receipt::default() };
        let (table, old_receipt) = match old {
            Some((table, receipt)) => (table, Some(receipt)),
            None => (Table::empty(series.kind), None),
        };
        let receipt = old_receipt.clone().unwrap_or(fresh);
        let derived =
            key_times(&table).iter().map(|&time| receipt.is_derived(Timestamp(time))).collect();
        Self {
            series: series.clone(),
            path,
            table,
            derived,
            receipt,
            old_receipt,
            rows_changed: false,
        }
    }

    /// Merges one part, or says what stands against it.
    pub(super) fn absorb(
        &mut self,
        part: Part,
        options: MergeOptions,
    ) -> Result<PartOutcome, MarketError> {
        let replace = options.replace;
        let Part { table, mut source } = part;
        let table = self.without_duplicates(table, &mut source)?;
        let seen = self.receipt.sources.iter().find(|known| is_same_reading(known, &source));
        // Rows of it that were refused a place have to pass the policy of today.
        let is_settled = |known: &SourceReceipt| {
            options.keep || known.flags.iter().all(|note| note.name != LAKE_CONFLICT)
        };
        if !replace && seen.is_some_and(is_settled) {
            return Ok(PartOutcome {
                rows_known: table.len(),
                rows_kept: self.rows_overridden(&table, &source)?,
                ..PartOutcome::default()
            });
        }
        let plan = self.plan(&table, &source, options)?;
        let mut outcome = PartOutcome {
            rows_added: plan.added,
            rows_known: table.len() - plan.added - plan.replaced,
            rows_replaced: plan.replaced,
            rows_kept: plan.conflicts.filter(|_| !replace).map_or(0, |conflicts| conflicts.count),
            changed: Vec::new(),
            completed_bars: plan.completed_bars.clone(),
        };
        outcome.rows_replaced += plan.withdrawn;
        self.note_conflicts(&plan, &table, &mut source, replace);
        let changes_rows = plan.changes_rows();
        self.apply(plan, table);
        self.record(source, changes_rows, &mut outcome);
        Ok(outcome)
    }

    fn plan(
        &self,
        new: &Table,
        source: &SourceReceipt,
        options: MergeOptions,
    ) -> Result<Plan, MarketError> {
        if self.series.kind.has_unique_time() {
            self.plan_unique(new, source, options)
        } else {
            self.plan_multiset(new, source, options)
        }
    }

    /// Of an archive that has been merged before: its rows of which the lake now has others.
    fn rows_overridden(&self, new: &Table, source: &SourceReceipt) -> Result<usize, MarketError> {
        let plan = self.plan(new, source, MergeOptions { replace: false, keep: true })?;
        let missing = if self.series.kind.has_unique_time() { 0 } else { plan.added };
        Ok(missing + plan.conflicts.map_or(0, |conflicts| conflicts.count))
    }

    /// The file as it is to be written, or `None` where the old one stays as it is.
    pub(super) fn finish(mut self) -> Option<(Table, Receipt)> {
        let times = key_times(&self.table);
        self.receipt.rows = times.len();
        self.receipt.first = times.first().copied().map(Timestamp);
        self.receipt.last = times.last().copied().map(Timestamp);
        self.receipt.gaps = gaps_of_table(self.series.interval, &self.table);
        self.receipt.derived = spans(times, &self.derived);
        let unchanged = !self.rows_changed && self.old_receipt.as_ref() == Some(&self.receipt);
        (!unchanged).then_some((self.table, self.receipt))
    }

    /// Drops rows that an archive holds twice; refuses two versions of one row.
    fn without_duplicates(
        &self,
        table: Table,
        source: &mut SourceReceipt,
    ) -> Result<Table, MarketError> {
        let times = key_times(&table);
        if !self.series.kind.has_unique_time() || times.is_sorted_by(|a, b| a < b) {
            return Ok(table);
        }
        let mut keep: Vec<usize> = Vec::with_capacity(table.len());
        for row in 0..table.len() {
            match keep.last() {
                Some(&kept) if times[kept] == times[row] => {
                    let soft = soft_columns(self.series.kind, true);
                    if let Some(column) = first_difference(&table, kept, &table, row, soft) {
                        return Err(self.conflict(
                            source,
                            Conflicts { count: 1, lake: kept, archive: Some(row), column },
                            &table,
                            &table,
                        ));
                    }
                }
                _ => keep.push(row),
            }
        }
        source.duplicates += table.len() - keep.len();
        source.rows = keep.len();
        Ok(table.gather(&keep))
    }

    /// Walks both sorted tables and decides every row.
    fn plan_unique(
        &self,
        new: &Table,
        source: &SourceReceipt,
        options: MergeOptions,
    ) -> Result<Plan, MarketError> {
        let MergeOptions { replace, keep } = options;
        let old_times = key_times(&self.table);
        let new_times = key_times(new);
        let derivable = derivable_column(self.series.kind);
        let new_derived =
            derivable.is_some_and(|(_, name)| source.derived.iter().any(|column| column == name));
        let n_old = old_times.len();
        let mut plan = Plan::with_capacity(n_old + new_times.len());
        let mut refused = None;
        let answers = Answers::of(source, &self.receipt.sources, self.series.kind);
        if answers.is_empty() && new_times.first() > old_times.last() {
            plan.rows.extend(0..n_old + new_times.len());
            plan.derived.extend(&self.derived);
            plan.derived.resize(plan.rows.len(), new_derived);
            plan.added = new_times.len();
            return Ok(plan);
        }
        let (mut i, mut j) = (0, 0);
        while i < n_old || j < new_times.len() {
            let order = match (old_times.get(i), new_times.get(j)) {
                (Some(old), Some(new)) => old.cmp(new),
                (Some(_), None) => Ordering::Less,
                (None, _) => Ordering::Greater,
            };
            match order {
                Ordering::Less if answers.withdraw(old_times[i]) => {
                    self.plan_withdrawn(&mut plan, i, options, &mut refused);
                }
                Ordering::Less => plan.push(i, self.derived[i]),
                Ordering::Greater => {
                    plan.push(n_old + j, new_derived);
                    plan.added += 1;
                }
                Ordering::Equal => {
                    let recorded = !self.derived[i] && !new_derived;
                    let soft = soft_columns(self.series.kind, recorded);
                    let time = Timestamp(new_times[j]);
                    match first_difference(&self.table, i, new, j, soft) {
                        None if !replace => self.plan_equal(&mut plan, i, new, j, new_derived),
                        None => {
                            let differs = self.table.first_difference(i, new, j).is_some();
                            plan.push(if differs { n_old + j } else { i }, new_derived);
                            plan.replaced += usize::from(differs);
                        }
                        Some(column) if replace => {
                            plan.push(n_old + j, new_derived);
                            plan.replaced += 1;
                            Conflicts::add(&mut plan.conflicts, i, Some(j), column);
                        }
                        Some(column) => match self.more_complete(i, new, j, source) {
                            Some(Version::Lake) => {
                                plan.push(i, self.derived[i]);
                                plan.completed_bars.push(time);
                            }
                            Some(Version::Archive) => {
                                plan.push(n_old + j, new_derived);
                                plan.replaced += 1;
                                plan.completed_bars.push(time);
                            }
                            None if keep => {
                                plan.push(i, self.derived[i]);
                                Conflicts::add(&mut plan.conflicts, i, Some(j), column);
                            }
                            None => Conflicts::add(&mut refused, i, Some(j), column),
                        },
                    }
                }
            }
            i += usize::from(order.is_le());
            j += usize::from(order.is_ge());
        }
        match refused {
            Some(refused) => Err(self.conflict(source, refused, new, &self.table)),
            None => Ok(plan),
        }
    }

    /// Decides a row of the lake that came from the archive itself, which has it no more.
    fn plan_withdrawn(
        &self,
        plan: &mut Plan,
        i: usize,
        options: MergeOptions,
        refused: &mut Option<Conflicts>,
    ) {
        if options.replace {
            plan.withdrawn += 1;
            Conflicts::add(&mut plan.conflicts, i, None, 0);
        } else if options.keep {
            plan.push(i, self.derived[i]);
            Conflicts::add(&mut plan.conflicts, i, None, 0);
        } else {
            Conflicts::add(refused, i, None, 0);
        }
    }

    /// Enters in an archive's receipt that rows of it differed from the lake's.
    fn note_conflicts(&self, plan: &Plan, new: &Table, source: &mut SourceReceipt, replace: bool) {
        let Some(conflicts @ Conflicts { count, lake, column, .. }) = plan.conflicts else {
            // The archive may be the one that the lake has these rows from.
            let known = self.receipt.sources.iter().find(|known| is_same_archive(known, source));
            let is_conflict = |note: &&Note| note.name == LAKE_CONFLICT;
            if let Some(known) = known {
                source.repairs.extend(known.repairs.iter().find(is_conflict).cloned());
                source.flags.extend(known.flags.iter().find(is_conflict).cloned());
            }
            return;
        };
        let what = "rows differ from what the lake holds";
        let done = if replace { "they replace those of the lake" } else { "the lake's stay" };
        let note = Note {
            name: LAKE_CONFLICT.to_owned(),
            count,
            first: Some(Timestamp(key_times(&self.table)[lake])),
            message: format!("{what}; {done}"),
            example: format!(
                "`{}` is {} here, {} in the lake",
                self.series.kind.columns()[column].0,
                conflicts.archive_text(new),
                self.table.columns()[column].text(lake),
            ),
        };
        if replace {
            source.repairs.push(note);
        } else {
            source.flags.push(note);
        }
    }

    /// Keeps an equal row of the lake, completed by what only the new one knows.
    fn plan_equal(&self, plan: &mut Plan, i: usize, new: &Table, j: usize, new_derived: bool) {
        let out = plan.rows.len();
        let derivable = derivable_column(self.series.kind);
        let upgrade = derivable.is_some() && self.derived[i] && !new_derived;
        plan.push(i, self.derived[i] && !upgrade);
        if let (true, Some((column, _))) = (upgrade, derivable) {
            plan.patches.push(Patch { out, column, new_row: j });
        }
        for (column, &(_, column_type)) in self.series.kind.columns().iter().enumerate() {
            let nullable = matches!(column_type, ColumnType::F64OrNull | ColumnType::I64OrNull);
            if nullable
                && is_null(&self.table.columns()[column], i)
                && !is_null(&new.columns()[column], j)
            {
                plan.patches.push(Patch { out, column, new_row: j });
            }
        }
        // Of two raw funding times, the one that was not rounded to the settlement is kept.
        if self.series.kind == Kind::Funding {
            let settlement = key_times(new)[j];
            let old_offset = (self.table.times()[i] - settlement).abs();
            let new_offset = (new.times()[j] - settlement).abs();
            if new_offset > old_offset {
                plan.patches.push(Patch { out, column: 0, new_row: j });
            }
        }
    }

    /// Of two versions of a bar, the one that is surely or apparently more complete.
    fn more_complete(
        &self,
        i: usize,
        new: &Table,
        j: usize,
        source: &SourceReceipt,
    ) -> Option<Version> {
        let time = Timestamp(key_times(new)[j]);
        let mut covering = self
            .receipt
            .sources
            .iter()
            .filter(|known| known.first <= Some(time) && Some(time) <= known.last)
            .peekable();
        let lake_forming =
            covering.peek().is_some() && covering.all(|known| known.maybe_forming == Some(time));
        let archive_forming = source.maybe_forming == Some(time);
        match (lake_forming, archive_forming) {
            (true, false) => Some(Version::Archive),
            (false, true) => Some(Version::Lake),
            (true, true) if continues(new, j, &self.table, i) => Some(Version::Archive),
            (true, true) if continues(&self.table, i, new, j) => Some(Version::Lake),
            _ => None,
        }
    }

    /// Both sides are sorted by all columns, so pairing equal rows keeps the larger count.
    /// What an earlier version of the archive has and this one has not is withdrawn; where the
    /// lake's rows are to stay, this one then adds nothing beside them.
    fn plan_multiset(
        &self,
        new: &Table,
        source: &SourceReceipt,
        options: MergeOptions,
    ) -> Result<Plan, MarketError> {
        let answers = Answers::of(source, &self.receipt.sources, self.series.kind);
        let mut refused = None;
        let n_old = self.table.len();
        let mut plan = Plan::with_capacity(n_old + new.len());
        let (mut i, mut j) = (0, 0);
        while i < n_old || j < new.len() {
            let order = if i == n_old {
                Ordering::Greater
            } else if j == new.len() {
                Ordering::Less
            } else {
                compare_rows(&self.table, i, new, j)
            };
            if order.is_lt() && answers.withdraw(self.table.times()[i]) {
                self.plan_withdrawn(&mut plan, i, options, &mut refused);
            } else if order.is_le() {
                plan.push(i, false);
            } else {
                plan.push(n_old + j, false);
                plan.added += 1;
            }
            i += usize::from(order.is_le());
            j += usize::from(order.is_ge());
        }
        if let Some(refused) = refused {
            return Err(self.conflict(source, refused, new, &self.table));
        }
        if options.keep && plan.conflicts.is_some() {
            let n_planned = plan.rows.len();
            plan.rows.retain(|&row| row < n_old || !answers.include(new.times()[row - n_old]));
            plan.added -= n_planned - plan.rows.len();
            plan.derived.truncate(plan.rows.len());
        }
        Ok(plan)
    }

    fn apply(&mut self, plan: Plan, new: Table) {
        let changes_rows = plan.changes_rows();
        self.receipt.completed_bars.extend(plan.completed_bars);
        self.receipt.completed_bars.sort();
        self.receipt.completed_bars.dedup();
        self.derived = plan.derived;
        if !changes_rows {
            return;
        }
        self.rows_changed = true;
        let patch_values = (!plan.patches.is_empty()).then(|| new.clone());
        self.table.append(new);
        if !plan.rows.iter().copied().eq(0..self.table.len()) {
            self.table = self.table.gather(&plan.rows);
        }
        if let Some(new) = patch_values {
            let mut columns = self.table.columns().to_vec();
            for Patch { out, column, new_row } in plan.patches {
                set(&mut columns[column], out, &new.columns()[column], new_row);
            }
            self.table = Table::new(self.series.kind, columns);
        }
    }

    /// Enters the archive in the receipt. An archive that was seen in an earlier version is
    /// entered in its place where it spans all that the earlier one did; where it does not, the
    /// rest of the rows need their source, whoever won.
    fn record(&mut self, source: SourceReceipt, changes_rows: bool, outcome: &mut PartOutcome) {
        let sources = &mut self.receipt.sources;
        let mut superseded = false;
        for known in sources.iter().filter(|known| known.name == source.name) {
            if known.sha256 != source.sha256 {
                outcome.changed.push(ChangedSource {
                    name: source.name.clone(),
                    old_sha256: known.sha256.clone(),
                    new_sha256: source.sha256.clone(),
                });
                superseded |= !changes_rows && !spans_all_of(&source, known);
            }
        }
        if superseded {
            return;
        }
        sources.retain(|known| {
            let is_earlier = is_same_archive(known, &source)
                || known.name == source.name && spans_all_of(&source, known);
            // Rows of it that stayed need their source.
            !(is_same_reading(known, &source) || is_earlier && outcome.rows_kept == 0)
        });
        // An archive that has nothing of this month any more has no part in it.
        if source.rows > 0 || !source.covered.is_empty() {
            sources.push(source);
        }
        let key = |source: &SourceReceipt| {
            (source.name.clone(), source.sha256.clone(), source.reading.clone())
        };
        sources.sort_by_key(key);
    }

    fn conflict(
        &self,
        source: &SourceReceipt,
        conflicts: Conflicts,
        new: &Table,
        old: &Table,
    ) -> MarketError {
        let Conflicts { count, lake, column, .. } = conflicts;
        MarketError::Conflict {
            path: self.path.clone(),
            source_name: source.name.clone(),
            count,
            first: Timestamp(key_times(old)[lake]),
            column: self.series.kind.columns()[column].0,
            old: old.columns()[column].text(lake).into(),
            new: conflicts.archive_text(new).into(),
        }
    }
}

/// Which version of a bar is kept.
enum Version {
    Lake,
    Archive,
}

/// Rows of an archive that differ from the lake's: how many, and both versions of the first.
#[derive(Clone, Copy)]
struct Conflicts {
    count: usize,
    lake: usize,
    /// `None` where the archive has no such row any more.
    archive: Option<usize>,
    column: usize,
}

impl Conflicts {
    fn add(conflicts: &mut Option<Self>, lake: usize, archive: Option<usize>, column: usize) {
        conflicts.get_or_insert(Self { count: 0, lake, archive, column }).count += 1;
    }

    /// The archive's value in the first case.
    fn archive_text(&self, archive: &Table) -> String {
        match self.archive {
            Some(row) => archive.columns()[self.column].text(row),
            None => "in no row".to_owned(),
        }
    }
}

/// The month to be: rows of the lake (from 0) and of the archive (from the lake's length).
struct Plan {
    rows: Vec<usize>,
    derived: Vec<bool>,
    patches: Vec<Patch>,
    added: usize,
    replaced: usize,
    /// Rows of the lake that go, because the archive that they are from has them no more.
    withdrawn: usize,
    conflicts: Option<Conflicts>,
    completed_bars: Vec<Timestamp>,
}

/// One value of a kept row that the archive knows better.
struct Patch {
    out: usize,
    column: usize,
    new_row: usize,
}

impl Plan {
    fn with_capacity(rows: usize) -> Self {
        Self {
            rows: Vec::with_capacity(rows),
            derived: Vec::with_capacity(rows),
            patches: Vec::new(),
            added: 0,
            replaced: 0,
            withdrawn: 0,
            conflicts: None,
            completed_bars: Vec::new(),
        }
    }

    fn changes_rows(&self) -> bool {
        self.added + self.replaced + self.withdrawn + self.patches.len() > 0
    }

    fn push(&mut self, row: usize, derived: bool) {
        self.rows.push(row);
        self.derived.push(derived);
    }
}

/// Spans of consecutive marked rows, both ends inclusive.
fn spans(times: &[i64], marked: &[bool]) -> Vec<(Timestamp, Timestamp)> {
    let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
    let mut open = false;
    for (&time, &marked) in times.iter().zip(marked) {
        match spans.last_mut() {
            Some(span) if marked && open => span.1 = Timestamp(time),
            _ if marked => spans.push((Timestamp(time), Timestamp(time))),
            _ => {}
        }
        open = marked;
    }
    spans
}

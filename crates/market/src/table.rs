//! The kinds of record, their schemas, and a table of rows of one kind.
//!
//! One definition of each schema serves decoding, the lake and loading.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Float64Array, Int32Array, Int64Array, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

use crate::error::MarketError;
use crate::time::Timestamp;

/// A kind of record that the lake holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Trade-price bars.
    Candles,
    /// Mark-price bars.
    MarkCandles,
    /// Index-price bars.
    IndexCandles,
    /// Bars of the premium index: (perpetual - index) / index, a fraction that may be negative.
    PremiumIndexCandles,
    /// Settled funding rates.
    Funding,
    /// The exchange's record of other people's forced orders, one row each.
    Liquidations,
    /// Sums of forced orders over bars, as aggregators publish them, where single ones are unknown.
    LiquidationVolume,
    /// Open interest snapshots.
    OpenInterest,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTC milliseconds, never null.
    Time,
    /// A finite number, never null.
    F64,
    /// A finite number or null where the source has none.
    F64OrNull,
    /// A whole number, never null.
    I32,
    /// A whole number or null where the source has none.
    I64OrNull,
    /// A word.
    Text,
}

use ColumnType::{F64, F64OrNull, I32, I64OrNull, Text, Time};

impl Kind {
    /// Every kind, in the order of the lake's folders.
    pub const ALL: [Self; 8] = [
        Self::Candles,
        Self::MarkCandles,
        Self::IndexCandles,
        Self::PremiumIndexCandles,
        Self::Funding,
        Self::Liquidations,
        Self::LiquidationVolume,
        Self::OpenInterest,
    ];

    /// The folder's name, which is also the name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Candles => "candles",
            Self::MarkCandles => "mark_candles",
            Self::IndexCandles => "index_candles",
            Self::PremiumIndexCandles => "premium_index_candles",
            Self::Funding => "funding",
            Self::Liquidations => "liquidations",
            Self::LiquidationVolume => "liquidation_volume",
            Self::OpenInterest => "open_interest",
        }
    }

    /// Every name, for messages.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// Whether rows are bars of a fixed length, so that the folder is split by interval.
    pub fn has_interval(self) -> bool {
        self.has_prices() || self == Self::LiquidationVolume
    }

    /// Whether rows are bars of a price or index: open, high, low, close.
    pub fn has_prices(self) -> bool {
        matches!(
            self,
            Self::Candles | Self::MarkCandles | Self::IndexCandles | Self::PremiumIndexCandles
        )
    }

    /// Whether a time can stand only once. Several liquidations can share a millisecond.
    pub fn has_unique_time(self) -> bool {
        !matches!(self, Self::Liquidations)
    }

    /// Column names and types; the first is the time that rows are sorted by.
    pub fn columns(self) -> &'static [(&'static str, ColumnType)] {
        match self {
            Self::Candles => &[
                ("open_time", Time),
                ("open", F64),
                ("high", F64),
                ("low", F64),
                ("close", F64),
                ("volume", F64),
                ("quote_volume", F64),
                ("trades", I64OrNull),
                ("taker_buy_volume", F64OrNull),
            ],
            Self::MarkCandles | Self::IndexCandles | Self::PremiumIndexCandles => {
                &[("open_time", Time), ("open", F64), ("high", F64), ("low", F64), ("close", F64)]
            }
            Self::Funding => &[
                ("time", Time),
                ("settlement_time", Time),
                ("rate", F64),
                ("interval_minutes", I32),
                ("mark_price", F64OrNull),
            ],
            Self::Liquidations => &[
                ("time", Time),
                ("liquidated_side", Text),
                ("price", F64),
                ("quantity", F64),
                ("notional", F64),
                ("kind", Text),
            ],
            Self::LiquidationVolume => &[
                ("open_time", Time),
                ("long_quantity", F64OrNull),
                ("short_quantity", F64OrNull),
                ("long_notional", F64OrNull),
                ("short_notional", F64OrNull),
                ("count", I64OrNull),
            ],
            Self::OpenInterest => {
                &[("time", Time), ("open_interest", F64OrNull), ("open_interest_value", F64OrNull)]
            }
        }
    }

    /// The Arrow schema, which is also the Parquet schema of the lake.
    pub fn schema(self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns()
            .iter()
            .map(|&(name, column_type)| {
                let (data_type, nullable) = match column_type {
                    Time => (DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), false),
                    F64 => (DataType::Float64, false),
                    F64OrNull => (DataType::Float64, true),
                    I32 => (DataType::Int32, false),
                    I64OrNull => (DataType::Int64, true),
                    Text => (DataType::Utf8, false),
                };
                Field::new(name, data_type, nullable)
            })
            .collect();
        Arc::new(Schema::new(fields))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = MarketError;

    fn from_str(text: &str) -> Result<Self, MarketError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| MarketError::BadKind { text: text.to_owned() })
    }
}

/// Values of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// UTC milliseconds.
    Time(Vec<i64>),
    /// Numbers.
    F64(Vec<f64>),
    /// Numbers or nothing.
    F64OrNull(Vec<Option<f64>>),
    /// Whole numbers.
    I32(Vec<i32>),
    /// Whole numbers or nothing.
    I64OrNull(Vec<Option<i64>>),
    /// Words.
    Text(Vec<String>),
}

/// Applies the same expression to the vector of whatever type a column has.
macro_rules! each {
    ($column:expr, $values:ident => $body:expr) => {
        match $column {
            Column::Time($values) => $body,
            Column::F64($values) => $body,
            Column::F64OrNull($values) => $body,
            Column::I32($values) => $body,
            Column::I64OrNull($values) => $body,
            Column::Text($values) => $body,
        }
    };
}

impl Column {
    fn empty(column_type: ColumnType) -> Self {
        match column_type {
            Time => Self::Time(Vec::new()),
            F64 => Self::F64(Vec::new()),
            F64OrNull => Self::F64OrNull(Vec::new()),
            I32 => Self::I32(Vec::new()),
            I64OrNull => Self::I64OrNull(Vec::new()),
            Text => Self::Text(Vec::new()),
        }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        each!(self, values => values.len())
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One value in text form, for messages.
    pub fn text(&self, row: usize) -> String {
        match self {
            Self::Time(values) => Timestamp(values[row]).to_string(),
            Self::F64(values) => values[row].to_string(),
            Self::F64OrNull(values) => values[row].map_or("null".into(), |v| v.to_string()),
            Self::I32(values) => values[row].to_string(),
            Self::I64OrNull(values) => values[row].map_or("null".into(), |v| v.to_string()),
            Self::Text(values) => values[row].clone(),
        }
    }

    fn matches(&self, column_type: ColumnType) -> bool {
        matches!(
            (self, column_type),
            (Self::Time(_), Time)
                | (Self::F64(_), F64)
                | (Self::F64OrNull(_), F64OrNull)
                | (Self::I32(_), I32)
                | (Self::I64OrNull(_), I64OrNull)
                | (Self::Text(_), Text)
        )
    }

    fn gather(&self, rows: &[usize]) -> Self {
        match self {
            Self::Time(values) => Self::Time(rows.iter().map(|&i| values[i]).collect()),
            Self::F64(values) => Self::F64(rows.iter().map(|&i| values[i]).collect()),
            Self::F64OrNull(values) => Self::F64OrNull(rows.iter().map(|&i| values[i]).collect()),
            Self::I32(values) => Self::I32(rows.iter().map(|&i| values[i]).collect()),
            Self::I64OrNull(values) => Self::I64OrNull(rows.iter().map(|&i| values[i]).collect()),
            Self::Text(values) => Self::Text(rows.iter().map(|&i| values[i].clone()).collect()),
        }
    }

    fn slice(&self, start: usize, end: usize) -> Self {
        match self {
            Self::Time(values) => Self::Time(values[start..end].to_vec()),
            Self::F64(values) => Self::F64(values[start..end].to_vec()),
            Self::F64OrNull(values) => Self::F64OrNull(values[start..end].to_vec()),
            Self::I32(values) => Self::I32(values[start..end].to_vec()),
            Self::I64OrNull(values) => Self::I64OrNull(values[start..end].to_vec()),
            Self::Text(values) => Self::Text(values[start..end].to_vec()),
        }
    }

    fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Time(a), Self::Time(b)) => a.extend(b),
            (Self::F64(a), Self::F64(b)) => a.extend(b),
            (Self::F64OrNull(a), Self::F64OrNull(b)) => a.extend(b),
            (Self::I32(a), Self::I32(b)) => a.extend(b),
            (Self::I64OrNull(a), Self::I64OrNull(b)) => a.extend(b),
            (Self::Text(a), Self::Text(b)) => a.extend(b),
            _ => unreachable!("tables of one kind have columns of the same types"),
        }
    }

    fn to_arrow(&self) -> ArrayRef {
        match self {
            Self::Time(values) => {
                Arc::new(TimestampMillisecondArray::from(values.clone()).with_timezone("UTC"))
            }
            Self::F64(values) => Arc::new(Float64Array::from(values.clone())),
            Self::F64OrNull(values) => Arc::new(Float64Array::from(values.clone())),
            Self::I32(values) => Arc::new(Int32Array::from(values.clone())),
            Self::I64OrNull(values) => Arc::new(Int64Array::from(values.clone())),
            Self::Text(values) => {
                Arc::new(values.iter().map(|v| Some(v.as_str())).collect::<StringArray>())
            }
        }
    }

    fn from_arrow(array: &ArrayRef, column_type: ColumnType) -> Option<Self> {
        let any = array.as_any();
        let forbidden_null =
            array.null_count() > 0 && !matches!(column_type, F64OrNull | I64OrNull);
        if forbidden_null {
            return None;
        }
        Some(match column_type {
            Time => Self::Time(any.downcast_ref::<TimestampMillisecondArray>()?.values().to_vec()),
            F64 => Self::F64(any.downcast_ref::<Float64Array>()?.values().to_vec()),
            F64OrNull => Self::F64OrNull(any.downcast_ref::<Float64Array>()?.iter().collect()),
            I32 => Self::I32(any.downcast_ref::<Int32Array>()?.values().to_vec()),
            I64OrNull => Self::I64OrNull(any.downcast_ref::<Int64Array>()?.iter().collect()),
            Text => Self::Text(
                any.downcast_ref::<StringArray>()?.iter().flatten().map(str::to_owned).collect(),
            ),
        })
    }
}

/// Rows of one kind, in columns, in the order of [`Kind::columns`]. Clones share their rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    kind: Kind,
    columns: Arc<Vec<Column>>,
}

impl Table {
    /// A table without rows.
    pub fn empty(kind: Kind) -> Self {
        let columns = kind.columns().iter().map(|&(_, t)| Column::empty(t)).collect();
        Self { kind, columns: Arc::new(columns) }
    }

    /// A table of the given columns.
    ///
    /// # Panics
    /// If they are not of the number, types and common length that the kind asks for: that is a
    /// mistake of the caller's, not of any data.
    pub fn new(kind: Kind, columns: Vec<Column>) -> Self {
        assert_eq!(columns.len(), kind.columns().len(), "number of columns of {kind}");
        for (column, &(name, column_type)) in columns.iter().zip(kind.columns()) {
            assert!(column.matches(column_type), "type of column {name} of {kind}");
            assert_eq!(column.len(), columns[0].len(), "length of column {name} of {kind}");
        }
        Self { kind, columns: Arc::new(columns) }
    }

    /// Kind of record.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.columns[0].len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The columns, in schema order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The time that rows are sorted by, UTC milliseconds.
    pub fn times(&self) -> &[i64] {
        match &self.columns[0] {
            Column::Time(values) => values,
            _ => unreachable!("the first column of every kind is its time"),
        }
    }

    /// A column by its name, or `None` if the kind has none of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let position = self.kind.columns().iter().position(|&(column, _)| column == name)?;
        Some(&self.columns[position])
    }

    /// A column of plain numbers.
    ///
    /// # Panics
    /// If the kind has no such column of plain numbers.
    pub fn f64(&self, name: &str) -> &[f64] {
        match self.column(name) {
            Some(Column::F64(values)) => values,
            _ => panic!("{} has no f64 column {name}", self.kind),
        }
    }

    /// A column of numbers that may be absent, an absent one as NaN.
    ///
    /// # Panics
    /// If the kind has no such column of numbers.
    pub fn f64_or_nan(&self, name: &str) -> Vec<f64> {
        match self.column(name) {
            Some(Column::F64OrNull(values)) => {
                values.iter().map(|v| v.unwrap_or(f64::NAN)).collect()
            }
            Some(Column::F64(values)) => values.clone(),
            _ => panic!("{} has no f64 column {name}", self.kind),
        }
    }

    /// A copy of the chosen rows, in the order given.
    #[must_use]
    pub fn gather(&self, rows: &[usize]) -> Self {
        let columns = self.columns.iter().map(|column| column.gather(rows)).collect();
        Self { kind: self.kind, columns: Arc::new(columns) }
    }

    /// A copy of the rows `start..end`.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Self {
        if start == 0 && end == self.len() {
            return self.clone();
        }
        let columns = self.columns.iter().map(|column| column.slice(start, end)).collect();
        Self { kind: self.kind, columns: Arc::new(columns) }
    }

    /// Adds the rows of a table of the same kind behind these.
    pub fn append(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let columns = Arc::make_mut(&mut self.columns).iter_mut();
        for (column, more) in columns.zip(Arc::unwrap_or_clone(other.columns)) {
            column.append(more);
        }
    }

    /// The same rows sorted by time; rows of equal time keep their order.
    #[must_use]
    pub fn sorted_by_time(self) -> Self {
        if self.times().is_sorted() {
            return self;
        }
        let mut rows: Vec<usize> = (0..self.len()).collect();
        rows.sort_by_key(|&row| self.times()[row]);
        self.gather(&rows)
    }

    /// The first column in which a row of this table and one of another differ, if any.
    pub fn first_difference(&self, row: usize, other: &Self, other_row: usize) -> Option<usize> {
        (0..self.columns.len()).find(|&c| !match (&self.columns[c], &other.columns[c]) {
            (Column::F64(a), Column::F64(b)) => a[row].total_cmp(&b[other_row]).is_eq(),
            (Column::F64OrNull(a), Column::F64OrNull(b)) => match (a[row], b[other_row]) {
                (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
                (a, b) => a.is_none() && b.is_none(),
            },
            (Column::Time(a), Column::Time(b)) => a[row] == b[other_row],
            (Column::I32(a), Column::I32(b)) => a[row] == b[other_row],
            (Column::I64OrNull(a), Column::I64OrNull(b)) => a[row] == b[other_row],
            (Column::Text(a), Column::Text(b)) => a[row] == b[other_row],
            _ => false,
        })
    }

    /// The rows as an Arrow batch of [`Kind::schema`].
    pub fn to_batch(&self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let arrays = self.columns.iter().map(Column::to_arrow).collect();
        RecordBatch::try_new(self.kind.schema(), arrays)
    }

    /// Reads an Arrow batch of [`Kind::schema`]; the error names the column that does not fit.
    pub fn from_batch(kind: Kind, batch: &RecordBatch) -> Result<Self, String> {
        let mut columns = Vec::with_capacity(kind.columns().len());
        for &(name, column_type) in kind.columns() {
            let array =
                batch.column_by_name(name).ok_or_else(|| format!("column `{name}` is missing"))?;
            let column = Column::from_arrow(array, column_type).ok_or_else(|| {
                format!("column `{name}` is {} with nulls or of another type", array.data_type())
            })?;
            columns.push(column);
        }
        Ok(Self { kind, columns: Arc::new(columns) })
    }
}

//! What a metric sees of a case: its name, its id, its input and its parameters. The expectation
//! is not among them, so no value can be made to fit it.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use plimsoll_risk::RiskError;
use plimsoll_sizing::formulas::SizingError;
use plimsoll_venue::VenueError;
use serde_json::{Map, Value};

/// Largest count that a parameter may ask for; more is a mistake in the case.
const COUNT_MAX: f64 = 10_000_000.0;

/// Why a case has no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Failure {
    /// No module computes this metric yet.
    #[error("unknown metric")]
    UnknownMetric,
    /// The case cannot be read: a parameter, a file, a column.
    #[error("{0}")]
    Input(String),
    /// The metric has no finite value on this input, which an expected `null` agrees with.
    #[error("undefined: {0}")]
    Undefined(String),
}

impl From<RiskError> for Failure {
    fn from(error: RiskError) -> Self {
        Self::Undefined(error.to_string())
    }
}

impl From<SizingError> for Failure {
    fn from(error: SizingError) -> Self {
        Self::Undefined(error.to_string())
    }
}

impl From<VenueError> for Failure {
    fn from(error: VenueError) -> Self {
        Self::Undefined(error.to_string())
    }
}

/// The result of a metric.
pub(crate) type Answer = Result<Value, Failure>;

/// One case without its expectation.
#[derive(Clone, Debug)]
pub(crate) struct Question<'a> {
    /// The folder that `input` is relative to.
    pub(crate) folder: &'a Path,
    pub(crate) id: &'a str,
    pub(crate) metric: &'a str,
    /// `file:column`, a file alone, or empty.
    pub(crate) input: &'a str,
    pub(crate) params: &'a Map<String, Value>,
}

impl Question<'_> {
    /// The name of the metric without the number in it, `cdar_0.95_riskfolio` as
    /// `cdar_riskfolio`, and that number.
    pub(crate) fn name_and_number(&self) -> (String, Option<f64>) {
        let mut number = None;
        let mut words = Vec::new();
        for word in self.metric.split('_') {
            match word.parse::<f64>() {
                Ok(value) if number.is_none() && value.is_finite() => number = Some(value),
                _ => words.push(word),
            }
        }
        (words.join("_"), number)
    }

    /// The first of `names` among the parameters, else the number in the metric's name.
    pub(crate) fn parameter(&self, names: &[&str]) -> Result<f64, Failure> {
        for name in names {
            if let Some(value) = self.optional(name)? {
                return Ok(value);
            }
        }
        let missing = || Failure::Input(format!("`params` has no `{}`", names.join("` or `")));
        self.name_and_number().1.ok_or_else(missing)
    }

    /// A number that the case must give.
    pub(crate) fn number(&self, name: &str) -> Result<f64, Failure> {
        let missing = || Failure::Input(format!("`params` has no `{name}`"));
        self.optional(name)?.ok_or_else(missing)
    }

    /// A number, or its default where the case gives none.
    pub(crate) fn number_or(&self, name: &str, default: f64) -> Result<f64, Failure> {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    /// A number that the case may leave out; `null` is left out.
    pub(crate) fn optional(&self, name: &str) -> Result<Option<f64>, Failure> {
        match self.params.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => number_of(name, value).map(Some),
        }
    }

    /// A whole number of at least 0.
    pub(crate) fn count(&self, name: &str) -> Result<usize, Failure> {
        whole(name, self.number(name)?)
    }

    /// A whole number that the case may leave out.
    pub(crate) fn optional_count(&self, name: &str) -> Result<Option<usize>, Failure> {
        self.optional(name)?.map(|value| whole(name, value)).transpose()
    }

    /// A list of numbers, or its default; a single number is a list of one.
    pub(crate) fn numbers_or(&self, name: &str, default: &[f64]) -> Result<Vec<f64>, Failure> {
        match self.params.get(name) {
            None | Some(Value::Null) => Ok(default.to_vec()),
            Some(value) => numbers_of(name, value),
        }
    }

    /// The column that `input` names, or `default` where it names a file alone.
    pub(crate) fn series_or(&self, default: &str) -> Result<Vec<f64>, Failure> {
        let (file, column) = match self.input.split_once(':') {
            Some((file, column)) => (file, column),
            None => (self.input, default),
        };
        self.column(file, column)
    }

    /// The returns that `input` names; a file alone means its column `r`.
    pub(crate) fn returns(&self) -> Result<Vec<f64>, Failure> {
        self.series_or("r")
    }

    /// A column of the input file, whatever column `input` itself names.
    pub(crate) fn sibling(&self, column: &str) -> Result<Vec<f64>, Failure> {
        self.column(self.file()?, column)
    }

    /// Every column of the input file, by position.
    pub(crate) fn table(&self) -> Result<Vec<(String, Vec<f64>)>, Failure> {
        let file = self.file()?;
        let headers = self.headers(file)?;
        let column = |name: &String| Ok((name.clone(), self.column(file, name)?));
        headers.iter().map(column).collect()
    }

    fn file(&self) -> Result<&str, Failure> {
        let file = self.input.split(':').next().unwrap_or_default();
        if file.is_empty() {
            return Err(Failure::Input("the case has no `input`".to_owned()));
        }
        Ok(file)
    }

    fn path(&self, file: &str) -> Result<PathBuf, Failure> {
        let relative = Path::new(file);
        let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if file.is_empty() || !inside {
            return Err(Failure::Input(format!("`input` {file:?} is not a file in the folder")));
        }
        Ok(self.folder.join(relative))
    }

    fn headers(&self, file: &str) -> Result<Vec<String>, Failure> {
        let mut reader = csv::Reader::from_path(self.path(file)?).map_err(|e| unread(file, &e))?;
        let headers = reader.headers().map_err(|e| unread(file, &e))?;
        Ok(headers.iter().map(|name| name.trim().to_owned()).collect())
    }

    /// A column of a file in the folder.
    pub(crate) fn column(&self, file: &str, column: &str) -> Result<Vec<f64>, Failure> {
        let cells = self.text_column(file, column)?;
        let numbers = cells.iter().enumerate().map(|(row, text)| cell(file, row + 1, column, text));
        numbers.collect()
    }

    /// The same with cells as they are written.
    pub(crate) fn text_column(&self, file: &str, column: &str) -> Result<Vec<String>, Failure> {
        let headers = self.headers(file)?;
        let Some(position) = headers.iter().position(|name| name == column) else {
            let have = headers.join(", ");
            return Err(Failure::Input(format!("{file} has no column `{column}`, only {have}")));
        };
        let mut reader = csv::Reader::from_path(self.path(file)?).map_err(|e| unread(file, &e))?;
        let mut cells = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| unread(file, &e))?;
            cells.push(record.get(position).unwrap_or_default().to_owned());
        }
        Ok(cells)
    }

    /// Every column of a file without a header.
    pub(crate) fn bare_columns(&self, file: &str) -> Result<Vec<Vec<f64>>, Failure> {
        let path = self.path(file)?;
        let reader = csv::ReaderBuilder::new().has_headers(false).from_path(path);
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for (index, record) in reader.map_err(|e| unread(file, &e))?.records().enumerate() {
            let record = record.map_err(|e| unread(file, &e))?;
            // The reader refuses a row that is not as wide as the first.
            columns.resize(record.len(), Vec::new());
            for (position, text) in record.iter().enumerate() {
                let name = (position + 1).to_string();
                columns[position].push(cell(file, index + 1, &name, text)?);
            }
        }
        Ok(columns)
    }
}

/// A value, or `null` where it is undefined: for one key of an object that has others.
pub(crate) fn or_null<E>(value: Result<f64, E>) -> Value {
    value.map_or(Value::Null, Value::from)
}

/// A number as an object key, written as Python writes it: `1.0`, `0.25`.
pub(crate) fn key(number: f64) -> String {
    format!("{number:?}")
}

/// An object from keys and values.
pub(crate) fn object<K: Into<String>>(fields: impl IntoIterator<Item = (K, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// The numbers of a JSON list, or of a single number.
pub(crate) fn numbers_of(name: &str, value: &Value) -> Result<Vec<f64>, Failure> {
    match value {
        Value::Array(items) => items.iter().map(|item| number_of(name, item)).collect(),
        single => Ok(vec![number_of(name, single)?]),
    }
}

/// A finite JSON number.
pub(crate) fn number_of(name: &str, value: &Value) -> Result<f64, Failure> {
    let wrong = || Failure::Input(format!("`{name}` is {value}, not a number"));
    value.as_f64().filter(|number| number.is_finite()).ok_or_else(wrong)
}

/// The fields of a JSON object as numbers, in the order of their names.
pub(crate) fn fields_of(name: &str, value: &Value) -> Result<BTreeMap<String, f64>, Failure> {
    let wrong = || Failure::Input(format!("`{name}` is not an object"));
    let fields = value.as_object().ok_or_else(wrong)?;
    fields.iter().map(|(key, value)| Ok((key.clone(), number_of(key, value)?))).collect()
}

fn whole(name: &str, value: f64) -> Result<usize, Failure> {
    if value.fract().abs() > 0.0 || !(0.0..=COUNT_MAX).contains(&value) {
        let rule = format!("a whole number from 0 to {COUNT_MAX}");
        return Err(Failure::Input(format!("`{name}` is {value}; it must be {rule}")));
    }
    Ok(value as usize)
}

/// A cell as a finite number; `row` counts from 1, without the header.
fn cell(file: &str, row: usize, column: &str, text: &str) -> Result<f64, Failure> {
    let text = text.trim();
    let wrong =
        || Failure::Input(format!("{file}, row {row}, `{column}`: {text:?} is not a number"));
    text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(wrong)
}

fn unread(file: &str, error: &csv::Error) -> Failure {
    Failure::Input(format!("cannot read {file}: {error}"))
}

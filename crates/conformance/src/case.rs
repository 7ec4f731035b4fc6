//! Reading a golden folder: which files hold cases, and what each case asks and expects.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::metrics::published;

/// Arguments that stand among the expected keys, by metric: the points at which a function is
/// tabulated. They are part of the question.
const ARGUMENTS_AMONG_EXPECTED: [(&str, &str); 2] =
    [("nig_standardised", "x"), ("vg_standardised", "x")];

/// A case: the question and, apart from it, the expectation.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) metric: String,
    pub(crate) input: String,
    pub(crate) params: Map<String, Value>,
    pub(crate) expected: Value,
    pub(crate) tolerance: Value,
    pub(crate) kind: Kind,
    /// What is wrong with the case itself, if anything.
    pub(crate) malformed: Option<String>,
}

/// Which of the two formats a case is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An element of `cases`.
    Case,
    /// An element of `items`, a published example with a tolerance in its own words.
    Published,
}

/// A file of the folder with the cases in it that are to be run.
#[derive(Clone, Debug)]
pub(crate) struct CaseFile {
    pub(crate) name: String,
    pub(crate) cases: Vec<Case>,
}

/// A folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    #[error("cannot read the folder {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{} holds no .json file with `cases` or `items`", path.display())]
    NoCases { path: PathBuf },
}

/// Every case file of `folder`, by name. A file that is not JSON becomes one malformed case; JSON
/// without `cases` or `items` is something else and is left out.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<CaseFile>, FolderError> {
    let unreadable = |source| FolderError::Unreadable { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|extension| extension == "json") {
            names.push(name);
        }
    }
    names.sort();
    let files: Vec<CaseFile> =
        names.into_iter().filter_map(|name| read_file(folder, name)).collect();
    if files.is_empty() {
        return Err(FolderError::NoCases { path: folder.to_owned() });
    }
    Ok(files)
}

fn read_file(folder: &Path, name: String) -> Option<CaseFile> {
    let parsed = std::fs::read_to_string(folder.join(&name))
        .map_err(|error| error.to_string())
        .and_then(|text| serde_json::from_str::<Value>(&text).map_err(|error| error.to_string()));
    let document = match parsed {
        Ok(document) => document,
        Err(error) => {
            let case = Case { malformed: Some(format!("not read: {error}")), ..empty_case() };
            return Some(CaseFile { name, cases: vec![case] });
        }
    };
    let list = |key: &str| document.get(key).and_then(Value::as_array);
    let cases = match (list("cases"), list("items")) {
        (Some(cases), _) => cases.iter().filter(|case| adopted(case)).map(case).collect(),
        (None, Some(items)) => items.iter().filter(|item| adopted(item)).map(item).collect(),
        (None, None) => return None,
    };
    Some(CaseFile { name, cases })
}

/// Cases are run unless they say `"adopt": false`.
fn adopted(case: &Value) -> bool {
    case.get("adopt") != Some(&Value::Bool(false))
}

fn case(value: &Value) -> Case {
    let metric = text(value, "metric");
    let mut case = Case {
        id: text(value, "id"),
        input: text(value, "input"),
        params: object(value, "params"),
        expected: value.get("expected").cloned().unwrap_or(Value::Null),
        tolerance: value.get("tol").cloned().unwrap_or(Value::Null),
        metric,
        ..empty_case()
    };
    for (metric, argument) in ARGUMENTS_AMONG_EXPECTED {
        if metric == case.metric
            && !case.params.contains_key(argument)
            && let Some(points) = case.expected.get(argument)
        {
            case.params.insert(argument.to_owned(), points.clone());
        }
    }
    if case.metric.is_empty() {
        case.malformed = Some("the case has no `metric`".to_owned());
    } else if value.get("expected").is_none() {
        case.malformed = Some("the case has no `expected`".to_owned());
    }
    case
}

fn item(value: &Value) -> Case {
    let id = text(value, "id");
    let mut case = Case {
        metric: id.clone(),
        params: object(value, "inputs"),
        expected: value.get("expected").cloned().unwrap_or(Value::Null),
        tolerance: value.get("tolerance").cloned().unwrap_or(Value::Null),
        kind: Kind::Published,
        id,
        ..empty_case()
    };
    published::label_rows(&mut case);
    if case.id.is_empty() {
        case.malformed = Some("the item has no `id`".to_owned());
    } else if !case.expected.is_object() {
        case.malformed = Some("the item has no `expected` object".to_owned());
    }
    case
}

fn empty_case() -> Case {
    Case {
        id: String::new(),
        metric: String::new(),
        input: String::new(),
        params: Map::new(),
        expected: Value::Null,
        tolerance: Value::Null,
        kind: Kind::Case,
        malformed: None,
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn object(value: &Value, key: &str) -> Map<String, Value> {
    value.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}

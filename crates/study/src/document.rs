//! A TOML text with the place of every value, read so that all mistakes come out together.

use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::error::Problem;
use crate::wording::{is_near, reworded, reworded_choice};

/// A value and its place.
pub(crate) type Value<'t> = Spanned<DeValue<'t>>;

/// Reads a value as `T` and collects every mistake in it: after each one the offending entry is
/// set aside and the rest is read again. What can be read in spite of mistakes is returned, so
/// that the rest of it is checked too.
pub(crate) fn read<T: DeserializeOwned>(
    value: &Value<'_>,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let mut value = value.clone();
    let mut set_aside: Vec<String> = Vec::new();
    loop {
        let error = match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let message = error.message().to_owned();
        let missing = message.strip_prefix("missing field `").and_then(|m| m.strip_suffix('`'));
        // A key that was misspelt or wrong is not missing as well.
        if missing.is_some_and(|field| set_aside.iter().any(|key| is_near(key, field))) {
            return None;
        }
        let span = error.span().unwrap_or(value.span());
        let found = missing.map(|field| table_lacking::<T>(&value, field, &span, &message));
        let wording = match (found, scalar_at(&value, &span)) {
            (Some(below), _) => {
                let parts = [path].into_iter().chain(below.iter().map(String::as_str));
                let place: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
                reworded(&message, &place.join("."))
            }
            (None, Some(found)) => reworded_choice(&message, &found, path),
            (None, None) => reworded(&message, path),
        };
        problems.push(Problem::worded(span.clone(), wording));
        match remove_entry_at(value.get_mut(), &span) {
            Some(key) => set_aside.push(key),
            None => return None,
        }
    }
}

/// Keys that lead to the table in which the field is missing, of all that stand at the place:
/// the one where the field, given, is no longer missed.
fn table_lacking<T: DeserializeOwned>(
    value: &Value<'_>,
    field: &str,
    span: &Range<usize>,
    message: &str,
) -> Vec<String> {
    let mut paths = Vec::new();
    collect_tables(value, &mut Vec::new(), &mut paths);
    let is_there = |path: &&Vec<String>| {
        let mut copy = value.clone();
        let mut place = &mut copy;
        for part in *path {
            let DeValue::Table(table) = place.get_mut() else { return false };
            let Some(key) = table.keys().find(|key| key.get_ref() == part).cloned() else {
                return false;
            };
            let Some(next) = table.get_mut(&key) else { return false };
            place = next;
        }
        if place.span() != *span {
            return false;
        }
        let DeValue::Table(table) = place.get_mut() else { return false };
        let key = Spanned::new(span.clone(), field.to_owned().into());
        table.insert(key, Spanned::new(span.clone(), DeValue::Boolean(true)));
        match T::deserialize(ValueDeserializer::from(copy)) {
            Ok(_) => true,
            Err(error) => {
                let unknown = format!("unknown field `{field}`");
                error.message() != message && !error.message().starts_with(&unknown)
            }
        }
    };
    paths.iter().find(is_there).cloned().unwrap_or_default()
}

fn collect_tables(value: &Value<'_>, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    if let DeValue::Table(table) = value.get_ref() {
        found.push(path.clone());
        for (key, inner) in table {
            path.push(key.get_ref().to_string());
            collect_tables(inner, path, found);
            path.pop();
        }
    }
}

/// The scalar, list or table at a place, as it is named in a message.
fn scalar_at(value: &Value<'_>, span: &Range<usize>) -> Option<String> {
    if value.span() == *span {
        return Some(match value.get_ref() {
            DeValue::String(text) => format!("\"{text}\""),
            DeValue::Table(_) => "this table".to_owned(),
            _ => scalar_text(value),
        });
    }
    match value.get_ref() {
        DeValue::Table(table) => table.values().find_map(|inner| scalar_at(inner, span)),
        _ => None,
    }
}

/// Removes the innermost table entry whose key or value holds the place; its key.
fn remove_entry_at(value: &mut DeValue<'_>, span: &Range<usize>) -> Option<String> {
    let DeValue::Table(table) = value else {
        return None;
    };
    let holds = |range: Range<usize>| range.start <= span.start && span.end <= range.end;
    let found = table
        .iter()
        .find(|(key, value)| holds(key.span()) || holds(value.span()))
        .map(|(key, _)| key.clone());
    let Some(key) = found else {
        // A table under a header of its own has no place that holds its entries.
        return table.iter_mut().find_map(|(_, inner)| remove_entry_at(inner.get_mut(), span));
    };
    if !holds(key.span())
        && let Some(inner) = table.get_mut(&key)
        && inner.span() != *span
        && let Some(removed) = remove_entry_at(inner.get_mut(), span)
    {
        return Some(removed);
    }
    table.remove(&key);
    Some(key.get_ref().to_string())
}

/// The entry of a table.
pub(crate) fn entry<'a, 't>(table: &'a DeTable<'t>, key: &str) -> Option<&'a Value<'t>> {
    table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
}

/// A value by its dotted path.
pub(crate) fn value_at<'a, 't>(root: &'a Value<'t>, path: &str) -> Option<&'a Value<'t>> {
    path.split('.').try_fold(root, |value, part| match value.get_ref() {
        DeValue::Table(table) => entry(table, part),
        _ => None,
    })
}

/// The place of a value by its dotted path, or of the deepest part of the path that exists.
pub(crate) fn span_of(root: &Value<'_>, path: &str) -> Range<usize> {
    let mut value = root;
    let mut span = root.span();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let DeValue::Table(table) = value.get_ref() else {
            break;
        };
        let Some((key, next)) = table.iter().find(|(name, _)| name.get_ref() == part) else {
            break;
        };
        // A table that a header opened has no place of its own beyond its key.
        span = if next.span().is_empty() { key.span() } else { next.span() };
        value = next;
    }
    span
}

/// Every list inside a value, as its path and its elements, in file order. Lists are sweeps.
pub(crate) fn lists<'t>(value: &Value<'t>) -> Vec<(String, Vec<Value<'t>>)> {
    let mut found = Vec::new();
    collect_lists(value, String::new(), &mut found);
    found
}

fn collect_lists<'t>(value: &Value<'t>, path: String, found: &mut Vec<(String, Vec<Value<'t>>)>) {
    match value.get_ref() {
        DeValue::Array(elements) => found.push((path, elements.iter().cloned().collect())),
        DeValue::Table(table) => {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by_key(|(key, _)| key.span().start);
            for (key, inner) in entries {
                let path = if path.is_empty() {
                    key.get_ref().to_string()
                } else {
                    format!("{path}.{}", key.get_ref())
                };
                collect_lists(inner, path, found);
            }
        }
        _ => {}
    }
}

/// A copy of a value with another in place of the one at a path.
pub(crate) fn with_value<'t>(value: &Value<'t>, path: &str, element: &Value<'t>) -> Value<'t> {
    let mut copy = value.clone();
    let mut place = &mut copy;
    for part in path.split('.') {
        let DeValue::Table(table) = place.get_mut() else {
            return copy;
        };
        let Some(key) = table.keys().find(|key| key.get_ref() == part).cloned() else {
            return copy;
        };
        let Some(next) = table.get_mut(&key) else {
            return copy;
        };
        place = next;
    }
    *place = element.clone();
    copy
}

/// A copy of a table with only those entries whose key is kept; anything else as it is.
pub(crate) fn with_entries<'t>(value: &Value<'t>, keeps: impl Fn(&str) -> bool) -> Value<'t> {
    let mut copy = value.clone();
    if let DeValue::Table(table) = copy.get_mut() {
        let dropped: Vec<_> = table.keys().filter(|key| !keeps(key.get_ref())).cloned().collect();
        for key in dropped {
            table.remove(&key);
        }
    }
    copy
}

/// A scalar as it stands in the file, or a short list of them, for the names of a sweep's rules.
pub(crate) fn scalar_text(value: &Value<'_>) -> String {
    match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(word) => word.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(elements) => elements.iter().map(scalar_text).collect::<Vec<_>>().join("/"),
        DeValue::Table(_) => "?".to_owned(),
    }
}

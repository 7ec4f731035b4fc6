//! `plimsoll calc exposure`.

use std::collections::BTreeMap;

use plimsoll_sizing::SizingError;
use plimsoll_sizing::formulas::{
    EXPOSURE_LEVELS, Level, VenueTier, exposure, exposure_share, reduction_to_share,
};
use plimsoll_venue::ContractKind;
use serde_json::{Value, json};

use super::answer::{Answer, figure, in_range, percent, plain, times};
use super::book::{self, Position, Sizes};
use super::records::Record;
use crate::args::ExposureArguments;
use crate::error::CliError;

pub(super) fn answer(
    arguments: &ExposureArguments,
    from_stdin: Vec<Record>,
) -> Result<Answer, CliError> {
    let collateral = arguments.collateral.ok_or_else(|| {
        CliError::usage("--collateral is missing", "give the collateral of the book, as 10000")
    })?;
    let sizes = Sizes {
        is_margin: arguments.size_is_margin,
        prices: ["price", "entry"],
        rules: &[],
        at: None,
    };
    let positions = book::positions(&arguments.book, from_stdin, sizes)?;
    let refused = |error: SizingError| CliError::usage(error.to_string(), "mend the positions");
    let notionals: Vec<f64> = positions.iter().map(|position| position.notional).collect();
    let gross = in_range("sum of the notionals", notionals.iter().sum())?;
    let net: f64 = positions.iter().map(|p| p.side.sign() * p.notional).sum();
    let total = exposure(&notionals, collateral).map_err(refused)?;
    in_range("exposure", total)?;

    let mut answer = Answer::new(
        "exposure of a book",
        "exposure = sum |notional| / collateral, longs and shorts not netted; a venue's share = its \
         notional / the book's",
    );
    answer.input("collateral", plain(collateral));
    for position in &positions {
        let venue = position.record.text("venue").map_or(String::new(), |v| format!(" at {v}"));
        answer.input(
            format!("{} {}", position.symbol, position.side),
            format!("{}{venue}", figure(position.notional)),
        );
        if position.contract == ContractKind::Inverse {
            answer.note(format!(
                "{} is an inverse contract: its quantity is in US dollars",
                position.symbol
            ));
        }
    }
    answer.set("exposure", total);
    answer.set("gross_notional", gross);
    answer.set("net_notional", net);
    answer.set("collateral", collateral);
    answer.result("exposure", format!("{} the collateral, {} gross", times(total), figure(gross)));
    book::levels(&mut answer, &EXPOSURE_LEVELS, total, times);
    venues(&mut answer, &positions, gross)?;
    Ok(answer)
}

/// Each venue's share against the limit of its tier.
fn venues(answer: &mut Answer, positions: &[Position], gross: f64) -> Result<(), CliError> {
    if positions.iter().all(|position| position.record.text("venue").is_none()) {
        answer.set("venues", Value::Null);
        answer.set("reason", "no position names its venue, so that no share is known");
        answer.note("no position names its venue: give venue and tier for the shares by venue");
        return Ok(());
    }
    let mut by_venue: BTreeMap<&str, (VenueTier, f64)> = BTreeMap::new();
    for position in positions {
        let record = &position.record;
        let venue = record.text("venue").ok_or_else(|| {
            record.refused("`venue` is missing", "name the venue of every position, or of none")
        })?;
        let tier = tier(record)?;
        let (known, notional) = by_venue.entry(venue).or_insert((tier, 0.0));
        if *known != tier {
            let message = format!("`{venue}` is {} here and {} before", tier.name(), known.name());
            return Err(record.refused(&message, "give a venue one tier"));
        }
        *notional += position.notional;
    }
    let mut rows: Vec<Value> = Vec::with_capacity(by_venue.len());
    for (venue, (tier, notional)) in by_venue {
        let limit = tier.share_limit();
        let refused = |error: SizingError| CliError::usage(error.to_string(), "mend the positions");
        let share = exposure_share(notional, gross).map_err(refused)?;
        let reduce_by = reduction_to_share(notional, gross, limit).map_err(refused)?;
        let exceeded = Level { name: tier.name(), limit }.is_exceeded_by(share);
        let verdict = if exceeded {
            format!("above {}: take off {}", percent(limit), figure(reduce_by))
        } else {
            format!("within {}", percent(limit))
        };
        answer.result(
            venue,
            format!("{} of the exposure ({}), {verdict}", percent(share), tier.name()),
        );
        rows.push(json!({
            "venue": venue,
            "tier": tier.name(),
            "notional": notional,
            "share": share,
            "limit": limit,
            "exceeded": exceeded,
            "reduce_by": reduce_by,
        }));
    }
    answer.set("venues", rows);
    Ok(())
}

fn tier(record: &Record) -> Result<VenueTier, CliError> {
    let names: Vec<&str> = VenueTier::ALL.iter().map(|tier| tier.name()).collect();
    let rule = format!("one of {}", names.join(", "));
    match record.text("tier") {
        None => Err(record
            .refused("`tier` is missing", format!("say how established the venue is: {rule}"))),
        Some(text) => VenueTier::ALL
            .into_iter()
            .find(|tier| tier.name() == text.to_ascii_lowercase())
            .ok_or_else(|| record.bad("tier", &rule)),
    }
}

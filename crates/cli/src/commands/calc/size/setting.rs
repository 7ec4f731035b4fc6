//! The rule, the account and the moment of `plimsoll calc size`, and what has to be given.

use std::path::PathBuf;

use plimsoll_market::{Interval, Side, Timestamp};
use plimsoll_sizing::{GivenMoment, SizingRule};
use plimsoll_study::{NamedRule, Study, StudyError, is_margin_table};
use plimsoll_venue::{ContractKind, VenueRules};

use super::super::answer::plain;
use super::super::tables;
use super::account::Account;
use crate::args::SizeArguments;
use crate::error::CliError;

/// The rule and what surrounds it, flags first, then the strategy file.
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) rule: SizingRule,
    pub(super) equity: Option<f64>,
    pub(super) venue: Option<String>,
    pub(super) symbol: Option<String>,
    pub(super) moment: GivenMoment,
    pub(super) account: Account,
    /// Tables of the user's own: the strategy file's, then the flags'.
    pub(super) tables: Vec<PathBuf>,
    /// Taker fee of the strategy file in place of the venue's.
    pub(super) taker_fee: Option<f64>,
    /// Half spread of the strategy file, a fraction; `None` without a file.
    pub(super) half_spread: Option<f64>,
}

/// The venue's part in the decision.
pub(super) struct Venue {
    pub(super) rules: VenueRules,
    pub(super) symbol: String,
    pub(super) at: Timestamp,
}

pub(super) fn setting(arguments: &SizeArguments) -> Result<Setting, CliError> {
    let (study, rule) = match &arguments.strategy {
        Some(path) => {
            let file = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|source| CliError::Io { path: path.clone(), source })?;
            let study = plimsoll_study::parse(&file, &text, &[])
                .map_err(|error| CliError::study(&file, false, error))?;
            let rule = choose(&study.rules, arguments.rule.as_deref(), &file)?;
            (Some(study), rule)
        }
        None if arguments.sizing.is_empty() => {
            return Err(CliError::usage(
                "there is no sizing rule",
                "give --sizing 'risk_cap = 0.02', or --strategy FILE and --rule NAME",
            ));
        }
        None => {
            let text = arguments.sizing.join("\n");
            let rules = plimsoll_study::parse_rule("--sizing", &text)
                .map_err(|error: StudyError| CliError::study("--sizing", false, error))?;
            let mut rule = choose(&rules, None, "--sizing")?;
            "the rule given".clone_into(&mut rule.name);
            (None, rule)
        }
    };
    let study = study.as_ref();
    let price = arguments.price;
    let side = arguments.side.map_or(Side::Long, Side::from);
    let stop_price =
        arguments.stop.or_else(|| Some(price? * (1.0 - side.sign() * arguments.stop_distance?)));
    let only_symbol = |study: &Study| match study.data.symbols.as_slice() {
        [symbol] => Some(symbol.clone()),
        _ => None,
    };
    let market = &arguments.market;
    let bar = market.bar.or_else(|| study.map(|study| study.data.bar));
    let list = |values: &[f64]| (!values.is_empty()).then(|| values.to_vec());
    Ok(Setting {
        account: Account::of(arguments, study, study.map(|_| rule.equity)),
        equity: arguments.equity.or_else(|| study.map(|_| rule.equity)),
        venue: arguments.tables.venue.clone().or_else(|| study.map(|s| s.data.venue.clone())),
        symbol: arguments.tables.symbol.clone().or_else(|| study.and_then(only_symbol)),
        tables: own_tables(arguments, study),
        taker_fee: study.and_then(|study| study.taker_fee),
        half_spread: study.map(|study| study.settings.costs.half_spread_bps * 1e-4),
        moment: GivenMoment {
            price,
            side: arguments.side.map(Side::from),
            stop_price,
            round_trip_cost_fraction: arguments.round_trip_cost.unwrap_or(0.0),
            account_leverage: arguments.leverage.or_else(|| study.map(|s| s.settings.leverage)),
            win_rate: arguments.win_rate,
            win: arguments.payoff,
            loss: arguments.loss,
            mean: arguments.mean,
            variance: arguments.variance,
            trade_returns: list(&arguments.trade_returns),
            average_true_range: arguments.atr,
            volatility: arguments.volatility,
            funding_rates_8h: list(&arguments.funding_8h),
            tail_loss: market.tail_loss,
            daily_traded_value: market.daily_value,
            bars_per_day: bar.map(|bar| Interval::DAY.ms() as f64 / bar.ms() as f64),
            liquidation_ratio: market.liquidation_ratio,
            mark_price: market.mark,
            index_price: market.index,
            reference_price: market.reference_price,
            reference_volatility: market.reference_volatility,
            observations: market.observations,
            r_multiples: list(&market.r_multiples),
            adverse_excursions: list(&market.adverse_excursions),
        },
        name: rule.name,
        rule: rule.rule,
    })
}

/// The user's own tables; those of a strategy file lie relative to it.
fn own_tables(arguments: &SizeArguments, study: Option<&Study>) -> Vec<PathBuf> {
    let folder = arguments.strategy.as_ref().and_then(|path| path.parent());
    // A size has no use for rows of portfolio margin.
    let of_file = study.into_iter().flat_map(|study| &study.data.tables);
    of_file
        .filter(|file| !is_margin_table(file))
        .map(|file| folder.map_or_else(|| PathBuf::from(file), |folder| folder.join(file)))
        .chain(arguments.tables.rules.iter().cloned())
        .collect()
}

/// The one rule that is meant.
fn choose(rules: &[NamedRule], name: Option<&str>, file: &str) -> Result<NamedRule, CliError> {
    let table = |rule: &NamedRule| rule.name.split('[').next().map(str::to_owned);
    let found: Vec<&NamedRule> = match name {
        None => rules.iter().collect(),
        Some(name) => {
            let exact: Vec<&NamedRule> = rules.iter().filter(|rule| rule.name == name).collect();
            if exact.is_empty() {
                rules.iter().filter(|rule| table(rule).as_deref() == Some(name)).collect()
            } else {
                exact
            }
        }
    };
    let names = |rules: &[&NamedRule]| {
        rules.iter().map(|rule| rule.name.clone()).collect::<Vec<String>>().join(", ")
    };
    match (found.as_slice(), name) {
        ([rule], _) => Ok((*rule).clone()),
        ([], Some(name)) => Err(CliError::usage(
            format!("{file}: there is no rule `{name}`"),
            format!("the rules are {}", names(&rules.iter().collect::<Vec<_>>())),
        )),
        (many, _)
            if name.is_none()
                && file == "--sizing"
                && many.iter().any(|rule| rule.ablation.is_some()) =>
        {
            Err(CliError::usage(
                format!("--sizing: without = \"each\" makes {} rules", many.len()),
                "a moment has one rule: name the limits to leave out, without = [\"atr\"], or run a \
                 study for what each is worth",
            ))
        }
        (many, _) if name.is_none() && file == "--sizing" => Err(CliError::usage(
            format!("--sizing: the lists expand to {} rules", many.len()),
            "a moment has one rule: give one value in place of each list",
        )),
        (many, _) => Err(CliError::usage(
            format!("{file}: {} rules are meant", many.len()),
            format!("name one with --rule: {}", names(many)),
        )),
    }
}

/// The venue whose tables are read: where the flags ask for it, or the strategy file names it and
/// symbol and date are known.
pub(super) fn venue(
    arguments: &SizeArguments,
    setting: &Setting,
) -> Result<Option<Venue>, CliError> {
    let flags = &arguments.tables;
    let is_asked = flags.venue.is_some() || flags.symbol.is_some() || flags.at.is_some();
    match (&setting.venue, &setting.symbol, flags.at) {
        (Some(venue), Some(symbol), Some(at)) => {
            let rules = tables::load_for(venue, symbol, &setting.tables)?;
            let venue = Venue { rules, symbol: symbol.clone(), at };
            check_contract(&venue)?;
            Ok(Some(venue))
        }
        (venue, symbol, at) if is_asked => {
            let missing: Vec<&str> = [
                ("--venue", venue.is_none()),
                ("--symbol", symbol.is_none()),
                ("--at", at.is_none()),
            ]
            .into_iter()
            .filter_map(|(flag, is_missing)| is_missing.then_some(flag))
            .collect();
            Err(CliError::usage(
                format!("the venue's tables need {} too", missing.join(" and ")),
                "give --venue, --symbol and --at, or none of them",
            ))
        }
        _ => Ok(None),
    }
}

/// Refuses an inverse contract: the limits, like a replay, are those of linear ones.
fn check_contract(venue: &Venue) -> Result<(), CliError> {
    let Ok(instrument) = venue.rules.instrument_at(&venue.symbol, venue.at) else {
        return Ok(());
    };
    if instrument.contract_kind == ContractKind::Linear {
        return Ok(());
    }
    Err(CliError::usage(
        format!(
            "`{}` at {} is an inverse contract, of which the quantity is in US dollars and margin \
             in the coin; sizes are of linear contracts",
            venue.symbol,
            venue.rules.venue()
        ),
        "take the contract settled in USDT or USDC, or leave --venue, --symbol and --at out for \
         the leverage alone",
    ))
}

/// Refuses a rule whose numbers are not all there, naming every flag at once.
pub(super) fn check_missing(
    arguments: &SizeArguments,
    setting: &Setting,
    has_venue: bool,
) -> Result<(), CliError> {
    let mut flags: Vec<(&str, &str)> = Vec::new();
    let mut add = |flag, limit| {
        if !flags.iter().any(|(known, _)| *known == flag) {
            flags.push((flag, limit));
        }
    };
    if setting.equity.is_none() {
        add("--equity", "every size");
    }
    if setting.moment.price.is_none() {
        add("--price", "every size");
    }
    // Limits whose samples are too large to be given by hand.
    let mut no_moment = Vec::new();
    let mut no_ages = Vec::new();
    // A distance is given; it lacks the price that is named already.
    let has_stop = arguments.stop_distance.is_some();
    for missing in setting.moment.missing(&setting.rule) {
        match missing.name {
            "win_rate" => add("--win-rate", missing.limit),
            "win" => add("--payoff", missing.limit),
            "loss" => add("--loss", missing.limit),
            "mean" => add("--mean", missing.limit),
            "variance" => add("--variance", missing.limit),
            "trade_returns" => add("--trade-returns", missing.limit),
            "average_true_range" => add("--atr", missing.limit),
            "account_leverage" => add("--leverage", missing.limit),
            "volatility" => add("--volatility", missing.limit),
            "funding_rates_8h" => add("--funding-8h", missing.limit),
            "side" => add("--side", missing.limit),
            "tail_loss" => add("--tail-loss", missing.limit),
            "bars_per_day" => add("--bar", missing.limit),
            "liquidation_ratio" => add("--liquidation-ratio", missing.limit),
            "mark_price" => add("--mark", missing.limit),
            "index_price" => add("--index (or --reference-price)", missing.limit),
            "reference_volatility" => add("--reference-volatility", missing.limit),
            "daily_traded_value" => add("--daily-value", missing.limit),
            "observations" => add("--observations", missing.limit),
            "r_multiples" => add("--r-multiples", missing.limit),
            "adverse_excursions" => add("--adverse-excursions", missing.limit),
            "joint_returns" | "bar_returns" => no_moment.push(missing.limit),
            "trade_ages" => no_ages.push(missing.limit),
            _ if has_stop => {}
            _ => add("--stop (or --stop-distance)", missing.limit),
        }
    }
    if let Some(limit) = no_moment.first() {
        return Err(CliError::usage(
            format!("`{limit}` is estimated from days or bars that cannot be given by hand"),
            format!("leave it out with `without = [\"{limit}\"]`, or run a study"),
        ));
    }
    if let Some(limit) = no_ages.first() {
        return Err(CliError::usage(
            format!(
                "`{limit}.bars` counts trades by the bars since they ended, which no flag gives"
            ),
            "say how many trades instead: trades = 100, half_life in trades; or run a study",
        ));
    }
    for (flag, limit) in setting.account.missing(&setting.rule, &setting.moment, has_venue) {
        add(flag, limit);
    }
    if has_venue && setting.moment.account_leverage.is_none() {
        add("--leverage", "the venue's limits");
    }
    if flags.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = flags.iter().map(|(flag, _)| *flag).collect();
    let reasons: Vec<String> =
        flags.iter().map(|(flag, limit)| format!("{flag} for {limit}")).collect();
    Err(CliError::usage(
        format!("the size needs {}", names.join(", ")),
        format!("give {}; no limit is left out", reasons.join(", ")),
    ))
}

/// A highest equity below that of the decision is none.
pub(super) fn check_peak(setting: &Setting, equity: f64) -> Result<(), CliError> {
    setting.account.peak_is_below(equity).map_or(Ok(()), |peak| {
        Err(CliError::usage(
            format!("--peak-equity is {} at an equity of {}", plain(peak), plain(equity)),
            "the highest equity so far is at least that of the decision",
        ))
    })
}

/// A stop on the winning side, or at the price, is none.
pub(super) fn check_stop(arguments: &SizeArguments, moment: &GivenMoment) -> Result<(), CliError> {
    let (Some(stop), Some(price)) = (arguments.stop, moment.price) else {
        return Ok(());
    };
    let Some(side) = arguments.side.map(Side::from) else {
        return Ok(());
    };
    if side.sign() * (price - stop) > 0.0 {
        return Ok(());
    }
    let rule = if side == Side::Long { "below" } else { "above" };
    Err(CliError::usage(
        format!("--stop is {} at a price of {}", plain(stop), plain(price)),
        format!("the stop of a {side} lies {rule} the price"),
    ))
}

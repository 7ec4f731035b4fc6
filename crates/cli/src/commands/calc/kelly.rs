//! `plimsoll calc kelly`.

use plimsoll_sizing::SizingError;
use plimsoll_sizing::formulas::{BinaryBet, leverage_from_risk};

use super::answer::{Answer, figure, in_range, percent, plain, times};
use crate::args::KellyArguments;
use crate::error::CliError;

pub(super) fn answer(arguments: &KellyArguments) -> Result<Answer, CliError> {
    let (Some(win_probability), Some(win)) = (arguments.win_rate, arguments.payoff) else {
        return Err(CliError::usage(
            "--win-rate or --payoff is missing",
            "give both, as in --win-rate 0.55 --payoff 1.5",
        ));
    };
    let bet = BinaryBet { win_probability, win, loss: arguments.loss };
    let refused = |error: SizingError| {
        CliError::usage(
            error.to_string(),
            "win rates lie between 0 and 1, payoff and loss are above 0",
        )
    };
    let raw = bet.kelly_fraction_raw().map_err(refused)?;
    let full = bet.kelly_fraction().map_err(refused)?;
    in_range("Kelly fraction", raw)?;
    let fractional = arguments.fraction * full;
    let growth = |fraction: f64| bet.growth(fraction).ok();
    for growth in [full, fractional].into_iter().filter_map(growth) {
        in_range("growth of a bet", growth)?;
    }

    let mut answer = Answer::new(
        "Kelly's fraction of a bet with two outcomes",
        "f = p/a - (1-p)/b, a share of equity at risk at the stop, 0 where negative \
         (p win rate, a mean loss, b mean gain per unit risked)",
    );
    answer.input("win rate p", plain(win_probability));
    answer.input("payoff b", plain(win));
    answer.input("loss a", plain(arguments.loss));
    answer.input("share of full Kelly", plain(arguments.fraction));

    answer.set("kelly_fraction", full);
    answer.set("fractional", fractional);
    answer.set("fraction", arguments.fraction);
    answer.set("kelly_fraction_raw", raw);
    answer.set("growth_full", growth(full));
    answer.set("growth_fractional", growth(fractional));
    answer.set("win_rate", win_probability);
    answer.set("payoff", win);
    answer.set("loss", arguments.loss);
    let per_bet = |fraction: f64| {
        growth(fraction).map_or(String::new(), |g| format!(", growth {} a bet", percent(g)))
    };
    answer.result("full Kelly", format!("{} of equity at risk{}", percent(full), per_bet(full)));
    answer.result(
        "fractional",
        format!("{} of equity at risk{}", percent(fractional), per_bet(fractional)),
    );
    if full > 1.0 {
        answer.warn(format!(
            "full Kelly puts {} of equity at risk, more than there is: the mean loss hides that a \
             single loss may be larger",
            percent(full)
        ));
    }
    if full <= 0.0 {
        answer.set("reason", "the bet has no edge: no trade");
        answer.note(format!("the bet has no edge (f = {}): no trade", figure(raw)));
    }
    if let Some(distance) = arguments.stop_distance {
        let leverage = leverage_from_risk(fractional, distance).map_err(refused)?;
        in_range("leverage", leverage)?;
        answer.input("stop distance", percent(distance));
        answer.set("leverage", leverage);
        answer.set("stop_distance", distance);
        answer.result("leverage", format!("{}, notional over equity", times(leverage)));
    } else {
        answer.note("risk is no leverage: divide it by the stop distance (--stop-distance)");
    }
    Ok(answer)
}

//! The insurance fund, and when its state starts auto-deleveraging.
//!
//! An [`InsuranceFund`] takes surpluses and fees of liquidations and pays their deficits; what it
//! cannot pay has to come from the other side of the market. Some venues start earlier: Bybit when
//! a symbol's result in the pool has fallen by 30 % of the pool's greatest balance of 8 h, until it
//! is above -25 % again; OKX when the fund has fallen by 30 % from its peak of 8 h. Those are
//! functions of a [`PoolHistory`], decided by a [`FundTrigger`]. (Bybit API documentation, Get ADL
//! Alert, 2025; OKX help pages on the insurance fund, an earlier text: a later one has other
//! thresholds.)
//!
//! Chosen here, because no page says it: a sample exactly as old as the window still belongs to
//! it; Bybit's balance threshold is tested at the start only; OKX ends once the fund stands less
//! than 30 % below its peak.

use std::collections::VecDeque;

use plimsoll_market::Timestamp;

use crate::error::{VenueError, check, check_finite, check_not_negative};

/// A fund that pays deficits as far as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InsuranceFund {
    balance: f64,
    paid_in: f64,
    paid_out: f64,
}

impl InsuranceFund {
    /// A fund with so much money.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a balance that is not finite or below 0.
    pub fn new(balance: f64) -> Result<Self, VenueError> {
        check_not_negative("balance", balance)?;
        Ok(Self { balance, ..Self::default() })
    }

    /// Money in the fund, 0 or above.
    pub fn balance(&self) -> f64 {
        self.balance
    }

    /// All that it has received.
    pub fn paid_in(&self) -> f64 {
        self.paid_in
    }

    /// All that it has paid, 0 or above.
    pub fn paid_out(&self) -> f64 {
        self.paid_out
    }

    /// Takes a surplus (above 0) or pays a deficit (below 0), and returns the part of the deficit
    /// that it cannot pay, 0 or above: what auto-deleveraging has to bring.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a change that is not finite.
    pub fn apply(&mut self, insurance_delta: f64) -> Result<f64, VenueError> {
        check_finite("insurance_delta", insurance_delta)?;
        if insurance_delta >= 0.0 {
            self.paid_in += insurance_delta;
            self.balance += insurance_delta;
            return Ok(0.0);
        }
        let paid = (-insurance_delta).min(self.balance);
        self.paid_out += paid;
        self.balance -= paid;
        Ok(-insurance_delta - paid)
    }
}

/// A pool at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolSample {
    /// When.
    pub at: Timestamp,
    /// Money in the pool; may be below 0 where the venue lets it.
    pub balance: f64,
    /// What one symbol has brought to the pool so far, below 0 for a loss.
    pub symbol_pnl: f64,
}

/// A pool's past, as far back as a trigger looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolHistory {
    samples: VecDeque<PoolSample>,
}

impl PoolHistory {
    /// Adds a sample and forgets those older than the window before it.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for figures that are not finite or a time before the last one's.
    pub fn push(&mut self, sample: PoolSample, window_ms: i64) -> Result<(), VenueError> {
        check_finite("balance", sample.balance)?;
        check_finite("symbol_pnl", sample.symbol_pnl)?;
        let is_ordered = self.samples.back().is_none_or(|last| last.at <= sample.at);
        check("at", sample.at.0 as f64, is_ordered, "at or after the sample before it")?;
        let oldest = sample.at.0.saturating_sub(window_ms);
        while self.samples.front().is_some_and(|first| first.at.0 < oldest) {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
        Ok(())
    }

    /// The newest sample.
    pub fn latest(&self) -> Option<&PoolSample> {
        self.samples.back()
    }

    /// Greatest balance.
    pub fn peak_balance(&self) -> Option<f64> {
        self.samples.iter().map(|sample| sample.balance).reduce(f64::max)
    }

    /// Greatest result of the symbol.
    pub fn peak_symbol_pnl(&self) -> Option<f64> {
        self.samples.iter().map(|sample| sample.symbol_pnl).reduce(f64::max)
    }
}

/// When the state of a fund starts auto-deleveraging. An empty fund always does.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FundTrigger {
    /// Only when the fund is empty (Binance).
    Depleted,
    /// When a symbol's result has fallen too far against the pool (Bybit): the ratio is
    /// `(result - its peak) / peak balance`.
    SymbolDrawdown {
        /// Starts below this ratio, such as -0.3.
        pnl_ratio: f64,
        /// Stops above this ratio, such as -0.25.
        stop_ratio: f64,
        /// Starts only while the balance is above this.
        balance_threshold: f64,
        /// How far back the peaks are looked for.
        window_ms: i64,
    },
    /// When the pool has fallen by this share from its peak (OKX).
    PoolDrawdown {
        /// Share of the peak balance, such as 0.3.
        drawdown_fraction: f64,
        /// How far back the peak is looked for.
        window_ms: i64,
    },
}

/// Why deleveraging is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FundReason {
    /// The fund is empty.
    Depleted,
    /// It, or a symbol in it, has fallen too far.
    Drawdown,
}

/// What a trigger says of a pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundSignal {
    /// Why deleveraging is on; `None` if it is off.
    pub reason: Option<FundReason>,
    /// The ratio that was tested, 0 or below; `None` where the peak balance is not above 0 or no
    /// ratio is tested.
    pub ratio: Option<f64>,
    /// Money that deleveraging has to bring for the pool to stand at the limit again, 0 or above:
    /// the deficit of an empty fund, the excess over the ratio of a symbol. A drawdown of the pool
    /// asks for none, positions being closed at the mark.
    pub transfer: f64,
}

impl FundTrigger {
    /// Tests the newest sample against the history; `None` if there is none. `previous` is the
    /// reason of the last signal, since deleveraging that is on stops at another ratio than the
    /// one at which it starts.
    pub fn test(&self, history: &PoolHistory, previous: Option<FundReason>) -> Option<FundSignal> {
        let now = history.latest()?;
        let peak_balance = history.peak_balance()?;
        let share = |change: f64| (peak_balance > 0.0).then(|| change / peak_balance);
        let was_drawdown = previous == Some(FundReason::Drawdown);
        let (ratio, is_drawdown, excess) = match *self {
            Self::Depleted => (None, false, 0.0),
            Self::SymbolDrawdown { pnl_ratio, stop_ratio, balance_threshold, .. } => {
                let ratio = share(now.symbol_pnl - history.peak_symbol_pnl()?);
                let starts = |r: f64| r < pnl_ratio && now.balance > balance_threshold;
                let is_on = ratio.is_some_and(|r| starts(r) || (was_drawdown && r <= stop_ratio));
                let excess = ratio.map_or(0.0, |r| (pnl_ratio - r).max(0.0) * peak_balance);
                (ratio, is_on, excess)
            }
            Self::PoolDrawdown { drawdown_fraction, .. } => {
                let ratio = share(now.balance - peak_balance);
                (ratio, ratio.is_some_and(|r| -r >= drawdown_fraction), 0.0)
            }
        };
        let (reason, transfer) = if now.balance <= 0.0 {
            (Some(FundReason::Depleted), (-now.balance).max(0.0))
        } else if is_drawdown {
            (Some(FundReason::Drawdown), excess)
        } else {
            (None, 0.0)
        };
        Some(FundSignal { reason, ratio, transfer })
    }

    /// How much of the past the trigger needs.
    pub fn window_ms(&self) -> i64 {
        match *self {
            Self::Depleted => 0,
            Self::SymbolDrawdown { window_ms, .. } | Self::PoolDrawdown { window_ms, .. } => {
                window_ms
            }
        }
    }
}

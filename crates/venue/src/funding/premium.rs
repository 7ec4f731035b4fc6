//! The premium: how far the book of a perpetual lies from its index.
//!
//! A sample is `[max(0, impact bid - index) - max(0, index - impact ask)] / index`, impact prices
//! being the average prices at which a set notional could be sold and bought at once
//! ([`impact_price`](crate::book::impact_price)). The average over an interval weights later
//! samples more on some venues. (Binance FAQ, Introduction to Binance Futures funding rates;
//! Bybit help, Funding rate; Hyperliquid docs, Funding.)
//!
//! Chosen here, because no page says it: intervals of Binance between one and eight hours are
//! weighted as the eight-hour one; a window that is still filling is weighted by the samples that
//! exist.

use crate::error::{VenueError, check, check_positive};
use crate::funding::{FundingRule, check_interval};

/// How the samples of one interval are averaged, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PremiumWeights {
    /// Weights 1, 2, ... n: the newest counts most.
    Linear,
    /// Linear, but equal where the interval is one hour or less.
    LinearHourlyEqual,
    /// The plain mean.
    Equal,
}

impl PremiumWeights {
    /// The average of samples, oldest first.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] without samples, [`VenueError::BadElement`] where one is not
    /// finite.
    pub fn average(self, samples: &[f64], interval_minutes: u32) -> Result<f64, VenueError> {
        check_interval(interval_minutes)?;
        check("samples", samples.len() as f64, !samples.is_empty(), "at least one sample")?;
        let is_linear = match self {
            Self::Linear => true,
            Self::LinearHourlyEqual => interval_minutes > 60,
            Self::Equal => false,
        };
        let (mut sum, mut weights) = (0.0, 0.0);
        for (index, &sample) in samples.iter().enumerate() {
            if !sample.is_finite() {
                return Err(VenueError::BadElement {
                    list: "samples",
                    index,
                    name: "premium",
                    value: sample,
                    rule: "a finite number",
                });
            }
            let weight = if is_linear { index as f64 + 1.0 } else { 1.0 };
            sum += weight * sample;
            weights += weight;
        }
        Ok(sum / weights)
    }
}

/// The notional that impact prices are quoted for, in the settlement currency.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ImpactNotional {
    /// What this margin opens at the greatest leverage (Binance: 200 USDT over the initial margin
    /// rate).
    OfMargin(f64),
    /// The same for all but some symbols (Hyperliquid).
    BySymbol {
        /// Symbols with a notional of their own.
        named: Vec<(String, f64)>,
        /// The notional of all others.
        other: f64,
    },
}

impl ImpactNotional {
    /// The notional of a symbol whose greatest leverage is `leverage_max`.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a leverage that is not finite and above 0.
    pub fn of(&self, symbol: &str, leverage_max: f64) -> Result<f64, VenueError> {
        check_positive("leverage_max", leverage_max)?;
        Ok(match self {
            Self::OfMargin(margin) => margin * leverage_max,
            Self::BySymbol { named, other } => {
                named.iter().find(|(name, _)| name == symbol).map_or(*other, |(_, own)| *own)
            }
        })
    }
}

/// One sample of the premium index, a fraction of the index.
///
/// # Errors
/// [`VenueError::BadInput`] unless prices are finite and above 0 and the bid at most the ask.
pub fn premium_index(impact_bid: f64, impact_ask: f64, index: f64) -> Result<f64, VenueError> {
    check_positive("impact_bid", impact_bid)?;
    check_positive("impact_ask", impact_ask)?;
    check_positive("index", index)?;
    check("impact_bid", impact_bid, impact_bid <= impact_ask, "at most the impact ask")?;
    Ok(((impact_bid - index).max(0.0) - (index - impact_ask).max(0.0)) / index)
}

impl FundingRule {
    /// How many samples one interval holds: 5,760 for eight hours of one every 5 seconds.
    ///
    /// # Errors
    /// [`VenueError::UnknownFigure`] where no source gives the spacing,
    /// [`VenueError::BadInput`] for an interval of 0.
    pub fn samples_per_interval(&self, interval_minutes: u32) -> Result<u32, VenueError> {
        check_interval(interval_minutes)?;
        let seconds = self.premium_sample_seconds;
        let seconds = seconds.ok_or_else(|| self.unknown("premium_sample_seconds"))?;
        Ok(interval_minutes.saturating_mul(60) / seconds)
    }

    /// The average of premium samples, oldest first, by the rule's weights: of a whole interval,
    /// or of its part so far.
    ///
    /// # Errors
    /// [`VenueError::UnknownFigure`] where no source gives the weights; otherwise as
    /// [`PremiumWeights::average`], and for more samples than the interval holds.
    pub fn average_premium(
        &self,
        samples: &[f64],
        interval_minutes: u32,
    ) -> Result<f64, VenueError> {
        let weights = self.premium_weights.ok_or_else(|| self.unknown("premium_weights"))?;
        if self.premium_sample_seconds.is_some() {
            let most = self.samples_per_interval(interval_minutes)? as usize;
            let n = samples.len();
            check("samples", n as f64, n <= most, "no more than one interval holds")?;
        }
        weights.average(samples, interval_minutes)
    }

    /// The notional that impact prices of a symbol are for.
    ///
    /// # Errors
    /// [`VenueError::UnknownFigure`] where no source gives it; otherwise as
    /// [`ImpactNotional::of`].
    pub fn impact_notional_of(&self, symbol: &str, leverage_max: f64) -> Result<f64, VenueError> {
        let notional = self.impact_notional.as_ref();
        notional.ok_or_else(|| self.unknown("impact_notional"))?.of(symbol, leverage_max)
    }

    fn unknown(&self, column: &'static str) -> VenueError {
        VenueError::UnknownFigure { column, since: self.from }
    }
}

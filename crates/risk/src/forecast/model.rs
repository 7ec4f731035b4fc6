//! The models that forecasts are made by, and the sides of a market they are made for.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::{Result, RiskError};

/// A model of the tail of the next return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TailModel {
    /// The window itself: type 7 quantile, mean of the tail, sample expectile.
    Historical,
    /// Normal with mean 0 and exponentially weighted variance, decay 0.94 (`RiskMetrics` 1996).
    EwmaNormal,
    /// One Student-t distribution for the whole window.
    StudentT,
    /// GARCH(1,1) with normal innovations.
    GarchNormal,
    /// GJR-GARCH with the skewed Student-t innovations of Hansen (1994).
    GjrSkewT,
    /// GJR-GARCH with normal inverse Gaussian innovations.
    GjrNig,
    /// GJR-GARCH with variance gamma innovations.
    GjrVarianceGamma,
    /// GJR-GARCH as a filter, the tail by the order statistics of its residuals (Barone-Adesi,
    /// Giannopoulos & Vosper 1999). The filter is fitted by quasi maximum likelihood: as if the
    /// innovations were normal, which any number of identical returns leaves bounded.
    FilteredHistorical,
    /// The same filter, the tail by a generalised Pareto distribution of its residuals (McNeil &
    /// Frey 2000).
    ConditionalEvt,
    /// Expectile regression on the last return and its squares (Kuan, Yeh & Hsu 2009).
    ExpectileKyh,
    /// Conditional autoregressive expectile, symmetric absolute value (Taylor 2008).
    CareSymmetric,
    /// Conditional autoregressive expectile, asymmetric slope (Taylor 2008).
    CareAsymmetric,
}

impl TailModel {
    /// Every model, in the order of tables.
    pub const ALL: [Self; 12] = [
        Self::Historical,
        Self::EwmaNormal,
        Self::StudentT,
        Self::GarchNormal,
        Self::GjrSkewT,
        Self::GjrNig,
        Self::GjrVarianceGamma,
        Self::FilteredHistorical,
        Self::ConditionalEvt,
        Self::ExpectileKyh,
        Self::CareSymmetric,
        Self::CareAsymmetric,
    ];

    /// Six models of different kinds: a window, a decay, a fitted distribution, two hybrids, an
    /// expectile.
    pub const DEFAULT: [Self; 6] = [
        Self::Historical,
        Self::EwmaNormal,
        Self::GjrSkewT,
        Self::FilteredHistorical,
        Self::ConditionalEvt,
        Self::ExpectileKyh,
    ];

    /// Name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Historical => "historical",
            Self::EwmaNormal => "ewma_normal",
            Self::StudentT => "student_t",
            Self::GarchNormal => "garch_normal",
            Self::GjrSkewT => "gjr_skew_t",
            Self::GjrNig => "gjr_nig",
            Self::GjrVarianceGamma => "gjr_variance_gamma",
            Self::FilteredHistorical => "filtered_historical",
            Self::ConditionalEvt => "conditional_evt",
            Self::ExpectileKyh => "expectile_kyh",
            Self::CareSymmetric => "care_symmetric",
            Self::CareAsymmetric => "care_asymmetric",
        }
    }

    /// The model in a few words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Historical => "the last returns as they were",
            Self::EwmaNormal => "normal, variance by exponential weights (decay 0.94)",
            Self::StudentT => "one Student-t distribution for the window",
            Self::GarchNormal => "GARCH(1,1), normal innovations",
            Self::GjrSkewT => "GJR-GARCH, skewed Student-t innovations",
            Self::GjrNig => "GJR-GARCH, normal inverse Gaussian innovations",
            Self::GjrVarianceGamma => "GJR-GARCH, variance gamma innovations",
            Self::FilteredHistorical => {
                "GJR-GARCH filter (quasi-likelihood), residuals as they were"
            }
            Self::ConditionalEvt => "GJR-GARCH filter (quasi-likelihood), generalised Pareto tails",
            Self::ExpectileKyh => "expectile regression on the last return and its squares",
            Self::CareSymmetric => "autoregressive expectile, symmetric absolute value",
            Self::CareAsymmetric => "autoregressive expectile, asymmetric slope",
        }
    }
}

impl fmt::Display for TailModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for TailModel {
    type Err = RiskError;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|model| model.name() == name).ok_or_else(|| {
            RiskError::UnknownName {
                what: "tail model",
                name: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            }
        })
    }
}

/// Whose losses a forecast is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Of the holder: the lower tail of the returns `r`.
    Lower,
    /// Of one who is short: the upper tail of `r`, which is the lower tail of `-r`.
    Upper,
}

impl Side {
    /// Both sides, in the order of tables.
    pub const ALL: [Self; 2] = [Self::Lower, Self::Upper];

    /// Name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Upper => "upper",
        }
    }

    /// 1 for the holder, -1 for one who is short: what a return is multiplied by to be a gain of
    /// this side.
    pub fn sign(self) -> f64 {
        match self {
            Self::Lower => 1.0,
            Self::Upper => -1.0,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Side {
    type Err = RiskError;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|side| side.name() == name).ok_or_else(|| {
            RiskError::UnknownName {
                what: "side",
                name: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            }
        })
    }
}

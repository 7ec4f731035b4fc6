//! How much a whole book carries, against the levels and shares that the rules name.
//!
//! Heat and gross exposure themselves are in [`caps`](super::caps). The levels are the four of
//! heat, 6, 10, 15 and 20 % of equity, the two of exposure, 3 and 5 times the collateral, and a
//! share of the exposure for each venue by its tier: 40, 30, 15 and 5 %. The shares are per venue
//! and no partition: one venue of each tier sums to 90 %.
//!
//! Chosen here, because no page says it: the names of the levels, except for conservative (3 times)
//! and absolute (20 %).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SizingError;
use super::check::{finite, not_negative, positive, within};

/// A level that a figure of the book is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Name, in snake case.
    pub name: &'static str,
    /// The most that is allowed, inclusive.
    pub limit: f64,
}

impl Level {
    /// Whether a figure lies above the level. Equal is allowed, up to the rounding of a sum.
    pub fn is_exceeded_by(&self, figure: f64) -> bool {
        figure > self.limit * (1.0 + 1e-12)
    }
}

/// Levels of portfolio heat, fractions of equity lost if every stop is hit.
pub const HEAT_LEVELS: [Level; 4] = [
    Level { name: "conservative", limit: 0.06 },
    Level { name: "moderate", limit: 0.10 },
    Level { name: "aggressive", limit: 0.15 },
    Level { name: "absolute", limit: 0.20 },
];

/// Levels of gross exposure, multiples of the collateral.
pub const EXPOSURE_LEVELS: [Level; 2] =
    [Level { name: "conservative", limit: 3.0 }, Level { name: "maximum", limit: 5.0 }];

/// How established a venue is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum VenueTier {
    /// Centralised exchange of the first tier.
    Cex1,
    /// Decentralised exchange of the first tier.
    Dex1,
    /// Second tier, of either kind.
    Tier2,
    /// New or unproven.
    New,
}

impl VenueTier {
    /// All tiers, the most trusted first.
    pub const ALL: [Self; 4] = [Self::Cex1, Self::Dex1, Self::Tier2, Self::New];

    /// The name that lists of positions use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cex1 => "cex1",
            Self::Dex1 => "dex1",
            Self::Tier2 => "tier2",
            Self::New => "new",
        }
    }

    /// The largest share of the book's gross exposure that one venue of the tier may hold.
    pub fn share_limit(self) -> f64 {
        match self {
            Self::Cex1 => 0.40,
            Self::Dex1 => 0.30,
            Self::Tier2 => 0.15,
            Self::New => 0.05,
        }
    }
}

/// A venue's share of the book's gross exposure, `venue / total`; 0 in an empty book.
pub fn exposure_share(venue_notional: f64, total_notional: f64) -> Result<f64, SizingError> {
    let venue = not_negative("venue_notional", venue_notional)?;
    let total = not_negative("total_notional", total_notional)?;
    let inside = venue <= total * (1.0 + 1e-12);
    within("venue_notional", venue, inside, "at most the whole book's")?;
    finite("share", if total > 0.0 { (venue / total).min(1.0) } else { 0.0 })
}

/// Notional that a venue has to give up, the others unchanged, for its share to fall to `limit`:
/// the `n` with `(venue - n) / (total - n) = limit`, and 0 where the share is no larger.
pub fn reduction_to_share(
    venue_notional: f64,
    total_notional: f64,
    limit: f64,
) -> Result<f64, SizingError> {
    let limit = positive("limit", limit)?;
    within("limit", limit, limit < 1.0, "below 1")?;
    exposure_share(venue_notional, total_notional)?;
    Ok(((venue_notional - limit * total_notional) / (1.0 - limit)).max(0.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_level_is_exceeded_above_it_only() {
        for (heat, exceeded) in [(0.0, 0), (0.06, 0), (0.060_001, 1), (0.1, 1), (0.16, 3), (1.0, 4)]
        {
            let count = HEAT_LEVELS.iter().filter(|level| level.is_exceeded_by(heat)).count();
            assert_eq!(count, exceeded, "{heat}");
        }
        // 0.1 + 0.2 is not 0.3, but it is no more than 0.3 either.
        assert!(!Level { name: "sum", limit: 0.3 }.is_exceeded_by(0.1 + 0.2));
        assert!(EXPOSURE_LEVELS[0].is_exceeded_by(3.1) && !EXPOSURE_LEVELS[1].is_exceeded_by(3.1));
    }

    #[test]
    fn shares_by_hand() {
        let sum: f64 = VenueTier::ALL.iter().map(|tier| tier.share_limit()).sum();
        assert!((sum - 0.9).abs() < 1e-12);
        assert_eq!(exposure_share(60.0, 100.0), Ok(0.6));
        assert_eq!(exposure_share(0.0, 0.0), Ok(0.0));
        // (60 - n) / (100 - n) = 0.4: n = 20 / 0.6.
        assert!((reduction_to_share(60.0, 100.0, 0.4).unwrap() - 100.0 / 3.0).abs() < 1e-12);
        assert_eq!(reduction_to_share(30.0, 100.0, 0.4), Ok(0.0));
        assert_eq!(exposure_share(2.0, 1.0).unwrap_err().reason(), "out_of_range");
        assert_eq!(exposure_share(f64::NAN, 1.0).unwrap_err().reason(), "not_finite");
        assert_eq!(reduction_to_share(1.0, 1.0, 1.0).unwrap_err().reason(), "out_of_range");
    }

    proptest! {
        #[test]
        fn what_is_given_up_brings_the_share_to_its_limit(
            venue in 1e-3..1e9, others in 1e-3..1e9, limit in 0.01..0.99,
        ) {
            let total = venue + others;
            let reduction = reduction_to_share(venue, total, limit).unwrap();
            prop_assert!((0.0..=venue).contains(&reduction));
            let left = exposure_share(venue - reduction, total - reduction).unwrap();
            prop_assert!(left <= limit + 1e-9, "{left}");
            prop_assert!(reduction <= 0.0 || (left - limit).abs() < 1e-9, "{left}");
        }
    }
}

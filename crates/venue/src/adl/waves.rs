//! A recorded sequence of auto-deleveragings, wave by wave: what each policy took or would have
//! taken, against what was needed.
//!
//! The sums are the paper's (arXiv:2512.01112 v3, arXiv:2602.15182): overshoot is what a policy
//! takes less what is needed, and its *signed* sum over the waves lets waves with too little hide
//! waves with too much. [`WaveSummary`] therefore has the parts beside the whole.
//!
//! A record's deficit need not be a sum of distinct bad debt: an account that is liquidated again
//! in the next wave is counted again. [`WaveTable::repeated_losses`] finds the sign of it, the
//! identical largest loss in several waves. What was needed is the column to use.
//!
//! On figures in print for Hyperliquid, 10 October 2025: v1 of the paper says about 8 times and
//! 630 M USD, v2 about 28 times and 653 M of "unnecessary haircuts". Since v3 (February 2026) the
//! excess is 45.0 M to 51.7 M USD by horizon, and 653.6 M is kept only as a diagnostic in equity
//! of the positions closed. The 45.0 M is a signed sum.

use crate::error::VenueError;

/// Waves and the policies that were measured on them.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveTable {
    waves: Vec<Wave>,
    policies: Vec<WavePolicy>,
}

/// One wave. Money in the settlement currency.
#[derive(Clone, Debug, PartialEq)]
pub struct Wave {
    /// Its name in the record.
    pub name: String,
    /// What accounts below zero were short of.
    pub deficit: f64,
    /// Largest loss of one account, where recorded.
    pub loss_max: Option<f64>,
    /// What was needed from the winners.
    pub needed: f64,
}

/// What one policy took in each wave.
#[derive(Clone, Debug, PartialEq)]
pub struct WavePolicy {
    /// Its name in the record.
    pub name: String,
    /// Taken in each wave.
    pub taken: Vec<f64>,
    /// Largest haircut in each wave, a fraction, where recorded.
    pub haircut_max: Option<Vec<f64>>,
}

/// A policy over all waves.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveSummary {
    /// Its name.
    pub policy: String,
    /// Sum taken.
    pub taken: f64,
    /// Sum of taken less needed, waves with too little subtracting.
    pub overshoot_signed: f64,
    /// Sum over the waves in which more was taken than needed.
    pub overshoot_positive: f64,
    /// Sum over the waves in which less was taken than needed, positive.
    pub undershoot: f64,
    /// Sum of `|taken - needed|`.
    pub regret_absolute: f64,
    /// Sum taken over sum needed; `None` where nothing was needed.
    pub ratio_to_needed: Option<f64>,
    /// Largest haircut of all waves.
    pub haircut_max: Option<f64>,
    /// `sum |largest haircut - that of pro-rata| * needed`, where both are recorded. The paper's
    /// figure is against its integer program instead of pro-rata.
    pub fairness_regret: Option<f64>,
}

/// One largest loss that stands in several waves.
#[derive(Clone, Debug, PartialEq)]
pub struct RepeatedLoss {
    /// The amount.
    pub loss: f64,
    /// Names of the waves.
    pub waves: Vec<String>,
}

impl WaveTable {
    /// Checks the figures.
    ///
    /// # Errors
    /// [`VenueError::BadAccount`] with the wave's position for a figure that is not finite or
    /// below zero; [`VenueError::BadInput`] where a policy has another number of waves.
    pub fn new(waves: Vec<Wave>, policies: Vec<WavePolicy>) -> Result<Self, VenueError> {
        let figure = |position, name, value: f64| {
            let holds = value >= 0.0 && value.is_finite();
            let rule = "a finite number, 0 or above";
            let bad = VenueError::BadAccount { position, name, value, rule };
            if holds { Ok(()) } else { Err(bad) }
        };
        for (position, wave) in waves.iter().enumerate() {
            figure(position, "deficit", wave.deficit)?;
            figure(position, "loss_max", wave.loss_max.unwrap_or_default())?;
            figure(position, "needed", wave.needed)?;
        }
        for policy in &policies {
            for (name, values) in
                [("taken", Some(&policy.taken)), ("haircut_max", policy.haircut_max.as_ref())]
            {
                let Some(values) = values else { continue };
                let (n, rule) = (values.len(), "the number of waves");
                crate::error::check("number of values", n as f64, n == waves.len(), rule)?;
                for (position, value) in values.iter().enumerate() {
                    figure(position, name, *value)?;
                }
            }
        }
        Ok(Self { waves, policies })
    }

    /// The waves, as given.
    pub fn waves(&self) -> &[Wave] {
        &self.waves
    }

    /// The policies, as given.
    pub fn policies(&self) -> &[WavePolicy] {
        &self.policies
    }

    /// Sum needed.
    pub fn needed(&self) -> f64 {
        self.waves.iter().map(|wave| wave.needed).sum()
    }

    /// Sum of the recorded deficits; see [`WaveTable::repeated_losses`] before using it.
    pub fn deficit(&self) -> f64 {
        self.waves.iter().map(|wave| wave.deficit).sum()
    }

    /// Every policy over all waves, in the order given.
    pub fn summaries(&self) -> Vec<WaveSummary> {
        let pro_rata = self.policies.iter().find(|policy| policy.name == "pro_rata");
        let pro_rata = pro_rata.and_then(|policy| policy.haircut_max.as_deref());
        self.policies.iter().map(|policy| self.summary(policy, pro_rata)).collect()
    }

    fn summary(&self, policy: &WavePolicy, pro_rata: Option<&[f64]>) -> WaveSummary {
        let overshoots =
            || policy.taken.iter().zip(&self.waves).map(|(taken, wave)| taken - wave.needed);
        let taken: f64 = policy.taken.iter().sum();
        let needed = self.needed();
        let haircuts = policy.haircut_max.as_deref();
        WaveSummary {
            policy: policy.name.clone(),
            taken,
            overshoot_signed: overshoots().sum(),
            overshoot_positive: overshoots().map(|over| over.max(0.0)).sum(),
            undershoot: overshoots().map(|over| (-over).max(0.0)).sum(),
            regret_absolute: overshoots().map(f64::abs).sum(),
            ratio_to_needed: (needed > 0.0).then(|| taken / needed),
            haircut_max: haircuts.map(|all| all.iter().copied().fold(0.0, f64::max)),
            fairness_regret: haircuts.zip(pro_rata).map(|(own, least)| {
                let gaps = own.iter().zip(least).zip(&self.waves);
                gaps.map(|((own, least), wave)| (own - least).abs() * wave.needed).sum()
            }),
        }
    }

    /// Largest losses that stand identically in two waves or more, the most frequent first: one
    /// account counted again, so that the deficits do not add up to distinct bad debt.
    pub fn repeated_losses(&self) -> Vec<RepeatedLoss> {
        let mut found: Vec<RepeatedLoss> = Vec::new();
        for wave in &self.waves {
            let Some(loss) = wave.loss_max.filter(|loss| *loss > 0.0) else { continue };
            match found.iter_mut().find(|other| other.loss.to_bits() == loss.to_bits()) {
                Some(same) => same.waves.push(wave.name.clone()),
                None => found.push(RepeatedLoss { loss, waves: vec![wave.name.clone()] }),
            }
        }
        found.retain(|loss| loss.waves.len() > 1);
        found.sort_by_key(|loss| std::cmp::Reverse(loss.waves.len()));
        found
    }
}

//! Every return statistic of one column, in a fixed order, each a number or the reason why not.

use crate::check;
use crate::drawdown::Drawdowns;
use crate::error::Result;
use crate::expectile::sample::expectile;
use crate::moments::Moments;
use crate::performance as perf;
use crate::resample::block_length::politis_white;
use crate::sharpe::{SharpeMoments, sharpe_annual, sharpe_standard_error_annual};
use crate::tail::extreme_value::{GpdFit, hill_tail_index};
use crate::tail::student_t::StudentTFit;
use crate::tail::value_at_risk as var;
use crate::trade_statistics::profit_factor;

/// One named statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistic {
    /// Name in tables, such as `hist_var_0.01`.
    pub name: String,
    /// The value, or the reason why there is none.
    pub value: Result<f64>,
    /// A caveat to print beside the value.
    pub note: Option<&'static str>,
}

/// Every statistic of one column of simple per-period returns.
///
/// Losses, drawdowns, VaR and expected shortfall are positive; expectiles are signed, on the
/// side of the returns.
#[derive(Debug, Clone, PartialEq)]
pub struct ReturnStatistics {
    /// Number of returns.
    pub n: usize,
    /// Position of the first return of -100 % or worse. Wealth stays at 0 from there on.
    pub ruined_at: Option<usize>,
    /// The statistics, in the order they are printed.
    pub statistics: Vec<Statistic>,
}

impl ReturnStatistics {
    /// Computes every statistic; the tail measures once for each tail probability.
    ///
    /// # Errors
    /// A value that is not finite, an empty sample, `periods_per_year` not above 0, or a tail
    /// probability outside (0, 1). What merely cannot be computed from a short or degenerate
    /// sample is an error of the single statistic.
    pub fn compute(returns: &[f64], periods_per_year: f64, alphas: &[f64]) -> Result<Self> {
        check::series(returns, 1)?;
        Self::with_fits(returns, periods_per_year, alphas, &TailFits::of(returns))
    }

    /// The same with distributions that are fitted already.
    pub(crate) fn with_fits(
        returns: &[f64],
        periods_per_year: f64,
        alphas: &[f64],
        fits: &TailFits,
    ) -> Result<Self> {
        check::series(returns, 1)?;
        check::positive("periods_per_year", periods_per_year)?;
        for &alpha in alphas {
            check::open_unit("alpha", alpha)?;
        }
        let mut table = Table::default();
        performance(&mut table, returns, periods_per_year);
        drawdowns(&mut table, returns);
        tails(&mut table, returns, alphas, fits);
        dependence(&mut table, returns);
        Ok(Self { n: returns.len(), ruined_at: perf::first_ruin(returns), statistics: table.rows })
    }

    /// The statistic of that name.
    pub fn get(&self, name: &str) -> Option<&Statistic> {
        self.statistics.iter().find(|statistic| statistic.name == name)
    }

    /// The value of the statistic of that name; `None` where it has none.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.get(name)?.value.as_ref().ok().copied()
    }
}

#[derive(Default)]
struct Table {
    rows: Vec<Statistic>,
}

impl Table {
    fn add(&mut self, name: impl Into<String>, value: Result<f64>) {
        self.add_noted(name, value, None);
    }

    fn add_noted(
        &mut self,
        name: impl Into<String>,
        value: Result<f64>,
        note: Option<&'static str>,
    ) {
        let name = name.into();
        self.rows.push(Statistic { name, value, note });
    }
}

fn performance(table: &mut Table, r: &[f64], periods_per_year: f64) {
    let p = periods_per_year;
    table.add("total_return", perf::total_return(r));
    table.add("log_return_sum", perf::log_return_sum(r));
    table.add("cagr", perf::cagr(r, p));
    table.add("volatility_annual", perf::volatility_annual(r, p));
    table.add("sharpe_annual", sharpe_annual(r, 0.0, p));
    table.add("sharpe_standard_error", sharpe_standard_error_annual(r, p));
    let above_zero = SharpeMoments::of(r).and_then(|moments| moments.probabilistic(0.0));
    table.add("psr_0", above_zero);
    table.add("sortino_annual", perf::sortino_annual(r, 0.0, p));
    table.add("calmar", perf::calmar(r, p));
    table.add("sterling_10pct", perf::sterling(r, p, 0.10));
    table.add("omega_0", perf::omega(r, 0.0));
    table.add("profit_factor", profit_factor(r));
    let few = r.len() < perf::TAIL_RATIO_OBSERVATIONS_ADVISED;
    let note = few.then_some("fewer than 20 observations: says little about a tail");
    table.add_noted("tail_ratio", perf::tail_ratio(r), note);
    let moments = Moments::of(r);
    let moment = |take: fn(&Moments) -> Result<f64>| moments.clone().and_then(|m| take(&m));
    table.add("skew_population", moment(Moments::skewness_population));
    table.add("kurtosis_population_raw", moment(Moments::kurtosis_population));
}

fn drawdowns(table: &mut Table, r: &[f64]) {
    let drawdowns = Drawdowns::of_returns(r);
    let mut add = |name: &str, take: fn(&Drawdowns) -> Result<f64>| {
        table.add(name, drawdowns.as_ref().map_err(Clone::clone).and_then(take));
    };
    add("max_drawdown", |d| Ok(d.max()));
    add("average_drawdown", |d| Ok(d.average()));
    add("ulcer_index", |d| Ok(d.ulcer_index()));
    add("cdar_0.95", |d| d.conditional(0.95));
    add("edar_0.95", |d| d.entropic(0.95));
    add("n_drawdown_episodes", |d| Ok(d.episodes().len() as f64));
    add("average_drawdown_episodes", Drawdowns::average_of_episodes);
    add("max_time_under_water", |d| Ok(d.longest_under_water() as f64));
    add("share_under_water", |d| Ok(d.share_under_water()));
}

/// Distributions fitted to the returns and to their largest losses.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TailFits {
    pub(crate) student_t: Result<StudentTFit>,
    pub(crate) gpd: Result<GpdFit>,
}

impl TailFits {
    pub(crate) fn of(returns: &[f64]) -> Self {
        Self { student_t: StudentTFit::of(returns), gpd: GpdFit::of_returns(returns) }
    }
}

fn tails(table: &mut Table, r: &[f64], alphas: &[f64], fits: &TailFits) {
    let TailFits { student_t, gpd } = fits;
    for &alpha in alphas {
        let sparse = alpha * (r.len() as f64) < 10.0;
        let note = sparse.then_some("fewer than 10 observations in the tail");
        let historical = var::historical_var(r, alpha);
        table.add_noted(format!("hist_var_{alpha}"), historical, note);
        let shortfall = var::historical_es(r, alpha);
        table.add_noted(format!("hist_es_{alpha}"), shortfall, note);
        table.add(format!("gauss_var_{alpha}"), var::gaussian_var(r, alpha));
        table.add(format!("gauss_es_{alpha}"), var::gaussian_es(r, alpha));
        let expansion = var::cornish_fisher(r, alpha);
        let outside = expansion.as_ref().is_ok_and(|cf| !cf.domain.valid);
        table.add_noted(
            format!("cf_var_{alpha}"),
            expansion.map(|cf| cf.value_at_risk),
            outside.then_some("outside the domain of the expansion: do not use alone"),
        );
        table.add(format!("evar_{alpha}"), var::entropic_var(r, alpha));
        let t = |take: fn(&StudentTFit, f64) -> Result<f64>| {
            student_t.clone().and_then(|fit| take(&fit, alpha))
        };
        table.add(format!("t_var_{alpha}"), t(StudentTFit::value_at_risk));
        table.add(format!("t_es_{alpha}"), t(StudentTFit::expected_shortfall));
        let pareto =
            |take: fn(&GpdFit, f64) -> Result<f64>| gpd.clone().and_then(|fit| take(&fit, alpha));
        table.add(format!("gpd_var_{alpha}"), pareto(GpdFit::value_at_risk));
        table.add(format!("gpd_es_{alpha}"), pareto(GpdFit::expected_shortfall));
        table.add(format!("expectile_{alpha}"), expectile(r, alpha));
    }
    table.add("gpd_xi", gpd.clone().map(|fit| fit.xi));
    let losses: Vec<f64> = r.iter().map(|r| -r).collect();
    table.add("hill_alpha", hill_tail_index(&losses, losses.len() / 10));
}

fn dependence(table: &mut Table, r: &[f64]) {
    let sizes: Vec<f64> = r.iter().map(|r| r.abs()).collect();
    let length = |values: &[f64]| politis_white(values).map(|length| length.stationary);
    table.add("block_length_r", length(r));
    table.add("block_length_abs_r", length(&sizes));
}

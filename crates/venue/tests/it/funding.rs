//! Funding: premium to rate, intervals, charges, budgets and carry.

mod laws;
mod money;
mod real;

use plimsoll_market::Side;
use plimsoll_venue::{
    BookLevel, FundingFormula, FundingPrice, FundingSchedule, ImpactNotional, IntervalRevert,
    IntervalSwitch, MAJORS_CAP_SHARE, PremiumWeights, RateCap, Status, UserTable, VenueError,
    VenueRules, impact_price, observed_intervals, premium_index, walk_book,
};

use crate::{assert_close, rules, time};

const HEADER: &str = "venue,from,interval_minutes,interest_8h,clamp_fraction,formula,rate_cap_fraction,premium_weights,premium_sample_seconds,impact_margin,impact_notional,hourly_after_cap,hourly_revert_cycles,hourly_revert_rate_fraction,hourly_revert_minutes,payment_price,settle_tolerance_seconds,status,unverified,source";

#[test]
fn rules_are_looked_up_by_date() {
    use FundingFormula::{InterestPerInterval, PerInterval, PremiumAverage, Unscaled};
    for (venue, date, formula, status, interval) in [
        ("binance-usdm", "2019-09-01", Unscaled, Status::Official, 480),
        ("binance-usdm", "2025-05-02T08:00:00Z", Unscaled, Status::ThirdParty, 480),
        ("binance-usdm", "2025-09-18", PerInterval, Status::ThirdParty, 480),
        ("bybit-linear", "2020-03-01", InterestPerInterval, Status::Official, 480),
        ("bybit-inverse", "2024-01-01", InterestPerInterval, Status::Unverified, 480),
        ("okx-swap", "2019-01-01", PremiumAverage, Status::Official, 480),
        ("okx-swap", "2026-05-28T23:59:59Z", PremiumAverage, Status::Official, 480),
        ("okx-swap", "2026-05-29", PerInterval, Status::Official, 480),
        ("hyperliquid", "2023-01-01", PerInterval, Status::Official, 60),
    ] {
        let rules = rules(venue);
        let rule = rules.funding_rule(time(date)).unwrap();
        let found = (rule.formula, rule.status, rule.interval_minutes);
        assert_eq!(found, (formula, status, interval), "{venue} {date}");
        assert!(!rule.source.is_empty());
        let is_oracle = rule.payment_price == FundingPrice::Oracle;
        assert_eq!(is_oracle, venue == "hyperliquid");
    }
    for (venue, first) in
        [("binance-usdm", "2019-09-01"), ("bybit-linear", "2020-03-01"), ("okx-swap", "2019-01-01")]
    {
        let error = rules(venue).funding_rule(time("2018-12-31")).unwrap_err();
        let VenueError::BeforeTable { first: found, .. } = error else { panic!("{error}") };
        assert_eq!(found, time(first), "{venue}");
    }
}

#[test]
fn formulas_differ_where_the_interval_does() {
    // Premium 0.1 %, interest 0.01 %, clamp 0.05 %: 0.05 % of eight hours.
    for (venue, date, minutes, rate) in [
        ("binance-usdm", "2025-09-17", 480, 0.0005),
        ("binance-usdm", "2025-09-17", 60, 0.0005),
        ("binance-usdm", "2025-09-19", 60, 0.000_062_5),
        ("bybit-linear", "2024-01-01", 480, 0.0005),
        ("bybit-linear", "2024-01-01", 240, 0.0005),
        ("okx-swap", "2024-01-01", 480, 0.001),
        ("okx-swap", "2026-06-01", 240, 0.000_25),
    ] {
        let rules = rules(venue);
        let rule = rules.funding_rule(time(date)).unwrap();
        let found = rule.funding_rate_from_premium(0.001, minutes).unwrap();
        assert_close(found, rate, 1e-15);
    }
    // Bybit: I = 0.03 % / (24 / N). In the dead zone the rate is the interest of the interval.
    let bybit = rules("bybit-linear");
    let rule = bybit.funding_rule(time("2024-01-01")).unwrap();
    for (minutes, rate) in [(480, 0.0001), (240, 0.000_05), (60, 0.000_012_5)] {
        assert_close(rule.funding_rate_from_premium(0.000_02, minutes).unwrap(), rate, 1e-15);
    }
    // OKX before 2026: a premium of nothing is a rate of nothing.
    let okx = rules("okx-swap");
    let rule = okx.funding_rule(time("2025-01-01")).unwrap();
    assert_eq!(rule.funding_rate_from_premium(0.0, 480).unwrap(), 0.0);
}

/// Hyperliquid docs, Funding: an impact bid of 10,100 over an oracle of 10,000.
#[test]
fn hyperliquid_prints_this_rate() {
    let hyperliquid = rules("hyperliquid");
    let rule = hyperliquid.funding_rule(time("2025-01-01")).unwrap();
    let premium = premium_index(10_100.0, 10_110.0, 10_000.0).unwrap();
    assert_close(premium, 0.01, 1e-15);
    assert_eq!(rule.samples_per_interval(60).unwrap(), 720);
    let average = rule.average_premium(&[premium; 720], 60).unwrap();
    assert_close(rule.funding_rate_from_premium(average, 480).unwrap(), 0.0095, 1e-12);
    assert_close(rule.funding_rate_from_premium(average, 60).unwrap(), 0.001_187_5, 1e-12);
    assert_eq!(rule.impact_notional_of("BTC", 40.0).unwrap(), 20_000.0);
    assert_eq!(rule.impact_notional_of("HYPE", 10.0).unwrap(), 6_000.0);
}

#[test]
fn premiums_are_sampled_from_the_book() {
    for (bid, ask, index, premium) in [
        (101.0, 102.0, 100.0, 0.01),
        (97.0, 98.0, 100.0, -0.02),
        (99.0, 101.0, 100.0, 0.0),
        (100.0, 100.0, 100.0, 0.0),
    ] {
        assert_close(premium_index(bid, ask, index).unwrap(), premium, 1e-15);
    }
    assert!(premium_index(101.0, 100.0, 100.0).is_err());
    assert!(premium_index(100.0, 101.0, 0.0).is_err());

    let binance = rules("binance-usdm");
    let rule = binance.funding_rule(time("2025-10-10")).unwrap();
    // 200 USDT at 150x.
    assert_close(rule.impact_notional_of("BTCUSDT", 150.0).unwrap(), 30_000.0, 1e-15);
    let okx = rules("okx-swap");
    let rule = okx.funding_rule(time("2025-10-10")).unwrap();
    let error = rule.impact_notional_of("BTC-USDT-SWAP", 100.0).unwrap_err().to_string();
    assert!(error.starts_with("no source gives `impact_notional`"), "{error}");
    assert!(rule.samples_per_interval(480).is_err());
    assert_close(rule.average_premium(&[0.001, 0.002], 480).unwrap(), 0.0015, 1e-15);
}

#[test]
fn later_samples_weigh_more() {
    let samples = [0.001, 0.0, 0.003];
    for (weights, minutes, average) in [
        (PremiumWeights::Linear, 60, (0.001 + 0.009) / 6.0),
        (PremiumWeights::LinearHourlyEqual, 480, (0.001 + 0.009) / 6.0),
        (PremiumWeights::LinearHourlyEqual, 60, 0.004 / 3.0),
        (PremiumWeights::Equal, 480, 0.004 / 3.0),
    ] {
        assert_close(weights.average(&samples, minutes).unwrap(), average, 1e-15);
    }
    for (venue, minutes, n) in [
        ("binance-usdm", 480, 5760),
        ("binance-usdm", 60, 720),
        ("bybit-linear", 480, 480),
        ("hyperliquid", 60, 720),
    ] {
        let rules = rules(venue);
        let rule = rules.funding_rule(time("2025-10-31")).unwrap();
        assert_eq!(rule.samples_per_interval(minutes).unwrap(), n, "{venue}");
        // Weights 1 to n on samples 1 to n average (2 n + 1) / 3; equal ones (n + 1) / 2.
        let ramp: Vec<f64> = (1..=n).map(f64::from).collect();
        let n = f64::from(n);
        let linear = matches!(
            (rule.premium_weights.unwrap(), minutes),
            (PremiumWeights::Linear, _) | (PremiumWeights::LinearHourlyEqual, 480)
        );
        let expected = if linear { (2.0 * n + 1.0) / 3.0 } else { f64::midpoint(n, 1.0) };
        assert_close(rule.average_premium(&ramp, minutes).unwrap(), expected, 1e-12);
        let mut more = ramp.clone();
        more.push(0.0);
        assert!(rule.average_premium(&more, minutes).is_err());
    }
    let error = PremiumWeights::Equal.average(&[0.0, f64::NAN], 60).unwrap_err().to_string();
    assert_eq!(error, "`samples`, element 1: premium is NaN, but it must be a finite number");
    assert!(PremiumWeights::Equal.average(&[], 60).is_err());
}

#[test]
fn caps_bound_what_is_simulated() {
    let binance = rules("binance-usdm");
    let at = time("2025-10-10");
    // 0.75 times the 0.4 % of the lowest bracket is the 0.3 % that BTC shows.
    let lowest = binance.ladder("BTCUSDT", at).unwrap().brackets()[0].maintenance_margin_rate;
    let cap = RateCap::of_maintenance_margin_rate(lowest, MAJORS_CAP_SHARE).unwrap();
    assert_close(cap.cap(), 0.003, 1e-15);
    let rule = binance.funding_rule(at).unwrap();
    assert_close(rule.capped_funding_rate(0.02, 480, cap).unwrap(), 0.003, 1e-15);
    assert_close(rule.capped_funding_rate(-0.02, 480, cap).unwrap(), -0.003, 1e-15);
    assert_close(rule.capped_funding_rate(0.0, 480, cap).unwrap(), 0.0001, 1e-15);
    for (rate, is_reached) in
        [(0.003, true), (0.003_000_01, true), (0.002_999_98, false), (-0.003, true)]
    {
        assert_eq!(cap.is_reached(rate), is_reached, "{rate}");
    }
    assert!(RateCap::symmetric(0.0).is_err());
    assert!(RateCap::new(0.01, 0.01).is_err());
    assert_eq!(RateCap::new(-0.02, 0.01).unwrap().clamp(-1.0), -0.02);
}

#[test]
fn a_capped_settlement_makes_the_next_interval_an_hour() {
    let binance = rules("binance-usdm");
    let cap = RateCap::symmetric(0.02).unwrap();
    let start = FundingSchedule::new(480).unwrap();
    let after = |date, rate, schedule: FundingSchedule| {
        schedule.after_settlement(&binance, "XUSDT", time(date), rate, cap).unwrap()
    };
    // Before the rule the interval stays.
    assert_eq!(after("2025-05-02T07:59:59Z", 0.02, start), start);
    let hourly = after("2025-05-02T08:00:00Z", -0.02, start);
    assert_eq!((hourly.interval_minutes, hourly.is_switched), (60, true));
    // No way back is known until September.
    let mut schedule = hourly;
    for _ in 0..100 {
        schedule = after("2025-06-01", 0.0, schedule);
    }
    assert_eq!(schedule, hourly);

    for (date, cycles, small, larger) in [
        ("2025-09-01", 36, 0.000_02, 0.000_021),
        ("2026-01-02T11:59:59Z", 36, 0.000_02, 0.000_021),
        ("2026-01-02T12:00:00Z", 16, -0.000_25, 0.000_26),
    ] {
        let mut schedule = after(date, larger, hourly);
        for _ in 1..cycles {
            schedule = after(date, small, schedule);
            assert_eq!(schedule.interval_minutes, 60, "{date}");
        }
        assert_eq!(schedule.calm_cycles, cycles - 1);
        // One rate that is not small, and the count begins anew.
        assert_eq!(after(date, larger, schedule).calm_cycles, 0);
        assert_eq!(after(date, 0.02, schedule), hourly);
        let back = after(date, small, schedule);
        assert_eq!(back, FundingSchedule::new(240).unwrap(), "{date}");
    }
    // What was hourly of its own does not grow.
    let own = FundingSchedule::new(60).unwrap();
    let mut schedule = own;
    for _ in 0..50 {
        schedule = after("2026-02-01", 0.0, schedule);
    }
    assert_eq!(schedule, own);
    let error = start.after_settlement(&binance, "XUSDT", time("2019-01-01"), 0.0, cap);
    assert!(matches!(error, Err(VenueError::BeforeTable { .. })));
    assert!(start.next_interval(None, f64::NAN, cap).is_err());
}

#[test]
fn bybit_leaves_the_majors_out() {
    let bybit = rules("bybit-linear");
    let cap = RateCap::symmetric(0.005).unwrap();
    let start = FundingSchedule::new(480).unwrap();
    for (symbol, date, minutes) in [
        ("BTCUSDT", "2025-12-01", 480),
        ("SOLUSDT", "2025-12-01", 60),
        ("SOLUSDT", "2025-10-30T07:59:59Z", 480),
    ] {
        let next = start.after_settlement(&bybit, symbol, time(date), 0.005, cap).unwrap();
        assert_eq!(next.interval_minutes, minutes, "{symbol} {date}");
    }
    let rule = bybit.funding_rule(time("2025-12-01")).unwrap();
    let note = rule.note().unwrap();
    assert!(note.contains("hourly_after_cap"), "{note}");
    let note = rules("hyperliquid").funding_rule(time("2025-12-01")).unwrap().note().unwrap();
    assert!(note.contains("premium_weights, settle_tolerance_seconds"), "{note}");
    let binance = rules("binance-usdm");
    assert_eq!(binance.funding_rule(time("2025-01-01")).unwrap().note(), None);
    let note = binance.funding_rule(time("2025-10-10")).unwrap().note().unwrap();
    assert!(note.contains("is by a third party's word: formula divided by"), "{note}");
    let inverse = rules("bybit-inverse");
    let note = inverse.funding_rule(time("2025-12-01")).unwrap().note().unwrap();
    assert!(note.contains("is unverified"), "{note}");
}

#[test]
fn settlements_stand_on_the_days_grid() {
    for (minutes, after, next) in [
        (480, "2025-01-01T00:00:00Z", "2025-01-01T08:00:00Z"),
        (480, "2025-01-01T07:59:59Z", "2025-01-01T08:00:00Z"),
        (480, "2025-01-01T23:00:00Z", "2025-01-02T00:00:00Z"),
        (60, "2025-01-01T08:00:00Z", "2025-01-01T09:00:00Z"),
        (240, "2025-01-01T09:00:00Z", "2025-01-01T12:00:00Z"),
        (1000, "2025-01-01T17:00:00Z", "2025-01-02T00:00:00Z"),
    ] {
        let schedule = FundingSchedule::new(minutes).unwrap();
        assert_eq!(schedule.next_settlement(time(after)), time(next), "{minutes} {after}");
    }
    assert!(FundingSchedule::new(0).is_err());
}

#[test]
fn intervals_follow_a_change_but_not_a_gap() {
    for (hours, minutes, gaps) in [
        (&[0, 8, 16, 24][..], &[480, 480, 480, 480][..], &[][..]),
        (&[0, 8, 24, 32], &[480, 480, 480, 480], &[2]),
        (&[0, 8, 12, 16], &[480, 480, 240, 240], &[]),
        (&[0, 4, 8, 16, 24], &[240, 240, 240, 480, 480], &[]),
        (&[0, 1, 2, 10, 11], &[60, 60, 60, 60, 60], &[3]),
        // Back from one hour to four: the first spacing only leads to the grid.
        (&[3, 4, 5, 8, 12, 16], &[60, 60, 60, 240, 240, 240], &[]),
        (&[5, 6, 8, 16, 24], &[60, 60, 480, 480, 480], &[]),
        // Off that grid, or not confirmed, something is missing.
        (&[3, 4, 5, 7, 11, 15], &[60, 60, 60, 60, 240, 240], &[3]),
        (&[3, 4, 5, 8, 12], &[60, 60, 60, 60, 60], &[3, 4]),
        (&[4, 5, 8, 12, 13, 14], &[60, 60, 60, 60, 60, 60], &[2, 3]),
    ] {
        // Stamps a few milliseconds late.
        let stamps: Vec<_> = hours
            .iter()
            .map(|hour| plimsoll_market::Timestamp(hour * 3_600_000 + hour % 7))
            .collect();
        let found = observed_intervals(&stamps).unwrap();
        let found_minutes: Vec<u32> = found.iter().map(|i| i.interval_minutes).collect();
        assert_eq!(found_minutes, minutes, "{hours:?}");
        let found_gaps: Vec<usize> =
            (0..found.len()).filter(|row| found[*row].is_after_gap).collect();
        assert_eq!(found_gaps, gaps, "{hours:?}");
    }
    let stamps = [time("2025-01-01"), time("2025-01-01")];
    let error = observed_intervals(&stamps).unwrap_err();
    assert!(matches!(error, VenueError::BadElement { index: 1, .. }), "{error}");
    assert!(observed_intervals(&stamps[..1]).is_err());
}

/// What recorded spacings say is what the schedule does.
#[test]
fn a_reversion_is_seen_as_the_schedule_makes_it() {
    let revert = IntervalRevert { cycles: 3, rate_max_fraction: 0.001, interval_minutes: 240 };
    let switch = IntervalSwitch { interval_minutes: 60, revert: Some(revert), except: Vec::new() };
    let cap = RateCap::symmetric(0.02).unwrap();
    let mut schedule = FundingSchedule::new(240).unwrap();
    let mut stamps = vec![time("2025-10-10")];
    let mut intervals = vec![schedule.interval_minutes];
    // The cap at midnight, then calm: 01, 02, 03 and back, 04 h being an hour later, and 08 h.
    for (rate, hour) in [(0.02, 1), (0.01, 2), (0.0, 3), (0.0, 4), (0.0, 8), (0.0, 12), (0.0, 16)] {
        let last = stamps[stamps.len() - 1];
        schedule = schedule.next_interval(Some(&switch), rate, cap).unwrap();
        stamps.push(schedule.next_settlement(last));
        intervals.push(schedule.interval_minutes);
        assert_eq!(stamps[stamps.len() - 1].0, stamps[0].0 + hour * 3_600_000);
    }
    let found: Vec<u32> =
        observed_intervals(&stamps[1..]).unwrap().iter().map(|i| i.interval_minutes).collect();
    assert_eq!(found, intervals[1..]);
}

#[test]
fn a_users_row_is_checked() {
    let load = |cells: &str| {
        let text = format!("{HEADER}\n{cells}\n");
        VenueRules::load("binance-usdm", &[UserTable { file: "mine.csv", text: &text }])
    };
    let rules = load("binance-usdm,2027-01-01,240,0,0.0005,per_interval,,equal,1,,A=5 other=7,except A B,3,0.001,480,mark,0,user,,mine").unwrap();
    let rule = rules.funding_rule(time("2027-01-01")).unwrap();
    let named = vec![("A".to_owned(), 5.0)];
    assert_eq!(rule.impact_notional, Some(ImpactNotional::BySymbol { named, other: 7.0 }));
    let revert = IntervalRevert { cycles: 3, rate_max_fraction: 0.001, interval_minutes: 480 };
    let except = vec!["A".to_owned(), "B".to_owned()];
    let switch = IntervalSwitch { interval_minutes: 60, revert: Some(revert), except };
    assert_eq!(rule.interval_switch, Some(switch));
    assert_eq!(rule.interval_switch_of("A"), None);
    assert!(rule.interval_switch_of("C").is_some());

    for (cells, column) in [
        ("binance-usdm,2027-01-01,0,0,0,unscaled,,,,,,,,,,mark,0,user,,", "interval_minutes"),
        ("binance-usdm,2027-01-01,60,0,0,scaled,,,,,,,,,,mark,0,user,,", "formula"),
        ("binance-usdm,2027-01-01,60,0,0,unscaled,,late,,,,,,,,mark,0,user,,", "premium_weights"),
        (
            "binance-usdm,2027-01-01,60,0,0,unscaled,,,0,,,,,,,mark,0,user,,",
            "premium_sample_seconds",
        ),
        ("binance-usdm,2027-01-01,60,0,0,unscaled,,,,5,A=1,,,,,mark,0,user,,", "impact_notional"),
        ("binance-usdm,2027-01-01,60,0,0,unscaled,,,,,A=1,,,,,mark,0,user,,", "impact_notional"),
        ("binance-usdm,2027-01-01,60,0,0,unscaled,,,,,,some,,,,mark,0,user,,", "hourly_after_cap"),
        ("binance-usdm,2027-01-01,60,0,0,unscaled,,,,,,all A,,,,mark,0,user,,", "hourly_after_cap"),
        (
            "binance-usdm,2027-01-01,60,0,0,unscaled,,,,,,,3,0.1,60,mark,0,user,,",
            "hourly_after_cap",
        ),
        (
            "binance-usdm,2027-01-01,60,0,0,unscaled,,,,,,all,3,,,mark,0,user,,",
            "hourly_revert_cycles",
        ),
        ("binance-usdm,2027-01-01,60,0,0,unscaled,,,,,,,,,,last,0,user,,", "payment_price"),
        ("binance-usdm,2027-01-01,60,0,0,unscaled,,,,,,,,,,mark,0,user,colour,", "unverified"),
    ] {
        let error = load(cells).unwrap_err();
        let VenueError::BadCell { column: found, line: 2, .. } = &error else { panic!("{error}") };
        assert_eq!(found, column, "{error}");
    }
}

#[test]
fn orders_walk_the_book() {
    let level = |price, quantity| BookLevel { price, quantity };
    let asks = [level(1.0, 1.0), level(1.1, 3.0), level(1.2, 10.0)];
    // 1 + 3.3 + 1.2 for five (arXiv 2512.01112, position creation example).
    let fill = walk_book(Side::Long, &asks, 5.0).unwrap();
    assert_close(fill.notional, 5.5, 1e-15);
    assert_close(fill.average_price().unwrap(), 1.1, 1e-15);
    assert_eq!((fill.quantity, fill.unfilled, fill.worst_price), (5.0, 0.0, Some(1.2)));
    let thin = walk_book(Side::Long, &asks, 20.0).unwrap();
    assert_eq!((thin.quantity, thin.unfilled), (14.0, 6.0));
    let none = walk_book(Side::Long, &[], 1.0).unwrap();
    assert_eq!((none.average_price(), none.unfilled), (None, 1.0));
    assert_eq!(walk_book(Side::Long, &asks, 0.0).unwrap().worst_price, None);

    let bids = [level(100.0, 1.0), level(99.0, 2.0)];
    assert_close(walk_book(Side::Short, &bids, 2.0).unwrap().notional, 199.0, 1e-15);
    // 199 of quote currency: one coin at 100 and one at 99.
    assert_close(impact_price(Side::Short, &bids, 199.0).unwrap().unwrap(), 99.5, 1e-15);
    assert_eq!(impact_price(Side::Short, &bids, 298.1).unwrap(), None);
    let error = walk_book(Side::Long, &bids, 1.0).unwrap_err();
    assert!(matches!(error, VenueError::BadElement { index: 1, name: "price", .. }), "{error}");
    assert!(walk_book(Side::Short, &[level(1.0, 0.0)], 1.0).is_err());
    assert!(walk_book(Side::Short, &bids, -1.0).is_err());
}

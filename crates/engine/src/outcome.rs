//! What a replay leaves behind: the equity path, every trade, every decision and every change of
//! money with its cause.

use plimsoll_market::Side;
use plimsoll_sizing::{LimitValue, MultiplierValue};

/// Result of replaying one rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// First bar of the replay, an index into the market's grid.
    pub from_bar: usize,
    /// Equity at the start.
    pub initial_equity: f64,
    /// Equity marked at each bar's close, from `from_bar` on.
    pub equity: Vec<f64>,
    /// Lowest equity inside each bar, with every position at its adverse mark extreme.
    pub equity_low: Vec<f64>,
    /// Every position that was opened, in order of its exit.
    pub trades: Vec<TradeRecord>,
    /// Every decision, taken or not, in order of time; none after the ruin.
    pub decisions: Vec<Decision>,
    /// Every change of money, in order of time; the amounts add up to the change of equity.
    pub ledger: Vec<LedgerRow>,
    /// Forced closes, partial ones included.
    pub liquidations: Vec<LiquidationRecord>,
    /// The bar at whose close the account could no longer carry any position.
    pub ruined_at: Option<usize>,
    /// Sum of the notional of all fills.
    pub traded_notional: f64,
    /// Sum over bars of gross notional over equity at the close.
    pub leverage_sum: f64,
    /// Largest gross notional over equity at any close or fill.
    pub leverage_max: f64,
    /// Bars in which the mark of an open position was not known, so that the last price, or the
    /// last known one, stood in for it.
    pub mark_fallback_bars: usize,
    /// Bars at which only the joint adverse extreme, not the closes, called for a liquidation.
    pub joint_extreme_bars: usize,
    /// Settlements charged at a price other than one the source recorded.
    pub funding_price_estimated: usize,
    /// Bars with a position above the notional that the venue's top bracket covers.
    pub above_top_bracket_bars: usize,
    /// Ordinary fills (stops, exits) whose loss went beyond the money behind the position: the
    /// account pays what it has, the venue's fund the rest.
    pub capped_fills: usize,
}

impl Outcome {
    /// Positions that the venue closed by force, wholly or in part: the first step of each, in
    /// order of time. One liquidation can take several steps.
    pub fn liquidated_positions(&self) -> impl Iterator<Item = &LiquidationRecord> {
        self.liquidations.iter().enumerate().filter_map(|(index, record)| {
            let is_first =
                self.liquidations[..index].iter().all(|other| other.trade_idx != record.trade_idx);
            is_first.then_some(record)
        })
    }
}

/// Cause of a change of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Price move between the reference prices of entry and exit.
    PricePnl,
    /// Half spread and impact of a fill, against its reference price.
    Slippage,
    /// Exchange fee of a fill.
    Fee,
    /// Funding received (positive) or paid.
    Funding,
    /// Fee that the venue takes for a forced close.
    LiquidationFee,
    /// Margin that a backstop vault or the insurance fund keeps of a position taken over.
    BackstopForfeit,
}

impl Cause {
    /// The word used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::PricePnl => "price_pnl",
            Self::Slippage => "slippage",
            Self::Fee => "fee",
            Self::Funding => "funding",
            Self::LiquidationFee => "liquidation_fee",
            Self::BackstopForfeit => "backstop_forfeit",
        }
    }
}

/// One change of money.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LedgerRow {
    /// Bar in which it happened.
    pub bar: usize,
    /// Symbol.
    pub symbol_idx: usize,
    /// Index of the size-free trade it belongs to.
    pub trade_idx: usize,
    /// Why.
    pub cause: Cause,
    /// Money into the account, negative out of it.
    pub amount: f64,
    /// Quantity it concerns, base units.
    pub quantity: f64,
    /// Price it was reckoned at.
    pub price: f64,
    /// The wallet after it: cash including isolated margins, without unrealised profit.
    pub wallet: f64,
}

/// Why a position ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitReason {
    /// The exit rule or the time limit.
    Signal,
    /// The stop.
    Stop,
    /// The take-profit price.
    TakeProfit,
    /// The venue closed it.
    Liquidation,
    /// The data or the period ended.
    End,
    /// The rule, deciding again, allowed no position any more.
    ResizedToZero,
    /// The rule's longest holding time was over.
    HoldingLimit,
}

impl ExitReason {
    /// The word used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Stop => "stop",
            Self::TakeProfit => "take_profit",
            Self::Liquidation => "liquidation",
            Self::End => "end",
            Self::ResizedToZero => "resized_to_zero",
            Self::HoldingLimit => "holding_limit",
        }
    }
}

/// One position from its entry to its exit.
#[derive(Clone, Debug, PartialEq)]
pub struct TradeRecord {
    /// Index of the size-free trade.
    pub trade_idx: usize,
    /// Symbol.
    pub symbol_idx: usize,
    /// Direction.
    pub side: Side,
    /// Bar of the entry fill.
    pub entry_bar: usize,
    /// Fill price of the entry.
    pub entry_price: f64,
    /// Bar of the exit.
    pub exit_bar: usize,
    /// Fill price of the exit; quantity-weighted over all fills that closed any of it.
    pub exit_price: f64,
    /// Quantity of the entry, base units.
    pub quantity: f64,
    /// Largest quantity held: that of the entry, unless a later decision raised it.
    pub quantity_max: f64,
    /// Changes of the quantity that later decisions led to, a close not counted.
    pub resizes: usize,
    /// Notional of the entry.
    pub notional: f64,
    /// Notional over equity at the entry fill.
    pub leverage: f64,
    /// The limit that set the size.
    pub binding_limit: &'static str,
    /// Stop price known at the decision.
    pub stop_price: Option<f64>,
    /// Mark price that would liquidate the position as it stood at the entry, if any.
    pub liquidation_price: Option<f64>,
    /// Why it ended.
    pub exit_reason: ExitReason,
    /// Net change of money from it: price, slippage, fees, funding, liquidation.
    pub pnl: f64,
    /// Funding paid, negative if received.
    pub funding: f64,
    /// Fees paid, liquidation fees and forfeited margin included.
    pub fees: f64,
    /// Slippage paid.
    pub slippage: f64,
    /// Equity at the entry decision.
    pub equity_at_entry: f64,
    /// Net profit over the money at risk at the initial stop: that of the entry for each unit, times
    /// the most that was held at once, whatever was added or taken off; `None` without a stop.
    pub r_multiple: Option<f64>,
}

/// One forced close: one step of the venue's process, of which a liquidation can take several.
#[derive(Clone, Debug, PartialEq)]
pub struct LiquidationRecord {
    /// Bar in which the mark reached the liquidation price.
    pub bar: usize,
    /// Symbol.
    pub symbol_idx: usize,
    /// Direction of the closed position.
    pub side: Side,
    /// Index of the size-free trade.
    pub trade_idx: usize,
    /// Mark price that the step is reckoned at: where the margin gave out, or a sub-step beyond it
    /// if the venue reduces the position.
    pub mark_price: f64,
    /// The adverse extreme of the mark in that bar.
    pub mark_extreme: f64,
    /// Whether the mark was unknown and the last price stood in for it.
    pub mark_is_last: bool,
    /// Price at which the position was closed; the mark where margin that is left is forfeited
    /// besides.
    pub fill_price: f64,
    /// Price at which the margin (isolated) or the account (cross) is used up.
    pub bankruptcy_price: f64,
    /// Quantity closed.
    pub quantity: f64,
    /// Quantity left open.
    pub quantity_left: f64,
    /// Number of the bracket in force, counted from 1.
    pub bracket_tier: u32,
    /// Maintenance margin rate of that bracket.
    pub maintenance_margin_rate: f64,
    /// Maximum leverage of that bracket.
    pub bracket_leverage_max: f64,
    /// Liquidation fee and forfeited margin taken.
    pub fee: f64,
    /// Gain (positive) or loss of the insurance fund or vault.
    pub insurance_delta: f64,
    /// Equity of the account after it, at the liquidation's prices.
    pub equity_after: f64,
}

/// What became of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionOutcome {
    /// The order filled.
    Filled,
    /// A limit of zero, or nothing left after rounding.
    NoSize,
    /// The fill itself broke a rule of the venue.
    RefusedAtFill,
}

impl DecisionOutcome {
    /// The word used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Filled => "filled",
            Self::NoSize => "no_size",
            Self::RefusedAtFill => "refused_at_fill",
        }
    }
}

/// What a decision is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DecisionKind {
    /// The size of a new position.
    Entry,
    /// The new size of a position that is held.
    Resize,
}

impl DecisionKind {
    /// The word used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Resize => "resize",
        }
    }
}

/// One decision with everything that led to its size. Of the decisions on a held position only
/// those are kept that sent an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Entry or resize.
    pub kind: DecisionKind,
    /// Index of the size-free trade.
    pub trade_idx: usize,
    /// Symbol.
    pub symbol_idx: usize,
    /// Bar at whose close it was taken.
    pub bar: usize,
    /// Direction.
    pub side: Side,
    /// Equity at that close.
    pub equity: f64,
    /// Close price.
    pub price: f64,
    /// Stop price, if the strategy has one.
    pub stop_price: Option<f64>,
    /// Quantity held at that close, base units; 0 at an entry.
    pub held_quantity: f64,
    /// Every limit on leverage with its value (0 with a reason where undefined).
    pub limits: Vec<LimitValue>,
    /// Name of the limit that decided, or of the first gate that shut.
    pub binding_limit: &'static str,
    /// Every gate's factor, in the order in which they were applied.
    pub multipliers: Vec<MultiplierValue>,
    /// Product of the factors.
    pub multiplier: f64,
    /// At an entry, the bars after which the position is closed if nothing has closed it before;
    /// `None` where the rule sets no such time. A later decision on the position leaves it as it
    /// is, and has `None`.
    pub holding_bars_max: Option<usize>,
    /// Notional over equity after every limit and factor.
    pub leverage: f64,
    /// Quantity before rounding.
    pub quantity_raw: f64,
    /// Quantity to hold, rounded down to the lot; 0 where none is allowed, so that an entry sends
    /// no order and a held position is closed.
    pub quantity: f64,
    /// What became of it.
    pub outcome: DecisionOutcome,
    /// Why the size is zero or the fill was refused; empty otherwise.
    pub reason: &'static str,
}

/// An entry that no rule could take: the market itself did not allow it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CancelledEntry {
    /// Symbol.
    pub symbol_idx: usize,
    /// Bar at whose close it was decided.
    pub decision_bar: usize,
    /// Direction.
    pub side: Side,
    /// Stop price known at the decision; `None`: no stop, or an undefined one.
    pub initial_stop_price: Option<f64>,
    /// Known at the decision: `stop_undefined`, `take_profit_undefined`; only when the order was to
    /// fill: `bar_missing`, `no_volume`, `open_past_stop`, `end_of_data`.
    pub reason: &'static str,
}

impl CancelledEntry {
    /// Whether an order was sent, because nothing known at the decision spoke against the entry.
    pub fn was_ordered(&self) -> bool {
        !matches!(self.reason, "stop_undefined" | "take_profit_undefined")
    }
}

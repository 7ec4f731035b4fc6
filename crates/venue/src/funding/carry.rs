//! Carry: what a perpetual hedged with the same amount of spot earns.
//!
//! Spot bought and the perpetual sold (or the reverse) cancel the price; what is left is the
//! funding at recorded settlements, the change of the basis, the fees of four legs and the cost
//! of borrowing. Everything is brought to the quote currency.
//!
//! A linear perpetual is hedged with `Q` coins: funding is on `Q` times the price of the
//! settlement. An inverse one of `n` dollars is hedged with `n / P` coins at its entry price `P`,
//! and stays worth `n` dollars whatever the price does, so that its funding is `n r` dollars, not
//! `r` times the coins at today's price. Its funding and fees are coins.
//!
//! Chosen here, because no page says it: funding in coins is sold (or bought, where it is paid)
//! at once at the price of the settlement, for the spot fee; borrowing costs simple interest on
//! the spot's notional at entry; fees in coins count at the spot price of their day; figures are
//! annualised over 365 days without compounding.

use plimsoll_market::{Side, Timestamp, YEAR_MS};

use crate::contract::ContractKind;
use crate::error::{VenueError, check, check_finite, check_not_negative, check_positive};
use crate::funding::payment::{FundingCharges, FundingSettlement, HeldPosition, funding_charges};

/// A perpetual and its hedge in spot, opened and closed together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgedPair {
    /// Direction of the perpetual; the spot leg has the other one.
    pub perp_side: Side,
    /// Linear or inverse.
    pub contract: ContractKind,
    /// Base units of a linear contract, US dollars of an inverse one; above 0.
    pub quantity: f64,
    /// When both legs were opened.
    pub from: Timestamp,
    /// When both were closed, after `from`.
    pub to: Timestamp,
    /// Price of the spot leg at opening.
    pub spot_entry_price: f64,
    /// Price of the spot leg at closing.
    pub spot_exit_price: f64,
    /// Price of the perpetual at opening.
    pub perp_entry_price: f64,
    /// Price of the perpetual at closing.
    pub perp_exit_price: f64,
    /// Fee of each spot fill, a fraction of its notional; negative is a rebate.
    pub spot_fee_fraction: f64,
    /// Fee of each fill of the perpetual.
    pub perp_fee_fraction: f64,
    /// Interest a year on what is borrowed: the coins of a short spot leg or the cash of a long
    /// one. 0 where nothing is.
    pub borrow_rate_annual: f64,
    /// Capital behind the spot leg, a fraction of its notional at entry: 1 where it is paid for.
    pub spot_margin_fraction: f64,
    /// Capital behind the perpetual, a fraction of its notional at entry: 0 where the spot leg is
    /// its margin.
    pub perp_margin_fraction: f64,
}

/// What a pair earned, in quote currency. Income is positive, costs are positive too and
/// subtracted in [`net`](Self::net).
#[derive(Clone, Debug, PartialEq)]
pub struct Carry {
    /// Funding, settlement by settlement, in the settlement currency.
    pub charges: FundingCharges,
    /// Funding counted, after the fee of turning coins into quote currency.
    pub funding: f64,
    /// Gain from the basis between opening and closing.
    pub basis_change: f64,
    /// Fees: spot and perpetual at opening, perpetual and spot at closing.
    pub fees: [f64; 4],
    /// Interest on what is borrowed.
    pub borrow_cost: f64,
    /// `funding + basis_change - fees - borrow_cost`.
    pub net: f64,
    /// Capital behind both legs.
    pub capital: f64,
    /// `net / capital`.
    pub return_on_capital: f64,
    /// The same brought to 365 days without compounding.
    pub return_annual: f64,
}

impl HedgedPair {
    /// What the pair earned with these recorded settlements, in order of time.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a number out of its range; otherwise as [`funding_charges`].
    pub fn carry(&self, settlements: &[FundingSettlement]) -> Result<Carry, VenueError> {
        self.check()?;
        let charges = funding_charges(&self.perp(), settlements, 0)?;
        let funding = self.funding_in_quote(&charges, settlements);
        let basis_change = self.basis_change();
        let fees = self.fees();
        let spot_notional = self.coins() * self.spot_entry_price;
        let years = self.to.0.saturating_sub(self.from.0) as f64 / YEAR_MS as f64;
        let borrow_cost = spot_notional * self.borrow_rate_annual * years;
        let net = funding + basis_change - fees.iter().sum::<f64>() - borrow_cost;
        let capital = spot_notional * self.spot_margin_fraction
            + self.perp_notional() * self.perp_margin_fraction;
        check("capital", capital, capital > 0.0, "above 0: one of both margins")?;
        let return_on_capital = net / capital;
        Ok(Carry {
            charges,
            funding,
            basis_change,
            fees,
            borrow_cost,
            net,
            capital,
            return_on_capital,
            return_annual: return_on_capital / years,
        })
    }

    /// Coins of the spot leg when it is opened.
    pub fn coins(&self) -> f64 {
        self.coins_at(self.perp_entry_price)
    }

    /// Coins that offset the perpetual at a price. An inverse one pays its profit in coins, which
    /// turns the coins at entry into these.
    fn coins_at(&self, perp_price: f64) -> f64 {
        match self.contract {
            ContractKind::Linear => self.quantity,
            ContractKind::Inverse => self.contract.value(self.quantity, perp_price),
        }
    }

    /// Notional of the perpetual at entry in quote currency.
    fn perp_notional(&self) -> f64 {
        match self.contract {
            ContractKind::Linear => self.quantity * self.perp_entry_price,
            ContractKind::Inverse => self.quantity,
        }
    }

    fn perp(&self) -> HeldPosition {
        HeldPosition {
            side: self.perp_side,
            contract: self.contract,
            quantity: self.quantity,
            from: self.from,
            to: self.to,
        }
    }

    fn funding_in_quote(&self, charges: &FundingCharges, settlements: &[FundingSettlement]) -> f64 {
        let counted = charges.charges.iter().filter(|charge| charge.timing.is_counted());
        match self.contract {
            ContractKind::Linear => charges.total(),
            ContractKind::Inverse => counted.fold(0.0, |sum, charge| {
                // Every charge is of one of the settlements, which are in order.
                let at = settlements.partition_point(|s| s.time < charge.time);
                let quote = charge.cash * settlements[at].price;
                sum + quote - quote.abs() * self.spot_fee_fraction
            }),
        }
    }

    /// Price profit of both legs: `-s Q ((S1 - P1) - (S0 - P0))`, or
    /// `-s n (S1 / P1 - S0 / P0)` for an inverse contract.
    fn basis_change(&self) -> f64 {
        let coins = self.coins();
        let spot = coins * (self.spot_exit_price - self.spot_entry_price);
        let perp = self.contract.unrealised_pnl(
            self.perp_side,
            self.quantity,
            self.perp_entry_price,
            self.perp_exit_price,
        );
        let perp_in_quote = match self.contract {
            ContractKind::Linear => perp,
            ContractKind::Inverse => perp * self.spot_exit_price,
        };
        -self.perp_side.sign() * spot + perp_in_quote
    }

    fn fees(&self) -> [f64; 4] {
        let (coins, spot, perp) = (self.coins(), self.spot_fee_fraction, self.perp_fee_fraction);
        let perp_fee = |price: f64, spot_price: f64| {
            let fee = self.contract.value(self.quantity, price) * perp;
            match self.contract {
                ContractKind::Linear => fee,
                ContractKind::Inverse => fee * spot_price,
            }
        };
        [
            coins * self.spot_entry_price * spot,
            perp_fee(self.perp_entry_price, self.spot_entry_price),
            perp_fee(self.perp_exit_price, self.spot_exit_price),
            self.coins_at(self.perp_exit_price) * self.spot_exit_price * spot,
        ]
    }

    fn check(&self) -> Result<(), VenueError> {
        for (name, value) in [
            ("quantity", self.quantity),
            ("spot_entry_price", self.spot_entry_price),
            ("spot_exit_price", self.spot_exit_price),
            ("perp_entry_price", self.perp_entry_price),
            ("perp_exit_price", self.perp_exit_price),
        ] {
            check_positive(name, value)?;
        }
        check_finite("spot_fee_fraction", self.spot_fee_fraction)?;
        check_finite("perp_fee_fraction", self.perp_fee_fraction)?;
        check_finite("borrow_rate_annual", self.borrow_rate_annual)?;
        check_not_negative("spot_margin_fraction", self.spot_margin_fraction)?;
        check_not_negative("perp_margin_fraction", self.perp_margin_fraction)?;
        let closing = self.to.0 as f64;
        check("to", closing, self.to > self.from, "after `from`, in milliseconds")
    }
}

//! A vault that takes over what the book could not absorb.
//!
//! At Hyperliquid a position whose equity is below two thirds of its maintenance margin goes to the
//! liquidator vault, a component of HLP, with the margin that is left. The vault then holds the
//! position like any trader: it is marked to market, pays or receives funding, and is closed in the
//! market bit by bit. Its gain is the margin, its risk the move until then. A vault below zero has
//! nothing to pay with, so that auto-deleveraging begins; since March 2025 it also begins once the
//! component has lost a set amount. (Hyperliquid documentation, Liquidations; announcement after
//! the JELLY incident.)
//!
//! All figures are parameters: the share of HLP in the component, its loss cap, and how fast and
//! at what slippage it unwinds are not published.
//!
//! Chosen here, because no page says it: positions of one symbol are netted; the vault closes a
//! set share of what it holds at each step, one lot at least; trading fees are none; a delisting
//! settles the inventory at a set price without slippage; the loss that counts towards the cap is
//! that since the beginning.
//!
//! Prices are those of linear contracts; for inverse ones give unit values and sides, as
//! everywhere.

use std::collections::BTreeMap;

use plimsoll_market::Side;

use crate::error::{VenueError, check, check_finite, check_not_negative, check_positive};
use crate::funding::funding_payment;
use crate::lot::round_quantity_down;

/// How a vault is set up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VaultSettings {
    /// Share of the whole vault's money that stands in the liquidator component, above 0 up to 1.
    pub component_fraction: f64,
    /// Loss of the component at which deleveraging starts; `None` for no cap.
    pub loss_cap: Option<f64>,
    /// Share of a position that one step closes, above 0 up to 1.
    pub unwind_fraction: f64,
    /// How far from the mark its orders fill, a fraction of it, below 1.
    pub slippage_fraction: f64,
}

/// The liquidator component: its money, its inventory and how it has fared.
#[derive(Clone, Debug, PartialEq)]
pub struct BackstopVault {
    settings: VaultSettings,
    starting_equity: f64,
    margin_received: f64,
    realised_pnl: f64,
    funding_received: f64,
    inventory: BTreeMap<String, Inventory>,
    peak_equity: f64,
    drawdown_max: f64,
}

/// A position of the vault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inventory {
    /// Its direction.
    pub side: Side,
    /// Base units, above 0.
    pub quantity: f64,
    /// Average of the marks at which it was taken over.
    pub entry_price: f64,
    /// The mark at which it is valued.
    pub mark_price: f64,
}

impl Inventory {
    /// Unrealised profit at the mark.
    pub fn unrealised_pnl(&self) -> f64 {
        self.pnl_at(self.mark_price)
    }

    /// Its notional at the mark.
    pub fn notional(&self) -> f64 {
        self.quantity * self.mark_price
    }

    fn pnl_at(&self, price: f64) -> f64 {
        self.side.sign() * self.quantity * (price - self.entry_price)
    }
}

/// A sale or purchase with which the vault reduces a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VaultFill {
    /// Direction of the position that was reduced.
    pub side: Side,
    /// Base units closed.
    pub quantity: f64,
    /// The price got.
    pub price: f64,
    /// Profit realised against the entry price.
    pub realised_pnl: f64,
    /// What the other side gained against the mark: the vault's slippage.
    pub market_delta: f64,
}

/// Why a vault needs auto-deleveraging, and how much money it is about.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum VaultAlarm {
    /// Its equity is below zero.
    Insolvent {
        /// How far below, above 0.
        deficit: f64,
    },
    /// It has lost more than its cap.
    LossCap {
        /// Loss beyond the cap, above 0.
        excess: f64,
    },
}

impl BackstopVault {
    /// A vault with so much money, of which a share stands in the liquidator component.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for figures out of range.
    pub fn new(vault_equity: f64, settings: VaultSettings) -> Result<Self, VenueError> {
        check_not_negative("vault_equity", vault_equity)?;
        check_share("component_fraction", settings.component_fraction)?;
        check_share("unwind_fraction", settings.unwind_fraction)?;
        check_not_negative("loss_cap", settings.loss_cap.unwrap_or(0.0))?;
        let slippage = settings.slippage_fraction;
        let is_below_1 = (0.0..1.0).contains(&slippage);
        check("slippage_fraction", slippage, is_below_1, "0 or above and below 1")?;
        let starting_equity = vault_equity * settings.component_fraction;
        Ok(Self {
            settings,
            starting_equity,
            margin_received: 0.0,
            realised_pnl: 0.0,
            funding_received: 0.0,
            inventory: BTreeMap::new(),
            peak_equity: starting_equity,
            drawdown_max: 0.0,
        })
    }

    /// Takes a position over at the mark with the equity that stands behind it; below 0 where the
    /// account owes more than it has, which the vault bears.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for figures out of range.
    pub fn take_over(
        &mut self,
        symbol: &str,
        side: Side,
        quantity: f64,
        mark_price: f64,
        margin: f64,
    ) -> Result<(), VenueError> {
        check_positive("quantity", quantity)?;
        check_positive("mark_price", mark_price)?;
        check_finite("margin", margin)?;
        self.margin_received += margin;
        let taken = Inventory { side, quantity, entry_price: mark_price, mark_price };
        let Some(held) = self.inventory.get(symbol).copied() else {
            self.inventory.insert(symbol.to_owned(), taken);
            self.note_equity();
            return Ok(());
        };
        let netted = if held.side == side {
            let quantity = held.quantity + quantity;
            let cost = held.entry_price * held.quantity + mark_price * taken.quantity;
            Some(Inventory { quantity, entry_price: cost / quantity, ..taken })
        } else {
            let closed = held.quantity.min(quantity);
            self.realised_pnl += Inventory { quantity: closed, ..held }.pnl_at(mark_price);
            if held.quantity > quantity {
                Some(Inventory { quantity: held.quantity - quantity, mark_price, ..held })
            } else if quantity > held.quantity {
                Some(Inventory { quantity: quantity - held.quantity, ..taken })
            } else {
                None
            }
        };
        match netted {
            Some(position) => self.inventory.insert(symbol.to_owned(), position),
            None => self.inventory.remove(symbol),
        };
        self.note_equity();
        Ok(())
    }

    /// Values the symbols' positions at new marks, all before the equity is looked at; symbols of
    /// which nothing is held change nothing.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a price that is not above 0.
    pub fn mark(&mut self, marks: &[(&str, f64)]) -> Result<(), VenueError> {
        for &(_, price) in marks {
            check_positive("mark_price", price)?;
        }
        for &(symbol, price) in marks {
            if let Some(position) = self.inventory.get_mut(symbol) {
                position.mark_price = price;
            }
        }
        self.note_equity();
        Ok(())
    }

    /// Pays or receives funding on a symbol's position, and returns the cash: above 0 is received,
    /// 0 if nothing is held.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a price that is not above 0 or a rate that is not finite.
    pub fn settle_funding(
        &mut self,
        symbol: &str,
        funding_price: f64,
        funding_rate: f64,
    ) -> Result<f64, VenueError> {
        check_positive("funding_price", funding_price)?;
        check_finite("funding_rate", funding_rate)?;
        let Some(position) = self.inventory.get(symbol) else { return Ok(0.0) };
        let cash = funding_payment(position.side, position.quantity, funding_price, funding_rate);
        self.funding_received += cash;
        self.note_equity();
        Ok(cash)
    }

    /// Closes a step's share of a symbol's position at the mark and the slippage: one lot at least
    /// and in whole lots, the last order all that is left. `None` if nothing is held.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a price that is not above 0 or a lot below 0.
    pub fn unwind(
        &mut self,
        symbol: &str,
        mark_price: f64,
        quantity_step: f64,
    ) -> Result<Option<VaultFill>, VenueError> {
        check_positive("mark_price", mark_price)?;
        check_not_negative("quantity_step", quantity_step)?;
        let Some(held) = self.inventory.get(symbol) else { return Ok(None) };
        let share = held.quantity * self.settings.unwind_fraction;
        let mut quantity = if quantity_step > 0.0 {
            round_quantity_down(share, quantity_step).max(quantity_step)
        } else {
            share
        };
        // Less than half a lot is what rounding has left.
        if held.quantity - quantity < 0.5 * quantity_step {
            quantity = held.quantity;
        }
        let price = mark_price * (1.0 - held.side.sign() * self.settings.slippage_fraction);
        Ok(Some(self.close(symbol, *held, quantity, mark_price, price)))
    }

    /// Closes all of a symbol's position at a price that the venue sets, as when it delists the
    /// contract. `None` if nothing is held.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a price that is not above 0.
    pub fn settle_contract(
        &mut self,
        symbol: &str,
        settlement_price: f64,
    ) -> Result<Option<VaultFill>, VenueError> {
        check_positive("settlement_price", settlement_price)?;
        let Some(held) = self.inventory.get(symbol).copied() else { return Ok(None) };
        let price = settlement_price;
        Ok(Some(self.close(symbol, held, held.quantity, price, price)))
    }

    /// Money and unrealised profit; below 0 it cannot pay.
    pub fn equity(&self) -> f64 {
        self.starting_equity + self.profit()
    }

    /// All that it has gained or lost since the beginning.
    pub fn profit(&self) -> f64 {
        self.margin_received + self.realised_pnl + self.funding_received + self.unrealised_pnl()
    }

    /// What it had at the beginning.
    pub fn starting_equity(&self) -> f64 {
        self.starting_equity
    }

    /// Margin that came with the positions, less what accounts owed.
    pub fn margin_received(&self) -> f64 {
        self.margin_received
    }

    /// Profit of what it has closed.
    pub fn realised_pnl(&self) -> f64 {
        self.realised_pnl
    }

    /// Profit of what it holds, at the marks.
    pub fn unrealised_pnl(&self) -> f64 {
        self.inventory.values().map(Inventory::unrealised_pnl).sum()
    }

    /// Funding, above 0 if it has received more than paid.
    pub fn funding_received(&self) -> f64 {
        self.funding_received
    }

    /// What it holds, by symbol.
    pub fn inventory(&self) -> &BTreeMap<String, Inventory> {
        &self.inventory
    }

    /// How far its equity stands below its peak, in money, 0 or above.
    pub fn drawdown(&self) -> f64 {
        (self.peak_equity - self.equity()).max(0.0)
    }

    /// Greatest drawdown so far, in money. Equity is looked at after every change.
    pub fn drawdown_max(&self) -> f64 {
        self.drawdown_max
    }

    /// Whether auto-deleveraging has to take positions from it, and for how much.
    pub fn alarm(&self) -> Option<VaultAlarm> {
        let equity = self.equity();
        if equity < 0.0 {
            return Some(VaultAlarm::Insolvent { deficit: -equity });
        }
        let excess = -self.profit() - self.settings.loss_cap?;
        (excess > 0.0).then_some(VaultAlarm::LossCap { excess })
    }

    /// The mark of a symbol at which the vault's equity is used up while all others stand still.
    /// `None` if nothing of it is held or no price above 0 does it.
    pub fn insolvency_price(&self, symbol: &str) -> Option<f64> {
        let held = self.inventory.get(symbol)?;
        let price = held.mark_price - held.side.sign() * self.equity() / held.quantity;
        (price > 0.0).then_some(price)
    }

    fn close(
        &mut self,
        symbol: &str,
        held: Inventory,
        quantity: f64,
        mark_price: f64,
        price: f64,
    ) -> VaultFill {
        let left = held.quantity - quantity;
        if left > 0.0 {
            let rest = Inventory { quantity: left, mark_price, ..held };
            self.inventory.insert(symbol.to_owned(), rest);
        } else {
            self.inventory.remove(symbol);
        }
        let realised_pnl = Inventory { quantity, ..held }.pnl_at(price);
        self.realised_pnl += realised_pnl;
        self.note_equity();
        let market_delta = held.side.sign() * quantity * (mark_price - price);
        VaultFill { side: held.side, quantity, price, realised_pnl, market_delta }
    }

    fn note_equity(&mut self) {
        self.peak_equity = self.peak_equity.max(self.equity());
        self.drawdown_max = self.drawdown_max.max(self.drawdown());
    }
}

fn check_share(name: &'static str, share: f64) -> Result<(), VenueError> {
    check(name, share, share > 0.0 && share <= 1.0, "above 0 up to 1")
}

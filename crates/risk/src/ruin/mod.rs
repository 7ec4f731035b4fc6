//! Will it survive? Ruin in closed form, by exact recursion and by resampled paths.
//!
//! | question | module |
//! |---|---|
//! | Stylised bets and diffusions | [`closed_form`], [`games`] |
//! | How deep does a Brownian motion fall? | [`brownian_drawdown`] |
//! | A bound without simulation | [`constrained_bound`] |
//! | Exact drawdowns of a bet with several outcomes | [`discrete_bet`] |
//! | When is a barrier touched first? | [`first_passage`] |
//! | Many rules on the same resampled days | [`paths`] |
//! | How deep do resampled paths fall? | [`resampled_depths`] |
//! | Probabilities too small to simulate | [`tilting`] |

pub mod brownian_drawdown;
pub mod closed_form;
pub mod constrained_bound;
pub mod discrete_bet;
pub mod first_passage;
pub mod games;
pub mod paths;
pub mod resampled_depths;
mod tilted_chain;
pub mod tilting;

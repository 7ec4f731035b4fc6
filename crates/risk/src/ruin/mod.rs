//! Will it survive? Ruin in closed form, by exact recursion and by resampled paths.

pub mod closed_form;
pub mod games;
pub mod paths;

//! The circular block bootstrap (Politis & Romano 1992): blocks of one length that start anywhere
//! and wrap around the end of the sample.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::check;
use crate::error::{Result, RiskError};

/// Generator of resampled positions in blocks of one length.
#[derive(Debug, Clone)]
pub struct CircularBlockBootstrap {
    n: u32,
    block: usize,
    origin: ChaCha8Rng,
}

impl CircularBlockBootstrap {
    /// Bootstrap of `n` observations in blocks of `block` (1 resamples independently).
    ///
    /// # Errors
    /// No observation, more than 2^32 - 1, or a block of length zero or longer than the sample.
    pub fn new(n: usize, block: usize, seed: u64) -> Result<Self> {
        if n == 0 {
            return Err(RiskError::TooFewObservations { n, n_min: 1 });
        }
        let holds = (1..=n).contains(&block);
        check::require(holds, "block", block as f64, "from 1 to the number of observations")?;
        let Ok(positions) = u32::try_from(n) else {
            return Err(RiskError::OutOfRange { name: "n", value: n as f64, rule: "below 2^32" });
        };
        Ok(Self { n: positions, block, origin: ChaCha8Rng::seed_from_u64(seed) })
    }

    /// Fills `positions` (0-based) with draw number `draw`; the last block is cut off where the
    /// length is not a multiple of the block.
    pub fn fill(&self, draw: u64, positions: &mut [u32]) {
        let mut random = self.origin.clone();
        random.set_stream(draw);
        for block in positions.chunks_mut(self.block) {
            let scaled = u128::from(random.next_u64()) * u128::from(self.n);
            let mut position = (scaled >> 64) as u32;
            for slot in block {
                *slot = position;
                position += 1;
                if position == self.n {
                    position = 0;
                }
            }
        }
    }
}

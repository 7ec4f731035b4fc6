//! Trying again: what is worth it, how often, and how long to wait in between.

use std::thread::sleep;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Settings;

/// However much comes each time, a file is not tried more often than this.
const TRIES_IN_ALL: usize = 200;
const TWO_TO_53: f64 = 9_007_199_254_740_992.0;

/// Why one try did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It may go better next time.
    Again {
        reason: String,
        /// How long the server asks to wait.
        after: Option<Duration>,
        /// Whether part of the file came and was kept.
        came: bool,
    },
    /// The server has no such file.
    Missing,
    /// The server does not give it to this user.
    Refused { status: u16 },
    /// It would be the same next time.
    Fatal(String),
}

impl Trouble {
    pub(super) fn again(reason: impl Into<String>) -> Self {
        Self::Again { reason: reason.into(), after: None, came: false }
    }

    pub(super) fn fatal(reason: impl Into<String>) -> Self {
        Self::Fatal(reason.into())
    }
}

/// Why something was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// The server has no such file. Not the same as a file without rows.
    Missing,
    /// The reason.
    Failed(String),
}

/// Repeats tries that may go better next time, with exponential back-off and full jitter: the
/// wait is drawn evenly between nothing and a bound that doubles from try to try (Brooker,
/// "Exponential Backoff And Jitter", 2015), and is never shorter than the server asks for.
pub(super) fn with_retries<T>(
    settings: &Settings,
    stream: u64,
    mut attempt: impl FnMut() -> Result<T, Trouble>,
) -> Result<T, GivenUp> {
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    random.set_stream(stream);
    let mut fruitless = 0;
    for _ in 0..TRIES_IN_ALL {
        let (reason, after) = match attempt() {
            Ok(done) => return Ok(done),
            Err(Trouble::Missing) => return Err(GivenUp::Missing),
            Err(Trouble::Fatal(reason)) => return Err(GivenUp::Failed(reason)),
            Err(Trouble::Refused { status }) => {
                let reason = format!("status {status}: the server does not give it to this user");
                return Err(GivenUp::Failed(reason));
            }
            Err(Trouble::Again { reason, after, came }) => {
                fruitless = if came { 1 } else { fruitless + 1 };
                (reason, after)
            }
        };
        if fruitless >= settings.tries {
            return Err(GivenUp::Failed(format!("{reason} (tried {fruitless} times)")));
        }
        if let Some(after) = after.filter(|&after| after > settings.retry_after_max) {
            let seconds = after.as_secs();
            return Err(GivenUp::Failed(format!("{reason}, and it asks to wait {seconds} s")));
        }
        let jitter = (random.next_u64() >> 11) as f64 / TWO_TO_53;
        let wait = bound(settings, fruitless).mul_f64(jitter).max(after.unwrap_or_default());
        sleep(wait.mul_f64(settings.time_scale));
    }
    Err(GivenUp::Failed(format!("still not whole after {TRIES_IN_ALL} tries")))
}

/// The longest wait before a try, after so many that brought nothing.
fn bound(settings: &Settings, fruitless: usize) -> Duration {
    let doublings = u32::try_from(fruitless.saturating_sub(1)).unwrap_or(u32::MAX).min(20);
    settings.backoff.saturating_mul(1 << doublings).min(settings.backoff_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick() -> Settings {
        Settings { time_scale: 0.0, ..Settings::default() }
    }

    #[test]
    fn waits_double_up_to_their_bound() {
        let settings = Settings::default();
        let seconds: Vec<f64> = (1..9).map(|n| bound(&settings, n).as_secs_f64()).collect();
        let expected = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0];
        assert!(seconds.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{seconds:?}");
        assert_eq!(bound(&settings, usize::MAX), settings.backoff_max);
    }

    #[test]
    fn only_what_may_go_better_is_tried_again() {
        for (trouble, tries) in [
            (Trouble::again("status 500"), 6),
            (Trouble::Missing, 1),
            (Trouble::Refused { status: 403 }, 1),
            (Trouble::fatal("too long"), 1),
            (
                Trouble::Again {
                    reason: "status 429".to_owned(),
                    after: Some(Duration::from_hours(24)),
                    came: false,
                },
                1,
            ),
        ] {
            let mut count = 0;
            let given_up = with_retries(&quick(), 0, || -> Result<(), Trouble> {
                count += 1;
                Err(trouble.clone())
            });
            assert!(given_up.is_err());
            assert_eq!(count, tries, "{trouble:?}");
        }
    }

    #[test]
    fn a_file_that_comes_bit_by_bit_is_not_given_up_early() {
        let mut count = 0;
        let done = with_retries(&quick(), 0, || {
            count += 1;
            let came = Trouble::Again { reason: "cut".to_owned(), after: None, came: true };
            if count < 50 { Err(came) } else { Ok(count) }
        });
        assert_eq!(done, Ok(50));
        let endless = with_retries(&quick(), 0, || -> Result<(), Trouble> {
            Err(Trouble::Again { reason: "cut".to_owned(), after: None, came: true })
        });
        assert!(matches!(endless, Err(GivenUp::Failed(reason)) if reason.contains("200 tries")));
    }
}

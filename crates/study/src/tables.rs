//! The user's own rule tables, as a strategy file names them: CSV for the venue's dated tables, TOML
//! for the figures of its portfolio margin.

use std::path::Path;

use plimsoll_engine::MarginMode;
use plimsoll_venue::margin::MarginRules;
use plimsoll_venue::{UserTable, VenueError};

use crate::error::StudyError;
use crate::parse::Study;

/// The texts of the tables with the names by which the strategy file has them.
pub(crate) struct Tables {
    files: Vec<(String, String)>,
}

impl Tables {
    /// Reads every file that the strategy names.
    pub(crate) fn read(study: &Study, strategy_dir: &Path) -> Result<Self, StudyError> {
        let files = study
            .data
            .tables
            .iter()
            .map(|file| {
                let path = strategy_dir.join(file);
                match std::fs::read_to_string(&path) {
                    Ok(text) => Ok((file.clone(), text)),
                    Err(source) => Err(StudyError::Io { path, source }),
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { files })
    }

    /// The CSV tables.
    pub(crate) fn csv(&self) -> Vec<UserTable<'_>> {
        self.those(false)
    }

    /// The rules of portfolio margin with the TOML tables; `None` where the account has another
    /// margin. The tables are checked all the same.
    pub(crate) fn margin_rules(&self, study: &Study) -> Result<Option<MarginRules>, VenueError> {
        let own = self.those(true);
        let is_used = study.settings.margin == MarginMode::Portfolio;
        if own.is_empty() && !is_used {
            return Ok(None);
        }
        let rules = MarginRules::load(&study.data.venue, &own)?;
        Ok(Some(rules).filter(|_| is_used))
    }

    fn those(&self, is_margin: bool) -> Vec<UserTable<'_>> {
        self.files
            .iter()
            .filter(|(file, _)| is_margin_table(file) == is_margin)
            .map(|(file, text)| UserTable { file, text })
            .collect()
    }
}

/// Whether a table is of portfolio margin, by its file's ending.
pub fn is_margin_table(file: impl AsRef<Path>) -> bool {
    file.as_ref().extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
}

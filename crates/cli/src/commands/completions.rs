//! `plimsoll completions`

use clap::CommandFactory;

use crate::args::Arguments;
use crate::output;

pub(crate) fn run(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "plimsoll", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end());
}

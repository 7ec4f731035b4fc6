use crate::Bench;
use plimsoll_ingest::{IngestError, Options, Policy, Rule};
#[test]
fn probe() {
    let path =
        std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real");
    let path = if path.exists() { path } else { "/work/shared/data/real".into() };
    let bench = Bench::new();
    let mut options = Options::default();
    options.policies.set(Rule::UnknownSide, Policy::Flag).unwrap();
    let (failures, summary) = match bench.ingest(&path, &options) {
        Ok(s) => (vec![], s),
        Err(IngestError::BadFiles { failures, summary }) => (failures, *summary),
        Err(e) => panic!("{e}"),
    };
    for f in &failures {
        println!("FAIL {f} | {:?}", f.hint());
    }
    for f in &summary.left_out {
        println!("LEFT {} {}", f.file, f.message);
    }
    for f in &summary.notes {
        println!("NOTE {} {}", f.file, f.message);
    }
    for r in &summary.reports {
        let rows: usize = r.parts.iter().map(|p| p.rows).sum();
        println!(
            "REP {} {:?} {:?} {} {}",
            r.file,
            r.format,
            r.outcome,
            rows,
            r.parts.first().map(|p| p.series.to_string()).unwrap_or_default()
        );
    }
}

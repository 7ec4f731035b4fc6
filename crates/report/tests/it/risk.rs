//! The page of a series' risk statistics.

use std::fs;

use plimsoll_report::ReportError;
use plimsoll_report::risk::{
    Axis, Form, RiskCell, RiskFigure, RiskReport, RiskSection, RiskSeries, RiskTable, page,
    write_page,
};

fn report() -> RiskReport {
    let axis = |name: &str, is_logarithmic| Axis {
        name: name.to_owned(),
        is_logarithmic,
        ..Axis::default()
    };
    let points: Vec<(f64, f64)> =
        (1..=5_000).map(|at| (f64::from(at) / 1e3, 1.0 / f64::from(at))).collect();
    let figure = |title: &str, points: Vec<(f64, f64)>| RiskFigure {
        title: title.to_owned(),
        caption: "what to see".to_owned(),
        x: axis("loss", true),
        y: axis("probability", true),
        series: [Form::Dots, Form::Line, Form::Marks]
            .into_iter()
            .enumerate()
            .map(|(style, form)| RiskSeries { style, form, points: points.clone() })
            .collect(),
    };
    let table = RiskTable {
        caption: "tails".to_owned(),
        headings: ["Method", "#VaR|a loss"].map(str::to_owned).to_vec(),
        rows: vec![
            vec![
                RiskCell::text("<historical>"),
                RiskCell::Number { text: "5 %".to_owned(), value: 0.05, note: "few".to_owned() },
            ],
            vec![RiskCell::text("gpd"), RiskCell::Undefined { reason: "no \"losses\"".to_owned() }],
        ],
    };
    RiskReport {
        name: "a & b".to_owned(),
        facts: vec!["5,000 returns".to_owned()],
        styles: ["observed", "fitted", "violation"].map(str::to_owned).to_vec(),
        sections: vec![RiskSection {
            id: "tails",
            title: "Tails",
            lead: "A bad day costs 5 %.".to_owned(),
            notes: vec!["a note".to_owned()],
            figures: vec![
                figure("in sight", points),
                figure("out of sight", vec![(-1.0, 1.0), (0.0, 2.0)]),
                figure("one point", vec![(1.0, 1.0)]),
            ],
            tables: vec![table],
            ..RiskSection::default()
        }],
        version: "0".to_owned(),
    }
}

#[test]
fn sections_become_one_page() {
    let text = page(&report()).unwrap();
    for part in [
        "<title>a &#38; b",
        "A bad day costs 5 %.",
        "class=\"note\">a note",
        "&#60;historical&#62;",
        "no &#34;losses&#34;",
        "in sight",
        "one point",
        "class=\"m r0\"",
        "class=\"l r1\"",
        "class=\"m r2\"",
    ] {
        assert!(text.contains(part), "missing: {part}");
    }
    assert!(!text.contains("out of sight"), "a logarithmic axis has no place for 0 and below");
    for part in ["http:", "https:", "NaN", "inf"] {
        assert!(!text.contains(&format!("\"{part}")), "{part}");
    }
    // Five thousand dots that mostly cover one another are drawn once each.
    assert!(text.len() < 600_000, "{} bytes", text.len());
    assert_eq!(text, page(&report()).unwrap());
}

#[test]
fn the_page_appears_whole_and_its_folder_with_it() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("new/folder/risk.html");
    write_page(&report(), &file).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), page(&report()).unwrap());
    let names: Vec<_> = fs::read_dir(file.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing temporary is left");
    // A folder of that name is not replaced.
    let error = write_page(&report(), file.parent().unwrap()).unwrap_err();
    assert!(matches!(error, ReportError::Io { .. }), "{error}");
    let left: Vec<_> = fs::read_dir(place.path().join("new")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing temporary is left after an error");
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let broken: [fn(&mut RiskReport); 4] = [
        |report| report.sections[0].tables[0].rows[0].truncate(1),
        |report| report.sections[0].figures[0].series[0].points[7].1 = f64::NAN,
        |report| report.sections[0].figures[0].series[0].style = 3,
        |report| report.styles = vec!["one".to_owned(); 13],
    ];
    for (index, break_it) in broken.into_iter().enumerate() {
        let mut report = report();
        break_it(&mut report);
        let error = page(&report).unwrap_err();
        assert!(matches!(error, ReportError::Inconsistent { .. }), "{index}: {error}");
    }
}

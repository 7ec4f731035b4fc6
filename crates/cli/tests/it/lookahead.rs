//! `plimsoll lookahead` on simulated archives.

use std::fs;

use crate::program::{plimsoll, refusal};
use crate::scene::{lake, strategy_in};

#[test]
fn a_clean_strategy_is_called_so() {
    let place = strategy_in("lookahead", &[]);
    let words = ["lookahead", "autumn.toml", "--cuts", "3", "--data", lake()];
    let ran = plimsoll(&place, &words).good();
    assert_eq!(ran.stderr, "");
    assert!(
        ran.stdout.starts_with("autumn: binance-usdm BTCUSDT ETHUSDT at 1h\n"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("Nothing changed") && ran.stdout.contains("6 cuts"));
    // It writes nothing.
    assert_eq!(fs::read_dir(&place).unwrap().count(), 1);

    let json = plimsoll(&place, &[&words[..], &["--json"]].concat()).good().json();
    assert_eq!((&json["clean"], &json["name"]), (&true.into(), &"autumn".into()));
    assert_eq!(json["changes"], serde_json::json!([]));
    assert_eq!(json["cuts"].as_array().unwrap().len(), 6);
    for subject in ["features", "signals", "trades", "limits", "multipliers", "decisions"] {
        assert!(json["compared"][subject].as_u64().unwrap() > 0, "{subject}");
        assert_eq!(json["changed"][subject], 0, "{subject}");
    }
    // The same bytes at any number of threads.
    let one = plimsoll(&place, &[&words[..], &["--json", "--threads", "1"]].concat()).good();
    assert_eq!(one.json(), json);
}

#[test]
fn mistakes_are_told_as_everywhere() {
    let place = strategy_in("lookahead_mistakes", &[]);
    let text = refusal(&place, &["lookahead", "autumn.toml", "--cuts", "0"]);
    assert!(text.contains("whole number of at least 1") && text.ends_with("exit code 2"), "{text}");
    let text = refusal(&place, &["lookahead", "winter.toml"]);
    assert!(text.contains("winter.toml") && text.ends_with("exit code 2"), "{text}");
    let words = ["lookahead", "autumn.toml", "--data", lake(), "--set", "acount.margin=cross"];
    let text = refusal(&place, &words);
    assert!(text.contains("acount") && text.ends_with("exit code 2"), "{text}");
    let text = refusal(&place, &["lookahead", "autumn.toml", "--data", "nowhere"]);
    assert!(text.contains("autumn.toml: ") && text.ends_with("exit code 1"), "{text}");
}

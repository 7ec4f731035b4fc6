//! What the answers of the venues' interfaces look like.

use serde_json::Value;

use super::http::plain_text;
use super::plan::Question;
use super::retry::Trouble;

/// Whose answers they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    BinanceFunding,
    BybitKline,
    BybitFunding,
    BybitOpenInterest,
    OkxCandles,
    OkxFunding,
    HyperliquidCandles,
    HyperliquidFunding,
}

impl Dialect {
    /// Whether the rows are bars, each a step long: one that is not over still changes.
    pub(super) fn is_bars(self) -> bool {
        matches!(self, Self::BybitKline | Self::OkxCandles | Self::HyperliquidCandles)
    }

    /// Whether rows may be nearer to each other than the step.
    pub(super) fn is_funding(self) -> bool {
        matches!(
            self,
            Self::BinanceFunding | Self::BybitFunding | Self::OkxFunding | Self::HyperliquidFunding
        )
    }

    /// Where the rows stand in an answer.
    fn place(self) -> &'static str {
        match self {
            Self::BinanceFunding | Self::HyperliquidCandles | Self::HyperliquidFunding => "",
            Self::BybitKline | Self::BybitFunding | Self::BybitOpenInterest => "/result/list",
            Self::OkxCandles | Self::OkxFunding => "/data",
        }
    }

    /// The rows of an answer with their times, in milliseconds.
    pub(super) fn rows(self, answer: &Value) -> Result<Vec<(i64, &Value)>, Trouble> {
        match self {
            Self::BybitKline | Self::BybitFunding | Self::BybitOpenInterest => {
                refuse_unless_zero(answer, "retCode", "retMsg", &[10_006, 10_000, 10_016])?;
            }
            Self::OkxCandles | Self::OkxFunding => {
                refuse_unless_zero(answer, "code", "msg", &[50_011, 50_013, 50_001])?;
            }
            Self::BinanceFunding | Self::HyperliquidCandles | Self::HyperliquidFunding => {}
        }
        let Some(rows) = answer.pointer(self.place()).and_then(Value::as_array) else {
            let text = plain_text(&answer.to_string());
            return Err(Trouble::fatal(format!("is no answer of the venue: {text}")));
        };
        let time = |row: &Value| {
            self.time(row).ok_or_else(|| {
                let row = plain_text(&row.to_string());
                Trouble::fatal(format!("has a row without a time: {row}"))
            })
        };
        rows.iter().map(|row| Ok((time(row)?, row))).collect()
    }

    fn time(self, row: &Value) -> Option<i64> {
        let field = match self {
            Self::BinanceFunding | Self::OkxFunding => &row["fundingTime"],
            Self::BybitFunding => &row["fundingRateTimestamp"],
            Self::BybitOpenInterest => &row["timestamp"],
            Self::BybitKline | Self::OkxCandles => &row[0],
            Self::HyperliquidCandles => &row["t"],
            Self::HyperliquidFunding => &row["time"],
        };
        field.as_i64().or_else(|| field.as_str()?.parse().ok())
    }

    /// Takes the rows of and after a time out of an answer; whether there were any.
    pub(super) fn take_out_from(self, answer: &mut Value, end: i64) -> bool {
        let Some(rows) = answer.pointer_mut(self.place()).and_then(Value::as_array_mut) else {
            return false;
        };
        let before = rows.len();
        rows.retain(|row| self.time(row).is_some_and(|time| time < end));
        rows.len() < before
    }

    /// Refuses an answer that says itself that it is one to another question.
    pub(super) fn refuse_other(self, question: &Question, answer: &Value) -> Result<(), Trouble> {
        let body: Value = question
            .body
            .as_deref()
            .and_then(|body| serde_json::from_str(body).ok())
            .unwrap_or_default();
        let word = |name: &str| {
            let (_, words) = question.path.split_once('?')?;
            words.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let coin = body["coin"].as_str().or(body["req"]["coin"].as_str());
        let (of_answer, of_rows) = match self {
            Self::BinanceFunding => (vec![], vec![("symbol", word("symbol"))]),
            Self::BybitKline | Self::BybitFunding | Self::BybitOpenInterest => (
                vec![
                    (&answer["result"]["category"], word("category")),
                    (&answer["result"]["symbol"], word("symbol")),
                ],
                // Rows of bars and open interest have no names in them.
                vec![("symbol", word("symbol"))],
            ),
            Self::OkxCandles => (vec![], vec![]),
            Self::OkxFunding => (vec![], vec![("instId", word("instId"))]),
            Self::HyperliquidCandles => {
                (vec![], vec![("s", coin), ("i", body["req"]["interval"].as_str())])
            }
            Self::HyperliquidFunding => (vec![], vec![("coin", coin)]),
        };
        let rows = answer.pointer(self.place()).and_then(Value::as_array);
        let in_rows = rows.into_iter().flatten().flat_map(|row| {
            of_rows.iter().filter_map(move |(name, asked)| Some((row.get(name)?, *asked)))
        });
        for (stated, asked) in of_answer.iter().copied().chain(in_rows) {
            if let (Some(stated), Some(asked)) = (stated.as_str(), asked)
                && !stated.is_empty()
                && !stated.eq_ignore_ascii_case(asked)
            {
                let stated = plain_text(stated);
                return Err(Trouble::fatal(format!("answers for `{stated}`, asked for `{asked}`")));
            }
        }
        Ok(())
    }
}

/// The code that a venue puts into an answer of status 200.
fn refuse_unless_zero(
    answer: &Value,
    code: &str,
    message: &str,
    busy: &[i64],
) -> Result<(), Trouble> {
    let field = &answer[code];
    let number = field.as_i64().or_else(|| field.as_str()?.parse().ok());
    let words = plain_text(answer[message].as_str().unwrap_or_default());
    match number {
        Some(0) => Ok(()),
        Some(number) if busy.contains(&number) => {
            Err(Trouble::again(format!("the venue answers {number}: {words}")))
        }
        Some(number) => Err(Trouble::fatal(format!("the venue answers {number}: {words}"))),
        None => {
            let text = plain_text(&answer.to_string());
            Err(Trouble::fatal(format!("is no answer of the venue: {text}")))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_found_in_the_answers_of_every_venue() {
        for (dialect, text, expected) in [
            (
                Dialect::BinanceFunding,
                r#"[{"symbol":"BTCUSDT","fundingTime":1733011200000,"fundingRate":"0.0001","markPrice":"96441.1"}]"#,
                vec![1_733_011_200_000],
            ),
            (
                Dialect::BybitKline,
                r#"{"retCode":0,"retMsg":"OK","result":{"category":"linear","symbol":"BTCUSDT","list":[["1733011260000","1","2","1","2","3","4"],["1733011200000","1","2","1","2","3","4"]]},"retExtInfo":{},"time":1}"#,
                vec![1_733_011_260_000, 1_733_011_200_000],
            ),
            (
                Dialect::BybitFunding,
                r#"{"retCode":0,"result":{"category":"linear","list":[{"symbol":"BTCUSDT","fundingRate":"0.0001","fundingRateTimestamp":"1733011200000"}]}}"#,
                vec![1_733_011_200_000],
            ),
            (
                Dialect::BybitOpenInterest,
                r#"{"retCode":0,"result":{"symbol":"BTCUSDT","list":[{"openInterest":"5.5","timestamp":"1733011200000"}]}}"#,
                vec![1_733_011_200_000],
            ),
            (
                Dialect::OkxCandles,
                r#"{"code":"0","msg":"","data":[["1733011200000","1","2","1","2","3","4","5","1"]]}"#,
                vec![1_733_011_200_000],
            ),
            (
                Dialect::OkxFunding,
                r#"{"code":"0","data":[{"instId":"BTC-USDT-SWAP","fundingRate":"0.0001","realizedRate":"0.0001","fundingTime":"1733011200000"}]}"#,
                vec![1_733_011_200_000],
            ),
            (
                Dialect::HyperliquidCandles,
                r#"[{"t":1733011200000,"T":1733011259999,"s":"BTC","i":"1m","o":"1","c":"2","h":"2","l":"1","v":"3","n":4}]"#,
                vec![1_733_011_200_000],
            ),
            (
                Dialect::HyperliquidFunding,
                r#"[{"coin":"BTC","fundingRate":"0.0000125","premium":"0.0001","time":1733011200064}]"#,
                vec![1_733_011_200_064],
            ),
        ] {
            let value = serde_json::from_str(text).unwrap();
            let times = dialect.rows(&value).map(|rows| rows.iter().map(|row| row.0).collect());
            assert_eq!(times, Ok(expected), "{dialect:?}");
        }
    }

    #[test]
    fn refusals_inside_an_answer_are_told_from_being_busy() {
        let again = |dialect: Dialect, text: &str| {
            let value = serde_json::from_str(text).unwrap();
            matches!(dialect.rows(&value), Err(Trouble::Again { .. }))
        };
        assert!(again(Dialect::BybitKline, r#"{"retCode":10006,"retMsg":"Too many visits!"}"#));
        assert!(again(
            Dialect::OkxCandles,
            r#"{"code":"50011","msg":"Too Many Requests","data":[]}"#
        ));
        for (dialect, text) in [
            (Dialect::BybitKline, r#"{"retCode":10001,"retMsg":"params error: Symbol Invalid"}"#),
            (
                Dialect::OkxCandles,
                r#"{"code":"51001","msg":"Instrument ID does not exist","data":[]}"#,
            ),
            (Dialect::BinanceFunding, r#"{"code":-1121,"msg":"Invalid symbol."}"#),
            (Dialect::HyperliquidCandles, "null"),
            (Dialect::HyperliquidCandles, r#"[{"T":5}]"#),
            (Dialect::BybitFunding, r#"{"result":{"list":[]}}"#),
            (Dialect::BybitFunding, r#"{"retCode":0,"result":{}}"#),
        ] {
            let value = serde_json::from_str(text).unwrap();
            assert!(matches!(dialect.rows(&value), Err(Trouble::Fatal(_))), "{text}");
        }
    }

    #[test]
    fn answers_to_another_question_are_refused() {
        let get = |path: &str| Question { path: path.to_owned(), body: None };
        let post = |body: &str| Question { path: "info".to_owned(), body: Some(body.to_owned()) };
        let bybit = get("v5/market/kline?category=linear&symbol=BTCUSDT&interval=60");
        let snapshot =
            post(r#"{"type":"candleSnapshot","req":{"coin":"BTC","interval":"1h","startTime":0}}"#);
        for (dialect, question, right, wrong, word) in [
            (
                Dialect::BybitKline,
                &bybit,
                r#"{"result":{"category":"linear","symbol":"BTCUSDT","list":[["1"]]}}"#,
                r#"{"result":{"category":"inverse","symbol":"BTCUSDT","list":[["1"]]}}"#,
                "answers for `inverse`, asked for `linear`",
            ),
            (
                Dialect::BybitFunding,
                &bybit,
                r#"{"result":{"category":"linear","list":[{"symbol":"BTCUSDT"}]}}"#,
                r#"{"result":{"category":"linear","list":[{"symbol":"ETHUSDT"}]}}"#,
                "answers for `ETHUSDT`, asked for `BTCUSDT`",
            ),
            (
                Dialect::BinanceFunding,
                &get("fapi/v1/fundingRate?symbol=BTCUSDT"),
                r#"[{"symbol":"BTCUSDT"}]"#,
                r#"[{"symbol":"BTCUSDT"},{"symbol":"ETHUSDT"}]"#,
                "`ETHUSDT`",
            ),
            (
                Dialect::OkxFunding,
                &get("api?instId=BTC-USDT-SWAP"),
                r#"{"data":[{"instId":"BTC-USDT-SWAP"}]}"#,
                r#"{"data":[{"instId":"ETH-USDT-SWAP"}]}"#,
                "`ETH-USDT-SWAP`",
            ),
            (
                Dialect::HyperliquidCandles,
                &snapshot,
                r#"[{"s":"BTC","i":"1h"}]"#,
                r#"[{"s":"BTC","i":"1m"}]"#,
                "answers for `1m`, asked for `1h`",
            ),
            (
                Dialect::HyperliquidFunding,
                &post(r#"{"type":"fundingHistory","coin":"BTC"}"#),
                r#"[{"coin":"BTC"}]"#,
                r#"[{"coin":"ETH"}]"#,
                "`ETH`",
            ),
        ] {
            let value = |text| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(dialect.refuse_other(question, &value(right)), Ok(()), "{dialect:?}");
            let refused = dialect.refuse_other(question, &value(wrong));
            assert!(
                matches!(&refused, Err(Trouble::Fatal(why)) if why.contains(word)),
                "{refused:?}"
            );
        }
    }
}

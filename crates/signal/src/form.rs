//! The forms that a rule may have.
//!
//! Only forms that look at one bar at a time pass: an aggregate (`MAX(close)`) or a window function
//! would see the whole history, its future included. Numbers and truths are kept apart, where
//! polars would turn one into the other. Undefined is null and spreads: it is never left out and
//! never compares as true.

use std::fmt;

use polars::prelude::*;

use crate::rule::RuleFault;

/// An expression all of whose forms are allowed.
pub(crate) struct CheckedForm {
    pub(crate) expr: Expr,
    /// Columns that it reads, each once, in order of appearance.
    pub(crate) names: Vec<String>,
    pub(crate) gives: Kind,
}

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Boolean,
    Null,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Null => "NULL",
        })
    }
}

impl CheckedForm {
    pub(crate) fn of(expr: Expr) -> Result<Self, RuleFault> {
        let mut checker = Checker { names: Vec::new(), level: 0 };
        let (expr, gives) = checker.check(expr)?;
        Ok(Self { expr, names: checker.names, gives })
    }
}

/// A number that is not finite counts as undefined: polars holds NaN greater than every number,
/// so that `0 / 0 > 1` would be true.
pub(crate) fn finite(expr: Expr) -> Expr {
    expr.map(
        |column| {
            let DataType::Float64 = column.dtype() else { return Ok(column) };
            let values = column.f64()?;
            let finite: Float64Chunked =
                values.iter().map(|value| value.filter(|v| v.is_finite())).collect();
            Ok(finite.with_name(column.name().clone()).into_column())
        },
        |_, field| Ok(field.clone()),
    )
}

/// Most levels of an expression; `a + b + c` has three.
const LEVELS_MAX: usize = 100;

struct Checker {
    names: Vec<String>,
    level: usize,
}

impl Checker {
    fn check(&mut self, expr: Expr) -> Result<(Expr, Kind), RuleFault> {
        self.level += 1;
        if self.level > LEVELS_MAX {
            return Err(RuleFault::TooDeep);
        }
        let checked = self.check_form(expr);
        self.level -= 1;
        checked
    }

    fn check_form(&mut self, expr: Expr) -> Result<(Expr, Kind), RuleFault> {
        match expr {
            Expr::Column(name) => {
                if !self.names.iter().any(|known| known == name.as_str()) {
                    self.names.push(name.to_string());
                }
                Ok((Expr::Column(name), Kind::Number))
            }
            Expr::Literal(value) => literal(value),
            Expr::Alias(inner, _) => self.check(Arc::unwrap_or_clone(inner)),
            Expr::BinaryExpr { left, op, right } => self.binary(left, op, right),
            Expr::Ternary { predicate, truthy, falsy } => {
                let predicate = self.wanted(predicate, Kind::Boolean, "CASE WHEN")?;
                let (truthy, if_true) = self.check(Arc::unwrap_or_clone(truthy))?;
                let (falsy, if_false) = self.check(Arc::unwrap_or_clone(falsy))?;
                let gives = common(if_true, if_false).ok_or(MIXED_BRANCHES)?;
                let (truthy, falsy) = (truthy.into(), falsy.into());
                Ok((Expr::Ternary { predicate, truthy, falsy }, gives))
            }
            Expr::Function { input, function } => self.function_call(input, function),
            // SQL's NOT makes its operand a boolean, which here it must be already.
            Expr::Cast { expr, dtype: DataTypeExpr::Literal(DataType::Boolean), .. } => {
                let expr = self.wanted(expr, Kind::Boolean, "NOT")?;
                Ok((Arc::unwrap_or_clone(expr), Kind::Boolean))
            }
            Expr::Cast { .. } => Err(RuleFault::Refused {
                what: "a cast or an operator that needs one",
                hint: "every column is a number already; FLOOR, CEIL and ROUND give whole numbers",
            }),
            Expr::Agg(_) | Expr::Len => Err(RuleFault::Refused {
                what: "an aggregate, which sees the whole history and so the future",
                hint: "write a rolling feature (`rolling_max`, `rolling_mean`, ...) and use its name",
            }),
            Expr::Over { .. } | Expr::Sort { .. } | Expr::Gather { .. } | Expr::Slice { .. } => {
                Err(OTHER_BARS)
            }
            Expr::Selector(_) => Err(RuleFault::Refused {
                what: "a selection of several columns",
                hint: "name one column",
            }),
            _ => Err(OTHER_FUNCTION),
        }
    }

    fn binary(
        &mut self,
        left: Arc<Expr>,
        op: Operator,
        right: Arc<Expr>,
    ) -> Result<(Expr, Kind), RuleFault> {
        let (left, left_gives) = self.check(Arc::unwrap_or_clone(left))?;
        let (right, right_gives) = self.check(Arc::unwrap_or_clone(right))?;
        let both = common(left_gives, right_gives);
        let (left, right) = (left.into(), right.into());
        let expr = Expr::BinaryExpr { left, op, right };
        if op.is_comparison() {
            let operands = "two numbers or two truths";
            both.ok_or(RuleFault::Mixed { operation: "a comparison", wants: operands })?;
            Ok((expr, Kind::Boolean))
        } else if op.is_arithmetic() {
            fits(both, Kind::Number, "arithmetic")?;
            Ok((finite(expr), Kind::Number))
        } else {
            fits(both, Kind::Boolean, "AND, OR or XOR")?;
            Ok((expr, Kind::Boolean))
        }
    }

    fn function_call(
        &mut self,
        input: Vec<Expr>,
        function: FunctionExpr,
    ) -> Result<(Expr, Kind), RuleFault> {
        use FunctionExpr as F;
        match function {
            F::Boolean(BooleanFunction::IsNull | BooleanFunction::IsNotNull) => {
                let (input, _) = self.all(input)?;
                Ok((Expr::Function { input, function }, Kind::Boolean))
            }
            F::Boolean(BooleanFunction::Not) => {
                let (input, gives) = self.all(input)?;
                fits(gives, Kind::Boolean, "NOT")?;
                Ok((Expr::Function { input, function }, Kind::Boolean))
            }
            F::Coalesce | F::FillNull => {
                let (input, gives) = self.all(input)?;
                let gives = gives.ok_or(MIXED_BRANCHES)?;
                Ok((Expr::Function { input, function }, gives))
            }
            F::Abs
            | F::Negate
            | F::Sign
            | F::Pow(_)
            | F::Log
            | F::Log1p
            | F::Exp
            | F::Floor
            | F::Ceil
            | F::Round { .. }
            | F::Truncate { .. } => {
                let (input, gives) = self.all(input)?;
                fits(gives, Kind::Number, "a function of numbers")?;
                Ok((finite(Expr::Function { input, function }), Kind::Number))
            }
            F::Boolean(BooleanFunction::IsIn { .. }) => {
                Err(RuleFault::Refused { what: "IN", hint: "write a = 1 OR a = 2" })
            }
            F::MaxHorizontal | F::MinHorizontal => Err(RuleFault::Refused {
                what: "GREATEST or LEAST, which leave undefined values out",
                hint: "write CASE WHEN a > b THEN a ELSE b END",
            }),
            F::Shift | F::ShiftAndFill | F::Diff(_) => Err(OTHER_BARS),
            _ => Err(OTHER_FUNCTION),
        }
    }

    fn all(&mut self, input: Vec<Expr>) -> Result<(Vec<Expr>, Option<Kind>), RuleFault> {
        let mut exprs = Vec::with_capacity(input.len());
        let mut gives = Some(Kind::Null);
        for expr in input {
            let (expr, kind) = self.check(expr)?;
            exprs.push(expr);
            gives = gives.and_then(|gives| common(gives, kind));
        }
        Ok((exprs, gives))
    }

    fn wanted(
        &mut self,
        expr: Arc<Expr>,
        kind: Kind,
        operation: &'static str,
    ) -> Result<Arc<Expr>, RuleFault> {
        let (expr, gives) = self.check(Arc::unwrap_or_clone(expr))?;
        fits(Some(gives), kind, operation)?;
        Ok(expr.into())
    }
}

const OTHER_BARS: RuleFault = RuleFault::Refused {
    what: "a window function, which sees other bars",
    hint: "write a feature with `lag` or a rolling feature and use its name",
};

const OTHER_FUNCTION: RuleFault = RuleFault::Refused {
    what: "a function or form that rules do not have",
    hint: "use AND, OR, NOT, comparisons, BETWEEN, IS NULL, + - * / %, CASE WHEN, COALESCE, \
           ABS, SIGN, SQRT, CBRT, POW, EXP, LN, LOG, FLOOR, CEIL, ROUND, TRUNC",
};

const MIXED_BRANCHES: RuleFault =
    RuleFault::Mixed { operation: "CASE or COALESCE", wants: "numbers only or truths only" };

/// The kind that two values have in common; NULL is of either kind.
fn common(a: Kind, b: Kind) -> Option<Kind> {
    match (a, b) {
        (Kind::Null, kind) | (kind, Kind::Null) => Some(kind),
        (a, b) => (a == b).then_some(a),
    }
}

fn fits(gives: Option<Kind>, kind: Kind, operation: &'static str) -> Result<(), RuleFault> {
    let wants = match kind {
        Kind::Boolean => "comparisons or other truths",
        Kind::Number | Kind::Null => "numbers",
    };
    match gives {
        Some(gives) if gives == kind || gives == Kind::Null => Ok(()),
        _ => Err(RuleFault::Mixed { operation, wants }),
    }
}

fn literal(value: LiteralValue) -> Result<(Expr, Kind), RuleFault> {
    let kind = match &value {
        LiteralValue::Series(_) | LiteralValue::Range(_) => None,
        value => match value.to_any_value() {
            Some(AnyValue::Float64(number)) => number.is_finite().then_some(Kind::Number),
            Some(AnyValue::Boolean(_)) => Some(Kind::Boolean),
            Some(AnyValue::Null) => Some(Kind::Null),
            Some(any) => any.is_primitive_numeric().then_some(Kind::Number),
            None => None,
        },
    };
    match kind {
        Some(kind) => Ok((Expr::Literal(value), kind)),
        None => Err(RuleFault::Refused {
            what: "a text, a date, a list or an infinite number",
            hint: "columns are numbers: compare them with finite numbers or with each other",
        }),
    }
}

//! Random well-typed conditions, the same for the same seed.

use authswitch::rules::{Attribute, Sort};

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        ((self.0 ^ (self.0 >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 20) as usize % end
    }

    pub fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    fn attribute(&mut self, wanted: impl Fn(&Sort) -> bool) -> &'static str {
        let all: Vec<&str> =
            Attribute::ALL.iter().filter(|a| wanted(&a.sort())).map(|attribute| attribute.name()).collect();
        self.pick(&all)
    }

    /// A condition, `deep` operators deep at most.
    pub fn condition(&mut self, deep: usize) -> String {
        let less = deep.saturating_sub(1);
        match self.below(if deep == 0 { 4 } else { 14 }) {
            0 => self.attribute(|sort| *sort == Sort::Flag).to_owned(),
            1 => {
                let order = self.pick(&["==", "!=", "<", "<=", ">", ">="]);
                format!(
                    "{} {order} {}",
                    self.attribute(|sort| matches!(sort, Sort::Number(_))),
                    self.constant()
                )
            }
            2 => self
                .pick(&["true", "false", "request.type == \"cash\"", "merchant.country != \"US\""])
                .to_owned(),
            3 => self.lookup(),
            4 | 5 => format!("({}) && {}", self.condition(less), self.condition(less)),
            6 | 7 => format!("({} || {})", self.condition(less), self.condition(less)),
            8 => format!("!({})", self.condition(less)),
            9 => format!(
                "(({}) ? ({}) : ({}))",
                self.condition(less),
                self.condition(less),
                self.condition(less)
            ),
            10 => {
                let order = self.pick(&["==", "!=", "<", "<=", ">", ">="]);
                format!("{} {order} {}", self.number(less), self.number(less))
            }
            11 => {
                let order = self.pick(&["==", "!=", "<", "<=", ">", ">="]);
                format!("{} {order} {}", self.phrase(less), self.phrase(less))
            }
            12 => {
                let method = self.pick(&["startsWith", "endsWith", "contains"]);
                format!("{}.{method}({})", self.phrase(less), self.phrase(less))
            }
            _ => {
                format!("({}) {} ({})", self.condition(less), self.pick(&["==", "!="]), self.condition(less))
            }
        }
    }

    fn lookup(&mut self) -> String {
        match self.below(5) {
            0 => format!("{} in lists.numbers", self.number(1)),
            1 => format!("{} in lists.texts", self.phrase(0)),
            2 => "merchant.category in groups.travel".to_owned(),
            3 => {
                let list: Vec<String> = (0..=self.below(20)).map(|_| self.constant()).collect();
                format!("{} in [{}]", self.number(1), list.join(", "))
            }
            _ => {
                let list: Vec<&str> = (0..=self.below(12))
                    .map(|_| self.pick(&["\"US\"", "\"DE\"", "\"FR\"", "\"QA\"", "\"\""]))
                    .collect();
                format!("merchant.country in [{}]", list.join(", "))
            }
        }
    }

    fn constant(&mut self) -> String {
        let close = self.below(20);
        match self.below(6) {
            0 => close.to_string(),
            1 => format!("-{close}"),
            2 => (self.below(10_000)).to_string(),
            3 => self.pick(&["0", "840", "7995", "411111", "999999999999999"]).to_owned(),
            4 => format!("0x{:x}", self.below(1_000_000)),
            _ => (self.below(100_000_000)).to_string(),
        }
    }

    pub fn number(&mut self, deep: usize) -> String {
        let less = deep.saturating_sub(1);
        match self.below(if deep == 0 { 3 } else { 9 }) {
            0 | 1 => self.attribute(|sort| matches!(sort, Sort::Number(_))).to_owned(),
            2 => self.constant(),
            3 => format!("({} + {})", self.number(less), self.number(less)),
            4 => format!("({} - {})", self.number(less), self.number(less)),
            5 => format!("({} * {})", self.number(less), self.below(100)),
            6 => format!("({} {} {})", self.number(less), self.pick(&["/", "%"]), self.divisor()),
            7 => format!("size({})", self.phrase(less)),
            _ => format!("({} ? {} : -({}))", self.condition(less), self.number(less), self.number(less)),
        }
    }

    fn divisor(&mut self) -> String {
        match self.below(4) {
            0 => format!("-{}", self.below(9) + 1),
            1 => "(request.stan + 1)".to_owned(),
            2 => "(request.amount > 0 ? request.amount : 7)".to_owned(),
            _ => (self.below(1_000) + 1).to_string(),
        }
    }

    fn phrase(&mut self, deep: usize) -> String {
        match self.below(if deep == 0 { 5 } else { 6 }) {
            0 | 1 => self.pick(&["link.name", "card.program", "merchant.id", "merchant.terminal"]).to_owned(),
            2 => self.pick(&["merchant.id", "request.type", "merchant.country"]).to_owned() + " ",
            3 | 4 => {
                format!("\"{}\"", self.pick(&["", "a", "US", "SHOP 1", "purchase", "H", " ", "P "]))
            }
            _ => {
                let (then, other) = (self.phrase(0), self.phrase(0));
                format!("({} ? {then} : {other})", self.condition(deep - 1))
            }
        }
    }
}

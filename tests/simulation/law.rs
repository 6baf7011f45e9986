//! By which rules and limits a world decides. Three sets that are exchanged for one another: their shadows change no answer,
//! and the limit "life" stands in all of them, so that its counters go on. Must not know what is decided.

use super::cast::NETWORKS;
use super::support::policy;
use authswitch::decision::{Policy, Rate, Rates, Standing};
use authswitch::portfolio::Portfolio;
use authswitch::rules::RuleSet;

/// One world in so many decides by the settings alone.
const PLAIN: u64 = 4;
/// One in so many has a limit that declines: so many purchases of an account, ever.
const FEW: u64 = 8;
const FEW_COUNT: u32 = 12;
/// US dollars and euros, and how many of the one for how many of the other.
pub const DOLLARS: u16 = 840;
pub const EUROS: u16 = 978;
pub const RATE: [i64; 2] = [5, 4];

const LIFE: &str = r#"
    [[limit]]
    name = "life"
    scope = "account"
    window = "lifetime"
    count = 1000000000
    amount = 900000000000000
"#;

const SETS: [&str; 3] = [
    r#"
    [[rule]]
    name = "shadow"
    when = "request.amount > 1000"
    decline = "05"
    mode = "shadow"
    [[rule]]
    name = "cash"
    when = 'request.type == "cash"'
    tag = "cash"
    [[limit]]
    name = "hour"
    scope = "card"
    window = "1h"
    count = 2
    mode = "shadow"
    [[limit]]
    name = "shop"
    scope = "merchant"
    window = "day"
    time_zone = "America/New_York"
    amount = 9000
    mode = "shadow"
    [[limit]]
    name = "land"
    scope = "country"
    window = "month"
    count = 5
    mode = "shadow"
    [[limit]]
    name = "each"
    scope = "card"
    window = "transaction"
    amount = 2000
    mode = "shadow"
    "#,
    r#"
    [[rule]]
    name = "chip"
    when = "account.available < 20000"
    require = "pos.chip"
    decline = "59"
    mode = "shadow"
    priority = -1
    [[rule]]
    name = "half"
    when = "true"
    approve_up_to = "account.available / 2"
    mode = "shadow"
    [[rule]]
    name = "roomy"
    when = "request.partial_ok"
    approve_up_to = 100000000
    [[limit]]
    name = "all"
    scope = "global"
    window = "year"
    count = 3
    mode = "shadow"
    [[limit]]
    name = "hour"
    scope = "card"
    window = "1h"
    amount = 1
    mode = "shadow"
    [[limit]]
    name = "machine"
    scope = "terminal"
    window = "30s"
    count = 1
    mode = "shadow"
    [[limit]]
    name = "off"
    scope = "card"
    window = "day"
    count = 1
    mode = "off"
    "#,
    r#"
    [[rule]]
    name = "host"
    when = "card.day_count > 2"
    stand_in = true
    mode = "shadow"
    [[limit]]
    name = "week"
    scope = "program"
    window = "week"
    time_zone = "Europe/Berlin"
    amount = 10000
    mode = "shadow"
    [[limit]]
    name = "range"
    scope = "bin"
    bins = ["411111"]
    window = "90d"
    when = 'request.type == "purchase"'
    count = 9
    mode = "shadow"
    [[limit]]
    name = "land"
    scope = "country"
    window = "month"
    amount = 30000
    mode = "shadow"
    [stand_in]
    on = ["rule"]
    [[stand_in.rule]]
    name = "nobody"
    when = "true"
    decline = "05"
    "#,
];

/// A world's.
#[derive(Clone, Copy, Debug)]
pub struct Law {
    seed: u64,
}

impl Law {
    pub fn of(seed: u64) -> Law {
        Law { seed }
    }

    /// Whether there are no rules.
    pub fn is_plain(self) -> bool {
        self.seed.is_multiple_of(PLAIN)
    }

    /// How many purchases of an account are approved, ever, where that is limited.
    pub fn few(self) -> Option<u32> {
        (self.seed % FEW == 6).then_some(FEW_COUNT)
    }

    /// What is decided by from the settings with this number on.
    pub fn standing(self, config: u32, portfolio: &Portfolio) -> Standing {
        if self.is_plain() {
            return Standing::plain(settled(), config);
        }
        let few = self.few().map(|count| {
            format!(
                "[[limit]]\nname = \"few\"\nscope = \"account\"\nwindow = \"lifetime\"\ncount = {count}\n"
            )
        });
        let few = few.unwrap_or_default();
        let set = (self.seed / PLAIN + u64::from(config)) as usize % SETS.len();
        let text = format!("currency = \"USD\"\n{}\n{LIFE}{few}", SETS[set]);
        let set = RuleSet::from_toml(&text, "rules.toml", &mut |_| Err("no files here".to_owned()));
        let set = set.unwrap_or_else(|problems| panic!("{}", problems.report()));
        Standing::new(settled(), set, config, &["north"], portfolio).expect("zones that exist")
    }
}

/// The settings' part, with a rate between the currencies of a world's accounts.
fn settled() -> Policy {
    let rate = Rate::new("1.25").expect("a decimal");
    let rates = Rates::new(DOLLARS, &[(EUROS, rate)]).expect("currencies of ISO 4217");
    Policy { rates, networks: NETWORKS.to_vec(), ..policy() }
}

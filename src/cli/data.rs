//! temp
use crate::journal::{self, Tail};
use crate::message::Pan;
use crate::portfolio::*;
use crate::settings::Settings;
use crate::vault::DataKey;
use std::path::Path;
pub(super) struct Opened { pub portfolio: Portfolio, pub tail: Tail, pub key: DataKey, pub warnings: Vec<String> }
pub(super) fn open(settings: &Settings, data: &Path) -> Result<Opened, Box<dyn std::error::Error + Send + Sync>> {
    let key = DataKey::load(None, data)?;
    let programs = settings.programs.keys().map(|n| Program::new(n, Limits::NONE, Limits::NONE, &Lists::default())).collect();
    let mut p = Portfolio::new(programs, TableOptions { max: settings.transactions.max, window_us: 72 * 3_600_000_000 }, key.hashing());
    for n in 0..10_000u64 {
        let body = 411_111_000_000_000 + n;
        for check in 0..10 {
            let pan = Pan::from_digits((body * 10 + check).to_string().as_bytes()).unwrap();
            if pan.luhn_holds() {
                let account = p.add_account(NewAccount { currency: 840, name: n, state: AccountState { funds_minor: 100_000_000_000, ..Default::default() } });
                p.add_card(pan, NewCard { expiry: 3012, status: CardStatus::Active, program: 0, limits: None, account, state: CardState::default() })?;
            }
        }
    }
    let tail = journal::scan(&data.join("journal"), 1, &mut |e: journal::Entry<'_>| { p.apply(&Record::decode(e.body)?, e.seq); Ok::<(), Box<dyn std::error::Error + Send + Sync>>(()) })?;
    Ok(Opened { portfolio: p, tail, key, warnings: vec![] })
}

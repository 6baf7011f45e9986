//! What a switch decides by, from the settings and the rule file: made ready at the start, exchanged on SIGHUP.

use super::data::Failure;
use super::policy;
use super::rules::{self, Loaded, Refused, Texts};
use super::status::Parts;
use super::verification;
use super::versions::Versions;
use crate::decision::Standing;
use crate::portfolio::Portfolio;
use crate::rules::RuleSet;
use crate::settings::{Change, Settings};
use std::sync::Arc;

/// The rule set of the settings, or a report of everything that is wrong with it.
///
/// # Errors
/// A file that cannot be read or does not hold, or whose worst case costs more than the settings allow.
pub(super) fn read(settings: &Settings) -> Result<Loaded, Failure> {
    let file = &settings.rules.file;
    if file.as_os_str().is_empty() {
        return Ok(Loaded { set: RuleSet::empty(), texts: Texts::default() });
    }
    let loaded = rules::read(file).map_err(|reason| match reason {
        Refused::Unreadable(reason) => Failure::from(format!("rules.file: {reason}")),
        Refused::Wrong(problems) => problems.report().into(),
    })?;
    let (cost_ns, budget_ns) = (rules::worst_case_ns(&loaded.set), u64::from(settings.rules.budget_ns));
    if cost_ns > budget_ns {
        return Err(format!(
            "{}: the rules cost a request up to {cost_ns} ns on this machine, more than rules.budget_ns, {budget_ns}: \
             `authswitch rules check` shows which",
            file.display()
        )
        .into());
    }
    Ok(loaded)
}

/// Settings and rule set ready to decide by.
pub(super) fn of(settings: &Settings, set: RuleSet, portfolio: &Portfolio) -> Result<Standing, Failure> {
    let links: Vec<&str> = settings.links.keys().map(String::as_str).collect();
    let policy = policy::of(settings)?;
    Ok(Standing::new(policy, set, settings.fingerprint(), &links, portfolio)?)
}

/// The settings that take effect at SIGHUP, dotted; a table with all that is in it. Everything else waits for a start.
pub(super) const NOW: [&str; 7] =
    ["rules", "holds", "completion", "approvals", "rates", "verification", "log.level"];

/// Says of each setting that was read again what it was, what it is, and from when on.
fn tell(changes: &[Change]) {
    if changes.is_empty() {
        tracing::info!("no setting has changed");
    }
    for Change { key, from, to } in changes {
        let is_under = |table: &str| {
            key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        match NOW.into_iter().any(is_under) {
            true => tracing::info!(key, from, to, takes_effect = "now", "setting changed"),
            false => tracing::warn!(key, from, to, takes_effect = "at the next start", "setting changed"),
        }
    }
}

/// Reads settings and rules again and decides by them from the next message on: all of it or, with the reason, nothing.
/// Returns the settings in force: what else is new in the file waits for a restart.
///
/// # Errors
/// What does not hold; nothing has changed then.
pub(super) fn exchange(parts: &Arc<Parts>, running: &Settings, new: Settings) -> Result<Settings, Failure> {
    let settings = running.with(&NOW, &new);
    let Loaded { set, texts } = read(&settings)?;
    let standing = of(&settings, set, &parts.portfolio)?;
    Versions::of(&parts.data, &parts.key).keep(&settings, &standing.rules, &texts)?;
    let unverified = verification::of_links(&settings)?;
    // From here on nothing fails.
    let before = parts.desk.standing();
    let (rules, config) = (standing.rules.version(), standing.config);
    parts.desk.exchange(standing);
    register(parts);
    tracing::info!(
        rules = format!("{rules:08x}"),
        rules_before = format!("{:08x}", before.rules.version()),
        config = format!("{config:08x}"),
        config_before = format!("{:08x}", before.config),
        "settings and rules in force"
    );
    tell(&running.changes(&new));
    if settings.verification != running.verification {
        verification::warn(unverified);
    }
    Ok(settings)
}

/// Registers what is counted of the rules, limits and stand-in in force.
pub(super) fn register(parts: &Arc<Parts>) {
    let (standing, telemetry) = (parts.desk.standing(), &parts.telemetry);
    for effects in standing.effects() {
        let tally = effects.tally;
        let labels =
            [("set", effects.set), ("kind", effects.kind), ("name", effects.name), ("mode", effects.mode)];
        let help = "Requests in which a rule or limit of the rule set took effect; of a shadow, would have.";
        telemetry.total("rule_effects", help, &labels, move || tally.get() as f64);
    }
    for (missing, tally) in standing.stand_ins() {
        let tally = tally.clone();
        let help = "Requests decided by the stand-in set, by what was missing.";
        telemetry
            .total("stand_in_decisions", help, &[("missing", missing.name())], move || tally.get() as f64);
    }
    for (link, proof, tally) in standing.unverified() {
        let tally = tally.clone();
        let help = "Requests with a PIN, verification value, cryptogram or MAC that came, or had to come, and was not verified.";
        let labels = [("link", link), ("kind", proof.name())];
        telemetry.total("unverified", help, &labels, move || tally.get() as f64);
    }
    let info = [("rules", &*format!("{:08x}", standing.rules.version()))];
    let (weak, version) = (Arc::downgrade(parts), standing.rules.version());
    telemetry.gauge(
        "rules_in_force",
        "1 for the version of the rule set in force, 0 for earlier ones.",
        &info,
        move || {
            let now = weak.upgrade().map(|parts| parts.desk.standing().rules.version());
            f64::from(u8::from(now == Some(version)))
        },
    );
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_effect_at_sighup_is_a_setting_and_is_taken() {
        let (running, mut new) = (Settings::default(), Settings::default());
        let tree = serde_json::to_value(&running).unwrap();
        for key in NOW {
            assert!(tree.pointer(&format!("/{}", key.replace('.', "/"))).is_some(), "{key} is no setting");
        }
        new.holds.authorization_days = crate::settings::Days(9);
        new.server.workers = 7;
        new.log.level = crate::settings::LogLevel::Debug;
        let taken = running.with(&NOW, &new);
        assert_eq!((taken.holds, taken.log), (new.holds, new.log));
        assert_eq!(taken.server, running.server);
    }
}

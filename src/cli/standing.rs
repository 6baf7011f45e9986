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
use crate::settings::Settings;
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

/// Reads settings and rules again and decides by them from the next message on: all of it or, with the reason, nothing.
/// Returns the settings in force: what else is new in the file waits for a restart.
///
/// # Errors
/// What does not hold; nothing has changed then.
pub(super) fn exchange(parts: &Arc<Parts>, running: &Settings, new: Settings) -> Result<Settings, Failure> {
    let later = Settings {
        rules: running.rules.clone(),
        holds: running.holds.clone(),
        completion: running.completion.clone(),
        approvals: running.approvals.clone(),
        rates: running.rates.clone(),
        verification: running.verification,
        ..new.clone()
    } != *running;
    let settings = Settings {
        rules: new.rules,
        holds: new.holds,
        completion: new.completion,
        approvals: new.approvals,
        rates: new.rates,
        verification: new.verification,
        ..running.clone()
    };
    let Loaded { set, texts } = read(&settings)?;
    let standing = of(&settings, set, &parts.portfolio)?;
    Versions::of(&parts.data, &parts.key).keep(&settings, &standing.rules, &texts)?;
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
    if settings.verification != running.verification {
        verification::warn(&settings)?;
    }
    if later {
        tracing::warn!("other settings have changed and are valid; they take effect at the next start");
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

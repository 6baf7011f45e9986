//! Leaves out of a failing world what the failure does not need, so that a person can read it.

use super::steps::Step;
use super::world::Fault;

/// The fewest steps found that still fail before the same judge, and what it says then.
pub fn shrink(seed: u64, steps: &[Step], at: usize, fault: Fault) -> (Vec<Step>, Fault) {
    let mut steps = steps[..steps.len().min(at + 1)].to_vec();
    let mut fault = fault;
    let fails = |steps: &[Step]| {
        let failure = super::run::caught(seed, steps).err();
        failure.map(|(_, found)| found).filter(|found| found.judge == fault.judge)
    };
    if let Some(found) = fails(&steps) {
        let mut size = steps.len() / 2;
        let mut last = found;
        while size > 0 {
            let mut start = 0;
            while start < steps.len() {
                let end = (start + size).min(steps.len());
                let fewer: Vec<Step> = steps[..start].iter().chain(&steps[end..]).copied().collect();
                match fails(&fewer) {
                    Some(found) => (steps, last) = (fewer, found),
                    None => start += size,
                }
            }
            size /= 2;
        }
        fault = last;
    }
    (steps, fault)
}

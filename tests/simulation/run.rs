//! Many worlds, on several threads; the first failure is shrunk and printed with the seed that finds it again.

use super::cast::Cast;
use super::shrink::shrink;
use super::steps::{Step, steps};
use super::world::{Fault, play};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which worlds.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seeds: Range<u64>,
    pub steps: usize,
    pub threads: usize,
    /// Whether a failure is shrunk.
    pub shrinks: bool,
}

/// A failure: its seed and the step at which it was found.
#[derive(Clone, Debug)]
pub struct Failure {
    pub seed: u64,
    pub at: usize,
    pub fault: Fault,
}

/// Plays a world; a panic is a finding too.
pub fn caught(seed: u64, steps: &[Step]) -> Result<(), (usize, Fault)> {
    let played = catch_unwind(AssertUnwindSafe(|| play(seed, steps)));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err((steps.len(), Fault::new("I4 no panic", text.unwrap_or_default())))
    })
}

/// Plays the worlds; gives the failure with the lowest seed among those found, if any.
pub fn run(plan: &Plan) -> Option<Failure> {
    let next = AtomicU64::new(plan.seeds.start);
    let found: Mutex<Option<Failure>> = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= plan.seeds.end {
                return;
            }
            if let Err((at, fault)) = caught(seed, &steps(seed, plan.steps)) {
                // Nobody else begins; who is at a lower seed ends it.
                next.store(plan.seeds.end, Ordering::Relaxed);
                let mut found = found.lock().expect("no holder panics");
                if found.as_ref().is_none_or(|known| known.seed > seed) {
                    *found = Some(Failure { seed, at, fault });
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..plan.threads {
            scope.spawn(work);
        }
    });
    found.into_inner().expect("no holder panics")
}

/// The failure in words: the judge, the seed, and the fewest steps that lead to it.
pub fn tell(plan: &Plan, failure: &Failure) -> String {
    let Failure { seed, at, fault } = failure;
    let mut text =
        format!("judge: {}\nseed {seed}, {} steps, step {at}: {}\n", fault.judge, plan.steps, fault.text);
    if !plan.shrinks {
        return text;
    }
    let (few, fault) = shrink(*seed, &steps(*seed, plan.steps), *at, fault.clone());
    text += &format!("shrunk to {} steps: {}\n", few.len(), fault.text);
    let cast = Cast::new(*seed, plan.steps, false);
    let mut slots: Vec<u32> = few.iter().filter_map(Step::slot).collect();
    slots.sort_unstable();
    slots.dedup();
    for slot in slots {
        text += &format!("  {:?}\n", cast.slot(slot));
    }
    for step in few {
        text += &format!("  {step:?}\n");
    }
    text
}

/// `--seeds 0..10000 --steps 1000 --threads 2 --no-shrink`; the exit code.
pub fn main(arguments: impl Iterator<Item = String>) -> i32 {
    let plan = match parse(arguments) {
        Ok(plan) => plan,
        Err(what) => {
            eprintln!(
                "simulation: {what}\nusage: simulation [--seeds FROM..TO] [--steps N] [--threads N] [--no-shrink]"
            );
            return 2;
        }
    };
    // A panic is a finding like any other: it is told at the end, once.
    std::panic::set_hook(Box::new(|_| {}));
    let began = std::time::Instant::now();
    let failure = run(&plan);
    let (worlds, seconds) = (plan.seeds.end - plan.seeds.start, began.elapsed().as_secs_f64());
    match failure {
        None => {
            println!("{worlds} worlds of {} steps on {} threads, {seconds:.1} s", plan.steps, plan.threads);
            println!("{worlds} passed, 0 failed");
            0
        }
        Some(failure) => {
            print!("{}", tell(&plan, &failure));
            println!("0 passed, 1 failed");
            1
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Plan, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut plan = Plan { seeds: 0..10_000, steps: 1_000, threads, shrinks: true };
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{option} needs a value"));
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{option}: {text} is no number"));
        match option.as_str() {
            "--seeds" => {
                let value = value()?;
                let (from, to) =
                    value.split_once("..").ok_or(format!("{option}: {value} is not FROM..TO"))?;
                plan.seeds = number(from)?..number(to)?;
            }
            "--steps" => plan.steps = number(&value()?)? as usize,
            "--threads" => plan.threads = number(&value()?)?.max(1) as usize,
            "--no-shrink" => plan.shrinks = false,
            // Given by `cargo bench`.
            "--bench" => {}
            _ => return Err(format!("unknown option {option}")),
        }
    }
    Ok(plan)
}

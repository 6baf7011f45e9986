//! The process's own figures as the kernel counts them: memory, processor time, open files. Linux's /proc only.

use std::fs;

/// What the kernel says of this process; a figure that cannot be read is absent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    pub(super) cpu_s: Option<f64>,
    pub(super) threads: Option<u64>,
    pub(super) open_fds: Option<u64>,
}

/// Reads the figures now.
pub(super) fn read() -> Process {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = |key: &str| field(&status, key).map(|kib| kib * 1024);
    Process {
        resident_bytes: kib("VmRSS:"),
        virtual_bytes: kib("VmSize:"),
        cpu_s: cpu_s(),
        threads: field(&status, "Threads:"),
        open_fds: fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as u64),
    }
}

fn field(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

fn cpu_s() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the name, is in parentheses and may hold spaces; utime and stime are the 14th and 15th.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut ticks = rest.split_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
    let ticks = ticks.next()?? + ticks.next()??;
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_this_process() {
        let process = read();
        assert!(process.resident_bytes.unwrap() > 1 << 20);
        assert!(process.virtual_bytes.unwrap() >= process.resident_bytes.unwrap());
        assert!(process.threads.unwrap() >= 1 && process.open_fds.unwrap() >= 3);
        assert!(process.cpu_s.unwrap() < 1e6);
    }
}

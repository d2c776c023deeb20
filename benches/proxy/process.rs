//! What a process has used, by the kernel's own account.

use std::fs;

use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

/// Returns the processor time of all threads so far, in microseconds. The kernel's clock of a process counts nanoseconds, where
/// `/proc/PID/stat` counts hundredths of a second.
pub(crate) fn cpu_micros(pid: u32) -> f64 {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a process id"));
    let time = clock_getcpuclockid(pid).and_then(ClockId::now).expect("the processor time of a process");
    time.tv_sec() as f64 * 1e6 + time.tv_nsec() as f64 / 1e3
}

/// Returns what the machine is, in a line.
pub(crate) fn machine() -> String {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix(':'));
        value.unwrap_or("unknown").trim().to_owned()
    };
    let memory = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{processors} processors ({}, model {}), {} GB of memory, Linux {}",
        field("/proc/cpuinfo", "model name"),
        field("/proc/cpuinfo", "model\t"),
        memory / 1_000_000,
        kernel.trim()
    )
}

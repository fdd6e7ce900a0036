//! A month of ordinary days: what the service takes of the machine must not grow with them.

use std::fs;
use std::time::Duration;

use super::model::Model;
use super::post::Post;
use super::script::{Script, until_morning};

pub(crate) const DAYS: usize = 30;
pub(crate) const COMPLAINTS_A_DAY: u64 = 12;

/// What this process takes of the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) resident_kb: u64,
    pub(crate) threads: usize,
    pub(crate) handles: usize,
}

impl Usage {
    pub(crate) fn now() -> Self {
        let count = |dir: &str| fs::read_dir(dir).expect("a process has one").count();
        let status = fs::read_to_string("/proc/self/status").expect("a process has one");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
        let resident_kb = resident.trim().trim_end_matches(" kB").parse().expect("a number");
        Self { resident_kb, threads: count("/proc/self/task"), handles: count("/proc/self/fd") }
    }
}

/// Each morning complaints come; those of the day before are withdrawn. Gives what was in use each evening.
pub(crate) async fn go_on(script: &mut Script, post: &Post, model: &mut Model) -> Vec<Usage> {
    let mut evenings = Vec::new();
    for _ in 0..DAYS {
        tokio::time::advance(until_morning(post.now())).await;
        // What came before has left.
        tokio::time::sleep(Duration::from_mins(2)).await;
        script.close_all(post, model);
        tokio::time::sleep(Duration::from_mins(2)).await;
        script.complain(COMPLAINTS_A_DAY, post, model);
        tokio::time::sleep(Duration::from_mins(5)).await;
        evenings.push(Usage::now());
    }
    evenings
}

//! The one thread that writes: every change to the store passes through here, in order.

use std::ops::Bound;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::codec::Draft;
use super::commit::{Commit, CommitError, Writing};
use super::keys::{self, Table};
use super::recipe::Engine;
use crate::domain::signing::Signer;

/// Orders that may wait; who comes after waits to be let in.
pub(super) const WAITING: usize = 256;
/// Orders that are carried out before those who asked for a flush get it.
const AT_ONCE: usize = 64;
/// Old counts that go in one transaction.
const COUNTS_AT_ONCE: usize = 256;

/// What the thread is asked.
pub(super) enum Order {
    Commit(Vec<Commit>, oneshot::Sender<Result<(), CommitError>>),
    Flush(oneshot::Sender<Result<(), StoreError>>),
    DropCounts(Date, oneshot::Sender<Result<(), StoreError>>),
    /// Where to, and what is called again and again while it takes its time.
    Copy(PathBuf, Box<dyn FnMut() + Send>, oneshot::Sender<Result<(), StoreError>>),
}

/// Works until the last sender is gone; then brings everything to the disk.
pub(super) fn run(engine: &Arc<Engine>, signer: &Signer, mut orders: mpsc::Receiver<Order>) {
    while let Some(first) = orders.blocking_recv() {
        let mut flushes = Vec::new();
        carry_out(engine, signer, first, &mut flushes);
        for _ in 1..AT_ONCE {
            let Ok(next) = orders.try_recv() else { break };
            carry_out(engine, signer, next, &mut flushes);
        }
        if !flushes.is_empty() {
            let synced = engine.sync();
            for flush in flushes {
                answer(flush, synced.clone());
            }
        }
    }
    if let Err(error) = engine.sync() {
        tracing::error!(%error, "the store could not be brought to the disk at its end");
    }
}

fn carry_out(
    engine: &Engine,
    signer: &Signer,
    order: Order,
    flushes: &mut Vec<oneshot::Sender<Result<(), StoreError>>>,
) {
    match order {
        Order::Commit(commits, to) => answer(to, commit(engine, signer, &commits)),
        Order::Flush(to) => flushes.push(to),
        Order::DropCounts(before, to) => answer(to, drop_counts(engine, before)),
        Order::Copy(dir, mut alive, to) => answer(to, engine.copy_to(&dir, &mut alive)),
    }
}

/// Who asked may have stopped waiting.
fn answer<T>(to: oneshot::Sender<T>, answer: T) {
    let _ = to.send(answer);
}

fn commit(engine: &Engine, signer: &Signer, commits: &[Commit]) -> Result<(), CommitError> {
    engine.sound()?;
    let mut draft = Draft::over(engine);
    let mut writing = Writing::begin(&mut draft, signer)?;
    for commit in commits {
        writing.add(commit)?;
    }
    writing.finish()?;
    Ok(engine.apply(&draft.into_changes())?)
}

fn drop_counts(engine: &Engine, before: Date) -> Result<(), StoreError> {
    let end = keys::count_day(before).to_vec();
    loop {
        let range = (Bound::Unbounded, Bound::Excluded(end.clone()));
        let page = engine.view()?.page(Table::Counts, range, COUNTS_AT_ONCE)?;
        if page.is_empty() {
            return Ok(());
        }
        let mut draft = Draft::over(engine);
        for (key, _) in &page {
            draft.remove(Table::Counts, key);
        }
        engine.apply(&draft.into_changes())?;
    }
}

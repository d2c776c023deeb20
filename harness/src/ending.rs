//! How a program that serves is stopped: by Enter, by the end of its input, or by a signal.

use std::io::{Read, stdin};
use std::thread;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::runtime::block_on;

/// The standard input, read in the background: whether there was anything in it.
#[derive(Debug)]
pub struct Input(oneshot::Receiver<bool>);

impl Input {
    /// Begins to read.
    pub fn read() -> Self {
        let (sender, receiver) = oneshot::channel();
        // Stays in its read when the program ends otherwise, which is of no harm: nothing waits for it.
        thread::spawn(move || {
            let read = stdin().read(&mut [0; 1]);
            let _ = sender.send(matches!(read, Ok(1)));
        });
        Self(receiver)
    }

    /// Waits until the program is to end. `say` is told what to do for that, once it has an effect.
    ///
    /// An input that has ended by now, as `/dev/null` has, is nobody who could press Enter: it is for a signal to end the
    /// program. One that ends later is a terminal that was closed, or a program that is no more.
    ///
    /// # Panics
    /// When the system lets no signal be waited for.
    pub fn wait_for_the_end(mut self, say: impl FnOnce(&str)) {
        block_on(async {
            let wait_for = |kind| signal(kind).expect("a signal to wait for");
            let mut interrupt = wait_for(SignalKind::interrupt());
            let mut terminate = wait_for(SignalKind::terminate());
            match self.0.try_recv() {
                Ok(true) => {}
                Ok(false) | Err(TryRecvError::Closed) => {
                    // A hangup goes on meaning what it does: for `nohup`, nothing.
                    say("Press Ctrl-C or send a SIGTERM");
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                }
                Err(TryRecvError::Empty) => {
                    let mut hangup = wait_for(SignalKind::hangup());
                    say("Press Enter");
                    tokio::select! {
                        _ = &mut self.0 => {}
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hangup.recv() => {}
                    }
                }
            }
        });
    }
}

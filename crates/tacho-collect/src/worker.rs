//! Asking something that may hang, without hanging.
//!
//! A thread of its own does the asking. A question that is not answered in time is left with the
//! thread, and until it comes back no other is asked: so a dead network mount costs one sleeping
//! thread and one timeout, not one a tick. Not for many questions a second.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

/// A thread that answers one question at a time.
#[derive(Debug)]
pub struct Worker<Q, A> {
    questions: SyncSender<Q>,
    answers: Receiver<A>,
    owed: bool,
}

/// What became of a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked<A> {
    /// It was answered in time.
    Answer(A),
    /// It, or an earlier one, is still being thought about.
    Late,
    /// The thread is gone.
    Gone,
}

impl<Q: Send + 'static, A: Send + 'static> Worker<Q, A> {
    /// Starts the thread; it ends when this value is dropped, or once it comes back after that.
    pub fn start(
        name: &str,
        mut answer: impl FnMut(Q) -> A + Send + 'static,
    ) -> std::io::Result<Self> {
        let (questions, asked) = sync_channel::<Q>(1);
        let (answered, answers) = sync_channel::<A>(1);
        std::thread::Builder::new()
            .name(name.to_owned())
            // Address space, not memory; drivers' libraries are not frugal.
            .stack_size(1 << 20)
            .spawn(move || {
                while let Ok(question) = asked.recv() {
                    if answered.send(answer(question)).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Self {
            questions,
            answers,
            owed: false,
        })
    }

    /// Asks, and waits for the answer at most this long.
    pub fn ask(&mut self, question: Q, timeout: Duration) -> Asked<A> {
        if self.owed {
            match self.answers.try_recv() {
                // Too old to be of use, but the thread is back.
                Ok(_) => self.owed = false,
                Err(TryRecvError::Empty) => return Asked::Late,
                Err(TryRecvError::Disconnected) => return Asked::Gone,
            }
        }
        if self.questions.try_send(question).is_err() {
            return Asked::Gone;
        }
        match self.answers.recv_timeout(timeout) {
            Ok(answer) => Asked::Answer(answer),
            Err(RecvTimeoutError::Timeout) => {
                self.owed = true;
                Asked::Late
            }
            Err(RecvTimeoutError::Disconnected) => Asked::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Barrier};

    #[test]
    fn a_slow_answer_is_late_once_and_then_forgotten() {
        let gate = Arc::new(Barrier::new(2));
        let inside = Arc::clone(&gate);
        let mut worker = Worker::start("test", move |question: u32| {
            if question == 1 {
                inside.wait();
            }
            question * 10
        })
        .unwrap();
        let short = Duration::from_millis(20);
        assert_eq!(worker.ask(1, short), Asked::Late);
        assert_eq!(worker.ask(2, short), Asked::Late);
        gate.wait();
        let long = Duration::from_secs(10);
        let answer = loop {
            match worker.ask(3, long) {
                Asked::Late => std::thread::yield_now(),
                other => break other,
            }
        };
        assert_eq!(answer, Asked::Answer(30));
    }
}

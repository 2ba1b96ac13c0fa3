//! Running a command by a deadline, with its output bounded.
//!
//! 1. It runs in a process group of its own, all of which is killed when the run ends, however it
//!    ends. What left the group and holds the output open keeps the next run from starting.
//! 2. What it writes on standard error is told in the error, cut; the rest is read and dropped.
//!
//! No shell: a command is its words. Not for commands that read their input: it is empty.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{TargetError, in_a_line};
use crate::net::{Deadline, SLICE};

/// Bytes of standard error that are kept.
const ERROR_BYTES_MAX: usize = 1000;
/// How long to wait between looks at whether it has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Why a command gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It cannot be started.
    #[error("start `{program}`: {source}")]
    Start {
        /// Its first word.
        program: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It took too long.
    #[error("wait for the command: it did not end within {}, and was killed", tacho_model::time::format_duration(*timeout))]
    Late {
        /// How long it may take.
        timeout: Duration,
    },
    /// It said too much.
    #[error("read the command's output: it has more than {limit} bytes, and was killed")]
    TooMuch {
        /// The most that is read.
        limit: usize,
    },
    /// What an earlier run started still holds its output open.
    #[error(
        "start the command: what its run before left behind still holds its output open; let it \
         send its output elsewhere, or end it"
    )]
    Busy,
    /// It failed.
    #[error("run the command: it ended with {status}{said}")]
    Status {
        /// Its exit code or signal.
        status: std::process::ExitStatus,
        /// What it said on standard error, after a colon.
        said: String,
    },
    /// Its output or its end cannot be read.
    #[error("hear from the command: {0}")]
    Broken(#[from] std::io::Error),
}

impl From<CommandError> for TargetError {
    fn from(error: CommandError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// What a command may do.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of its output.
    pub output_bytes: usize,
}

/// Runs commands, one after the other.
#[derive(Debug, Default)]
pub struct Runner {
    /// Those that read what a command writes; they end when nobody holds it open.
    readers: Vec<JoinHandle<()>>,
}

impl Runner {
    /// Runs it and gives what it wrote on standard output.
    pub fn run(
        &mut self,
        command: &mut Command,
        limits: Limits,
        deadline: &Deadline,
    ) -> Result<Vec<u8>, CommandError> {
        self.wait_for_readers(deadline)?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let program = command.get_program().to_string_lossy().into_owned();
        let started = command.spawn();
        let child = started.map_err(|source| CommandError::Start { program, source })?;
        let mut running = Running {
            child,
            is_over: false,
        };
        let output = self.read(running.child.stdout.take(), limits.output_bytes)?;
        let errors = self.read(running.child.stderr.take(), ERROR_BYTES_MAX)?;
        finish(&mut running, &output, &errors, limits, deadline)
    }

    /// Those of the run before end at once, as all of its group was killed.
    fn wait_for_readers(&mut self, deadline: &Deadline) -> Result<(), CommandError> {
        for _ in 0..SLICE.as_millis() / LOOK.as_millis() {
            self.readers.retain(|reader| !reader.is_finished());
            if self.readers.is_empty() {
                return Ok(());
            }
            let Ok(left) = deadline.left() else { break };
            std::thread::sleep(left.min(LOOK));
        }
        Err(CommandError::Busy)
    }

    /// Reads up to the limit, and drops what comes behind it, on a thread of its own: a pipe has no
    /// deadline.
    fn read(
        &mut self,
        pipe: Option<impl std::io::Read + Send + 'static>,
        limit: usize,
    ) -> std::io::Result<Receiver<std::io::Result<Output>>> {
        let (done, output) = sync_channel(1);
        let mut pipe = pipe.ok_or_else(broken)?;
        let reader = std::thread::Builder::new()
            .name("tacho-command".to_owned())
            .stack_size(256 << 10)
            .spawn(move || {
                let mut bytes = Vec::new();
                let some = pipe.by_ref().take(limit as u64 + 1);
                let read = { some }.read_to_end(&mut bytes);
                let is_cut = bytes.len() > limit;
                bytes.truncate(limit);
                let _ = done.send(read.map(|_| Output { bytes, is_cut }));
                // Whoever finds nobody listening would be ended by it.
                let _ = std::io::copy(&mut pipe, &mut std::io::sink());
            })?;
        self.readers.push(reader);
        Ok(output)
    }
}

/// Hears it out.
fn finish(
    running: &mut Running,
    output: &Receiver<std::io::Result<Output>>,
    errors: &Receiver<std::io::Result<Output>>,
    limits: Limits,
    deadline: &Deadline,
) -> Result<Vec<u8>, CommandError> {
    let late = |_| CommandError::Late {
        timeout: deadline.timeout(),
    };
    let output = loop {
        match output.recv_timeout(deadline.left().map_err(late)?.min(SLICE)) {
            Ok(output) => break output?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(broken().into()),
        }
    };
    if output.is_cut {
        return Err(CommandError::TooMuch {
            limit: limits.output_bytes,
        });
    }
    // Output may end before the command does.
    while !running.has_ended()? {
        let left = deadline.left().map_err(late)?;
        std::thread::sleep(left.min(LOOK));
    }
    let status = running.end()?;
    if status.success() {
        return Ok(output.bytes);
    }
    let errors = errors.recv_timeout(SLICE).ok().and_then(Result::ok);
    let said = errors.map_or(String::new(), |errors| {
        let text = in_a_line(String::from_utf8_lossy(&errors.bytes).trim());
        if text.is_empty() {
            text
        } else {
            format!(": {text}")
        }
    });
    Err(CommandError::Status { status, said })
}

fn broken() -> std::io::Error {
    std::io::Error::other("its output cannot be read")
}

struct Output {
    bytes: Vec<u8>,
    is_cut: bool,
}

/// A command that is killed, with all of its process group, when its run ends.
struct Running {
    child: Child,
    /// Whether it was waited for: its number may be another's now.
    is_over: bool,
}

impl Running {
    /// Whether it ended by itself; it keeps its number.
    #[cfg(unix)]
    fn has_ended(&mut self) -> std::io::Result<bool> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let pid = pid_of(&self.child).ok_or_else(broken)?;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(pid), options) {
            Ok(status) => Ok(status.is_some()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(unix))]
    fn has_ended(&mut self) -> std::io::Result<bool> {
        self.child.try_wait().map(|status| status.is_some())
    }

    /// Ends what is left of its group, and tells how it ended itself.
    fn end(&mut self) -> std::io::Result<std::process::ExitStatus> {
        kill_group(&self.child);
        self.is_over = true;
        self.child.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_over {
            let _ = self.child.kill();
            let _ = self.end();
        }
    }
}

#[cfg(unix)]
fn pid_of(child: &Child) -> Option<rustix::process::Pid> {
    let number = i32::try_from(child.id()).ok()?;
    rustix::process::Pid::from_raw(number)
}

#[cfg(unix)]
fn kill_group(child: &Child) {
    if let Some(pid) = pid_of(child) {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group(_: &Child) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Stop;

    fn shell(script: &str, limit: usize, ms: u64) -> Result<String, String> {
        let deadline = Deadline::after(Duration::from_millis(ms), Stop::default());
        let limits = Limits {
            output_bytes: limit,
        };
        let mut command = Command::new("sh");
        let ran = Runner::default().run(command.args(["-c", script]), limits, &deadline);
        let text = ran.map(|output| String::from_utf8(output).unwrap());
        text.map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_gives_its_output_or_a_reason() {
        assert_eq!(
            shell("echo a; echo b >&2", 100, 20_000).as_deref(),
            Ok("a\n")
        );
        let failed = shell("echo wrong >&2; exit 3", 100, 20_000).unwrap_err();
        assert_eq!(
            failed,
            "run the command: it ended with exit status: 3: wrong"
        );
        let deadline = Deadline::after(Duration::from_secs(1), Stop::default());
        let limits = Limits { output_bytes: 1 };
        let mut nowhere = Command::new("/nowhere/x");
        let ran = Runner::default().run(&mut nowhere, limits, &deadline);
        let none = ran.unwrap_err();
        assert!(
            none.to_string().starts_with("start `/nowhere/x`: "),
            "{none}"
        );
    }

    #[test]
    fn a_command_without_end_is_killed_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let pid = dir.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
        let late = shell(&script, 100, 400).unwrap_err();
        assert!(
            late.contains("did not end within 400ms, and was killed"),
            "{late}"
        );
        assert_ends(&pid);
        // A run that went well leaves nothing behind either.
        let script = format!("sleep 600 >&- 2>&- & echo $! > {}", pid.display());
        assert_eq!(shell(&script, 100, 20_000).as_deref(), Ok(""));
        assert_ends(&pid);
    }

    /// Waits until the process whose number stands in that file is gone.
    fn assert_ends(pid: &std::path::Path) {
        let text = std::fs::read_to_string(pid).unwrap();
        let child: u32 = text.trim().parse().unwrap();
        // Whoever adopted it may not have buried it yet.
        for _ in 0..500 {
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("process {child} lives on");
    }

    #[test]
    fn much_on_standard_error_does_no_harm() {
        let script = "i=0; while [ $i -lt 3000 ]; do echo 'a long line of errors' >&2; \
            i=$((i+1)); done; echo done";
        assert_eq!(shell(script, 100, 20_000).as_deref(), Ok("done\n"));
    }

    #[test]
    fn what_cannot_be_ended_keeps_the_next_run_from_starting() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let reader = std::thread::spawn(move || {
            let _ = receiver.recv();
        });
        let mut runner = Runner {
            readers: vec![reader],
        };
        let limits = Limits { output_bytes: 100 };
        let mut run = || {
            let deadline = Deadline::after(Duration::from_secs(20), Stop::default());
            runner.run(Command::new("echo").arg("a"), limits, &deadline)
        };
        assert!(matches!(run(), Err(CommandError::Busy)));
        drop(sender);
        assert_eq!(run().unwrap(), b"a\n");
    }

    #[test]
    fn output_without_end_is_cut_off() {
        let much = shell("yes", 10_000, 20_000).unwrap_err();
        assert!(
            much.contains("more than 10000 bytes, and was killed"),
            "{much}"
        );
        // What a child that lives on still holds open does not keep the answer.
        let late = shell("sleep 600 & echo a", 100, 300).unwrap_err();
        assert!(late.contains("did not end within 300ms"), "{late}");
    }
}

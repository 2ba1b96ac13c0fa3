//! Running a command by a deadline, with its output bounded.
//!
//! 1. A command that takes too long, or says too much, is killed with all that it started: it runs
//!    in a process group of its own.
//! 2. What it writes on standard error is told in the error, cut.
//!
//! No shell: a command is its words. Not for commands that read their input: it is empty.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::{TargetError, in_a_line};
use crate::net::{Deadline, SLICE};

/// Bytes of standard error that are kept.
const ERROR_BYTES_MAX: usize = 1000;

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

/// Runs it and gives what it wrote on standard output.
pub fn run(
    command: &mut Command,
    limits: Limits,
    deadline: &Deadline,
) -> Result<Vec<u8>, CommandError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let program = command.get_program().to_string_lossy().into_owned();
    let started = command.spawn();
    let child = started.map_err(|source| CommandError::Start { program, source })?;
    let mut running = Running(child);
    let output = read(running.0.stdout.take(), limits.output_bytes)?;
    let errors = read(running.0.stderr.take(), ERROR_BYTES_MAX)?;
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
    let status = loop {
        if let Some(status) = running.0.try_wait()? {
            break status;
        }
        let left = deadline.left().map_err(late)?;
        std::thread::sleep(left.min(Duration::from_millis(5)));
    };
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

/// Reads to the end, or to the limit, on a thread of its own: a pipe has no deadline.
fn read(
    pipe: Option<impl std::io::Read + Send + 'static>,
    limit: usize,
) -> std::io::Result<Receiver<std::io::Result<Output>>> {
    let (done, output) = sync_channel(1);
    let pipe = pipe.ok_or_else(broken)?;
    std::thread::Builder::new()
        .name("tacho-command".to_owned())
        .stack_size(256 << 10)
        .spawn(move || {
            let mut bytes = Vec::new();
            let read = pipe.take(limit as u64 + 1).read_to_end(&mut bytes);
            let is_cut = bytes.len() > limit;
            bytes.truncate(limit);
            let _ = done.send(read.map(|_| Output { bytes, is_cut }));
        })?;
    Ok(output)
}

/// A command that is killed, with all of its process group, when nobody waits for it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            kill_group(&self.0);
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

#[cfg(unix)]
fn kill_group(child: &Child) {
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
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
        let ran = run(command.args(["-c", script]), limits, &deadline);
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
        let none = run(&mut Command::new("/nowhere/x"), limits, &deadline).unwrap_err();
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
        let child: u32 = std::fs::read_to_string(pid)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
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

//! Real clients in Python, installed by `script/clients` where `TACHO_CLIENTS` says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The Python of the clients; `None`, said, where they are not installed.
pub(crate) fn interpreter() -> Option<Command> {
    let Some(clients) = std::env::var_os("TACHO_CLIENTS") else {
        println!("skipped: TACHO_CLIENTS does not say where script/clients put the clients");
        return None;
    };
    Some(Command::new(PathBuf::from(clients).join("py/bin/python")))
}

/// A file of `tests/clients`.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

/// Runs a program of `tests/clients` with these arguments; what it printed, or `None`, said, where
/// the clients are not installed.
pub(crate) fn run(program: &str, args: &[&str]) -> Option<String> {
    let mut command = interpreter()?;
    command.arg(file(program)).args(args);
    Some(output(command))
}

/// Runs a command to its end, which must be good; what it printed.
#[track_caller]
pub(crate) fn output(mut command: Command) -> String {
    let ran = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{command:?}: {out}\n{err}");
    out.into_owned()
}

/// A program that serves until a line comes; killed when dropped.
pub(crate) struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Serving {
    /// Starts it; with the first line that it prints.
    #[track_caller]
    pub(crate) fn start(mut command: Command) -> (Self, String) {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut serving = Self { child, out };
        let mut line = String::new();
        serving.out.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{command:?} ended at once");
        (serving, line.trim().to_owned())
    }

    /// Ends it, which must be good; what else it printed.
    #[track_caller]
    pub(crate) fn end(mut self) -> String {
        self.child.stdin.take().unwrap().write_all(b"\n").unwrap();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
        rest
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! Processes that are named: by what they are called or by their command line, added up, with
//! `process-exporter`'s names.
//!
//! 1. A command line is matched and never stored, told or logged: it may hold secrets.
//! 2. Counters add up what the processes used while they were watched, from 0 at the server's start,
//!    and do not fall when one of them ends or is not seen for a moment.
//! 3. What may not be read of a process of another user's is absent: `read_bytes`, `write_bytes`
//!    and open files need its user or root.
//!
//! Not for finding out which processes are busy: the host's collector does that for all of them.
//! Source: proc(5).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tacho_model::Unit;

use super::{Make, Target, TargetError, Turn};
use crate::collectors::processes::{PROCESSES_MAX, stat};
use crate::emit::Family;
use crate::sys;
use crate::text;

/// Bytes of a command line that are looked at.
const COMMAND_LINE_MAX: usize = 4096;
/// Runs in which a process may not be found, or be called something else, before it is forgotten:
/// whatever it used would count anew.
const UNSEEN_RUNS_MAX: u64 = 5;

const N: Unit = Unit::NONE;
const S: Unit = Unit::SECONDS;
const B: Unit = Unit::BYTES;

static COUNT: Family = Family::gauge("namedprocess_namegroup_num_procs", N, "Processes.");
static THREADS: Family = Family::gauge("namedprocess_namegroup_num_threads", N, "Threads.");
static CPU: Family = Family::counter("namedprocess_namegroup_cpu_seconds_total", S, "CPU time.");
static MEMORY: Family = Family::gauge("namedprocess_namegroup_memory_bytes", B, "Memory.");
static FILES: Family = Family::gauge("namedprocess_namegroup_open_filedesc", N, "Open files.");
static OLDEST: Family = Family::gauge(
    "namedprocess_namegroup_oldest_start_time_seconds",
    S,
    "When the oldest of them started, in Unix seconds.",
);
static READ: Family = Family::counter(
    "namedprocess_namegroup_read_bytes_total",
    B,
    "Bytes read from disks.",
);
static WRITE: Family = Family::counter(
    "namedprocess_namegroup_write_bytes_total",
    B,
    "Bytes written to disks.",
);
static SWITCHES: Family = Family::counter(
    "namedprocess_namegroup_context_switches_total",
    N,
    "Times that a thread gave its CPU away, or had to.",
);
static FAULTS: Family = Family::counter(
    "namedprocess_namegroup_major_page_faults_total",
    N,
    "Pages that had to be read from disk.",
);
static STATES: Family = Family::gauge(
    "namedprocess_namegroup_states",
    N,
    "Processes in this state.",
);

/// Which processes are meant.
#[derive(Debug, Clone)]
pub enum Which {
    /// Those of this name, as the kernel keeps it: at most 15 bytes.
    Name(String),
    /// Those whose command line matches.
    Pattern(regex::Regex),
}

/// Which processes are meant and what they are called.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Their `groupname`.
    pub group: String,
    /// Which.
    pub which: Which,
    /// Where procfs is mounted.
    pub procfs: PathBuf,
}

impl Make for Settings {
    fn make(&self) -> Box<dyn Target> {
        Box::new(Processes {
            settings: self.clone(),
            directory: sys::Directory::new(self.procfs.clone()),
            seen: HashMap::new(),
            runs: 0,
            total: Totals::default(),
        })
    }

    fn about(&self) -> String {
        match &self.which {
            Which::Name(name) => format!("processes called {name}"),
            Which::Pattern(pattern) => format!("processes like {pattern}"),
        }
    }
}

struct Processes {
    settings: Settings,
    directory: sys::Directory,
    /// What each had used when it was last seen, by number and start, and in which run that was.
    seen: HashMap<(u32, u64), (Totals, u64)>,
    /// Runs so far.
    runs: u64,
    total: Totals,
}

/// What only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Totals {
    user: u64,
    system: u64,
    faults: u64,
    read: u64,
    write: u64,
    voluntary: u64,
    forced: u64,
}

impl Totals {
    fn fields(&mut self) -> [&mut u64; 7] {
        [
            &mut self.user,
            &mut self.system,
            &mut self.faults,
            &mut self.read,
            &mut self.write,
            &mut self.voluntary,
            &mut self.forced,
        ]
    }

    /// Adds what came since.
    fn grow(&mut self, mut now: Self, mut before: Self) {
        let both = now.fields().into_iter().zip(before.fields());
        for (sum, (now, before)) in self.fields().into_iter().zip(both) {
            *sum = sum.saturating_add(now.saturating_sub(*before));
        }
    }
}

/// What they use now.
#[derive(Debug, Default)]
struct Now {
    processes: u64,
    threads: u64,
    resident: u64,
    virtual_bytes: u64,
    swapped: u64,
    files: u64,
    /// Whether any of them let its files, and its reads and writes, be seen.
    has_files: bool,
    has_io: bool,
    oldest: Option<u64>,
    states: [u64; STATE_NAMES.len()],
}

/// Letters of states and what they are called.
const STATE_NAMES: [(&str, &str); 5] = [
    ("R", "Running"),
    ("S", "Sleeping"),
    ("D", "Waiting"),
    ("Z", "Zombie"),
    ("", "Other"),
];

impl Target for Processes {
    fn collect(&mut self, turn: &mut Turn<'_>) -> Result<(), TargetError> {
        let mut pids = Vec::new();
        let listed = self.directory.numbers(PROCESSES_MAX, &mut pids);
        listed.map_err(|error| {
            let path = self.settings.procfs.display();
            TargetError::Unusable(format!("read {path}: {error}"))
        })?;
        let mut now = Now::default();
        self.runs += 1;
        let run = self.runs;
        for pid in pids {
            if let Some((start, totals)) = self.look(pid, &mut now) {
                let before = match self.seen.insert((pid, start), (totals, run)) {
                    Some((before, _)) => before,
                    // What they used before the server started is nothing that was watched.
                    None if run == 1 => totals,
                    // It began meanwhile.
                    None => Totals::default(),
                };
                self.total.grow(totals, before);
            }
        }
        self.seen
            .retain(|_, (_, last)| run - *last <= UNSEEN_RUNS_MAX);
        self.push(&now, turn);
        if now.processes == 0 {
            let about = self.settings.about();
            return Err(TargetError::Failed(format!("find {about}: there is none")));
        }
        Ok(())
    }
}

impl Processes {
    /// Looks at a process; when it started and what it used, where it is one of them.
    fn look(&mut self, pid: u32, now: &mut Now) -> Option<(u64, Totals)> {
        let mut buffer = vec![0; COMMAND_LINE_MAX];
        let length = self.directory.read_of(pid, "stat", &mut buffer).ok()?;
        let line = buffer.get(..length)?.to_vec();
        let read = stat::parse(&line).ok()?;
        match &self.settings.which {
            Which::Name(name) => (read.comm == name.as_bytes()).then_some(())?,
            Which::Pattern(pattern) => {
                let length = self.directory.read_of(pid, "cmdline", &mut buffer).ok()?;
                let words = buffer.get(..length)?;
                let words = String::from_utf8_lossy(words).replace('\0', " ");
                let words = words.trim_end();
                // Kernel threads have none. This process names the pattern only in its file.
                (!words.is_empty() && pattern.is_match(words)).then_some(())?;
            }
        }
        let folder = self.settings.procfs.join(pid.to_string());
        let more = More::parse(&line)?;
        let mut totals = Totals {
            user: more.user,
            system: more.system,
            faults: more.faults,
            ..Totals::default()
        };
        now.processes += 1;
        now.threads += read.threads;
        now.resident += read.resident_pages.saturating_mul(sys::page_bytes());
        now.virtual_bytes += read.virtual_bytes;
        now.oldest = Some(
            now.oldest
                .map_or(read.start_ticks, |old| old.min(read.start_ticks)),
        );
        now.states[more.state] += 1;
        if let Ok(files) = std::fs::read_dir(folder.join("fd")) {
            now.files += files.count() as u64;
            now.has_files = true;
        }
        if let Ok(status) = std::fs::read(folder.join("status")) {
            let value = |key: &str| keyed(&status, key).unwrap_or(0);
            now.swapped += value("VmSwap:").saturating_mul(1024);
            totals.voluntary = value("voluntary_ctxt_switches:");
            totals.forced = value("nonvoluntary_ctxt_switches:");
        }
        if let Ok(io) = std::fs::read(folder.join("io")) {
            totals.read = keyed(&io, "read_bytes:").unwrap_or(0);
            totals.write = keyed(&io, "write_bytes:").unwrap_or(0);
            now.has_io = true;
        }
        Some((read.start_ticks, totals))
    }

    fn push(&self, now: &Now, turn: &mut Turn<'_>) {
        let group = ("groupname", self.settings.group.as_str());
        let emit = &mut turn.emit;
        emit.push(&COUNT, &[group], now.processes as f64);
        emit.push(&THREADS, &[group], now.threads as f64);
        let ticks = sys::ticks_per_second() as f64;
        let total = &self.total;
        for (mode, used) in [("user", total.user), ("system", total.system)] {
            emit.push(&CPU, &[group, ("mode", mode)], used as f64 / ticks);
        }
        for (kind, bytes) in [
            ("resident", now.resident),
            ("virtual", now.virtual_bytes),
            ("swapped", now.swapped),
        ] {
            emit.push(&MEMORY, &[group, ("memtype", kind)], bytes as f64);
        }
        for (kind, count) in [
            ("voluntary", total.voluntary),
            ("nonvoluntary", total.forced),
        ] {
            let labels = [group, ("ctxswitchtype", kind)];
            emit.push(&SWITCHES, &labels, count as f64);
        }
        emit.push(&FAULTS, &[group], total.faults as f64);
        if now.has_io {
            emit.push(&READ, &[group], total.read as f64);
            emit.push(&WRITE, &[group], total.write as f64);
        }
        if now.has_files {
            emit.push(&FILES, &[group], now.files as f64);
        }
        for ((_, name), count) in STATE_NAMES.iter().zip(now.states) {
            emit.push(&STATES, &[group, ("state", name)], count as f64);
        }
        let boot = boot_time(&self.settings.procfs);
        if let (Some(boot), Some(oldest)) = (boot, now.oldest) {
            emit.push(&OLDEST, &[group], boot + oldest as f64 / ticks);
        }
    }
}

/// When the host started, in Unix seconds.
fn boot_time(procfs: &Path) -> Option<f64> {
    let stat = std::fs::read(procfs.join("stat")).ok()?;
    keyed(&stat, "btime").map(|seconds| seconds as f64)
}

/// The number behind a key, one a line.
fn keyed(bytes: &[u8], key: &str) -> Option<u64> {
    text::lines(bytes).find_map(|line| {
        let mut words = text::fields(line);
        let is_it = words.next() == Some(key.as_bytes());
        is_it
            .then(|| words.next().and_then(text::unsigned))
            .flatten()
    })
}

/// What else is on the line of `/proc/PID/stat`.
struct More {
    state: usize,
    faults: u64,
    user: u64,
    system: u64,
}

impl More {
    fn parse(line: &[u8]) -> Option<Self> {
        let close = line.iter().rposition(|byte| *byte == b')')?;
        let fields: Vec<&[u8]> = text::fields(line.get(close + 1..)?).take(13).collect();
        let number = |at: usize| fields.get(at).and_then(|field| text::unsigned(field));
        let letter = *fields.first()?;
        let known = STATE_NAMES
            .iter()
            .position(|(name, _)| name.as_bytes() == letter);
        Some(Self {
            state: known.unwrap_or(STATE_NAMES.len() - 1),
            faults: number(9)?,
            user: number(11)?,
            system: number(12)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use tacho_model::{Batch, Timestamp, Value};

    use super::*;
    use crate::net::{Deadline, Stop};
    use crate::targets::Running;
    use std::time::Duration;

    fn write(root: &Path, pid: u32, comm: &str, cmdline: &str, start: u64, user: u64) {
        let folder = root.join(pid.to_string());
        std::fs::create_dir_all(folder.join("fd")).unwrap();
        std::fs::write(folder.join("fd/0"), "").unwrap();
        let stat = format!(
            "{pid} ({comm}) S 1 7 7 0 -1 64 98 0 3 0 {user} 6 0 0 20 0 2 0 {start} 4096 12 1 2\n"
        );
        std::fs::write(folder.join("stat"), stat).unwrap();
        std::fs::write(folder.join("cmdline"), cmdline.replace(' ', "\0")).unwrap();
        let status = "VmSwap:\t2 kB\nvoluntary_ctxt_switches:\t5\n";
        std::fs::write(folder.join("status"), status).unwrap();
        std::fs::write(
            folder.join("io"),
            "rchar: 9\nread_bytes: 512\nwrite_bytes: 0\n",
        )
        .unwrap();
    }

    fn collect(running: &mut Running) -> (bool, Vec<String>) {
        let mut batch = Batch::new();
        let deadline = Deadline::after(Duration::from_secs(9), Stop::default());
        let went = running.run(Timestamp::now(), deadline, &mut batch).is_ok();
        let rows = batch.rows().map(|(series, _, value)| match value {
            Value::Float(value) => format!("{} {value}", batch.labels(series).unwrap()),
            Value::Histogram(_) => String::new(),
        });
        (went, rows.collect())
    }

    fn running(root: &Path, which: Which) -> Running {
        let settings = Settings {
            group: "g".to_owned(),
            which,
            procfs: root.to_owned(),
        };
        Running::new(settings.make(), Vec::new())
    }

    #[test]
    fn processes_are_added_up_and_their_totals_never_fall() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        write(root, 10, "web", "web --port 1", 100, 200);
        write(root, 11, "web", "web --port 2", 100, 100);
        write(root, 12, "other", "other", 100, 900);
        let mut named = running(root, Which::Name("web".to_owned()));
        let cpu = |user: f64| {
            let seconds = user / sys::ticks_per_second() as f64;
            let name = "namedprocess_namegroup_cpu_seconds_total";
            format!(r#"{name}{{groupname="g",mode="user"}} {seconds}"#)
        };
        let (went, rows) = collect(&mut named);
        assert!(went);
        for row in [
            cpu(0.0),
            r#"namedprocess_namegroup_num_procs{groupname="g"} 2"#.to_owned(),
            r#"namedprocess_namegroup_num_threads{groupname="g"} 4"#.to_owned(),
            r#"namedprocess_namegroup_open_filedesc{groupname="g"} 2"#.to_owned(),
            r#"namedprocess_namegroup_read_bytes_total{groupname="g"} 0"#.to_owned(),
            r#"namedprocess_namegroup_memory_bytes{groupname="g",memtype="swapped"} 4096"#
                .to_owned(),
            r#"namedprocess_namegroup_major_page_faults_total{groupname="g"} 0"#.to_owned(),
        ] {
            assert!(rows.contains(&row), "{row}: {rows:#?}");
        }
        // One ends, one goes on, one comes with the number of the one that ended.
        write(root, 10, "web", "web", 900, 7);
        write(root, 11, "web", "web --port 2", 100, 150);
        assert!(collect(&mut named).1.contains(&cpu(57.0)));
        for pid in ["10", "11"] {
            std::fs::remove_dir_all(root.join(pid)).unwrap();
        }
        let (went, rows) = collect(&mut named);
        assert!(!went && rows.contains(&cpu(57.0)), "{rows:#?}");
        // One that was not seen for a moment goes on where it was.
        write(root, 11, "web", "web --port 2", 100, 151);
        assert!(collect(&mut named).1.contains(&cpu(58.0)));
    }

    #[test]
    fn a_pattern_is_looked_for_in_the_command_line() {
        let dir = tempfile::tempdir().unwrap();
        write(
            dir.path(),
            10,
            "python3",
            "python3 -m worker --key s3cret",
            1,
            1,
        );
        write(dir.path(), 11, "kworker", "", 1, 1);
        let pattern = regex::Regex::new("-m worker( |$)").unwrap();
        let (went, rows) = collect(&mut running(dir.path(), Which::Pattern(pattern)));
        let count = r#"namedprocess_namegroup_num_procs{groupname="g"} 1"#.to_owned();
        assert!(went && rows.contains(&count), "{rows:#?}");
        assert!(!rows.iter().any(|row| row.contains("s3cret")));
    }

    #[test]
    fn a_torn_line_is_no_process() {
        for bad in ["", "1 (a", "1 (a) S", "1 (a) S 1 2 3 4 5 6 7 8 x 0 1 2"] {
            assert!(More::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}

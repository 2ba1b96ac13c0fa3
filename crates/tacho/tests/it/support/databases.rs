//! Real databases of a test's own: PostgreSQL and Redis, on a folder and a port of their own.
//!
//! Where one is not installed, the test says so and ends; `script/test` installs both.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{eventually, signal};

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The newest PostgreSQL that is installed.
pub(crate) fn postgresql() -> Option<PathBuf> {
    let all = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let versions = all.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let newest = versions.filter_map(|name| name.parse::<u32>().ok()).max();
    let bin = newest.map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let bin = bin.filter(|bin| bin.join("initdb").exists());
    if bin.is_none() {
        println!("skipped: no PostgreSQL (Debian package: postgresql)");
    }
    bin
}

/// Whether Redis is installed.
pub(crate) fn there_is_redis() -> bool {
    let ran = Command::new("redis-server").arg("--version").output();
    let is_there = ran.is_ok_and(|ran| ran.status.success());
    if !is_there {
        println!("skipped: no redis-server (Debian package: redis-server)");
    }
    is_there
}

/// A server of PostgreSQL; stopped when dropped. Its superuser needs no password on the Unix
/// socket; over TCP everybody needs one, by SCRAM.
pub(crate) struct Postgresql {
    bin: PathBuf,
    dir: tempfile::TempDir,
    pub(crate) port: u16,
    child: Option<Child>,
}

impl Postgresql {
    pub(crate) fn start(bin: PathBuf) -> Self {
        let dir = tempfile::tempdir().unwrap();
        if is_root() {
            let owner = Command::new("chown")
                .arg("postgres")
                .arg(dir.path())
                .status();
            assert!(owner.unwrap().success());
        }
        let mut server = Self {
            bin,
            dir,
            port: free_port(),
            child: None,
        };
        let data = server.dir.path().join("data");
        let mut initdb = as_postgres(&server.bin.join("initdb"), server.dir.path());
        initdb.args([
            "-N",
            "-U",
            "postgres",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
        ]);
        let made = initdb.arg("-D").arg(data).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        server.start_again();
        server
    }

    /// Starts it after [`Self::stop`], at the same port.
    pub(crate) fn start_again(&mut self) {
        let mut command = as_postgres(&self.bin.join("postgres"), self.dir.path());
        let folder = self.dir.path().to_str().unwrap();
        command.args(["-D", &format!("{folder}/data"), "-k", folder]);
        command.args(["-p", &self.port.to_string(), "-c", "fsync=off"]);
        command.args(["-c", "shared_preload_libraries=pg_stat_statements"]);
        command.args(["-c", "track_io_timing=on", "-c", "max_connections=40"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        eventually("PostgreSQL", || {
            let asked = self
                .tool("psql")
                .args(["-d", "postgres", "-c", "SELECT 1"])
                .output();
            asked.unwrap().status.success().then_some(())
        });
    }

    /// Stops it: open connections end.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal("INT", child.id());
            child.wait().unwrap();
        }
    }

    /// The folder of its Unix socket.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// One of its tools, told where the server is; as the superuser.
    pub(crate) fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.env("PGHOST", self.dir.path());
        command.env("PGPORT", self.port.to_string());
        command.env("PGUSER", "postgres").env_remove("PGDATABASE");
        command
    }

    /// Runs a statement and gives what it says.
    #[track_caller]
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = self.tool("psql");
        let ran = psql.args([
            "-X",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            database,
            "-c",
            sql,
        ]);
        let ran = ran.output().unwrap();
        assert!(ran.status.success(), "{sql}: {ran:?}");
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Postgresql {
    fn drop(&mut self) {
        self.stop();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// A command as a user that PostgreSQL runs as: it refuses root.
fn as_postgres(program: &Path, dir: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            "--",
        ]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(dir);
    command
}

/// A server of Redis; stopped when dropped.
pub(crate) struct Redis {
    dir: tempfile::TempDir,
    pub(crate) port: u16,
    pub(crate) password: &'static str,
    child: Option<Child>,
}

impl Redis {
    pub(crate) fn start(password: &'static str) -> Self {
        let mut redis = Self {
            dir: tempfile::tempdir().unwrap(),
            port: free_port(),
            password,
            child: None,
        };
        redis.start_again();
        redis
    }

    pub(crate) fn start_again(&mut self) {
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &self.port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ]);
        command
            .args(["--requirepass", self.password])
            .arg("--dir")
            .arg(self.dir.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        eventually("Redis", || {
            let asked = self.tool("redis-cli").arg("ping").output().unwrap();
            asked.stdout.starts_with(b"PONG").then_some(())
        });
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal("TERM", child.id());
            child.wait().unwrap();
        }
    }

    /// The process's id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// One of its tools, told where the server is and how to log in.
    pub(crate) fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.args(["-p", &self.port.to_string(), "-a", self.password]);
        command.stderr(Stdio::null());
        command
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            signal("CONT", child.id());
        }
        self.stop();
    }
}

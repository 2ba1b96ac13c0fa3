//! What every test here needs: a home folder, a server in it, commands, HTTP, bounded waits.

pub(crate) mod databases;
pub(crate) mod exporter;
pub(crate) mod prometheus;
pub(crate) mod python;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// The longest that anything here is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server that does not watch the host: quick, and silent but for what a test posts.
pub(crate) const QUIET: &str = "collect: {host: false, interval: 100ms}\n";

/// Asks until the answer is there, and panics with `what` when it never comes.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Unix seconds now.
pub(crate) fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

/// Asserts that a JSON object has all these keys.
pub(crate) fn assert_keys(value: &Value, keys: &str) {
    for key in keys.split_whitespace() {
        assert!(value.get(key).is_some(), "no `{key}` in {value:#}");
    }
}

/// A folder of its own for one test: `data`, and `tacho.yaml` where the test wants one.
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    /// An empty home.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir }
    }

    /// A home with this configuration.
    pub(crate) fn with(config: &str) -> Self {
        let home = Self::new();
        home.write("tacho.yaml", config);
        home
    }

    /// A path inside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `tacho` with these arguments, in this folder, without the caller's environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tacho"));
        command.args(args).current_dir(self.dir.path());
        for name in [
            "TACHO_SERVER",
            "TACHO_TOKEN",
            "TACHO_TOKEN_FILE",
            "TACHO_CA",
            "TACHO_LOG",
            "CLICOLOR_FORCE",
            "NO_COLOR",
        ] {
            command.env_remove(name);
        }
        // Servers of tests that run at once must not fight for the usual ports.
        command.env("TACHO_INGEST_OTLP_HTTP", "off");
        command.env("TACHO_INGEST_OTLP_GRPC", "off");
        command
    }

    /// Runs a command to its end.
    pub(crate) fn tacho(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// Starts a server on `data` and waits until it is ready.
    pub(crate) fn start(&self, args: &[&str]) -> Server {
        let mut all = vec!["start", "--port", "0", "--data-dir", "data"];
        all.extend(args);
        Server::spawn(self.command(&all))
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    /// Asserts that the error says all of these.
    #[track_caller]
    pub(crate) fn complains(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.err.contains(text), "no `{text}` in: {}", self.err);
        }
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    scheme: &'static str,
    /// What is sent as `Authorization`.
    authorization: Option<String>,
    log: Arc<Mutex<String>>,
    agent: ureq::Agent,
}

impl Server {
    /// Starts a server and waits until it is ready.
    pub(crate) fn spawn(command: Command) -> Self {
        Self::spawn_trusted(command, ureq::tls::RootCerts::WebPki)
    }

    /// The same, where the server's certificate was signed by one of `authorities`.
    pub(crate) fn spawn_trusted(mut command: Command, authorities: ureq::tls::RootCerts) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let sink = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                sink.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let (scheme, address) = eventually("the greeting", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("ended with {status}: {}", log.lock().unwrap());
            }
            let said = log.lock().unwrap();
            // Log records before it may name other addresses.
            let greeting = said.get(said.find(" at http")?..)?;
            let (before, rest) = greeting.split_once("://")?;
            let is_tls = before.ends_with("https");
            let scheme = if is_tls { "https" } else { "http" };
            Some((scheme, rest.split_once('\n')?.0.to_owned()))
        });
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .tls_config(
                ureq::tls::TlsConfig::builder()
                    .root_certs(authorities)
                    .build(),
            )
            .proxy(None)
            .build()
            .new_agent();
        let server = Self {
            child,
            address,
            scheme,
            authorization: None,
            log,
            agent,
        };
        eventually("readiness", || {
            (server.get("/readyz").status == 200).then_some(())
        });
        server
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// `http://host:port`.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Sends this as `Authorization` from now on; nothing where it is empty.
    pub(crate) fn authorize(&mut self, authorization: &str) {
        self.authorization = (!authorization.is_empty()).then(|| authorization.to_owned());
    }

    /// Any request without a body; its method need not be known.
    pub(crate) fn request(&self, method: &str, path: &str) -> Answer {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url()));
        let request = match &self.authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        };
        let agent = self.agent.configure_request(request.body(()).unwrap());
        let request = agent.allow_non_standard_methods(true).build();
        let answered = self.agent.run(request);
        Answer::from(answered.unwrap_or_else(|error| panic!("{method} {path}: {error}")))
    }

    fn identified<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }

    /// The process's id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything said on standard error so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The log records of the alerts, written with `--log-format json`.
    pub(crate) fn notices(&self, rule: &str, change: &str) -> Vec<Value> {
        let log = self.log();
        let records = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        records
            .filter(|r| r["target"] == "tacho::alert" && r["rule"] == rule && r["change"] == change)
            .collect()
    }

    /// `GET`.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let request = self.agent.get(format!("{}{path}", self.url()));
        Answer::from(self.identified(request).call().unwrap())
    }

    /// `GET` with parameters, which must succeed, as JSON.
    #[track_caller]
    pub(crate) fn query(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let request = self.agent.get(format!("{}{path}", self.url()));
        let request = self.identified(request);
        let request = parameters.iter().fold(request, |r, (n, v)| r.query(n, v));
        Answer::from(request.call().unwrap()).ok()
    }

    /// The series that `GET metrics` answers.
    #[track_caller]
    pub(crate) fn series(&self, parameters: &[(&str, &str)]) -> Vec<Value> {
        let body = self.query("/api/performance/metrics", parameters);
        body["series"].as_array().unwrap().clone()
    }

    /// The values of the only series that matches.
    #[track_caller]
    pub(crate) fn values(&self, parameters: &[(&str, &str)]) -> Vec<f64> {
        let series = self.series(parameters);
        assert_eq!(series.len(), 1, "{parameters:?}: {series:?}");
        let points = series[0]["points"].as_array().unwrap();
        points.iter().map(|p| p[1].as_f64().unwrap()).collect()
    }

    /// `POST` of JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_bytes(path, body.to_string().as_bytes())
    }

    /// `POST` of anything.
    pub(crate) fn post_bytes(&self, path: &str, body: &[u8]) -> Answer {
        self.send(path, "application/json", "", body)
    }

    /// `POST` of anything, in any encoding.
    pub(crate) fn send(&self, path: &str, kind: &str, encoding: &str, body: &[u8]) -> Answer {
        let request = self.agent.post(format!("{}{path}", self.url()));
        let mut request = self.identified(request);
        request = request.header("content-type", kind);
        if !encoding.is_empty() {
            request = request.header("content-encoding", encoding);
        }
        Answer::from(request.send(body).unwrap())
    }

    /// Keeps points, all of which must be accepted.
    #[track_caller]
    pub(crate) fn keep(&self, points: &Value) {
        self.post("/api/performance/metrics", points).ok();
    }

    /// `DELETE`.
    pub(crate) fn delete(&self, path: &str) -> Answer {
        let request = self.agent.delete(format!("{}{path}", self.url()));
        Answer::from(self.identified(request).call().unwrap())
    }

    /// Sends these bytes as they are, a whole request that asks to close the connection, and reads
    /// what comes back.
    pub(crate) fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The server may answer and hang up before all of it is sent.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Sends the beginning of a request, says that no more is coming, and reads what comes back;
    /// empty when the server hangs up in turn.
    pub(crate) fn cut(&self, beginning: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(beginning).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Runs a command against this server.
    pub(crate) fn tacho(&self, home: &Home, args: &[&str]) -> Ran {
        let mut command = home.command(args);
        Ran::from(command.env("TACHO_SERVER", self.url()).output().unwrap())
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as service managers do, and waits for the end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        signal("TERM", self.pid());
        self.end()
    }

    /// Waits for the end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        eventually("the end", || self.child.try_wait().unwrap())
    }
}

impl Drop for Server {
    /// Asks first: a server that ends by itself writes its coverage, and shows that it can end.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            signal("TERM", self.pid());
            let asked = std::time::Instant::now();
            while asked.elapsed().as_secs() < 5 && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by its name.
pub(crate) fn signal(name: &str, pid: u32) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .status();
    assert!(sent.unwrap().success());
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl From<ureq::http::Response<ureq::Body>> for Answer {
    fn from(mut response: ureq::http::Response<ureq::Body>) -> Self {
        let header = response.headers().get("content-type");
        let content_type = header
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(1 << 28);
        Self {
            status,
            content_type,
            body: String::from_utf8_lossy(&body.read_to_vec().unwrap()).into_owned(),
        }
    }
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()
    }

    /// Asserts a problem of this status whose detail says `text`.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, text: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.content_type, "application/problem+json", "{self:?}");
        let body = self.json();
        assert_keys(&body, "type title status detail");
        assert_eq!(body["status"], status);
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains(text), "no `{text}` in: {detail}");
    }
}

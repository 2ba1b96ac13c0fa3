//! Something to scrape: a server whose answer a test changes, and Python's own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// What an exporter answers.
#[derive(Debug, Clone)]
pub(crate) struct Exposes {
    pub(crate) status: &'static str,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

/// A server that answers every request alike; it ends with the test's process.
pub(crate) struct Exporter {
    pub(crate) address: String,
    answer: Arc<Mutex<Exposes>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Exporter {
    /// One that exposes this text.
    pub(crate) fn new(text: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answer = Arc::new(Mutex::new(Exposes {
            status: "200 OK",
            headers: "Content-Type: text/plain; version=0.0.4\r\n".to_owned(),
            body: text.as_bytes().to_vec(),
        }));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = (Arc::clone(&answer), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serve(stream, &shared.0, &shared.1);
            }
        });
        Self {
            address,
            answer,
            asked,
        }
    }

    /// From now on it exposes this text.
    pub(crate) fn expose(&self, text: &str) {
        self.answer.lock().unwrap().body = text.as_bytes().to_vec();
    }

    /// From now on it answers so.
    pub(crate) fn answer(&self, change: impl FnOnce(&mut Exposes)) {
        change(&mut self.answer.lock().unwrap());
    }

    /// The heads of the requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, answer: &Mutex<Exposes>, asked: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    asked
        .lock()
        .unwrap()
        .push(String::from_utf8_lossy(&head).into_owned());
    let answer = answer.lock().unwrap().clone();
    let head = format!(
        "HTTP/1.1 {}\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n",
        answer.status,
        answer.headers,
        answer.body.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), &answer.body].concat());
}

/// Python with the clients that tests need, where `TACHO_CLIENTS` names a folder that has it.
pub(crate) fn python(program: &str) -> Option<Command> {
    let found =
        std::env::var_os("TACHO_CLIENTS").map(|dir| PathBuf::from(dir).join("py/bin/python"));
    let Some(python) = found.filter(|path| path.exists()) else {
        println!("skipped: TACHO_CLIENTS names no folder with py/bin/python (prometheus_client)");
        return None;
    };
    let mut command = Command::new(python);
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    command.arg(folder.join(program));
    Some(command)
}

/// A program that says its port first; killed when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) port: u16,
}

impl Running {
    /// Starts it and reads its port.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Self { child, port }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

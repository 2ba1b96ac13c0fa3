//! A load of Prometheus remote write, for soaking a receiver: known and short-lived series, late
//! samples and repeated ones, numbers and histograms, at a steady rate over some connections.
//!
//! ```text
//! cargo run --release -p tacho-wire --example write_load -- ADDRESS SECONDS
//!     [--rate 100000] [--connections 2] [--series 5000] [--age 0]
//! ```
//!
//! `--age` dates all samples that many seconds back: with a retention a little longer than that,
//! every sample grows too old within minutes. Prints what the receiver answered, and ends with an
//! error when it answered anything but 204, 400 for samples that were too late, or "come again".

#![expect(clippy::print_stdout, reason = "a measuring program")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tacho_stats::rng::Rng;

const SAMPLES_A_REQUEST: u64 = 2000;
/// How far apart the samples of one series are.
const INTERVAL_MS: u64 = 1000;

struct Load {
    address: String,
    seconds: u64,
    rate: u64,
    connections: u64,
    series: u64,
    age: u64,
}

fn arguments() -> Result<Load> {
    let mut words = std::env::args().skip(1);
    let mut load = Load {
        address: words.next().ok_or_else(|| Error::other("no ADDRESS"))?,
        seconds: number(words.next())?,
        rate: 100_000,
        connections: 2,
        series: 5000,
        age: 0,
    };
    while let Some(word) = words.next() {
        let value = number(words.next())?;
        match word.as_str() {
            "--rate" => load.rate = value,
            "--connections" => load.connections = value.max(1),
            "--series" => load.series = value,
            "--age" => load.age = value,
            other => return Err(Error::other(format!("unknown argument {other}"))),
        }
    }
    Ok(load)
}

fn number(word: Option<String>) -> Result<u64> {
    let number = word.and_then(|word| word.parse().ok());
    number.ok_or_else(|| Error::other("a number is missing"))
}

fn varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// A field that is a message, a string or a list.
fn put(field: u8, bytes: &[u8], into: &mut Vec<u8>) {
    into.push(field << 3 | 2);
    varint(bytes.len() as u64, into);
    into.extend_from_slice(bytes);
}

fn label(name: &str, value: &str, into: &mut Vec<u8>) {
    let mut label = Vec::new();
    put(1, name.as_bytes(), &mut label);
    put(2, value.as_bytes(), &mut label);
    put(1, &label, into);
}

fn sample(millis: u64, value: f64, into: &mut Vec<u8>) {
    let mut sample = vec![0x09];
    sample.extend_from_slice(&value.to_le_bytes());
    sample.push(0x10);
    varint(millis, &mut sample);
    put(2, &sample, into);
}

/// A native histogram of three neighbouring buckets.
fn histogram(millis: u64, noise: &mut Rng, into: &mut Vec<u8>) {
    let zigzag = |value: i64| ((value << 1) ^ (value >> 63)) as u64;
    let mut histogram = Vec::new();
    let counts = [
        noise.next_u64() % 50,
        noise.next_u64() % 50,
        noise.next_u64() % 50,
    ];
    histogram.push(1 << 3);
    varint(counts.iter().sum(), &mut histogram);
    histogram.push(4 << 3);
    varint(zigzag(3), &mut histogram);
    let mut span = vec![0x08];
    varint(zigzag((noise.next_u64() % 20) as i64 - 10), &mut span);
    span.extend([0x10, 3]);
    put(11, &span, &mut histogram);
    let mut deltas = Vec::new();
    let mut before = 0;
    for count in counts {
        varint(zigzag(count as i64 - before), &mut deltas);
        before = count as i64;
    }
    put(12, &deltas, &mut histogram);
    histogram.push(15 << 3);
    varint(millis, &mut histogram);
    put(4, &histogram, into);
}

/// What one connection sends, request after request.
struct Sender<'a> {
    load: &'a Load,
    connection: u64,
    /// The next sample's number: it says which series, and how often that had its turn.
    next: u64,
    noise: Rng,
}

impl Sender<'_> {
    fn request(&mut self, now: u64) -> Vec<u8> {
        let mut request = Vec::new();
        for _ in 0..SAMPLES_A_REQUEST {
            let (round, place) = (self.next / self.load.series, self.next % self.load.series);
            self.next += 1;
            let mut series = Vec::new();
            // One in a hundred is another series each time.
            let short_lived = place % 100 == 99;
            let name = match place % 10 {
                0 => "soak_seconds",
                _ => "soak_total",
            };
            label("__name__", name, &mut series);
            let id = if short_lived {
                format!("{place}-{round}")
            } else {
                place.to_string()
            };
            label("id", &id, &mut series);
            label("sender", &self.connection.to_string(), &mut series);
            // One in fifty is late, one in fifty repeats a time.
            let late = match self.noise.next_u64() % 50 {
                0 => 20_000 + self.noise.next_u64() % 10_000,
                1 => INTERVAL_MS,
                _ => 0,
            };
            let millis = now - self.load.age * 1000 - late;
            if place % 10 == 0 {
                histogram(millis, &mut self.noise, &mut series);
            } else {
                let value = round as f64 * 10.0 + (self.noise.next_u64() % 10) as f64;
                sample(millis, value, &mut series);
            }
            put(1, &series, &mut request);
        }
        request
    }
}

/// Posts a body; the status and what was said.
fn post(stream: &mut BufReader<TcpStream>, address: &str, body: &[u8]) -> Result<(u16, String)> {
    let head = format!(
        "POST /api/v1/write HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nContent-Type: \
        application/x-protobuf\r\nContent-Encoding: snappy\r\n\r\n",
        body.len()
    );
    stream.get_mut().write_all(head.as_bytes())?;
    stream.get_mut().write_all(body)?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|text| text.parse().ok());
    let status = status.ok_or_else(|| Error::other(format!("answered `{line}`")))?;
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(text) = lower.strip_prefix("content-length:") {
            length = text.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut said = vec![0; length];
    stream.read_exact(&mut said)?;
    Ok((status, String::from_utf8_lossy(&said).into_owned()))
}

/// What the receiver answered: how often each status.
type Answers = BTreeMap<u16, u64>;

fn send(load: &Load, connection: u64) -> Result<Answers> {
    let mut stream = BufReader::new(TcpStream::connect(&load.address)?);
    stream.get_ref().set_nodelay(true)?;
    let mut sender = Sender {
        load,
        connection,
        next: 0,
        noise: Rng::new(connection),
    };
    let mut answers = Answers::new();
    let pause = SAMPLES_A_REQUEST * load.connections * 1_000_000 / load.rate.max(1);
    let pause = Duration::from_micros(pause);
    let begin = Instant::now();
    let mut due = begin;
    while begin.elapsed().as_secs() < load.seconds {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_err(Error::other)?.as_millis() as u64;
        let body = snap::raw::Encoder::new().compress_vec(&sender.request(now))?;
        loop {
            let (status, said) = post(&mut stream, &load.address, &body)?;
            *answers.entry(status).or_default() += 1;
            match status {
                204 => break,
                // Behind its retention: the rest was kept.
                400 if said.contains("too_old)") => break,
                429 | 503 => std::thread::sleep(Duration::from_millis(500)),
                _ => return Err(Error::other(format!("{status}: {said}"))),
            }
        }
        // What was missed is not made up for.
        due = (due + pause).max(Instant::now());
        std::thread::sleep(due - Instant::now());
    }
    Ok(answers)
}

fn main() -> Result<()> {
    let load = arguments()?;
    let mut all = Answers::new();
    std::thread::scope(|scope| {
        let senders = (0..load.connections).map(|connection| {
            let load = &load;
            scope.spawn(move || send(load, connection))
        });
        for sender in senders.collect::<Vec<_>>() {
            let answers = sender
                .join()
                .map_err(|_| Error::other("a sender panicked"))??;
            for (status, count) in answers {
                *all.entry(status).or_default() += count;
            }
        }
        Ok::<(), Error>(())
    })?;
    let samples = all.get(&204).unwrap_or(&0) * SAMPLES_A_REQUEST;
    println!("{samples} samples in requests that were taken whole; answers: {all:?}");
    Ok(())
}

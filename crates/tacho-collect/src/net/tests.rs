use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::*;

fn deadline(ms: u64) -> Deadline {
    Deadline::after(Duration::from_millis(ms), Stop::default())
}

fn at(listener: &TcpListener) -> Address {
    Address::Tcp(
        "127.0.0.1".to_owned(),
        listener.local_addr().unwrap().port(),
    )
}

#[test]
fn a_server_that_drips_does_not_hold_longer_than_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = at(&listener);
    let server = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        while peer.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let deadline = deadline(300);
    let mut dialled = dial(&to, &mut Resolver::default(), &deadline).unwrap();
    let mut all = Vec::new();
    let error = dialled.stream.read_to_end(&mut all).unwrap_err();
    let error = NetError::of("read the answer", &deadline, error).to_string();
    assert_eq!(error, "read the answer within 300ms");
    assert!(!all.is_empty());
    drop(dialled);
    server.join().unwrap();
}

#[test]
fn a_stop_ends_a_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stop = Stop::default();
    let deadline = Deadline::after(Duration::from_mins(5), stop.clone());
    let mut dialled = dial(&at(&listener), &mut Resolver::default(), &deadline).unwrap();
    let waiting = std::thread::spawn(move || dialled.stream.read(&mut [0; 8]).map(|_| ()));
    stop.stop();
    let error = waiting.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
}

#[test]
fn nobody_there_is_said_with_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = at(&listener);
    drop(listener);
    let error = dial(&to, &mut Resolver::default(), &deadline(2000)).unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with(&format!("connect to {to}: ")), "{said}");
    let nowhere = Address::Tcp("nobody.invalid".to_owned(), 1);
    let error = dial(&nowhere, &mut Resolver::default(), &deadline(5000)).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("nobody.invalid") || said.contains("within"),
        "{said}"
    );
}

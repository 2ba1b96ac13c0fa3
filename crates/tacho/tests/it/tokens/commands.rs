//! Commands and their token: by option, by environment, by file.

use super::*;

#[test]
fn w6_every_command_takes_the_token() {
    let home = Home::with(QUIET);
    let (server, admin) = guarded(&home);
    let t = now().floor() - 60.0;
    let point = |i: u32| json!({"name": "depth", "value": i % 3, "timestamp": t + f64::from(i)});
    let points: Vec<Value> = (0..60).map(point).collect();
    server.keep(&json!(points));
    let with = |name: &str, value: &str, args: &[&str]| {
        let mut command = home.command(args);
        command.env("TACHO_SERVER", server.url()).env(name, value);
        crate::support::Ran::from(command.output().unwrap())
    };
    let file = home.write("token", &format!("{admin}\n"));
    let file = file.to_str().unwrap();
    for args in [
        &["status"][..],
        &["query", "depth"],
        &[
            "baseline", "create", "b", "--window", "5m", "--select", "depth",
        ],
        &["baseline", "list"],
        &["compare", "b", "--window", "5m", "--allow-inconclusive"],
        &["report", "--format", "json"],
        &["snapshot", "create", "s"],
        &["snapshot", "list"],
        &["snapshot", "show", "s"],
        &["snapshot", "delete", "s"],
        &["cleanup", "--match", "nothing", "--dry-run"],
        &["token", "list"],
        &["export", "--snapshot", "copied"],
    ] {
        let refused = server.tacho(&home, args).exits(2);
        refused.complains(&["asks for a token", "TACHO_TOKEN"]);
        let ran = with("TACHO_TOKEN", &admin, args);
        assert_ne!(ran.code, Some(2), "{args:?}: {}", ran.err);
    }
    with("TACHO_TOKEN_FILE", file, &["token", "list"]).exits(0);
    let wrong = with("TACHO_TOKEN", "no token\u{e4}", &["status"]).exits(2);
    let wrong = wrong.complains(&["characters that no token has"]);
    assert!(!wrong.err.contains("no token\u{e4}"), "{}", wrong.err);
    let help = with("TACHO_TOKEN", &admin, &["status", "--help"]).exits(0);
    assert!(!help.out.contains(&admin), "help shows no secret");
    assert!(help.out.contains("[env: TACHO_TOKEN]"), "{}", help.out);
    // What a variable says was not typed, and is not asked for.
    let short = with("TACHO_TOKEN", &admin, &["token", "create", "x"]).exits(2);
    let short = short.complains(&["--scope <SCOPES>"]);
    assert!(!short.err.contains("--token"), "{}", short.err);

    let made = with(
        "TACHO_TOKEN",
        &admin,
        &[
            "token",
            "create",
            "ci job",
            "--scope",
            "write",
            "--expires",
            "90d",
        ],
    )
    .exits(0);
    let secret = made.out.trim().to_owned();
    assert!(
        secret.starts_with("tacho_") && secret.len() == 49,
        "{}",
        made.out
    );
    assert!(
        made.err.contains(&format!("Bearer%20{secret}")),
        "{}",
        made.err
    );
    for format in ["table", "csv", "markdown", "json"] {
        let list = ["token", "list", "--format", format];
        let list = with("TACHO_TOKEN", &admin, &list).exits(0).out;
        assert!(list.contains("ci job") && !list.contains(&secret), "{list}");
    }
    let json = [
        "token", "create", "j", "--scope", "read", "--format", "json",
    ];
    let json = with("TACHO_TOKEN", &admin, &json).exits(0).json();
    assert_eq!(json["token"]["scopes"], json!(["read"]), "{json}");
    let refused = with("TACHO_TOKEN", &secret, &["token", "list"]).exits(2);
    refused.complains(&["needs a token with the scope admin"]);
    with("TACHO_TOKEN", &admin, &["token", "revoke", "ci job"]).exits(0);
    with("TACHO_TOKEN", &secret, &["status"])
        .exits(2)
        .complains(&["was revoked"]);
    // Without a server, the folder itself is enough, and no port of this machine shows it.
    assert!(server.stop().success());
    home.tacho(&["query", "depth", "--data-dir", "data"])
        .exits(0);
}

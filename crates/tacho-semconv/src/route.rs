//! Routes from addresses: what varies from request to request is taken out, so that the number of
//! routes stays that of the program.
//!
//! Instrumentations tell a route (`/users/{id}`) where the framework has one, and else the address
//! that was asked for, of which there are as many as users care to make up. A segment that looks
//! like an identifier becomes `{id}`: one of digits, a UUID, one that mixes letters and digits at
//! length, one that is very long. Bounding what is left is for whoever counts routes.

use std::borrow::Cow;

/// Segments beyond this many are told as `…`.
const SEGMENTS_MAX: usize = 12;
/// A segment of more bytes is taken for an identifier.
const SEGMENT_BYTES_MAX: usize = 40;
/// From how many bytes on letters mixed with digits are an identifier: `v2` and `utf8` are none,
/// a hash is.
const MIXED_BYTES_MIN: usize = 8;

/// The route of an address: its path without query and identifiers.
///
/// ```
/// use tacho_semconv::route::of_address;
/// assert_eq!(of_address("/users/4711/orders?page=2"), "/users/{id}/orders");
/// assert_eq!(of_address("https://h:1/a/7f1c2b3a-8d1e-4b52-9f61-2f6f1b0f4a11"), "/a/{id}");
/// assert_eq!(of_address("/api/v2/items"), "/api/v2/items");
/// ```
pub fn of_address(address: &str) -> Cow<'_, str> {
    let path = path_of(address);
    let is_plain = |segment: &str| !is_identifier(segment);
    if path.split('/').all(is_plain) && path.split('/').count() <= SEGMENTS_MAX + 1 {
        return Cow::Borrowed(path);
    }
    let mut route = String::with_capacity(path.len());
    for (number, segment) in path.split('/').enumerate() {
        if number > 0 {
            route.push('/');
        }
        if number > SEGMENTS_MAX {
            route.push('…');
            break;
        }
        route.push_str(if is_plain(segment) { segment } else { "{id}" });
    }
    Cow::Owned(route)
}

/// The route that a span's name has behind its method, where it is a template:
/// `GET /users/:id`. What has no places for identifiers may be an address as well.
pub fn of_name(name: &str) -> Option<&str> {
    let (method, route) = name.split_once(' ')?;
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let has_places = route.contains("/:") || route.contains(['{', '<', '*']);
    let is_route = route.starts_with('/') && !route.contains([' ', '?']) && has_places;
    (is_method && is_route).then_some(route)
}

/// The route in the name of a span of ASGI's messages: `HTTP /ws/{room} websocket send`. Seen with
/// opentelemetry-instrumentation-asgi 0.66b1, which tells it nowhere else.
pub fn of_message(name: &str) -> Option<&str> {
    let (request, _) = name.rsplit_once(" websocket ")?;
    let (_, route) = request.split_once(' ')?;
    route.starts_with('/').then_some(route)
}

/// The host of a whole address, without the port and who asks.
pub fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let end = match host.strip_prefix('[') {
        Some(ipv6) => ipv6.find(']')? + 2,
        None => host.find(':').unwrap_or(host.len()),
    };
    (end > 0).then(|| &host[..end])
}

/// The path of an address that may be whole, without query and fragment; at least `/`.
fn path_of(address: &str) -> &str {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => address,
    };
    let end = path.find(['?', '#', ';']).unwrap_or(path.len());
    match &path[..end] {
        "" => "/",
        path => path,
    }
}

fn is_identifier(segment: &str) -> bool {
    // Addresses of mail, and what had to be encoded, are what users wrote.
    if segment.len() > SEGMENT_BYTES_MAX || segment.contains(['@', '%']) {
        return true;
    }
    let (mut digits, mut letters, mut others) = (0, 0, 0);
    for byte in segment.bytes() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'a'..=b'z' | b'A'..=b'Z' => letters += 1,
            _ => others += 1,
        }
    }
    if digits == 0 {
        return false;
    }
    let is_number = letters == 0 && others <= 2;
    let is_mixed = segment.len() >= MIXED_BYTES_MIN && 3 * digits >= letters.min(segment.len());
    is_number || is_mixed || is_uuid(segment)
}

fn is_uuid(segment: &str) -> bool {
    segment.len() == 36
        && segment.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(address: &str, expected: &str) {
        assert_eq!(of_address(address), expected, "{address}");
    }

    #[test]
    fn identifiers_go_and_words_stay() {
        check("", "/");
        check("http://host", "/");
        check("http://host:80?x=1", "/");
        check("/", "/");
        check("/a/b#c", "/a/b");
        check("/orders/17", "/orders/{id}");
        check("/orders/17/items/3", "/orders/{id}/items/{id}");
        check("/at/2026-11-22", "/at/{id}");
        check("/o/5f2b9c1d7e8a", "/o/{id}");
        check("/o/507f1f77bcf86cd799439011", "/o/{id}");
        check("/files/report-2", "/files/report-2");
        check("/by/ada@example.org", "/by/{id}");
        check("/q/a%20b", "/q/{id}");
        check("/cart;jsessionid=1A2B", "/cart");
        check("/oauth2/token", "/oauth2/token");
        check("/api/v1beta1/x", "/api/v1beta1/x");
        check("/été/λ", "/été/λ");
    }

    #[test]
    fn names_that_are_templates_are_routes() {
        for (name, route) in [
            ("GET /users/:id", Some("/users/:id")),
            ("GET /users/{id}", Some("/users/{id}")),
            ("POST /f/*", Some("/f/*")),
            ("GET /users/7", None),
            ("GET", None),
            ("get /users/:id", None),
            ("GET /a/{id} http send", None),
            (" /:x", None),
        ] {
            assert_eq!(of_name(name), route, "{name}");
        }
    }

    #[test]
    fn messages_have_the_route_of_their_connection() {
        for (name, route) in [
            ("HTTP /ws/{room} websocket receive", Some("/ws/{room}")),
            ("GET /ws websocket send", Some("/ws")),
            ("HTTP websocket receive", None),
            ("websocket receive", None),
            ("", None),
        ] {
            assert_eq!(of_message(name), route, "{name}");
        }
    }

    #[test]
    fn hosts_stand_without_port_and_user() {
        for (url, host) in [
            ("http://127.0.0.1:18111/users/7?x=1", Some("127.0.0.1")),
            ("https://ada:x@shop.example/a@b", Some("shop.example")),
            ("ws://[::1]:80/x", Some("[::1]")),
            ("http://h?x", Some("h")),
            ("http://", None),
            ("http://[::1", None),
            ("/users", None),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }

    #[test]
    fn long_addresses_end() {
        let long = format!("/a/{}", "x".repeat(500));
        check(&long, "/a/{id}");
        assert!(of_address(&"/y".repeat(100)).ends_with("/…"));
    }

    proptest! {
        #[test]
        fn routes_of_anything_are_bounded_and_do_not_change_again(address in ".{0,200}") {
            let route = of_address(&address).into_owned();
            host_of(&address);
            of_name(&address);
            prop_assert!(route.len() <= (SEGMENTS_MAX + 1) * (SEGMENT_BYTES_MAX + 1) + 4);
            prop_assert_eq!(of_address(&route).into_owned(), route.clone());
        }
    }
}

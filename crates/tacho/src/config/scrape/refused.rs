//! Keys of Prometheus that are taken for nothing, and those that are refused with a reason.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny};

/// A key that makes no difference here.
#[derive(Debug, Clone, Default)]
pub(super) struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// Why a key is refused.
pub(super) trait Reason {
    /// In words.
    const WHY: &'static str;
}

/// A key that would make a difference, and is refused.
#[derive(Clone)]
pub(super) struct Unbuilt<R>(PhantomData<R>);

impl<R> fmt::Debug for Unbuilt<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unbuilt")
    }
}

impl<'de, R: Reason> Deserialize<'de> for Unbuilt<R> {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom(R::WHY))
    }
}

/// Service discovery that is not there.
#[derive(Clone)]
pub(super) struct Discoverer;

impl Reason for Discoverer {
    const WHY: &'static str = "this service discovery is not built here; use static_configs, \
        file_sd_configs or http_sd_configs, which other programs can fill";
}

/// Proxies.
#[derive(Clone)]
pub(super) struct Proxy;

impl Reason for Proxy {
    const WHY: &'static str = "targets are not asked through a proxy; take the key out and scrape \
        from where the targets can be reached";
}

/// OAuth.
#[derive(Clone)]
pub(super) struct OAuth;

impl Reason for OAuth {
    const WHY: &'static str = "OAuth 2.0 is not built here; keep a token in a file and name it in \
        authorization.credentials_file, which is read for each scrape";
}

/// Headers.
#[derive(Clone)]
pub(super) struct Headers;

impl Reason for Headers {
    const WHY: &'static str = "headers of one's own are not built here; take the key out";
}

/// Classic histograms into native ones.
#[derive(Clone)]
pub(super) struct Nhcb;

impl Reason for Nhcb {
    const WHY: &'static str = "histograms with custom bucket bounds are not stored; classic ones \
        stay classic, so take the key out";
}

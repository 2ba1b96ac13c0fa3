//! Containers, by their control groups: Docker's, containerd's, CRI-O's, Podman's and those of
//! Kubernetes' pods. No daemon is asked, so none is needed.
//!
//! Without a daemon a container has no name but its id: `name` is its first twelve digits, as the
//! tools show them. At most [`CONTAINERS_MAX`] are told of.

use std::path::{Path, PathBuf};

use tacho_model::Unit;

use super::cgroup;
use super::{Make, Target, TargetError, Turn};
use crate::emit::Family;

/// Most containers that are told of; more are said to be left out.
pub const CONTAINERS_MAX: usize = 500;
/// Digits of an id that people are shown.
const SHORT: usize = 12;

static SEEN: Family = Family::gauge(
    "container_last_seen",
    Unit::SECONDS,
    "When the container was last there, in Unix seconds.",
);

/// Where to look.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where sysfs is mounted.
    pub sysfs: PathBuf,
}

impl Make for Settings {
    fn make(&self) -> Box<dyn Target> {
        Box::new(Containers {
            sysfs: self.sysfs.clone(),
        })
    }

    fn about(&self) -> String {
        "containers of this host".to_owned()
    }
}

struct Containers {
    sysfs: PathBuf,
}

impl Target for Containers {
    fn collect(&mut self, turn: &mut Turn<'_>) -> Result<(), TargetError> {
        let root = cgroup::root(&self.sysfs).ok_or_else(no_hierarchy)?;
        let found = cgroup::find(&root, |group| Container::of(group).is_some());
        let now = turn.emit.now().as_secs_f64();
        if found.len() > CONTAINERS_MAX {
            let count = found.len();
            turn.missing.push(format!(
                "tell {count} containers apart: {CONTAINERS_MAX} are told of"
            ));
        }
        for group in found.iter().take(CONTAINERS_MAX) {
            let Some(container) = Container::of(group) else {
                continue;
            };
            let id = format!("/{}", group.display());
            let labels = [
                ("id", &*id),
                ("name", &container.name),
                ("runtime", container.runtime),
                ("pod_uid", &container.pod),
            ];
            if cgroup::push(&root.join(group), &labels, &mut turn.emit) {
                turn.emit.push(&SEEN, &labels, now);
            }
        }
        Ok(())
    }
}

/// Without a hierarchy nothing can be told.
pub(super) fn no_hierarchy() -> TargetError {
    TargetError::Unusable(
        "find control groups of version 2: this host has none mounted; boot it with \
         systemd.unified_cgroup_hierarchy=1"
            .to_owned(),
    )
}

/// What a group's path says of its container.
#[derive(Debug, PartialEq, Eq)]
struct Container {
    name: String,
    runtime: &'static str,
    pod: String,
}

/// What a scope's name begins with, and whose it is.
const SCOPES: [(&str, &str); 6] = [
    ("docker-", "docker"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "cri-o"),
    ("libpod-", "podman"),
    ("containerd-", "containerd"),
];

impl Container {
    fn of(group: &Path) -> Option<Self> {
        let last = group.file_name()?.to_str()?;
        let above = group.parent().and_then(Path::file_name);
        let above = above.and_then(|name| name.to_str()).unwrap_or_default();
        let scope = last.strip_suffix(".scope").unwrap_or(last);
        let known = SCOPES
            .iter()
            .find_map(|(prefix, runtime)| Some((scope.strip_prefix(prefix)?, *runtime)));
        let (id, runtime) = match known {
            Some(known) => known,
            None if above == "docker" => (last, "docker"),
            None if above == "libpod_parent" => (last, "podman"),
            None if is_pod(above) => (last, "kubernetes"),
            None => return None,
        };
        let is_id = id.len() >= 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| Self {
            name: id.get(..SHORT).unwrap_or(id).to_owned(),
            runtime,
            pod: pod_of(group),
        })
    }
}

/// Whether a group's name is that of a pod, by either of the two ways to write it.
fn is_pod(name: &str) -> bool {
    name.starts_with("pod") || (name.starts_with("kubepods-") && name.contains("-pod"))
}

/// The pod that a container is of, as Kubernetes writes its id.
fn pod_of(group: &Path) -> String {
    let mut names = group.iter().filter_map(|part| part.to_str()).rev();
    let pod = names.find(|name| is_pod(name)).unwrap_or_default();
    let id = pod.strip_suffix(".slice").unwrap_or(pod);
    let id = id.rsplit_once("pod").map_or("", |(_, id)| id);
    id.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3aca3128cb4e745b23301cc83d01b3a63aca3128cb4e745b23301cc83d01b3a6";

    #[test]
    fn containers_are_known_by_their_paths() {
        let check = |path: &str, expected: Option<(&str, &str)>| {
            let found = Container::of(Path::new(&path.replace("ID", ID)));
            let found = found.as_ref().map(|c| (c.runtime, c.pod.as_str()));
            assert_eq!(found, expected, "{path}");
        };
        check("system.slice/docker-ID.scope", Some(("docker", "")));
        check("docker/ID", Some(("docker", "")));
        check("machine.slice/libpod-ID.scope", Some(("podman", "")));
        check("machine.slice/libpod-conmon-ID.scope", None);
        check(
            "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice/cri-containerd-ID.scope",
            Some(("containerd", "1-2")),
        );
        check("kubepods/burstable/pod1-2/ID", Some(("kubernetes", "1-2")));
        check(
            "kubepods.slice/kubepods-pod7.slice/crio-ID.scope",
            Some(("cri-o", "7")),
        );
        check("system.slice/docker.service", None);
        check("docker/buildkit", None);
        check("user.slice", None);
    }
}

//! What is not shown: passwords, read from where they are when they are needed, so that they can be
//! changed while the server runs.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;

use super::TargetError;

/// Largest secret that is read; what a file has beyond it is not looked at.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// A secret, or where it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Itself.
    Text(String),
    /// The file that it is in.
    File(PathBuf),
    /// The environment variable that it is in.
    Variable(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("<secret>"),
            Self::File(path) => write!(f, "<secret in {}>", path.display()),
            Self::Variable(name) => write!(f, "<secret in ${name}>"),
        }
    }
}

impl Secret {
    /// The secret itself.
    pub fn read(&self) -> Result<String, TargetError> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Variable(name) => std::env::var(name).map_err(|_| {
                TargetError::Unusable(format!(
                    "read the secret in ${name}: this variable is not set for the server"
                ))
            }),
            Self::File(path) => {
                let read = || {
                    let mut text = String::new();
                    let file = std::fs::File::open(path)?;
                    file.take(SECRET_BYTES_MAX).read_to_string(&mut text)?;
                    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
                };
                read().map_err(|error: std::io::Error| {
                    let path = path.display();
                    TargetError::Unusable(format!("read the secret in {path}: {error}"))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_where_it_is_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, " s3cret \n").unwrap();
        let file = Secret::File(path);
        assert_eq!(file.read().unwrap(), " s3cret ");
        let gone = Secret::File("/nowhere/password".into()).read().unwrap_err();
        assert!(
            gone.to_string()
                .starts_with("read the secret in /nowhere/password: ")
        );
        let unset = Secret::Variable("TACHO_NO_SUCH".to_owned())
            .read()
            .unwrap_err();
        assert!(unset.to_string().contains("$TACHO_NO_SUCH"));
        let text = Secret::Text("s3cret".to_owned());
        assert_eq!(format!("{text:?}"), "<secret>");
    }
}

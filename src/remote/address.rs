//! Where a remote is.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use url::Url;

use super::Error;

/// Where a remote is, and how it is spoken to. Credentials are no part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub(super) place: Place,
    /// The server, where it is not the cloud's own.
    pub(super) endpoint: Option<String>,
    /// The region of a bucket.
    pub(super) region: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Directory(PathBuf),
    Bucket { cloud: Cloud, prefix: String },
}

/// Whose bucket it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cloud {
    S3 { bucket: String },
    Gcs { bucket: String },
    Azure { account: String, container: String },
}

impl Address {
    /// Reads an address: a directory, relative to `base`, or a URL. One that holds a user, a password or a query is refused:
    /// it would be told and kept.
    pub fn parse(text: &str, base: &Path) -> Result<Self, Error> {
        let place = match text.split_once("://") {
            None => Place::Directory(real(base.join(text))),
            Some(("file", path)) if path.starts_with('/') => Place::Directory(real(path.into())),
            Some(_) => from_url(text)?,
        };
        if text.is_empty() {
            return Err(wrong("it is empty".into(), text));
        }
        Ok(Self {
            place,
            endpoint: None,
            region: None,
        })
    }

    /// Whether it is a directory, which needs no network of ragctl's.
    pub fn is_directory(&self) -> bool {
        matches!(self.place, Place::Directory(_))
    }

    /// Whether it is a bucket that speaks as S3 does.
    pub fn is_s3(&self) -> bool {
        let s3 = |cloud: &Cloud| matches!(cloud, Cloud::S3 { .. });
        matches!(&self.place, Place::Bucket { cloud, .. } if s3(cloud))
    }

    /// Whether it says at which server it is.
    pub fn has_endpoint(&self) -> bool {
        self.endpoint.is_some()
    }

    /// The same at another server, such as a store of one's own, or in a region.
    pub fn at(self, endpoint: Option<String>, region: Option<String>) -> Result<Self, Error> {
        if let Some(endpoint) = &endpoint {
            let plain = |url: &Url| {
                ["http", "https"].contains(&url.scheme())
                    && url.username().is_empty()
                    && url.password().is_none()
                    && url.query().is_none()
            };
            if !Url::parse(endpoint).is_ok_and(|url| plain(&url)) {
                return Err(wrong(
                    "its endpoint must be http:// or https:// and a host, without user or query"
                        .into(),
                    &self.to_string(),
                ));
            }
        }
        Ok(Self {
            endpoint: endpoint.or(self.endpoint),
            region: region.or(self.region),
            ..self
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |parts: &[&str]| {
            let parts = parts.iter().filter(|part| !part.is_empty());
            parts.copied().collect::<Vec<_>>().join("/")
        };
        let (cloud, prefix) = match &self.place {
            Place::Directory(path) => return write!(f, "{}", path.display()),
            Place::Bucket { cloud, prefix } => (cloud, prefix),
        };
        match cloud {
            Cloud::S3 { bucket } => write!(f, "s3://{}", join(&[bucket, prefix])),
            Cloud::Gcs { bucket } => write!(f, "gs://{}", join(&[bucket, prefix])),
            Cloud::Azure { account, container } => {
                write!(f, "az://{}", join(&[account, container, prefix]))
            }
        }
    }
}

/// The one path that a directory has, so that a remote is known again however it was named. It may not exist yet.
fn real(path: PathBuf) -> PathBuf {
    let below = || {
        let parent = fs::canonicalize(path.parent()?).ok()?;
        Some(parent.join(path.file_name()?))
    };
    fs::canonicalize(&path).ok().or_else(below).unwrap_or(path)
}

fn from_url(text: &str) -> Result<Place, Error> {
    let url = Url::parse(text).map_err(|e| wrong(e.to_string(), ""))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let shown = format!("{}://{host}{}", url.scheme(), url.path());
    if !url.username().is_empty() || url.password().is_some() {
        let problem = "it holds credentials, which belong into the environment";
        return Err(wrong(problem.into(), &shown));
    }
    if url.query().is_some() || url.fragment().is_some() || url.port().is_some() {
        let problem = "it has a query, a fragment or a port; a server of one's own is its endpoint";
        return Err(wrong(problem.into(), &shown));
    }
    let is_plain = |part: &&str| !part.is_empty() && *part != "." && *part != "..";
    let path: Vec<&str> = url.path().split('/').filter(is_plain).collect();
    if host.is_empty() {
        return Err(wrong("it names no bucket".into(), &shown));
    }
    let bucket = |cloud, path: &[&str]| Place::Bucket {
        cloud,
        prefix: path.join("/"),
    };
    match url.scheme() {
        "s3" => Ok(bucket(Cloud::S3 { bucket: host }, &path)),
        "gs" => Ok(bucket(Cloud::Gcs { bucket: host }, &path)),
        "az" => match path.split_first() {
            Some((container, path)) => {
                let container = (*container).to_owned();
                let account = host;
                Ok(bucket(Cloud::Azure { account, container }, path))
            }
            None => Err(wrong("it names no container".into(), &shown)),
        },
        scheme => Err(wrong(format!("`{scheme}` is not spoken"), &shown)),
    }
}

fn wrong(problem: String, shown: &str) -> Error {
    Error::Address {
        shown: shown.to_owned(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_directory_or_a_bucket_and_holds_no_secret() {
        let parse = |text: &str| Address::parse(text, Path::new("/base"));
        for (text, shown) in [
            ("mirror", "/base/mirror"),
            ("file:///mnt/nfs/kb", "/mnt/nfs/kb"),
            ("s3://bucket/a/b/", "s3://bucket/a/b"),
            ("s3://bucket", "s3://bucket"),
            ("gs://bucket/kb", "gs://bucket/kb"),
            ("az://account/container/kb", "az://account/container/kb"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "ftp://host/x",
            "s3://key:secret@bucket/x",
            "az://account/container?sig=secret",
            "az://account",
            "s3://",
        ] {
            let error = parse(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}

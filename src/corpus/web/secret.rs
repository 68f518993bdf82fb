//! What people may see of a URL, and values that nobody may see. A public URL is the only form that leaves this module's
//! folder: document ids, addresses, errors and what is remembered.

use std::fmt;

use url::Url;
use url::form_urlencoded::parse as decode_pair;

use crate::digest::FieldHasher;

/// What stands in the place of a secret.
pub(super) const REDACTED: &str = "REDACTED";
/// Digits of the hash that tells URLs apart whose public forms are equal.
const MARK_DIGITS: usize = 8;
/// URLs within values of URLs are looked into this deep; a deeper one is hidden whole.
const MAX_NESTING: usize = 3;

/// Names that mean a secret, without case and punctuation.
const NAMES: [&str; 19] = [
    "auth",
    "bearer",
    "code",
    "hmac",
    "jwt",
    "key",
    "oauth",
    "otp",
    "pass",
    "passphrase",
    "pw",
    "pwd",
    "samlrequest",
    "samlresponse",
    "session",
    "sess",
    "sid",
    "sig",
    "ticket",
];
/// Parts of names that mean a secret.
const PARTS: [&str; 14] = [
    "accesskey",
    "apikey",
    "assertion",
    "codeverifier",
    "authoriz",
    "credential",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "sessid",
    "sessionid",
    "signature",
    "token",
];
/// Beginnings of names of signed URLs, and of well-known kinds of credentials.
const SIGNED: [&str; 2] = ["xamz", "xgoog"];
const PREFIXES: [&str; 16] = [
    "AKIA",
    "ASIA",
    "AIza",
    "Basic ",
    "Bearer ",
    "eyJ",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "hf_",
    "npm_",
    "pypi-",
    "sk-",
    "xox",
];

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// The form of a URL that people may see: without user, password and fragment, and with what looks like a secret hidden.
pub(super) fn public(url: &Url) -> String {
    shown(url, 0).into()
}

/// Says whether a URL holds more than its public form: a secret in its path or query.
pub(super) fn has_secret(url: &Url) -> bool {
    let mut plain = url.clone();
    strip(&mut plain);
    public(url) != plain.as_str()
}

/// The public form, and a mark that tells it from other URLs with the same. A user's name and password do not go into it.
pub(super) fn marked(url: &Url) -> String {
    let mut plain = url.clone();
    strip(&mut plain);
    let digest = FieldHasher::default().field(plain.as_str()).finish();
    let mark: String = digest.to_string().chars().take(MARK_DIGITS).collect();
    format!("{}#{mark}", public(url))
}

/// The form of what may be a URL that people may see. One that cannot be read as a URL loses its user and its query.
pub fn redact(text: &str) -> String {
    if let Ok(url) = Url::parse(text.trim())
        && url.has_host()
    {
        return public(&url);
    }
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let (head, query) = text.split_at(end);
    let mut head = head.to_owned();
    if let Some(start) = head.find("//").map(|at| at + 2)
        && let Some(at) = head.rfind('@').filter(|at| *at >= start)
    {
        head.replace_range(start..=at, "");
    }
    match query.is_empty() {
        true => head,
        false => format!("{head}?{REDACTED}"),
    }
}

/// Takes off what is no part of a resource's name.
pub(super) fn strip(url: &mut Url) {
    url.set_fragment(None);
    // Only a URL without a host has neither.
    url.set_username("").ok();
    url.set_password(None).ok();
}

fn shown(url: &Url, depth: usize) -> Url {
    let mut url = url.clone();
    strip(&mut url);
    let query = url
        .query()
        .map(|query| hide_pairs(query, &['&', ';'], depth));
    url.set_query(query.as_deref());
    if url.path().contains(';') {
        // `/page;jsessionid=…`: what follows the first semicolon of a segment is its parameters.
        let segments = url.path().split('/').map(|segment| {
            let (name, parameters) = segment.split_once(';').unwrap_or((segment, ""));
            match parameters.is_empty() {
                true => segment.to_owned(),
                false => format!("{name};{}", hide_pairs(parameters, &[';'], depth)),
            }
        });
        let path = segments.collect::<Vec<_>>().join("/");
        url.set_path(&path);
    }
    url
}

/// Hides the secret ones of pairs, and leaves all else as it is written.
fn hide_pairs(text: &str, separators: &[char], depth: usize) -> String {
    let hide = |piece: &str| {
        let pair = piece.trim_end_matches(separators);
        let end = piece.get(pair.len()..).unwrap_or_default();
        match pair.split_once('=') {
            Some((name, "")) => format!("{name}={end}"),
            Some((name, value))
                if is_secret_name(&decoded(name)) || is_secret_value(&decoded(value), depth) =>
            {
                format!("{name}={REDACTED}{end}")
            }
            None if is_secret_value(&decoded(pair), depth) => format!("{REDACTED}{end}"),
            _ => piece.to_owned(),
        }
    };
    text.split_inclusive(separators).map(hide).collect()
}

fn decoded(text: &str) -> String {
    // No `&` is left in a piece of a query, and an `=` in it belongs to the value.
    let pair = text.replace('=', "%3D").replace('&', "%26");
    decode_pair(pair.as_bytes())
        .next()
        .map_or_else(String::new, |(name, _)| name.into_owned())
}

fn is_secret_name(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    NAMES.contains(&name.as_str())
        || PARTS.iter().any(|part| name.contains(part))
        || SIGNED.iter().any(|start| name.starts_with(start))
        || name.ends_with("key")
        || name.ends_with("auth")
}

fn is_secret_value(value: &str, depth: usize) -> bool {
    let known = PREFIXES.iter().any(|prefix| value.starts_with(prefix)) && value.len() >= 16;
    known || looks_random(value) || hides_secret(value, depth)
}

/// Says whether a value is itself a URL or a query with a secret in it.
fn hides_secret(value: &str, depth: usize) -> bool {
    if let Ok(url) = Url::parse(value)
        && url.has_host()
    {
        let has_user = !url.username().is_empty() || url.password().is_some();
        let mut plain = url.clone();
        strip(&mut plain);
        return depth >= MAX_NESTING || has_user || shown(&url, depth + 1) != plain;
    }
    let has_pair = value.contains('=') || value.contains('%');
    has_pair
        && (depth >= MAX_NESTING || hide_pairs(value, &['&', ';', '?', '#'], depth + 1) != value)
}

/// Letters and digits in an order that no word, date or number has: hardly two of a kind stand together.
fn looks_random(value: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+/=_-.~".contains(c);
    if value.len() < 20 || !value.chars().all(allowed) || is_uuid(value) {
        return false;
    }
    let runs = value.split(|c: char| !c.is_ascii_alphanumeric());
    let longest = runs.map(str::len).max().unwrap_or_default();
    let pairs = value.chars().zip(value.chars().skip(1));
    let changes = pairs.filter(|(a, b)| {
        let letters = a.is_ascii_alphabetic() && b.is_ascii_alphabetic();
        let humps = letters && a.is_ascii_lowercase() && b.is_ascii_uppercase();
        let both = a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric();
        humps || both && a.is_ascii_digit() != b.is_ascii_digit()
    });
    let per_cent = changes.count() * 100 / value.len();
    per_cent >= 25 && longest >= 8 || per_cent >= 22 && longest >= 16
}

/// A UUID names a thing far more often than it opens one.
fn is_uuid(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && parts
            .iter()
            .all(|part| part.chars().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "c4nArY7zQ";

    #[test]
    fn no_secret_of_a_url_is_shown() {
        let cases = [
            "https://user:SECRET@h.example/p",
            "https://SECRET@h.example/p",
            "https://SECRET:x@h.example/p",
            "https://h.example/p#access_token=SECRET",
            "https://h.example/p#SECRET",
            "https://h.example/p?token=SECRET",
            "https://h.example/p?a=1&token=SECRET&b=2",
            "https://h.example/p?TOKEN=SECRET",
            "https://h.example/p?access_token=SECRET",
            "https://h.example/p?access-token=SECRET",
            "https://h.example/p?accessToken=SECRET",
            "https://h.example/p?refresh_token=SECRET",
            "https://h.example/p?id_token=SECRET",
            "https://h.example/p?%74oken=SECRET",
            "https://h.example/p?api_key=SECRET",
            "https://h.example/p?apikey=SECRET",
            "https://h.example/p?api[key]=SECRET",
            "https://h.example/p?key=SECRET",
            "https://h.example/p?subscription-key=SECRET",
            "https://h.example/p?sig=SECRET",
            "https://h.example/p?sv=2022&sr=b&sig=SECRET",
            "https://h.example/p?Signature=SECRET&Expires=1",
            "https://h.example/p?X-Amz-Signature=SECRET",
            "https://h.example/p?X-Amz-Credential=SECRET%2F20260101",
            "https://h.example/p?X-Amz-Security-Token=SECRET",
            "https://h.example/p?x-goog-signature=SECRET",
            "https://h.example/p?auth=SECRET",
            "https://h.example/p?authorization=Bearer%20SECRET",
            "https://h.example/p?password=SECRET",
            "https://h.example/p?user=me&pwd=SECRET",
            "https://h.example/p?client_secret=SECRET",
            "https://h.example/p?code=SECRET",
            "https://h.example/p?sid=SECRET",
            "https://h.example/p;jsessionid=SECRET?x=1",
            "https://h.example/p;jsessionid=SECRET/q",
            "https://h.example/p?PHPSESSID=SECRET",
            "https://h.example/p?a=1;token=SECRET",
            "https://h.example/p?next=https%3A%2F%2Fo.example%2F%3Ftoken%3DSECRET",
            "https://h.example/p?next=https%3A%2F%2Fu%3ASECRET%40o.example%2F",
            "https://h.example/p?next=%2Flogin%3Ftoken%3DSECRET",
            "https://h.example/p?x=https%3A%2F%2Fa%2F%3Fy%3Dhttps%253A%252F%252Fb%252F%253Ftoken%253DSECRET",
            "https://h.example/p?x=eyJhbGciOiJIUzI1NiJ9.SECRET.abc",
            "https://h.example/p?x=ghp_SECRET0000000",
            "https://h.example/p?v=SECRETq8Xk2mV0pL5tR3w",
            "https://h.example/p?SECRETq8Xk2mV0pL5tR3w",
            "https://h.example/p?jwt=SECRET&ticket=SECRET",
            "https://h.example/p?token==SECRET",
            "https://h.example/p?token=a=SECRET",
            "ftp://user:SECRET@h.example/p",
            "https://user:SECRET@h.exa mple/p?token=SECRET",
            "https://h.example:99999/p?token=SECRET",
            "//user:SECRET@h/p",
        ];
        for case in cases {
            let url = case.replace("SECRET", CANARY);
            let shown = redact(&url);
            assert!(!shown.contains(CANARY), "{case} is shown as {shown}");
            if let Ok(url) = Url::parse(&url) {
                assert!(!marked(&url).contains(CANARY), "{case}");
            }
        }
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is_written() {
        let cases = [
            "https://h.example/",
            "https://h.example:8443/a/b.html?page=2&lang=de",
            "https://h.example/p?author=ann&keyboard=1&monkeys=2",
            "https://h.example/p?q=how+to+configure+a+release",
            "https://h.example/p?slug=how-to-configure-2fa-in-2024-guide",
            "https://h.example/p?page=ReleaseNotesForVersion20of2026",
            "https://h.example/p?id=3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "https://h.example/p?from=2026-01-01&to=2026-12-31T23%3A59%3A59Z",
            "https://h.example/p?n=12345678901234567890123",
            "https://h.example/p?next=%2Fdocs%2Fa%3Fpage%3D2",
            "https://h.example/p?next=https%3A%2F%2Fo.example%2Fdocs",
            "https://h.example/p?token=",
            "https://h.example/p;v=1.2?a&b",
            "https://h.example/%E4%BD%A0?x=%20y",
        ];
        for case in cases {
            assert_eq!(public(&Url::parse(case).unwrap()), case);
            assert!(!has_secret(&Url::parse(case).unwrap()), "{case}");
        }
        let signed = "https://h.example/p?a=1&X-Amz-Date=20260101&page=2";
        assert_eq!(
            redact(signed),
            "https://h.example/p?a=1&X-Amz-Date=REDACTED&page=2"
        );
    }

    #[test]
    fn a_mark_tells_secrets_apart_but_no_password() {
        let mark = |url: &str| marked(&Url::parse(url).unwrap());
        assert_ne!(mark("https://h/p?token=a"), mark("https://h/p?token=b"));
        assert_eq!(
            mark("https://u:a@h/p?token=a"),
            mark("https://u:b@h/p?token=a#x")
        );
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new(CANARY);
        assert_eq!(format!("{secret:?}"), REDACTED);
        assert_eq!(secret.reveal(), CANARY);
    }
}

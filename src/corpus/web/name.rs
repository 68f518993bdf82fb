//! The names of pages: what people may see of their URLs.

use std::collections::BTreeMap;

use url::Url;

use super::secret;

/// Who named a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The user. Whatever comes of it is an outcome.
    Configured,
    /// A sitemap or another page. What is not for us is left out.
    OnAPage,
}

/// The name that people know a page by: what may be seen of its URL. Pages that only a secret tells apart have a mark, too.
pub(super) fn of(url: &Url, found: Found) -> String {
    match found == Found::OnAPage && secret::has_secret(url) {
        true => secret::marked(url),
        false => secret::public(url),
    }
}

/// Names for the URLs of a list.
pub(super) fn of_list(urls: &[Url]) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for url in urls {
        *counts.entry(secret::public(url)).or_default() += 1;
    }
    let name = |url: &Url| match counts.get(&secret::public(url)) {
        Some(1) => secret::public(url),
        _ => secret::marked(url),
    };
    urls.iter().map(name).collect()
}

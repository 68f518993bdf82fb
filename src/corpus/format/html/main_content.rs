//! What finds a page's main content. The engine is young: it stands behind a trait, and is named in one place.

/// What an engine found.
pub(super) struct Found {
    pub(super) title: Option<String>,
    /// The content, as HTML.
    pub(super) html: String,
}

/// Finds the main content of a page.
pub(super) trait MainContent {
    /// Returns it; `None` where the engine finds none.
    fn find(&self, page: &str) -> Option<Found>;
}

/// The engine in use.
pub(super) const ENGINE: &dyn MainContent = &Trafilatura;

struct Trafilatura;

impl MainContent for Trafilatura {
    fn find(&self, page: &str) -> Option<Found> {
        // Its own fallbacks take as long again, and gain nothing beside the page's landmarks.
        let options = trafilatura::Options::default().with_max_tree_size(super::MAX_ELEMENTS);
        let found = trafilatura::extract(page, &options).ok()?;
        Some(Found {
            title: Some(found.metadata.title).filter(|title| !title.trim().is_empty()),
            html: found.content_html,
        })
    }
}

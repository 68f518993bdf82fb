//! A page's elements and texts in one list, in the order of the document: walks need neither recursion nor ids.

use scraper::Html;
use scraper::node::{Element, Node as Parsed};

pub(super) struct Tree<'a>(Vec<Node<'a>>);

struct Node<'a> {
    kind: Kind<'a>,
    /// The index after its last descendant.
    end: usize,
}

enum Kind<'a> {
    Element(&'a Element),
    Text(&'a str),
    Other,
}

/// One step of a walk through the tree.
pub(super) enum Step<'a> {
    /// An element begins.
    Open(&'a Element),
    /// It ends.
    Close(&'a Element),
    Text(&'a str),
}

impl<'a> Tree<'a> {
    pub(super) const ROOT: usize = 0;

    pub(super) fn of(page: &'a Html) -> Self {
        let mut nodes = Vec::new();
        let mut open = Vec::new();
        let mut node = page.tree.root();
        loop {
            let index = nodes.len();
            let kind = match node.value() {
                Parsed::Element(element) => Kind::Element(element),
                Parsed::Text(text) => Kind::Text(text),
                _ => Kind::Other,
            };
            nodes.push(Node {
                kind,
                end: index + 1,
            });
            if let Some(child) = node.first_child() {
                open.push(index);
                node = child;
                continue;
            }
            node = loop {
                if let Some(next) = node.next_sibling() {
                    break next;
                }
                let end = nodes.len();
                let Some(closed) = open.pop().and_then(|index| nodes.get_mut(index)) else {
                    return Self(nodes);
                };
                closed.end = end;
                let Some(parent) = node.parent() else {
                    return Self(nodes);
                };
                node = parent;
            };
        }
    }

    pub(super) fn end(&self, index: usize) -> usize {
        self.0.get(index).map_or(index, |node| node.end)
    }

    /// Visits a node and what is below it. An element that is not entered is not closed.
    pub(super) fn walk(&self, root: usize, mut visit: impl FnMut(usize, Step<'a>) -> bool) {
        let mut open: Vec<(usize, usize, &'a Element)> = Vec::new();
        let end = self.end(root);
        let mut at = root;
        loop {
            while let Some((_, index, element)) = open.pop_if(|(end, _, _)| *end <= at) {
                visit(index, Step::Close(element));
            }
            let Some(node) = self.0.get(at).filter(|_| at < end) else {
                return;
            };
            match node.kind {
                Kind::Element(element) => {
                    if visit(at, Step::Open(element)) {
                        open.push((node.end, at, element));
                        at += 1;
                    } else {
                        at = node.end;
                    }
                }
                Kind::Text(text) => {
                    visit(at, Step::Text(text));
                    at += 1;
                }
                Kind::Other => at += 1,
            }
        }
    }

    /// The elements below a node, in order.
    pub(super) fn elements(&self, root: usize) -> impl Iterator<Item = (usize, &'a Element)> {
        let nodes = self.0.get(root..self.end(root)).unwrap_or_default();
        nodes
            .iter()
            .enumerate()
            .filter_map(move |(at, node)| match node.kind {
                Kind::Element(element) => Some((root + at, element)),
                Kind::Text(_) | Kind::Other => None,
            })
    }

    /// The texts below a node, in order.
    pub(super) fn texts(&self, root: usize) -> impl Iterator<Item = &'a str> {
        let nodes = self.0.get(root..self.end(root)).unwrap_or_default();
        nodes.iter().filter_map(|node| match node.kind {
            Kind::Text(text) => Some(text),
            Kind::Element(_) | Kind::Other => None,
        })
    }
}

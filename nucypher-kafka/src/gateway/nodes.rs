//! Where the cluster's nodes listen, as the cluster itself says. Shared by all listeners; never told
//! to a client.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::protocol::endpoint::{Endpoint, Site};

/// How many nodes are remembered: a broker gone mad must not fill the memory. The largest clusters
/// have some hundreds.
pub const MAX_NODES: usize = 10_000;

/// The addresses of the nodes, by id.
#[derive(Debug, Default)]
pub struct Nodes {
    nodes: RwLock<HashMap<i32, Endpoint>>,
}

impl Nodes {
    /// The address of a node.
    #[must_use]
    pub fn address(&self, node: i32) -> Option<Endpoint> {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).get(&node).cloned()
    }

    /// Whether this is what is known of the node.
    #[must_use]
    pub fn knows(&self, site: &Site) -> bool {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).get(&site.node)
            == Some(&site.upstream)
    }

    /// Notes the address of a node, unless there are [`MAX_NODES`] others.
    pub fn learn(&self, node: i32, address: Endpoint) {
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        if nodes.len() < MAX_NODES || nodes.contains_key(&node) {
            nodes.insert(node, address);
        }
    }

    /// The ids of all nodes.
    #[must_use]
    pub fn ids(&self) -> Vec<i32> {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}

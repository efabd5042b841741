//! Which port of a listener leads to which node.
//!
//! A client connects to the gateway's port for a node as it would to the node. Ports are bound by the
//! listener before a response that names them is sent; here is only the map that sessions read.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::nodes::MAX_NODES;
use crate::protocol::endpoint::Endpoint;

/// The advertised endpoint of each node, for one listener.
#[derive(Debug)]
pub struct Routes {
    host: String,
    nodes: RwLock<HashMap<i32, Route>>,
}

/// How a client reaches a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Through this port.
    Port(u16),
    /// Not at all: no port can be bound for it. Clients are told port 0, at which nothing listens.
    Unreachable,
}

impl Routes {
    /// No node yet; `host` is what clients are told.
    #[must_use]
    pub fn new(host: String) -> Self {
        Self { host, nodes: RwLock::default() }
    }

    /// The route to a node.
    #[must_use]
    pub fn route(&self, node: i32) -> Option<Route> {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).get(&node).copied()
    }

    /// Sets the route to a node, unless there are [`MAX_NODES`] others.
    pub fn set(&self, node: i32, route: Route) {
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        if nodes.len() < MAX_NODES || nodes.contains_key(&node) {
            nodes.insert(node, route);
        }
    }

    /// What a client is told.
    ///
    /// A node without a route is unreachable: never the broker's own address.
    #[must_use]
    pub fn advertised(&self, node: i32) -> Endpoint {
        let port = match self.route(node) {
            Some(Route::Port(port)) => i32::from(port),
            Some(Route::Unreachable) | None => 0,
        };
        Endpoint { host: self.host.clone(), port }
    }
}

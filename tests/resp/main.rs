//! RESP to the byte: what goes in, and what comes out, over each store; and what a connection
//! does at its edges.

mod bounds;
mod clients;
mod edges;
mod in_order;
mod info;
mod kill;
mod other_types;
mod outage;
mod scripts;
#[path = "../support/mod.rs"]
mod support;
mod transactions;
mod transcript;
mod whole;

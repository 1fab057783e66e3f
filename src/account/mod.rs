//! One account for each user: how much the user's clients hold of each resource that all users
//! share.
//!
//! An [`Account`] counts; [`Places`] bound one resource and share it out fairly. Connections, pinned
//! connections to the store, memory, reading threads and the writer's time all have a [`Resource`],
//! so that one account shows everything that a user holds. Read `resource` first, then `user`.

mod places;
mod resource;
mod user;

pub use self::places::{Place, Places};
pub use self::resource::Resource;
pub use self::user::{Account, Accounts};

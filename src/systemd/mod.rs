//! What systemd and the daemon tell each other: sockets, and the notification protocol of
//! `sd_notify(3)`.

pub mod bind;
pub mod listen;
pub mod notify;

//! What somebody who starts the daemon by hand reads on standard output.

use std::io::Write;
use std::path::Path;

/// Where it listens, and what to type next.
pub(super) fn greet(socket: &Path) {
    let socket = socket.display();
    print(&format!(
        "kvsockd listens on {socket}\n\
         Try, in another terminal:\n\
         \x20 echo \"set motd hello world\" | nc -NU {socket}\n\
         \x20 echo \"get motd\" | nc -NU {socket}\n\
         Ctrl-C stops it.\n"
    ));
}

/// Prints; that nobody reads is no fault.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

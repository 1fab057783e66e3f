//! The passage of descriptors across a restart: they wait in a pair of sockets, both ends of which
//! the service manager keeps.
//!
//! The manager would compare each descriptor with every other one it keeps, and name each in the
//! next daemon's environment. So it gets two, whatever the number of clients. A single end would
//! hang up and be dropped.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

/// Descriptors in one message: `SCM_MAX_FD` of unix(7).
const MOST: usize = 253;
/// The label of the descriptor of the state file.
const STATE: u8 = b's';
/// The label of clients; the number of the first of them follows.
const CLIENTS: u8 = b'c';
/// Bytes of a label: its kind and a number of 32 bits.
const LABEL: usize = 5;
/// Socket buffer for the waiting messages; each takes less than a kibibyte beside its descriptors.
const BUFFER: usize = 4 * 1024 * 1024;

/// A pair of sockets that holds the state file and the clients.
#[derive(Debug)]
pub struct Passage {
    sender: OwnedFd,
    receiver: OwnedFd,
}

/// The content of a passage.
#[derive(Debug, Default)]
pub struct Passed {
    /// The state file, see [`super::read`].
    pub state: Option<File>,
    /// The client of each record; none if it did not come through.
    pub clients: Vec<Option<OwnedFd>>,
}

impl Passage {
    /// Puts `state` and `clients`, in the order of their records, into a new passage. Also returns
    /// how many clients the kernel refused to carry; they close with this process.
    ///
    /// A client can make its own socket impossible to carry, by sending descriptors that contain
    /// others. That affects no other client.
    pub fn fill(state: BorrowedFd<'_>, clients: &[OwnedFd]) -> io::Result<(Passage, usize)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (sender, receiver) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        // The system may allow less.
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&sender, BUFFER);
        send(&sender, STATE, 0, &[state])?;
        let mut refused = 0;
        for (number, some) in clients.chunks(MOST).enumerate() {
            let first = number * MOST;
            let some: Vec<BorrowedFd<'_>> = some.iter().map(AsFd::as_fd).collect();
            if send(&sender, CLIENTS, first, &some).is_ok() {
                continue;
            }
            for (offset, one) in some.iter().enumerate() {
                refused += usize::from(send(&sender, CLIENTS, first + offset, &[*one]).is_err());
            }
        }
        Ok((Passage { sender, receiver }, refused))
    }

    /// Both ends, to be kept together.
    pub fn into_ends(self) -> [OwnedFd; 2] {
        [self.sender, self.receiver]
    }
}

/// Sends descriptors, with the number of the first of them.
fn send(socket: &OwnedFd, kind: u8, first: usize, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut label = [kind; LABEL];
    label[1..].copy_from_slice(&u32::try_from(first).map_err(io::Error::other)?.to_le_bytes());
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::Error::other("too many descriptors"));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    rustix::net::sendmsg(socket, &[IoSlice::new(&label)], &mut ancillary, flags)?;
    Ok(())
}

/// Takes out the content of each passage. An end without messages gives nothing: the sending end of
/// each passage, and the ends of a passage that was emptied before a crash.
pub fn take_out(ends: impl IntoIterator<Item = OwnedFd>) -> Vec<Passed> {
    let passed = ends.into_iter().map(|end| {
        let mut passed = Passed::default();
        // A descriptor that is no such socket gives nothing either.
        while let Ok(true) = receive(&end, &mut passed) {}
        passed
    });
    passed.filter(|passed| passed.state.is_some() || !passed.clients.is_empty()).collect()
}

/// Takes out one message; false at the end.
fn receive(end: &OwnedFd, passed: &mut Passed) -> io::Result<bool> {
    let mut label = [0; LABEL];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let received =
        rustix::net::recvmsg(end, &mut [IoSliceMut::new(&mut label)], &mut ancillary, flags);
    let received = match received {
        Ok(received) => received,
        Err(Errno::INTR) => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    if received.bytes == 0 {
        return Ok(false);
    }
    let fds = ancillary.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => fds.collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    let [kind, first @ ..] = label;
    match kind {
        STATE => passed.state = fds.last().map(File::from),
        CLIENTS => passed.put(u32::from_le_bytes(first) as usize, fds),
        // A later version's message: its descriptors are closed.
        _ => drop(fds),
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        tracing::warn!("not all clients could be taken over: too few descriptors are allowed");
    }
    Ok(true)
}

impl Passed {
    fn put(&mut self, first: usize, fds: impl Iterator<Item = OwnedFd>) {
        // More than a system can have open; the peer's number is not trusted.
        if first > 1 << 24 {
            return;
        }
        for (number, fd) in (first..).zip(fds) {
            if self.clients.len() <= number {
                self.clients.resize_with(number + 1, || None);
            }
            self.clients[number] = Some(fd);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn state() -> File {
        tempfile::tempfile().expect("a file")
    }

    /// Whether a connection through the passage still reaches the same peer.
    fn meets(client: &OwnedFd, mut peer: &UnixStream, word: u8) -> bool {
        let mut client = UnixStream::from(client.try_clone().expect("a copy"));
        client.write_all(&[word]).expect("sent");
        let mut found = [0];
        peer.read_exact(&mut found).expect("received");
        found == [word]
    }

    #[test]
    fn what_goes_in_comes_out_in_the_same_order_after_the_sender_is_gone() {
        let (peers, clients): (Vec<UnixStream>, Vec<OwnedFd>) = (0..600)
            .map(|_| UnixStream::pair().expect("a pair"))
            .map(|(peer, client)| (peer, OwnedFd::from(client)))
            .unzip();
        let mut state = state();
        state.write_all(b"state").expect("written");
        let (passage, refused) = Passage::fill(state.as_fd(), &clients).expect("filled");
        assert_eq!(refused, 0);
        drop(clients);
        let mut passed = take_out(passage.into_ends());
        assert_eq!(passed.len(), 1);
        let passed = passed.remove(0);
        assert_eq!(passed.state.expect("came").metadata().expect("a file").len(), 5);
        assert_eq!(passed.clients.len(), 600);
        for (client, peer) in passed.clients.iter().zip(&peers) {
            assert!(meets(client.as_ref().expect("came"), peer, b'x'));
        }
    }

    #[test]
    fn a_passage_gives_what_it_holds_once() {
        let (passage, _) = Passage::fill(state().as_fd(), &[]).expect("filled");
        let ends = passage.into_ends();
        let copies = || ends.iter().map(|end| end.try_clone().expect("a copy")).collect::<Vec<_>>();
        assert_eq!(take_out(copies()).len(), 1);
        assert_eq!(take_out(copies()).len(), 0);
    }

    #[test]
    fn what_is_no_passage_gives_nothing() {
        let (left, _right) = UnixStream::pair().expect("a pair");
        assert_eq!(take_out([OwnedFd::from(left), OwnedFd::from(state())]).len(), 0);
    }

    #[test]
    fn a_client_that_cannot_be_carried_keeps_no_other_from_it() {
        let pair = || {
            let (peer, client) = UnixStream::pair().expect("a pair");
            (peer, OwnedFd::from(client))
        };
        // Descriptors within descriptors, deeper than the kernel lets them go in flight.
        let (hostile_peer, hostile) = pair();
        let mut kept = Vec::new();
        let mut inner = pair().1;
        for _ in 0..4 {
            let (outer_peer, outer) = pair();
            send(&OwnedFd::from(outer_peer), CLIENTS, 0, &[inner.as_fd()]).expect("sent");
            kept.push(std::mem::replace(&mut inner, outer));
        }
        let _ = send(&OwnedFd::from(hostile_peer), CLIENTS, 0, &[inner.as_fd()]);
        let ((first_peer, first), (last_peer, last)) = (pair(), pair());
        let clients = [first, hostile, last];
        let (passage, refused) = Passage::fill(state().as_fd(), &clients).expect("filled");
        let passed = take_out(passage.into_ends()).remove(0);
        assert!(meets(passed.clients[0].as_ref().expect("came"), &first_peer, b'a'));
        assert!(meets(passed.clients[2].as_ref().expect("came"), &last_peer, b'b'));
        let came = passed.clients.iter().flatten().count();
        assert_eq!(came + refused, 3);
    }
}

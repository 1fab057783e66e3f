//! What the cutter of frames, which the comparison stands on, cuts.

use crate::support::wire::frame::{cut, elements};

#[test]
fn every_kind_of_frame_ends_where_it_ends() {
    let frames: &[&[u8]] = &[
        b"+OK\r\n",
        b"-ERR a b\r\n",
        b":-12\r\n",
        b"$-1\r\n",
        b"$0\r\n\r\n",
        b"$4\r\n\r\n+x\r\n",
        b"=5\r\ntxt:a\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"*2\r\n*1\r\n:1\r\n$1\r\na\r\n",
        b"~1\r\n+a\r\n",
        b"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n",
        b"|1\r\n+a\r\n:1\r\n+reply\r\n",
        b"_\r\n",
        b"#t\r\n",
        b",1.5\r\n",
    ];
    for frame in frames {
        for end in 0..frame.len() {
            assert_eq!(cut(&frame[..end]), None, "{:?}", &frame[..end].escape_ascii());
        }
        let followed = [frame, b"+next\r\n".as_slice()].concat();
        let parts = (*frame, b"+next\r\n".as_slice());
        assert_eq!(cut(&followed), Some(parts), "{}", frame.escape_ascii());
    }
}

#[test]
fn aggregates_fall_into_their_elements() {
    let map: &[u8] = b"%1\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n";
    let parts: Vec<&[u8]> = vec![b"$1\r\na\r\n", b"*2\r\n:1\r\n:2\r\n"];
    assert_eq!(elements(map), Some(parts));
    assert_eq!(elements(b"*-1\r\n"), None);
    assert_eq!(elements(b"$1\r\na\r\n"), None);
}

//! The two system calls.
//!
//! `recvmmsg` and `sendmmsg` take arrays of headers that point to memory. Here the headers live for one
//! call only and are made from references that outlive it, so no pointer is ever kept.
#![allow(
    unsafe_code,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unnecessary_cast,
    reason = "no library has both calls with IP_PKTINFO (see `mod.rs`), and the C types of small \
              lengths and counts differ from system to system"
)]

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use super::MAX_BATCH;
use super::receive::Slot;
use super::send::Outgoing;

/// Octets of the length in front of a control message.
pub(super) const SIZE_OF_LENGTH: usize = size_of::<usize>();

/// The headers of a batch. All zero is a valid one: null pointers with lengths of 0.
struct Headers([libc::mmsghdr; MAX_BATCH]);

impl Headers {
    fn new() -> Self {
        // SAFETY: `mmsghdr` is a C structure of integers and pointers, for which zero is a value.
        Self(unsafe { MaybeUninit::zeroed().assume_init() })
    }
}

/// An address family as it stands in an address.
pub(super) const fn family(number: libc::c_int) -> libc::sa_family_t {
    number as libc::sa_family_t
}

/// Reads up to as many datagrams as there are slots, and says how many there were.
pub(super) fn receive(socket: BorrowedFd<'_>, slots: &mut [Slot]) -> io::Result<usize> {
    let mut headers = Headers::new();
    let mut vectors = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; MAX_BATCH];
    let count = slots.len().min(MAX_BATCH);
    let places = headers.0.iter_mut().zip(&mut vectors);
    for ((header, vector), slot) in places.zip(slots.iter_mut()) {
        vector.iov_base = slot.payload.as_mut_ptr().cast();
        vector.iov_len = slot.payload.len();
        let header = &mut header.msg_hdr;
        header.msg_iov = vector;
        header.msg_iovlen = 1;
        header.msg_name = slot.name.octets.as_mut_ptr().cast();
        header.msg_namelen = slot.name.octets.len() as libc::socklen_t;
        header.msg_control = slot.control.octets.as_mut_ptr().cast();
        header.msg_controllen = slot.control.octets.len() as _;
    }
    let read = again(|| {
        // SAFETY: the first `count` headers point to memory that `slots` and `vectors` own, which are
        // borrowed until this function ends; each length is that of the memory; any octet is valid
        // there; no time limit is given.
        unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.0.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        }
    })?;
    for (header, slot) in headers.0.iter().zip(slots.iter_mut()).take(read) {
        slot.length = slot.payload.len().min(header.msg_len as usize);
        slot.is_cut = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        slot.name.length = header.msg_hdr.msg_namelen;
        slot.control.length = header.msg_hdr.msg_controllen as usize;
    }
    Ok(read)
}

/// Sends datagrams from the first on, and says how many. An error is about the first one.
pub(super) fn send(socket: BorrowedFd<'_>, datagrams: &[Outgoing<'_>]) -> io::Result<usize> {
    let mut headers = Headers::new();
    for (header, datagram) in headers.0.iter_mut().zip(datagrams) {
        let header = &mut header.msg_hdr;
        // `IoSlice` has the layout of `iovec`, as its documentation promises.
        header.msg_iov = ptr::from_ref::<[IoSlice<'_>; 2]>(&datagram.parts).cast_mut().cast();
        header.msg_iovlen = datagram.parts.len() as _;
        let (name, control) = (datagram.name.as_slice(), datagram.control.as_slice());
        header.msg_name = name.as_ptr().cast_mut().cast();
        header.msg_namelen = name.len() as libc::socklen_t;
        header.msg_control = control.as_ptr().cast_mut().cast();
        header.msg_controllen = control.len() as _;
    }
    let count = datagrams.len().min(MAX_BATCH);
    again(|| {
        // SAFETY: the first `count` headers point to memory that `datagrams` borrows; each length is
        // that of the memory. The call only reads it; what it writes are the headers.
        unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                headers.0.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT as _,
            )
        }
    })
}

/// Makes a system call anew as long as a signal cuts it short.
fn again(mut call: impl FnMut() -> libc::c_int) -> io::Result<usize> {
    loop {
        if let Ok(count) = usize::try_from(call()) {
            return Ok(count);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

//! The binary's allocator: the system's, which asks for huge pages where a block can hold one. A message touches a
//! dozen places in hundreds of megabytes; with pages of 4 KiB each is a miss of the address cache too. And what is given
//! back is wiped: whatever was copied, grown or closed leaves nothing of a card behind. Only the binary and the benches
//! have it: the library must not know its allocator.

#![allow(unsafe_code)]

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{IoSlice, writev};
use rustix::mm::{Advice, madvise};
use std::alloc::{GlobalAlloc, Layout, System};

/// The size of a huge page.
const HUGE_PAGE: usize = 2 << 20;
/// What advice is given for: whole pages.
const PAGE: usize = 4096;

/// Larger blocks are not wiped: tables, buffers of the journal, files read whole. Nothing of one message is so large.
const WIPED: usize = 1 << 20;

/// The system's allocator, with huge pages where they fit.
pub struct HugePages;

/// Wipes a block that is about to be given back.
///
/// # Safety
/// The block has so many bytes, and nobody reads it any more.
unsafe fn wipe(block: *mut u8, size: usize) {
    if size <= WIPED {
        // SAFETY: the caller's promise.
        unsafe { block.write_bytes(0, size) };
        // Else it would be left out, as nobody reads it.
        zeroize::optimization_barrier(&block);
    }
}

/// Says that there is no block of this size, without asking for any memory: who asked ends the process, with fewer words.
#[cold]
fn tell_of_none(size: usize) {
    let mut digits = [b'0'; 20];
    let (mut rest, mut first) = (size, digits.len() - 1);
    while rest >= 10 {
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        first -= 1;
    }
    digits[first] = b'0' + rest as u8;
    let before = b"authswitch: no memory for ".as_slice();
    let behind = b" bytes more: RLIMIT_AS (`ulimit -v`), the control group's memory.max or the machine's own is spent\n";
    let words = [before, &digits[first..], behind].map(IoSlice::new);
    // Where nobody takes it there is nobody else to tell, and nothing waits for that.
    let stderr = std::io::stderr();
    let mut asked = [PollFd::new(&stderr, PollFlags::OUT)];
    if poll(&mut asked, Some(&Timespec::default())).is_ok_and(|ready| ready > 0) {
        let _ = writev(&stderr, &words);
    }
}

/// Advises huge pages for the pages that lie in a block. Where the kernel has none to give, nothing is lost.
fn advised(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        tell_of_none(size);
        return block;
    }
    if size >= HUGE_PAGE {
        let skipped = block.align_offset(PAGE);
        let whole = (size - skipped) / PAGE * PAGE;
        // SAFETY: the range lies within the block, and this advice changes no content.
        let _ = unsafe { madvise(block.wrapping_add(skipped).cast(), whole, Advice::LinuxHugepage) };
    }
    block
}

// SAFETY: every call goes on to the system's allocator unchanged, or to calls of this one that do.
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        advised(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        advised(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: a block that is given back has its layout's size, and its owner reads it no more.
        unsafe { wipe(block, layout.size()) };
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.size() > WIPED {
            // SAFETY: the caller's promise is passed on.
            return advised(unsafe { System.realloc(block, layout, size) }, size);
        }
        // The system's would move it and leave a copy where it was.
        // SAFETY: the caller promises that the new size, rounded up to the same alignment, is one of a layout.
        let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both blocks have so many bytes, and the new one is no part of the old.
            unsafe { moved.copy_from_nonoverlapping(block, layout.size().min(size)) };
            // SAFETY: the caller's promise about the old block is passed on; from here on the new one is theirs.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}

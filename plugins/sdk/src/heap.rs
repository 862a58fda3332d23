//! The heap of a connector. Its first part lies in the memory that the module begins with, so that a small call never asks for more:
//! the host has to change the protection of pages for that, on all cores, which can take longer than the call.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::memory_grow;
use core::cell::{Cell, UnsafeCell};
use core::ptr;

use dlmalloc::{Allocator, Dlmalloc};

/// What a webhook with a long body needs.
const OWN_BYTES: usize = 256 << 10;
const PAGE_BYTES: usize = 64 << 10;

/// Zeros are not in the file.
#[repr(align(16))]
struct Own(UnsafeCell<[u8; OWN_BYTES]>);

// SAFETY: connectors are built without threads (see `Heap`), and only `Pages` touches it: it gives the whole of it away, once.
unsafe impl Sync for Own {}

static OWN: Own = Own(UnsafeCell::new([0; OWN_BYTES]));

/// Where the heap gets its memory.
struct Pages {
    own_is_given: Cell<bool>,
}

// SAFETY: what is given is never given again and never taken back: `OWN` goes once, and pages that memory grew by belong to who let it
// grow. Both are zero when they are given.
unsafe impl Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        if size <= OWN_BYTES && !self.own_is_given.replace(true) {
            return (OWN.0.get().cast(), OWN_BYTES, 0);
        }
        let pages = size.div_ceil(PAGE_BYTES);
        let before = memory_grow(0, pages);
        // The last page of the address space is left out: what ends there would end at address 0.
        match before.checked_add(pages) {
            Some(end) if before != usize::MAX && end < (1 << 16) => {
                (ptr::with_exposed_provenance_mut(before * PAGE_BYTES), pages * PAGE_BYTES, 0)
            }
            _ => (ptr::null_mut(), 0, 0),
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE_BYTES
    }
}

struct Heap(UnsafeCell<Dlmalloc<Pages>>);

#[cfg(target_feature = "atomics")]
compile_error!("a connector has one thread: build it without atomics");

// SAFETY: without atomics there is one thread.
unsafe impl Sync for Heap {}

// SAFETY: dlmalloc keeps the promises of an allocator, as it does in the standard library for this target. It calls nothing but
// `Pages`, so no reference to it is made while another one lives.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as promised to this function, and see above.
        unsafe { (*self.0.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as promised to this function, and see above.
        unsafe { (*self.0.get()).calloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as promised to this function, and see above.
        unsafe { (*self.0.get()).free(at, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as promised to this function, and see above.
        unsafe { (*self.0.get()).realloc(at, layout.size(), layout.align(), size) }
    }
}

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(Dlmalloc::new_with_allocator(Pages { own_is_given: Cell::new(false) })));

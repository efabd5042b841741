//! Two of memcheck's client requests (`valgrind/memcheck.h`): to mark memory as undefined, which
//! here means secret, and as defined, which means public. Outside valgrind they do nothing.
//!
//! The idea is Adam Langley's ctgrind (2010): memcheck reports every branch and every address that
//! depends on undefined bytes, and those are the ways by which secrets get into the time.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use core::arch::asm;

const RUNNING_ON_VALGRIND: usize = 0x1001;
const MAKE_MEM_UNDEFINED: usize = (b'M' as usize) << 24 | (b'C' as usize) << 16 | 1;
const MAKE_MEM_DEFINED: usize = MAKE_MEM_UNDEFINED + 1;

fn request(code: usize, address: usize, length: usize) -> usize {
    let arguments = [code, address, length, 0, 0, 0];
    let mut answer = 0usize;
    // SAFETY: valgrind's magic sequence for amd64: the four rotations add up to 128 bits and the
    // exchange is of a register with itself, so that a processor changes nothing. Valgrind reads
    // the six words at rax and answers in rdx.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") answer,
            inout("rdi") 0usize => _,
        );
    }
    answer
}

/// Whether there is a valgrind to hear the requests.
pub fn running() -> bool {
    request(RUNNING_ON_VALGRIND, 0, 0) != 0
}

/// Marks what a value holds itself (not what it points to) as secret.
pub fn secret<T: ?Sized>(value: &mut T) {
    request(
        MAKE_MEM_UNDEFINED,
        (&raw const *value).cast::<u8>().expose_provenance(),
        size_of_val(value),
    );
}

/// Marks what a value holds itself as public.
pub fn public<T: ?Sized>(value: &T) {
    request(
        MAKE_MEM_DEFINED,
        (&raw const *value).cast::<u8>().expose_provenance(),
        size_of_val(value),
    );
}

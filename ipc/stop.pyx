"""Stop a process by SIGTERM or SIGINT, also while it runs a ``nogil`` loop.

Python's own handlers run only between bytecodes, which a compiled loop never reaches. The handler here is C: it stores an atomic
flag that loops read once per turn, and writes to an eventfd so that ``wait`` wakes at once. It does nothing else, so it is
async-signal-safe. A second signal changes nothing: stopping is the loop's work, in its own order.
"""

import os
import select

cdef extern from *:
    """
    #include <signal.h>
    #include <stdint.h>
    #include <string.h>
    #include <unistd.h>
    #include <errno.h>
    static int rf_stop_flag;
    static int rf_stop_wake_fd = -1;
    static void rf_stop_set(void) {
        uint64_t one = 1;
        int saved = errno;
        __atomic_store_n(&rf_stop_flag, 1, __ATOMIC_RELEASE);
        if (rf_stop_wake_fd >= 0 && write(rf_stop_wake_fd, &one, sizeof one) < 0) errno = saved; /* full: already awake */
        errno = saved;
    }
    static void rf_stop_on_signal(int number) {
        (void)number;
        rf_stop_set();
    }
    static int rf_stop_install(int number) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = rf_stop_on_signal;
        sigemptyset(&action.sa_mask);
        return sigaction(number, &action, NULL);
    }
    static int rf_stop_load(void) { return __atomic_load_n(&rf_stop_flag, __ATOMIC_ACQUIRE); }
    static void rf_stop_clear(void) { __atomic_store_n(&rf_stop_flag, 0, __ATOMIC_RELEASE); }
    """
    int SIGTERM, SIGINT
    int rf_stop_wake_fd
    int rf_stop_install(int number)
    void rf_stop_set()
    int rf_stop_load() nogil
    void rf_stop_clear()


cdef bint rf_stop_requested() noexcept nogil:
    return rf_stop_load()


def install() -> None:
    """Make SIGTERM and SIGINT set the flag instead of raising or killing."""
    global rf_stop_wake_fd
    if rf_stop_wake_fd < 0:
        rf_stop_wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    for number in (SIGTERM, SIGINT):
        if rf_stop_install(number):
            raise OSError(f"signal {number} cannot be handled")


def requested() -> bool:
    """Say whether the process was asked to stop."""
    return bool(rf_stop_load())


def request() -> None:
    """Ask this process to stop, as a signal would."""
    rf_stop_set()


def clear() -> None:
    """Forget the request; for tests and for a process that starts a second life."""
    rf_stop_clear()
    if rf_stop_wake_fd >= 0:
        try:
            os.eventfd_read(rf_stop_wake_fd)
        except BlockingIOError:
            return


def wait(double seconds, reads=(), writes=()) -> bool:
    """Wait until the process is asked to stop, at most ``seconds``; say whether it was. Needs ``install`` first.

    It also ends when one of the sockets ``reads`` has something to read, or one of ``writes`` has room.
    """
    if rf_stop_wake_fd < 0:
        raise RuntimeError("call stop.install() before stop.wait()")
    if not rf_stop_load():
        select.select([rf_stop_wake_fd, *reads], writes, [], seconds)
    return bool(rf_stop_load())

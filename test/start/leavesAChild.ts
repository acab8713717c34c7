// Starts a process that would run for long, prints its id, and waits to be killed.
import { spawn } from 'node:child_process';
import { supervise } from '../../src/dev/processes.js';

const { pid } = supervise(spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }), 'SIGTERM');
process.stdout.write(String(pid));
setInterval(() => {}, 1_000);

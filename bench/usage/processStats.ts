import { readFileSync } from 'node:fs';

/** Of `/proc/…/stat`: Linux tells user programs hundredths of a second, whatever its own clock. */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time that a process has used. */
export function cpuSeconds(pid: number): number {
  const [user = 0, system = 0] = times(pid);
  return (user + system) / TICKS_PER_SECOND;
}

/** Those of a process and all its children, of those that have ended as well. */
export function familyCpuSeconds(pid: number): number {
  const own = times(pid).reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.reduce((sum, child) => sum + secondsIfThere(Number(child)), own);
}

function secondsIfThere(pid: number): number {
  try {
    return cpuSeconds(pid);
  } catch {
    return 0;
  }
}

/** User, system, and the same of children that were waited for. */
function times(pid: number): number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold blanks. After it: state, and the times from the 12th field on.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).map(Number);
}

/** Memory that a process holds, in MB. */
export function residentMb(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
}

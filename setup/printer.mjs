/** A step that takes longer than this says what it is doing before it is done. */
const announceAfterMs = 300;

/**
 * Does `work` and prints a line with the time it took, and with what it answers.
 * Goes to stderr: stdout belongs to the answer of the command that comes after.
 *
 * @template T
 * @param {string} name
 * @param {string} doing shown while the step runs
 * @param {() => Promise<T>} work
 * @param {(result: T) => string} [detail]
 * @returns {Promise<T>}
 */
export async function step(name, doing, work, detail = () => '') {
  const began = performance.now();
  const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  const announcement = setTimeout(() => line('…', name, '', doing), announceAfterMs);
  try {
    const result = await work();
    line('✓', name, seconds(), detail(result));
    return result;
  } catch (error) {
    line('✗', name, seconds(), '');
    throw error;
  } finally {
    clearTimeout(announcement);
  }
}

/** @param {string} mark @param {string} name @param {string} time @param {string} text */
function line(mark, name, time, text) {
  process.stderr.write(
    `${`  ${mark} ${name.padEnd(12)} ${time.padStart(7)}  ${text}`.trimEnd()}\n`,
  );
}

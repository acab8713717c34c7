/** Where what goes out by the thousands waits, so that it takes no place of what a ladder waits for. */
export const bulkTaskQueue = (taskQueue: string): string => `${taskQueue}-bulk`;

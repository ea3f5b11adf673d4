/**
 * Runs `task` once nothing of Node's HTTP/2 is on the stack. To close a stream or a session from within
 * one of its own callbacks, or from a promise that one of them resolves, corrupts the memory of the
 * process: nghttp2 is in the middle of reading then (nodejs/node#38964, nodejs/node#65093; seen with
 * Node.js 20.20 as "malloc(): mismatching next->prev_size").
 */
export function outsideCallbacks(task: () => void): void {
  setImmediate(task);
}

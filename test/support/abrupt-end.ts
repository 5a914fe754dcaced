/**
 * What must not stay behind when a run is broken off (Ctrl-C, a time-out of the runner): programs run in process
 * groups of their own and namespaces are files, so neither would end by itself.
 */

/** Signals that break a run off; their default action would skip every closer. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const closers = new Set<() => void>();

/** Registers a synchronous closer for the end of this process; returns what takes it back. */
export function atAbruptEnd(close: () => void): () => void {
  if (closers.size === 0) {
    process.on('exit', closeAll);
    for (const signal of SIGNALS) {
      process.on(signal, exitForSignal);
    }
  }
  closers.add(close);
  return () => {
    closers.delete(close);
    if (closers.size === 0) {
      process.off('exit', closeAll);
      for (const signal of SIGNALS) {
        process.off(signal, exitForSignal);
      }
    }
  };
}

function closeAll(): void {
  for (const close of [...closers].reverse()) {
    try {
      close();
    } catch {
      // Nobody is left to tell; the others are still to be closed.
    }
  }
}

function exitForSignal(): void {
  process.exit(1);
}

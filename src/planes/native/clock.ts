/** What `performance.now()` of this thread was when the system's monotonic clock was 0, ms: threads differ in it. */
export function clockOffsetMs(): number {
  return performance.now() - Number(process.hrtime.bigint()) / 1e6;
}

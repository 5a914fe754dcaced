export interface SystemFacts {
  /** `net.core.rmem_max` and `net.core.rmem_default`, bytes; undefined: not Linux. */
  readonly receiveBuffer: { readonly max: number; readonly default: number } | undefined;
  /** How far the clock on the wall ran ahead of the monotonic one during this check, milliseconds. */
  readonly clockJumpMs: number;
  /** RLIMIT_NOFILE of this process, to which its children are bound. */
  readonly fileLimit: number | undefined;
}

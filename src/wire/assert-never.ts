/** Closes a `switch` over a union: a kind added later fails to compile here, and a forged one throws. */
export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/** Blocks of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address alone. */
import { addressBytes } from './ip-address.ts';

export interface IpPrefix {
  readonly bytes: Uint8Array;
  /** Leading bits that an address must share with it. */
  readonly bits: number;
}

/** Undefined when the text is neither an address nor a prefix. Bits beyond the prefix may be set, and do not count. */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const [, address = '', digits] = /^([^/]*)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const bytes = addressBytes(address);
  if (bytes === undefined) {
    return undefined;
  }
  const bits = digits === undefined ? bytes.length * 8 : Number(digits);
  return bits > bytes.length * 8 ? undefined : { bytes, bits };
}

/** An IPv4-mapped IPv6 address is the IPv4 address that it stands for. */
export function prefixIncludes({ bytes, bits }: IpPrefix, address: string): boolean {
  const other = addressBytes(address);
  if (other === undefined || other.length !== bytes.length) {
    return false;
  }
  const whole = Math.floor(bits / 8);
  const rest = bits % 8;
  const mask = (0xff << (8 - rest)) & 0xff;
  return (
    bytes.subarray(0, whole).every((byte, index) => byte === other[index]) &&
    (rest === 0 || ((bytes[whole] ?? 0) & mask) === ((other[whole] ?? 0) & mask))
  );
}

/** Functions of the kernel that a program can call, by their numbers (linux/bpf.h). */
export const HELPERS = {
  map_lookup_elem: 1,
  ktime_get_ns: 5,
  skb_store_bytes: 9,
  l4_csum_replace: 11,
  csum_diff: 28,
  skb_pull_data: 39,
  redirect_neigh: 152,
} as const;

export type HelperName = keyof typeof HELPERS;

/** After these no pointer into the packet is valid any more. */
export const MOVES_PACKET: ReadonlySet<HelperName> = new Set(['skb_store_bytes', 'l4_csum_replace', 'skb_pull_data']);

export function helperName(number: number): HelperName | undefined {
  return (Object.keys(HELPERS) as HelperName[]).find((name) => HELPERS[name] === number);
}

/** Flags of `l4_csum_replace`; the low four bits are the size of the values, 0: the last argument is a difference. */
export const PSEUDO_HEADER = 0x10;
/** A checksum of 0 means that there is none: it stays, and a sum that becomes 0 is written as 0xffff (RFC 768). */
export const MARK_MANGLED_0 = 0x20;

/** Flag of `skb_store_bytes`: what the hardware has summed up over the whole packet is kept in step. */
export const RECOMPUTE_CHECKSUM = 0x01;

/** What a program of the tc hook returns. */
export const TC_ACT_OK = 0;
export const TC_ACT_SHOT = 2;
export const TC_ACT_REDIRECT = 7;
/** Of a tcx link: the next program, or the stack. On a classic filter: the next filter, or the stack. */
export const TC_ACT_NEXT = -1;

/** Fields of struct __sk_buff by their offset; each has 32 bits. */
export const SKB = {
  len: 0,
  pkt_type: 4,
  mark: 8,
  protocol: 16,
  vlan_present: 20,
  ingress_ifindex: 36,
  ifindex: 40,
  data: 76,
  data_end: 80,
  gso_size: 176,
} as const;
